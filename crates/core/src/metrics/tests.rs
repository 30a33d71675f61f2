use proptest::prelude::*;

use super::*;
use crate::money::Nanos;
use crate::record::Record;
use crate::rollup::Counts;

/// A record as the table holds it, and what the test wants otherwise.
fn record(changes: serde_json::Value) -> Record {
    let mut record = serde_json::json!({
        "request_id": "r-1", "state": "settled", "deadline_us": 0, "created_us": 0, "expires_at": 0,
        "key_id": "k", "user": "alice", "team": "search", "tenant": "default",
        "model": "gpt-5.5", "stream": true, "day": "2026-11-22", "reserved_nanos": 1_000, "charged_nanos": 35_000_001,
        "attempts": 1, "target": "mantle-us-east-1/gpt-5.5", "cache": "miss",
        "ended_us": 1_795_348_859_999_999_u64, "outcome": "ok", "provider": "bedrock",
        "usage": {"input": 30, "cached": 10, "cache_write": 0, "output": 4, "reasoning": 0},
        "latency_us": 812_345, "first_token_us": 250_001
    });
    let serde_json::Value::Object(changes) = changes else { panic!("changes are an object") };
    record.as_object_mut().unwrap().extend(changes);
    serde_json::from_value(record).unwrap()
}

fn call(changes: serde_json::Value) -> Posting {
    Posting::of(None, record(changes)).unwrap().unwrap()
}

