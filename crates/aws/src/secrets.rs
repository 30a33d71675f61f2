//! Secrets, read once at start.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;

/// Secrets Manager.
#[derive(Clone, Debug)]
pub struct Secrets {
    client: Client,
}

/// Why there is no secret. Both name it, and neither shows it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be read.
    #[error("the secret {name} cannot be read")]
    Unreadable {
        /// Its name or ARN.
        name: String,
        /// What the client library said.
        #[source]
        cause: Box<SdkError<GetSecretValueError>>,
    },
    /// It has no value, or no text.
    #[error("the secret {name} holds no text")]
    Empty {
        /// Its name or ARN.
        name: String,
    },
}

impl Secrets {
    /// With this configuration.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { client: Client::new(sdk) }
    }

    /// The text of a secret, never empty.
    pub async fn text(&self, name: &str) -> Result<SecretString, SecretError> {
        let found = self.client.get_secret_value().secret_id(name).send().await;
        let found = found
            .map_err(|cause| SecretError::Unreadable { name: name.to_owned(), cause: Box::new(cause) })?;
        found
            .secret_string
            .filter(|text| !text.trim().is_empty())
            .map(SecretString::from)
            .ok_or_else(|| SecretError::Empty { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueOutput;
    use aws_sdk_secretsmanager::types::error::{
        DecryptionFailure, InternalServiceError, InvalidParameterException, InvalidRequestException,
        ResourceNotFoundException,
    };
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use secrecy::ExposeSecret;

    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:pepper";

    #[tokio::test]
    async fn a_secret_is_read_by_its_arn() {
        let get = mock!(Client::get_secret_value)
            .match_requests(|request| request.secret_id() == Some(ARN))
            .then_output(|| GetSecretValueOutput::builder().secret_string("pepper").build());
        let secrets = Secrets { client: mock_client!(aws_sdk_secretsmanager, [&get]) };

        assert_eq!(secrets.text(ARN).await.unwrap().expose_secret(), "pepper");
    }

    #[tokio::test]
    async fn a_secret_without_text_is_named() {
        for text in [None, Some(""), Some("\n ")] {
            let get = mock!(Client::get_secret_value).then_output(move || {
                GetSecretValueOutput::builder().set_secret_string(text.map(str::to_owned)).build()
            });
            let secrets = Secrets { client: mock_client!(aws_sdk_secretsmanager, [&get]) };

            let error = secrets.text(ARN).await.unwrap_err();

            assert_eq!(error.to_string(), format!("the secret {ARN} holds no text"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_cannot_be_read_is_named() {
        let errors: [fn() -> GetSecretValueError; 6] = [
            || GetSecretValueError::DecryptionFailure(DecryptionFailure::builder().build()),
            || GetSecretValueError::InternalServiceError(InternalServiceError::builder().build()),
            || GetSecretValueError::InvalidParameterException(InvalidParameterException::builder().build()),
            || GetSecretValueError::InvalidRequestException(InvalidRequestException::builder().build()),
            || GetSecretValueError::ResourceNotFoundException(ResourceNotFoundException::builder().build()),
            || GetSecretValueError::unhandled("access denied"),
        ];
        for error in errors {
            let get = mock!(Client::get_secret_value).then_error(error);
            let client = mock_client!(aws_sdk_secretsmanager, RuleMode::MatchAny, [&get]);

            let error = Secrets { client }.text(ARN).await.unwrap_err();

            assert_eq!(error.to_string(), format!("the secret {ARN} cannot be read"));
        }
    }
}
