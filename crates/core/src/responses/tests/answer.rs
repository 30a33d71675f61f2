//! Targets' answers, whole and as streams, read into events.

use serde_json::{Value, json};

use super::merged;
use crate::completion::NoAnswer;
use crate::event::Event;
use crate::responses::ResponsesReader;

/// An answer as GPT-5.5 gives it, with all that it can hold.
pub(super) fn whole() -> Value {
    json!({
        "id": "resp_0a1b2c", "object": "response", "created_at": 1_795_000_000, "status": "completed", "background": false,
        "error": null, "incomplete_details": null, "instructions": null, "max_output_tokens": 1000, "model": "gpt-5.5",
        "output": [
            {"id": "rs_0a", "type": "reasoning", "encrypted_content": "gAAAAABo",
             "summary": [{"type": "summary_text", "text": "**Looking**"}, {"type": "summary_text", "text": "**Calling**"}]},
            {"id": "msg_0a", "type": "message", "status": "completed", "role": "assistant", "content": [
                {"type": "output_text", "annotations": [], "text": "Let me look.", "logprobs": [
                    {"token": "Let", "bytes": [76, 101, 116], "logprob": -0.25, "top_logprobs": []}]}]},
            {"id": "fc_0a", "type": "function_call", "status": "completed", "call_id": "call_a", "name": "weather",
             "arguments": "{\"city\":\"Rome\"}"},
            {"id": "fc_0b", "type": "function_call", "status": "completed", "call_id": "call_b", "name": "time", "arguments": "{}"},
        ],
        "parallel_tool_calls": true, "previous_response_id": null, "reasoning": {"effort": "low", "summary": "auto"},
        "service_tier": "default", "store": false, "temperature": 1.0, "text": {"format": {"type": "text"}},
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "user": null, "metadata": {},
        "usage": {"input_tokens": 1500, "input_tokens_details": {"cached_tokens": 1024, "cache_write_tokens": 128},
                  "output_tokens": 90, "output_tokens_details": {"reasoning_tokens": 64}, "total_tokens": 1590},
    })
}

/// The same as a stream.
pub(super) fn stream() -> Vec<Value> {
    let (mut begun, whole) = (whole(), whole());
    begun["status"] = json!("in_progress");
    begun["output"] = json!([]);
    begun["usage"] = Value::Null;
    let output = &whole["output"];
    let piece = |kind: &str, place: usize, inner: &str, delta: &str| {
        json!({"type": format!("response.{kind}.delta"), "item_id": output[place]["id"], "output_index": place,
               inner: 0, "delta": delta, "obfuscation": "x"})
    };
    let mut second = piece("reasoning_summary_text", 0, "summary_index", "**Calling**");
    second["summary_index"] = json!(1);
    let mut text = piece("output_text", 1, "content_index", "Let me ");
    text["logprobs"] = output[1]["content"][0]["logprobs"].clone();
    let call = |place: usize| {
        let mut item = output[place].clone();
        item["arguments"] = json!("");
        json!({"type": "response.output_item.added", "output_index": place, "item": item})
    };
    let done = |place: usize| json!({"type": "response.output_item.done", "output_index": place, "item": output[place]});
    vec![
        json!({"type": "response.created", "response": begun}),
        json!({"type": "response.in_progress", "response": begun}),
        json!({"type": "response.output_item.added", "output_index": 0,
               "item": {"id": "rs_0a", "type": "reasoning", "summary": [], "encrypted_content": "early"}}),
        piece("reasoning_summary_text", 0, "summary_index", "**Look"),
        piece("reasoning_summary_text", 0, "summary_index", "ing**"),
        json!({"type": "response.reasoning_summary_text.done", "output_index": 0, "summary_index": 0, "text": "**Looking**"}),
        second,
        done(0),
        json!({"type": "response.output_item.added", "output_index": 1,
               "item": {"id": "msg_0a", "type": "message", "status": "in_progress", "role": "assistant", "content": []}}),
        text,
        json!({"type": "response.output_text.done", "output_index": 1, "content_index": 0, "text": "Let me look.",
               "logprobs": output[1]["content"][0]["logprobs"]}),
        done(1),
        call(2),
        piece("function_call_arguments", 2, "future", "{\"city\":"),
        call(3),
        piece("function_call_arguments", 3, "future", "{}"),
        piece("function_call_arguments", 2, "future", "\"Rome\"}"),
        json!({"type": "response.function_call_arguments.done", "output_index": 2, "arguments": "{\"city\":\"Rome\"}"}),
        done(2),
        done(3),
        json!({"type": "response.completed", "response": whole}),
    ]
}

