use super::*;

#[test]
fn stop_reasons_that_are_no_ends_of_an_answer_are_errors() {
    for (reason, expected) in [
        (StopReason::EndTurn, Some(FinishReason::Stop)),
        (StopReason::StopSequence, Some(FinishReason::Stop)),
        (StopReason::ToolUse, Some(FinishReason::ToolCalls)),
        (StopReason::MaxTokens, Some(FinishReason::Length)),
        (StopReason::ModelContextWindowExceeded, Some(FinishReason::Length)),
        (StopReason::ContentFiltered, Some(FinishReason::ContentFilter)),
        (StopReason::GuardrailIntervened, Some(FinishReason::ContentFilter)),
        (StopReason::MalformedModelOutput, None),
        (StopReason::MalformedToolUse, None),
        (StopReason::from("tomorrows_reason"), None),
    ] {
        assert_eq!(finish_reason(&reason).ok(), expected);
    }
}

#[test]
fn input_tokens_include_what_was_read_from_and_written_to_the_cache() {
    let counted = TokenUsage::builder()
        .input_tokens(5)
        .cache_read_input_tokens(30)
        .cache_write_input_tokens(200)
        .output_tokens(7)
        .total_tokens(242)
        .build()
        .unwrap();

    let expected = Usage { input: 235, cached: 30, cache_write: 200, output: 7, reasoning: 0 };
    assert_eq!(usage_of(&counted), Some(expected));
}

#[test]
fn usage_of_nothing_is_no_usage() {
    let zeros = TokenUsage::builder().input_tokens(0).output_tokens(0).total_tokens(0).build().unwrap();

    assert_eq!(usage_of(&zeros), None);
}
