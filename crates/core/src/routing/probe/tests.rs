use super::*;
use crate::breaker::{Breaker, State};
use crate::routing::Pace;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn catalogue() -> Catalogue {
    serde_json::from_str(include_str!("../../../../../config/catalogue.json")).unwrap()
}

fn routing(strategy: &str) -> Routing {
    let route = format!(r#"{{"providers": {{"bedrock": 1}}, "strategy": {strategy}}}"#);
    serde_json::from_str(&format!(r#"{{"default": {route}}}"#)).unwrap()
}

const PROBING: &str = r#"{"kind": "latency", "min_samples": 5, "probe": true}"#;

/// The targets of GPT-5.5 at Bedrock's mantle.
fn rivals() -> Vec<String> {
    let catalogue = catalogue();
    let all = catalogue.targets_of("gpt-5.5").into_iter();
    let ids = all.filter(|(_, target)| target.provider == "bedrock").map(|(id, _)| id.to_owned());
    ids.collect()
}

fn missing(routing: &Routing, board: &Board) -> Vec<(String, u64)> {
    let probes = routing.probes(&catalogue(), board, NOON).into_iter();
    let mine = probes.filter(|probe| rivals().contains(&probe.target));
    mine.map(|probe| (probe.target, probe.missing)).collect()
}

fn paced(id: &str, samples: u64, at_us: Timestamp) -> Board {
    let paces = [(id.to_owned(), Pace { p95_us: 1, samples, at_us })].into();
    Board { paces, ..Board::default() }
}

#[test]
fn targets_of_which_nothing_is_known_are_probed_where_the_route_says_so() {
    let all = missing(&routing(PROBING), &Board::default());

    assert!(rivals().len() >= 2);
    assert_eq!(all.len(), rivals().len());
    assert!(all.iter().all(|(_, missing)| *missing == 5));
    for silent in [r#"{"kind": "latency"}"#, r#"{"kind": "cost"}"#, r#"{"kind": "weighted"}"#] {
        assert_eq!(missing(&routing(silent), &Board::default()), []);
    }
}

#[test]
fn what_is_known_of_late_is_not_asked_for_again() {
    let first = rivals()[0].clone();
    let of_first = |board: &Board| {
        missing(&routing(PROBING), board).into_iter().find(|(id, _)| *id == first).map(|(_, missing)| missing)
    };

    assert_eq!(of_first(&paced(&first, 3, NOON)), Some(2));
    assert_eq!(of_first(&paced(&first, 5, NOON)), None);
    assert_eq!(of_first(&paced(&first, 50, Timestamp::from_secs(NOON.as_secs() - 300))), Some(5));
}

#[test]
fn a_target_whose_breaker_is_not_closed_is_left_alone() {
    let first = rivals()[0].clone();
    let open = Breaker { state: State::Open { until_us: NOON }, ..Breaker::default() };
    let board = Board { breakers: [(first.clone(), open)].into(), ..Board::default() };

    let probed: Vec<_> = missing(&routing(PROBING), &board).into_iter().map(|(id, _)| id).collect();
    assert!(!probed.is_empty() && !probed.contains(&first), "{probed:?}");
}

#[test]
fn a_model_with_one_target_and_one_that_embeds_need_no_choice() {
    let probes = routing(PROBING).probes(&catalogue(), &Board::default(), NOON);

    assert!(!probes.is_empty());
    for Probe { target, model, .. } in probes {
        let catalogue = catalogue();
        assert!(!catalogue.targets[&target].is_for_embeddings(), "{target}");
        assert!(catalogue.targets_of(&model).len() > 1, "{model}");
    }
}

#[test]
fn a_rule_for_one_model_probes_its_targets_alone() {
    let route = format!(r#"{{"providers": {{"bedrock": 1}}, "strategy": {PROBING}}}"#);
    let rule = format!(r#"{{"name": "fast", "when": {{"model": "gpt-5.5"}}, "route": {route}}}"#);
    let text = format!(r#"{{"default": {{"providers": {{"bedrock": 1}}}}, "rules": [{rule}]}}"#);
    let routing: Routing = serde_json::from_str(&text).unwrap();

    let probes = routing.probes(&catalogue(), &Board::default(), NOON);

    assert!(!probes.is_empty() && probes.iter().all(|probe| probe.model == "gpt-5.5"));
}
