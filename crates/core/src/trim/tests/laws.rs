//! What holds of every conversation.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::request::Request;
use crate::trim::{MARKER, Trimmed, trim};

/// What happens in a conversation.
#[derive(Clone, Debug)]
enum Step {
    Operator(String),
    User(Vec<String>),
    Answer(String),
    /// Calls and their results, and whether the user speaks between them, which only Responses can say.
    Round {
        results: Vec<String>,
        is_interrupted: bool,
    },
}

/// Few texts, some of them long, so that they are repeated.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z\"\n]{1,20}",
        prop::sample::select(vec!["a", "b", "\u{e9}\""]).prop_map(|letter| letter.repeat(300))
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => text().prop_map(Step::Operator),
        3 => prop::collection::vec(text(), 1..3).prop_map(Step::User),
        3 => text().prop_map(Step::Answer),
        2 => (prop::collection::vec(text(), 1..3), any::<bool>())
            .prop_map(|(results, is_interrupted)| Step::Round { results, is_interrupted }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..16).prop_map(|steps| {
        let is_user = |step: &Step| matches!(step, Step::User(_));
        if steps.iter().any(is_user) { steps } else { [steps, vec![Step::User(vec!["hi".into()])]].concat() }
    })
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(vec![Dialect::Chat, Dialect::Responses])
}

/// The elements of a conversation; each has a member `tag` that no other has.
fn elements(dialect: Dialect, steps: &[Step]) -> Vec<String> {
    let is_chat = dialect == Dialect::Chat;
    let mut elements = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let id = |index: usize| format!("c{number}-{index}");
        match step {
            Step::Operator(text) => elements.push(json!({"role": "developer", "content": text})),
            Step::User(texts) if texts.len() == 1 => {
                elements.push(json!({"role": "user", "content": texts[0]}));
            }
            Step::User(texts) => {
                let kind = if is_chat { "text" } else { "input_text" };
                let parts: Vec<_> = texts.iter().map(|text| json!({"type": kind, "text": text})).collect();
                elements.push(json!({"role": "user", "content": parts}));
            }
            Step::Answer(text) => elements.push(json!({"role": "assistant", "content": text})),
            Step::Round { results, .. } if is_chat => {
                let calls: Vec<_> = (0..results.len()).map(|index| json!({"id": id(index), "type": "function", "function": {"name": "f", "arguments": "{}"}})).collect();
                elements.push(json!({"role": "assistant", "tool_calls": calls}));
                elements.extend(results.iter().enumerate().map(
                    |(index, text)| json!({"role": "tool", "tool_call_id": id(index), "content": text}),
                ));
            }
            Step::Round { results, is_interrupted } => {
                elements.push(json!({"type": "reasoning", "summary": []}));
                elements.extend((0..results.len()).map(|index| json!({"type": "function_call", "call_id": id(index), "name": "f", "arguments": "{}"})));
                elements.extend(is_interrupted.then(|| json!({"role": "user", "content": "hurry"})));
                elements.extend(results.iter().enumerate().map(|(index, text)| json!({"type": "function_call_output", "call_id": id(index), "output": text})));
            }
        }
    }
    let tagged = elements.into_iter().enumerate().map(|(tag, mut element)| {
        element["tag"] = tag.into();
        // A spelling that no serialiser has.
        element.to_string().replacen('{', "{  ", 1).replace("\",\"", "\" ,\"")
    });
    tagged.collect()
}

