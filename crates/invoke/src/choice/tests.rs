//! Where calls go: by rules and strategies, and never past a constraint, whatever fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tollgate_core::model::ModelError;
use tollgate_core::routing::{Pace, Rating, Reason};
use tollgate_core::settings::{Document, Tenant};

use crate::testing::*;

const MAIL: &str = "max@firma.example";

/// Provider, region, days of retention, whether it trains, and whether it may see what people wrote.
const TARGETS: [(&str, &str, u32, bool, bool); 4] = [
    ("paris", "eu-west-3", 0, false, true),
    ("dublin", "eu-west-1", 30, false, false),
    ("ohio", "us-east-2", 0, false, false),
    ("oregon", "us-west-2", 30, true, true),
];

/// A world with these four, each at the same price.
fn world(turns: Vec<Turn>, strategy: &Value) -> World {
    let world = World::scripted(turns);
    let target = |(provider, region, days, trains, sees): (&str, &str, u32, bool, bool)| {
        let mut target = json!({
            "provider": provider, "model_id": format!("{provider}.model"), "region": region,
            "wire": {"kind": "openai", "host": format!("https://{provider}.example"), "path_prefix": "/v1", "dialects": ["chat"], "auth": {"kind": "none"}},
            "context_tokens": 100_000, "max_output_tokens": 500, "max_image_tokens": 10,
            "handling": {"retention_days": days, "trains": trains},
        });
        if sees {
            target["redact"] = json!({"classes": []});
        }
        (provider.to_owned(), target)
    };
    let targets: serde_json::Map<String, Value> = TARGETS.into_iter().map(target).collect();
    let names: Vec<&str> = TARGETS.iter().map(|(provider, ..)| *provider).collect();
    let prices: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({"input": "1", "output": "10"}))).collect();
    world.settings.write(Document::Prices, &json!({"targets": prices}));
    world.settings.write(
        Document::Catalogue,
        &json!({
            "models": {"gpt-5.5": {"owned_by": "openai", "created": 1, "targets": names, "default_output_tokens": 100}},
            "targets": targets,
        }),
    );
    let weights: serde_json::Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!(1))).collect();
    world.settings.write(
        Document::Routing,
        &json!({
            "default": {"providers": weights, "failover_order": names, "strategy": strategy},
            "constraints": {
                "tenants": {"acme": {"providers": ["paris", "ohio", "oregon"]}},
                "residencies": {"eu": {"regions": ["eu-*"]}},
                "data_classes": {"personal": {"max_retention_days": 0, "no_training": true}},
            },
        }),
    );
    world.settings.tenants.lock().unwrap().as_mut().unwrap().insert("acme".to_owned(), Tenant::default());
    world
}

/// A call under some of the constraints.
fn call(is_acme: bool, is_eu: bool, is_personal: bool, stream: bool) -> Value {
    let body = json!({"model": "gpt-5.5", "stream": stream, "messages": [{"role": "user", "content": format!("ask {MAIL}")}]});
    let mut event = chat(body.to_string());
    let mut set = |name: &str, value: &str| {
        event["headers"][name] = value.into();
        event["multiValueHeaders"][name] = json!([value]);
    };
    if is_eu {
        set("x-tollgate-residency", "eu");
    }
    if is_personal {
        set("x-tollgate-data-class", "personal");
    }
    if is_acme {
        event["requestContext"]["authorizer"]["tenant"] = "acme".into();
    }
    event
}

fn failures() -> Vec<ModelError> {
    vec![
        ModelError::Throttled { retry_after: None },
        ModelError::Unauthorized("expired".into()),
        ModelError::Spent("used up".into()),
        ModelError::Gone("no such model".into()),
        ModelError::Unavailable("down".into()),
        ModelError::TimedOut,
        ModelError::Garbled("<html>".into()),
        ModelError::Broken("reset".into()),
    ]
}

