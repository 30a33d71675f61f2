//! The items of the output: opened, filled and closed, each step said.

use serde_json::value::RawValue;

use super::voice::Said;
use super::{OpenItem, OpenPart, ResponsesWriter};
use crate::responses::output::{Output, Part, Status};
use crate::responses::seal::seal;

impl ResponsesWriter {
    /// A piece of the words of such a part; another number begins another part.
    pub(super) fn put_part(&mut self, empty: Part, number: usize, words: &str) {
        if words.is_empty() {
            return;
        }
        self.open_item_for(&empty);
        let is_same = |open: &&OpenPart| open.number == number && open.empty.wording() == empty.wording();
        if self.open_part().filter(is_same).is_none() {
            self.close_part();
            self.begin_part(empty, number);
        }
        self.extend_part(words, &[]);
    }

    pub(super) fn put_logprobs(&mut self, logprobs: &[Box<RawValue>]) {
        let is_text = self.open_part().is_some_and(|open| matches!(open.empty, Part::OutputText { .. }));
        if is_text && !logprobs.is_empty() {
            self.extend_part("", logprobs);
        }
    }

    pub(super) fn put_sealed(&mut self, text: &str) {
        self.open_item_for(&Part::SummaryText { text: String::new() });
        let sealed = self.target_id.as_deref().map_or_else(|| text.to_owned(), |target| seal(target, text));
        if let Some(Output::Reasoning { encrypted_content, .. }) = self.open_item_mut() {
            *encrypted_content = Some(sealed);
        }
        self.close(Status::Completed);
    }

    pub(super) fn put_call(&mut self, number: usize, call_id: &str, name: &str) {
        self.close(Status::Completed);
        let place = self.add(Output::FunctionCall {
            id: self.item_id("fc"),
            status: Status::InProgress,
            call_id: call_id.to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
        });
        // A number that comes again names another call: nothing more can come for the one before.
        if let Some(earlier) = self.calls.insert(number, place) {
            self.close_call(earlier, Status::Completed);
        }
    }

    pub(super) fn put_arguments(&mut self, number: usize, text: &str) {
        let Some(&place) = self.calls.get(&number) else { return };
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

    /// Closes the item of parts that is open.
    fn close(&mut self, status: Status) {
        self.close_part();
        if let Some(OpenItem { place, .. }) = self.open.take() {
            self.close_item(place, status);
        }
    }

    /// Closes everything.
    pub(super) fn close_all(&mut self, status: Status) {
        self.close(status);
        let mut places: Vec<_> = std::mem::take(&mut self.calls).into_values().collect();
        places.sort_unstable();
        for place in places {
            self.close_call(place, status);
        }
    }

    fn open_part(&self) -> Option<&OpenPart> {
        self.open.as_ref()?.part.as_ref()
    }

    fn open_item(&self) -> Option<&Output> {
        self.output.get(self.open.as_ref()?.place)
    }

    fn open_item_mut(&mut self) -> Option<&mut Output> {
        self.output.get_mut(self.open.as_ref()?.place)
    }

    /// The item's id: what it is, whose it is, and its place.
    fn item_id(&self, kind: &str) -> String {
        let response = self.heading.id.trim_start_matches("resp_");
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

    /// Opens an item that has such parts, unless one is open.
    fn open_item_for(&mut self, part: &Part) {
        let is_thought = matches!(part, Part::SummaryText { .. } | Part::ReasoningText { .. });
        let is_open = matches!(
            (self.open_item(), is_thought),
            (Some(Output::Message { .. }), false) | (Some(Output::Reasoning { .. }), true)
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
        let place = self.add(item);
        self.open = Some(OpenItem { place, part: None });
    }

    fn begin_part(&mut self, empty: Part, number: usize) {
        let Some(parts) = self.open_item_mut().and_then(|item| item.parts_mut(&empty)) else { return };
        let index = parts.len();
        parts.push(empty.clone());
        let open = OpenPart { empty, number, index };
        self.say_of_part(
            open.empty.wording().added,
            &open,
            Said { part: Some(&open.empty), ..Said::default() },
        );
        if let Some(item) = &mut self.open {
            item.part = Some(open);
        }
    }

    fn extend_part(&mut self, words: &str, more: &[Box<RawValue>]) {
        let Some(open) = self.open_part().cloned() else { return };
        let parts = self.open_item_mut().and_then(|item| item.parts_mut(&open.empty));
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
        let Some(open) = self.open.as_mut().and_then(|item| item.part.take()) else { return };
        let parts = self.open_item_mut().and_then(|item| item.parts_mut(&open.empty));
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
        let Some(place) = self.open.as_ref().map(|item| item.place) else { return };
        let said = Said {
            item_id: self.output.get(place).map(Output::id),
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
