//! The event that ends a stream that broke.

use bytes::Bytes;
use serde_json::json;

use super::frame::frame;
use crate::error::Error;

/// Says what went wrong in the words of both kinds of clients: those that look for an event of type `error`, and those
/// that look for a member `error`.
pub(super) fn failure(error: &Error, sequence_number: u64) -> Bytes {
    let envelope = json!(error.envelope());
    let said = &envelope["error"];
    let event = json!({
        "type": "error", "sequence_number": sequence_number,
        "code": said["code"], "message": said["message"], "param": said["param"], "error": said,
    });
    frame("error", event.to_string().as_bytes())
}
