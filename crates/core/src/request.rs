//! A caller's request, in whichever dialect: what the gateway acts on is read and checked, the rest passes unread.

use serde::Deserialize;

use crate::dialect::Dialect;
use crate::embedding::{self, EmbeddingRequest, Inputs};
use crate::error::Error;
use crate::name::Name;
use crate::parameter::{Parameter, Parameters};
use crate::prompt::Prompt;
use crate::raw::RawObject;
use crate::{chat, responses};

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// How deep a body may nest; deeper ones are no requests but attacks on parsers.
const MAX_DEPTH: usize = 64;

/// A request whose acted-on fields are right.
#[derive(Clone, Debug)]
pub struct Request {
    /// In which dialect it came, and is answered.
    pub dialect: Dialect,
    /// The model that is named.
    pub model: String,
    /// Whether the answer is to come as a stream.
    pub stream: bool,
    /// Whether the caller asked for a last chunk with the usage.
    pub include_usage: bool,
    /// What is asked.
    pub ask: Ask,
    body: RawObject,
    body_bytes: usize,
}

/// What is asked of a model.
#[derive(Clone, Debug)]
pub enum Ask {
    /// To go on with a conversation.
    Talk(Box<Prompt>),
    /// To turn texts into vectors.
    Embed(EmbeddingRequest),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl Request {
    /// Reads a body. Every error names the field that is wrong.
    pub fn parse(dialect: Dialect, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BODY_BYTES {
            return Err(Error::TooLarge { limit: MAX_BODY_BYTES });
        }
        let body = read_body(bytes)?;
        let model = read_model(&body)?;
        let (stream, include_usage) = read_stream(dialect, &body)?;
        let ask = read_ask(dialect, &body)?;
        Ok(Self { dialect, model, stream, include_usage, ask, body, body_bytes: bytes.len() })
    }

    /// The same request in other words, which never counts as shorter than it came; `None` where they are no request.
    pub(crate) fn with_body(&self, text: &str) -> Option<Self> {
        let body: RawObject = serde_json::from_str(text).ok()?;
        let ask = read_ask(self.dialect, &body).ok()?;
        Some(Self { ask, body, body_bytes: text.len().max(self.body_bytes), ..self.clone() })
    }

    /// Unread members, in their order.
    #[must_use]
    pub const fn body(&self) -> &RawObject {
        &self.body
    }

    /// The length of the body as it came.
    #[must_use]
    pub const fn body_bytes(&self) -> usize {
        self.body_bytes
    }

    /// The conversation, where there is one.
    #[must_use]
    pub fn prompt(&self) -> Option<&Prompt> {
        match &self.ask {
            Ask::Talk(prompt) => Some(prompt),
            Ask::Embed(_) => None,
        }
    }

    /// The settings that it names.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        self.prompt().map(|prompt| prompt.parameters.clone()).unwrap_or_default()
    }

    /// The caller's output cap.
    #[must_use]
    pub fn output_cap(&self) -> Option<u64> {
        self.prompt()?.parameters.count(Parameter::MaxOutputTokens)
    }

    /// The name of the field with the output cap, as this request has it or could have it.
    #[must_use]
    pub fn cap_field(&self) -> &'static str {
        match self.dialect {
            Dialect::Chat if self.body.raw("max_tokens").is_some_and(|cap| cap.get() != "null") => {
                "max_tokens"
            }
            Dialect::Chat => "max_completion_tokens",
            Dialect::Responses | Dialect::Embeddings => "max_output_tokens",
        }
    }

    /// The kind of task, as its metadata say it or its endpoint.
    #[must_use]
    pub fn task(&self) -> Option<Name> {
        #[derive(Deserialize)]
        struct Metadata {
            task: Option<String>,
        }
        let metadata =
            self.body.raw("metadata").and_then(|raw| serde_json::from_str::<Metadata>(raw.get()).ok());
        let said = metadata.and_then(|metadata| metadata.task?.parse().ok());
        said.or_else(|| matches!(self.ask, Ask::Embed(_)).then(Name::embedding))
    }

    /// Whether the model is asked to think before it speaks; `None` where that is left to it.
    #[must_use]
    pub fn thinks(&self) -> Option<bool> {
        let effort = self.prompt()?.parameters.get(Parameter::ReasoningEffort)?.as_str()?;
        Some(!matches!(effort, "none" | "minimal"))
    }

    /// How many pieces the provider wraps in tokens of its own: messages, tools, texts.
    #[must_use]
    pub fn pieces(&self) -> usize {
        match &self.ask {
            Ask::Talk(prompt) => prompt.items.len() + prompt.tools.len(),
            Ask::Embed(EmbeddingRequest { inputs: Inputs::Texts(texts), .. }) => texts.len(),
            Ask::Embed(EmbeddingRequest { inputs: Inputs::Tokens(texts), .. }) => texts.len(),
        }
    }

    /// Whether vectors are wanted as base64.
    #[must_use]
    pub const fn wants_base64(&self) -> bool {
        matches!(self.ask, Ask::Embed(EmbeddingRequest { is_base64: true, .. }))
    }

    /// How many answers are asked for.
    #[must_use]
    pub fn choices(&self) -> u64 {
        self.prompt().and_then(|prompt| prompt.parameters.count(Parameter::N)).unwrap_or(1)
    }
}

