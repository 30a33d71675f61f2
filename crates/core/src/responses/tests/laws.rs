//! Laws that hold for whatever comes.

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{asking, body, data, merged, parsed, target};
use crate::event::{Event, FinishReason};
use crate::parameter::{Parameter, Parameters};
use crate::prompt::{Format, Item, Part, Prompt, Role, Sealed, Tool, ToolChoice};
use crate::raw::RawObject;
use crate::responses::{ResponsesPass, ResponsesReader, ResponsesWriter, forward, read, write};
use crate::sse::SseDecoder;
use crate::time::Timestamp;
use crate::usage::Usage;

fn words() -> impl Strategy<Value = String> {
    "[a-zé\"\\\\\n ]{0,6}"
}

fn part(role: Role) -> BoxedStrategy<Part> {
    let text = words().prop_map(Part::Text);
    match role {
        Role::Assistant => prop_oneof![text, words().prop_map(Part::Refusal)].boxed(),
        Role::System | Role::Developer => text.boxed(),
        Role::User => {
            let detail = prop::option::of(Just("low".to_owned()));
            let image = (words(), detail).prop_map(|(url, detail)| Part::Image { url, detail });
            prop_oneof![text, image].boxed()
        }
    }
}

fn item() -> impl Strategy<Value = Item> {
    let roles =
        prop_oneof![Just(Role::System), Just(Role::Developer), Just(Role::User), Just(Role::Assistant)];
    let sealed = words().prop_map(|text| Sealed { target: None, text });
    let reasoning = (prop::collection::vec(words(), 0..3), prop::option::of(sealed))
        .prop_filter("it is something", |(summary, sealed)| !summary.is_empty() || sealed.is_some());
    prop_oneof![
        roles
            .prop_flat_map(|role| (Just(role), prop::collection::vec(part(role), 0..3)))
            .prop_map(|(role, parts)| Item::Message { role, parts }),
        (words(), words(), words()).prop_map(|(call_id, name, arguments)| Item::ToolCall {
            call_id,
            name,
            arguments
        }),
        (words(), prop::collection::vec(part(Role::User), 0..3))
            .prop_map(|(call_id, parts)| Item::ToolResult { call_id, parts }),
        reasoning.prop_map(|(summary, sealed)| Item::Reasoning { summary, sealed }),
    ]
}

