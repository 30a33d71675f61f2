//! What the ledger's records add to the books of each day: a pure function of how a record was and how it is, so that
//! the books always equal the sum over the records that are final.

use std::collections::BTreeMap;
use std::ops::{AddAssign, Sub};

use crate::name::Name;
use crate::record::{End, Record};
use crate::spend::Scope;
use crate::time::{Day, Timestamp};

/// The most postings that one transaction can hold: each brings its marker and up to seven items, and 100 is the limit.
pub const POSTINGS_PER_TRANSACTION: usize = 12;

/// Thirteen months: a year back stays comparable.
const KEPT_DAYS: u64 = 400;

/// As long as `CloudWatch` takes metrics of the past, a replay must find out that it is one.
const MARKERS_KEPT_DAYS: u64 = 14;

/// How an answer ended well.
const OK: &str = "ok";

/// What is counted, of one record or of many. Differences can be less than nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls.
    pub calls: i128,
    /// Input tokens that a provider read, cached and embedded ones included. An exact hit of our own cache has none.
    pub tokens_input: i128,
    /// Output tokens that a provider wrote.
    pub tokens_output: i128,
    /// Input tokens that came from the provider's prompt cache.
    pub tokens_cached: i128,
    /// What is charged, in nano-dollars.
    pub cost_nanos: i128,
    /// Hits of our own cache.
    pub hits: i128,
    /// What the hits would have cost, in nano-dollars.
    pub saved_nanos: i128,
    /// The tokens that the hits would have used.
    pub saved_tokens: i128,
    /// Calls that did not end well.
    pub errors: i128,
}

impl Counts {
    /// The names of the attributes, and what they hold.
    #[must_use]
    pub const fn attributes(&self) -> [(&'static str, i128); 9] {
        [
            ("calls", self.calls),
            ("tokens_input", self.tokens_input),
            ("tokens_output", self.tokens_output),
            ("tokens_cached", self.tokens_cached),
            ("cost_nanos", self.cost_nanos),
            ("hits", self.hits),
            ("saved_nanos", self.saved_nanos),
            ("saved_tokens", self.saved_tokens),
            ("errors", self.errors),
        ]
    }

    fn of(record: &Record, end: &End) -> Self {
        let is_hit = record.cache.is_hit();
        let tokens = |count: u64| if is_hit { 0 } else { i128::from(count) };
        let embedded = end.semantic.as_ref().map_or(0, |looked| looked.embedded.tokens);
        Self {
            calls: 1,
            tokens_input: tokens(end.usage.input) + i128::from(embedded),
            tokens_output: tokens(end.usage.output),
            tokens_cached: tokens(end.usage.cached),
            cost_nanos: i128::from(record.charged_nanos.0),
            hits: i128::from(is_hit),
            saved_nanos: i128::from(end.saved_nanos.0),
            saved_tokens: i128::from(end.saved_tokens),
            errors: i128::from(end.outcome != OK),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.tokens_input += other.tokens_input;
        self.tokens_output += other.tokens_output;
        self.tokens_cached += other.tokens_cached;
        self.cost_nanos += other.cost_nanos;
        self.hits += other.hits;
        self.saved_nanos += other.saved_nanos;
        self.saved_tokens += other.saved_tokens;
        self.errors += other.errors;
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            calls: self.calls - other.calls,
            tokens_input: self.tokens_input - other.tokens_input,
            tokens_output: self.tokens_output - other.tokens_output,
            tokens_cached: self.tokens_cached - other.tokens_cached,
            cost_nanos: self.cost_nanos - other.cost_nanos,
            hits: self.hits - other.hits,
            saved_nanos: self.saved_nanos - other.saved_nanos,
            saved_tokens: self.saved_tokens - other.saved_tokens,
            errors: self.errors - other.errors,
        }
    }
}

/// Whether a posting brings a call or corrects one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostingKind {
    /// The call became final.
    Call,
    /// It was final already, and a late settlement changed its figures.
    Correction,
}

/// What one change of a ledger record adds to the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Whether it brings a call or corrects one.
    pub kind: PostingKind,
    /// The final record.
    pub record: Record,
    /// How the call ended.
    pub end: End,
    /// What is added; for a correction the difference, which may be less than nothing.
    pub counts: Counts,
}

/// A record is final and does not say how it ended, so nobody can count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a final record does not say how it ended")]
pub struct NoEnd;

impl Posting {
    /// What the change from `before` to `after` adds; `None` where the record is still open or its state is as it was.
    pub fn of(before: Option<&Record>, after: Record) -> Result<Option<Self>, NoEnd> {
        let before = before.filter(|before| !before.state.is_open());
        if after.state.is_open() || before.is_some_and(|before| before.state == after.state) {
            return Ok(None);
        }
        let end = after.end.clone().ok_or(NoEnd)?;
        let counts = Counts::of(&after, &end);
        let Some(before) = before else {
            return Ok(Some(Self { kind: PostingKind::Call, record: after, end, counts }));
        };
        let counted = Counts::of(before, before.end.as_ref().ok_or(NoEnd)?);
        Ok(Some(Self { kind: PostingKind::Correction, record: after, end, counts: counts - counted }))
    }

    /// The marker that is written with the posting, so that a replay adds nothing: its `scope`, and its state as `day`.
    #[must_use]
    pub fn marker(&self) -> (String, &'static str) {
        (format!("seen#{}", self.record.request_id), self.record.state.as_str())
    }

    /// Everybody whose books it goes into: a late settlement changes none of them.
    fn scopes(&self) -> impl Iterator<Item = Scope> {
        let Record { tenant, user, team, key_id, target, model, .. } = &self.record;
        let called = target.as_ref().unwrap_or(model);
        let scopes = [
            Scope::User(tenant.clone(), user.clone()),
            Scope::Team(tenant.clone(), team.clone()),
            Scope::Key(key_id.clone()),
            Scope::Model(called.clone()),
            Scope::Organisation,
        ];
        // Such a call is counted and billed in the tenant's account, which nobody can ask from ours.
        let elsewhere = (*tenant != Name::default_tenant()).then(|| Scope::TenantsModel(called.clone()));
        scopes.into_iter().chain(elsewhere).chain(self.hit_entry())
    }

    /// The entry of the cache that answered the call: how often, and when last, is known without a write per hit.
    #[must_use]
    pub fn hit_entry(&self) -> Option<Scope> {
        self.record.cache_key.clone().filter(|_| self.record.cache.is_hit()).map(Scope::Entry)
    }
}

/// What postings add together, per scope and day of the budget they count in.
#[must_use]
pub fn totals<'a>(postings: impl IntoIterator<Item = &'a Posting>) -> BTreeMap<(Scope, Day), Counts> {
    let mut totals: BTreeMap<(Scope, Day), Counts> = BTreeMap::new();
    for posting in postings {
        for scope in posting.scopes() {
            *totals.entry((scope, posting.record.day)).or_default() += posting.counts;
        }
    }
    totals
}

/// Epoch seconds after which nobody needs the books of `day`.
#[must_use]
pub fn expires_at(day: Day) -> u64 {
    day.end().as_secs() + KEPT_DAYS * 86_400
}

/// Epoch seconds after which a marker that is written `now` may go.
#[must_use]
pub const fn marker_expires_at(now: Timestamp) -> u64 {
    now.as_secs() + MARKERS_KEPT_DAYS * 86_400
}

#[cfg(test)]
mod tests;
