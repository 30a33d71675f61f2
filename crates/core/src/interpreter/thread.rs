//! The thread of an answer: what was said of it, for as long as another target could take it up, and how that one's
//! words are joined to it.

use crate::completion::NoAnswer;
use crate::event::Event;
use crate::splice::{MAX_SAID_BYTES, Seam};

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Thread {
    said: String,
    /// It is finished, or holds what nobody else can go on with.
    is_closed: bool,
    /// Another target goes on.
    seam: Option<Seam>,
}

impl Thread {
    /// What was said, where it is text that is not finished: reasoning that broke off, or before which text stands, is
    /// not gone on with, nor is a refusal or a call.
    pub(super) fn said(&self) -> Option<&str> {
        Some(self.said.as_str()).filter(|said| !self.is_closed && !said.is_empty())
    }

    /// Another target goes on from here.
    pub(super) fn go_on(&mut self) {
        self.seam = Some(Seam::after(&self.said));
    }

    /// What the caller is told of these events. Of one that goes on, only text is: its reasoning is not that of what
    /// stands before it, and a call was never asked for.
    pub(super) fn take(&mut self, events: Vec<Event>) -> Result<Vec<Event>, NoAnswer> {
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            match event {
                Event::Text(text) => {
                    let text = match &mut self.seam {
                        Some(seam) => seam.take(&text),
                        None => text,
                    };
                    self.say(text, &mut told);
                }
                Event::Finish(_) | Event::Refusal(_) => {
                    let held = self.seam.as_mut().map(Seam::end).unwrap_or_default();
                    self.say(held, &mut told);
                    self.is_closed = true;
                    told.push(event);
                }
                Event::Thought(_) | Event::Summary { .. } | Event::Sealed(_) | Event::Logprobs(_)
                    if self.seam.is_some() => {}
                Event::ToolCall { .. } | Event::Arguments { .. } if self.seam.is_some() => {
                    return Err(NoAnswer::Failed);
                }
                Event::ToolCall { .. } | Event::Arguments { .. } => {
                    self.is_closed = true;
                    told.push(event);
                }
                Event::Thought(_) | Event::Summary { .. } | Event::Sealed(_) => {
                    self.is_closed |= !self.said.is_empty();
                    told.push(event);
                }
                Event::Logprobs(_) | Event::Usage(_) | Event::ServiceTier(_) => told.push(event),
            }
        }
        Ok(told)
    }

    fn say(&mut self, text: String, told: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        if self.said.len() + text.len() > MAX_SAID_BYTES {
            // Too long to be given to anybody, and no reason to be kept.
            (self.is_closed, self.said) = (true, String::new());
        }
        if !self.is_closed {
            self.said.push_str(&text);
        }
        told.push(Event::Text(text));
    }
}
