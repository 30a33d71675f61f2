//! SigV4.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as compute};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
use tollgate_core::model::Cause;
use tollgate_core::time::Timestamp;

/// The credential scope of a signature.
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) now: Timestamp,
}

/// Signs a request with all the headers that it has; what is added later is not signed.
pub(super) fn sign(
    request: &mut Request<Bytes>,
    credentials: &Credentials,
    scope: &Scope<'_>,
) -> Result<(), Cause> {
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_micros(scope.now.as_micros()))
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers: Result<Vec<_>, _> =
        request.headers().iter().map(|(name, value)| Ok((name.as_str(), value.to_str()?))).collect();
    let headers = headers.map_err(|error: http::header::ToStrError| Box::new(error))?;
    let uri = request.uri().to_string();
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), &uri, headers.into_iter(), body)?;
    let (instructions, _) = compute(signable, &params)?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}