fn read_body(bytes: &[u8]) -> Result<RawObject, Error> {
    let wrong = |message: String| Error::Invalid { message, param: None };
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("the body is not valid UTF-8".to_owned()))?;
    if depth(text) > MAX_DEPTH {
        return Err(wrong(format!("the body nests deeper than {MAX_DEPTH} levels")));
    }
    serde_json::from_str(text).map_err(|error| wrong(format!("the body is not a valid JSON object: {error}")))
}

fn read_ask(dialect: Dialect, body: &RawObject) -> Result<Ask, Error> {
    Ok(match dialect {
        Dialect::Chat => Ask::Talk(Box::new(chat::read(body)?)),
        Dialect::Responses => Ask::Talk(Box::new(responses::read(body)?)),
        Dialect::Embeddings => Ask::Embed(embedding::read(body)?),
    })
}

/// The deepest nesting of brackets outside strings.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut is_escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_string => is_escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn read_model(body: &RawObject) -> Result<String, Error> {
    match body.field::<String>("model")? {
        Some(model) if !model.is_empty() => Ok(model),
        _ => Err(Error::invalid("model", "you must provide a model parameter")),
    }
}

/// Whether the answer is to come as a stream, and whether its usage is asked for.
fn read_stream(dialect: Dialect, body: &RawObject) -> Result<(bool, bool), Error> {
    let stream = body.field::<bool>("stream")?.unwrap_or(false);
    if stream && dialect == Dialect::Embeddings {
        return Err(Error::invalid("stream", "embeddings do not come as a stream"));
    }
    let options = body.field::<StreamOptions>("stream_options")?;
    if options.is_some() && !stream {
        return Err(Error::invalid("stream_options", "stream_options is only allowed when stream is true"));
    }
    Ok((stream, options.and_then(|options| options.include_usage).unwrap_or(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Request, Error> {
        Request::parse(Dialect::Chat, text.as_bytes())
    }

    fn param(text: &str) -> Option<String> {
        match parse(text).unwrap_err() {
            Error::Invalid { param, .. } => param,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let messages = r#""messages":[{"role":"user","content":"hi"}]"#;
        let cases = [
            (format!(r#"{{{messages}}}"#), "model"),
            (format!(r#"{{"model":"",{messages}}}"#), "model"),
            (format!(r#"{{"model":5,{messages}}}"#), "model"),
            (format!(r#"{{"model":"m",{messages},"stream":"yes"}}"#), "stream"),
            (format!(r#"{{"model":"m",{messages},"stream_options":{{}}}}"#), "stream_options"),
            (format!(r#"{{"model":"m",{messages},"max_tokens":0}}"#), "max_tokens"),
        ];
        for (text, name) in cases {
            assert_eq!(param(&text).as_deref(), Some(name), "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for text in ["", "null", "[]", "{", "{\"model\":\"a\",\"model\":\"b\"}", "\u{feff}{}", "{}garbage"] {
            assert!(matches!(parse(text), Err(Error::Invalid { .. })), "{text}");
        }
        assert!(matches!(Request::parse(Dialect::Responses, &[0xff, 0xfe]), Err(Error::Invalid { .. })));
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(depth(r#"{"a":"[[[\"[["}"#), 1);
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn a_body_over_the_limit_is_too_large() {
        let bytes = vec![b' '; MAX_BODY_BYTES + 1];

        for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Embeddings] {
            assert_eq!(
                Request::parse(dialect, &bytes).unwrap_err(),
                Error::TooLarge { limit: MAX_BODY_BYTES }
            );
        }
    }

    #[test]
    fn vectors_do_not_stream() {
        let body = br#"{"model":"m","input":"a","stream":true}"#;

        let error = Request::parse(Dialect::Embeddings, body).unwrap_err();

        assert_eq!(error, Error::invalid("stream", "embeddings do not come as a stream"));
    }
}
