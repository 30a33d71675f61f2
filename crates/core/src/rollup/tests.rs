use proptest::prelude::*;

use super::*;
use crate::budget::{Budget, FlowPolicy};
use crate::caller::{Caller, Role};
use crate::money::Nanos;
use crate::record::{CacheOutcome, Opening};
use crate::semantic::looked::{Finding, Looked};
use crate::usage::Usage;

const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

fn reserved(cache: CacheOutcome) -> Record {
    let name = |text: &str| text.parse().unwrap();
    let caller = Caller {
        key_id: name("k"),
        user: name("alice"),
        team: name("search"),
        tenant: name("acme"),
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
        cache,
        bound: Nanos(1_000).into(),
        lane: Some(0),
        now: NOW,
        deadline: NOW,
        retention_days: 90,
    };
    Record::open(&caller, opening)
}

fn end(outcome: &str) -> End {
    End {
        ended_us: NOW,
        outcome: outcome.to_owned(),
        provider: Some("bedrock".to_owned()),
        usage: Usage { input: 30, cached: 10, output: 4, ..Usage::default() },
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
fn an_open_record_adds_nothing() {
    let open = reserved(CacheOutcome::Miss);
    let sent = open.sent("t");

    assert_eq!(Posting::of(None, open.clone()), Ok(None));
    assert_eq!(Posting::of(Some(&open), sent), Ok(None));
}

#[test]
fn a_settled_call_is_counted_for_everybody_it_belongs_to() {
    let sent = reserved(CacheOutcome::Miss).sent("mantle/gpt-5.5");
    let posting = Posting::of(Some(&sent), sent.settled(Nanos(7), end("ok"))).unwrap().unwrap();

    let totals = totals([&posting]);

    let scopes: Vec<String> = totals.keys().map(|(scope, day)| format!("{scope} {day}")).collect();
    assert_eq!(
        scopes,
        [
            "user#acme/alice 2026-11-22",
            "team#acme/search 2026-11-22",
            "key#k 2026-11-22",
            "model#mantle/gpt-5.5 2026-11-22",
            "tenants-model#mantle/gpt-5.5 2026-11-22",
            "org 2026-11-22"
        ]
    );
    let expected = Counts {
        calls: 1,
        tokens_input: 30,
        tokens_output: 4,
        tokens_cached: 10,
        cost_nanos: 7,
        ..Counts::default()
    };
    assert!(totals.values().all(|counts| *counts == expected));
}

#[test]
fn a_call_in_our_own_account_is_none_of_tenants() {
    let mut open = reserved(CacheOutcome::Miss);
    open.tenant = Name::default_tenant();
    let posting = Posting::of(Some(&open), open.released(end("ok"))).unwrap().unwrap();

    assert!(totals([&posting]).keys().all(|(scope, _)| !matches!(scope, Scope::TenantsModel(_))));
}

#[test]
fn a_call_that_reached_no_target_counts_for_the_model_it_named() {
    let open = reserved(CacheOutcome::Miss);
    let posting = Posting::of(Some(&open), open.released(end("unavailable"))).unwrap().unwrap();

    assert!(totals([&posting]).keys().any(|(scope, _)| scope.to_string() == "model#gpt-5.5"));
    assert_eq!((posting.counts.errors, posting.counts.cost_nanos), (1, 0));
}

#[test]
fn a_hit_saves_money_and_uses_no_tokens() {
    let hit =
        reserved(CacheOutcome::HitExact).settled(Nanos::ZERO, End { saved_nanos: Nanos(9), ..end("ok") });

    let posting = Posting::of(None, hit).unwrap().unwrap();

    let expected = Counts { calls: 1, hits: 1, saved_nanos: 9, ..Counts::default() };
    assert_eq!(posting.counts, expected);
}

#[test]
fn a_replay_is_a_call_and_nothing_more() {
    let end = End { usage: Usage::default(), ..end("ok") };
    let replay = reserved(CacheOutcome::Replay).settled(Nanos::ZERO, end);

    let posting = Posting::of(None, replay).unwrap().unwrap();

    assert_eq!(posting.counts, Counts { calls: 1, ..Counts::default() });
}

#[test]
fn a_late_settlement_corrects_the_expiry() {
    let sent = reserved(CacheOutcome::Miss).sent("t");
    let expired = sent.expired(NOW);
    let settled = expired.settled(Nanos(400), end("ok"));

    let posting = Posting::of(Some(&expired), settled).unwrap().unwrap();

    assert_eq!(posting.kind, PostingKind::Correction);
    let expected = Counts {
        tokens_input: 30,
        tokens_output: 4,
        tokens_cached: 10,
        cost_nanos: -600,
        errors: -1,
        ..Counts::default()
    };
    assert_eq!(posting.counts, expected);
}

#[test]
fn a_change_that_leaves_the_state_adds_nothing() {
    let settled = reserved(CacheOutcome::Miss).sent("t").settled(Nanos(7), end("ok"));
    let kept_longer = Record { expires_at: settled.expires_at + 1, ..settled.clone() };

    assert_eq!(Posting::of(Some(&settled), kept_longer), Ok(None));
}

#[test]
fn a_final_record_without_its_end_is_no_posting() {
    let sent = reserved(CacheOutcome::Miss).sent("t");
    let endless = Record { end: None, ..sent.settled(Nanos(7), end("ok")) };

    assert_eq!(Posting::of(Some(&sent), endless), Err(NoEnd));
}

#[test]
fn the_items_of_a_transaction_fit() {
    let cache_key = serde_json::from_str("\"k\"").unwrap();
    let hit = Record { cache_key: Some(cache_key), ..reserved(CacheOutcome::HitExact) };

    let posting = Posting::of(None, hit.released(end("ok"))).unwrap().unwrap();

    let scopes = posting.scopes();
    assert_eq!(posting.hit_entry().unwrap().to_string(), "entry#k");
    assert!(POSTINGS_PER_TRANSACTION * (1 + scopes.count()) <= 100);
}

proptest! {
    #[test]
    fn the_books_equal_the_final_record(cost in 0..2_000_u64, is_overdue: bool, is_settled: bool, is_sent: bool) {
        let mut history = vec![reserved(CacheOutcome::Miss)];
        let mut step = |next: fn(&Record, u64) -> Record| {
            let last = history.last().unwrap();
            history.push(next(last, cost));
        };
        if is_sent {
            step(|record, _| record.sent("t"));
        }
        if is_overdue {
            step(|record, _| record.expired(NOW));
        }
        if is_settled && is_sent {
            step(|record, cost| record.settled(Nanos(cost), end("ok")));
        }

        let mut counted = Counts::default();
        let mut before = None;
        for record in &history {
            if let Some(posting) = Posting::of(before, record.clone()).unwrap() {
                counted += posting.counts;
            }
            before = Some(record);
        }

        let last = history.last().unwrap();
        let expected = last.end.as_ref().map_or_else(Counts::default, |end| Counts::of(last, end));
        prop_assert_eq!(counted, expected);
    }
}

#[test]
fn a_semantic_hit_counts_what_it_saved_and_what_its_embedding_used() {
    let embedded = crate::budget::Amount { nanos: Nanos(5), tokens: 11 };
    let looked = Looked { finding: Finding::Served, entry: None, similarity: None, is_right: None, embedded };
    let end = End { saved_nanos: Nanos(9), saved_tokens: 34, semantic: Some(looked), ..end("ok") };
    let hit = reserved(CacheOutcome::HitSemantic).embedding().settled(embedded, end);

    let counts = Posting::of(None, hit).unwrap().unwrap().counts;

    assert_eq!((counts.hits, counts.saved_nanos, counts.saved_tokens), (1, 9, 34));
    assert_eq!((counts.tokens_input, counts.tokens_output, counts.cost_nanos), (11, 0, 5));
}
