//! The items of the output: opened, filled and closed, each step said.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::voice::Said;
use super::{Open, OpenPart, ResponsesWriter};
use crate::responses::output::{Output, Part, Status};
use crate::responses::seal::seal;

impl ResponsesWriter {
    /// A piece of the words of such a part; another number begins another part.
    pub(super) fn put_part(&mut self, empty: Part, number: usize, words: &str) {
        if words.is_empty() {
            return;
        }
        self.open_item_for(&empty);
        let is_open = matches!(&self.open, Open::Parts(Some(open))
            if open.number == number && open.empty.wording() == empty.wording());
        if !is_open {
            self.close_part();
            self.open_part(empty, number);
        }
        self.extend_part(words, &[]);
    }

    pub(super) fn put_logprobs(&mut self, logprobs: &[Box<RawValue>]) {
        let is_text =
            matches!(&self.open, Open::Parts(Some(open)) if matches!(open.empty, Part::OutputText { .. }));
        if is_text && !logprobs.is_empty() {
            self.extend_part("", logprobs);
        }
    }

    pub(super) fn put_sealed(&mut self, text: &str) {
        self.open_item_for(&Part::SummaryText { text: String::new() });
        let sealed = self.target_id.as_deref().map_or_else(|| text.to_owned(), |target| seal(target, text));
        if let Some(Output::Reasoning { encrypted_content, .. }) = self.output.last_mut() {
            *encrypted_content = Some(sealed);
        }
        self.close(Status::Completed);
    }

    pub(super) fn put_call(&mut self, number: usize, call_id: &str, name: &str) {
        if !matches!(self.open, Open::Calls(_)) {
            self.close(Status::Completed);
            self.open = Open::Calls(BTreeMap::new());
        }
        let place = self.add(Output::FunctionCall {
            id: self.item_id("fc"),
            status: Status::InProgress,
            call_id: call_id.to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
        });
        if let Open::Calls(calls) = &mut self.open {
            calls.insert(number, place);
        }
    }

    pub(super) fn put_arguments(&mut self, number: usize, text: &str) {
        let Open::Calls(calls) = &self.open else { return };
        let Some(&place) = calls.get(&number) else { return };
        if let Output::FunctionCall { arguments, .. } = &mut self.output[place] {
            arguments.push_str(text);
        }
        self.voice.say(
            "response.function_call_arguments.delta",
            &Said {
                item_id: Some(self.output[place].id()),
                output_index: Some(place),
                delta: Some(text),
                ..Said::default()
            },
        );
    }

    /// Closes what is open.
    pub(super) fn close(&mut self, status: Status) {
        self.close_part();
        match std::mem::take(&mut self.open) {
            Open::Nothing => {}
            Open::Parts(_) => self.close_item(self.output.len().saturating_sub(1), status),
            Open::Calls(calls) => {
                let mut places: Vec<_> = calls.into_values().collect();
                places.sort_unstable();
                for place in places {
                    self.close_call(place, status);
                }
            }
        }
    }

    /// The item's id: what it is, whose it is, and its place.
    fn item_id(&self, kind: &str) -> String {
        let response = self.frame.id.trim_start_matches("resp_");
        format!("{kind}_{response}_{}", self.output.len())
    }

    fn add(&mut self, item: Output) -> usize {
        let place = self.output.len();
        self.output.push(item);
        self.voice.say(
            "response.output_item.added",
            &Said { output_index: Some(place), item: self.output.last(), ..Said::default() },
        );
        place
    }

    /// Makes the last item one that has such parts, and is open.
    fn open_item_for(&mut self, part: &Part) {
        let is_thought = matches!(part, Part::SummaryText { .. } | Part::ReasoningText { .. });
        let is_open = matches!(
            (&self.open, self.output.last(), is_thought),
            (Open::Parts(_), Some(Output::Message { .. }), false)
                | (Open::Parts(_), Some(Output::Reasoning { .. }), true)
        );
        if is_open {
            return;
        }
        self.close(Status::Completed);
        let item = if is_thought {
            Output::Reasoning {
                id: self.item_id("rs"),
                summary: Vec::new(),
                content: Vec::new(),
                encrypted_content: None,
            }
        } else {
            Output::Message {
                id: self.item_id("msg"),
                status: Status::InProgress,
                role: "assistant",
                content: Vec::new(),
            }
        };
        self.add(item);
        self.open = Open::Parts(None);
    }

    fn open_part(&mut self, empty: Part, number: usize) {
        let Some(parts) = self.output.last_mut().and_then(|item| item.parts_mut(&empty)) else { return };
        let index = parts.len();
        parts.push(empty.clone());
        let open = OpenPart { empty, number, index };
        self.say_of_part(
            open.empty.wording().added,
            &open,
            Said { part: Some(&open.empty), ..Said::default() },
        );
        self.open = Open::Parts(Some(open));
    }

    fn extend_part(&mut self, words: &str, more: &[Box<RawValue>]) {
        let Open::Parts(Some(open)) = &self.open else { return };
        let open = open.clone();
        let parts = self.output.last_mut().and_then(|item| item.parts_mut(&open.empty));
        if let Some(part) = parts.and_then(|parts| parts.get_mut(open.index)) {
            part.words_mut().push_str(words);
            if let Part::OutputText { logprobs, .. } = part {
                logprobs.extend_from_slice(more);
            }
        }
        let logprobs = matches!(open.empty, Part::OutputText { .. }).then_some(more);
        let said = Said { delta: Some(words), logprobs, ..Said::default() };
        self.say_of_part(open.empty.wording().delta, &open, said);
    }

    fn close_part(&mut self) {
        let Open::Parts(open) = &mut self.open else { return };
        let Some(open) = open.take() else { return };
        let parts = self.output.last_mut().and_then(|item| item.parts_mut(&open.empty));
        let Some(part) = parts.and_then(|parts| parts.get(open.index)).cloned() else { return };
        let said = match &part {
            Part::OutputText { text, logprobs, .. } => {
                Said { text: Some(text), logprobs: Some(logprobs), ..Said::default() }
            }
            Part::Refusal { refusal } => Said { refusal: Some(refusal), ..Said::default() },
            Part::SummaryText { text } | Part::ReasoningText { text } => {
                Said { text: Some(text), ..Said::default() }
            }
        };
        self.say_of_part(part.wording().done, &open, said);
        self.say_of_part(part.wording().closed, &open, Said { part: Some(&part), ..Said::default() });
    }

    fn say_of_part(&mut self, kind: &'static str, open: &OpenPart, said: Said<'_>) {
        let is_summary = matches!(open.empty, Part::SummaryText { .. });
        let place = self.output.len().saturating_sub(1);
        let said = Said {
            item_id: self.output.last().map(Output::id),
            output_index: Some(place),
            content_index: (!is_summary).then_some(open.index),
            summary_index: is_summary.then_some(open.index),
            ..said
        };
        self.voice.say(kind, &said);
    }

    fn close_call(&mut self, place: usize, status: Status) {
        if let Output::FunctionCall { id, name, arguments, .. } = &self.output[place] {
            let said = Said {
                item_id: Some(id),
                output_index: Some(place),
                name: Some(name),
                arguments: Some(arguments),
                ..Said::default()
            };
            self.voice.say("response.function_call_arguments.done", &said);
        }
        self.close_item(place, status);
    }

    fn close_item(&mut self, place: usize, status: Status) {
        self.output[place].set_status(status);
        let said = Said { output_index: Some(place), item: self.output.get(place), ..Said::default() };
        self.voice.say("response.output_item.done", &said);
    }
}
