use proptest::prelude::*;

use super::*;

fn catalogue() -> Catalogue {
    serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap()
}

fn routing(text: &str) -> Routing {
    serde_json::from_str(text).unwrap()
}

/// What a call of tenant `acme` is routed by.
struct Call {
    tenant: Name,
    team: Name,
    user: Name,
    model: &'static str,
    task: Option<Name>,
    now: Timestamp,
}

impl Call {
    fn of(model: &'static str, team: &str, user: &str) -> Self {
        let name = |text: &str| text.parse().unwrap();
        let now = Timestamp::from_secs(1_795_348_800);
        Self { tenant: name("acme"), team: name(team), user: name(user), model, task: None, now }
    }

    fn task(self, task: &str) -> Self {
        Self { task: Some(task.parse().unwrap()), ..self }
    }

    fn query(&self) -> Query<'_> {
        let Self { tenant, team, user, model, task, now } = self;
        Query { tenant, team, user, model, task: task.as_ref(), now: *now }
    }
}

fn ids(routing: &Routing, alias: &'static str, team: &str, user: &str) -> Vec<String> {
    let catalogue = catalogue();
    let targets = routing.targets(&catalogue, &Call::of(alias, team, user).query());
    targets.into_iter().map(|(id, _)| id.to_owned()).collect()
}

#[test]
fn the_documented_form_is_accepted_as_it_stands() {
    let routing = routing(
        r#"{"default": {"providers": {"bedrock": 0.8, "openai": 0.2}, "failover_order": ["bedrock", "openai"]},
            "experiments": {"user-group-abc": {"providers": {"bedrock": 1}}}}"#,
    );

    assert_eq!(routing.check(&catalogue()), Ok(()));
}

#[test]
fn the_shipped_routing_is_valid() {
    let routing = routing(include_str!("../../../../config/routing.json"));

    assert_eq!(routing.check(&catalogue()), Ok(()));
    assert_eq!(
        ids(&routing, "gpt-5.5", "t", "u"),
        ["mantle-us-east-1/gpt-5.5", "runtime-us-east-1/gpt-5.6-sol", "mantle-us-east-2/gpt-5.5"]
    );
}

#[test]
fn a_provider_that_cannot_serve_the_model_leaves_its_share_to_the_others() {
    let routing = routing(r#"{"default": {"providers": {"bedrock": 0.1, "openai": 0.9}}}"#);

    assert_eq!(ids(&routing, "gpt-5.6-sol", "t", "u").len(), 2);
}

#[test]
fn a_team_in_an_experiment_takes_its_route() {
    let routing = routing(
        r#"{"default": {"providers": {"bedrock": 1}},
            "experiments": {"lab": {"providers": {"runtime-us-east-1/gpt-5.6-sol": 1}}}}"#,
    );

    assert_eq!(ids(&routing, "gpt-5.5", "lab", "u"), ["runtime-us-east-1/gpt-5.6-sol"]);
}

