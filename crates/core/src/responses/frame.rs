//! Events of this dialect on the wire.

use bytes::Bytes;

/// The bytes of one event. JSON may be laid out in lines; each of them is one of data.
pub(super) fn frame(kind: &str, json: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(kind.len() + json.len() + 18);
    if !kind.contains(['\r', '\n']) {
        bytes.extend_from_slice(b"event: ");
        bytes.extend_from_slice(kind.as_bytes());
        bytes.push(b'\n');
    }
    for line in json.split(|byte| matches!(byte, b'\r' | b'\n')) {
        bytes.extend_from_slice(b"data: ");
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    bytes.push(b'\n');
    Bytes::from(bytes)
}
