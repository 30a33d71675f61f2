//! Who calls: SigV4, a Bedrock API key, a key of OpenAI's, or anyone on premises, refused as each endpoint refuses.
//!
//! The signature itself can be checked for one key only, the emulator's root, whose secret is known; of every other key the
//! form is checked.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_types::date_time::{DateTime, Format};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{StatusCode, header};

use super::models::is_runtime_id;
use super::refusal::{Form, Refusal};

const ROOT_KEY_ID: &str = "test";
const ROOT_SECRET: &str = "test";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Short-term keys of Bedrock, and long-term ones.
const API_KEY_PREFIXES: [&str; 2] = ["bedrock-api-key-", "ABSK"];
const OPENAI_KEY_PREFIX: &str = "sk-";
/// Keys of OpenAI's that begin so are valid no more.
const REVOKED_PREFIX: &str = "sk-revoked";
/// Where a server on premises answers, which knows no credentials.
pub(super) const COMPATIBLE: &str = "/compatible/v1/";
const KEY_ENDING: usize = 4;

/// The endpoint that a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Mantle,
    Runtime,
    OpenAi,
    Compatible,
    Vectors,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Signed {
        access_key_id: String,
        has_session_token: bool,
        region: String,
        service: Service,
    },
    /// With a Bedrock API key.
    ApiKey(String),
    OpenAiKey(String),
    Anyone,
}

impl Caller {
    /// Which endpoint the call is for. A Bedrock API key does not tell, so the path and the model do.
    pub(super) fn service(&self, path: &str, model: &str) -> Service {
        match self {
            Self::Signed { service, .. } => *service,
            Self::ApiKey(_) if path.starts_with("/model/") || is_runtime_id(model) => Service::Runtime,
            Self::ApiKey(_) => Service::Mantle,
            Self::OpenAiKey(_) => Service::OpenAi,
            Self::Anyone => Service::Compatible,
        }
    }

    pub(super) fn bearer_key(&self) -> Option<&str> {
        match self {
            Self::ApiKey(key) | Self::OpenAiKey(key) => Some(key),
            Self::Signed { .. } | Self::Anyone => None,
        }
    }

    /// What tells this caller's key from another, and is of no use to anyone else.
    pub(super) fn key_ending(&self) -> Option<String> {
        let key = self.bearer_key()?;
        Some(key.chars().skip(key.chars().count().saturating_sub(KEY_ENDING)).collect())
    }

    /// The region that keeps what the caller stores; a key does not name it.
    pub(super) fn region(&self) -> &str {
        match self {
            Self::Signed { region, .. } => region,
            Self::ApiKey(_) | Self::OpenAiKey(_) | Self::Anyone => "",
        }
    }
}

/// Why a caller is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Denial {
    #[error("Missing Authentication Token")]
    Missing,
    #[error("Authentication failed: Please make sure your API Key is valid.")]
    ApiKey,
    #[error(
        "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys."
    )]
    OpenAiKey,
    #[error("Authorization header is not well formed: {0}")]
    Malformed(&'static str),
    #[error("The security token included in the request is invalid.")]
    SessionToken,
    #[error("Credential should be scoped to correct service: '{0}'.")]
    Service(&'static str),
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key \
         and signing method."
    )]
    Signature,
}

impl Denial {
    pub(super) fn refusal(self, form: Form) -> Refusal {
        let exception = match self {
            Self::Missing => "MissingAuthenticationTokenException",
            Self::ApiKey | Self::OpenAiKey => "AccessDeniedException",
            Self::Malformed(_) => "IncompleteSignatureException",
            Self::SessionToken => "UnrecognizedClientException",
            Self::Service(_) | Self::Signature => "InvalidSignatureException",
        };
        let (status, code) = match (form, self) {
            (_, Self::OpenAiKey) | (Form::OpenAi, Self::Missing | Self::ApiKey) => {
                (StatusCode::UNAUTHORIZED, Some("invalid_api_key"))
            }
            (Form::OpenAi | Form::Native | Form::Vectors, _) => (StatusCode::FORBIDDEN, None),
        };
        let message = match (form, self) {
            (Form::OpenAi, Self::ApiKey) => "Invalid bearer token".to_owned(),
            _ => self.to_string(),
        };
        let kind = (self == Self::OpenAiKey).then_some("invalid_request_error");
        Refusal { code, kind, exception: Some(exception), ..Refusal::new(status, message) }
    }
}

/// Reads and checks the credentials of a request.
pub(super) fn identify(parts: &Parts, body: &[u8]) -> Result<Caller, Denial> {
    if parts.uri.path().starts_with(COMPATIBLE) {
        return Ok(Caller::Anyone);
    }
    let value = parts
        .headers
        .get(header::AUTHORIZATION)
        .ok_or(Denial::Missing)?
        .to_str()
        .map_err(|_| Denial::Malformed("not text"))?;
    if Form::of(parts.uri.path()) == Form::Vectors {
        return signed(parts, body, value);
    }
    if let Some(key) = value.strip_prefix("Bearer ") {
        return bearer(key, parts.uri.path());
    }
    signed(parts, body, value)
}

/// OpenAI serves the plain paths only.
fn bearer(key: &str, path: &str) -> Result<Caller, Denial> {
    if path.starts_with("/v1/") && key.starts_with(OPENAI_KEY_PREFIX) {
        return if key.starts_with(REVOKED_PREFIX) {
            Err(Denial::OpenAiKey)
        } else {
            Ok(Caller::OpenAiKey(key.to_owned()))
        };
    }
    let is_known = API_KEY_PREFIXES.iter().any(|prefix| key.starts_with(prefix) && key.len() > prefix.len());
    if is_known { Ok(Caller::ApiKey(key.to_owned())) } else { Err(Denial::ApiKey) }
}

