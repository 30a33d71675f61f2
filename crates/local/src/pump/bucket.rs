//! The on-failure bucket: one signed PUT, so that no S3 client has to be built for it.

use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningError, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;

use super::discard::Object;
use crate::clock;

/// A bucket at an S3 endpoint.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Where S3 answers, without a trailing slash.
    pub endpoint: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Who writes.
    pub credentials: SharedCredentialsProvider,
}

/// An object could not be written.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// There is nobody to write as.
    #[error("no credentials to write to the on-failure bucket")]
    Credentials(#[from] CredentialsError),
    /// The request could not be signed.
    #[error("cannot sign the request to the on-failure bucket")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody answered, or the request is none.
    #[error("cannot reach the on-failure bucket")]
    Transport(#[from] reqwest::Error),
    /// S3 said no.
    #[error("the on-failure bucket answered {status}: {body}")]
    Refused {
        /// Its status.
        status: u16,
        /// Its words.
        body: String,
    },
}

impl From<SigningError> for BucketError {
    fn from(error: SigningError) -> Self {
        Self::Signing(Box::new(error))
    }
}

impl Bucket {
    /// Writes one object.
    pub(super) async fn put(&self, http: &reqwest::Client, object: &Object) -> Result<(), BucketError> {
        let url = format!("{}/{}/{}", self.endpoint, self.name, object.key);
        let headers = self.sign(&url, &object.body).await?;
        let mut request = http.put(url).body(object.body.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(BucketError::Refused { status: status.as_u16(), body: answer.text().await? })
    }

    async fn sign(&self, url: &str, body: &str) -> Result<Vec<(String, String)>, BucketError> {
        let identity = self.credentials.provide_credentials().await?.into();
        let mut settings = SigningSettings::default();
        // S3's own rules: the path is signed as it is sent.
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(clock::now())
            .settings(settings)
            .build()
            .map_err(|error| BucketError::Signing(Box::new(error)))?;
        let content = SignableBody::Bytes(body.as_bytes());
        let request = SignableRequest::new("PUT", url, std::iter::empty(), content)?;
        let (instructions, _signature) = sign(request, &params.into())?.into_parts();
        let headers = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(headers.collect())
    }
}
