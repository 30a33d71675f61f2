//! Refusals and the forms in which they are worded: OpenAI's error object, Bedrock's native exception, that of S3 Vectors.

use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::answer::{Body, whole};
use super::vectors;

/// In which form an endpoint words its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    OpenAi,
    Native,
    Vectors,
}

impl Form {
    /// Native operations live under `/model/`, and those of S3 Vectors have names; all else speaks OpenAI's language.
    pub(super) fn of(path: &str) -> Self {
        match vectors::Operation::of(path) {
            Some(_) => Self::Vectors,
            None if path.starts_with("/model/") || path.starts_with("/guardrail/") => Self::Native,
            None => Self::OpenAi,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {message}")]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
    /// OpenAI's `code`.
    pub(super) code: Option<&'static str>,
    /// OpenAI's `type`, where the status alone does not tell.
    pub(super) kind: Option<&'static str>,
    /// OpenAI's `param`.
    pub(super) param: Option<String>,
    /// The native exception, where the status alone does not tell.
    pub(super) exception: Option<&'static str>,
    pub(super) retry_after_secs: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            kind: None,
            param: None,
            exception: None,
            retry_after_secs: None,
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn invalid_param(code: &'static str, param: &str, message: String) -> Self {
        Self { code: Some(code), param: Some(param.to_owned()), ..Self::invalid(message) }
    }

    /// The error that a rule asks for.
    pub(super) fn injected(status: u16, retry_after_secs: Option<u64>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (code, message) = match status.as_u16() {
            401 => (Some("invalid_api_key"), "Incorrect API key provided."),
            429 => (Some("rate_limit_exceeded"), "Too many requests, please wait before trying again."),
            503 => (Some("service_unavailable"), "The service is temporarily unable to handle the request."),
            _ => (None, "The system encountered an unexpected error."),
        };
        Self { code, retry_after_secs, ..Self::new(status, message) }
    }

    pub(super) fn missing_param(param: &str) -> Self {
        Self::invalid_param(
            "missing_required_parameter",
            param,
            format!("Missing required parameter: '{param}'."),
        )
    }

    pub(super) fn unknown_model(id: &str) -> Self {
        Self {
            code: Some("model_not_found"),
            ..Self::new(StatusCode::NOT_FOUND, format!("The model '{id}' does not exist"))
        }
    }

    pub(super) fn response(&self, form: Form) -> Response<Body> {
        let body = match form {
            Form::OpenAi => self.openai_error(),
            Form::Native => json!({ "message": self.message }),
            Form::Vectors => self.vectors_error(),
        };
        let mut response = whole(self.status, "application/json", body.to_string());
        let headers = response.headers_mut();
        match form {
            Form::OpenAi => None,
            Form::Native => headers.insert("x-amzn-errortype", self.error_type()),
            Form::Vectors => {
                let exception = self.exception.unwrap_or(vectors::exception(self.status));
                headers.insert("x-amzn-errortype", HeaderValue::from_static(exception))
            }
        };
        if let Some(seconds) = self.retry_after_secs {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }

    pub(super) fn openai_error(&self) -> serde_json::Value {
        let kind = self.kind.unwrap_or(match self.status.as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "server_error",
        });
        json!({ "error": { "message": self.message, "type": kind, "param": self.param, "code": self.code } })
    }

    fn vectors_error(&self) -> serde_json::Value {
        let mut error = json!({ "message": self.message });
        if let Some(path) = &self.param {
            error["fieldList"] = json!([{ "path": path, "message": self.message }]);
        }
        error
    }

    /// AWS appends the name space of the service's model, which a client has to strip.
    fn error_type(&self) -> HeaderValue {
        let name = format!("{}:http://internal.amazon.com/coral/com.amazon.bedrock/", self.exception());
        HeaderValue::from_str(&name).expect("exception names are plain ASCII")
    }

    fn exception(&self) -> &'static str {
        self.exception.unwrap_or(match self.status.as_u16() {
            403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            408 => "ModelTimeoutException",
            424 => "ModelErrorException",
            429 => "ThrottlingException",
            503 => "ServiceUnavailableException",
            400..=499 => "ValidationException",
            _ => "InternalServerException",
        })
    }
}
