//! The ledger: one record per call, and its life `reserved → sent → settled`, or `released`, or `expired`.
//!
//! Every change is a whole new record, written on condition of the state it came from; what it adds to the spend
//! follows from the two states alone, so a step that is tried twice counts once.

mod cache_outcome;
mod decision;
mod opening;
mod tries;
mod writes;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::budget::{Amount, FlowPolicy};
use crate::cache::CacheKey;
use crate::caller::Caller;
use crate::escrow::Lane;
use crate::flow::Flow;
use crate::money::Nanos;
use crate::name::Name;
use crate::redaction::Counts;
use crate::semantic::looked::Looked;
use crate::semantic::millionths::Millionths;
use crate::spend::{Scope, SpendItem, spend_item};
use crate::time::{Day, Timestamp};
use crate::usage::Usage;

pub use self::cache_outcome::CacheOutcome;
pub use self::decision::Decision;
pub use self::opening::Opening;
pub use self::tries::Try;
pub use self::writes::{close, write};

/// Partitions of the index of open records.
pub const OPEN_PARTITIONS: u8 = 32;

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its bound is reserved; nothing has left.
    Reserved,
    /// A provider may bill it.
    Sent,
    /// The provider's usage is charged.
    Settled,
    /// Nothing was billed.
    Released,
    /// It was overdue after it was sent: its bound is charged.
    Expired,
}

impl State {
    /// Its name in the table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Sent => "sent",
            Self::Settled => "settled",
            Self::Released => "released",
            Self::Expired => "expired",
        }
    }

    /// Whether the record still holds a reservation.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Reserved | Self::Sent)
    }
}

/// One call in the ledger. It never holds a prompt, a reply or a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The key of the table, and `x-tollgate-request-id`.
    pub request_id: String,
    /// Where it stands.
    pub state: State,
    /// Partition of the index of open records; absent once closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<String>,
    /// When it is overdue, in microseconds.
    pub deadline_us: Timestamp,
    /// When the call came, in microseconds.
    pub created_us: Timestamp,
    /// Epoch seconds at which the table forgets it.
    pub expires_at: u64,
    /// Who called.
    pub key_id: Name,
    /// Who called.
    pub user: Name,
    /// Whose bill.
    pub team: Name,
    /// Whose account.
    pub tenant: Name,
    /// The model that was named.
    pub model: String,
    /// Whether the answer is a stream.
    pub stream: bool,
    /// The trace that the call belongs to: 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The UTC day whose budget it counts in.
    pub day: Day,
    /// The upper bound that was reserved.
    pub reserved_nanos: Nanos,
    /// The tokens that were reserved with it.
    #[serde(default)]
    pub reserved_tokens: u64,
    /// What the spend counters hold for it now.
    pub charged_nanos: Nanos,
    /// The tokens that they hold for it.
    #[serde(default)]
    pub charged_tokens: u64,
    /// The number of its team's lane that holds its escrow; absent where it needed none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<u16>,
    /// The flow that it entered.
    #[serde(flatten)]
    pub flow_policy: FlowPolicy,
    /// The scopes whose shadow budgets would have refused it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadowed: Vec<String>,
    /// How often a request left for a provider.
    #[serde(default)]
    pub attempts: u32,
    /// How those ended that are over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tries: Vec<Try>,
    /// How often a target went on with what another had begun to say, and had broken off.
    #[serde(default, skip_serializing_if = "is_never")]
    pub continued: u32,
    /// The targets that their breakers kept it from, although it would have fitted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_from: Vec<String>,
    /// Why the first target was chosen; absent where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The target that was called last, or that a hit once came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How much was taken out of the request that left last, by class; never what.
    #[serde(default, skip_serializing_if = "Counts::is_empty")]
    pub redacted: Counts,
    /// Where the answer came from.
    pub cache: CacheOutcome,
    /// The key of the entry that answered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_key: Option<CacheKey>,
    /// How good its caller found the answer, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rating: Option<Millionths>,
    /// How it ended; absent while open.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When, in microseconds.
    pub ended_us: Timestamp,
    /// `ok`, or the code of the error.
    pub outcome: String,
    /// The provider that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Tokens, as the provider counted them.
    pub usage: Usage,
    /// The usage never came: it is our upper bound instead.
    #[serde(default)]
    pub estimated: bool,
    /// The provider's own id of a response that it keeps, for calls that go on from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_id: Option<String>,
    /// What it would have cost without the cache.
    #[serde(default)]
    pub saved_nanos: Nanos,
    /// The tokens that it would have used without the cache.
    #[serde(default)]
    pub saved_tokens: u64,
    /// What looking for a question that means the same has come to, where that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semantic: Option<Looked>,
    /// From the call's arrival to the end of the answer, in microseconds.
    pub latency_us: u64,
    /// From the call's arrival to its first content, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_us: Option<u64>,
}

