use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::chat::ChatReader;
use crate::chat::sample::merged;
use crate::event::FinishReason;
use crate::sse::SseDecoder;

fn writer(include_usage: bool) -> ChatWriter {
    ChatWriter::new("req-1", "gpt-5.5", Timestamp::from_secs(1_795_392_000), include_usage)
}

fn whole(events: &[Event]) -> Value {
    serde_json::from_slice(&writer(false).whole(events)).unwrap()
}

fn frames(events: &[Event], include_usage: bool) -> Vec<Bytes> {
    let mut writer = writer(include_usage);
    let mut frames = writer.begin();
    frames.extend(events.iter().flat_map(|event| writer.write(event)).collect::<Vec<_>>());
    frames.extend(writer.end());
    frames
}

/// The data of the frames but the last, which ends the stream.
fn data(frames: &[Bytes]) -> Vec<Bytes> {
    let mut decoder = SseDecoder::default();
    let mut data: Vec<_> = frames.iter().flat_map(|frame| decoder.feed(frame).unwrap()).collect();
    assert_eq!(data.pop().unwrap(), sse::DONE);
    data
}

fn chunks(frames: &[Bytes]) -> Vec<Value> {
    data(frames).iter().map(|data| serde_json::from_slice(data).unwrap()).collect()
}

/// What differs between chunks: the choice, or the usage.
fn said(chunks: &[Value]) -> Vec<Value> {
    chunks.iter().map(|chunk| chunk["choices"].get(0).unwrap_or(&chunk["usage"]).clone()).collect()
}

fn text(text: &str) -> Event {
    Event::Text(text.to_owned())
}

fn logprobs(json: &str) -> Event {
    Event::Logprobs(vec![serde_json::from_str(json).unwrap()])
}

fn call(index: usize, id: &str) -> Event {
    Event::ToolCall { index, call_id: id.to_owned(), name: "look".to_owned() }
}

fn arguments(index: usize, text: &str) -> Event {
    Event::Arguments { index, text: text.to_owned() }
}

fn summary(index: usize, text: &str) -> Event {
    Event::Summary { index, text: text.to_owned() }
}

const USAGE: Usage = Usage { input: 2_000, cached: 1_500, cache_write: 30, output: 100, reasoning: 40 };

#[test]
fn a_text_with_all_counts_is_one_completion() {
    let token = r#"{"token":"It","logprob":-0.50,"bytes":[73,116],"top_logprobs":[]}"#;
    let events = [
        Event::ServiceTier("default".to_owned()),
        Event::Thought("Hm.".to_owned()),
        text("It "),
        logprobs(token),
        text("rains."),
        Event::Finish(FinishReason::Stop),
        Event::Usage(USAGE),
    ];

    assert_eq!(
        whole(&events),
        json!({
            "id": "chatcmpl-req-1", "object": "chat.completion", "created": 1_795_392_000, "model": "gpt-5.5",
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": "It rains.", "refusal": null, "reasoning": "Hm."},
                "logprobs": {"content": [serde_json::from_str::<Value>(token).unwrap()], "refusal": null},
                "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": 2000, "completion_tokens": 100, "total_tokens": 2100,
                "prompt_tokens_details": {"cached_tokens": 1500, "cache_write_tokens": 30},
                "completion_tokens_details": {"reasoning_tokens": 40}},
            "service_tier": "default"
        })
    );
}

#[test]
fn calls_alone_have_no_content() {
    let events = [
        summary(0, "First"),
        summary(0, "."),
        summary(1, "Second."),
        Event::Sealed("xyz".to_owned()),
        call(0, "a"),
        call(1, "b"),
        arguments(1, "{}"),
        arguments(0, "{\"x\""),
        arguments(0, ":1}"),
        Event::Finish(FinishReason::ToolCalls),
    ];

    let choice = &whole(&events)["choices"][0];

    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "look", "arguments": arguments}});
    assert_eq!(
        choice["message"],
        json!({"role": "assistant", "content": null, "refusal": null, "reasoning": "First.\n\nSecond.",
               "tool_calls": [call("a", "{\"x\":1}"), call("b", "{}")]})
    );
    assert_eq!((&choice["logprobs"], &choice["finish_reason"]), (&Value::Null, &json!("tool_calls")));
}

#[test]
fn a_refusal_has_no_content_and_silence_has_an_empty_one() {
    let refusal = [Event::Refusal("No.".to_owned()), Event::Finish(FinishReason::Stop)];
    let message = |events: &[Event]| whole(events)["choices"][0]["message"].clone();

    assert_eq!(message(&refusal), json!({"role": "assistant", "content": null, "refusal": "No."}));
    assert_eq!(
        message(&[Event::Finish(FinishReason::Length)]),
        json!({"role": "assistant", "content": "", "refusal": null})
    );
}

