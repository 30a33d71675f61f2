//! What Converse says, as its adapter reads it: one list of events for each event of its stream. A whole answer is the
//! same events at once.

use tollgate_core::converse::Seal;
use tollgate_core::event::{Event, FinishReason};
use tollgate_core::usage::Usage;

pub(crate) fn converse(name: &str) -> Vec<Vec<Event>> {
    match name {
        "text" => thoughtful(),
        "calls" => calls(),
        "length" => vec![finish(FinishReason::Length), counted(22, 0, 0, 16)],
        "filter" => vec![text("Once upon"), finish(FinishReason::ContentFilter), counted(19, 0, 0, 11)],
        "long" => {
            vec![text("A summary."), finish(FinishReason::Stop), counted(250_000, 30_000, 20_000, 1_000)]
        }
        "reasoning" => vec![
            thought("Only 1 and"),
            thought(" 7 divide it."),
            text("Yes."),
            finish(FinishReason::Stop),
            counted(77, 0, 0, 42),
        ],
        other => panic!("{other}"),
    }
}

/// Claude: its reasoning, signed, and then the answer.
fn thoughtful() -> Vec<Vec<Event>> {
    vec![
        thought("Italy: "),
        thought("Rome."),
        vec![Event::Sealed(Seal::Signature("EqoBCkgIARABGAIiQL8=".to_owned()).write())],
        text("Rome, "),
        text("“la città eterna”."),
        finish(FinishReason::Stop),
        counted(1_600, 500, 1_000, 90),
    ]
}

/// GPT-5.6: reasoning for its own eyes, some words, and two calls.
fn calls() -> Vec<Vec<Event>> {
    vec![
        vec![Event::Sealed(Seal::Redacted((&[0, 255, 1][..]).into()).write())],
        text("I look."),
        call(0, "tooluse_kZJMlvQmRJ6e"),
        arguments(0, r#"{"city":"Pa"#),
        arguments(0, r#"ris, France","unit":null}"#),
        call(1, "tooluse_Pn0aZ3cLT4y1"),
        arguments(1, r#"{"city":"Rome, Italy","unit":null}"#),
        finish(FinishReason::ToolCalls),
        vec![usage(210, 0, 0, 70), Event::ServiceTier("default".to_owned())],
    ]
}

fn text(text: &str) -> Vec<Event> {
    vec![Event::Text(text.to_owned())]
}

fn thought(text: &str) -> Vec<Event> {
    vec![Event::Thought(text.to_owned())]
}

fn call(index: usize, call_id: &str) -> Vec<Event> {
    vec![Event::ToolCall { index, call_id: call_id.to_owned(), name: "get_weather".to_owned() }]
}

fn arguments(index: usize, text: &str) -> Vec<Event> {
    vec![Event::Arguments { index, text: text.to_owned() }]
}

fn finish(reason: FinishReason) -> Vec<Event> {
    vec![Event::Finish(reason)]
}

fn counted(input: u64, cached: u64, cache_write: u64, output: u64) -> Vec<Event> {
    vec![usage(input, cached, cache_write, output)]
}

const fn usage(input: u64, cached: u64, cache_write: u64, output: u64) -> Event {
    Event::Usage(Usage { input, cached, cache_write, output, reasoning: 0 })
}