impl Record {
    /// A reserved call.
    #[must_use]
    pub fn open(caller: &Caller, opening: Opening) -> Self {
        let open = Some(open_partition(&opening.request_id));
        Self {
            request_id: opening.request_id,
            state: State::Reserved,
            open,
            deadline_us: opening.deadline,
            created_us: opening.now,
            expires_at: opening.now.as_secs() + opening.retention_days * 86_400,
            key_id: caller.key_id.clone(),
            user: caller.user.clone(),
            team: caller.team.clone(),
            tenant: caller.tenant.clone(),
            model: opening.model,
            stream: opening.stream,
            trace_id: opening.trace_id,
            day: opening.now.day(),
            reserved_nanos: opening.bound.nanos,
            reserved_tokens: opening.bound.tokens,
            charged_nanos: opening.bound.nanos,
            charged_tokens: opening.bound.tokens,
            lane: opening.lane,
            flow_policy: if opening.lane.is_some() { caller.flow } else { FlowPolicy::default() },
            shadowed: Vec::new(),
            attempts: 0,
            tries: Vec::new(),
            continued: 0,
            kept_from: Vec::new(),
            decision: None,
            target: None,
            redacted: Counts::new(),
            cache: opening.cache,
            cache_key: None,
            rating: None,
            end: None,
        }
    }

    /// An attempt leaves for `target`.
    #[must_use]
    pub fn sent(&self, target: &str) -> Self {
        Self {
            state: State::Sent,
            attempts: self.attempts + 1,
            target: Some(target.to_owned()),
            ..self.clone()
        }
    }

    /// A question leaves for an embedding model, which may bill it. It is no attempt at an answer.
    #[must_use]
    pub fn embedding(&self) -> Self {
        Self { state: State::Sent, ..self.clone() }
    }

    /// An attempt that may have been billed has failed: its bound stays charged, and the next one needs its own.
    #[must_use]
    pub fn extended(&self, bound: impl Into<Amount>) -> Self {
        let bound = bound.into();
        let (reserved, charged) = (self.reserved().plus(bound), self.charged().plus(bound));
        Self {
            reserved_nanos: reserved.nanos,
            reserved_tokens: reserved.tokens,
            charged_nanos: charged.nanos,
            charged_tokens: charged.tokens,
            ..self.clone()
        }
    }

    /// The provider's usage is charged. After an expiry, a settlement can only lower the charge.
    #[must_use]
    pub fn settled(&self, cost: impl Into<Amount>, end: End) -> Self {
        let cost = cost.into();
        let charged = match self.state {
            State::Expired => cost.min(self.charged()),
            State::Reserved | State::Sent | State::Settled | State::Released => cost,
        };
        self.closed(State::Settled, charged, end)
    }

    /// Nothing was billed.
    #[must_use]
    pub fn released(&self, end: End) -> Self {
        self.closed(State::Released, Amount::ZERO, end)
    }

    /// What an overdue record becomes: released if nothing left, else charged as reserved.
    #[must_use]
    pub fn expired(&self, now: Timestamp) -> Self {
        let end = End {
            ended_us: now,
            outcome: "expired".to_owned(),
            provider: None,
            usage: Usage::default(),
            estimated: self.state == State::Sent,
            response_id: None,
            saved_nanos: Nanos::ZERO,
            saved_tokens: 0,
            semantic: None,
            latency_us: u64::try_from(now.since(self.created_us).as_micros()).unwrap_or(u64::MAX),
            first_token_us: None,
        };
        match self.state {
            State::Sent => self.closed(State::Expired, self.reserved(), end),
            State::Reserved | State::Settled | State::Released | State::Expired => self.released(end),
        }
    }

    fn closed(&self, state: State, charged: Amount, end: End) -> Self {
        let Amount { nanos, tokens } = charged;
        Self {
            state,
            open: None,
            charged_nanos: nanos,
            charged_tokens: tokens,
            end: Some(end),
            ..self.clone()
        }
    }

    /// What was reserved for it.
    #[must_use]
    pub const fn reserved(&self) -> Amount {
        Amount { nanos: self.reserved_nanos, tokens: self.reserved_tokens }
    }

    /// What the counters hold for it now.
    #[must_use]
    pub const fn charged(&self) -> Amount {
        Amount { nanos: self.charged_nanos, tokens: self.charged_tokens }
    }

    /// The lane that holds its escrow, if any does.
    #[must_use]
    pub fn lane(&self) -> Option<Lane> {
        let (tenant, team, day) = (self.tenant.clone(), self.team.clone(), self.day);
        self.lane.map(|number| Lane { tenant, team, number, day })
    }

    /// The flow that it entered, if its key has one.
    #[must_use]
    pub fn flow(&self) -> Option<Flow> {
        Flow::of(&self.tenant, &self.user, &self.key_id, self.flow_policy)
    }

    /// Where its user's spend is counted.
    #[must_use]
    pub fn spend_item(&self) -> SpendItem {
        spend_item(&self.user_scope(), self.day)
    }

    /// The scope that its reservation is in.
    #[must_use]
    pub fn user_scope(&self) -> Scope {
        Scope::User(self.tenant.clone(), self.user.clone())
    }
}

/// The partition of the index in which an open record lies.
#[must_use]
pub fn open_partition(request_id: &str) -> String {
    let digest = Sha256::digest(request_id.as_bytes());
    format!("open#{:02}", digest[0] % OPEN_PARTITIONS)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_never(times: &u32) -> bool {
    *times == 0
}

/// All partitions of the index of open records.
pub fn open_partitions() -> impl Iterator<Item = String> {
    (0..OPEN_PARTITIONS).map(|partition| format!("open#{partition:02}"))
}

/// What a change of a record adds to its spend counters, in nano-dollars; less than nothing when money comes back.
#[must_use]
pub fn spend_delta(before: &Record, after: &Record) -> i128 {
    i128::from(after.charged_nanos.0) - i128::from(before.charged_nanos.0)
}

#[cfg(test)]
mod tests;
