//! The answer of Responses in events.

use bytes::Bytes;
use serde_json::{Value, json};

use super::failure;
use super::items::kind;
use super::output::Turn;
use crate::standin::refusal::Refusal;
use crate::standin::reply::{fragments, pieces};
use crate::standin::wire::Stream;

/// Events, numbered as they come.
#[derive(Default)]
struct Events(Vec<Bytes>);

impl Events {
    fn push(&mut self, kind: &str, event: Value) {
        self.0.push(encode(kind, event, self.0.len()));
    }
}

fn encode(kind: &str, mut event: Value, sequence_number: usize) -> Bytes {
    event["type"] = kind.into();
    event["sequence_number"] = sequence_number.into();
    format!("event: {kind}\ndata: {event}\n\n").into()
}

impl Turn<'_> {
    /// All events; an error among them is a failed response, or an event of its own.
    pub(super) fn stream(&self, has_error_event: bool) -> Stream {
        let mut events = Events::default();
        let begun = self.response("in_progress", &[]);
        events.push("response.created", json!({ "response": begun }));
        events.push("response.in_progress", json!({ "response": begun }));
        for (index, item) in self.output().iter().enumerate() {
            Item { index, item, id: &item["id"] }.tell(&mut events);
        }
        let (end, _) = self.end();
        events.push(&format!("response.{end}"), json!({ "response": self.document() }));
        let word_error = move |refusal: &Refusal, sent: usize| {
            if has_error_event {
                let error =
                    json!({ "code": refusal.code, "message": refusal.message, "param": refusal.param });
                return encode("error", error, sent);
            }
            let mut failed = begun.clone();
            failed["status"] = "failed".into();
            failed["error"] = failure(refusal);
            encode("response.failed", json!({ "response": failed }), sent)
        };
        Stream { content_type: "text/event-stream", chunks: events.0, word_error: Box::new(word_error) }
    }
}

/// A finished item, told from its beginning.
#[derive(Clone, Copy)]
struct Item<'a> {
    index: usize,
    item: &'a Value,
    id: &'a Value,
}

impl Item<'_> {
    fn tell(self, events: &mut Events) {
        let mut begun = self.item.clone();
        for (member, empty) in [("content", json!([])), ("summary", json!([])), ("arguments", json!(""))] {
            if let Some(value) = begun.get_mut(member) {
                *value = empty;
            }
        }
        if begun.get("status").is_some() {
            begun["status"] = "in_progress".into();
        }
        events.push("response.output_item.added", json!({ "output_index": self.index, "item": begun }));
        if kind(self.item) == "function_call" {
            self.tell_arguments(events);
        }
        for (index, part) in self.item["summary"].as_array().into_iter().flatten().enumerate() {
            self.tell_summary(events, index, part);
        }
        for (index, part) in self.item["content"].as_array().into_iter().flatten().enumerate() {
            self.tell_part(events, index, part);
        }
        events.push("response.output_item.done", json!({ "output_index": self.index, "item": self.item }));
    }

    fn tell_arguments(self, events: &mut Events) {
        let arguments = self.item["arguments"].as_str().unwrap_or_default();
        for piece in fragments(arguments) {
            events.push(
                "response.function_call_arguments.delta",
                json!({ "item_id": self.id, "output_index": self.index, "delta": piece }),
            );
        }
        events.push(
            "response.function_call_arguments.done",
            json!({
                "item_id": self.id,
                "output_index": self.index,
                "name": self.item["name"],
                "arguments": arguments,
            }),
        );
    }

    fn tell_summary(self, events: &mut Events, index: usize, part: &Value) {
        let about = |more: Value| {
            let place = json!({ "item_id": self.id, "output_index": self.index, "summary_index": index });
            joined(place, more)
        };
        let text = part["text"].as_str().unwrap_or_default();
        let empty = json!({ "type": "summary_text", "text": "" });
        events.push("response.reasoning_summary_part.added", about(json!({ "part": empty })));
        for piece in pieces(text) {
            events.push("response.reasoning_summary_text.delta", about(json!({ "delta": piece })));
        }
        events.push("response.reasoning_summary_text.done", about(json!({ "text": text })));
        events.push("response.reasoning_summary_part.done", about(json!({ "part": part })));
    }

    fn tell_part(self, events: &mut Events, index: usize, part: &Value) {
        let about = |more: Value| {
            let place = json!({ "item_id": self.id, "output_index": self.index, "content_index": index });
            joined(place, more)
        };
        // What the events of this kind of part are called, what it holds, and what comes with it.
        let (name, member, more) = match part["type"].as_str() {
            Some("refusal") => ("refusal", "refusal", json!({})),
            Some("reasoning_text") => ("reasoning_text", "text", json!({})),
            _ => ("output_text", "text", json!({ "logprobs": [] })),
        };
        let text = part[member].as_str().unwrap_or_default();
        let mut empty = part.clone();
        empty[member] = "".into();
        events.push("response.content_part.added", about(json!({ "part": empty })));
        for piece in pieces(text) {
            let delta = joined(more.clone(), json!({ "delta": piece }));
            events.push(&format!("response.{name}.delta"), about(delta));
        }
        let done = joined(more, json!({ member: text }));
        events.push(&format!("response.{name}.done"), about(done));
        events.push("response.content_part.done", about(json!({ "part": part })));
    }
}

/// The members of both.
fn joined(mut left: Value, right: Value) -> Value {
    if let (Value::Object(left), Value::Object(right)) = (&mut left, right) {
        left.extend(right);
    }
    left
}
