//! What of an answer was given already, so that nothing is lost and nothing comes twice.
//!
//! Items are told apart by kind and order, because servers disagree about ids and leave items out of the last event.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::wire::Output;
use crate::event::Event;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Message,
    Reasoning,
    Call,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Piece {
    Text,
    Refusal,
    Summary,
    Thought,
    Arguments,
}

impl Piece {
    const fn kind(self) -> Kind {
        match self {
            Self::Text | Self::Refusal => Kind::Message,
            Self::Summary | Self::Thought => Kind::Reasoning,
            Self::Arguments => Kind::Call,
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    items: BTreeMap<Kind, Vec<Item>>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    /// Where it stands in the output, where a stream says so.
    place: Option<usize>,
    /// Which of its kind.
    ordinal: usize,
    is_begun: bool,
    is_sealed: bool,
    /// How many bytes of each text.
    bytes: BTreeMap<(Piece, usize), usize>,
    /// The probabilities of how many tokens of each text.
    logprobs: BTreeMap<usize, usize>,
}

impl Given {
    /// The item that holds such pieces at this place of the output.
    pub(super) fn at(&mut self, piece: Piece, place: usize) -> &mut Item {
        self.of_kind_at(piece.kind(), place)
    }

    /// The item of this kind at this place of the output.
    pub(super) fn of_kind_at(&mut self, kind: Kind, place: usize) -> &mut Item {
        let items = self.items.entry(kind).or_default();
        let known = items.iter().position(|item| item.place == Some(place));
        let ordinal = known.unwrap_or(items.len());
        let item = self.nth(kind, ordinal);
        item.place = Some(place);
        item
    }

    /// The nth item of this kind.
    pub(super) fn nth(&mut self, kind: Kind, ordinal: usize) -> &mut Item {
        let items = self.items.entry(kind).or_default();
        while items.len() <= ordinal {
            items.push(Item { ordinal: items.len(), ..Item::default() });
        }
        &mut items[ordinal]
    }

    pub(super) fn has_calls(&self) -> bool {
        self.items.get(&Kind::Call).is_some_and(|calls| calls.iter().any(|call| call.is_begun))
    }
}

impl Item {
    /// A call's name is known.
    pub(super) fn begin(&mut self, call_id: &str, name: &str, events: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_begun, true) {
            let (call_id, name) = (call_id.to_owned(), name.to_owned());
            events.push(Event::ToolCall { index: self.ordinal, call_id, name });
        }
    }

    /// A piece of a text.
    pub(super) fn piece(&mut self, piece: Piece, index: usize, text: &str, events: &mut Vec<Event>) {
        // Arguments of a call that has no name yet come again, whole, with its name.
        if text.is_empty() || (piece == Piece::Arguments && !self.is_begun) {
            return;
        }
        *self.bytes.entry((piece, index)).or_default() += text.len();
        let text = text.to_owned();
        events.push(match piece {
            Piece::Text => Event::Text(text),
            Piece::Refusal => Event::Refusal(text),
            Piece::Thought => Event::Thought(text),
            Piece::Summary => Event::Summary { index, text },
            Piece::Arguments => Event::Arguments { index: self.ordinal, text },
        });
    }

    /// A whole text, of which pieces may have been given.
    pub(super) fn whole(&mut self, piece: Piece, index: usize, text: &str, events: &mut Vec<Event>) {
        let given = self.bytes.get(&(piece, index)).copied().unwrap_or(0);
        if let Some(rest) = text.get(given..) {
            self.piece(piece, index, rest, events);
        }
    }

    /// Probabilities, of some tokens more.
    pub(super) fn logprobs(&mut self, index: usize, more: &[&RawValue], events: &mut Vec<Event>) {
        if !more.is_empty() {
            *self.logprobs.entry(index).or_default() += more.len();
            events.push(Event::Logprobs(more.iter().map(|&logprob| logprob.to_owned()).collect()));
        }
    }

    /// Probabilities, of all tokens of a text.
    pub(super) fn all_logprobs(&mut self, index: usize, all: &[&RawValue], events: &mut Vec<Event>) {
        let given = self.logprobs.get(&index).copied().unwrap_or(0);
        self.logprobs(index, all.get(given..).unwrap_or_default(), events);
    }

    /// The whole item.
    pub(super) fn output(&mut self, output: &Output<'_>, events: &mut Vec<Event>) {
        if let (Some(Kind::Call), Some(call_id), Some(name)) = (output.kind(), &output.call_id, &output.name)
        {
            self.begin(call_id, name, events);
            self.whole(Piece::Arguments, 0, output.arguments.as_deref().unwrap_or_default(), events);
        }
        for (index, part) in output.summary.iter().flatten().enumerate() {
            self.whole(Piece::Summary, index, part.text.as_deref().unwrap_or_default(), events);
        }
        let text = if output.kind() == Some(Kind::Reasoning) { Piece::Thought } else { Piece::Text };
        for (index, part) in output.content.iter().flatten().enumerate() {
            self.whole(text, index, part.text.as_deref().unwrap_or_default(), events);
            self.all_logprobs(index, part.logprobs.as_deref().unwrap_or_default(), events);
            self.whole(Piece::Refusal, index, part.refusal.as_deref().unwrap_or_default(), events);
        }
        if let Some(sealed) = output.encrypted_content.as_deref().filter(|text| !text.is_empty())
            && !std::mem::replace(&mut self.is_sealed, true)
        {
            events.push(Event::Sealed(sealed.to_owned()));
        }
    }
}
