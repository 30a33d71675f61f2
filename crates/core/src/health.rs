//! The outcomes of a target in the last minute, as a set: one that comes again changes nothing, and no order of arrival
//! matters. So a batch of the ledger's stream may be replayed, whole or in part, however it is cut.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::outcome::{Cause, Weight};
use crate::record::{Record, Try};
use crate::routing::Pace;
use crate::time::Timestamp;

/// Outcomes are kept together by the time at which they ended.
pub const BUCKET: Duration = Duration::from_secs(5);

/// A bucket with so many outcomes says enough; more are left out.
pub const BUCKET_HOLDS: usize = 200;

/// Over which time it is said how fast a target was.
const PACE_WINDOW: Duration = Duration::from_secs(120);

/// No route needs more answers of two minutes to choose by, where targets are probed.
pub const MANY_ANSWERS: u64 = 40;

/// The same where traffic is thin.
pub const WIDEST_PACE_WINDOW: Duration = Duration::from_secs(600);

/// How long a bucket is kept, in seconds.
const KEPT_SECS: u64 = 3_600;

/// How one request to a target ended. The order is that of their ends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// When.
    pub ended_us: Timestamp,
    /// The same for the same request, however often it is told.
    pub id: String,
    /// How.
    pub cause: Cause,
    /// When the request left.
    pub began_us: Timestamp,
    /// How long its caller waited.
    pub latency_us: u64,
    /// When the provider wants to be asked again, in seconds from the end.
    pub retry_after_secs: Option<u64>,
}

/// What the ledger's change from `before` to `after` says of targets. What speaks of a tenant's own account says nothing of
/// the target.
pub fn outcomes<'a>(
    before: Option<&Record>,
    after: &'a Record,
) -> impl Iterator<Item = (&'a str, Outcome)> + use<'a> {
    let known = before.map_or(0, |before| before.tries.len());
    let request_id = &after.request_id;
    let tries = after.tries.iter().enumerate().skip(known);
    let tries = tries.filter(|(_, tried)| !(tried.is_apart && tried.cause.is_of_account()));
    tries.map(move |(number, tried)| (tried.target.as_str(), Outcome::of(request_id, number, tried)))
}

impl Outcome {
    fn of(request_id: &str, number: usize, tried: &Try) -> Self {
        let digest = Sha256::digest(format!("{request_id}/{number}").as_bytes());
        Self {
            ended_us: tried.ended(),
            id: hex(&digest[..6]),
            cause: tried.cause,
            began_us: tried.began_us,
            latency_us: tried.latency_us(),
            retry_after_secs: tried.retry_after_secs,
        }
    }

    /// As text, for a set of texts.
    #[must_use]
    pub fn write(&self) -> String {
        let (ended, began) = (self.ended_us.as_micros(), self.began_us.as_micros());
        let after = self.retry_after_secs.map(|secs| format!(" {secs}")).unwrap_or_default();
        format!("{} {} {began} {ended} {}{after}", self.id, self.cause.as_str(), self.latency_us)
    }

    /// The outcome of which this is the text; `None` where it is none.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let id = parts.next().filter(|id| !id.is_empty())?.to_owned();
        let cause = Cause::named(parts.next()?)?;
        let began_us = Timestamp::from_micros(parts.next()?.parse().ok()?);
        let ended_us = Timestamp::from_micros(parts.next()?.parse().ok()?);
        let latency_us = parts.next()?.parse().ok()?;
        let retry_after_secs = match parts.next() {
            Some(secs) => Some(secs.parse().ok()?),
            None => None,
        };
        Some(Self { ended_us, id, cause, began_us, latency_us, retry_after_secs })
    }

    /// The bucket that it belongs to.
    #[must_use]
    pub fn bucket(&self) -> u64 {
        bucket(self.ended_us)
    }
}

/// The bucket of an instant, in epoch seconds.
#[must_use]
pub const fn bucket(instant: Timestamp) -> u64 {
    instant.as_secs() / BUCKET.as_secs() * BUCKET.as_secs()
}

