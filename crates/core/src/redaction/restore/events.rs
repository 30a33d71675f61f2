//! Answers that come read.

use super::Restorer;
use super::mender::Menders;
use crate::event::Event;

/// Which text a piece belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EventPlace {
    Text,
    Refusal,
    Thought,
    Summary(usize),
    Arguments(usize),
}

impl Restorer {
    /// A piece of another kind ends what came before it.
    pub(super) fn mend_events(&self, menders: &mut Menders<EventPlace>, events: Vec<Event>) -> Vec<Event> {
        let mut said = Vec::with_capacity(events.len());
        for event in events {
            let Some((place, text)) = piece(&event) else {
                if !matches!(event, Event::Usage(_) | Event::ServiceTier(_) | Event::Logprobs(_)) {
                    said.extend(menders.end_where(|_| true).into_iter().map(write));
                }
                said.push(event);
                continue;
            };
            said.extend(menders.end_where(|other| *other != place).into_iter().map(write));
            let is_nested =
                matches!(place, EventPlace::Arguments(_)) || self.is_json && place == EventPlace::Text;
            let mended = menders.feed(&self.vault, (place, u8::from(is_nested)), text);
            if !mended.is_empty() || text.is_empty() {
                said.push(write((place, mended)));
            }
        }
        said
    }
}

fn piece(event: &Event) -> Option<(EventPlace, &str)> {
    Some(match event {
        Event::Text(text) => (EventPlace::Text, text),
        Event::Refusal(text) => (EventPlace::Refusal, text),
        Event::Thought(text) => (EventPlace::Thought, text),
        Event::Summary { index, text } => (EventPlace::Summary(*index), text),
        Event::Arguments { index, text } => (EventPlace::Arguments(*index), text),
        Event::Logprobs(_)
        | Event::Sealed(_)
        | Event::ToolCall { .. }
        | Event::Finish(_)
        | Event::Usage(_)
        | Event::ServiceTier(_) => return None,
    })
}

fn write((place, text): (EventPlace, String)) -> Event {
    match place {
        EventPlace::Text => Event::Text(text),
        EventPlace::Refusal => Event::Refusal(text),
        EventPlace::Thought => Event::Thought(text),
        EventPlace::Summary(index) => Event::Summary { index, text },
        EventPlace::Arguments(index) => Event::Arguments { index, text },
    }
}
