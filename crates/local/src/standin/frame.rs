//! Messages in AWS's binary event-stream encoding, and bytes in JSON.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::standin::refusal::Refusal;

/// One event of a stream.
pub(super) fn event(kind: &str, payload: &Value) -> Bytes {
    encode("event", ":event-type", kind, payload)
}

/// An error in the middle of a stream, where fewer kinds are known than before it.
pub(super) fn exception(refusal: &Refusal) -> Bytes {
    let kind = match refusal.status.as_u16() {
        400 => "validationException",
        429 => "throttlingException",
        503 => "serviceUnavailableException",
        500..=599 => "internalServerException",
        _ => "modelStreamErrorException",
    };
    let payload = json!({ "message": refusal.message });
    encode("exception", ":exception-type", kind, &payload)
}

fn encode(message_type: &str, type_header: &'static str, kind: &str, payload: &Value) -> Bytes {
    let header =
        |name: &'static str, value: &str| Header::new(name, HeaderValue::String(value.to_owned().into()));
    let headers = vec![
        header(type_header, kind),
        header(":content-type", "application/json"),
        header(":message-type", message_type),
    ];
    let message = Message::new_from_parts(headers, payload.to_string());
    let mut buffer = Vec::new();
    write_message_to(&message, &mut buffer)
        .expect("a short message with three short headers fits in a frame");
    buffer.into()
}

/// The bytes of a member that carries them as base64; none where it carries none.
pub(super) fn decode(base64: &str) -> Option<Vec<u8>> {
    STANDARD.decode(base64).ok().filter(|bytes| !bytes.is_empty())
}

pub(super) fn encode64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}
