//! What the tests of this dialect share.

use crate::catalogue::{Catalogue, Target};
use crate::event::Event;
pub(super) use crate::parameter::Rules;

/// A target with these rules.
pub(super) fn target(parameters: Rules) -> Target {
    let catalogue: Catalogue = serde_json::from_str(include_str!("../../../../config/catalogue.json"))
        .unwrap_or_else(|error| panic!("{error}"));
    let target = catalogue.targets["mantle-us-east-1/gpt-5.5"].clone();
    Target { model_id: "provider.m".to_owned(), parameters, ..target }
}

/// The same events, where neighbours that belong together are one.
pub(super) fn merged(events: Vec<Event>) -> Vec<Event> {
    let mut merged: Vec<Event> = Vec::new();
    for event in events {
        match (merged.last_mut(), event) {
            (Some(Event::Text(text)), Event::Text(more))
            | (Some(Event::Refusal(text)), Event::Refusal(more))
            | (Some(Event::Thought(text)), Event::Thought(more)) => text.push_str(&more),
            (Some(Event::Arguments { index, text }), Event::Arguments { index: same, text: more })
                if *index == same =>
            {
                text.push_str(&more);
            }
            (Some(Event::Logprobs(tokens)), Event::Logprobs(more)) => tokens.extend(more),
            (_, event) => merged.push(event),
        }
    }
    merged
}
