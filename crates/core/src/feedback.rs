//! What a caller says of an answer: it moves the quality of the target that gave it.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::semantic::millionths::Millionths;

/// `POST /v1/feedback`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feedback {
    /// The call, as `x-tollgate-request-id` named it.
    pub request_id: String,
    /// From 0, useless, to 1, just right.
    pub rating: Millionths,
}

impl Feedback {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(body).map_err(|error| {
            let message = format!(
                "the body is no feedback such as {{\"request_id\": \"…\", \"rating\": 0.8}}: {error}"
            );
            Error::Invalid { message, param: None }
        })
    }
}

/// What became of a rating.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rated {
    /// It counts, now or since the same was said before.
    Done,
    /// The answer has another rating already.
    Otherwise,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_feedback_is_said() {
        for body in [
            "",
            "[]",
            r#"{"request_id": "r-1"}"#,
            r#"{"request_id": "r-1", "rating": 2}"#,
            r#"{"request_id": "r-1", "rating": -0.5}"#,
            r#"{"request_id": "r-1", "rating": "good"}"#,
            r#"{"request_id": "r-1", "rating": 1, "comment": "what the model said"}"#,
        ] {
            assert!(matches!(Feedback::parse(body.as_bytes()), Err(Error::Invalid { .. })), "{body}");
        }
        let feedback = Feedback::parse(br#"{"request_id": "r-1", "rating": 0.25}"#).unwrap();
        assert_eq!((feedback.request_id.as_str(), feedback.rating.parts()), ("r-1", 250_000));
    }
}