#[test]
fn weights_that_are_none_are_refused() {
    for weight in ["-1", "1e-9", "0.1234567", "\"1\"", "12345678901"] {
        let text = format!(r#"{{"default": {{"providers": {{"bedrock": {weight}}}}}}}"#);
        assert!(serde_json::from_str::<Routing>(&text).is_err(), "{weight}");
    }
}

#[test]
fn a_route_without_weight_or_target_is_refused() {
    let faults = |text| routing(text).check(&catalogue()).unwrap_err().0;

    assert_eq!(faults(r#"{"default": {"providers": {"bedrock": 0}}}"#).len(), 1);
    assert_eq!(faults(r#"{"default": {"providers": {"nobody": 1}}}"#).len(), 1);
}

#[test]
fn a_semantic_cache_without_its_embedding_model_is_refused() {
    let of = |alias: &str| {
        let text = r#"{"default":{"providers":{"bedrock":1},"cache":{"semantic":{"embedding":"NAME"}}}}"#;
        routing(&text.replace("NAME", alias)).check(&catalogue())
    };

    assert!(of("titan-embed-text-v2").is_ok());
    for alias in ["gpt-5.5", "nothing"] {
        let said = of(alias).unwrap_err().to_string();
        assert!(said.contains(&format!("an embedding model \"{alias}\"")), "{said}");
    }
}

#[test]
fn shares_follow_the_weights() {
    let routing = routing(
        r#"{"default": {"providers": {"mantle-us-east-1/gpt-5.5": 0.8, "runtime-us-east-1/gpt-5.6-sol": 0.2}}}"#,
    );
    let first = |user: u32| ids(&routing, "gpt-5.5", "t", &user.to_string())[0].starts_with("mantle");

    let share = (0..10_000).filter(|user| first(*user)).count();

    assert!((7_800..8_200).contains(&share), "{share}");
}

#[test]
fn the_first_rule_that_fits_is_taken_and_a_running_experiment_before_it() {
    let routing = routing(
        r#"{"default": {"providers": {"bedrock": 1}},
            "experiments": {"lab": {"providers": {"bedrock": 1}}},
            "rules": [
                {"name": "labels", "when": {"task": "classification", "model": "gpt-5.5"}, "route": {"providers": {"openai": 1}}},
                {"name": "acme", "when": {"tenant": "acme", "team": "sales"}, "route": {"providers": {"bedrock": 1}}},
                {"name": "sorting", "when": {"task": "classification"}, "route": {"providers": {"bedrock": 1}}}]}"#,
    );
    let name = |call: &Call| routing.route(&call.query()).name.to_owned();

    assert_eq!(routing.check(&catalogue()), Ok(()));
    assert_eq!(name(&Call::of("gpt-5.5", "web", "u")), "");
    assert_eq!(name(&Call::of("gpt-5.5", "web", "u").task("classification")), "labels");
    assert_eq!(name(&Call::of("nova-lite", "web", "u").task("classification")), "sorting");
    assert_eq!(name(&Call::of("gpt-5.5", "sales", "u")), "acme");
    assert_eq!(name(&Call::of("gpt-5.5", "lab", "u").task("classification")), "lab");
}

#[test]
fn an_experiment_runs_within_its_window_only() {
    let routing = routing(
        r#"{"default": {"providers": {"bedrock": 1}},
            "experiments": {"lab": {"providers": {"openai": 1},
                "window": {"from": "2026-11-22T12:00:00Z", "until": "2026-11-23T00:00:00Z"}}}}"#,
    );
    let at = |text: &str| {
        let micros = text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let now = Timestamp::from_micros(u64::try_from(micros).unwrap());
        routing.route(&Call { now, ..Call::of("gpt-5.5", "lab", "u") }.query()).name.to_owned()
    };

    assert_eq!(routing.check(&catalogue()), Ok(()));
    assert_eq!(["2026-11-22T11:59:59Z", "2026-11-22T12:00:00Z"].map(at), ["", "lab"]);
    assert_eq!(["2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"].map(at), ["lab", ""]);
}

#[test]
fn routes_that_make_no_sense_are_refused() {
    for (text, fault) in [
        (r#"{"default": {"providers": {"bedrock": 1}, "window": {}}}"#, "is no experiment"),
        (
            r#"{"default": {"providers": {"bedrock": 1}, "strategy": {"kind": "failover"}}}"#,
            "no failover_order",
        ),
        (r#"{"default": {"providers": {"bedrock": 1}, "strategy": {"kind": "score"}}}"#, "nothing a weight"),
        (
            r#"{"default": {"providers": {"bedrock": 1}}, "rules": [{"name": "a", "when": {}, "route": {"providers": {"bedrock": 1}}}]}"#,
            "fits every call",
        ),
        (
            r#"{"default": {"providers": {"bedrock": 1}}, "experiments": {"a": {"providers": {"bedrock": 1},
                "window": {"from": "2026-11-23T00:00:00Z", "until": "2026-11-22T00:00:00Z"}}}}"#,
            "ends before it begins",
        ),
        (
            r#"{"default": {"providers": {"bedrock": 1}}, "constraints": {"residencies": {"eu": {"regions": []}}}}"#,
            "allows nothing",
        ),
    ] {
        let said = routing(text).check(&catalogue()).unwrap_err().to_string();

        assert!(said.contains(fault), "{said}");
    }
}

#[test]
fn a_strategy_that_compares_looks_at_every_provider_that_is_named() {
    let weighted = r#"{"default": {"providers": {"bedrock": 1, "openai": 0}}}"#;
    let cheapest = weighted.replace(r#""openai": 0}"#, r#""openai": 0}, "strategy": {"kind": "cost"}"#);

    assert!(!ids(&routing(weighted), "gpt-5.5", "t", "u").contains(&"openai/gpt-5.5".to_owned()));
    assert!(ids(&routing(&cheapest), "gpt-5.5", "t", "u").contains(&"openai/gpt-5.5".to_owned()));
}

#[test]
fn the_order_of_failover_alone_decides_where_the_strategy_says_so() {
    let routing = routing(
        r#"{"default": {"providers": {"openai": 1}, "failover_order": ["mantle-us-east-2/gpt-5.5", "openai"],
            "strategy": {"kind": "failover"}}}"#,
    );

    assert_eq!(ids(&routing, "gpt-5.5", "t", "u"), ["mantle-us-east-2/gpt-5.5", "openai/gpt-5.5"]);
}

#[test]
fn streams_are_gone_on_with_only_where_a_route_says_so() {
    let says = |text: &str| routing(text).default.continue_broken;

    assert!(!says(r#"{"default": {"providers": {"bedrock": 1}}}"#));
    assert!(says(r#"{"default": {"providers": {"bedrock": 1}, "continue_broken": true}}"#));
}

proptest! {
    #[test]
    fn a_user_stays_and_no_target_comes_twice(user in "[a-z]{1,12}") {
        let routing = routing(
            r#"{"default": {"providers": {"mantle-us-east-1/gpt-5.5": 0.5, "runtime-us-east-1/gpt-5.6-sol": 0.5},
                "failover_order": ["bedrock"]}}"#,
        );
        let order = ids(&routing, "gpt-5.5", "t", &user);

        prop_assert_eq!(&order, &ids(&routing, "gpt-5.5", "t", &user));
        prop_assert_eq!(order.len(), 3);
        prop_assert_ne!(&order[0], &order[1]);
    }
}
