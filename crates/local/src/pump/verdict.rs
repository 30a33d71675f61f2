//! What a function's answer says of the batch it was given.
//!
//! With `ReportBatchItemFailures` an answer names the records that failed; the stream goes on from the lowest of them. An
//! answer that names a record which was not in the batch cannot be trusted, so the whole batch counts as failed.

use bytes::Bytes;
use serde::Deserialize;

/// What became of one invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function returned this payload.
    Answered(Bytes),
    /// The function ran and failed: an error, a crash or a timeout.
    Failed(String),
    /// The function never ran: throttled, or it could not be started.
    NotInvoked(String),
}

/// What the outcome means for the records that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every record is done.
    Done,
    /// The records before this index are done, the others are not.
    FailedFrom(usize),
    /// None is done.
    Failed,
    /// Nobody looked at them.
    NotInvoked,
}

/// Whether the mapping takes partial batch responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responses {
    /// `ReportBatchItemFailures`.
    Partial,
    /// Any answer is a success.
    Whole,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BatchResponse {
    batch_item_failures: Option<Vec<serde_json::Value>>,
}

/// Judges `outcome` for a batch with these sequence numbers, in the order in which they were sent.
pub(super) fn judge(outcome: &Outcome, responses: Responses, sequence_numbers: &[&str]) -> Verdict {
    match (outcome, responses) {
        (Outcome::NotInvoked(_), _) => Verdict::NotInvoked,
        (Outcome::Failed(_), _) => Verdict::Failed,
        (Outcome::Answered(_), Responses::Whole) => Verdict::Done,
        (Outcome::Answered(payload), Responses::Partial) => judge_report(payload, sequence_numbers),
    }
}

fn judge_report(payload: &[u8], sequence_numbers: &[&str]) -> Verdict {
    if payload.is_empty() {
        return Verdict::Done;
    }
    let Ok(report) = serde_json::from_slice::<Option<BatchResponse>>(payload) else {
        return Verdict::Failed;
    };
    let failures = report.unwrap_or_default().batch_item_failures.unwrap_or_default();
    let mut lowest = None;
    for failure in &failures {
        let position = failure
            .get("itemIdentifier")
            .and_then(serde_json::Value::as_str)
            .and_then(|named| sequence_numbers.iter().position(|sent| *sent == named));
        let Some(position) = position else {
            return Verdict::Failed;
        };
        lowest = Some(lowest.map_or(position, |known: usize| known.min(position)));
    }
    lowest.map_or(Verdict::Done, Verdict::FailedFrom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_report_as_lambda_does() {
        use Verdict::{Done, Failed, FailedFrom};
        let table = [
            ("", Done),
            ("null", Done),
            ("{}", Done),
            (r#"{"batchItemFailures":[]}"#, Done),
            (r#"{"batchItemFailures":null}"#, Done),
            (r#"{"other":1}"#, Done),
            (r#"{"batchItemFailures":[{"itemIdentifier":"10"}]}"#, FailedFrom(0)),
            (r#"{"batchItemFailures":[{"itemIdentifier":"30"}]}"#, FailedFrom(2)),
            (r#"{"batchItemFailures":[{"itemIdentifier":"30"},{"itemIdentifier":"20"}]}"#, FailedFrom(1)),
            (r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#, Failed),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, Failed),
            (r#"{"batchItemFailures":[{"itemIdentifier":30}]}"#, Failed),
            (r#"{"batchItemFailures":[{"id":"30"}]}"#, Failed),
            (r#"{"batchItemFailures":["30"]}"#, Failed),
            (r#"{"batchItemFailures":[{"itemIdentifier":"30"},{"itemIdentifier":"99"}]}"#, Failed),
            (r#"{"batchItemFailures":"30"}"#, Failed),
            (r#""done""#, Failed),
            ("not json", Failed),
        ];

        for (payload, expected) in table {
            let outcome = Outcome::Answered(Bytes::from_static(payload.as_bytes()));

            let verdict = judge(&outcome, Responses::Partial, &["10", "20", "30"]);

            assert_eq!(verdict, expected, "{payload}");
        }
    }

    #[test]
    fn takes_any_answer_for_a_success_without_partial_responses() {
        let outcome =
            Outcome::Answered(Bytes::from_static(br#"{"batchItemFailures":[{"itemIdentifier":"10"}]}"#));

        assert_eq!(judge(&outcome, Responses::Whole, &["10"]), Verdict::Done);
    }

    #[test]
    fn tells_a_failure_from_a_call_that_never_was() {
        for responses in [Responses::Partial, Responses::Whole] {
            let failed = Outcome::Failed("Unhandled".to_owned());
            let throttled = Outcome::NotInvoked("throttled".to_owned());

            assert_eq!(judge(&failed, responses, &["10"]), Verdict::Failed);
            assert_eq!(judge(&throttled, responses, &["10"]), Verdict::NotInvoked);
        }
    }
}
