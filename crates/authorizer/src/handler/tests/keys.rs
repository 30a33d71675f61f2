//! Keys that change while they are remembered.

use super::*;

#[tokio::test]
async fn an_expired_key_is_unauthorized_though_it_is_remembered() {
    let gate = gate(KeyRecord { expires_at: Some(NOON.as_secs() + 1), ..record() });

    gate.ask("a", NOON).await.unwrap();

    assert_eq!(message(gate.ask("b", NOON.plus(secs(1))).await), "Unauthorized");
    assert_eq!((gate.keys.reads(), gate.rates.counted("acme/alice")), (1, 1));
}

#[tokio::test]
async fn a_revoked_key_lives_on_in_no_cache() {
    let gate = gate(record());
    gate.ask("a", NOON).await.unwrap();

    gate.issue(KeyRecord { status: KeyStatus::Revoked, ..record() });

    assert_eq!(message(gate.ask("b", NOON.plus(secs(8))).await), "Unauthorized");
}

/// The user may have five then and the key itself four, which is less.
#[tokio::test]
async fn a_changed_limit_is_used_after_eight_seconds() {
    let gate = gate(record());
    gate.exhaust().await;
    let remaining = async |id: &str, after: u64| {
        let answer = serde_json::to_value(gate.ask(id, NOON.plus(secs(after))).await.unwrap()).unwrap();
        (answer["context"]["limitRequests"].clone(), answer["context"]["remainingRequests"].clone())
    };
    let rate = RatePolicy { interval_us: 3_600_000_000, burst: 5, requests_per_day: None };

    gate.issue(KeyRecord { rate, key_rate: Some(RatePolicy { burst: 4, ..rate }), ..record() });

    assert_eq!(remaining("c", 7).await, (json!("2"), json!("1")));
    assert_eq!(remaining("d", 8).await, (json!("4"), json!("3")));
}

#[tokio::test]
async fn suspend_in_time_and_resume() {
    let gate = gate(record());
    gate.ask("a", NOON).await.unwrap();

    gate.issue(KeyRecord { status: KeyStatus::Suspended, ..record() });
    let suspended = gate.ask("b", NOON.plus(secs(8))).await;
    gate.issue(record());
    let resumed = gate.ask("c", NOON.plus(secs(16))).await;

    assert_eq!(message(suspended), "Unauthorized");
    assert!(resumed.is_ok());
}

/// The old key's row changes while it is remembered, as a rotation changes it.
#[tokio::test]
async fn rotation_grace_is_not_ignored_and_ends() {
    let own = gate(KeyRecord { rate: RatePolicy { burst: 100, ..record().rate }, ..record() });
    own.ask("a", NOON).await.unwrap();
    let old = own.keys.find(&hash()).await.unwrap().unwrap();
    let rotated = old.rotate("k2".parse().unwrap(), secs(60), NOON.plus(secs(1))).unwrap();

    own.issue(rotated.old);

    for (index, after) in [2, 8, 30, 53, 60].into_iter().enumerate() {
        let answer = own.ask(&format!("within {index}"), NOON.plus(secs(after))).await;
        assert!(answer.is_ok(), "{after} s");
    }
    // It was read at 53 s and is remembered until 61 s: the memory does not stretch the grace.
    for after in [61, 62, 3_600] {
        assert_eq!(message(own.ask("late", NOON.plus(secs(after))).await), "Unauthorized", "{after} s");
    }
}

#[tokio::test]
async fn a_rotation_without_grace_ends_the_old_key_as_a_revocation_does() {
    let gate = gate(record());
    gate.ask("a", NOON).await.unwrap();
    let rotated = record().rotate("k2".parse().unwrap(), Duration::ZERO, NOON).unwrap();

    gate.issue(rotated.old);

    assert_eq!(message(gate.ask("b", NOON.plus(secs(8))).await), "Unauthorized");
}

#[tokio::test]
async fn a_successor_works_at_once_and_past_the_grace() {
    let gate = gate_over(MemoryKeys::default(), MemoryRates::default(), Refusal::Deny);
    assert_eq!(message(gate.ask("before", NOON).await), "Unauthorized");
    let rotated = record().rotate("k2".parse().unwrap(), secs(60), NOON).unwrap();

    gate.issue(rotated.new);

    for (id, after) in [("a", 0), ("b", 60), ("c", 86_400)] {
        assert!(gate.ask(id, NOON.plus(secs(after))).await.is_ok(), "{after} s");
    }
}