fn schema() -> Box<RawValue> {
    serde_json::from_str(r#"{"type":"object","properties":{"z":{"minimum":1.50},"a":{}}}"#).unwrap()
}

prop_compose! {
    fn settings()(
        cap in prop::option::of(1..9_u64), effort in prop::option::of("[a-z]{1,4}"), verbosity in prop::option::of("[a-z]{1,4}"),
        logprobs in any::<bool>(), tier in prop::option::of("[a-z]{1,4}"), parallel in prop::option::of(any::<bool>()),
    ) -> Parameters {
        let mut parameters = Parameters::default();
        let texts = [
            (Parameter::ReasoningEffort, effort), (Parameter::Verbosity, verbosity), (Parameter::ServiceTier, tier),
        ];
        for (name, value) in texts {
            value.into_iter().for_each(|value| parameters.set(name, value));
        }
        cap.into_iter().for_each(|cap| parameters.set(Parameter::MaxOutputTokens, cap));
        parallel.into_iter().for_each(|parallel| parameters.set(Parameter::ParallelToolCalls, parallel));
        logprobs.then(|| parameters.set(Parameter::Logprobs, true));
        parameters.set(Parameter::Store, false);
        parameters
    }
}

prop_compose! {
    fn prompt()(
        items in prop::collection::vec(item(), 1..6), parameters in settings(), name in words(), strict in any::<bool>(),
        choice in 0..4_usize, format in 0..4_usize, has_tool in any::<bool>(), description in prop::option::of(words()),
    ) -> Prompt {
        let choices =
            [ToolChoice::Auto, ToolChoice::None, ToolChoice::Required, ToolChoice::Function(name.clone())];
        let tool = Tool {
            name: name.clone(), description: description.clone(), parameters: Some(schema()), strict: Some(strict),
        };
        let schema = Format::JsonSchema { name, description, schema: schema(), strict: Some(strict) };
        let formats = [None, Some(Format::Text), Some(Format::JsonObject), Some(schema)];
        Prompt {
            items, parameters, tools: has_tool.then_some(tool).into_iter().collect(),
            tool_choice: Some(choices[choice].clone()), format: formats[format].clone(), ..Prompt::default()
        }
    }
}

fn logprob() -> Box<RawValue> {
    serde_json::from_str(r#"{"token":"a","logprob":-0.10,"top_logprobs":[]}"#).unwrap()
}

fn event() -> impl Strategy<Value = Event> {
    let summary = (0..2_usize, words()).prop_map(|(index, text)| Event::Summary { index, text });
    prop_oneof![
        words().prop_map(Event::Text),
        words().prop_map(Event::Refusal),
        words().prop_map(Event::Thought),
        summary,
        prop::collection::vec(Just(logprob()), 1..3).prop_map(Event::Logprobs),
        "[a-z]{1,4}".prop_map(Event::Sealed),
        "[a-z]{1,4}".prop_map(|name| Event::ToolCall { index: 0, call_id: name.clone(), name }),
        words().prop_map(|text| Event::Arguments { index: 0, text }),
    ]
}

/// Events as an answer has them: calls are numbered, arguments follow their call and probabilities their text, nothing
/// is empty, and parts of a summary are numbered anew in each reasoning.
fn in_order(events: Vec<Event>) -> Vec<Event> {
    let (mut calls, mut part, mut ordered) = (0_usize, None, Vec::<Event>::new());
    for mut event in events {
        let last = ordered.last();
        match &mut event {
            Event::Text(text) | Event::Refusal(text) | Event::Thought(text) if text.is_empty() => continue,
            Event::Summary { text, .. } | Event::Arguments { text, .. } if text.is_empty() => continue,
            Event::Logprobs(_) if !matches!(last, Some(Event::Text(_) | Event::Logprobs(_))) => continue,
            Event::ToolCall { index, .. } => {
                *index = calls;
                calls += 1;
            }
            Event::Arguments { index, .. } => match last {
                Some(Event::ToolCall { .. } | Event::Arguments { .. }) => *index = calls - 1,
                _ => continue,
            },
            Event::Summary { index, .. } => {
                let is_next = *index > 0 || matches!(last, Some(Event::Thought(_)));
                *index = part.map_or(0, |part: usize| part + usize::from(is_next));
                part = Some(*index);
            }
            _ => {}
        }
        if !matches!(event, Event::Summary { .. } | Event::Thought(_)) {
            part = None;
        }
        ordered.push(event);
    }
    let finish = if calls > 0 { FinishReason::ToolCalls } else { FinishReason::Stop };
    ordered.extend([
        Event::ServiceTier("default".to_owned()),
        Event::Finish(finish),
        Event::Usage(Usage { input: 5, cached: 1, cache_write: 2, output: 4, reasoning: 3 }),
    ]);
    ordered
}

fn writer() -> ResponsesWriter {
    ResponsesWriter::new("r", "m", Timestamp::from_secs(1))
}

fn streamed(events: &[Event]) -> Vec<u8> {
    let mut writer = writer();
    let mut frames = writer.begin();
    frames.extend(events.iter().flat_map(|event| writer.write(event)));
    frames.extend(writer.end());
    frames.concat()
}

fn json_value() -> impl Strategy<Value = Value> {
    let known = prop::sample::select(vec![
        "message",
        "function_call",
        "reasoning",
        "custom",
        "function",
        "user",
        "input_text",
        "json_schema",
        "disabled",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words().prop_map(Value::from),
        known.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let names = prop::sample::select(vec![
            "type",
            "role",
            "content",
            "text",
            "summary",
            "encrypted_content",
            "format",
            "name",
            "schema",
            "output",
            "call_id",
            "arguments",
            "effort",
            "image_url",
            "strict",
            "parameters",
            "item",
            "response",
            "delta",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.prop_map(str::to_owned), inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn body_with(members: Vec<(&'static str, Value)>) -> RawObject {
    body(&Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

proptest! {
    #[test]
    fn a_prompt_written_and_read_again_keeps_its_meaning(prompt in prompt()) {
        let target = target(&json!({}));
        let (bytes, notes) = write(&prompt, &asking(&target, &prompt.parameters)).unwrap();

        let again = read(&serde_json::from_slice(&bytes).unwrap()).unwrap();

        prop_assert!(notes.is_empty());
        prop_assert_eq!(format!("{:?}", again), format!("{:?}", prompt));
    }

    #[test]
    fn a_stream_written_and_read_again_says_the_same(events in prop::collection::vec(event(), 0..12)) {
        let events = in_order(events);
        let mut reader = ResponsesReader::new();
        let mut again = Vec::new();
        for event in SseDecoder::default().feed(&streamed(&events)).unwrap() {
            again.extend(reader.event(&event).unwrap());
        }
        again.extend(reader.end());

        prop_assert_eq!(merged(&again), merged(&events));
    }

    #[test]
    fn a_stream_and_a_whole_answer_end_as_the_same_response(events in prop::collection::vec(event(), 0..12)) {
        let events = in_order(events);

        let whole = parsed(&writer().whole(&events));

        let last = data(&[streamed(&events).into()]).pop().unwrap();
        prop_assert_eq!(&last["response"], &whole);
    }

    #[test]
    fn wherever_a_stream_is_cut_it_says_the_same(
        events in prop::collection::vec(event(), 0..8), cuts in prop::collection::vec(1..40_usize, 1..60),
    ) {
        let bytes = streamed(&in_order(events));
        let (mut decoder, mut reader, mut pieces) = (SseDecoder::default(), ResponsesReader::new(), Vec::new());
        let (mut rest, mut cuts) = (bytes.as_slice(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            rest = others;
            for event in decoder.feed(piece).unwrap() {
                pieces.extend(reader.event(&event).unwrap());
            }
        }

        let mut reader = ResponsesReader::new();
        let whole: Vec<_> = SseDecoder::default().feed(&bytes).unwrap().iter()
            .flat_map(|event| reader.event(event).unwrap()).collect();
        prop_assert_eq!(format!("{pieces:?}"), format!("{whole:?}"));
    }

    #[test]
    fn whatever_comes_is_read_or_refused(
        members in prop::collection::vec((prop::sample::select(vec![
            "model", "input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "metadata", "store",
            "max_output_tokens", "previous_response_id", "truncation", "background", "future",
        ]), json_value()), 0..6),
    ) {
        let body = body_with(members);
        if let Ok(prompt) = read(&body) {
            let target = target(&json!({}));
            // Fit or unfit: it returns.
            let _ = write(&prompt, &asking(&target, &prompt.parameters));
            prop_assert!(forward(&body, &prompt.parameters, &asking(&target, &prompt.parameters)).is_ok());
        }
    }

    #[test]
    fn whatever_a_target_says_is_read_or_refused(kind in prop::sample::select(vec![
        "response.created", "response.completed", "response.output_item.done", "response.output_text.delta", "x",
    ]), value in json_value()) {
        let event = json!({"type": kind, "response": value, "item": value, "delta": value, "text": value}).to_string();

        // An answer or none: each of them returns.
        let _ = ResponsesReader::new().event(event.as_bytes());
        let _ = ResponsesReader::new().whole(value.to_string().as_bytes());
        let _ = ResponsesPass::new("r", "t").event(event.as_bytes());
        let _ = ResponsesPass::new("r", "t").whole(value.to_string().as_bytes());
    }

    #[test]
    fn events_without_id_or_sealed_reasoning_pass_byte_for_byte(events in prop::collection::vec(event(), 0..12)) {
        let events = in_order(events);
        let mut pass = ResponsesPass::new("another", "t");
        for event in SseDecoder::default().feed(&streamed(&events)).unwrap() {
            let value = parsed(&event);
            let is_touched = value.get("response").is_some() || event.windows(9).any(|text| text == b"encrypted");

            let (bytes, _) = pass.event(&event).unwrap();

            let frame = [b"event: ", value["type"].as_str().unwrap().as_bytes(), b"\ndata: ", &event, b"\n\n"].concat();
            prop_assert_eq!(bytes == frame, !is_touched);
        }
    }
}
