//! What the decisions need from the world. Adapters are in `tollgate-aws`; the fakes of the tests beside them.

mod cache;
mod enforcement;
mod health;
mod names;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;

use crate::caller::KeyRecord;
use crate::escrow::Lane;
use crate::flow::TokenStanding;
use crate::idempotency::{Answered, Claim, Claimed, Kept};
use crate::metrics::Datum;
use crate::model::{Call, Cause, ModelError, Reply};
use crate::quota::{Draw, Quota};
use crate::rate::{RatePolicy, RateRefusal, RateStanding, Take};
use crate::record::Record;
use crate::reservation::{Refusal, Taking};
use crate::rollup::Posting;
use crate::settings::{Document, Head, Tenant};
use crate::signature::SigningKey;
use crate::time::{Day, Timestamp};
use crate::trace::{Span, Trace};
use crate::write::{Item, Write};

pub use self::cache::{Cache, Evidence, Near, Neighbour, Noting, Point, PointPage, Standing, Vectors};
pub use self::enforcement::{Acted, AlertError, Alerts, Enforcement, LockError, Locks};
pub use self::health::{Board, Breakers, Outcomes, Ratings, Shift};
pub use self::names::{Names, NamesError};

/// The store did not answer, or not in time. The call that needed it is refused, or the cache is a miss.
#[derive(Debug, thiserror::Error)]
#[error("the {store} table cannot be reached")]
pub struct StoreError {
    /// Which one.
    pub store: &'static str,
    /// What the client library said.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// Keys by their hash.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The record of a key, read consistently; `None` where there is none.
    async fn find(&self, hash: &str) -> Result<Option<KeyRecord>, StoreError>;
}

/// The request rate of users and keys.
#[async_trait]
pub trait Rates: Send + Sync {
    /// Takes the units of one call of `scope` (`<tenant>/<user>` or `key#<key id>`), once per request id.
    async fn take(&self, scope: &str, policy: &RatePolicy, take: Take<'_>) -> Result<Taken, StoreError>;
    /// Gives back what this call took, unless another call came after it: then nothing is written.
    async fn give_back(&self, scope: &str, policy: &RatePolicy, take: Take<'_>) -> Result<(), StoreError>;
}

/// Whether a request was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The call may go on.
    Admitted(RateStanding),
    /// It may not.
    Refused(RateRefusal),
}

/// Settings, read.
#[async_trait]
pub trait Settings: Send + Sync {
    /// One copy of the head, read consistently; `None` where nothing was seeded.
    async fn head(&self) -> Result<Option<Head>, StoreError>;
    /// The text of a document; `None` where nothing was seeded.
    async fn document(&self, document: Document) -> Result<Option<String>, StoreError>;
    /// A tenant; `None` where it is unknown.
    async fn tenant(&self, id: &str) -> Result<Option<Tenant>, StoreError>;
    /// What calls are signed with; `None` where a table was seeded before there were signatures.
    async fn signing_key(&self) -> Result<Option<SigningKey>, StoreError> {
        Ok(None)
    }
}

/// Where a message goes, whole, that nobody could read, for people to look at.
#[async_trait]
pub trait DeadLetters: Send + Sync {
    /// Keeps the message and why it could not be read.
    async fn keep(&self, letter: &str, reason: &str) -> Result<(), QueueError>;
}

/// The message is not kept; whoever sent it must send it again.
#[derive(Debug, thiserror::Error)]
#[error("the dead-letter queue did not take the message")]
pub struct QueueError {
    /// What the client library said.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// The ledger together with the budgets that it moves.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// What a key's flow holds, read consistently; nothing where it was never used.
    async fn flow(&self, key: &str) -> Result<Item, StoreError>;
    /// Reserves what a new record or the next attempt of one may cost, from all its scopes or from none.
    async fn take(&self, taking: Taking<'_>) -> Result<Reservation, StoreError>;
    /// Notes, before the bytes leave, that a provider may bill the call.
    async fn send(&self, before: &Record, after: &Record) -> Result<Transition, StoreError>;
    /// Closes a record and moves the difference to `before`, in one transaction. It is written only over `before`.
    async fn close(&self, before: &Record, after: &Record) -> Result<Transition, StoreError>;
    /// Enters a call that cost nothing and needed no reservation.
    async fn enter(&self, record: &Record) -> Result<(), StoreError>;
}

/// The ledger, read.
#[async_trait]
pub trait Records: Send + Sync {
    /// A record, read consistently; `None` where there is none.
    async fn find(&self, request_id: &str) -> Result<Option<Record>, StoreError>;
}

/// The outcome of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// All of it is reserved.
    Granted(Box<Granted>),
    /// A limit does not hold it.
    Refused(Refusal),
    /// The claim that came with it is held by another call, with this one. Nothing was written.
    Claimed(Claim),
    /// Others were faster, again and again; nothing was written.
    Contended,
}

/// A reservation that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The record, as it was written.
    pub record: Record,
    /// What its key's flow still holds, where it has a limit of tokens.
    pub tokens: Option<TokenStanding>,
}

