//! The password of a user whom IAM lets into `ElastiCache`: a request to connect, signed for fifteen minutes, without its scheme.
//! See <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html>.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::Request;
use tollgate_core::model::Cause;
use tollgate_core::time::Timestamp;

const LASTS: Duration = Duration::from_secs(900);

pub(super) async fn token(sdk: &SdkConfig, to: (&str, &str), now: Timestamp) -> Result<String, Cause> {
    let provider = sdk.credentials_provider().ok_or("there are no credentials")?;
    let credentials = provider.provide_credentials().await?;
    let region = sdk.region().ok_or("there is no region")?;
    signed(credentials, region.as_ref(), to, now)
}

fn signed(
    credentials: Credentials,
    region: &str,
    (cache_name, user): (&str, &str),
    now: Timestamp,
) -> Result<String, Cause> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(LASTS);
    let identity = credentials.into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("elasticache")
        .time(SystemTime::UNIX_EPOCH + Duration::from_micros(now.as_micros()))
        .settings(settings)
        .build()?
        .into();
    let uri = format!("http://{cache_name}/?Action=connect&User={user}");
    let signable = SignableRequest::new("GET", &uri, std::iter::empty(), SignableBody::Bytes(b""))?;
    let (instructions, _) = sign(signable, &params)?.into_parts();
    let mut request = Request::get(&uri).body(())?;
    instructions.apply_to_request_http1x(&mut request);
    let signed = request.uri().to_string();
    Ok(signed.trim_start_matches("http://").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_request_that_is_signed_for_a_quarter_of_an_hour() {
        let credentials = Credentials::for_tests();
        let noon = Timestamp::from_secs(1_795_348_800);

        let token = signed(credentials.clone(), "us-east-1", ("tollgate", "gateway"), noon).unwrap();

        assert!(token.starts_with("tollgate/?Action=connect&User=gateway&X-Amz-"), "{token}");
        for part in [
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Expires=900",
            "20261122%2Fus-east-1%2Felasticache%2Faws4_request",
        ] {
            assert!(token.contains(part), "{part}: {token}");
        }
        assert_eq!(token, signed(credentials.clone(), "us-east-1", ("tollgate", "gateway"), noon).unwrap());
        let later = noon.plus(Duration::from_secs(1));
        assert_ne!(token, signed(credentials, "us-east-1", ("tollgate", "gateway"), later).unwrap());
    }
}
