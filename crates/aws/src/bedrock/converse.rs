//! Converse and ConverseStream.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::http::HttpResponse;
use aws_sdk_bedrockruntime::config::{Builder, Region};
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, ConverseOutput, ConverseStreamOutput, InferenceConfiguration, Message,
    StopReason, SystemContentBlock, TokenUsage,
};
use aws_smithy_types::{Document, Number};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tollgate_core::converse::{ChatWriter, ConverseRequest, Speaker, Turn, request_metadata, to_converse};
use tollgate_core::model::{Call, ModelError, Reply};
use tollgate_core::usage::Usage;

use crate::clock;
use crate::connection::{connect_anew, never_left};

#[derive(Debug)]
pub(super) struct ConverseClient {
    client: Client,
}

impl ConverseClient {
    /// Our own loop decides about retries, and each call has its own time limit.
    pub(super) fn new(config: &SdkConfig) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(2))
            .disable_operation_timeout()
            .disable_operation_attempt_timeout()
            .disable_read_timeout()
            .build();
        let config = Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .http_client(connect_anew())
            .build();
        Self { client: Client::from_conf(config) }
    }

    pub(super) async fn call(&self, call: &Call<'_>, credentials: Credentials) -> Result<Reply, ModelError> {
        let request = to_converse(call.request, call.target, call.output_cap)
            .map_err(|error| ModelError::Unavailable(Box::new(error)))?;
        let writer = ChatWriter::new(call.request_id, &call.target.model_id, clock::now());
        let answer = async {
            if call.request.stream {
                self.stream(call, request, credentials, writer).await
            } else {
                self.converse(call, request, credentials, writer).await
            }
        };
        tokio::time::timeout(call.timeout, answer).await.map_err(|_| ModelError::TimedOut)?
    }

    async fn converse(
        &self,
        call: &Call<'_>,
        request: ConverseRequest,
        credentials: Credentials,
        writer: ChatWriter,
    ) -> Result<Reply, ModelError> {
        let output = self
            .client
            .converse()
            .model_id(&call.target.model_id)
            .set_system(Some(request.system.iter().cloned().map(SystemContentBlock::Text).collect()))
            .set_messages(Some(messages(&request.messages)?))
            .inference_config(inference(&request))
            .set_additional_model_request_fields(request.additional.as_ref().map(document))
            .set_request_metadata(Some(request_metadata(&call.identity).into()))
            .customize()
            .config_override(place(call, credentials))
            .send()
            .await
            .map_err(failure)?;
        let usage = output.usage().and_then(usage_of);
        let finish = finish_reason(output.stop_reason())?;
        let Some(ConverseOutput::Message(message)) = output.output() else {
            return Err(ModelError::Garbled("no message".into()));
        };
        let text: String =
            message.content().iter().filter_map(|block| block.as_text().ok().cloned()).collect();
        Ok(Reply::Json { body: writer.completion(&text, finish, usage.unwrap_or_default()), usage })
    }

    async fn stream(
        &self,
        call: &Call<'_>,
        request: ConverseRequest,
        credentials: Credentials,
        writer: ChatWriter,
    ) -> Result<Reply, ModelError> {
        let output = self
            .client
            .converse_stream()
            .model_id(&call.target.model_id)
            .set_system(Some(request.system.iter().cloned().map(SystemContentBlock::Text).collect()))
            .set_messages(Some(messages(&request.messages)?))
            .inference_config(inference(&request))
            .set_additional_model_request_fields(request.additional.as_ref().map(document))
            .set_request_metadata(Some(request_metadata(&call.identity).into()))
            .customize()
            .config_override(place(call, credentials))
            .send()
            .await
            .map_err(failure)?;
        let reading = Some((output.stream, writer, false));
        let chunks = stream::unfold(reading, async |reading| {
            let (mut events, writer, is_stopped) = reading?;
            loop {
                match events.recv().await {
                    Ok(Some(ConverseStreamOutput::MessageStop(stop))) => {
                        let chunk = finish_reason(stop.stop_reason()).map(|reason| writer.finish(reason));
                        let rest = chunk.is_ok().then_some((events, writer, true));
                        return Some((chunk, rest));
                    }
                    Ok(Some(event)) => {
                        if let Some(chunk) = chunk_of(&event, &writer) {
                            return Some((Ok(chunk), Some((events, writer, is_stopped))));
                        }
                    }
                    Ok(None) if is_stopped => return None,
                    Ok(None) => {
                        return Some((
                            Err(ModelError::Broken("the stream ended without a stop".into())),
                            None,
                        ));
                    }
                    Err(error) => {
                        return Some((Err(ModelError::Broken(Box::new(error.into_service_error()))), None));
                    }
                }
            }
        });
        Ok(Reply::Stream(chunks.boxed()))
    }
}

/// Where a call goes and with whose credentials: both are the call's own.
fn place(call: &Call<'_>, credentials: Credentials) -> Builder {
    Builder::default().region(Region::new(call.target.region.clone())).credentials_provider(credentials)
}

