//! The messages of a chat request, as far as the gateway must understand them: roles, text, images.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::raw::RawObject;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: ChatRole,
    /// What they say; nothing where the content is null.
    pub parts: Vec<Part>,
    /// It carries tool calls or answers one, or anything else besides its text.
    pub has_more_than_text: bool,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// The operator of the application.
    System,
    /// The same, as newer models call it.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool's result.
    Tool,
    /// A function's result, in the first form of tools.
    Function,
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text, also that of a refusal.
    Text(String),
    /// An image; how many bytes of the body it is written in.
    Image {
        /// Zero for an image that is named by URL.
        inline_bytes: usize,
    },
}

#[derive(Deserialize)]
struct WirePart {
    r#type: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<WireImage>,
}

#[derive(Deserialize)]
struct WireImage {
    url: String,
}

pub(crate) fn read_messages(body: &RawObject) -> Result<Vec<Message>, Error> {
    let raw: Vec<RawObject> = body
        .field("messages")?
        .ok_or_else(|| Error::invalid("messages", "you must provide a messages parameter"))?;
    if raw.is_empty() {
        return Err(Error::invalid("messages", "messages has at least one element"));
    }
    raw.iter().enumerate().map(|(index, message)| read_message(index, message)).collect()
}

fn read_message(index: usize, raw: &RawObject) -> Result<Message, Error> {
    let wrong = |name: &str, message: String| Error::invalid(&format!("messages[{index}].{name}"), message);
    let role = raw
        .read::<ChatRole>("role")
        .map_err(|error| wrong("role", format!("invalid role: {error}")))?
        .ok_or_else(|| wrong("role", "a message has a role".to_owned()))?;
    let parts = match raw.raw("content") {
        None => Vec::new(),
        Some(content) => read_content(content).map_err(|message| wrong("content", message))?,
    };
    let is_set = |name: &str| raw.raw(name).is_some_and(|value| value.get() != "null");
    let has_more_than_text =
        raw.members().any(|(name, _)| !matches!(name, "role" | "content") && is_set(name));
    if parts.is_empty() && !has_more_than_text && role != ChatRole::Assistant {
        return Err(wrong("content", "a message has content".to_owned()));
    }
    Ok(Message { role, parts, has_more_than_text })
}

fn read_content(content: &RawValue) -> Result<Vec<Part>, String> {
    let text = content.get();
    if text == "null" {
        return Ok(Vec::new());
    }
    if text.starts_with('"') {
        let text = serde_json::from_str(text).map_err(|error| error.to_string())?;
        return Ok(vec![Part::Text(text)]);
    }
    let parts: Vec<WirePart> = serde_json::from_str(text)
        .map_err(|error| format!("content is a string or an array of parts: {error}"))?;
    parts.into_iter().map(read_part).collect()
}

fn read_part(part: WirePart) -> Result<Part, String> {
    let missing = |name: &str| format!("a part of type \"{name}\" has a field of that name");
    match part.r#type.as_str() {
        "text" => part.text.map(Part::Text).ok_or_else(|| missing("text")),
        "refusal" => part.refusal.map(Part::Text).ok_or_else(|| missing("refusal")),
        "image_url" => {
            let url = part.image_url.ok_or_else(|| missing("image_url"))?.url;
            let inline_bytes = if url.starts_with("data:") { url.len() } else { 0 };
            Ok(Part::Image { inline_bytes })
        }
        other => Err(format!("parts of type \"{other}\" are not supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(messages: &str) -> Result<Vec<Message>, Error> {
        let body = serde_json::from_str(&format!(r#"{{"messages":{messages}}}"#)).unwrap();
        read_messages(&body)
    }

    #[test]
    fn texts_images_and_tool_calls_are_told_apart() {
        let messages = read(
            r#"[{"role":"user","content":[{"type":"text","text":"a"},
                  {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]},
                {"role":"assistant","content":null,"tool_calls":[{"id":"x"}]}]"#,
        )
        .unwrap();

        assert_eq!(messages[0].parts, [Part::Text("a".to_owned()), Part::Image { inline_bytes: 26 }]);
        assert!(!messages[0].has_more_than_text);
        assert!(messages[1].has_more_than_text);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            ("null", "messages"),
            ("[]", "messages"),
            ("{}", "messages"),
            ("[1]", "messages"),
            (r#"[{"content":"a"}]"#, "messages[0].role"),
            (r#"[{"role":"robot","content":"a"}]"#, "messages[0].role"),
            (r#"[{"role":"user"}]"#, "messages[0].content"),
            (r#"[{"role":"user","content":5}]"#, "messages[0].content"),
            (r#"[{"role":"user","content":[{"type":"text"}]}]"#, "messages[0].content"),
            (r#"[{"role":"user","content":[{"type":"input_audio"}]}]"#, "messages[0].content"),
            (r#"[{"role":"user","content":"a"},{"role":"user","content":[{}]}]"#, "messages[1].content"),
        ];
        for (text, name) in cases {
            let Err(Error::Invalid { param, .. }) = read(text) else { panic!("{text}") };
            assert_eq!(param.as_deref(), Some(name), "{text}");
        }
    }
}
