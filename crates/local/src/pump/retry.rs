//! What is left of one batch, and what to do with it next.
//!
//! Every record of a batch ends either done or discarded, once, and in the order of the stream: nothing behind a record is
//! tried before that record has ended. Halving a batch and being throttled use up no retry; a checkpoint starts the count anew.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use super::verdict::Verdict;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// How a mapping treats failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// `MaximumRetryAttempts`; none means "until it succeeds".
    pub max_retries: Option<u32>,
}

/// A run of records that are sent together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// Their places in the batch.
    pub range: Range<usize>,
    /// How often the function was asked to take them.
    pub invocations: u32,
    failures: u32,
    throttles: u32,
}

impl Slice {
    fn new(range: Range<usize>) -> Self {
        Self { range, invocations: 0, failures: 0, throttles: 0 }
    }

    fn can_be_halved(&self, policy: Policy) -> bool {
        policy.bisect && self.range.len() > 1
    }

    fn halves(&self) -> [Self; 2] {
        let middle = self.range.start + self.range.len().div_ceil(2);
        [self.range.start..middle, middle..self.range.end].map(|range| Self { range, ..self.clone() })
    }
}

/// What follows from a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Send what is in front.
    Proceed,
    /// Wait, then send what is in front.
    Pause(Duration),
    /// These are given up; send what is in front.
    Discard(Slice),
}

/// The slices of one batch that have not ended, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remainder {
    slices: VecDeque<Slice>,
}

impl Remainder {
    /// A batch of `len` records that nobody has seen.
    pub(super) fn whole(len: usize) -> Self {
        let slices = (len > 0).then(|| Slice::new(0..len)).into_iter().collect();
        Self { slices }
    }

    /// The places of the records to send next; none when every record has ended.
    pub(super) fn front(&self) -> Option<Range<usize>> {
        self.slices.front().map(|slice| slice.range.clone())
    }

    /// Takes in what became of the slice in front.
    pub(super) fn record(&mut self, policy: Policy, verdict: Verdict) -> Step {
        let Some(mut slice) = self.slices.pop_front() else {
            return Step::Proceed;
        };
        slice.invocations = slice.invocations.saturating_add(1);
        match verdict {
            Verdict::Done => Step::Proceed,
            Verdict::NotInvoked => {
                slice.throttles = slice.throttles.saturating_add(1);
                let pause = pause_after(slice.throttles);
                self.slices.push_front(slice);
                Step::Pause(pause)
            }
            // The checkpoint has already cut the batch in two: what is left of it is a new one.
            Verdict::FailedFrom(index) if index > 0 => {
                let checkpoint = slice.range.start + index.min(slice.range.len());
                if checkpoint < slice.range.end {
                    self.slices.push_front(Slice::new(checkpoint..slice.range.end));
                }
                Step::Proceed
            }
            Verdict::FailedFrom(_) | Verdict::Failed => self.record_failure(policy, slice),
        }
    }

    fn record_failure(&mut self, policy: Policy, mut slice: Slice) -> Step {
        if slice.can_be_halved(policy) {
            let [first, second] = slice.halves();
            self.slices.push_front(second);
            self.slices.push_front(first);
            return Step::Proceed;
        }
        slice.failures = slice.failures.saturating_add(1);
        if policy.max_retries.is_some_and(|most| slice.failures > most) {
            return Step::Discard(slice);
        }
        let pause = pause_after(slice.failures);
        self.slices.push_front(slice);
        Step::Pause(pause)
    }
}

/// The pause after the `nth` failure in a row, doubling up to a limit.
pub(super) fn pause_after(nth: u32) -> Duration {
    let doublings = nth.saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
