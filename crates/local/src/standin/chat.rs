//! OpenAI's Chat Completions, as OpenAI, bedrock-mantle, bedrock-runtime and servers on premises serve them.

mod document;
mod request;
mod rules;
mod stream;

use serde_json::Value;
use uuid::Uuid;

use self::request::Message;
use super::calls::now_us;
use super::fault::Rule;
use super::going_on::Asked;
use super::models::{Line, Surface};
use super::refusal::Refusal;
use super::reply::{Prompt, Reply};
use super::wire::{Answer, Content, Stream, Wire, read, server_sent};

pub(super) use self::request::{ChatRequest, asked_schema, choice};
pub(super) use self::rules::check_image;

/// A call of Chat Completions on one of the surfaces that have it.
#[derive(Debug)]
pub(super) struct Chat {
    request: ChatRequest,
    surface: Surface,
    id: String,
    created: u64,
}

impl Chat {
    pub(super) fn read(body: &[u8], surface: Surface) -> Result<Self, Refusal> {
        let request: ChatRequest = read(body)?;
        if request.model.is_empty() {
            return Err(Refusal::missing_param("model"));
        }
        Self::of(request, surface)
    }

    /// A body of InvokeModel: the path names the model and whether the answer is streamed, and the body may not disagree.
    pub(super) fn read_invoked(body: &[u8], model_id: &str, streamed: bool) -> Result<Self, Refusal> {
        let mut request: ChatRequest = read(body)?;
        if !request.model.is_empty() && request.model != model_id {
            return Err(Refusal::invalid("The model in the body is not the model that is invoked."));
        }
        if request.stream.is_some_and(|stream| stream != streamed) {
            return Err(Refusal::invalid("The value of 'stream' does not fit the operation."));
        }
        model_id.clone_into(&mut request.model);
        request.stream = Some(streamed);
        Self::of(request, Surface::Invoke)
    }

    fn of(request: ChatRequest, surface: Surface) -> Result<Self, Refusal> {
        if request.messages.is_empty() {
            return Err(Refusal::missing_param("messages"));
        }
        Ok(Self {
            request,
            surface,
            id: format!("chatcmpl-{}", Uuid::now_v7().simple()),
            created: now_us() / 1_000_000,
        })
    }

    /// The reply, once the model is found to take the request.
    pub(super) fn reply(&self, rule: &Rule) -> Result<Reply, Refusal> {
        let model = self.surface.find(&self.request.model)?;
        rules::check(&self.request, model)?;
        let request = &self.request;
        let Asked { text, said } = request.asked();
        let prompt = Prompt {
            input_tokens: request.messages.iter().map(Message::tokens).sum(),
            last_user_text: text,
            said,
            offer: request.offer(),
            schema: request.schema(),
            stops: request.stops(),
            output_cap: request.max_completion_tokens.or(request.max_tokens),
            thinks_aloud: model.line == Line::Open,
            more_choices: request.n.unwrap_or(1).saturating_sub(1),
            is_guarded: false,
        };
        Ok(Reply::compose(&prompt, rule))
    }

    /// InvokeModel writes the reasoning into the text.
    fn thinks_inline(&self) -> bool {
        self.surface == Surface::Invoke
    }

    fn tool_call_id(&self, choice: u64, index: usize) -> String {
        let id = self.id.replace("chatcmpl-", "call_");
        if choice == 0 && index == 0 { id } else { format!("{id}{choice}{index}") }
    }
}

impl Wire for Chat {
    fn model(&self) -> &str {
        &self.request.model
    }

    fn is_streamed(&self) -> bool {
        self.request.stream == Some(true)
    }

    fn answer(&self, rule: &Rule) -> Result<Answer, Refusal> {
        let reply = self.reply(rule)?;
        let content = if self.is_streamed() {
            let chunks = self.chunks(&reply);
            let mut chunks: Vec<_> = chunks.iter().map(|chunk| server_sent(&chunk.to_string())).collect();
            chunks.push(server_sent("[DONE]"));
            Content::Stream(Stream::server_sent(chunks))
        } else {
            Content::Document(self.document(&reply))
        };
        Ok(Answer::of(&reply, content))
    }
}

/// A text with the reasoning before it, as InvokeModel writes it.
fn inline(thought: &str) -> String {
    format!("<reasoning>{thought}</reasoning>")
}

/// What is no number of OpenAI's is not said: `null` stands for it.
fn or_null<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, Into::into)
}
