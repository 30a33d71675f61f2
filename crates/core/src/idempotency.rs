//! Calls under an `Idempotency-Key`: the same key and body within a day is one call, charged once.
//!
//! A claim is written in the transaction that reserves the call, so that of all calls with the same key only one is ever
//! reserved. It stands as running until the answer is kept, and the answer is kept before the call is settled: a call that is
//! closed and whose claim still runs has no answer left to give.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::caller::Caller;
use crate::dialect::Dialect;
use crate::error::Error;
use crate::money::Nanos;
use crate::record::{Record, State};
use crate::time::Timestamp;
use crate::write::{Change, Check, Item, Table, Write, number};

/// The header that brings a key.
pub const HEADER: &str = "idempotency-key";

/// How long a claim stands, from the arrival of its call.
pub const CLAIM_LASTS: Duration = Duration::from_secs(24 * 3_600);

/// The longest answer that is kept for a replay.
pub const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

const MAX_KEY_CHARS: usize = 255;

/// A caller's key: 1 to 255 visible ASCII characters. It is never stored or shown, only hashed.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads a header's values: several are one key only where they are the same.
    pub fn from_values<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<Self>, Error> {
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) {
            return Err(Error::invalid(HEADER, "there are several Idempotency-Key headers, and they differ"));
        }
        let is_key = (1..=MAX_KEY_CHARS).contains(&first.len()) && first.iter().all(u8::is_ascii_graphic);
        match std::str::from_utf8(first) {
            Ok(text) if is_key => Ok(Some(Self(text.to_owned()))),
            _ => {
                let message = format!("an Idempotency-Key has 1 to {MAX_KEY_CHARS} visible ASCII characters");
                Err(Error::invalid(HEADER, message))
            }
        }
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

/// What a call wants to hold while it runs, and to leave behind when it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Where it lies in the cache table: a hash over owner and key.
    pub id: String,
    /// A hash over what is asked: the dialect, and the body byte for byte.
    pub fingerprint: String,
    /// The call that holds it.
    pub request_id: String,
    /// Epoch seconds from which it is as if it had never been.
    pub expires_at: u64,
}

impl Claim {
    /// The claim of a call. It belongs to the caller's user, whichever of the user's keys is used.
    #[must_use]
    pub fn new(
        caller: &Caller,
        key: &IdempotencyKey,
        asked: (Dialect, &[u8]),
        request_id: &str,
        now: Timestamp,
    ) -> Self {
        // No name has a slash, so that nobody can move the border between owner and key.
        let owned = format!("{}/{}/{}", caller.tenant, caller.user, key.0);
        let (dialect, body) = asked;
        let fingerprint = Sha256::new().chain_update(dialect.as_str()).chain_update("\n").chain_update(body);
        Self {
            id: format!("idem#{}", hex::encode(Sha256::digest(owned))),
            fingerprint: hex::encode(fingerprint.finalize()),
            request_id: request_id.to_owned(),
            expires_at: now.plus(CLAIM_LASTS).as_secs(),
        }
    }
}

impl Claim {
    /// The write that a reservation takes along: a claim where none stands, or where it has expired at `now`.
    #[must_use]
    pub fn write(&self, now: Timestamp) -> Write {
        let item = json!({
            "cacheKey": self.id,
            "state": "running",
            "request_id": self.request_id,
            "fingerprint": self.fingerprint,
            "expiresAt": self.expires_at,
        });
        Write {
            table: Table::Cache,
            key: self.id.clone(),
            checks: vec![Check::AtMost("expiresAt".to_owned(), now.as_secs().into())],
            change: Change::Put(item.as_object().cloned().unwrap_or_default()),
        }
    }

    /// The claim that an item holds; `None` where it is none of ours.
    #[must_use]
    pub fn of(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_str().map(str::to_owned);
        Some(Self {
            id: text("cacheKey")?,
            fingerprint: text("fingerprint")?,
            request_id: text("request_id")?,
            expires_at: u64::try_from(number(item, "expiresAt")).ok()?,
        })
    }
}

/// What stands under a claim's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The claim that was written.
    pub claim: Claim,
    /// How far its call is.
    pub progress: Progress,
}

/// How far a call under a claim is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It runs, or it ended without leaving an answer: its record in the ledger says which.
    Running,
    /// Its answer is kept.
    Done(Kept),
}

/// A kept answer without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The HTTP status.
    pub status: u16,
    /// What the body is.
    pub form: Form,
    /// Who gave it, where somebody did.
    pub target: Option<String>,
    /// Where the body is.
    pub place: Place,
}

/// Where a kept body is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the claim's own item, as the store packed it.
    Inline(Bytes),
    /// In the store of large answers, under this name.
    Object(String),
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// One JSON value.
    Json,
    /// A whole stream of events.
    Events,
}

/// An answer to keep: what the client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// What the body is.
    pub form: Form,
    /// Who gave it, where somebody did.
    pub target: Option<String>,
    /// Byte for byte.
    pub body: Bytes,
}

/// What a call under a key may do, as far as what stands there says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Nothing stands in its way.
    Free,
    /// The key was used for something else.
    Mismatch,
    /// The call of this id holds the claim, and only its record says whether it still runs.
    Held(&'a str),
    /// It was answered.
    Replay(&'a Kept),
}

/// Judges what stands under a claim's id.
#[must_use]
pub fn judge<'a>(standing: Option<&'a Claimed>, claim: &Claim, now: Timestamp) -> Verdict<'a> {
    let Some(standing) = standing.filter(|standing| now.as_secs() < standing.claim.expires_at) else {
        return Verdict::Free;
    };
    if standing.claim.fingerprint != claim.fingerprint {
        return Verdict::Mismatch;
    }
    match &standing.progress {
        Progress::Running => Verdict::Held(&standing.claim.request_id),
        Progress::Done(kept) => Verdict::Replay(kept),
    }
}

/// What became of a call whose claim stands as running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It still runs, or nobody has closed it yet.
    Running,
    /// It ended, and cost nothing: another call may take its place.
    Vacant,
    /// It ended, was charged, and left no answer.
    Lost,
}

/// What became of a call, as its record says. A record that is gone says nothing, and then nothing is called twice.
#[must_use]
pub fn fate(record: Option<&Record>) -> Fate {
    match record.map(|record| (record.state, record.charged_nanos)) {
        Some((State::Reserved | State::Sent, _)) => Fate::Running,
        Some((State::Released, _) | (State::Settled | State::Expired, Nanos::ZERO)) => Fate::Vacant,
        Some((State::Settled | State::Expired, _)) | None => Fate::Lost,
    }
}

#[cfg(test)]
mod tests;
