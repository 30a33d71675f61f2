//! When a batch is full enough to be sent.
//!
//! A batch closes at its size, at the payload limit of an invocation, or when its oldest record has waited for the window.

use std::time::Duration;

/// What one synchronous invocation may carry.
const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;
/// `{"Records":[` and `]}`.
const ENVELOPE_BYTES: usize = 14;

/// The limits of a mapping's batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `BatchSize`.
    pub records: usize,
    /// `MaximumBatchingWindowInSeconds`.
    pub window: Duration,
}

/// What to do with the records that were gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Send this many of them.
    Send(usize),
    /// Wait for more.
    Gather,
}

/// Plans for records of these sizes in bytes, the oldest of which has waited for `waited`.
pub(super) fn plan(limits: Limits, sizes: &[usize], waited: Duration) -> Plan {
    let fitting = count_fitting(sizes);
    let most = limits.records.max(1);
    let is_full = sizes.len() >= most || fitting < sizes.len();
    match sizes {
        [] => Plan::Gather,
        _ if is_full || waited >= limits.window => Plan::Send(fitting.min(most)),
        _ => Plan::Gather,
    }
}

/// How many leading records fit one payload; never none, so that an oversized record fails instead of standing for ever.
fn count_fitting(sizes: &[usize]) -> usize {
    let mut total = ENVELOPE_BYTES;
    for (index, size) in sizes.iter().enumerate() {
        total = total.saturating_add(*size).saturating_add(1);
        if total > MAX_PAYLOAD_BYTES {
            return index.max(1);
        }
    }
    sizes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { records: 3, window: Duration::from_secs(5) };
    const MEBIBYTE: usize = 1024 * 1024;

    #[test]
    fn closes_at_the_size_the_payload_or_the_window() {
        let (young, old) = (Duration::from_secs(4), Duration::from_secs(5));
        let table: [(&[usize], Duration, Plan); 9] = [
            (&[], old, Plan::Gather),
            (&[10], young, Plan::Gather),
            (&[10], old, Plan::Send(1)),
            (&[10, 10], young, Plan::Gather),
            (&[10, 10, 10], Duration::ZERO, Plan::Send(3)),
            (&[10, 10, 10, 10], Duration::ZERO, Plan::Send(3)),
            (&[4 * MEBIBYTE, 4 * MEBIBYTE], young, Plan::Send(1)),
            (&[7 * MEBIBYTE], young, Plan::Gather),
            (&[7 * MEBIBYTE, 1], young, Plan::Send(1)),
        ];

        for (sizes, waited, expected) in table {
            assert_eq!(plan(LIMITS, sizes, waited), expected, "{sizes:?} after {waited:?}");
        }
    }

    #[test]
    fn sends_what_is_there_at_once_without_a_window() {
        let limits = Limits { window: Duration::ZERO, ..LIMITS };

        assert_eq!(plan(limits, &[10], Duration::ZERO), Plan::Send(1));
    }

    proptest! {
        #[test]
        fn sends_some_record_and_never_too_many(
            sizes in prop::collection::vec(0_usize..8 * MEBIBYTE, 1..50),
            records in 0_usize..60,
        ) {
            let limits = Limits { records, window: Duration::ZERO };

            let Plan::Send(count) = plan(limits, &sizes, Duration::ZERO) else {
                return Err(TestCaseError::fail("nothing was sent although the window is over"));
            };

            prop_assert!(count >= 1 && count <= records.max(1));
            prop_assert!(count == 1 || sizes[..count].iter().sum::<usize>() <= MAX_PAYLOAD_BYTES);
        }
    }
}
