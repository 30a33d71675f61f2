//! Transactions that lose to others: told apart from refusals, and tried again after a while.

use std::time::Duration;

use aws_sdk_dynamodb::types::CancellationReason;
use sha2::{Digest, Sha256};

/// The longest pause before a try.
const LONGEST: Duration = Duration::from_millis(200);

/// Whether a transaction was cancelled only because another one was at work on the same items.
#[must_use]
pub fn is_conflict(reasons: &[CancellationReason]) -> bool {
    let codes = || reasons.iter().filter_map(CancellationReason::code).filter(|code| *code != "None");
    codes().next().is_some() && codes().all(|code| code == "TransactionConflict")
}

/// Waits before a try that is not the first: up to 10 ms, then twice as long each time, at random.
pub async fn pause(attempt: u32) {
    if attempt == 0 {
        return;
    }
    let most = Duration::from_millis(5).saturating_mul(1 << attempt.min(6)).min(LONGEST);
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    tokio::time::sleep(Duration::from_micros(fastrand::u64(0..=micros))).await;
}

/// A `ClientRequestToken`: the same for the same parts, at most 36 characters.
#[must_use]
pub fn token(parts: &[&str]) -> String {
    let digest = hex::encode(Sha256::digest(parts.join("/").as_bytes()));
    digest[..36].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancelled_for(codes: &[&str]) -> Vec<CancellationReason> {
        codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect()
    }

    #[test]
    fn only_conflicts_are_conflicts() {
        assert!(is_conflict(&cancelled_for(&["None", "TransactionConflict"])));
        assert!(is_conflict(&cancelled_for(&["TransactionConflict", "TransactionConflict"])));
        for codes in [
            &[][..],
            &["None", "None"],
            &["ConditionalCheckFailed", "TransactionConflict"],
            &["TransactionConflict", "ThrottlingError"],
        ] {
            assert!(!is_conflict(&cancelled_for(codes)), "{codes:?}");
        }
    }

    #[test]
    fn a_token_is_short_and_follows_from_its_parts() {
        let long = "x".repeat(1_000);

        assert_eq!(token(&[&long, "0"]), token(&[&long, "0"]));
        assert_ne!(token(&[&long, "0"]), token(&[&long, "1"]));
        assert_eq!(token(&[&long, "0"]).len(), 36);
    }

    #[tokio::test(start_paused = true)]
    async fn no_pause_is_longer_than_the_longest() {
        for (attempt, most_ms) in [(0, 0), (1, 10), (2, 20), (5, 160), (6, 200), (1_000, 200)] {
            let start = tokio::time::Instant::now();

            pause(attempt).await;

            // A paused clock moves in whole milliseconds, rounded up.
            assert!(start.elapsed() <= Duration::from_millis(most_ms + 1), "{attempt}");
        }
    }
}