/// Epoch seconds after which nobody needs a bucket.
#[must_use]
pub const fn expires_at(bucket: u64) -> u64 {
    bucket + KEPT_SECS
}

/// The partition of a target's buckets.
#[must_use]
pub fn scope(target: &str) -> String {
    format!("health#{target}")
}

/// The outcomes of one target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window(BTreeSet<Outcome>);

/// What a window comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that were answered, or failed.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were told to come later.
    pub throttled: u64,
    /// Those that fail until somebody changes something.
    pub fatal: u64,
    /// How many of the last have failed, without one that did not.
    pub last_failed: u64,
    /// 95 of 100 waited no longer; none where nobody was answered.
    pub p95_us: Option<u64>,
    /// What the latest failure was.
    pub cause: Option<Cause>,
    /// No provider wants to be asked before.
    pub retry_at: Timestamp,
}

impl Window {
    /// What ended after `ended` of the requests that left at `began` or later.
    #[must_use]
    pub fn tally(&self, ended: Timestamp, began: Timestamp) -> Tally {
        let mut tally = Tally::default();
        for outcome in self.0.iter().filter(|one| one.ended_us > ended && one.began_us >= began) {
            tally.count(outcome);
        }
        let answers = |one: &&Outcome| one.ended_us > ended && one.began_us >= began;
        tally.p95_us = self.p95(answers).map(|(p95_us, _)| p95_us);
        tally
    }

    /// How fast the answers of the last minutes came: of two, or of ten where those are too few to say much; `None` where
    /// there are none.
    #[must_use]
    pub fn pace(&self, now: Timestamp) -> Option<Pace> {
        let within = |time: Duration| self.p95(|one| one.ended_us > now.minus(time));
        let many = within(PACE_WINDOW).filter(|(_, samples)| *samples >= MANY_ANSWERS);
        let (p95_us, samples) = many.or_else(|| within(WIDEST_PACE_WINDOW))?;
        Some(Pace { p95_us, samples, at_us: now })
    }

    /// What 95 of 100 of these answers took at most, and how many they are.
    fn p95(&self, is_meant: impl Fn(&&Outcome) -> bool) -> Option<(u64, u64)> {
        let answers = self.0.iter().filter(is_meant).filter(|one| one.cause == Cause::Ok);
        let mut latencies: Vec<u64> = answers.map(|one| one.latency_us).collect();
        latencies.sort_unstable();
        let place = (latencies.len() * 95).div_ceil(100).saturating_sub(1);
        let samples = u64::try_from(latencies.len()).unwrap_or(u64::MAX);
        latencies.get(place).map(|p95_us| (*p95_us, samples))
    }
}

impl FromIterator<Outcome> for Window {
    fn from_iter<T: IntoIterator<Item = Outcome>>(outcomes: T) -> Self {
        Self(outcomes.into_iter().collect())
    }
}

impl Tally {
    fn count(&mut self, outcome: &Outcome) {
        self.calls += 1;
        let weight = outcome.cause.weight();
        match weight {
            Weight::Good => self.last_failed = 0,
            Weight::Soft => self.throttled += 1,
            Weight::Hard => self.failed += 1,
            Weight::Fatal => {
                self.failed += 1;
                self.fatal += 1;
            }
        }
        if weight == Weight::Good {
            return;
        }
        // Who is throttled may well be throttled in a row: that is no dead target.
        self.last_failed += u64::from(weight != Weight::Soft);
        self.cause = Some(outcome.cause);
        let wait = Duration::from_secs(outcome.retry_after_secs.unwrap_or(0));
        self.retry_at = self.retry_at.max(outcome.ended_us.plus(wait));
    }

    /// The share of requests that failed, in hundredths, rounded down.
    #[must_use]
    pub const fn error_percent(&self) -> u64 {
        match (self.failed * 100).checked_div(self.calls) {
            Some(percent) => percent,
            None => 0,
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