fn signed(parts: &Parts, body: &[u8], value: &str) -> Result<Caller, Denial> {
    let authorization = Authorization::parse(value).map_err(Denial::Malformed)?;
    let date = text(parts, "x-amz-date").ok_or(Denial::Malformed("x-amz-date is missing"))?;
    if !date.starts_with(authorization.date) {
        return Err(Denial::Malformed("the scope's date is not x-amz-date's"));
    }
    let has_session_token = parts.headers.contains_key("x-amz-security-token");
    if authorization.access_key_id.starts_with("ASIA") && !has_session_token {
        return Err(Denial::SessionToken);
    }
    let service = authorization.service(parts.uri.path())?;
    if authorization.access_key_id == ROOT_KEY_ID {
        let expected = root_signature(&authorization, parts, date, body)
            .map_err(|_| Denial::Malformed("it cannot be signed again"))?;
        if expected != authorization.signature {
            return Err(Denial::Signature);
        }
    }
    Ok(Caller::Signed {
        access_key_id: authorization.access_key_id.to_owned(),
        has_session_token,
        region: authorization.region.to_owned(),
        service,
    })
}

/// The parts of `AWS4-HMAC-SHA256 Credential=…/date/region/service/aws4_request, SignedHeaders=…, Signature=…`.
#[derive(Debug)]
struct Authorization<'a> {
    access_key_id: &'a str,
    date: &'a str,
    region: &'a str,
    service: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(value: &'a str) -> Result<Self, &'static str> {
        let fields = value.strip_prefix(ALGORITHM).ok_or("the algorithm is not AWS4-HMAC-SHA256")?;
        let field = |name: &str| fields.split(',').find_map(|field| field.trim().strip_prefix(name));
        let credential = field("Credential=").ok_or("Credential is missing")?;
        let [access_key_id, date, region, service, "aws4_request"] =
            credential.split('/').collect::<Vec<_>>()[..]
        else {
            return Err("Credential is not key/date/region/service/aws4_request");
        };
        let signed_headers: Vec<_> =
            field("SignedHeaders=").ok_or("SignedHeaders is missing")?.split(';').collect();
        if !["host", "x-amz-date"].iter().all(|name| signed_headers.contains(name)) {
            return Err("SignedHeaders lacks host or x-amz-date");
        }
        let signature = field("Signature=").ok_or("Signature is missing")?;
        if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("Signature is not 64 hexadecimal digits");
        }
        if access_key_id.is_empty() || region.is_empty() || date.len() != 8 {
            return Err("Credential has an empty part or a wrong date");
        }
        Ok(Self { access_key_id, date, region, service, signed_headers, signature })
    }

    /// Native operations take the scope `bedrock` only; the OpenAI paths exist on both endpoints.
    fn service(&self, path: &str) -> Result<Service, Denial> {
        match (self.service, Form::of(path)) {
            ("s3vectors", Form::Vectors) => Ok(Service::Vectors),
            (_, Form::Vectors) => Err(Denial::Service("s3vectors")),
            ("bedrock", _) => Ok(Service::Runtime),
            ("bedrock-mantle", Form::OpenAi) => Ok(Service::Mantle),
            (_, Form::OpenAi) => Err(Denial::Service("bedrock-mantle")),
            (_, Form::Native) => Err(Denial::Service("bedrock")),
        }
    }
}

/// The request cannot be signed: a date, an address or a header that no signer produces.
#[derive(Debug, thiserror::Error)]
#[error("the request cannot be signed")]
struct Unsignable(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Unsignable {
    fn because(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

fn root_signature(
    authorization: &Authorization<'_>,
    parts: &Parts,
    date: &str,
    body: &[u8],
) -> Result<String, Unsignable> {
    let identity = Credentials::new(ROOT_KEY_ID, ROOT_SECRET, None, None, "root").into();
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(authorization.region)
        .name(authorization.service)
        .time(instant(date)?)
        .settings(settings)
        .build()
        .map_err(Unsignable::because)?
        .into();
    let headers =
        authorization.signed_headers.iter().filter_map(|name| text(parts, name).map(|value| (*name, value)));
    let body = match text(parts, "x-amz-content-sha256") {
        Some("UNSIGNED-PAYLOAD") => SignableBody::UnsignedPayload,
        Some(_) | None => SignableBody::Bytes(body),
    };
    let host = text(parts, "host").unwrap_or_default();
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let url = format!("http://{host}{path}");
    let request =
        SignableRequest::new(parts.method.as_str(), url, headers, body).map_err(Unsignable::because)?;
    let (_, signature) = sign(request, &params).map_err(Unsignable::because)?.into_parts();
    Ok(signature)
}

/// Reads `20261122T101112Z`.
fn instant(date: &str) -> Result<SystemTime, Unsignable> {
    let [year, month, day, hour, minute, second] =
        [0..4, 4..6, 6..8, 9..11, 11..13, 13..15].map(|range| date.get(range).unwrap_or_default());
    let rfc3339 = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    let time = DateTime::from_str(&rfc3339, Format::DateTime).map_err(Unsignable::because)?;
    SystemTime::try_from(time).map_err(Unsignable::because)
}

fn text<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}