fn text(data: &[Datum]) -> String {
    let line = |datum: &Datum| {
        let dimensions: Vec<String> =
            datum.dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!(
            "{} {} [{}] {:?} {:?} × {:?}",
            datum.minute,
            datum.name,
            dimensions.join(" "),
            datum.unit,
            datum.values,
            datum.counts
        )
    };
    data.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_call_is_counted_under_every_set_of_dimensions() {
    insta::assert_snapshot!(text(&data("prod", &[call(serde_json::json!({}))])));
}

#[test]
fn calls_of_one_minute_share_their_data() {
    let postings = [
        call(serde_json::json!({"latency_us": 1_000})),
        call(serde_json::json!({"latency_us": 1_000, "cache": "bypass"})),
        call(serde_json::json!({"latency_us": 3_000, "cache": "hit-exact", "charged_nanos": 0})),
        call(serde_json::json!({"latency_us": 9_000, "outcome": "unavailable", "tenant": "acme"})),
    ];

    let environment: Vec<Datum> =
        data("prod", &postings).into_iter().filter(|datum| datum.dimensions[0].0 != "Team").collect();

    insta::assert_snapshot!(text(&environment));
}

#[test]
fn a_correction_moves_tokens_and_money_only() {
    let expired = record(serde_json::json!({
        "state": "expired", "outcome": "expired", "charged_nanos": 50_000_000,
        "usage": {"input": 0, "cached": 0, "cache_write": 0, "output": 0, "reasoning": 0}
    }));
    let posting = Posting::of(Some(&expired), record(serde_json::json!({}))).unwrap().unwrap();

    let environment: Vec<Datum> =
        data("prod", &[posting]).into_iter().filter(|datum| datum.dimensions[0].0 == "Environment").collect();

    insta::assert_snapshot!(text(&environment), @r"
    2026-11-22T12:00:00Z Tokens.Input.Total [Environment=prod] Count [30.0] × [1.0]
    2026-11-22T12:00:00Z Tokens.Output.Total [Environment=prod] Count [4.0] × [1.0]
    2026-11-22T12:00:00Z Tokens.Cached.Total [Environment=prod] Count [10.0] × [1.0]
    2026-11-22T12:00:00Z Cost.Estimate.Total [Environment=prod] None [-0.014999999] × [1.0]
    ");
}

#[test]
fn a_replay_is_neither_hit_nor_miss_and_no_providers_answer() {
    let data = data("prod", &[call(serde_json::json!({"cache": "replay", "charged_nanos": 0}))]);

    assert!(data.iter().any(|datum| datum.name == "Requests.Count"));
    assert!(data.iter().all(|datum| !datum.name.starts_with("Cache.")));
    let providers = data.iter().flat_map(|datum| &datum.dimensions).filter(|(name, _)| *name == "Provider");
    assert!(providers.map(|(_, provider)| provider).all(|provider| provider == "replay"));
}

#[test]
fn an_expiry_says_nothing_about_what_nobody_measured() {
    let posting = call(serde_json::json!({"state": "expired", "outcome": "expired"}));

    let data = data("prod", &[posting]);
    for name in ["Latency", "Cost.PerRequest", "Tokens.PerRequest"] {
        assert!(data.iter().all(|datum| datum.name != name), "{name}");
    }
}

#[test]
fn the_reconciler_s_expiry_is_known_as_one() {
    let sent = record(serde_json::json!({"state": "sent"}));

    assert_eq!(sent.expired(Timestamp::from_secs(1)).end.unwrap().outcome, EXPIRED);
}

#[test]
fn other_minutes_are_other_data() {
    let postings =
        [call(serde_json::json!({})), call(serde_json::json!({"ended_us": 1_795_348_860_000_000_u64}))];

    let requests: Vec<String> = data("prod", &postings)
        .iter()
        .filter(|datum| datum.name == "Requests.Count" && datum.dimensions[0].0 == "Team")
        .map(|datum| datum.minute.to_string())
        .collect();

    assert_eq!(requests, ["2026-11-22T12:00:00Z", "2026-11-22T12:01:00Z"]);
}

#[test]
fn the_largest_request_is_within_the_limits() {
    let postings: Vec<Posting> = (0..POSTINGS_PER_PUT)
        .map(|index| {
            call(serde_json::json!({
                "ended_us": index * 60_000_000, "team": format!("team-{index}"), "outcome": format!("cause-{index}"),
                "latency_us": index, "model": format!("model-{index}"), "cache": "hit-exact"
            }))
        })
        .collect();

    let data = data("prod", &postings);

    assert_eq!(data.len(), POSTINGS_PER_PUT * 43);
    assert!(data.len() <= 1_000);
}

#[test]
fn what_calls_emit_is_what_the_list_of_metrics_says() {
    let postings = [
        call(serde_json::json!({"outcome": "unavailable", "decision": {"version": 1, "reason": "weight"}})),
        call(serde_json::json!({"cache": "hit-exact", "charged_nanos": 0})),
        call(serde_json::json!({
            "semantic": {"finding": "would-serve", "is_right": false, "nanos": 0, "tokens": 0}
        })),
    ];

    let emitted: std::collections::BTreeSet<_> = data("prod", &postings)
        .into_iter()
        .map(|datum| (datum.name, datum.dimensions.into_iter().map(|(name, _)| name).collect::<Vec<_>>()))
        .collect();

    let listed = ALL.iter().filter(|series| series.emitter == Emitter::Ledger);
    let listed: std::collections::BTreeSet<_> = listed
        .flat_map(|series| series.dimension_sets().into_iter().map(|set| (series.name, set.to_vec())))
        .collect();
    assert_eq!(emitted, listed);
    for brake in [Brake::Rate, Brake::Budget] {
        assert!(
            ALL.iter().any(|series| { series.name == brake.metric() && series.emitter == Emitter::Refusals })
        );
    }
}

#[test]
fn the_reconcilers_figures_are_those_of_the_list() {
    let listed: Vec<_> =
        ALL.iter().filter(|series| series.emitter == Emitter::Reconciler).map(|one| one.name).collect();

    assert_eq!(Gauge::ALL.map(Gauge::name).to_vec(), listed);
}

proptest! {
    #[test]
    fn money_reads_back_to_the_nano_dollar(nanos in 0..1_000_000_000_000_000_u64) {
        let value = decimal(i128::from(nanos), 9);

        prop_assert_eq!(format!("{value:.9}").parse(), Ok(Nanos(nanos)));
        prop_assert_eq!(format!("{:.9}", decimal(-1 - i128::from(nanos), 9)), format!("-{:.9}", decimal(1 + i128::from(nanos), 9)));
    }

    #[test]
    fn sums_and_sample_counts_are_those_of_the_postings(
        calls in proptest::collection::vec((0..1_000_000_000_u64, 0..5_u64, 0..3_u64), 0..POSTINGS_PER_PUT),
    ) {
        let postings: Vec<Posting> = calls
            .iter()
            .map(|(cost, latency, minute)| {
                call(serde_json::json!({
                    "charged_nanos": cost, "latency_us": latency, "ended_us": minute * 60_000_000
                }))
            })
            .collect();

        let data = data("prod", &postings);

        let of = |name: &str| {
            data.iter().filter(|datum| datum.name == name && datum.dimensions[0].0 == "Team").collect::<Vec<_>>()
        };
        let cost: u64 = of("Cost.Estimate.Total")
            .iter()
            .flat_map(|datum| &datum.values)
            .map(|value| format!("{value:.9}").parse::<Nanos>().unwrap().0)
            .sum();
        prop_assert_eq!(cost, calls.iter().map(|(cost, _, _)| cost).sum::<u64>());
        let samples: Vec<String> =
            of("Latency").iter().flat_map(|datum| &datum.counts).map(|count| format!("{count:.0}")).collect();
        let samples: usize = samples.iter().map(|count| count.parse::<usize>().unwrap()).sum();
        prop_assert_eq!(samples, calls.len());
        prop_assert!(data.iter().all(|datum| datum.values.len() == datum.counts.len() && datum.values.len() <= 150));
    }

    #[test]
    fn counts_are_subtracted_as_they_were_added(cost in any::<i64>(), calls in any::<i64>()) {
        let counts = Counts { calls: calls.into(), cost_nanos: cost.into(), ..Counts::default() };
        let mut sum = counts;
        sum += counts;

        prop_assert_eq!(sum - counts, counts);
    }
}
