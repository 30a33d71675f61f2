//! Streams of responses: what is held back of a text is said with its next piece, or by an event of its own before the
//! text is done. Events after that are numbered anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Error;
use serde_json::value::RawValue;

use super::mender::Menders;
use super::{Restorer, may_matter};
use crate::raw::RawObject;

/// Which text a piece belongs to: its kind, and where it stands in the answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ResponsesPlace {
    kind: String,
    output: u64,
    part: u64,
}

/// What is known of a stream.
#[derive(Debug, Default)]
pub(super) struct ResponsesStream {
    menders: Menders<ResponsesPlace>,
    /// The last event of each text of which something is held back.
    last: BTreeMap<ResponsesPlace, RawObject>,
    /// How many events are ours.
    added: u64,
}

impl Restorer {
    /// An event; `None` where nothing in it changes, or where it is none.
    pub(super) fn response_event(&mut self, json: &[u8]) -> Option<Vec<Bytes>> {
        let stream = &self.responses;
        if stream.menders.is_idle() && stream.added == 0 && !may_matter(json) {
            return None;
        }
        let event: RawObject = serde_json::from_slice(json).ok()?;
        let kind: String = event.read("type").ok()??;
        let delta = event.raw("delta").and_then(|delta| delta.get().strip_prefix('"')?.strip_suffix('"'));
        match delta.map(ToOwned::to_owned).filter(|_| kind.ends_with(".delta")) {
            Some(delta) => self.mend_delta(event, kind, &delta).ok(),
            None => self.end_texts(json).ok(),
        }
    }

    fn mend_delta(&mut self, mut event: RawObject, kind: String, delta: &str) -> Result<Vec<Bytes>, Error> {
        let depth = match kind.as_str() {
            kind if kind.ends_with("_arguments.delta") || kind.ends_with(".arguments.delta") => 2,
            "response.output_text.delta" if self.is_json => 2,
            _ => 1,
        };
        let part = event.read("content_index")?.or(event.read("summary_index")?).unwrap_or(0);
        let place = ResponsesPlace { kind, output: event.read("output_index")?.unwrap_or(0), part };
        let stream = &mut self.responses;
        let mended = stream.menders.feed(&self.vault, (place.clone(), depth), delta);
        event.set("delta", &quoted(&mended)?)?;
        renumber(&mut event, stream.added)?;
        let bytes = serde_json::to_vec(&event)?;
        stream.last.insert(place, event);
        Ok(vec![bytes.into()])
    }

    /// An event that is no piece of a text: whatever is held back is said before it.
    fn end_texts(&mut self, json: &[u8]) -> Result<Vec<Bytes>, Error> {
        let mut said = Vec::new();
        let stream = &mut self.responses;
        for (place, held) in stream.menders.end_where(|_| true) {
            let Some(mut event) = stream.last.remove(&place) else { continue };
            event.set("delta", &quoted(&held)?)?;
            if event.raw("logprobs").is_some() {
                event.set("logprobs", &[(); 0])?;
            }
            stream.added += 1;
            said.push(event);
        }
        let added = stream.added;
        let whole = self.document(json).unwrap_or_else(|| Bytes::copy_from_slice(json));
        let mut event: RawObject = serde_json::from_slice(&whole)?;
        renumber(&mut event, added)?;
        number_before(&mut said, &event)?;
        said.push(event);
        said.iter().map(|event| serde_json::to_vec(event).map(Bytes::from)).collect()
    }
}

/// An event that comes later than the provider said.
fn renumber(event: &mut RawObject, added: u64) -> Result<(), Error> {
    if added > 0
        && let Some(number) = event.read::<u64>("sequence_number")?
    {
        event.set("sequence_number", &(number + added))?;
    }
    Ok(())
}

/// Events that come right before another one.
fn number_before(events: &mut [RawObject], next: &RawObject) -> Result<(), Error> {
    let Some(number) = next.read::<u64>("sequence_number")? else { return Ok(()) };
    for (back, event) in (1..).zip(events.iter_mut().rev()) {
        event.set("sequence_number", &number.saturating_sub(back))?;
    }
    Ok(())
}

fn quoted(escaped: &str) -> Result<Box<RawValue>, Error> {
    RawValue::from_string(format!("\"{escaped}\""))
}
