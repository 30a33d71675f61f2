//! Telling people, over SNS.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use tollgate_core::ports::{AlertError, Alerts};

/// SNS takes no longer subject.
const MOST_SUBJECT: usize = 99;

/// One topic.
#[derive(Clone, Debug)]
pub struct SnsAlerts {
    client: Client,
    topic_arn: String,
}

impl SnsAlerts {
    /// To this topic.
    #[must_use]
    pub fn new(sdk: &SdkConfig, topic_arn: &str) -> Self {
        Self { client: Client::new(sdk), topic_arn: topic_arn.to_owned() }
    }
}

#[async_trait]
impl Alerts for SnsAlerts {
    async fn tell(&self, subject: &str, text: &str) -> Result<(), AlertError> {
        let publish = self.client.publish().topic_arn(&self.topic_arn).subject(plain(subject)).message(text);
        publish.send().await.map(drop).map_err(|error| AlertError(Box::new(error)))
    }
}

/// A subject is ASCII, in one line.
///
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
fn plain(subject: &str) -> String {
    let ascii = |character: char| if matches!(character, ' '..='~') { character } else { '?' };
    subject.chars().map(ascii).take(MOST_SUBJECT).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_sns::operation::publish::{PublishError, PublishOutput};
    use aws_sdk_sns::types::error::AuthorizationErrorException;
    use aws_smithy_mocks::{mock, mock_client};

    use super::*;

    const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:tollgate-alerts";

    #[tokio::test]
    async fn people_are_told_with_a_subject_that_sns_takes() {
        let publish = mock!(Client::publish)
            .match_requests(|request| {
                request.topic_arn() == Some(TOPIC)
                    && request.subject() == Some("the budget \"caf?\"? is spent")
                    && request.message() == Some("all of it\nby now")
            })
            .then_output(|| PublishOutput::builder().build());
        let alerts = SnsAlerts { client: mock_client!(aws_sdk_sns, [&publish]), topic_arn: TOPIC.to_owned() };

        alerts.tell("the budget \"café\"\n is spent", "all of it\nby now").await.unwrap();

        assert_eq!(publish.num_calls(), 1);
        assert_eq!(plain(&"x".repeat(200)).len(), 99);
    }

    #[tokio::test]
    async fn who_cannot_be_told_is_an_error() {
        let refused = mock!(Client::publish).then_error(|| {
            PublishError::AuthorizationErrorException(AuthorizationErrorException::builder().build())
        });
        let alerts = SnsAlerts { client: mock_client!(aws_sdk_sns, [&refused]), topic_arn: TOPIC.to_owned() };

        assert_eq!(alerts.tell("s", "t").await.unwrap_err().to_string(), "the alert was not sent");
    }
}
