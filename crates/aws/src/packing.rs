//! Bodies as they are stored: compressed, because the table asks for money by the KB and streams say much twice.

use std::io::{Error, Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tollgate_core::idempotency::MAX_ANSWER_BYTES;

pub(crate) fn pack(body: &[u8]) -> Result<Bytes, Error> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish().map(Bytes::from)
}

/// What was packed; nothing longer than any answer that is kept.
pub(crate) fn unpack(packed: &[u8]) -> Result<Bytes, Error> {
    let longest = u64::try_from(MAX_ANSWER_BYTES).unwrap_or(u64::MAX);
    let mut body = Vec::new();
    GzDecoder::new(packed).take(longest.saturating_add(1)).read_to_end(&mut body)?;
    if body.len() > MAX_ANSWER_BYTES {
        return Err(Error::other("a kept answer is longer than any that is kept"));
    }
    Ok(body.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_comes_out_byte_for_byte() {
        for body in [&b""[..], b"{}", b"data: \xff\x00\n\n"] {
            assert_eq!(unpack(&pack(body).unwrap()).unwrap(), body);
        }
        let longest = vec![b'x'; MAX_ANSWER_BYTES];
        assert_eq!(unpack(&pack(&longest).unwrap()).unwrap(), longest);
    }

    #[test]
    fn what_is_garbled_cut_or_too_long_is_an_error() {
        let packed = pack(&[b'x'; 1_000]).unwrap();

        assert!(unpack(b"plain").is_err());
        assert!(unpack(&packed[..packed.len() - 4]).is_err());
        assert!(unpack(&pack(&vec![b'x'; MAX_ANSWER_BYTES + 1]).unwrap()).is_err());
    }
}