/// The chunk that an event becomes; none for those that say nothing to a chat client.
fn chunk_of(event: &ConverseStreamOutput, writer: &ChatWriter) -> Option<Bytes> {
    match event {
        ConverseStreamOutput::MessageStart(_) => Some(writer.role()),
        ConverseStreamOutput::ContentBlockDelta(delta) => {
            let text = delta.delta()?.as_text().ok()?;
            (!text.is_empty()).then(|| writer.text(text))
        }
        ConverseStreamOutput::Metadata(metadata) => {
            metadata.usage().and_then(usage_of).map(|usage| writer.usage(usage))
        }
        _ => None,
    }
}

fn messages(turns: &[Turn]) -> Result<Vec<Message>, ModelError> {
    let message = |turn: &Turn| {
        let role = match turn.speaker {
            Speaker::User => ConversationRole::User,
            Speaker::Assistant => ConversationRole::Assistant,
        };
        let content = turn.texts.iter().cloned().map(ContentBlock::Text).collect();
        Message::builder().role(role).set_content(Some(content)).build()
    };
    let built: Result<Vec<_>, _> = turns.iter().map(message).collect();
    built.map_err(|error| ModelError::Unavailable(Box::new(error)))
}

fn inference(request: &ConverseRequest) -> InferenceConfiguration {
    let stops = (!request.stop_sequences.is_empty()).then(|| request.stop_sequences.clone());
    InferenceConfiguration::builder()
        .max_tokens(i32::try_from(request.max_tokens).unwrap_or(i32::MAX))
        .set_temperature(request.temperature)
        .set_top_p(request.top_p)
        .set_stop_sequences(stops)
        .build()
}

/// Converse counts cached tokens beside the input, chat counts them in it. Every call has input: where none is counted,
/// the usage never came, and the SDK has filled in zeros.
fn usage_of(usage: &TokenUsage) -> Option<Usage> {
    let count = |tokens: i32| u64::try_from(tokens).unwrap_or_default();
    let cached = usage.cache_read_input_tokens().map(count).unwrap_or_default();
    let cache_write = usage.cache_write_input_tokens().map(count).unwrap_or_default();
    let input = count(usage.input_tokens()) + cached + cache_write;
    let output = count(usage.output_tokens());
    (input > 0).then_some(Usage { input, cached, cache_write, output, reasoning: 0 })
}

/// The finish reason of chat; a stop that is none of the model's own is an error, never a clean end.
fn finish_reason(reason: &StopReason) -> Result<&'static str, ModelError> {
    match reason {
        StopReason::EndTurn | StopReason::StopSequence => Ok("stop"),
        StopReason::MaxTokens | StopReason::ModelContextWindowExceeded => Ok("length"),
        StopReason::ContentFiltered | StopReason::GuardrailIntervened => Ok("content_filter"),
        other => Err(ModelError::Garbled(format!("stop reason {}", other.as_str()).into())),
    }
}

fn failure<E>(error: SdkError<E, HttpResponse>) -> ModelError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    match &error {
        SdkError::ConstructionFailure(_) => ModelError::Unauthorized(Box::new(error)),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) if never_left(&error) => {
            ModelError::Unavailable(Box::new(error))
        }
        SdkError::TimeoutError(_) => ModelError::TimedOut,
        // The SDK calls an answer that it cannot read an error of the service, whatever its status.
        SdkError::ServiceError(service) if service.raw().status().is_success() => {
            ModelError::Garbled(Box::new(error))
        }
        SdkError::ServiceError(service) => match service.err().code() {
            Some("ThrottlingException" | "ModelNotReadyException" | "ServiceQuotaExceededException") => {
                ModelError::Throttled { retry_after: None }
            }
            Some("ValidationException") => refused(service.err().message().unwrap_or("invalid request")),
            Some("AccessDeniedException" | "UnrecognizedClientException" | "ExpiredTokenException") => {
                ModelError::Unauthorized(Box::new(error))
            }
            Some("ModelTimeoutException") => ModelError::TimedOut,
            _ => ModelError::Unavailable(Box::new(error)),
        },
        _ => ModelError::Broken(Box::new(error)),
    }
}

fn refused(message: &str) -> ModelError {
    let body = serde_json::json!({
        "error": {"message": message, "type": "invalid_request_error", "param": null, "code": "provider_refused"}
    });
    ModelError::Refused { status: 400, body: Bytes::from(body.to_string()) }
}

fn document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => Document::Number(Number::PosInt(number)),
            (None, Some(number)) => Document::Number(Number::NegInt(number)),
            (None, None) => Document::Number(Number::Float(number.as_f64().unwrap_or_default())),
        },
        Value::String(text) => Document::String(text.clone()),
        Value::Array(items) => Document::Array(items.iter().map(document).collect()),
        Value::Object(members) => {
            Document::Object(members.iter().map(|(name, value)| (name.clone(), document(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests;
