mod outages;

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::cache::purge::{Purges, Selection};
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::record::{CacheOutcome, State};
use tollgate_core::semantic::evidence::Observation;
use tollgate_core::semantic::looked::Finding;
use tollgate_core::semantic::score::Score;
use tollgate_core::semantic::similarity::Similarity;
use tollgate_core::settings::{Document, HEAD_MAX_AGE, Tenant};

use crate::testing::*;

/// A pool of the route of all tests.
const POOL: &str = "default//embedder";

const CAPITAL: &str = "What is the capital of France?";
const SAME: &str = "what's the capital of france";

fn question(text: &str) -> Value {
    chat(json!({"model": "gpt-5.5", "messages": [{"role": "user", "content": text}]}).to_string())
}

fn embedding(vector: [f32; 2]) -> Turn {
    whole(&json!({"data": [{"embedding": vector}], "usage": {"prompt_tokens": 7, "total_tokens": 7}}))
}

fn answer(text: &str) -> Turn {
    answers(text, "stop", Some(usage(30, 5)))
}

/// A world whose route looks for questions that mean the same.
fn world(semantic: &Value, turns: impl Into<Vec<Turn>>) -> World {
    let world = World::scripted(turns);
    let mut policy = json!({"embedding": "embedder", "compare": "equal"});
    policy.as_object_mut().unwrap().extend(semantic.as_object().unwrap().clone());
    let route =
        json!({"providers": {"first": 1}, "failover_order": ["second"], "cache": {"semantic": policy}});
    world.settings.write(Document::Routing, &json!({"default": route}));
    world
}

fn fixed(turns: impl Into<Vec<Turn>>) -> World {
    world(&json!({"mode": "fixed", "threshold": 0.95}), turns)
}

fn looked(world: &World, id: &str) -> (Finding, Option<bool>) {
    let looked = world.ledger.record(id).unwrap().end.unwrap().semantic.unwrap();
    (looked.finding, looked.is_right)
}

