//! A Chat Completions request: the few fields that the gateway acts on are read and checked, the rest passes unread.

#[cfg_attr(not(test), expect(dead_code, reason = "nobody asks in this way yet"))]
mod forward;
mod glimpse;
#[cfg_attr(not(test), expect(dead_code, reason = "nobody asks in this way yet"))]
mod read;
mod reader;
#[cfg(test)]
mod sample;
#[cfg_attr(not(test), expect(dead_code, reason = "nobody asks in this way yet"))]
mod write;
mod writer;

use bytes::Bytes;
use serde::Deserialize;

use crate::error::Error;
use crate::message::{Message, read_messages};
use crate::raw::RawObject;

pub use glimpse::glimpse;
pub use reader::ChatReader;
pub use writer::ChatWriter;
#[cfg_attr(not(test), expect(unused_imports, reason = "nobody asks in this way yet"))]
pub(crate) use {forward::forward, read::read, write::write};

/// The largest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;

/// How deep a body may nest; deeper ones are no requests but attacks on parsers.
const MAX_DEPTH: usize = 64;

/// A request whose acted-on fields are right.
#[derive(Clone, Debug)]
pub struct ChatRequest {
    /// The model that is named.
    pub model: String,
    /// The conversation.
    pub messages: Vec<Message>,
    /// Whether the answer is to come as a stream.
    pub stream: bool,
    /// Whether the caller asked for a last chunk with the usage.
    pub include_usage: bool,
    /// The caller's output cap.
    pub output_cap: Option<u64>,
    /// How many answers are asked for.
    pub choices: u64,
    body: RawObject,
    body_bytes: usize,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl ChatRequest {
    /// Reads a body. Every error names the field that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_BODY_BYTES {
            return Err(Error::TooLarge { limit: MAX_BODY_BYTES });
        }
        let body = read_body(bytes)?;
        let stream = body.field::<bool>("stream")?.unwrap_or(false);
        let options = body.field::<StreamOptions>("stream_options")?;
        if options.is_some() && !stream {
            return Err(Error::invalid(
                "stream_options",
                "stream_options is only allowed when stream is true",
            ));
        }
        Ok(Self {
            model: read_model(&body)?,
            messages: read_messages(&body)?,
            stream,
            include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
            output_cap: read_output_cap(&body)?,
            choices: read_choices(&body)?,
            body,
            body_bytes: bytes.len(),
        })
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

    /// Whether the caller sent this field with a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.body.raw(name).is_some_and(|value| value.get() != "null")
    }

    /// The body for a target that speaks Chat Completions: only model id, output cap and the wish for a usage chunk
    /// differ from what came.
    pub fn forward(&self, model_id: &str, output_cap: u64) -> Result<Bytes, Error> {
        let write = || -> Result<Vec<u8>, serde_json::Error> {
            let mut body = self.body.clone();
            body.set("model", model_id)?;
            if !self.has("max_tokens") {
                body.set("max_completion_tokens", &output_cap)?;
            }
            if self.stream {
                let mut options: RawObject = body.read("stream_options")?.unwrap_or_default();
                options.set("include_usage", &true)?;
                body.set("stream_options", &options)?;
            }
            serde_json::to_vec(&body)
        };
        write().map(Bytes::from).map_err(|_| Error::Internal)
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

fn read_output_cap(body: &RawObject) -> Result<Option<u64>, Error> {
    let completion = positive(body, "max_completion_tokens")?;
    let legacy = positive(body, "max_tokens")?;
    match (completion, legacy) {
        (Some(_), Some(_)) => {
            Err(Error::invalid("max_tokens", "give max_completion_tokens or max_tokens, not both"))
        }
        (cap, None) | (None, cap) => Ok(cap),
    }
}

fn read_choices(body: &RawObject) -> Result<u64, Error> {
    match positive(body, "n")? {
        Some(n) if n > 128 => Err(Error::invalid("n", "n is at most 128")),
        n => Ok(n.unwrap_or(1)),
    }
}

fn positive(body: &RawObject, name: &str) -> Result<Option<u64>, Error> {
    match body.field::<u64>(name)? {
        Some(0) => Err(Error::invalid(name, format!("{name} is at least 1"))),
        number => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ChatRequest, Error> {
        ChatRequest::parse(text.as_bytes())
    }

    fn param(text: &str) -> Option<String> {
        match parse(text).unwrap_err() {
            Error::Invalid { param, .. } => param,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_what_the_gateway_sets_differs_from_what_came() {
        let request = parse(
            r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"hi"}],"future_field":{"a":[1.50]},"stream":true}"#,
        )
        .unwrap();

        let body = request.forward("openai.gpt-5.5", 100).unwrap();

        assert_eq!(
            std::str::from_utf8(&body).unwrap(),
            r#"{"model":"openai.gpt-5.5","messages":[{"role":"user","content":"hi"}],"future_field":{"a":[1.50]},"stream":true,"max_completion_tokens":100,"stream_options":{"include_usage":true}}"#
        );
    }

    #[test]
    fn the_legacy_cap_is_kept_under_its_name() {
        let request =
            parse(r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":7}"#).unwrap();

        let body = request.forward("id", 7).unwrap();

        assert_eq!(request.output_cap, Some(7));
        assert!(!std::str::from_utf8(&body).unwrap().contains("max_completion_tokens"));
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
            (format!(r#"{{"model":"m",{messages},"max_completion_tokens":-1}}"#), "max_completion_tokens"),
            (format!(r#"{{"model":"m",{messages},"max_completion_tokens":1.5}}"#), "max_completion_tokens"),
            (format!(r#"{{"model":"m",{messages},"max_tokens":1,"max_completion_tokens":1}}"#), "max_tokens"),
            (format!(r#"{{"model":"m",{messages},"n":0}}"#), "n"),
            (format!(r#"{{"model":"m",{messages},"n":129}}"#), "n"),
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
        assert!(matches!(ChatRequest::parse(&[0xff, 0xfe]), Err(Error::Invalid { .. })));
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(depth(r#"{"a":"[[[\"[["}"#), 1);
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn a_body_over_the_limit_is_too_large() {
        let bytes = vec![b' '; MAX_BODY_BYTES + 1];

        assert_eq!(ChatRequest::parse(&bytes).unwrap_err(), Error::TooLarge { limit: MAX_BODY_BYTES });
    }
}