fn strategies() -> [Value; 5] {
    ["weighted", "failover", "latency", "cost", "score"].map(|kind| match kind {
        "score" => json!({"kind": kind, "quality": 1}),
        _ => json!({"kind": kind}),
    })
}

/// Every constraint with every other, every failure of the first target, every strategy, as JSON and as a stream.
#[tokio::test(start_paused = true)]
async fn no_failover_goes_past_a_constraint_and_none_takes_along_what_must_not_leave() {
    for bits in 0..16_u8 {
        let [is_acme, is_eu, is_personal, stream] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
        let allowed: Vec<String> = TARGETS
            .into_iter()
            .filter(|(provider, region, days, trains, _)| {
                (!is_acme || *provider != "dublin")
                    && (!is_eu || region.starts_with("eu-"))
                    && (!is_personal || (*days == 0 && !trains))
            })
            .map(|(provider, ..)| format!("{provider}.model"))
            .collect();
        for strategy in strategies() {
            for error in failures() {
                let case = format!("{is_acme} {is_eu} {is_personal} {stream} {strategy} {error}");
                let world =
                    world(vec![fails(error), fails(ModelError::Unavailable("down".into()))], &strategy);

                let said = world.call(call(is_acme, is_eu, is_personal, stream)).await;

                let asked = world.model.asked();
                assert!(said.status >= 500, "{case}: {said:?}");
                let different: BTreeSet<&String> = asked.iter().collect();
                assert_eq!(different.len(), allowed.len().min(2), "{case}: {asked:?}");
                assert!(asked.len() <= 2, "{case}: {asked:?}");
                for (called, id) in world.model.calls().iter().zip(&asked) {
                    assert!(allowed.contains(id), "{case}: {id}");
                    let sees = TARGETS.iter().any(|(name, .., sees)| *sees && id.starts_with(name));
                    assert_eq!(called.body.to_string().contains(MAIL), sees, "{case}: {id}");
                }
            }
        }
    }
}

