//! What becomes of a request, and the service's refusals as they are on the wire.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

/// A request as the plan sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Counted from 1 since the plan was laid down; an SDK's second try is a request of its own.
    pub number: u64,
    /// Such as `TransactWriteItems`.
    pub operation: String,
}

/// Where in the life of a request something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The service has not seen it.
    Before,
    /// The service has done it; nobody knows yet.
    After,
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is forwarded, and so is its answer.
    None,
    /// It is answered here.
    Refuse(Refusal),
    /// The connection is cut before it is forwarded.
    Reset,
    /// It is forwarded, and the connection is cut instead of an answer.
    LoseReply,
    /// It waits.
    Delay(Moment, Duration),
    /// It waits for the test.
    Stop(Moment),
}

/// A refusal of DynamoDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Fault {
    /// Another transaction is at work on the items with `true`.
    #[must_use]
    pub fn conflict(items: &[bool]) -> Self {
        let code = |is_hit: bool| if is_hit { "TransactionConflict" } else { "None" };
        let reason = |is_hit: &bool| match is_hit {
            true => json!({"Code": code(true), "Message": "Transaction is ongoing for the item"}),
            false => json!({"Code": code(false)}),
        };
        let codes: Vec<&str> = items.iter().map(|is_hit| code(*is_hit)).collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        let reasons: Vec<Value> = items.iter().map(reason).collect();
        let more = json!({"Message": message, "CancellationReasons": reasons});
        Self::refusal("TransactionCanceledException", more)
    }

    /// The table has no room.
    #[must_use]
    pub fn exceeded() -> Self {
        let message = "The level of configured provisioned throughput for the table was exceeded.";
        Self::refusal("ProvisionedThroughputExceededException", json!({"message": message}))
    }

    /// The account calls too often.
    #[must_use]
    pub fn throttled() -> Self {
        let refusal = json!({"__type": "com.amazon.coral.availability#ThrottlingException", "message": "Rate exceeded"});
        Self::Refuse(Refusal { status: StatusCode::BAD_REQUEST, body: refusal })
    }

    /// The same token is being worked on.
    #[must_use]
    pub fn in_progress() -> Self {
        let message = "Transaction for the given client request token is already in progress.";
        Self::refusal("TransactionInProgressException", json!({"Message": message}))
    }

    /// The service itself failed.
    #[must_use]
    pub fn internal() -> Self {
        let Self::Refuse(refusal) =
            Self::refusal("InternalServerError", json!({"message": "Internal server error"}))
        else {
            return Self::None;
        };
        Self::Refuse(Refusal { status: StatusCode::INTERNAL_SERVER_ERROR, ..refusal })
    }

    fn refusal(name: &str, mut body: Value) -> Self {
        body["__type"] = format!("com.amazonaws.dynamodb.v20120810#{name}").into();
        Self::Refuse(Refusal { status: StatusCode::BAD_REQUEST, body })
    }
}

impl Refusal {
    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.to_string().into()));
        *response.status_mut() = self.status;
        let json = http::HeaderValue::from_static("application/x-amz-json-1.0");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
        response
    }
}