fn parse(dialect: Dialect, elements: &[String]) -> Request {
    let field = if dialect == Dialect::Chat { "messages" } else { "input" };
    let body = format!(r#"{{"model":"m","{field}":[{}]}}"#, elements.join(" , "));
    Request::parse(dialect, body.as_bytes()).unwrap()
}

/// The elements of a request, each in its own spelling.
fn spelled(request: &Request) -> Vec<String> {
    let field = if request.dialect == Dialect::Chat { "messages" } else { "input" };
    let raw: Vec<Box<serde_json::value::RawValue>> = request.body().read(field).unwrap().unwrap();
    raw.into_iter().map(|element| element.get().to_owned()).collect()
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn tag(text: &str) -> usize {
    usize::try_from(value(text)["tag"].as_u64().unwrap()).unwrap()
}

fn has_role(text: &str, role: &str) -> bool {
    value(text)["role"] == role
}

/// The ids of calls, and those of results.
fn ids(elements: &[String]) -> (HashSet<String>, HashSet<String>) {
    let (mut calls, mut results) = (HashSet::new(), HashSet::new());
    for element in elements.iter().map(|element| value(element)) {
        let id = |value: &Value| value.as_str().unwrap().to_owned();
        calls.extend(element["tool_calls"].as_array().into_iter().flatten().map(|call| id(&call["id"])));
        match element["type"].as_str() {
            Some("function_call") => calls.insert(id(&element["call_id"])),
            Some("function_call_output") => results.insert(id(&element["call_id"])),
            _ if element["role"] == "tool" => results.insert(id(&element["tool_call_id"])),
            _ => false,
        };
    }
    (calls, results)
}

/// Where the last turn begins: the first of the user's messages that nothing but operators' texts stands between.
fn last_turn(elements: &[String]) -> usize {
    let last = elements.iter().rposition(|element| has_role(element, "user")).unwrap();
    let before = elements[..last].iter().enumerate().rev();
    let row = before.take_while(|(_, element)| has_role(element, "user") || has_role(element, "developer"));
    row.filter(|(_, element)| has_role(element, "user")).last().map_or(last, |(index, _)| index)
}

/// The texts that an element says.
fn texts(element: &Value) -> Vec<String> {
    let said = if element["output"].is_null() { &element["content"] } else { &element["output"] };
    match said {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => parts.iter().map(|part| part["text"].as_str().unwrap().to_owned()).collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #[test]
    fn a_conversation_is_shortened_and_never_broken(
        steps in steps(), dialect in dialect(), budget in 1..800_u64,
    ) {
        let before = elements(dialect, &steps);
        let Some(Trimmed { request, note }) = trim(&parse(dialect, &before), budget).unwrap() else { return Ok(()) };
        let after = spelled(&request);

        let (calls, results) = ids(&after);
        prop_assert_eq!(&calls, &results);
        let operators = |elements: &[String]| -> Vec<String> {
            elements.iter().filter(|element| has_role(element, "developer")).cloned().collect()
        };
        prop_assert_eq!(operators(&after), operators(&before));
        let tags: Vec<_> = after.iter().map(|element| tag(element)).collect();
        prop_assert!(tags.is_sorted_by(|one, next| one < next));
        let last = last_turn(&before);
        prop_assert!((last..before.len()).all(|index| tags.contains(&index)));
        prop_assert!(before[last..].iter().filter(|element| has_role(element, "user")).all(|element| after.contains(element)));
        if note.contains("turns=") {
            let first = after.iter().find(|element| !has_role(element, "developer")).unwrap();
            prop_assert!(has_role(first, "user"));
        }
    }

    #[test]
    fn what_stays_is_as_it_came_or_said_below(steps in steps(), dialect in dialect(), budget in 1..800_u64) {
        let before = elements(dialect, &steps);
        let Some(Trimmed { request, note }) = trim(&parse(dialect, &before), budget).unwrap() else { return Ok(()) };
        let after = spelled(&request);

        let mut repeats = 0;
        for (index, element) in after.iter().enumerate() {
            let (old, new) = (&before[tag(element)], value(element));
            if old == element {
                continue;
            }
            let below: Vec<_> = after[index + 1..].iter().flat_map(|element| texts(&value(element))).collect();
            for (was, is) in texts(&value(old)).into_iter().zip(texts(&new)) {
                let is_marked = is == MARKER && was.len() >= 256 && below.contains(&was);
                prop_assert!(was == is || is_marked);
                repeats += usize::from(was != is);
            }
        }
        prop_assert_eq!(note.contains(&format!("repeats={repeats}")), repeats > 0);
    }

    #[test]
    fn trimming_twice_changes_nothing_more(steps in steps(), dialect in dialect(), budget in 1..800_u64) {
        let request = parse(dialect, &elements(dialect, &steps));
        if let Some(trimmed) = trim(&request, budget).unwrap() {
            prop_assert!(trimmed.request.body_bytes() < request.body_bytes());
            prop_assert!(trim(&trimmed.request, budget).unwrap().is_none());
        }
    }

    #[test]
    fn only_what_is_too_long_is_trimmed_and_what_stays_so_is_named(
        steps in steps(), dialect in dialect(), budget in 1..800_u64,
    ) {
        let before = elements(dialect, &steps);
        let bytes = |elements: &[String]| elements.iter().map(String::len).sum::<usize>().div_ceil(4);
        let fits = |elements: &[String]| u64::try_from(bytes(elements)).unwrap() <= budget;
        if let Some(Trimmed { request, note }) = trim(&parse(dialect, &before), budget).unwrap() {
            prop_assert!(!fits(&before));
            prop_assert_eq!(note.contains("over_budget"), !fits(&spelled(&request)));
        }
    }
}
