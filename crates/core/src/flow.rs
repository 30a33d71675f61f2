//! How much a key may use at once: tokens per minute by GCRA, and calls that run at the same time.
//!
//! A call reserves its tokens when it begins and gives back, when it ends, what it did not use. What has meanwhile
//! drained anyway is not given back: otherwise a minute could see its tokens twice.

use std::time::Duration;

use crate::budget::FlowPolicy;
use crate::name::Name;
use crate::spend::EXPIRES_AT;
use crate::time::Timestamp;
use crate::write::{Check, Item, Step, Table, Write, number};

/// A minute's worth of tokens may come at once.
const MINUTE: Duration = Duration::from_secs(60);

/// How long an item is kept after the last call.
const KEPT: Duration = Duration::from_secs(3 * 86_400);

/// The theoretical arrival time, in microseconds.
const TAT: &str = "tat";

/// The flow of one key of one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Key of the limits table.
    key: String,
    /// The attribute that counts the key's running calls.
    running: String,
    policy: FlowPolicy,
}

/// Why a flow takes no more, for now or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowRefusal {
    /// The minute's tokens are in use.
    Tokens {
        /// What the headers say, without the call.
        standing: TokenStanding,
        /// What the call may use.
        needed: u64,
        /// Until it would be admitted; `None` where it never would.
        retry_after: Option<Duration>,
    },
    /// So many calls run already.
    Concurrency {
        /// At the same time.
        limit: u64,
    },
}

/// The figures of the `x-ratelimit-*-tokens` headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenStanding {
    /// Tokens per minute.
    pub limit: u64,
    /// Tokens that a call could use right now.
    pub remaining: u64,
    /// Time until all of them can be used again.
    pub reset: Duration,
}

impl Flow {
    /// The flow of a key, where it has limits.
    #[must_use]
    pub fn of(tenant: &Name, user: &Name, key_id: &Name, policy: FlowPolicy) -> Option<Self> {
        let is_limited = policy != FlowPolicy::default();
        let of =
            || Self { key: format!("flow#{tenant}/{user}"), running: format!("running_{key_id}"), policy };
        is_limited.then(of)
    }

    /// Its item in the limits table.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What a call needs of it, given what the item holds; or why it does not get it.
    pub fn enter(&self, item: &Item, tokens: u64, now: Timestamp) -> Result<Write, FlowRefusal> {
        let mut write = self.update(now);
        if let Some(limit) = self.policy.max_concurrent {
            if number(item, &self.running) >= i128::from(limit) {
                return Err(FlowRefusal::Concurrency { limit });
            }
            write = write.only_if(Check::AtMost(self.running.clone(), i128::from(limit) - 1));
        }
        // Counted without a limit too: one that comes later must know what runs.
        write = write.and(&self.running, Step::Add(1));
        let Some(limit) = self.policy.tokens_per_minute else { return Ok(write) };
        let cost = cost(tokens, limit);
        let standing = standing(limit, item, 0, now);
        let refuse = |retry_after| FlowRefusal::Tokens { standing, needed: tokens, retry_after };
        if cost > MINUTE {
            return Err(refuse(None));
        }
        let (tat, horizon) = (tat(item), now.plus(MINUTE - cost));
        if tat <= now {
            let idle = Step::Set(now.plus(cost).as_micros());
            Ok(write.and(TAT, idle).only_if(Check::AtMost(TAT.to_owned(), micros(now))))
        } else if tat <= horizon {
            Ok(write
                .and(TAT, Step::Add(as_micros(cost)))
                .only_if(Check::AtLeast(TAT.to_owned(), micros(now) + 1))
                .only_if(Check::AtMost(TAT.to_owned(), micros(horizon))))
        } else {
            Err(refuse(Some(tat.since(horizon))))
        }
    }

    /// A call that runs may use more: the failover is ours, so it is counted and never refused.
    #[must_use]
    pub fn grow(&self, tokens: u64, now: Timestamp) -> Write {
        let grown = self.policy.tokens_per_minute.map_or(0, |limit| as_micros(cost(tokens, limit)));
        self.update(now).and(TAT, Step::Add(grown))
    }

    /// A call ends that reserved some tokens when it began, and used others.
    #[must_use]
    pub fn leave(&self, (reserved, used): (u64, u64), began: Timestamp, now: Timestamp) -> Write {
        let write = self.update(now).and(&self.running, Step::Add(-1));
        let Some(limit) = self.policy.tokens_per_minute else { return write };
        let (reserved, used) = (cost(reserved, limit), cost(used, limit));
        let drained = now.since(began);
        let back = reserved.saturating_sub(used).saturating_sub(drained);
        let over = used.saturating_sub(reserved);
        write.and(TAT, Step::Add(as_micros(over) - as_micros(back)))
    }

    /// What the headers say after a call that needs `tokens` has entered.
    #[must_use]
    pub fn standing(&self, item: &Item, tokens: u64, now: Timestamp) -> Option<TokenStanding> {
        self.policy.tokens_per_minute.map(|limit| standing(limit, item, tokens, now))
    }

    /// Whether what its item holds is worth knowing before a call is tried.
    #[must_use]
    pub const fn has_tokens(&self) -> bool {
        self.policy.tokens_per_minute.is_some()
    }

    fn update(&self, now: Timestamp) -> Write {
        let expires_at = (EXPIRES_AT.to_owned(), Step::Set(now.plus(KEPT).as_secs()));
        Write::update(Table::Limits, self.key.clone(), vec![expires_at])
    }
}

fn standing(limit: u64, item: &Item, tokens: u64, now: Timestamp) -> TokenStanding {
    let ahead = tat(item).max(now).plus(cost(tokens, limit)).since(now);
    let left = MINUTE.saturating_sub(ahead).as_micros() * u128::from(limit) / MINUTE.as_micros();
    TokenStanding { limit, remaining: u64::try_from(left).unwrap_or(u64::MAX), reset: ahead }
}

/// The time that so many tokens take at this rate, rounded up.
fn cost(tokens: u64, per_minute: u64) -> Duration {
    let micros = (u128::from(tokens) * MINUTE.as_micros()).div_ceil(u128::from(per_minute.max(1)));
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

fn tat(item: &Item) -> Timestamp {
    Timestamp::from_micros(u64::try_from(number(item, TAT)).unwrap_or_default())
}

fn micros(instant: Timestamp) -> i128 {
    instant.as_micros().into()
}

fn as_micros(duration: Duration) -> i128 {
    i128::try_from(duration.as_micros()).unwrap_or(i128::MAX)
}

#[cfg(test)]
mod tests;