/// Escrow that lies in lanes.
#[async_trait]
pub trait Escrows: Send + Sync {
    /// The lanes of `day` with room that no call takes from at the moment.
    async fn idle(&self, day: Day, now: Timestamp) -> Result<Vec<(Lane, Item)>, StoreError>;
    /// Gives the room of an idle lane back to its parents, unless a call took from it meanwhile; says whether it did.
    async fn give_back(&self, lane: &Lane, item: &Item) -> Result<bool, StoreError>;
}

/// Buckets for the quotas of providers. One that cannot be reached stops nobody: the provider has the last word.
#[async_trait]
pub trait Quotas: Send + Sync {
    /// Takes the tokens of a call.
    async fn draw(&self, draw: &Draw, quota: &Quota) -> Result<Drawn, StoreError>;
    /// Gives back what a call did not use.
    async fn give_back(&self, write: Write) -> Result<(), StoreError>;
}

/// Whether a quota holds a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// It does.
    Taken,
    /// It does not, for now.
    Refused {
        /// Until it is worth another try.
        retry_after: Duration,
    },
}

/// The outcome of a change of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transition {
    /// It was written.
    Done,
    /// The record is no longer as it was; nothing was written. This is how it is now.
    Lost(Box<Record>),
    /// There is no such record.
    Missing,
}

/// Open records that are overdue.
#[async_trait]
pub trait Overdue: Send + Sync {
    /// A page of one partition: the records that are overdue at `now`.
    async fn page(
        &self,
        partition: &str,
        now: Timestamp,
        start: Option<PageStart>,
    ) -> Result<OverduePage, StoreError>;
}

/// Some records that are overdue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverduePage {
    /// The records.
    pub records: Vec<Record>,
    /// The ids of items that are no records: they hold up nobody else.
    pub unreadable: Vec<String>,
    /// Where the next page begins; `None` where there is none.
    pub next: Option<PageStart>,
}

/// Where a page of overdue records begins: after this record.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PageStart {
    /// The last record of the page before.
    pub request_id: String,
    /// Its deadline.
    pub deadline_us: Timestamp,
}

/// The books of each day.
#[async_trait]
pub trait Rollups: Send + Sync {
    /// Adds at most [`crate::rollup::POSTINGS_PER_TRANSACTION`] postings, each of them once, however often it comes:
    /// all that were not yet added, or none.
    async fn add(&self, postings: &[Posting], now: Timestamp) -> Result<(), StoreError>;
}

/// What operators watch.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// Puts data once, in one request: no retry hides in it, because it would count twice after a lost reply.
    async fn put(&self, data: Vec<Datum>) -> Result<(), PutError>;
}

/// Why data were not put.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// Nothing was counted.
    #[error("the metrics were refused")]
    Refused(#[source] Cause),
    /// The reply was lost: they may have been counted.
    #[error("nobody knows whether the metrics were put")]
    Ambiguous(#[source] Cause),
}

/// Where entries of the ledger's stream go that cannot be counted.
#[async_trait]
pub trait Aside: Send + Sync {
    /// Keeps an entry whole, with the reason, under its number: again under the same number is the same.
    async fn set_aside(&self, number: &str, entry: &str, reason: &str) -> Result<(), StoreError>;
}

/// Answers of calls under an idempotency key. Claims are written with reservations, by the [`Ledger`].
#[async_trait]
pub trait Answers: Send + Sync {
    /// What stands under a claim's id, read consistently, even where it has expired.
    async fn find(&self, id: &str) -> Result<Option<Claimed>, StoreError>;
    /// Keeps the answer of the call that holds the claim.
    async fn keep(&self, claim: &Claim, answer: &Answered) -> Result<Keeping, StoreError>;
    /// Takes away the claim of a call that runs no more and has no answer, if it is still this call's.
    async fn free(&self, id: &str, request_id: &str) -> Result<(), StoreError>;
    /// The body of an answer, as the client got it; `None` where it is gone.
    async fn body(&self, kept: &Kept) -> Result<Option<Bytes>, StoreError>;
}

/// Whether an answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is.
    Done,
    /// It is larger than what the store takes.
    TooLarge,
    /// The claim is no longer this call's.
    Lost,
}

/// Who records the steps of calls.
pub trait Spans: Send + Sync {
    /// Records a step that is over, where its call is sampled. Nothing waits for it, and nothing fails with it.
    fn record(&self, trace: &Trace, span: &Span<'_>);
}

/// A provider.
#[async_trait]
pub trait Model: Send + Sync {
    /// Calls a target once; no retry hides in it.
    async fn call(&self, call: &Call<'_>) -> Result<Reply, ModelError>;
}
