//! Server-sent events, as far as model providers use them: wherever the bytes are cut, the events are the same.

use bytes::Bytes;

/// The longest event that is taken, in bytes; a longer one is no answer of a model.
const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

/// Reads the data of events from bytes as they come.
#[derive(Clone, Debug, Default)]
pub struct SseDecoder {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    is_after_return: bool,
}

/// An event is longer than any answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event is longer than {MAX_EVENT_BYTES} bytes")]
pub struct TooLong;

impl SseDecoder {
    /// Takes the next bytes, and gives the data of the events that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Bytes>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_return = std::mem::replace(&mut self.is_after_return, byte == b'\r');
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ => self.line.push(byte),
            }
        }
        if self.line.len() + self.data.len() > MAX_EVENT_BYTES { Err(TooLong) } else { Ok(events) }
    }

    fn end_line(&mut self) -> Option<Bytes> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return std::mem::take(&mut self.has_data).then(|| Bytes::from(data));
        }
        let value = match line.strip_prefix(b"data") {
            Some(b"") => &b""[..],
            Some(rest) => rest.strip_prefix(b":")?,
            None => return None,
        };
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        None
    }
}

/// The bytes of one event. Each line of its data stands by itself: one that does not is lost to the client.
#[must_use]
pub fn encode(data: &[u8]) -> Bytes {
    let mut event = Vec::with_capacity(data.len() + 8);
    for line in data.split(|byte| matches!(byte, b'\r' | b'\n')) {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line);
        event.push(b'\n');
    }
    event.push(b'\n');
    Bytes::from(event)
}

/// A comment, which clients pass over, and people who look at the stream read.
#[must_use]
pub fn comment(text: &str) -> Bytes {
    let line: String = text.chars().filter(|character| !character.is_control()).collect();
    Bytes::from(format!(": {line}\n\n"))
}

/// The data of the last event on OpenAI's chat wire.
pub const DONE: &[u8] = b"[DONE]";

/// A comment that keeps the connection busy and that clients pass over.
pub const PING: &[u8] = b": ping\n\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comments_names_and_line_ends_of_all_kinds_are_understood() {
        let text = b": ping\n\nevent: x\r\ndata: a\r\ndata:b\r\n\r\nid: 1\n\ndata: c\r\rdata\n\n";

        let events = SseDecoder::default().feed(text).unwrap();

        assert_eq!(events, [&b"a\nb"[..], b"c", b""]);
    }

    #[test]
    fn a_comment_stays_one_whatever_it_says() {
        let bytes = comment("by a\r\ndata: b");

        assert_eq!(bytes, ": by adata: b\n\n");
        assert!(SseDecoder::default().feed(&bytes).unwrap().is_empty());
    }

    #[test]
    fn an_event_that_is_not_ended_is_not_given() {
        assert!(SseDecoder::default().feed(b"data: a\n").unwrap().is_empty());
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut decoder = SseDecoder::default();
        let megabyte = vec![b'x'; 1024 * 1024];

        let refused = (0..9).any(|_| decoder.feed(&megabyte).is_err());

        assert!(refused);
    }

    #[test]
    fn data_of_several_lines_is_read_as_it_was_written() {
        let data = b"{\n  \"choices\": []\n}";

        let events = SseDecoder::default().feed(&encode(data)).unwrap();

        assert_eq!(events, [&data[..]]);
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            events in proptest::collection::vec("[a-zA-Z{}\":,é]{0,20}", 0..8),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            cuts in proptest::collection::vec(0..200_usize, 0..10),
        ) {
            let text: String = events.iter().map(|data| format!("data: {data}{end}{end}")).collect();
            let whole = SseDecoder::default().feed(text.as_bytes()).unwrap();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut decoder = SseDecoder::default();
            let pieces = cuts.windows(2).flat_map(|pair| decoder.feed(&text.as_bytes()[pair[0]..pair[1]]).unwrap());

            prop_assert_eq!(&pieces.collect::<Vec<_>>(), &whole);
            prop_assert_eq!(whole, events);
        }
    }
}
