use std::time::Duration;

use serde_json::json;
use tollgate_core::money::Nanos;
use tollgate_core::record::{CacheOutcome, State};
use tollgate_core::settings::Tenant;

use crate::testing::*;

#[tokio::test(start_paused = true)]
async fn a_json_answer_names_who_gave_it_and_what_it_cost() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);

    let said = world.call(event("chat")).await;

    let key = said.header("x-tollgate-cache-key");
    let mut headers: Vec<_> = said
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap().replace(key, "KEY")))
        .collect();
    headers.sort_unstable();
    assert_eq!(said.status, 200);
    insta::assert_snapshot!(headers.join("\n"), @"
    content-type: application/json
    x-ratelimit-limit-requests: 2
    x-ratelimit-remaining-requests: 1
    x-ratelimit-reset-requests: 1s
    x-tollgate-adapted: max_output_tokens=100
    x-tollgate-attempts: 1
    x-tollgate-cache-key: KEY
    x-tollgate-cache: miss
    x-tollgate-cost-usd: 0.00008
    x-tollgate-model: first.model
    x-tollgate-provider: first
    x-tollgate-request-id: r-1
    x-tollgate-trace-id: 496a82b81a5d4dbb3e5faa9dd67605a2
    ");
    assert_eq!(said.json()["choices"][0]["message"]["content"], "Paris");
}

#[tokio::test(start_paused = true)]
async fn the_bound_is_reserved_and_the_usage_is_settled() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);

    world.call(event("chat")).await;

    let record = world.record();
    let end = record.end.unwrap();
    assert_eq!(world.ledger.steps(), ["reserve", "send", "close"]);
    assert_eq!(record.reserved_nanos, Nanos(bounds(&event("chat")).1));
    // 30 × 1,000 + 5 × 10,000 nano-dollars.
    assert_eq!((record.state, record.charged_nanos), (State::Settled, Nanos(80_000)));
    assert_eq!((end.usage, end.outcome.as_str(), end.estimated), (usage(30, 5), "ok", false));
    assert_eq!(record.target.as_deref(), Some("first/gpt-5.5"));
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_usage_is_charged_at_its_bound() {
    let world = World::scripted([answers("Paris", "stop", None)]);

    let said = world.call(event("chat")).await;

    let record = world.record();
    assert_eq!(record.charged_nanos, Nanos(bounds(&event("chat")).0));
    assert_eq!(said.header("x-tollgate-cost-usd"), record.charged_nanos.to_string());
    assert!(record.end.unwrap().estimated);
    assert!(world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn usage_over_the_bound_is_booked() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5_000)))]);

    world.call(event("chat")).await;

    let record = world.record();
    assert_eq!(record.charged_nanos, Nanos(50_030_000));
    assert!(record.charged_nanos > record.reserved_nanos);
}

#[tokio::test(start_paused = true)]
async fn an_exact_hit_needs_neither_reservation_nor_model() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);
    let first = world.call(event("chat")).await;

    let second = world.call(event("chat")).await;

    let hit = world.ledger.record("r-2").unwrap();
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("x-tollgate-cache"), "hit-exact");
    assert_eq!(second.header("x-tollgate-cost-usd"), "0");
    assert_eq!(world.ledger.steps(), ["reserve", "send", "close", "enter"]);
    assert_eq!(
        (hit.state, hit.cache, hit.charged_nanos),
        (State::Settled, CacheOutcome::HitExact, Nanos::ZERO)
    );
    assert_eq!(hit.end.unwrap().saved_nanos, Nanos(80_000));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_served_no_longer_than_it_may_be() {
    let turns = [answers("a", "stop", Some(usage(1, 1))), answers("b", "stop", Some(usage(1, 1)))];
    let world = World::scripted(turns);
    world.call(event("chat")).await;

    tokio::time::advance(Duration::from_secs(3_600)).await;
    let said = world.call(event("chat")).await;

    assert_eq!(said.header("x-tollgate-cache"), "miss");
}

