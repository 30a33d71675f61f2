//! Tools, images, reasoning, schemas, guardrails, tiers and tags over Converse.

use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, ConverseStreamOutput as Event, GuardrailConfiguration, GuardrailTrace,
    Message, ServiceTier, ServiceTierType, StopReason,
};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tollgate_local::standin::{IMAGE_TOKENS, reply_for};

use crate::provider::Provider;

const TERRA: &str = "us.openai.gpt-5.6-terra";
const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "us.amazon.nova-lite-v1:0";
const OPEN: &str = "openai.gpt-oss-20b-1:0";

fn ask(more: Value) -> Value {
    let mut body = json!({ "messages": said("Say hello.") });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

fn said(text: &str) -> Value {
    json!([{ "role": "user", "content": [{ "text": text }] }])
}

async fn converse(provider: &Provider, model: &str, more: Value) -> (u16, Value) {
    let path = format!("/model/{}/converse", model.replace(':', "%3A"));
    let response = provider.post("bedrock", &path, &ask(more)).await;
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

async fn answer(provider: &Provider, model: &str, more: Value) -> Value {
    let (status, document) = converse(provider, model, more).await;
    assert_eq!(status, 200, "{document}");
    document
}

async fn refusal(provider: &Provider, model: &str, more: Value) -> String {
    let (status, document) = converse(provider, model, more).await;
    format!("{status} {}", document["message"].as_str().unwrap_or("accepted"))
}

/// The raw bytes of a stream, in which the JSON of the events can be read.
async fn stream(provider: &Provider, model: &str, more: Value) -> String {
    let path = format!("/model/{}/converse-stream", model.replace(':', "%3A"));
    let bytes = provider.post("bedrock", &path, &ask(more)).await.bytes().await.expect("a body");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn content(document: &Value) -> &Value {
    &document["output"]["message"]["content"]
}

fn tools() -> Value {
    let schema =
        json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    json!({ "tools": [{ "toolSpec": { "name": "weather", "inputSchema": { "json": schema } } }] })
}

#[tokio::test]
async fn tools_are_used_at_once_and_their_results_answered() {
    let provider = Provider::start().await;

    let used =
        answer(&provider, CLAUDE, json!({ "messages": said("call tools"), "toolConfig": tools() })).await;
    let results = content(&used).as_array().unwrap().iter().map(|block| {
        json!({ "toolResult": { "toolUseId": block["toolUse"]["toolUseId"], "content": [{ "text": "Sunny." }] } })
    });
    let mut messages = said("call tools");
    let turns = [
        json!({ "role": "assistant", "content": content(&used) }),
        json!({ "role": "user", "content": results.collect::<Vec<_>>() }),
    ];
    messages.as_array_mut().unwrap().extend(turns);
    let end = answer(&provider, CLAUDE, json!({ "messages": messages, "toolConfig": tools() })).await;

    assert_eq!(content(&used).as_array().unwrap().len(), 2);
    assert_eq!(content(&used)[1]["toolUse"]["input"], json!({ "city": "word" }));
    assert_eq!(used["stopReason"], "tool_use");
    assert_eq!(content(&end)[0]["text"], reply_for("Sunny.Sunny.", 12));
}

#[tokio::test]
async fn a_broken_conversation_is_refused() {
    let provider = Provider::start().await;
    let user = |block: Value| json!({ "role": "user", "content": [block] });
    let hello = user(json!({ "text": "Hello." }));
    let used = json!({ "toolUse": { "toolUseId": "t1", "name": "weather", "input": {} } });
    let using = json!({ "role": "assistant", "content": [used] });
    let result = user(json!({ "toolResult": { "toolUseId": "t1", "content": [{ "text": "x" }] } }));

    let mut refusals = Vec::new();
    for messages in [
        json!([using]),
        json!([hello, hello]),
        json!([user(json!({ "text": " " }))]),
        json!([result]),
        json!([hello, using, hello]),
        json!([hello, using, result]),
    ] {
        refusals.push(refusal(&provider, CLAUDE, json!({ "messages": messages })).await);
    }

    assert_snapshot!(refusals.join("\n"), @r#"
    400 A conversation must start with a user message. Try again with a conversation that starts with a user message.
    400 A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.
    400 The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try again.
    400 The number of toolResult blocks at messages.0.content exceeds the number of toolUse blocks of previous turn.
    400 Expected toolResult blocks at messages.2.content for the following Ids: t1
    400 The toolConfig field must be defined when using toolUse and toolResult content blocks.
    "#);
}

#[tokio::test]
async fn an_image_counts_and_gpt_oss_sees_none() {
    let provider = Provider::start().await;
    let image = json!({ "image": { "format": "png", "source": { "bytes": "iVBORw0KGgo=" } } });
    let messages = json!([{ "role": "user", "content": [{ "text": "Look!" }, image] }]);

    let seen = answer(&provider, NOVA, json!({ "messages": messages })).await;
    let unseen = refusal(&provider, OPEN, json!({ "messages": messages })).await;

    assert_eq!(seen["usage"]["inputTokens"], 2 + IMAGE_TOKENS);
    assert_snapshot!(unseen, @"400 This model doesn't support the image content block that you provided.");
}

#[tokio::test]
async fn claude_signs_its_thoughts_and_takes_back_only_what_it_signed() {
    let provider = Provider::unpaced().await;
    let thinking = json!({ "thinking": { "type": "enabled", "budget_tokens": 1024 } });
    let fields = json!({ "additionalModelRequestFields": thinking });

    let document = answer(&provider, CLAUDE, fields.clone()).await;
    let streamed = stream(&provider, CLAUDE, fields).await;
    let mut turns = said("Say hello.");
    turns.as_array_mut().unwrap().push(json!({ "role": "assistant", "content": content(&document) }));
    turns.as_array_mut().unwrap().push(said("More.")[0].clone());
    let kept = converse(&provider, CLAUDE, json!({ "messages": turns })).await.0;
    turns[1]["content"][0]["reasoningContent"]["reasoningText"]["text"] = json!("Something else.");
    let changed = refusal(&provider, CLAUDE, json!({ "messages": turns })).await;

    let thought = &content(&document)[0]["reasoningContent"]["reasoningText"];
    let signature = thought["signature"].as_str().unwrap();
    assert!(streamed.contains(&format!(r#"{{"signature":"{signature}"}}"#)), "{streamed}");
    assert_eq!(kept, 200);
    assert_snapshot!(changed, @"400 messages.1.content.0: Invalid `signature` in `thinking` block");
}

#[tokio::test]
async fn reasoning_may_be_sealed() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": TERRA, "think": true, "redacted_reasoning": true })).await;

    let document = answer(&provider, TERRA, json!({})).await;

    assert!(content(&document)[0]["reasoningContent"]["redactedContent"].is_string());
    assert_eq!(content(&document)[1]["text"], reply_for("Say hello.", 12));
}

#[tokio::test]
async fn a_schema_is_kept_in_either_form() {
    let provider = Provider::start().await;
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] });
    let structure = json!({ "jsonSchema": { "name": "n", "schema": schema.to_string() } });
    let own = json!({ "outputConfig": { "textFormat": { "type": "json_schema", "structure": structure } } });
    let format = json!({ "type": "json_schema", "name": "n", "schema": schema });
    let of_gpt = json!({ "additionalModelRequestFields": { "text": { "format": format } } });

    let claude = answer(&provider, CLAUDE, own.clone()).await;
    let gpt = answer(&provider, TERRA, of_gpt).await;
    let nova = refusal(&provider, NOVA, own).await;

    assert_eq!(content(&claude)[0]["text"], r#"{"n":0}"#);
    assert_eq!(content(&gpt)[0]["text"], r#"{"n":0}"#);
    assert_snapshot!(nova, @"400 This model doesn't support the outputConfig.textFormat field.");
}

#[tokio::test]
async fn a_guardrail_steps_in_where_the_call_names_one() {
    let provider = Provider::start().await;
    provider.rule(json!({ "model": "*", "guardrail": true })).await;
    let guardrail = json!({ "guardrailIdentifier": "g1", "guardrailVersion": "1", "trace": "enabled" });

    let guarded = answer(&provider, TERRA, json!({ "guardrailConfig": guardrail })).await;
    let unguarded = answer(&provider, TERRA, json!({})).await;

    assert_eq!(guarded["stopReason"], "guardrail_intervened");
    assert_eq!(content(&guarded)[0]["text"], "Sorry, the model cannot answer this question.");
    assert!(guarded["trace"]["guardrail"].is_object());
    assert_eq!(unguarded["stopReason"], "end_turn");
}

#[tokio::test]
async fn a_stop_sequence_ends_the_reply() {
    let provider = Provider::start().await;

    let document = answer(&provider, NOVA, json!({ "inferenceConfig": { "stopSequences": ["Say"] } })).await;

    assert_eq!(content(&document)[0]["text"], "Answer 3de806af to: ");
    assert_eq!(document["stopReason"], "stop_sequence");
}

#[tokio::test]
async fn the_tier_is_echoed_and_the_cache_is_counted_apart() {
    let provider = Provider::unpaced().await;
    provider
        .rule(json!({ "model": "*", "chunk_delay_ms": 0, "cached_tokens": 1, "cache_write_tokens": 1 }))
        .await;
    let tier = json!({ "serviceTier": { "type": "flex" } });

    let document = answer(&provider, NOVA, tier.clone()).await;
    let streamed = stream(&provider, NOVA, tier.clone()).await;
    let refused = refusal(&provider, TERRA, tier).await;

    assert_eq!(document["serviceTier"], json!({ "type": "flex" }));
    assert!(streamed.contains(r#""serviceTier":{"type":"flex"}"#), "{streamed}");
    let usage = &document["usage"];
    assert_eq!(
        [&usage["inputTokens"], &usage["cacheReadInputTokens"], &usage["cacheWriteInputTokens"]],
        [1, 1, 1]
    );
    assert_snapshot!(refused, @"400 The service tier 'flex' is not supported for this model.");
}

#[tokio::test]
async fn the_tags_of_a_call_are_checked_and_seen() {
    let provider = Provider::start().await;
    let tags = json!({ "team": "blue", "user": "u-1" });
    let many: Value =
        (0..17).map(|index| (format!("k{index}"), json!("v"))).collect::<serde_json::Map<_, _>>().into();

    answer(&provider, NOVA, json!({ "requestMetadata": tags })).await;
    let too_many = refusal(&provider, NOVA, json!({ "requestMetadata": many })).await;
    let too_long = refusal(&provider, NOVA, json!({ "requestMetadata": { "team": "x".repeat(257) } })).await;
    let odd = refusal(&provider, NOVA, json!({ "requestMetadata": { "team": "a|b" } })).await;

    assert_eq!(provider.calls().await[0]["request_metadata"], tags);
    assert!(too_many.starts_with("400 1 validation error detected"), "{too_many}");
    assert!(too_long.starts_with("400 1 validation error detected"), "{too_long}");
    assert_snapshot!(odd, @"400 1 validation error detected: Value 'a|b' at 'requestMetadata.team' failed to satisfy constraint: Map keys and values must have at most 256 of the letters, digits and signs allowed");
}

#[tokio::test]
async fn effort_is_nested_for_gpt_and_flat_for_gpt_oss() {
    let provider = Provider::start().await;
    let fields = |fields: Value| json!({ "additionalModelRequestFields": fields });

    let nested = refusal(&provider, TERRA, fields(json!({ "reasoning": { "effort": "max" } }))).await;
    let unknown = refusal(&provider, TERRA, fields(json!({ "reasoning": { "effort": "minimal" } }))).await;
    let flat = refusal(&provider, OPEN, fields(json!({ "reasoning_effort": "high" }))).await;
    let too_high = refusal(&provider, OPEN, fields(json!({ "reasoning_effort": "max" }))).await;

    assert_eq!([nested, flat], ["200 accepted", "200 accepted"]);
    assert_snapshot!(format!("{unknown}\n{too_high}"), @r#"
    400 Unsupported value: 'reasoning.effort' does not support 'minimal' with this model. Supported values are: none, low, medium, high, xhigh, max.
    400 Unsupported value: 'reasoning.effort' does not support 'max' with this model. Supported values are: low, medium, high.
    "#);
}

/// What is compared as JSON elsewhere, Bedrock's own client reads too.
#[tokio::test]
async fn bedrock_s_client_reads_thoughts_tiers_and_traces() {
    let provider = Provider::unpaced().await;
    provider.rule(json!({ "model": "*", "chunk_delay_ms": 0, "think": true, "guardrail": true })).await;
    let text = ContentBlock::Text("Say hello.".to_owned());
    let user = Message::builder().role(ConversationRole::User).content(text).build().unwrap();
    let guardrail = GuardrailConfiguration::builder()
        .guardrail_identifier("g1")
        .guardrail_version("1")
        .trace(GuardrailTrace::Enabled);
    let tier = ServiceTier::builder().r#type(ServiceTierType::Priority).build().unwrap();
    let call =
        provider.bedrock().converse().model_id(CLAUDE).messages(user.clone()).service_tier(tier.clone());
    let streamed =
        provider.bedrock().converse_stream().model_id(CLAUDE).messages(user).service_tier(tier.clone());

    let output = call.guardrail_config(guardrail.build()).send().await.unwrap();
    let mut stream = streamed.send().await.unwrap().stream;
    let mut signatures = 0;
    let mut served = None;
    while let Some(event) = stream.recv().await.unwrap() {
        match event {
            Event::ContentBlockDelta(event) => {
                let thought = event.delta.and_then(|delta| delta.as_reasoning_content().ok().cloned());
                signatures += usize::from(thought.is_some_and(|thought| thought.is_signature()));
            }
            Event::Metadata(event) => served = event.service_tier,
            _ => {}
        }
    }

    assert_eq!(output.stop_reason(), &StopReason::GuardrailIntervened);
    assert!(output.trace().and_then(|trace| trace.guardrail()).is_some());
    assert_eq!(output.service_tier(), Some(&tier));
    assert_eq!(signatures, 1);
    assert_eq!(served, Some(tier));
}
