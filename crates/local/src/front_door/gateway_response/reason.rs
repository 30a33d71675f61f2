//! Why API Gateway answers a request itself, and how it says so when the API says nothing of its own.

use http::StatusCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::front_door) enum Reason {
    MissingAuthenticationToken,
    /// As for a path that does not exist, when the request has an `Authorization` header: API Gateway then takes it for
    /// a call that IAM would sign.
    InvalidSignature,
    RequestTooLarge,
    Unauthorized,
    /// No statement of the authorizer's policy allows the method.
    NotAllowed,
    /// A statement of the authorizer's policy denies the method.
    Denied,
    /// The method needs an API key with a usage plan, and the authorizer named none.
    InvalidApiKey,
    AuthorizerFailure,
    AuthorizerConfigurationError,
    IntegrationFailure,
    IntegrationTimeout,
    /// The function failed, or its answer is none; this has no response type of its own.
    BadGateway,
    /// Lambda refused the invocation; this has no response type of its own.
    InternalError,
}

impl Reason {
    pub(super) fn kind(self) -> Option<&'static str> {
        match self {
            Self::MissingAuthenticationToken => Some("MISSING_AUTHENTICATION_TOKEN"),
            Self::InvalidSignature => Some("INVALID_SIGNATURE"),
            Self::RequestTooLarge => Some("REQUEST_TOO_LARGE"),
            Self::Unauthorized => Some("UNAUTHORIZED"),
            Self::NotAllowed | Self::Denied => Some("ACCESS_DENIED"),
            Self::InvalidApiKey => Some("INVALID_API_KEY"),
            Self::AuthorizerFailure => Some("AUTHORIZER_FAILURE"),
            Self::AuthorizerConfigurationError => Some("AUTHORIZER_CONFIGURATION_ERROR"),
            Self::IntegrationFailure => Some("INTEGRATION_FAILURE"),
            Self::IntegrationTimeout => Some("INTEGRATION_TIMEOUT"),
            Self::BadGateway | Self::InternalError => None,
        }
    }

    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::MissingAuthenticationToken
            | Self::InvalidSignature
            | Self::NotAllowed
            | Self::Denied
            | Self::InvalidApiKey => StatusCode::FORBIDDEN,
            Self::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::AuthorizerFailure | Self::AuthorizerConfigurationError | Self::InternalError => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::IntegrationFailure | Self::IntegrationTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::BadGateway => StatusCode::BAD_GATEWAY,
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "Missing Authentication Token",
            Self::InvalidSignature => "Authorization header requires 'Credential' parameter.",
            Self::RequestTooLarge => "Request Too Long",
            Self::Unauthorized => "Unauthorized",
            Self::NotAllowed => "User is not authorized to access this resource",
            Self::Denied => "User is not authorized to access this resource with an explicit deny",
            Self::InvalidApiKey => "Forbidden",
            Self::IntegrationTimeout => "Endpoint request timed out",
            Self::AuthorizerFailure
            | Self::AuthorizerConfigurationError
            | Self::IntegrationFailure
            | Self::BadGateway
            | Self::InternalError => "Internal server error",
        }
    }

    pub(super) fn error_type(self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::InvalidSignature => "IncompleteSignatureException",
            Self::RequestTooLarge => "RequestTooLargeException",
            Self::Unauthorized => "UnauthorizedException",
            Self::NotAllowed | Self::Denied => "AccessDeniedException",
            Self::InvalidApiKey => "ForbiddenException",
            Self::AuthorizerFailure => "AuthorizerFailureException",
            Self::AuthorizerConfigurationError => "AuthorizerConfigurationException",
            Self::IntegrationFailure | Self::BadGateway | Self::InternalError => {
                "InternalServerErrorException"
            }
            Self::IntegrationTimeout => "IntegrationTimeoutException",
        }
    }
}
