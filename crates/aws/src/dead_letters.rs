//! The queue of what nobody could read.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::MessageAttributeValue;
use tollgate_core::ports::{DeadLetters, QueueError};

/// Dead letters in SQS: the letter is the body, the reason an attribute.
#[derive(Clone, Debug)]
pub struct SqsDeadLetters {
    client: Client,
    queue_url: String,
}

impl SqsDeadLetters {
    /// Into this queue.
    #[must_use]
    pub fn new(sdk: &SdkConfig, queue_url: &str) -> Self {
        Self { client: Client::new(sdk), queue_url: queue_url.to_owned() }
    }
}

#[async_trait]
impl DeadLetters for SqsDeadLetters {
    async fn keep(&self, letter: &str, reason: &str) -> Result<(), QueueError> {
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(cannot_take)?;
        self.client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(printable(letter))
            .message_attributes("reason", reason)
            .send()
            .await
            .map_err(cannot_take)?;
        Ok(())
    }
}

/// JSON allows two characters that SQS refuses; in JSON they can be written as escapes.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
fn printable(letter: &str) -> String {
    letter.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
}

fn cannot_take<E: std::error::Error + Send + Sync + 'static>(cause: E) -> QueueError {
    QueueError { cause: Box::new(cause) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sqs::operation::send_message::{SendMessageError, SendMessageOutput};
    use aws_sdk_sqs::types::error::{
        InvalidAddress, InvalidMessageContents, InvalidSecurity, KmsAccessDenied, QueueDoesNotExist,
        RequestThrottled, UnsupportedOperation,
    };
    use aws_smithy_mocks::{RuleMode, mock, mock_client};

    use super::*;

    const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/dead";

    #[tokio::test]
    async fn a_letter_is_kept_whole_with_its_reason() {
        let send = mock!(Client::send_message)
            .match_requests(|request| {
                let reason = request.message_attributes().and_then(|attributes| attributes.get("reason"));
                request.queue_url() == Some(QUEUE)
                    && request.message_body() == Some(r#"{"Sns":{"Message":"?\uffff"}}"#)
                    && reason.and_then(|reason| reason.string_value()) == Some("not ours")
            })
            .then_output(|| SendMessageOutput::builder().build());
        let queue =
            SqsDeadLetters { client: mock_client!(aws_sdk_sqs, [&send]), queue_url: QUEUE.to_owned() };

        queue.keep("{\"Sns\":{\"Message\":\"?\u{ffff}\"}}", "not ours").await.unwrap();

        assert_eq!(send.num_calls(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queue_that_takes_nothing_is_an_error() {
        let errors: [fn() -> SendMessageError; 8] = [
            || SendMessageError::InvalidAddress(InvalidAddress::builder().build()),
            || SendMessageError::InvalidMessageContents(InvalidMessageContents::builder().build()),
            || SendMessageError::InvalidSecurity(InvalidSecurity::builder().build()),
            || SendMessageError::KmsAccessDenied(KmsAccessDenied::builder().build()),
            || SendMessageError::QueueDoesNotExist(QueueDoesNotExist::builder().build()),
            || SendMessageError::RequestThrottled(RequestThrottled::builder().build()),
            || SendMessageError::UnsupportedOperation(UnsupportedOperation::builder().build()),
            || SendMessageError::unhandled("access denied"),
        ];
        for error in errors {
            let send = mock!(Client::send_message).then_error(error);
            let client = mock_client!(aws_sdk_sqs, RuleMode::MatchAny, [&send]);
            let queue = SqsDeadLetters { client, queue_url: QUEUE.to_owned() };

            let error = queue.keep("{}", "not ours").await.unwrap_err();

            assert_eq!(error.to_string(), "the dead-letter queue did not take the message");
        }
    }
}
