//! `bedrock-runtime` through the SDK: what Converse and InvokeModel have in common.

#[cfg(test)]
pub(super) mod samples;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::http::{HttpRequest, HttpResponse};
use aws_sdk_bedrockruntime::config::{Builder, Region};
use aws_sdk_bedrockruntime::error::{ProvideErrorMetadata, SdkError};
use bytes::Bytes;
use tollgate_core::model::{Call, Cause, ModelError};

use crate::connection::{connect_anew, never_left};

/// Our own loop decides about retries, and each call has its own time limit.
pub(super) fn client(config: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .disable_operation_timeout()
        .disable_operation_attempt_timeout()
        .disable_read_timeout()
        .build();
    let config = Builder::from(config)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .http_client(connect_anew())
        .build();
    Client::from_conf(config)
}

/// Where a call goes, with whose credentials, and how long it may look for a connection: all are the call's own.
pub(super) fn place(call: &Call<'_>, credentials: Credentials) -> Builder {
    let connect = Duration::from_millis(call.target.timeouts.connect_ms);
    Builder::default()
        .region(Region::new(call.target.region.clone()))
        .credentials_provider(credentials)
        .timeout_config(TimeoutConfig::builder().connect_timeout(connect).build())
}

/// Hands the call's trace on, where it has one.
pub(super) fn trace(request: &mut HttpRequest, traceparent: &str) {
    if !traceparent.is_empty() {
        // What does not fit into a header is nobody's trace.
        let _unfit = request.headers_mut().try_insert("traceparent", traceparent.to_owned());
    }
}

/// Why there is no answer.
pub(super) fn failure<E>(error: SdkError<E, HttpResponse>) -> ModelError
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
            ModelError::Garbled("the answer cannot be read".into())
        }
        // The service's message may repeat what it was asked: logs get its name only.
        SdkError::ServiceError(service) => match service.err().code() {
            Some("ThrottlingException" | "ModelNotReadyException" | "ServiceQuotaExceededException") => {
                ModelError::Throttled { retry_after: retry_after(service.raw()) }
            }
            Some("ValidationException") => refused(service.err().message().unwrap_or("invalid request")),
            Some("AccessDeniedException" | "UnrecognizedClientException" | "ExpiredTokenException") => {
                ModelError::Unauthorized(named(service.err().code()))
            }
            Some("ResourceNotFoundException") => ModelError::Gone(named(service.err().code())),
            Some("ModelTimeoutException") => ModelError::TimedOut,
            code => ModelError::Unavailable(named(code)),
        },
        _ => ModelError::Broken(Box::new(error)),
    }
}

/// The name of a service's error, as a cause.
pub(super) fn named(code: Option<&str>) -> Cause {
    code.unwrap_or("an error without a name").into()
}

fn retry_after(response: &HttpResponse) -> Option<Duration> {
    response.headers().get("retry-after")?.parse().ok().map(Duration::from_secs)
}

/// What Bedrock says of a request that is longer than the model's context. It has no code for that.
const TOO_LONG: [&str; 3] = ["input is too long", "prompt is too long", "input tokens exceeded"];

fn refused(message: &str) -> ModelError {
    let lower = message.to_ascii_lowercase();
    let is_too_long = TOO_LONG.iter().any(|said| lower.contains(said));
    let code = if is_too_long { "context_length_exceeded" } else { "provider_refused" };
    let body = serde_json::json!({
        "error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}
    });
    ModelError::Refused { status: 400, body: Bytes::from(body.to_string()) }
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing of the answer has come.
    Silent,
    /// Something has.
    Begun,
}

/// What an error in a stream means. It is told by its type: the status beside it need not fit. A model that is throttled
/// before its first word has done nothing that anybody bills.
pub(super) fn break_off(is_throttled: bool, progress: Progress, cause: Cause) -> ModelError {
    match progress {
        Progress::Silent if is_throttled => ModelError::Throttled { retry_after: None },
        Progress::Silent | Progress::Begun => ModelError::Broken(cause),
    }
}
