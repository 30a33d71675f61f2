//! Reasoning that stands in the text: between tags, and at its beginning or not at all. Wherever the text is cut, it
//! is told apart in the same way.

use crate::event::Event;

const OPEN: &str = "<reasoning>";
const CLOSE: &str = "</reasoning>";

/// Tells reasoning and text apart.
#[derive(Debug, Default)]
pub(super) struct Inline {
    place: Place,
    /// What may be the beginning of a tag.
    held: String,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Before,
    Inside,
    After,
}

impl Inline {
    /// Takes the next piece, and gives what it makes certain.
    pub(super) fn feed(&mut self, text: &str) -> Vec<Event> {
        self.held.push_str(text);
        let mut events = Vec::new();
        if matches!(self.place, Place::Before) {
            if let Some(rest) = self.held.strip_prefix(OPEN) {
                self.held = rest.to_owned();
                self.place = Place::Inside;
            } else if !OPEN.starts_with(&self.held) {
                self.place = Place::After;
            }
        }
        if matches!(self.place, Place::Inside) {
            events.extend(self.think());
        }
        if matches!(self.place, Place::After) {
            events.extend(some(std::mem::take(&mut self.held)).map(Event::Text));
        }
        events
    }

    /// What was held back for a tag that did not come.
    pub(super) fn end(&mut self) -> Option<Event> {
        let rest = some(std::mem::take(&mut self.held))?;
        Some(if matches!(self.place, Place::Inside) { Event::Thought(rest) } else { Event::Text(rest) })
    }

    fn think(&mut self) -> Option<Event> {
        let (thought, rest) = match self.held.split_once(CLOSE) {
            Some((thought, rest)) => {
                self.place = Place::After;
                (thought, rest)
            }
            None => self.held.split_at(self.held.len() - tail_of_tag(&self.held)),
        };
        let thought = thought.to_owned();
        self.held = rest.to_owned();
        some(thought).map(Event::Thought)
    }
}

/// How many bytes at the end may be the beginning of the closing tag.
fn tail_of_tag(text: &str) -> usize {
    (1..CLOSE.len()).rev().find(|length| text.ends_with(&CLOSE[..*length])).unwrap_or(0)
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