pub(super) fn read_whole(answer: &Value) -> Result<Vec<Event>, NoAnswer> {
    ResponsesReader::new().whole(answer.to_string().as_bytes())
}

fn read_stream(events: &[Value]) -> Vec<Event> {
    let mut reader = ResponsesReader::new();
    let mut read: Vec<_> =
        events.iter().flat_map(|event| reader.event(event.to_string().as_bytes()).unwrap()).collect();
    read.extend(reader.end());
    read
}

fn finished(status: &str, reason: &Value, output: &Value) -> Option<String> {
    let answer = json!({"status": status, "incomplete_details": {"reason": reason}, "output": output});
    let events = read_whole(&answer).unwrap();
    events.iter().find_map(|event| match event {
        Event::Finish(reason) => Some(format!("{reason:?}")),
        _ => None,
    })
}

#[test]
fn a_whole_answer_is_read_into_events() {
    let events = read_whole(&whole()).unwrap();

    assert_eq!(
        json!(merged(&events)),
        json!([
            ["summary", 0, "**Looking**"], ["summary", 1, "**Calling**"], ["sealed", 2, "gAAAAABo"],
            ["text", 0, "Let me look."],
            ["logprobs", 0, [{"token": "Let", "bytes": [76, 101, 116], "logprob": -0.25, "top_logprobs": []}]],
            ["call", 0, ["call_a", "weather"]], ["arguments", 0, "{\"city\":\"Rome\"}"],
            ["call", 1, ["call_b", "time"]], ["arguments", 1, "{}"],
            ["tier", 0, "default"], ["finish", 0, "ToolCalls"],
            ["usage", 0, {"input": 1500, "cached": 1024, "cache_write": 128, "output": 90, "reasoning": 64}],
        ])
    );
}

#[test]
fn a_stream_says_each_thing_once() {
    let events = read_stream(&stream());

    assert_eq!(
        json!(merged(&events)),
        json!([
            ["summary", 0, "**Looking**"], ["summary", 1, "**Calling**"], ["sealed", 2, "gAAAAABo"],
            ["text", 0, "Let me "],
            ["logprobs", 0, [{"token": "Let", "bytes": [76, 101, 116], "logprob": -0.25, "top_logprobs": []}]],
            ["text", 0, "look."],
            ["call", 0, ["call_a", "weather"]], ["arguments", 0, "{\"city\":"],
            ["call", 1, ["call_b", "time"]], ["arguments", 1, "{}"], ["arguments", 0, "\"Rome\"}"],
            ["tier", 0, "default"], ["finish", 0, "ToolCalls"],
            ["usage", 0, {"input": 1500, "cached": 1024, "cache_write": 128, "output": 90, "reasoning": 64}],
        ])
    );
}

#[test]
fn what_comes_only_at_the_end_of_a_stream_is_not_lost() {
    let last = stream().pop().unwrap();

    let events = read_stream(std::slice::from_ref(&last));

    assert_eq!(merged(&events), merged(&read_whole(&whole()).unwrap()));
    let items_only: Vec<_> = stream()
        .into_iter()
        .filter(|event| {
            event["type"] != "response.output_item.added"
                && !event["type"].as_str().unwrap().ends_with("delta")
        })
        .collect();
    assert_eq!(merged(&read_stream(&items_only)), merged(&events));
}