/// Enough pairs of its kind, all right, that one as near is served at one wrong answer in a hundred.
fn teach(world: &World) {
    let similarity = Similarity::from_millionths(990_000);
    let right = Observation { similarity, apart: 0, score: Score::from_millionths(999_000), is_right: true };
    world.evidence.teach(POOL, &right, 2_000);
    world.evidence.teach(POOL, &Observation { apart: 1, ..right }, 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_means_the_same_is_given_the_kept_answer_for_the_price_of_its_embedding() {
    let world = fixed([embedding([1.0, 0.0]), answer("Paris"), embedding([0.99, 0.01])]);
    world.call(question(CAPITAL)).await;

    let said = world.call(question(SAME)).await;

    assert_eq!(said.header("x-tollgate-cache"), "hit-semantic");
    assert_eq!(said.json()["choices"][0]["message"]["content"], "Paris");
    assert_eq!(said.header("x-tollgate-similarity"), "0.999949");
    assert_eq!((said.header("x-tollgate-cost-usd"), said.header("x-tollgate-attempts")), ("0.000007", "0"));
    let record = world.ledger.record("r-2").unwrap();
    assert_eq!((record.state, record.cache), (State::Settled, CacheOutcome::HitSemantic));
    assert_eq!((record.charged_nanos, record.charged_tokens), (Nanos(7_000), 7));
    assert_eq!(record.cache_key.unwrap().as_str(), said.header("x-tollgate-cache-key"));
    let end = record.end.unwrap();
    assert_eq!((end.saved_nanos, end.saved_tokens), (Nanos(80_000), 35));
    assert!(world.cache.is_unleased());
}

#[tokio::test(start_paused = true)]
async fn a_miss_is_charged_its_embedding_besides_the_model() {
    let world = fixed([embedding([1.0, 0.0]), answer("Paris")]);

    let said = world.call(question(CAPITAL)).await;

    assert_eq!((said.header("x-tollgate-cache"), said.header("x-tollgate-cost-usd")), ("miss", "0.000087"));
    let record = world.record();
    assert_eq!((record.charged_nanos, record.charged_tokens), (Nanos(87_000), 42));
    assert_eq!(world.cache.entries()[0].about.cost_nanos, Nanos(80_000));
    assert_eq!(world.vectors.keys(), [said.header("x-tollgate-cache-key")]);
    assert_eq!(looked(&world, "r-1"), (Finding::Nothing, None));
}

#[tokio::test(start_paused = true)]
async fn an_exact_hit_asks_for_no_embedding() {
    let world = fixed([embedding([1.0, 0.0]), answer("Paris")]);
    world.call(question(CAPITAL)).await;

    let said = world.call(question(CAPITAL)).await;

    assert_eq!(said.header("x-tollgate-cache"), "hit-exact");
    assert_eq!(world.model.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn questions_that_differ_in_a_name_a_number_or_a_denial_are_never_served() {
    for other in [
        "What is the capital of Spain?",
        "What is the capital of France in 1940?",
        "What is not the capital of France?",
    ] {
        let world = fixed([embedding([1.0, 0.0]), answer("Paris"), embedding([1.0, 0.0]), answer("b")]);
        world.call(question(CAPITAL)).await;

        assert_eq!(world.call(question(other)).await.header("x-tollgate-cache"), "miss", "{other}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_the_like_with_other_settings_is_not_served() {
    let world = fixed([embedding([1.0, 0.0]), answer("Paris"), embedding([1.0, 0.0]), answer("b")]);
    world.call(question(CAPITAL)).await;
    let body = json!({"model": "gpt-5.5", "seed": 7, "messages": [{"role": "user", "content": SAME}]});

    assert_eq!(world.call(chat(body.to_string())).await.header("x-tollgate-cache"), "miss");
}

#[tokio::test(start_paused = true)]
async fn requests_that_have_no_part_in_it_ask_for_no_embedding() {
    let messages = json!([{"role": "user", "content": CAPITAL}]);
    let tool = json!([{"type": "function", "function": {"name": "f"}}]);
    let form = json!({"type": "json_object"});
    let with = |name: &str, value: Value| {
        chat(json!({"model": "gpt-5.5", "messages": messages, name: value}).to_string())
    };
    let mut personal = question(CAPITAL);
    personal["headers"]["x-tollgate-data-class"] = "personal".into();
    personal["multiValueHeaders"]["x-tollgate-data-class"] = json!(["personal"]);
    let mut fresh = question(CAPITAL);
    fresh["headers"]["Cache-Control"] = "no-store".into();
    fresh["multiValueHeaders"]["Cache-Control"] = json!(["no-store"]);

    for event in [with("tools", tool), with("response_format", form), personal, fresh] {
        let world = fixed([answer("Paris")]);

        assert_eq!(world.call(event.clone()).await.status, 200, "{event}");

        assert_eq!(world.model.asked(), ["first.model"], "{event}");
        assert_eq!(world.record().end.unwrap().semantic, None);
    }
}

#[tokio::test(start_paused = true)]
async fn before_there_is_evidence_the_model_is_asked_and_both_answers_are_compared() {
    let turns = [embedding([1.0, 0.0]), answer("Paris"), embedding([0.99, 0.01]), answer("paris")];
    let world = world(&json!({}), turns);
    world.call(question(CAPITAL)).await;

    let said = world.call(question(SAME)).await;

    assert_eq!(said.header("x-tollgate-cache"), "miss");
    assert_eq!(looked(&world, "r-2"), (Finding::Explored, Some(true)));
    assert!(world.evidence.noted()[0].is_right);
    // Its neighbour stands for both.
    assert_eq!(world.vectors.keys().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_neighbour_is_noted_and_the_question_becomes_one_of_its_own() {
    let turns = [embedding([1.0, 0.0]), answer("Paris"), embedding([0.99, 0.01]), answer("Lyon")];
    let world = world(&json!({}), turns);
    world.call(question(CAPITAL)).await;

    world.call(question(SAME)).await;

    assert_eq!(looked(&world, "r-2"), (Finding::Explored, Some(false)));
    assert!(!world.evidence.noted()[0].is_right);
    assert_eq!(world.vectors.keys().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn with_evidence_it_is_served_and_some_are_still_compared() {
    let turns = || {
        let mut turns = vec![embedding([1.0, 0.0]), answer("Paris")];
        turns.extend([embedding([0.999, 0.001]), answer("Paris")]);
        turns
    };
    let [serves, explores] = [5, 100].map(|percent| world(&json!({"explore_percent": percent}), turns()));
    for world in [&serves, &explores] {
        teach(world);
        world.call(question(CAPITAL)).await;
    }

    let served = serves.call(question(SAME)).await;
    let explored = explores.call(question(SAME)).await;

    assert_eq!(served.header("x-tollgate-cache"), "hit-semantic");
    assert_eq!(looked(&serves, "r-2"), (Finding::Served, None));
    assert_eq!(explored.header("x-tollgate-cache"), "miss");
    assert_eq!(looked(&explores, "r-2"), (Finding::WouldServe, Some(true)));
}

#[tokio::test(start_paused = true)]
async fn a_shadow_serves_nothing_and_says_what_it_would_have() {
    let turns = [embedding([1.0, 0.0]), answer("Paris"), embedding([0.999, 0.001]), answer("Lyon")];
    let world = world(&json!({"mode": "shadow"}), turns);
    teach(&world);
    world.call(question(CAPITAL)).await;

    let said = world.call(question(SAME)).await;

    assert_eq!(said.header("x-tollgate-cache"), "miss");
    assert_eq!(said.json()["choices"][0]["message"]["content"], "Lyon");
    assert_eq!(looked(&world, "r-2"), (Finding::WouldServe, Some(false)));
}

#[tokio::test(start_paused = true)]
async fn embeddings_of_compared_answers_are_reserved_and_charged_too() {
    let turns = vec![
        embedding([1.0, 0.0]),
        answer("Paris"),
        embedding([0.99, 0.01]),
        answer("It is Paris."),
        embedding([0.5, 0.5]),
        embedding([0.5, 0.5]),
    ];
    let world = world(&json!({"compare": {"embedding": {"least": 0.9}}}), turns);
    world.call(question(CAPITAL)).await;

    let said = world.call(question(SAME)).await;

    // Nobody knows yet what comparing costs.
    assert_eq!(said.header("x-tollgate-cost-usd"), "");
    assert_eq!(looked(&world, "r-2"), (Finding::Explored, Some(true)));
    let record = world.ledger.record("r-2").unwrap();
    assert_eq!(record.charged_nanos, Nanos(80_000 + 3 * 7_000));
    assert_eq!(record.end.unwrap().semantic.unwrap().embedded.nanos, Nanos(21_000));
}

#[tokio::test(start_paused = true)]
async fn exactly_once_a_call_that_fails_after_its_embedding_pays_for_that_alone() {
    let down = || fails(ModelError::Unavailable("down".into()));
    let world = fixed([embedding([1.0, 0.0]), down(), down()]);

    let said = world.call(question(CAPITAL)).await;

    assert_eq!(said.status, 503);
    assert_eq!((world.record().state, world.record().charged_nanos), (State::Settled, Nanos(7_000)));
    assert!(world.cache.is_unleased());
}

#[tokio::test(start_paused = true)]
async fn no_false_refusal_a_budget_that_holds_the_call_but_not_its_embedding_admits_it_without() {
    let world = fixed([answer("a")]);
    let mut event = question(CAPITAL);
    let (_, bound) = bounds(&event);
    let budget = json!({"budget_day_nanos": bound + 10}).to_string();
    event["requestContext"]["authorizer"]["budget"] = budget.into();

    let said = world.call(event).await;

    assert_eq!((said.status, said.header("x-tollgate-cache")), (200, "miss"));
    assert_eq!(world.record().end.unwrap().semantic, None);
}

#[tokio::test(start_paused = true)]
async fn kill_in_time_no_embedding_is_asked_for_once_calls_are_stopped() {
    let world = fixed([embedding([1.0, 0.0]), answer("a")]);
    world.ledger.set_mood("reserve", Mood::Slow);
    tokio::time::advance(HEAD_MAX_AGE).await;

    let (said, ()) = tokio::join!(world.call(question(CAPITAL)), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.settings.stop("the budget is spent");
    });

    assert_eq!((said.status, said.code().as_str()), (429, "budget_exceeded"));
    assert_eq!(world.model.calls(), []);
    assert_eq!(world.record().charged_nanos, Nanos::ZERO);
}

fn of(mut event: Value, tenant: &str, user: &str, sharing: &str) -> Value {
    event["requestContext"]["authorizer"]["tenant"] = tenant.into();
    event["requestContext"]["authorizer"]["user"] = user.into();
    event["headers"]["x-tollgate-cache-sharing"] = sharing.into();
    event["multiValueHeaders"]["x-tollgate-cache-sharing"] = json!([sharing]);
    event
}

#[tokio::test(start_paused = true)]
async fn no_leak_no_other_tenant_and_no_other_user_is_served_what_means_the_same() {
    for is_leaky in [false, true] {
        for (tenant, user, sharing, expected) in [
            ("default", "bob", "tenant", "hit-semantic"),
            ("default", "alice", "private", "hit-semantic"),
            ("default", "bob", "private", "miss"),
            ("acme", "alice", "tenant", "miss"),
        ] {
            let turns = [embedding([1.0, 0.0]), answer("Paris"), embedding([1.0, 0.0]), answer("b")];
            let world = fixed(turns);
            let acme = ("acme".to_owned(), Tenant::default());
            world.settings.tenants.lock().unwrap().as_mut().unwrap().extend([acme]);
            if is_leaky {
                world.vectors.leak();
            }
            world.call(of(question(CAPITAL), "default", "alice", sharing)).await;

            let said = world.call(of(question(SAME), tenant, user, sharing)).await;

            assert_eq!(said.header("x-tollgate-cache"), expected, "{tenant} {user} {sharing} {is_leaky}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_purged_or_too_old_is_not_served_to_others_either() {
    let turns = || [embedding([1.0, 0.0]), answer("Paris"), embedding([1.0, 0.0]), answer("b")];
    let purged = fixed(turns());
    purged.call(question(CAPITAL)).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let purges = Purges::default().with(Selection::default(), "op", NOON.plus(Duration::from_secs(60)));
    purged.settings.write(Document::Purges, &json!(purges.unwrap()));
    tokio::time::advance(HEAD_MAX_AGE).await;
    assert_eq!(purged.call(question(SAME)).await.header("x-tollgate-cache"), "miss");

    let old = fixed(turns());
    old.call(question(CAPITAL)).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let mut young = question(SAME);
    young["headers"]["Cache-Control"] = "max-age=59".into();
    young["multiValueHeaders"]["Cache-Control"] = json!(["max-age=59"]);
    assert_eq!(old.call(young).await.header("x-tollgate-cache"), "miss");
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_served_what_came_whole() {
    let world = fixed([embedding([1.0, 0.0]), answer("Paris"), embedding([1.0, 0.0])]);
    world.call(question(CAPITAL)).await;
    let body = json!({"model": "gpt-5.5", "stream": true, "messages": [{"role": "user", "content": SAME}]});

    let said = world.call(chat(body.to_string())).await;

    assert_eq!(said.header("x-tollgate-cache"), "hit-semantic");
    assert!(said.body.contains("Paris") && said.body.ends_with("data: [DONE]\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_hit_under_an_idempotency_key_is_said_again() {
    let world = fixed([embedding([1.0, 0.0]), answer("Paris"), embedding([1.0, 0.0])]);
    world.call(question(CAPITAL)).await;
    let mut event = question(SAME);
    event["headers"]["Idempotency-Key"] = "k".into();
    event["multiValueHeaders"]["Idempotency-Key"] = json!(["k"]);
    assert_eq!(world.call(event.clone()).await.header("x-tollgate-cache"), "hit-semantic");

    let again = world.call(event).await;

    assert_eq!(again.header("x-tollgate-cache"), "replay");
    assert_eq!(again.json()["choices"][0]["message"]["content"], "Paris");
}
