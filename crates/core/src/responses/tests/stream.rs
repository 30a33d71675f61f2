//! Events, written for callers.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{REQUEST_ID, RESPONSE_ID, answer, data, merged, parsed};
use crate::error::Error;
use crate::event::{Event, FinishReason};
use crate::parameter::{Parameter, Parameters};
use crate::responses::ResponsesWriter;
use crate::time::Timestamp;
use crate::usage::Usage;

fn writer() -> ResponsesWriter {
    ResponsesWriter::new(REQUEST_ID, "gpt-5.5", Timestamp::from_secs(1_795_000_000))
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn streamed(mut writer: ResponsesWriter, events: &[Event]) -> Vec<Value> {
    let mut frames = writer.begin();
    frames.extend(events.iter().flat_map(|event| writer.write(event)));
    frames.extend(writer.end());
    data(&frames)
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap().trim_start_matches("response.")).collect()
}

fn logprob() -> Box<RawValue> {
    serde_json::from_str(r#"{"token":"Hi","bytes":[72,105],"logprob":-0.10,"top_logprobs":[]}"#).unwrap()
}

#[test]
fn a_text_is_streamed_as_a_message() {
    let usage = Usage { input: 3, output: 2, ..Usage::default() };
    let events = streamed(
        writer(),
        &[
            text("Hi"),
            Event::Logprobs(vec![logprob()]),
            text(" you"),
            Event::Finish(FinishReason::Stop),
            Event::Usage(usage),
        ],
    );

    assert_eq!(
        kinds(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
    );
    let numbers: Vec<_> = events.iter().map(|event| event["sequence_number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..11).collect::<Vec<_>>());
    let id = "msg_0198c0de00007000800000000000cafe_0";
    assert_eq!(
        events[2]["item"],
        json!({"type": "message", "id": id, "status": "in_progress", "role": "assistant", "content": []})
    );
    assert_eq!(
        events[5],
        json!({"type": "response.output_text.delta", "sequence_number": 5, "item_id": id, "output_index": 0,
               "content_index": 0, "delta": "", "logprobs": [logprob()]})
    );
    let part = json!({"type": "output_text", "text": "Hi you", "annotations": [], "logprobs": [logprob()]});
    assert_eq!(events[8]["part"], part);
    assert_eq!(
        events[10]["response"]["output"],
        json!([{"type": "message", "id": id, "status": "completed", "role": "assistant", "content": [part]}])
    );
}

#[test]
fn a_response_has_all_that_clients_look_for() {
    let mut parameters = Parameters::default();
    parameters.set(Parameter::ReasoningEffort, "low");
    parameters.set(Parameter::Metadata, json!({"a": "b"}));
    let usage = Usage { input: 9, cached: 4, cache_write: 2, output: 5, reasoning: 3 };
    let events =
        [Event::Usage(usage), Event::ServiceTier("flex".to_owned()), Event::Finish(FinishReason::Length)];

    let response = parsed(&writer().echoing(&parameters).whole(&events));

    assert_eq!(
        response,
        json!({
            "id": RESPONSE_ID, "object": "response", "created_at": 1_795_000_000, "status": "incomplete", "error": null,
            "incomplete_details": {"reason": "max_output_tokens"}, "instructions": null, "max_output_tokens": null,
            "metadata": {"a": "b"}, "model": "gpt-5.5", "output": [], "parallel_tool_calls": true,
            "previous_response_id": null, "reasoning": {"effort": "low", "summary": null}, "service_tier": "flex",
            "store": false, "temperature": null, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [],
            "top_p": null, "truncation": "disabled",
            "usage": {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                      "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 14},
        })
    );
}

#[test]
fn arguments_that_come_after_other_words_are_not_lost() {
    let arguments = |text: &str| Event::Arguments { index: 0, text: text.to_owned() };
    let events = streamed(
        writer(),
        &[
            Event::ToolCall { index: 0, call_id: "call_0".to_owned(), name: "f".to_owned() },
            arguments(r#"{"a":"#),
            Event::Text("One moment.".to_owned()),
            arguments("1}"),
            Event::Finish(FinishReason::ToolCalls),
        ],
    );

    let output = &events.last().unwrap()["response"]["output"];
    assert_eq!((&output[0]["arguments"], &output[0]["status"]), (&json!(r#"{"a":1}"#), &json!("completed")));
    assert_eq!(output[1]["content"][0]["text"], "One moment.");
    let closed = events.iter().filter(|event| event["type"] == "response.output_item.done");
    let places: Vec<_> = closed.map(|event| event["output_index"].clone()).collect();
    assert_eq!(places, [json!(1), json!(0)]);
}

#[test]
fn parallel_calls_take_their_arguments_in_turns() {
    let call = |index, name: &str| Event::ToolCall {
        index,
        call_id: format!("call_{index}"),
        name: name.to_owned(),
    };
    let arguments = |index, text: &str| Event::Arguments { index, text: text.to_owned() };
    let events = streamed(
        writer(),
        &[
            call(0, "f"),
            arguments(0, "{"),
            call(1, "g"),
            arguments(1, "{}"),
            arguments(0, "}"),
            Event::Finish(FinishReason::ToolCalls),
        ],
    );

    assert_eq!(
        kinds(&events)[2..],
        [
            "output_item.added",
            "function_call_arguments.delta",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    assert_eq!(events[6]["output_index"], 0);
    assert_eq!((&events[7]["name"], &events[7]["arguments"]), (&json!("f"), &json!("{}")));
    assert_eq!(
        events[11]["response"]["output"][1],
        json!({"type": "function_call", "id": "fc_0198c0de00007000800000000000cafe_1", "status": "completed",
               "call_id": "call_1", "name": "g", "arguments": "{}"})
    );
}

fn thoughtful() -> Vec<Value> {
    let summary = |index, text: &str| Event::Summary { index, text: text.to_owned() };
    let events = [
        summary(0, "a"),
        summary(1, "b"),
        Event::Thought("c".to_owned()),
        Event::Sealed("x".to_owned()),
        text("d"),
        Event::Refusal("e".to_owned()),
        Event::Finish(FinishReason::ContentFilter),
    ];
    streamed(writer().sealing_for("gpt-5.5@mantle"), &events)
}

#[test]
fn reasoning_is_closed_before_the_text_begins() {
    let summary = ["part.added", "text.delta", "text.done", "part.done"]
        .map(|step| format!("reasoning_summary_{step}"));
    let content = |kind: &str| {
        ["content_part.added", &format!("{kind}.delta"), &format!("{kind}.done"), "content_part.done"]
            .map(str::to_owned)
    };
    let steps = [
        &["output_item.added".to_owned()][..],
        &summary,
        &summary,
        &content("reasoning_text"),
        &["output_item.done".to_owned(), "output_item.added".to_owned()],
        &content("output_text"),
        &content("refusal"),
        &["output_item.done".to_owned(), "incomplete".to_owned()],
    ];

    assert_eq!(kinds(&thoughtful())[2..], steps.concat());
}

#[test]
fn reasoning_shown_and_sealed_is_one_item() {
    let response = &thoughtful().pop().unwrap()["response"];

    assert_eq!(response["incomplete_details"], json!({"reason": "content_filter"}));
    assert_eq!(
        response["output"][0],
        json!({"type": "reasoning", "id": "rs_0198c0de00007000800000000000cafe_0",
               "content": [{"type": "reasoning_text", "text": "c"}],
               "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
               "encrypted_content": "tg1.Z3B0LTUuNUBtYW50bGU.x"})
    );
    assert_eq!(response["output"][1]["content"][1], json!({"type": "refusal", "refusal": "e"}));
    assert_eq!(response["output"][1]["status"], "incomplete");
}

#[test]
fn a_failure_is_said_in_the_words_of_both_kinds_of_clients() {
    let mut writer = writer();
    writer.begin();

    let bytes = writer.fail(&Error::invalid("input", "no"));

    assert!(bytes.starts_with(b"event: error\ndata: "));
    assert_eq!(
        data(&[bytes]),
        [json!({
            "type": "error", "sequence_number": 2, "code": "invalid_request", "message": "no", "param": "input",
            "error": {"message": "no", "type": "invalid_request_error", "param": "input", "code": "invalid_request"},
        })]
    );
}

#[test]
fn a_whole_answer_read_and_written_is_the_same_answer() {
    let events = answer::read_whole(&answer::whole()).unwrap();

    let written = parsed(&writer().whole(&events));

    assert_eq!(merged(&answer::read_whole(&written).unwrap()), merged(&events));
    assert_eq!(written["usage"], answer::whole()["usage"]);
}
