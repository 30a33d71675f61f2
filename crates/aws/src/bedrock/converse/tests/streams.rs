use super::*;
use crate::bedrock::runtime::samples::{event, exception, stream};

/// A delta of a block.
fn delta(index: i32, delta: &Value) -> Vec<u8> {
    event("contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta}))
}

fn text(text: &str) -> Vec<u8> {
    delta(0, &json!({ "text": text }))
}

fn call(index: i32, id: &str, name: &str) -> Vec<u8> {
    let start = json!({"toolUse": {"toolUseId": id, "name": name}});
    event("contentBlockStart", &json!({"contentBlockIndex": index, "start": start}))
}

fn arguments(index: i32, piece: &str) -> Vec<u8> {
    delta(index, &json!({"toolUse": {"input": piece}}))
}

fn reasoning(index: i32, piece: &Value) -> Vec<u8> {
    delta(index, &json!({ "reasoningContent": piece }))
}

fn close(index: i32) -> Vec<u8> {
    event("contentBlockStop", &json!({ "contentBlockIndex": index }))
}

fn begin() -> Vec<u8> {
    event("messageStart", &json!({"role": "assistant"}))
}

fn stop(reason: &str) -> Vec<u8> {
    event("messageStop", &json!({ "stopReason": reason }))
}

fn metadata(usage: &Value) -> Vec<u8> {
    event(
        "metadata",
        &json!({"usage": usage, "metrics": {"latencyMs": 9}, "serviceTier": {"type": "default"}}),
    )
}

fn counted() -> Vec<u8> {
    metadata(&json!({
        "inputTokens": 5, "outputTokens": 7, "totalTokens": 242, "cacheReadInputTokens": 30,
        "cacheWriteInputTokens": 200
    }))
}

/// What comes of a stream of these bytes: events, and the error at its end, if any.
async fn listen(bytes: Vec<u8>) -> (Vec<String>, Option<ModelError>) {
    let server = serve(STREAM, stream(bytes)).await;
    let reply = ask_with(&server.uri(), &question(), true, PATIENCE).await.unwrap();
    let (mut heard, mut failed) = (Vec::new(), None);
    for piece in drain(reply).await {
        assert!(failed.is_none(), "something came after the error");
        match piece {
            Ok(Said::Events(events)) => heard.extend(lines(&events)),
            Ok(_) => panic!("no events"),
            Err(error) => failed = Some(error),
        }
    }
    (heard, failed)
}

#[tokio::test]
async fn a_stream_with_reasoning_text_and_calls_is_read_into_events() {
    let bytes = [
        begin(),
        reasoning(0, &json!({"text": "H"})),
        reasoning(0, &json!({"text": "m."})),
        reasoning(0, &json!({"signature": "c2"})),
        reasoning(0, &json!({"signature": "ln"})),
        close(0),
        reasoning(1, &json!({"redactedContent": "AP8="})),
        close(1),
        delta(2, &json!({"text": "I "})),
        delta(2, &json!({"text": "look."})),
        delta(2, &json!({"text": ""})),
        close(2),
        call(3, "tooluse_1", "get_weather"),
        arguments(3, ""),
        arguments(3, "{\"city\":"),
        arguments(3, "\"Paris\"}"),
        close(3),
        call(4, "tooluse_2", "now"),
        arguments(4, ""),
        close(4),
        stop("tool_use"),
        counted(),
    ]
    .concat();

    let (heard, failed) = listen(bytes).await;

    assert!(failed.is_none(), "{failed:?}");
    insta::assert_snapshot!(heard.join("\n"), @r#"
    Thought("H")
    Thought("m.")
    Sealed("s.c2ln")
    Sealed("r.AP8")
    Text("I ")
    Text("look.")
    ToolCall { index: 0, call_id: "tooluse_1", name: "get_weather" }
    Arguments { index: 0, text: "{\"city\":" }
    Arguments { index: 0, text: "\"Paris\"}" }
    ToolCall { index: 1, call_id: "tooluse_2", name: "now" }
    Arguments { index: 1, text: "{}" }
    Finish(ToolCalls)
    Usage(Usage { input: 235, cached: 30, cache_write: 200, output: 7, reasoning: 0 })
    ServiceTier("default")
    "#);
}

#[tokio::test]
async fn calls_whose_pieces_come_by_turns_are_told_apart() {
    let bytes = [
        call(7, "a", "f"),
        call(9, "b", "g"),
        arguments(9, "[2"),
        arguments(7, "[1"),
        arguments(9, "]"),
        arguments(7, "]"),
        stop("tool_use"),
    ]
    .concat();

    let (heard, failed) = listen(bytes).await;

    assert!(failed.is_none(), "{failed:?}");
    assert_eq!(heard[2], "Arguments { index: 1, text: \"[2\" }");
    assert_eq!(heard[3], "Arguments { index: 0, text: \"[1\" }");
}

#[tokio::test]
async fn blocks_that_never_stop_end_with_the_message() {
    let bytes = [reasoning(0, &json!({"signature": "c2ln"})), call(1, "a", "f"), stop("end_turn")].concat();

    let (heard, _) = listen(bytes).await;

    assert_eq!(heard[1..], ["Sealed(\"s.c2ln\")", "Arguments { index: 0, text: \"{}\" }", "Finish(Stop)"]);
}

#[tokio::test]
async fn a_stream_without_usage_says_so() {
    let zeros = metadata(&json!({"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}));

    let (heard, _) = listen([begin(), text("a"), stop("max_tokens"), zeros].concat()).await;

    assert_eq!(heard, ["Text(\"a\")", "Finish(Length)", "ServiceTier(\"default\")"]);
}

#[tokio::test]
async fn an_exception_is_told_by_its_type_and_not_by_the_status_beside_it() {
    for (kind_of, is_first, expected) in [
        ("internalServerException", true, "broken"),
        ("modelStreamErrorException", true, "broken"),
        ("serviceUnavailableException", true, "broken"),
        ("validationException", true, "broken"),
        ("tomorrowsException", true, "broken"),
        ("throttlingException", true, "throttled"),
        ("throttlingException", false, "broken"),
    ] {
        let before = if is_first { begin() } else { text("a") };

        let (heard, failed) = listen([before, exception(kind_of)].concat()).await;

        assert_eq!((kind(&failed.unwrap()), heard.is_empty()), (expected, is_first), "{kind_of}");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_anywhere_before_its_stop_is_broken() {
    let frames = [begin(), text("a"), call(1, "x", "f"), arguments(1, "{}"), close(1), stop("end_turn")];
    let bytes = frames.concat();
    let ends = frames.iter().scan(0, |end, frame| {
        *end += frame.len();
        Some(*end)
    });
    let cuts: Vec<_> = ends.flat_map(|end| [end - frames[0].len(), end - 1, end]).collect();
    for cut in cuts.into_iter().filter(|cut| *cut < bytes.len()) {
        let (heard, failed) = listen(bytes[..cut].to_vec()).await;

        let failed = failed.unwrap();
        assert_eq!((kind(&failed), failed.may_be_billed()), ("broken", true), "{cut}: {heard:?}");
        assert!(!heard.iter().any(|line| line.starts_with("Finish")));
    }
    assert!(listen(bytes).await.1.is_none());
}

#[tokio::test]
async fn noise_and_what_nobody_knows_are_no_answer() {
    for (bytes, expected) in [
        (b"noise, and nothing but noise".to_vec(), "broken"),
        ([arguments(0, "{}"), stop("tool_use")].concat(), "broken"),
        ([delta(0, &json!({"hologram": {}})), stop("end_turn")].concat(), "broken"),
        ([text("a"), stop("tomorrows_reason")].concat(), "garbled"),
    ] {
        let (_, failed) = listen(bytes).await;

        assert_eq!(kind(&failed.unwrap()), expected);
    }
}

#[tokio::test]
async fn events_that_nobody_knows_are_passed_over() {
    let (heard, failed) =
        listen([text("a"), event("tomorrowsEvent", &json!({})), stop("end_turn")].concat()).await;

    assert!(failed.is_none(), "{failed:?}");
    assert_eq!(heard, ["Text(\"a\")", "Finish(Stop)"]);
}