#[test]
fn a_stream_begins_with_the_role_and_ends_with_the_usage() {
    let events = [
        Event::Thought("Hm.".to_owned()),
        text("a"),
        logprobs(r#"{"token":"a"}"#),
        Event::Refusal("No.".to_owned()),
        call(0, "call_1"),
        arguments(0, "{}"),
        Event::Usage(USAGE),
        Event::ServiceTier("flex".to_owned()),
        Event::Finish(FinishReason::ToolCalls),
    ];

    let chunks = chunks(&frames(&events, true));

    let choice = |delta: Value| json!({"index": 0, "delta": delta, "finish_reason": null});
    let expected = [
        choice(json!({"role": "assistant", "content": ""})),
        choice(json!({"reasoning": "Hm."})),
        choice(json!({"content": "a"})),
        json!({"index": 0, "delta": {}, "logprobs": {"content": [{"token": "a"}], "refusal": null}, "finish_reason": null}),
        choice(json!({"refusal": "No."})),
        choice(json!({"tool_calls": [
            {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}]})),
        choice(json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]})),
        json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}),
        serde_json::to_value(ChatUsage::from(USAGE)).unwrap(),
    ];
    assert_eq!(said(&chunks), expected);
    let (first, last) = (&chunks[0], chunks.last().unwrap());
    assert_eq!(
        (&first["id"], &first["object"], &first["created"], &first["model"], &first["usage"]),
        (
            &json!("chatcmpl-req-1"),
            &json!("chat.completion.chunk"),
            &json!(1_795_392_000),
            &json!("gpt-5.5"),
            &Value::Null
        )
    );
    assert_eq!((&last["choices"], &last["service_tier"]), (&json!([]), &json!("flex")));
}

#[test]
fn usage_that_nobody_asked_for_is_not_said() {
    let events = [text("a"), Event::Finish(FinishReason::Stop), Event::Usage(USAGE)];

    let chunks = chunks(&frames(&events, false));

    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(chunks.len(), 3);
}

#[test]
fn nothing_comes_after_a_failure() {
    let mut writer = writer(true);

    let frame = writer.fail(&Error::StreamBroken);

    assert_eq!(
        std::str::from_utf8(&frame).unwrap(),
        "data: {\"error\":{\"message\":\"the provider's stream broke off\",\"type\":\"server_error\",\"param\":null,\"code\":\"stream_broken\"}}\n\n"
    );
    assert!(writer.write(&text("a")).is_empty());
    assert!(writer.end().is_empty());
}

/// An answer's events in an order that a target may say them in.
fn any_answer() -> impl Strategy<Value = Vec<Event>> {
    let piece = || "[a-zé\"\n]{1,5}";
    let said = prop_oneof![
        piece().prop_map(Event::Text),
        piece().prop_map(Event::Refusal),
        piece().prop_map(Event::Thought),
        Just(()).prop_map(|()| logprobs(r#"{"token":"a","logprob":-0.10}"#)),
    ];
    let calls = proptest::collection::vec(proptest::collection::vec(piece(), 0..3), 0..4);
    let reason = prop::sample::select(vec![
        FinishReason::Stop,
        FinishReason::Length,
        FinishReason::ToolCalls,
        FinishReason::ContentFilter,
    ]);
    let usage = (0..9_u64, 0..9_u64, 0..9_u64).prop_map(|(input, output, cached)| Usage {
        input,
        output,
        cached,
        ..Usage::default()
    });
    (proptest::collection::vec(said, 0..8), calls, reason, usage).prop_map(
        |(mut events, calls, reason, usage)| {
            for (index, pieces) in calls.iter().enumerate() {
                events.push(call(index, &format!("call_{index}")));
                events.extend(pieces.iter().map(|piece| arguments(index, piece)));
            }
            events.extend([Event::Finish(reason), Event::Usage(usage)]);
            events
        },
    )
}

fn shown(events: Vec<Event>) -> String {
    format!("{:#?}", merged(events))
}

/// What a whole answer can keep: pieces of one kind together, the kinds in the message's order.
fn by_kind(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|event| match event {
        Event::Thought(_) | Event::Summary { .. } => 0,
        Event::Text(_) => 1,
        Event::Logprobs(_) => 2,
        Event::Refusal(_) => 3,
        Event::ToolCall { .. } | Event::Arguments { .. } | Event::Sealed(_) => 4,
        Event::Finish(_) | Event::Usage(_) | Event::ServiceTier(_) => 5,
    });
    events
}

proptest! {
    #[test]
    fn a_stream_that_is_written_and_read_again_says_the_same(events in any_answer()) {
        let mut reader = ChatReader::new(false);
        let again = data(&frames(&events, true)).iter().flat_map(|data| reader.chunk(data).unwrap()).collect();

        prop_assert_eq!(shown(again), shown(events));
    }

    #[test]
    fn a_whole_answer_that_is_written_and_read_again_says_the_same(events in any_answer()) {
        let again = ChatReader::new(false).whole(&writer(false).whole(&events)).unwrap();

        prop_assert_eq!(shown(again), shown(by_kind(events)));
    }
}
