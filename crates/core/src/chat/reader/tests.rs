use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::chat::sample::merged;
use crate::sse::{SseDecoder, encode};

fn whole(answer: &Value, inline: bool) -> String {
    shown(&ChatReader::new(inline).whole(answer.to_string().as_bytes()).unwrap())
}

fn stream(chunks: &[Value]) -> String {
    let mut reader = ChatReader::new(false);
    let read = |chunk: &Value| reader.chunk(chunk.to_string().as_bytes()).unwrap();
    let mut events: Vec<_> = chunks.iter().flat_map(read).collect();
    events.extend(reader.end());
    shown(&events)
}

/// One event a line.
fn shown(events: &[Event]) -> String {
    events.iter().map(|event| format!("{event:?}\n")).collect()
}

fn chunk(delta: Value) -> Value {
    let mut chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "logprobs": null, "finish_reason": null}], "usage": null});
    chunk["choices"][0]["delta"] = delta;
    chunk
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

#[test]
fn a_whole_answer_with_all_counts_is_read() {
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-5.5", "service_tier": "default",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "It rains.", "refusal": null, "annotations": []},
             "logprobs": {"content": [{"bytes": [73, 116], "logprob": -0.5, "token": "It"}],
                          "refusal": null},
             "finish_reason": "stop"},
            {"index": 1, "message": {"role": "assistant", "content": "It snows."}, "finish_reason": "length"}],
        "usage": {"prompt_tokens": 2000, "completion_tokens": 100, "total_tokens": 2100,
                  "prompt_tokens_details": {"cached_tokens": 1500, "cache_write_tokens": 30, "audio_tokens": 0},
                  "completion_tokens_details": {"reasoning_tokens": 40, "accepted_prediction_tokens": 0}},
        "system_fingerprint": null
    });

    insta::assert_snapshot!(whole(&answer, false), @r#"
    ServiceTier("default")
    Text("It rains.")
    Logprobs([RawValue({"bytes":[73,116],"logprob":-0.5,"token":"It"})])
    Finish(Stop)
    Usage(Usage { input: 2000, cached: 1500, cache_write: 30, output: 100, reasoning: 40 })
    "#);
}

