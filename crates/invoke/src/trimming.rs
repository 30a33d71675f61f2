//! The conversation of a call whose caller wants it no longer than so many tokens.

use tollgate_core::error::Error;
use tollgate_core::request::Request;
use tollgate_core::trim::{Trimmed, trim};

use crate::arrival::Arrival;
use crate::plan::refuse_adapted;

/// The header that asks for it.
pub(crate) const TRIM_HEADER: &str = "x-tollgate-trim";

/// The request as it goes on, where that is wanted and changes it.
pub(crate) fn trimmed(arrival: &Arrival, request: &Request) -> Result<Option<Trimmed>, Error> {
    let Some(tokens) = arrival.trim else { return Ok(None) };
    if request.prompt().is_none() {
        return Err(Error::invalid(
            TRIM_HEADER,
            format!("{TRIM_HEADER} is for conversations, not for embeddings"),
        ));
    }
    match trim(request, tokens)? {
        Some(Trimmed { note, .. }) if arrival.is_strict => Err(refuse_adapted(&[note])),
        trimmed => Ok(trimmed),
    }
}
