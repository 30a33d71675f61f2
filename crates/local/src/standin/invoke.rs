//! InvokeModel and its stream: bodies that each model family words its own way.

mod cohere;
mod nova;
mod titan;

use http::request::Parts;
use serde_json::{Value, json};

use self::cohere::Cohere;
use self::nova::Nova;
use self::titan::Titan;
use super::chat::Chat;
use super::fault::Rule;
use super::frame::{encode64, event, exception};
use super::models::{Surface, profile_base};
use super::refusal::Refusal;
use super::reply::Reply;
use super::wire::{Answer, Content, Stream, Wire, read as read_json};

const INPUT_TOKENS: &str = "x-amzn-bedrock-input-token-count";
const OUTPUT_TOKENS: &str = "x-amzn-bedrock-output-token-count";
const LATENCY: &str = "x-amzn-bedrock-invocation-latency";
const SERVICE_TIER: &str = "x-amzn-bedrock-service-tier";
const REQUEST_METADATA: &str = "x-amzn-bedrock-request-metadata";

/// A call of `InvokeModel` or of its stream.
struct Invoked {
    model_id: String,
    metadata: Option<Value>,
    tier: Option<String>,
    streamed: bool,
    asked: Asked,
}

enum Asked {
    Chat(Box<Chat>),
    Embedding(Box<dyn Embedding>),
}

/// A request for vectors.
trait Embedding: Send + Sync {
    /// The answer and the tokens that it is billed for.
    fn embed(&self) -> Result<(Value, u64), Refusal>;
}

/// Reads the body in the form of the model that the path names.
pub(super) fn read(
    parts: &Parts,
    body: &[u8],
    model_id: String,
    streamed: bool,
) -> Result<Box<dyn Wire>, Refusal> {
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let metadata = header(REQUEST_METADATA).and_then(|text| serde_json::from_str(text).ok());
    let tier = header(SERVICE_TIER).map(str::to_owned);
    let asked = match profile_base(&model_id).unwrap_or(&model_id) {
        _ if model_id == "amazon.titan-embed-text-v2:0" => embedding(read_json::<Titan>(body), streamed)?,
        _ if model_id == "amazon.nova-2-multimodal-embeddings-v1:0" => {
            embedding(read_json::<Nova>(body), streamed)?
        }
        "cohere.embed-v4:0" => embedding(read_json::<Cohere>(body), streamed)?,
        _ => {
            Surface::Invoke.find(&model_id)?;
            Asked::Chat(Box::new(Chat::read_invoked(body, &model_id, streamed)?))
        }
    };
    Ok(Box::new(Invoked { model_id, metadata, tier, streamed, asked }))
}

fn embedding(request: Result<impl Embedding + 'static, Refusal>, streamed: bool) -> Result<Asked, Refusal> {
    if streamed {
        return Err(Refusal::invalid("The model is unsupported for streaming"));
    }
    let request = request.map_err(|refusal| malformed(&refusal.message))?;
    Ok(Asked::Embedding(Box::new(request)))
}

fn malformed(why: &str) -> Refusal {
    Refusal::invalid(format!("Malformed input request: {why}, please reformat your input and try again."))
}

impl Wire for Invoked {
    fn model(&self) -> &str {
        &self.model_id
    }

    fn is_streamed(&self) -> bool {
        self.streamed
    }

    fn metadata(&self) -> Option<Value> {
        self.metadata.clone()
    }

    fn answer(&self, rule: &Rule) -> Result<Answer, Refusal> {
        let mut answer = match &self.asked {
            Asked::Embedding(request) => {
                let (document, tokens) = request.embed()?;
                let headers =
                    vec![(INPUT_TOKENS, tokens.to_string()), (LATENCY, rule.latency_ms.to_string())];
                let headers = if rule.omit_usage { Vec::new() } else { headers };
                Answer {
                    input_tokens: tokens,
                    output_tokens: 0,
                    headers,
                    content: Content::Document(document),
                }
            }
            Asked::Chat(chat) => {
                let reply = chat.reply(rule)?;
                if self.streamed {
                    Answer::of(&reply, Content::Stream(frames(chat, &reply)))
                } else {
                    let headers = if reply.tells_usage { counts(&reply) } else { Vec::new() };
                    Answer { headers, ..Answer::of(&reply, Content::Document(chat.document(&reply))) }
                }
            }
        };
        answer.headers.extend(self.tier.clone().map(|tier| (SERVICE_TIER, tier)));
        Ok(answer)
    }
}

fn counts(reply: &Reply) -> Vec<(&'static str, String)> {
    vec![
        (INPUT_TOKENS, reply.usage.input.to_string()),
        (OUTPUT_TOKENS, reply.usage.output.to_string()),
        (LATENCY, reply.latency_ms.to_string()),
    ]
}

/// OpenAI's chunks, each as bytes within a frame; the last one says what the call was.
fn frames(chat: &Chat, reply: &Reply) -> Stream {
    let mut chunks = chat.chunks(reply);
    if let Some(last) = chunks.last_mut().filter(|_| reply.tells_usage) {
        last["amazon-bedrock-invocationMetrics"] = json!({
            "inputTokenCount": reply.usage.input,
            "outputTokenCount": reply.usage.output,
            "invocationLatency": reply.latency_ms,
            "firstByteLatency": reply.latency_ms,
        });
    }
    let frames = chunks.iter().map(|chunk| event("chunk", &json!({ "bytes": encode64(chunk.to_string()) })));
    Stream {
        content_type: "application/vnd.amazon.eventstream",
        chunks: frames.collect(),
        word_error: Box::new(|refusal: &Refusal, _: usize| exception(refusal)),
    }
}