#[test]
fn streamed_calls_are_told_apart_by_their_index() {
    let piece = |call: Value| chunk(json!({"tool_calls": [call]}));
    let chunks = [
        chunk(json!({"role": "assistant", "content": null})),
        piece(
            json!({"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}),
        ),
        piece(json!({"index": 0, "function": {"arguments": "{\"a\""}})),
        piece(
            json!({"index": 1, "id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{}"}}),
        ),
        piece(json!({"index": 0, "function": {"arguments": ":1}"}})),
        finish("tool_calls"),
        json!({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
               "amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}}),
    ];

    insta::assert_snapshot!(stream(&chunks), @r#"
    ToolCall { index: 0, call_id: "call_a", name: "f" }
    Arguments { index: 0, text: "{\"a\"" }
    ToolCall { index: 1, call_id: "call_b", name: "g" }
    Arguments { index: 1, text: "{}" }
    Arguments { index: 0, text: ":1}" }
    Finish(ToolCalls)
    Usage(Usage { input: 3, cached: 0, cache_write: 0, output: 2, reasoning: 0 })
    "#);
}

#[test]
fn calls_with_one_index_for_all_are_told_apart_by_their_ids() {
    let call = |id: &str| json!({"index": 0, "id": id, "function": {"name": "f", "arguments": id}});
    let same = json!({"index": 0, "id": "b", "function": {"name": "f", "arguments": "!"}});

    insta::assert_snapshot!(stream(&[chunk(json!({"tool_calls": [call("a"), call("b"), same]}))]), @r#"
    ToolCall { index: 0, call_id: "a", name: "f" }
    Arguments { index: 0, text: "a" }
    ToolCall { index: 1, call_id: "b", name: "f" }
    Arguments { index: 1, text: "b" }
    Arguments { index: 1, text: "!" }
    "#);
}

#[test]
fn the_calls_of_a_whole_answer_need_no_index() {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let message = json!({"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]});
    let answer = json!({"choices": [{"message": message, "finish_reason": "tool_calls"}]});

    insta::assert_snapshot!(whole(&answer, false), @r#"
    ToolCall { index: 0, call_id: "a", name: "f" }
    Arguments { index: 0, text: "{}" }
    ToolCall { index: 1, call_id: "b", name: "f" }
    Arguments { index: 1, text: "{}" }
    Finish(ToolCalls)
    "#);
}

#[test]
fn refusals_and_both_names_of_reasoning_are_read() {
    let chunks = [
        chunk(json!({"reasoning": "Hm"})),
        chunk(json!({"reasoning_content": "m."})),
        chunk(json!({"reasoning": "!", "reasoning_content": "!"})),
        chunk(json!({"refusal": "No."})),
        finish("content_filter"),
    ];

    insta::assert_snapshot!(stream(&chunks), @r#"
    Thought("Hm")
    Thought("m.")
    Thought("!")
    Refusal("No.")
    Finish(ContentFilter)
    "#);
}

#[test]
fn the_tier_is_said_once() {
    let mut chunks = [chunk(json!({"content": "a"})), chunk(json!({"content": "b"}))];
    for chunk in &mut chunks {
        chunk["service_tier"] = json!("flex");
    }

    insta::assert_snapshot!(stream(&chunks), @r#"
    ServiceTier("flex")
    Text("a")
    Text("b")
    "#);
}

#[test]
fn every_finish_has_its_reason() {
    let reasons = [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("tool_calls", FinishReason::ToolCalls),
        ("function_call", FinishReason::ToolCalls),
        ("content_filter", FinishReason::ContentFilter),
    ];
    for (word, reason) in reasons {
        assert_eq!(stream(&[finish(word)]), format!("Finish({reason:?})\n"));
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    let call = |call: Value| chunk(json!({"tool_calls": [call]}));
    let garbled = [
        json!({"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"}),
        json!([]),
        finish("tired"),
        chunk(json!({"content": 5})),
        call(json!({"index": 0, "function": {"name": "f", "arguments": ""}})),
        call(json!({"index": 0, "id": "a", "function": {"arguments": ""}})),
    ];
    for answer in garbled {
        let error = ChatReader::new(false).chunk(answer.to_string().as_bytes()).unwrap_err();
        assert!(matches!(error, NoAnswer::Garbled(_)), "{answer}");
    }
    let failed = br#"{"error":{"message":"overloaded"},"choices":[{"delta":{},"finish_reason":"error"}]}"#;
    assert!(matches!(ChatReader::new(false).chunk(failed), Err(NoAnswer::Failed)));
    for nothing in [r#"{"choices":[]}"#, r#"{"choices":[{"finish_reason":"stop"}]}"#] {
        assert!(matches!(ChatReader::new(false).whole(nothing.as_bytes()), Err(NoAnswer::Garbled(_))));
    }
}

#[test]
fn inline_reasoning_is_taken_out_of_the_text() {
    let cases = [
        ("<reasoning>Hm.</reasoning>Rain.", "Thought(\"Hm.\")\nText(\"Rain.\")\n"),
        ("<reasoning></reasoning>Rain.", "Text(\"Rain.\")\n"),
        ("<reasoning>Hm. </reason", "Thought(\"Hm. \")\nThought(\"</reason\")\n"),
        ("Rain, <reasoning>no</reasoning>.", "Text(\"Rain, <reasoning>no</reasoning>.\")\n"),
        ("<reason", "Text(\"<reason\")\n"),
        (
            "<reasoning>a</reasoning>b<reasoning>c</reasoning>",
            "Thought(\"a\")\nText(\"b<reasoning>c</reasoning>\")\n",
        ),
    ];
    for (content, events) in cases {
        let answer = json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]});
        assert_eq!(whole(&answer, true), format!("{events}Finish(Stop)\n"), "{content}");
    }
}

/// Where a text of this length is cut.
fn cut_at(length: usize, cuts: &[usize]) -> Vec<usize> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (length + 1)).chain([0, length]).collect();
    cuts.sort_unstable();
    cuts
}

proptest! {
    #[test]
    fn inline_reasoning_is_the_same_wherever_it_is_cut(
        before in prop::sample::select(vec!["", "<reasoning>", "<reason>", " <reasoning>"]),
        middle in "[a</reasoning>é]{0,12}",
        after in prop::sample::select(vec!["", "</reasoning>", "</reasoning></reasoning>", "<</reasoning>a"]),
        cuts in proptest::collection::vec(0..60_usize, 0..8),
    ) {
        let text: Vec<char> = format!("{before}{middle}{after}").chars().collect();
        let read = |cuts: Vec<usize>| {
            let mut reader = ChatReader::new(true);
            let pieces = cuts.windows(2).map(|pair| text[pair[0]..pair[1]].iter().collect::<String>());
            let chunks = pieces.map(|text| chunk(json!({"content": text}))).chain([finish("stop")]);
            let events = chunks.flat_map(|chunk| reader.chunk(chunk.to_string().as_bytes()).unwrap());
            shown(&merged(events.collect()))
        };

        prop_assert_eq!(read(cut_at(text.len(), &cuts)), read(vec![0, text.len()]));
    }

    #[test]
    fn a_stream_is_the_same_wherever_its_bytes_are_cut(
        texts in proptest::collection::vec("[a-zé\"\n ]{1,6}", 1..6),
        cuts in proptest::collection::vec(0..4000_usize, 0..12),
    ) {
        let mut bytes = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let call = json!({"index": index, "id": format!("c{index}"), "function": {"name": "f", "arguments": text}});
            for delta in [json!({"content": text}), json!({"reasoning": text}), json!({"tool_calls": [call]})] {
                bytes.extend_from_slice(&encode(chunk(delta).to_string().as_bytes()));
            }
        }
        let read = |cuts: Vec<usize>| {
            let (mut decoder, mut reader) = (SseDecoder::default(), ChatReader::new(false));
            let events = cuts.windows(2).flat_map(|pair| decoder.feed(&bytes[pair[0]..pair[1]]).unwrap());
            shown(&events.flat_map(|data| reader.chunk(&data).unwrap()).collect::<Vec<_>>())
        };

        prop_assert_eq!(read(cut_at(bytes.len(), &cuts)), read(vec![0, bytes.len()]));
    }

    #[test]
    fn whatever_a_target_says_nothing_panics(text in "[{}\\[\\]\",:a-z0-9]{0,40}") {
        let _is_error_or_not = ChatReader::new(true).chunk(text.as_bytes());
        let _is_error_or_not = glimpse_of(&text);
    }
}

fn glimpse_of(text: &str) -> bool {
    crate::chat::glimpse(text.as_bytes()).is_ok()
}
