use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::operation::RequestId;
use aws_sdk_bedrockruntime::operation::converse::ConverseError;
use aws_sdk_bedrockruntime::operation::converse::builders::ConverseFluentBuilder;
use aws_sdk_bedrockruntime::operation::converse_stream::{ConverseStreamError, ConverseStreamOutput};
use aws_sdk_bedrockruntime::types::error::ConverseStreamOutputError;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ContentBlockDelta, ContentBlockStart, ConversationRole, ConverseStreamOutput as Event,
    InferenceConfiguration, Message, StopReason, SystemContentBlock, TokenUsage, Tool, ToolConfiguration,
    ToolInputSchema, ToolSpecification,
};
use aws_smithy_types::Document;
use insta::assert_snapshot;
use serde_json::json;
use tollgate_local::standin::{count_tokens, reply_for};

use crate::provider::Provider;

const TERRA: &str = "us.openai.gpt-5.6-terra";
const OPEN: &str = "openai.gpt-oss-120b-1:0";

fn user(text: &str) -> Message {
    Message::builder()
        .role(ConversationRole::User)
        .content(ContentBlock::Text(text.to_owned()))
        .build()
        .expect("role and content are given")
}

fn weather_tool() -> ToolConfiguration {
    let spec = ToolSpecification::builder()
        .name("weather")
        .input_schema(ToolInputSchema::Json(Document::Object(Default::default())))
        .build()
        .expect("name and schema are given");
    ToolConfiguration::builder().tools(Tool::ToolSpec(spec)).build().expect("a tool is given")
}

fn cap(max_tokens: i32) -> InferenceConfiguration {
    InferenceConfiguration::builder().max_tokens(max_tokens).build()
}

fn converse(provider: &Provider, model: &str, text: &str) -> ConverseFluentBuilder {
    provider.bedrock().converse().model_id(model).messages(user(text))
}

async fn stream(provider: &Provider, model: &str, text: &str) -> ConverseStreamOutput {
    let call = provider.bedrock().converse_stream().model_id(model).messages(user(text));
    call.send().await.expect("a stream")
}

/// The events up to the end or the first error.
async fn drain(mut output: ConverseStreamOutput) -> (Vec<Event>, Option<SdkErrorOfStream>) {
    let mut events = Vec::new();
    loop {
        match output.stream.recv().await {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, None),
            Err(error) => return (events, Some(error)),
        }
    }
}

type SdkErrorOfStream = SdkError<ConverseStreamOutputError, aws_smithy_types::event_stream::RawMessage>;

fn streamed_text(events: &[Event]) -> String {
    let deltas = events.iter().filter_map(|event| match event {
        Event::ContentBlockDelta(event) => event.delta.as_ref()?.as_text().ok(),
        _ => None,
    });
    deltas.map(String::as_str).collect()
}

fn counts(usage: &TokenUsage) -> (i32, i32, i32, Option<i32>) {
    (usage.input_tokens, usage.output_tokens, usage.total_tokens, usage.cache_read_input_tokens)
}

fn reply_tokens(text: &str) -> i32 {
    i32::try_from(count_tokens(&reply_for(text, 12))).expect("a short reply")
}

#[tokio::test]
async fn converse_answers_with_text_usage_and_stop_reason() {
    let provider = Provider::start().await;

    let output = converse(&provider, TERRA, "Say hello.")
        .system(SystemContentBlock::Text("Be brief.".to_owned()))
        .send()
        .await
        .unwrap();

    let message = output.output().unwrap().as_message().unwrap();
    assert_eq!(message.content()[0].as_text().unwrap(), &reply_for("Say hello.", 12));
    assert_eq!(output.stop_reason(), &StopReason::EndTurn);
    let reply = reply_tokens("Say hello.");
    assert_eq!(counts(output.usage().unwrap()), (6, reply, 6 + reply, Some(0)));
    assert!(output.request_id().is_some());
}

#[tokio::test]
async fn an_id_with_a_colon_arrives_and_its_model_thinks_aloud() {
    let provider = Provider::start().await;

    let output = converse(&provider, OPEN, "Say hello.").send().await.unwrap();

    let content = output.output().unwrap().as_message().unwrap().content();
    assert!(content[0].is_reasoning_content());
    assert!(content[1].is_text());
    assert_eq!(provider.calls().await[0]["model"], OPEN);
}

#[tokio::test]
async fn converse_keeps_the_output_cap() {
    let provider = Provider::start().await;

    let output = converse(&provider, TERRA, "Say hello.").inference_config(cap(5)).send().await.unwrap();

    assert_eq!(output.stop_reason(), &StopReason::MaxTokens);
    assert_eq!(output.usage().unwrap().output_tokens, 5);
}

