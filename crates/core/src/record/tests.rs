use proptest::prelude::*;

use super::*;
use crate::budget::{Budget, FlowPolicy};
use crate::caller::Role;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

fn record(bound: u64) -> Record {
    let name = |text: &str| text.parse().unwrap();
    let caller = Caller {
        key_id: name("k"),
        user: name("alice"),
        team: name("search"),
        tenant: name("default"),
        role: Role::Caller,
        models: Vec::new(),
        budget: Budget::default(),
        flow: FlowPolicy::default(),
        output: crate::output_policy::OutputPolicy::default(),
        sharing: crate::cache::Sharing::default(),
    };
    let opening = Opening {
        request_id: "r-1".to_owned(),
        model: "gpt-5.5".to_owned(),
        stream: false,
        trace_id: None,
        cache: CacheOutcome::Miss,
        bound: Nanos(bound).into(),
        lane: Some(0),
        now: NOW,
        deadline: NOW,
        retention_days: 90,
    };
    Record::open(&caller, opening)
}

fn end() -> End {
    End {
        ended_us: NOW,
        outcome: "ok".to_owned(),
        provider: Some("bedrock".to_owned()),
        usage: Usage { input: 3, output: 4, ..Usage::default() },
        estimated: false,
        response_id: None,
        saved_nanos: Nanos::ZERO,
        saved_tokens: 0,
        semantic: None,
        latency_us: 5,
        first_token_us: None,
    }
}

#[test]
fn an_unsent_record_that_is_overdue_is_released() {
    let expired = record(100).expired(NOW);

    assert_eq!((expired.state, expired.charged_nanos), (State::Released, Nanos::ZERO));
}

#[test]
fn a_sent_record_that_is_overdue_is_charged_as_reserved() {
    let expired = record(100).sent("t").expired(NOW);

    assert_eq!((expired.state, expired.charged_nanos), (State::Expired, Nanos(100)));
    assert!(expired.end.unwrap().estimated);
}

#[test]
fn a_late_settlement_can_only_lower_the_charge() {
    let expired = record(100).sent("t").expired(NOW);

    assert_eq!(expired.settled(Nanos(40), end()).charged_nanos, Nanos(40));
    assert_eq!(expired.settled(Nanos(400), end()).charged_nanos, Nanos(100));
}

#[test]
fn a_closed_record_leaves_the_index_of_open_ones() {
    assert_eq!(record(1).open.as_deref(), Some(open_partition("r-1").as_str()));
    assert_eq!(record(1).sent("t").settled(Nanos(1), end()).open, None);
}

#[test]
fn a_record_reads_as_it_was_written() {
    let settled = record(100).sent("t").settled(Nanos(7), end());

    for record in [record(100), settled] {
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);
    }
}

proptest! {
    #[test]
    fn what_is_counted_is_what_is_charged(
        bound in 0..1_000_u64, cost in 0..1_000_u64, is_sent: bool, is_overdue: bool, is_settled: bool,
    ) {
        let first = record(bound);
        let mut counted = i128::from(bound);
        let mut current = first;
        let mut step = |next: Record| {
            counted += spend_delta(&current, &next);
            current = next.clone();
            next
        };
        let mut last = step(record(bound));
        if is_sent {
            last = step(last.sent("t"));
        }
        if is_overdue {
            last = step(last.expired(NOW));
        }
        if is_settled && is_sent {
            last = step(last.settled(Nanos(cost), end()));
        }
        prop_assert_eq!(counted, i128::from(last.charged_nanos.0));
    }
}