#[tokio::test(start_paused = true)]
async fn another_tenant_is_never_served_what_was_kept() {
    let turns = [answers("a", "stop", Some(usage(1, 1))), answers("b", "stop", Some(usage(1, 1)))];
    let world = World::scripted(turns);
    world.settings.tenants.lock().unwrap().as_mut().unwrap().insert("acme".to_owned(), Tenant::default());
    world.call(event("chat")).await;

    let said = world.call(with("chat", "/requestContext/authorizer/tenant", "acme".into())).await;

    assert_eq!(said.header("x-tollgate-cache"), "miss");
    assert!(said.body.contains("\"b\""));
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_by_the_cap_is_not_kept() {
    let world = World::scripted([answers("Par", "length", Some(usage(30, 100)))]);

    let said = world.call(event("chat")).await;

    assert_eq!(said.json()["choices"][0]["finish_reason"], "length");
    assert!(world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_store_goes_past_the_cache_in_both_directions() {
    let turns = ["a", "b"].map(|text| answers(text, "stop", Some(usage(1, 1))));
    let world = World::scripted(turns);

    let said = world.call(with_header("chat", "Cache-Control", "max-age=0, No-Store")).await;

    assert_eq!(said.header("x-tollgate-cache"), "bypass");
    assert!(world.cache.is_empty());
    assert_eq!(world.call(event("chat")).await.header("x-tollgate-cache"), "miss");
}

#[tokio::test(start_paused = true)]
async fn no_cache_asks_afresh_and_keeps_the_answer() {
    let turns = ["old", "new"].map(|text| answers(text, "stop", Some(usage(1, 1))));
    let world = World::scripted(turns);
    world.call(event("chat")).await;

    let fresh = world.call(with_header("chat", "Cache-Control", "no-cache")).await;
    let hit = world.call(event("chat")).await;

    assert_eq!(fresh.header("x-tollgate-cache"), "bypass");
    assert_eq!(hit.header("x-tollgate-cache"), "hit-exact");
    assert_eq!(hit.body, fresh.body);
}

#[tokio::test(start_paused = true)]
async fn without_a_lifetime_nothing_is_kept() {
    let turns = ["a", "b"].map(|text| answers(text, "stop", Some(usage(1, 1)))).into();
    let world = World::of(Setup { cache_ttl: Duration::ZERO, turns, ..Setup::default() });

    world.call(event("chat")).await;
    let said = world.call(event("chat")).await;

    assert_eq!(said.header("x-tollgate-cache"), "bypass");
    assert!(world.cache.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cache_that_is_down_or_slow_is_a_miss() {
    for mood in [Mood::Down, Mood::Silent] {
        let world = World::scripted([answers("a", "stop", Some(usage(1, 1)))]);
        world.cache.set_mood(mood);
        let start = tokio::time::Instant::now();

        let (response, job) = world.begin(event("chat")).await;
        let (waited, said) = (start.elapsed(), read(response).await);
        world.cache.set_mood(Mood::Down);
        run(job).await;

        assert_eq!((said.status, said.header("x-tollgate-cache")), (200, "miss"), "{mood:?}");
        assert!(waited.as_millis() <= 501, "{mood:?}: {waited:?}");
        assert_eq!(world.record().state, State::Settled);
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_does_not_hold_the_bound_refuses_the_call() {
    let world = World::scripted([]);
    let (_, bound) = bounds(&event("chat"));

    let said = world.call(with_day_budget(bound - 1)).await;

    assert_eq!((said.status, said.code().as_str()), (429, "insufficient_quota"));
    assert!(world.model.calls().is_empty());
    assert_eq!(world.ledger.record("r-1"), None);
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_just_holds_the_bound_admits_the_call_and_gets_the_rest_back() {
    let turns = ["a", "b"].map(|text| answers(text, "stop", Some(usage(1, 1))));
    let world = World::scripted(turns);
    let (_, bound) = bounds(&event("chat"));
    let limited = |limit: u64| {
        let mut event = with_day_budget(limit);
        event["headers"]["Cache-Control"] = "no-store".into();
        event
    };

    let first = world.call(limited(bound)).await;
    let full = world.call(limited(bound)).await;
    let again = world.call(limited(bound + 11_000)).await;

    assert_eq!((first.status, full.status, again.status), (200, 429, 200));
}

#[tokio::test(start_paused = true)]
async fn a_contended_budget_is_503_and_to_be_tried_again() {
    let world = World::scripted([]);
    world.ledger.set_mood("reserve", Mood::Contended);

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str(), said.header("retry-after")), (503, "contended", "1"));
    assert!(world.model.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_a_ledger_no_model_is_called() {
    for step in ["reserve", "send"] {
        let world = World::scripted([]);
        world.ledger.set_mood(step, Mood::Down);

        let said = world.call(event("chat")).await;

        assert_eq!((said.status, said.code().as_str()), (503, "gateway_unavailable"), "{step}");
        assert_eq!(said.header("retry-after"), "5");
        assert!(world.model.calls().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenants_call_carries_its_role() {
    let world = World::scripted([answers("a", "stop", Some(usage(1, 1)))]);
    let role = Some("arn:aws:iam::210987654321:role/tollgate-tenant".to_owned());
    let tenant = Tenant { role_arn: role.clone(), external_id: None };
    world.settings.tenants.lock().unwrap().as_mut().unwrap().insert("acme".to_owned(), tenant);

    let said = world.call(with("chat", "/requestContext/authorizer/tenant", "acme".into())).await;

    assert_eq!(said.status, 200);
    assert_eq!(world.model.calls()[0].role_arn, role);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_unknown_or_unreadable_is_served_by_nobody() {
    let strange = || with("chat", "/requestContext/authorizer/tenant", "acme".into());
    let world = World::scripted([]);

    let unknown = world.call(strange()).await;
    *world.settings.tenants.lock().unwrap() = Err(());
    let unreadable = world.call(strange()).await;

    assert_eq!((unknown.status, unknown.code().as_str()), (503, "provider_unavailable"));
    assert_eq!((unreadable.status, unreadable.code().as_str()), (503, "gateway_unavailable"));
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn a_key_lists_the_models_it_may_name() {
    let world = World::scripted([]);

    let all = world.call(event("models")).await;
    let some = world.call(with("models", "/requestContext/authorizer/models", "gpt-5.5,gone".into())).await;

    let ids = |said: &Said| {
        said.json()["data"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&all), ["embedder", "gpt-5.5", "plain", "talks-converse", "unpriced", "unrouted"]);
    assert_eq!(
        some.json(),
        json!({"object": "list", "data": [{"id": "gpt-5.5", "object": "model", "created": 1_780_272_000, "owned_by": "openai"}]})
    );
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn what_never_left_costs_nothing_even_where_the_ledgers_reply_was_lost() {
    let world = World::scripted([]);
    world.ledger.set_mood("send", Mood::Lossy);

    let said = world.call(event("chat")).await;

    assert_eq!(said.status, 503);
    assert_eq!((world.record().state, world.record().charged_nanos), (State::Released, Nanos::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_hit_names_who_once_answered_as_that_answer_did() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);
    let first = world.call(event("chat")).await;

    let second = world.call(event("chat")).await;

    for name in ["x-tollgate-provider", "x-tollgate-model"] {
        assert_eq!(second.header(name), first.header(name), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_cap_that_is_sent_is_the_one_that_is_said() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);

    let said = world.call(chat(r#"{"model":"plain","messages":[{"role":"user","content":"a"}]}"#)).await;

    assert_eq!(world.model.calls()[0].body["max_completion_tokens"], 500);
    assert_eq!(said.header("x-tollgate-adapted"), "max_output_tokens=500");
}

#[tokio::test(start_paused = true)]
async fn a_record_is_overdue_half_a_minute_after_its_function_has_ended() {
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5)))]);

    world.call(event("chat")).await;

    assert_eq!(world.record().deadline_us, NOON.plus(LAMBDA_TIME).plus(Duration::from_secs(30)));
}
