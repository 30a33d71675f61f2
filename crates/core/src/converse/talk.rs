//! The conversation, in turns.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::converse::{Block, Content, Image, Reasoning, Seal, Speaker, Turn};
use crate::prompt::{Item, Part, Role, Sealed};

/// A conversation as Converse takes it.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) system: Vec<Content>,
    pub(super) turns: Vec<Turn>,
    /// What was left out.
    pub(super) notes: Vec<&'static str>,
}

impl Talk {
    /// `None` where it cannot be said: Converse has no operator's texts between turns, begins with the user, and takes
    /// images only in their bytes, only from users and functions.
    pub(super) fn read(items: &[Item], target_id: &str) -> Option<Self> {
        let mut talk = Self::default();
        for item in items {
            talk.take(item, target_id)?;
        }
        (talk.turns.first()?.role == Speaker::User).then_some(talk)
    }

    /// Whether a function was called: Converse then wants to know the functions.
    pub(super) fn has_calls(&self) -> bool {
        let is_call = |block: &Block| matches!(block, Block::ToolUse { .. } | Block::ToolResult { .. });
        self.turns.iter().any(|turn| turn.content.iter().any(is_call))
    }

    fn take(&mut self, item: &Item, target_id: &str) -> Option<()> {
        match item {
            Item::Message { role: Role::System | Role::Developer, parts } => {
                self.turns.is_empty().then_some(())?;
                self.system.extend(texts(parts)?.into_iter().map(Content::Text));
            }
            Item::Message { role: Role::User, parts } => {
                let blocks = contents(parts)?.into_iter().map(Block::from).collect();
                self.say(Speaker::User, blocks);
            }
            Item::Message { role: Role::Assistant, parts } => {
                self.say(Speaker::Assistant, texts(parts)?.into_iter().map(Block::Text).collect());
            }
            Item::ToolCall { call_id, name, arguments } => {
                let (tool_use_id, name, input) = (call_id.clone(), name.clone(), input(arguments)?);
                self.say(Speaker::Assistant, vec![Block::ToolUse { tool_use_id, name, input }]);
            }
            Item::ToolResult { call_id, parts } => {
                let (tool_use_id, content) = (call_id.clone(), contents(parts)?);
                self.say(Speaker::User, vec![Block::ToolResult { tool_use_id, content }]);
            }
            Item::Reasoning { summary, sealed } => {
                match (replay(summary, sealed.as_ref(), target_id), sealed) {
                    (Some(block), _) => self.say(Speaker::Assistant, vec![block]),
                    (None, Some(_)) => self.note("encrypted_reasoning=dropped"),
                    // A model takes only reasoning that it can know again; what is merely shown to people, it does not miss.
                    (None, None) => {}
                }
            }
        }
        Some(())
    }

    fn say(&mut self, role: Speaker, content: Vec<Block>) {
        match self.turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ if content.is_empty() => {}
            _ => self.turns.push(Turn { role, content }),
        }
    }

    fn note(&mut self, note: &'static str) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

fn contents(parts: &[Part]) -> Option<Vec<Content>> {
    let content = |part: &Part| match part {
        Part::Text(text) | Part::Refusal(text) => Some(Content::Text(text.clone())),
        Part::Image { url, .. } => Image::from_url(url).map(Content::Image),
    };
    parts.iter().filter(|part| !is_blank(part)).map(content).collect()
}

fn texts(parts: &[Part]) -> Option<Vec<String>> {
    let text = |part: &Part| match part {
        Part::Text(text) | Part::Refusal(text) => Some(text.clone()),
        Part::Image { .. } => None,
    };
    parts.iter().filter(|part| !is_blank(part)).map(text).collect()
}

fn is_blank(part: &Part) -> bool {
    match part {
        Part::Text(text) | Part::Refusal(text) => text.trim().is_empty(),
        Part::Image { .. } => false,
    }
}

/// A function without arguments is called with `{}`, or with nothing at all.
fn input(arguments: &str) -> Option<Box<RawValue>> {
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    let arguments = RawValue::from_string(arguments.to_owned()).ok()?;
    is_object(&arguments).then_some(arguments)
}

/// Whether it is an object, and no deeper than anybody reads.
pub(super) fn is_object(json: &RawValue) -> bool {
    serde_json::from_str::<Map<String, Value>>(json.get()).is_ok()
}

fn replay(summary: &[String], sealed: Option<&Sealed>, target_id: &str) -> Option<Block> {
    let sealed = sealed.filter(|sealed| sealed.target.as_deref() == Some(target_id))?;
    Some(Block::ReasoningContent(match Seal::read(&sealed.text)? {
        // The signature is that of the very text: nothing stands between its pieces.
        Seal::Signature(signature) => Reasoning::ReasoningText { text: summary.concat(), signature },
        Seal::Redacted(bytes) => Reasoning::RedactedContent(bytes),
    }))
}