/// Changes the default route.
fn with_route(world: &World, change: impl FnOnce(&mut Value)) {
    let text = world.settings.documents.lock().unwrap().as_ref().unwrap()[&Document::Routing].clone();
    let mut routing: Value = serde_json::from_str(&text).unwrap();
    change(&mut routing["default"]);
    world.settings.write(Document::Routing, &routing);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_long_goes_to_no_larger_target_that_is_not_allowed() {
    let too_long = || {
        let body = br#"{"error":{"message":"too long","code":"context_length_exceeded"}}"#;
        ModelError::Refused { status: 400, body: bytes::Bytes::from_static(body) }
    };
    for (is_eu, asked) in [(true, 1), (false, 2)] {
        let world = world(
            vec![fails(too_long()), answers("a", "stop", Some(usage(3, 1)))],
            &json!({"kind": "failover"}),
        );
        let text = world.settings.documents.lock().unwrap().as_ref().unwrap()[&Document::Catalogue].clone();
        let mut catalogue: Value = serde_json::from_str(&text).unwrap();
        catalogue["targets"]["ohio"]["context_tokens"] = 900_000.into();
        world.settings.write(Document::Catalogue, &catalogue);
        with_route(&world, |route| route["longer_context"] = "ohio".into());

        let said = world.call(call(false, is_eu, false, false)).await;

        assert_eq!(
            (said.status, world.model.asked().len()),
            (if is_eu { 400 } else { 200 }, asked),
            "{is_eu}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_stream_is_gone_on_with_by_nobody_who_is_not_allowed() {
    for (constrained, asked) in [(true, 1), (false, 2)] {
        let broken = at_once([role(), content("Par")]);
        let rest = at_once([role(), content("is"), finish("stop"), usage_chunk(30, 5)]);
        let world = world(vec![streams(broken), streams(rest)], &json!({"kind": "failover"}));
        with_route(&world, |route| route["continue_broken"] = true.into());

        // Of the European targets acme may use one.
        let said = world.call(call(constrained, constrained, false, true)).await;

        assert_eq!(world.model.asked().len(), asked, "{}", said.body);
        assert_eq!(said.body.contains("stream_broken"), constrained, "{}", said.body);
        assert_eq!(said.body.contains("[DONE]"), !constrained, "{}", said.body);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_may_go_nowhere_is_refused_and_costs_nothing() {
    let world = world(vec![], &json!({"kind": "weighted"}));
    let mut routing: Value =
        serde_json::from_str(&world.settings.documents.lock().unwrap().as_ref().unwrap()[&Document::Routing])
            .unwrap();
    routing["constraints"]["residencies"]["mars"] = json!({"regions": ["mars-*"]});
    world.settings.write(Document::Routing, &routing);
    let with = |residency: &str| {
        let mut event = call(false, true, false, false);
        event["headers"]["x-tollgate-residency"] = residency.into();
        event["multiValueHeaders"]["x-tollgate-residency"] = json!([residency]);
        event
    };

    let nowhere = world.call(with("mars")).await;
    let unknown = world.call(with("venus")).await;
    let wrong = world.call(with("a b")).await;

    assert_eq!((nowhere.status, nowhere.code().as_str()), (403, "no_allowed_target"));
    assert_eq!((unknown.status, &unknown.json()["error"]["param"]), (400, &json!("x-tollgate-residency")));
    assert_eq!(
        unknown.json()["error"]["message"],
        "x-tollgate-residency: \"venus\" is not known; known: eu, mars"
    );
    assert_eq!(wrong.status, 400);
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn the_fastest_is_asked_and_the_ledger_says_why() {
    let world = world(vec![answers("a", "stop", Some(usage(3, 1)))], &json!({"kind": "latency"}));
    let pace = |p95_us| Pace { p95_us, samples: 30, at_us: NOON };
    let paces = [("paris", pace(900)), ("dublin", pace(100)), ("ohio", Pace { samples: 2, ..pace(1) })];
    world.breakers.board.lock().unwrap().paces = paces.map(|(id, pace)| (id.to_owned(), pace)).into();

    world.call(call(false, false, false, false)).await;

    let decision = world.record().decision.unwrap();
    assert_eq!(world.model.asked(), ["dublin.model"]);
    assert_eq!((decision.reason, decision.route.as_str(), decision.version), (Reason::Fastest, "", 2));
}

#[tokio::test(start_paused = true)]
async fn a_score_is_in_the_ledger_with_its_parts() {
    let score = json!({"kind": "score", "quality": 0.75, "cost": 0.25});
    let world = world(vec![answers("a", "stop", Some(usage(3, 1)))], &score);
    let loved = ("ohio".to_owned(), Rating { sum: 20_000_000, count: 20 });
    world.breakers.board.lock().unwrap().ratings = [loved].into();

    world.call(call(false, false, false, false)).await;

    let decision = world.record().decision.unwrap();
    assert_eq!((world.model.asked()[0].as_str(), decision.reason), ("ohio.model", Reason::BestScore));
    let ohio = decision.scores.iter().find(|score| score.target == "ohio").unwrap();
    // 0.75 · 0.75 + 0.25 · 1, over a sum of weights of 1.
    assert_eq!((decision.scores.len(), ohio.total.parts()), (4, 812_500));
}

#[tokio::test(start_paused = true)]
async fn a_rule_is_found_by_header_by_metadata_and_by_endpoint() {
    for (header, body, expected) in [
        (Some("classification"), json!({}), "ohio.model"),
        (None, json!({"metadata": {"task": "classification"}}), "ohio.model"),
        (Some("chatting"), json!({"metadata": {"task": "classification"}}), "paris.model"),
        (None, json!({"metadata": {"task": "no name"}}), "paris.model"),
    ] {
        let world = world(vec![answers("a", "stop", Some(usage(3, 1)))], &json!({"kind": "failover"}));
        let only = |provider: &str| json!({"providers": {provider: 1}});
        let rule = json!({"name": "labels", "when": {"task": "classification"}, "route": only("ohio")});
        world.settings.write(Document::Routing, &json!({"default": only("paris"), "rules": [rule]}));
        let mut request = json!({"model": "gpt-5.5", "messages": [{"role": "user", "content": "a"}]});
        request.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let mut event = chat(request.to_string());
        if let Some(task) = header {
            event["headers"]["x-tollgate-task"] = task.into();
            event["multiValueHeaders"]["x-tollgate-task"] = json!([task]);
        }

        world.call(event).await;

        assert_eq!(world.model.asked(), [expected], "{header:?} {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_of_the_same_call_stands_where_the_call_stood() {
    let explores = json!({"kind": "latency", "explore_percent": 50});
    let keyed = |key: &str| {
        let mut event = call(false, false, false, false);
        event["headers"]["Idempotency-Key"] = key.into();
        event["multiValueHeaders"]["Idempotency-Key"] = json!([key]);
        event
    };
    let mut asked = BTreeSet::new();
    for key in 0..12 {
        let down = || fails(ModelError::Unavailable("down".into()));
        let world = world(vec![down(), down(), down(), down()], &explores);
        let pace = Pace { p95_us: 1, samples: 30, at_us: NOON };
        world.breakers.board.lock().unwrap().paces = [("paris".to_owned(), pace)].into();

        world.call(keyed(&key.to_string())).await;
        let first = world.record().decision.unwrap();
        world.call(keyed(&key.to_string())).await;
        let second = world.ledger.record("r-2").unwrap().decision.unwrap();

        assert!(first.signature.is_some());
        assert_eq!(first, second);
        assert_eq!(world.model.asked()[0], world.model.asked()[2]);
        asked.insert(first.reason);
    }
    assert_eq!(asked, [Reason::Fastest, Reason::Explored].into(), "half of the keys explore");
}

/// A call that names its target, with a key of this role.
fn naming(target: &str, role: &str, is_eu: bool) -> Value {
    let mut event = call(false, is_eu, false, false);
    event["requestContext"]["authorizer"]["role"] = role.into();
    event["headers"]["x-tollgate-target"] = target.into();
    event["multiValueHeaders"]["x-tollgate-target"] = json!([target]);
    event
}

#[tokio::test(start_paused = true)]
async fn a_prober_names_the_target_and_gets_a_fresh_answer_of_that_one() {
    let again = || answers("a", "stop", Some(usage(3, 1)));
    let world = world(vec![again(), again()], &json!({"kind": "failover"}));

    for _ in 0..2 {
        let said = world.call(naming("ohio", "prober", false)).await;
        assert_eq!((said.status, said.header("x-tollgate-cache")), (200, "bypass"), "{}", said.body);
    }

    let decision = world.record().decision.unwrap();
    assert_eq!((world.model.asked(), decision.reason), (vec!["ohio.model".to_owned(); 2], Reason::Named));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_name_a_target_is_told_and_so_is_who_names_a_wrong_one() {
    let world = world(vec![], &json!({"kind": "failover"}));

    let caller = world.call(naming("ohio", "caller", false)).await;
    let unknown = world.call(naming("moscow", "prober", false)).await;
    let not_allowed = world.call(naming("ohio", "prober", true)).await;

    assert_eq!((caller.status, caller.code().as_str()), (403, "target_not_allowed"));
    assert_eq!((unknown.status, &unknown.json()["error"]["param"]), (400, &json!("x-tollgate-target")));
    assert!(unknown.body.contains("paris"), "{}", unknown.body);
    assert_eq!((not_allowed.status, not_allowed.code().as_str()), (403, "no_allowed_target"));
    let mut keyed = naming("ohio", "prober", false);
    keyed["headers"]["Idempotency-Key"] = "k".into();
    keyed["multiValueHeaders"]["Idempotency-Key"] = json!(["k"]);
    assert_eq!(world.call(keyed).await.json()["error"]["param"], "x-tollgate-target");
    assert!(world.is_untouched());
}