#[tokio::test]
async fn a_tool_is_used_on_request() {
    let provider = Provider::unpaced().await;
    let text = "call tool for Paris";

    let output = converse(&provider, TERRA, text).tool_config(weather_tool()).send().await.unwrap();
    let call = provider.bedrock().converse_stream().model_id(TERRA).messages(user(text));
    let (events, error) = drain(call.tool_config(weather_tool()).send().await.unwrap()).await;

    let tool_use = output.output().unwrap().as_message().unwrap().content()[0].as_tool_use().unwrap();
    assert_eq!(tool_use.name(), "weather");
    assert_eq!(tool_use.input().as_object().unwrap()["input"].as_string(), Some(text));
    assert_eq!(output.stop_reason(), &StopReason::ToolUse);
    assert!(error.is_none());
    let started = events.iter().any(|event| {
        matches!(event, Event::ContentBlockStart(event)
            if matches!(event.start(), Some(ContentBlockStart::ToolUse(start)) if start.name() == "weather"))
    });
    assert!(started, "{events:?}");
    let input = events.iter().filter_map(|event| match event {
        Event::ContentBlockDelta(event) => match event.delta() {
            Some(ContentBlockDelta::ToolUse(delta)) => Some(delta.input()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(input.collect::<String>(), r#"{"input":"call tool for Paris"}"#);
}

#[tokio::test]
async fn a_stream_says_the_words_and_ends_with_usage() {
    let provider = Provider::unpaced().await;

    let (events, error) = drain(stream(&provider, TERRA, "Say hello.").await).await;

    assert!(error.is_none());
    assert_eq!(streamed_text(&events), reply_for("Say hello.", 12));
    let [
        Event::MessageStart(start),
        deltas @ ..,
        Event::ContentBlockStop(_),
        Event::MessageStop(stop),
        Event::Metadata(end),
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(start.role(), &ConversationRole::Assistant);
    assert_eq!(deltas.len(), 12);
    assert_eq!(stop.stop_reason(), &StopReason::EndTurn);
    let reply = reply_tokens("Say hello.");
    assert_eq!(counts(end.usage().unwrap()), (3, reply, 3 + reply, Some(0)));
}

#[tokio::test]
async fn cached_tokens_are_no_input_tokens() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": TERRA, "cached_tokens": 2 })).await;

    let output = converse(&provider, TERRA, "Say hello.").send().await.unwrap();

    let reply = reply_tokens("Say hello.");
    assert_eq!(counts(output.usage().unwrap()), (1, reply, 3 + reply, Some(2)));
}

#[tokio::test]
async fn refusals_map_to_the_client_s_errors() {
    let provider = Provider::start().await;
    let refusal = async |model: &str, max_tokens| {
        let call = converse(&provider, model, "Say hello.").inference_config(cap(max_tokens));
        let error = call.send().await.unwrap_err().into_service_error();
        assert!(matches!(error, ConverseError::ValidationException(_)), "{error:?}");
        error.message().unwrap_or_default().to_owned()
    };

    assert_snapshot!(refusal("openai.gpt-5.6-terra", 9).await, @"Invocation of model ID openai.gpt-5.6-terra with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.");
    assert_snapshot!(refusal("openai.gpt-5.5", 9).await, @"The provided model identifier is invalid.");
    assert_snapshot!(refusal(TERRA, 0).await, @"1 validation error detected: Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater than or equal to 1");
}

#[tokio::test]
async fn parameters_that_gpt_does_not_take_are_refused() {
    let provider = Provider::start().await;
    let flat_effort = Document::Object([("reasoning_effort".to_owned(), "low".into())].into());
    let warm = InferenceConfiguration::builder().temperature(0.5).build();

    let effort = converse(&provider, TERRA, "x").additional_model_request_fields(flat_effort).send().await;
    let temperature = converse(&provider, TERRA, "x").inference_config(warm).send().await;

    assert_snapshot!(effort.unwrap_err().into_service_error().message().unwrap_or_default(), @"Unknown parameter: 'reasoning_effort'.");
    assert_snapshot!(temperature.unwrap_err().into_service_error().message().unwrap_or_default(), @"Unsupported parameter: 'temperature' is not supported with this model.");
}

#[tokio::test]
async fn injected_statuses_map_to_the_client_s_errors() {
    let provider = Provider::start().await;

    for (status, code) in [
        (403, "AccessDeniedException"),
        (404, "ResourceNotFoundException"),
        (408, "ModelTimeoutException"),
        (424, "ModelErrorException"),
        (429, "ThrottlingException"),
        (500, "InternalServerException"),
        (503, "ServiceUnavailableException"),
    ] {
        provider.rule(json!({ "model": TERRA, "status": status })).await;

        let error = converse(&provider, TERRA, "x").send().await.unwrap_err();

        assert_eq!(error.raw_response().unwrap().status().as_u16(), status);
        assert_eq!(error.into_service_error().code(), Some(code));
    }
}

#[tokio::test]
async fn a_refused_stream_is_an_error_before_it_starts() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "status": 429, "retry_after_secs": 7 })).await;

    let call = provider.bedrock().converse_stream().model_id(TERRA).messages(user("x"));
    let error = call.send().await.unwrap_err();

    assert_eq!(error.raw_response().unwrap().headers().get("retry-after"), Some("7"));
    assert!(matches!(error.into_service_error(), ConverseStreamError::ThrottlingException(_)));
}

#[tokio::test]
async fn an_error_amid_a_stream_is_an_exception_frame() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 0, "error_after_chunks": 3, "status": 503 })).await;

    let (events, error) = drain(stream(&provider, TERRA, "Say hello.").await).await;

    assert_eq!(events.len(), 3);
    assert_eq!(streamed_text(&events), "Answer 3de806af ");
    let error = error.unwrap().into_service_error();
    assert!(matches!(error, ConverseStreamOutputError::ServiceUnavailableException(_)), "{error:?}");
}

#[tokio::test]
async fn a_cut_stream_breaks_off_without_a_stop() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 0, "cut_after_chunks": 4 })).await;

    let (events, error) = drain(stream(&provider, TERRA, "Say hello.").await).await;

    assert_eq!(events.len(), 4);
    assert!(!matches!(error, None | Some(SdkError::ServiceError(_))), "{error:?}");
    assert_eq!(provider.calls().await[0]["finished"], false);
}