#[test]
fn an_end_without_some_items_says_nothing_twice() {
    let mut events = stream();
    let last = events.last_mut().unwrap();
    last["response"]["output"].as_array_mut().unwrap().remove(0);
    last["response"]["output"][0]["id"] = json!("another");

    assert_eq!(merged(&read_stream(&events)), merged(&read_stream(&stream())));
}

#[test]
fn refusals_and_shown_reasoning_are_told_from_text() {
    let events = read_stream(&[
        json!({"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "Hm"}),
        json!({"type": "response.reasoning_text.done", "output_index": 0, "content_index": 0, "text": "Hm."}),
        json!({"type": "response.refusal.delta", "output_index": 1, "content_index": 0, "delta": "I can"}),
        json!({"type": "response.refusal.done", "output_index": 1, "content_index": 0, "refusal": "I can't."}),
        json!({"type": "response.completed", "response": {"status": "completed", "output": [
            {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
            {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "I can't."}]},
        ]}}),
    ]);

    assert_eq!(
        json!(merged(&events)),
        json!([["thought", 0, "Hm."], ["refusal", 0, "I can't."], ["finish", 0, "Stop"]])
    );
}

#[test]
fn a_finish_is_what_status_and_reason_say() {
    let none = json!([]);

    assert_eq!(finished("completed", &Value::Null, &none).as_deref(), Some("Stop"));
    assert_eq!(finished("completed", &Value::Null, &whole()["output"]).as_deref(), Some("ToolCalls"));
    assert_eq!(finished("incomplete", &json!("max_output_tokens"), &none).as_deref(), Some("Length"));
    assert_eq!(finished("incomplete", &json!("content_filter"), &none).as_deref(), Some("ContentFilter"));
    assert_eq!(finished("incomplete", &json!("future"), &none), None);
    assert_eq!(finished("in_progress", &Value::Null, &none), None);
}

#[test]
fn a_tight_cap_leaves_an_answer_without_text() {
    let events = read_whole(&json!({
        "id": "resp_1", "object": "response", "status": "incomplete", "error": null,
        "incomplete_details": {"reason": "max_output_tokens"}, "output": [{"id": "rs_1", "type": "reasoning", "summary": []}],
        "usage": {"input_tokens": 9, "input_tokens_details": null, "output_tokens": 16,
                  "output_tokens_details": {"reasoning_tokens": 16}, "total_tokens": 25},
    }))
    .unwrap();

    assert_eq!(
        json!(merged(&events)),
        json!([
            ["finish", 0, "Length"],
            ["usage", 0, {"input": 9, "cached": 0, "cache_write": 0, "output": 16, "reasoning": 16}],
        ])
    );
}

#[test]
fn failures_are_told_from_what_is_no_answer() {
    let event = |value: Value| ResponsesReader::new().event(value.to_string().as_bytes());
    let failed = json!({"status": "failed", "error": {"code": "server_error", "message": "x"}, "output": []});

    assert!(matches!(read_whole(&failed), Err(NoAnswer::Failed)));
    assert!(matches!(read_whole(&json!({"error": {"message": "x"}})), Err(NoAnswer::Failed)));
    assert!(matches!(
        read_whole(&json!({"Output": {"__type": "x"}, "Version": "1.0"})),
        Err(NoAnswer::Garbled(_))
    ));
    assert!(matches!(event(json!({"type": "response.failed", "response": failed})), Err(NoAnswer::Failed)));
    assert!(matches!(event(json!({"type": "error", "code": "x", "message": "x"})), Err(NoAnswer::Failed)));
    assert!(matches!(event(json!({"error": {"message": "x"}})), Err(NoAnswer::Failed)));
    assert!(matches!(event(json!({"choices": []})), Err(NoAnswer::Garbled(_))));
    assert!(
        matches!(event(json!({"type": "response.future", "delta": {}})), Ok(events) if events.is_empty())
    );
    assert!(ResponsesReader::new().event(b"[DONE]").unwrap().is_empty());
}
