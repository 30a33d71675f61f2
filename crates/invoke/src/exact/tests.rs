use std::time::Duration;

use serde_json::{Value, json};
use tollgate_core::cache::purge::{Purges, Selection};
use tollgate_core::money::Nanos;
use tollgate_core::record::CacheOutcome;
use tollgate_core::settings::{Document, HEAD_MAX_AGE, Tenant};

use crate::testing::*;

fn two() -> [Turn; 2] {
    ["a", "b"].map(|text| answers(text, "stop", Some(usage(30, 5))))
}

/// What the cache said to each of two calls.
async fn outcomes(world: &World, first: Value, second: Value) -> [String; 2] {
    let first = world.call(first).await.header("x-tollgate-cache").to_owned();
    [first, world.call(second).await.header("x-tollgate-cache").to_owned()]
}

fn of_user(mut event: Value, tenant: &str, team: &str, user: &str) -> Value {
    for (name, value) in [("tenant", tenant), ("team", team), ("user", user)] {
        event["requestContext"]["authorizer"][name] = value.into();
    }
    event
}

fn route(cache: &Value) -> Value {
    json!({"default": {"providers": {"first": 1}, "failover_order": ["second"], "cache": cache}})
}

async fn later(secs: u64) {
    tokio::time::advance(Duration::from_secs(secs)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hit_says_what_it_saved_and_how_old_it_is() {
    let world = World::scripted(two());
    let first = world.call(event("chat")).await;
    later(90).await;

    let second = world.call(event("chat")).await;

    let record = world.ledger.record("r-2").unwrap();
    let end = record.end.unwrap();
    assert_eq!((second.header("x-tollgate-cache"), second.header("age")), ("hit-exact", "90"));
    assert_eq!(second.header("x-tollgate-cache-key"), first.header("x-tollgate-cache-key"));
    assert_eq!(record.cache_key.unwrap().as_str(), second.header("x-tollgate-cache-key"));
    assert_eq!((end.saved_nanos, end.saved_tokens), (Nanos(80_000), 35));
}

#[tokio::test(start_paused = true)]
async fn an_exact_hit_costs_one_read_and_nothing_else() {
    let world = World::scripted(two());
    world.call(event("chat")).await;
    let (steps, reads, heads) =
        (world.ledger.steps().len(), world.cache.reads(), world.settings.reads("head"));

    let said = world.call(event("chat")).await;

    assert_eq!(said.header("x-tollgate-cache"), "hit-exact");
    assert_eq!(world.cache.reads(), reads + 1);
    assert_eq!(world.settings.reads("head"), heads);
    assert_eq!(world.model.calls().len(), 1);
    // After the answer it is entered into the ledger.
    assert_eq!(world.ledger.steps()[steps..], ["enter"]);
}

#[tokio::test(start_paused = true)]
async fn what_came_whole_serves_a_stream_and_the_other_way_round() {
    let stream = streams(at_once([role(), content("Oslo"), finish("stop"), usage_chunk(30, 5)]));
    let world = World::scripted([answers("Paris", "stop", Some(usage(30, 5))), stream]);
    let body = |stream: bool, text: &str| {
        json!({"model": "gpt-5.5", "stream": stream, "messages": [{"role": "user", "content": text}]})
            .to_string()
    };
    world.call(chat(body(false, "France"))).await;
    world.call(chat(body(true, "Norway"))).await;

    let streamed = world.call(chat(body(true, "France"))).await;
    let whole = world.call(chat(body(false, "Norway"))).await;

    assert_eq!(
        (streamed.header("x-tollgate-cache"), whole.header("x-tollgate-cache")),
        ("hit-exact", "hit-exact")
    );
    let events = streamed.events();
    assert_eq!(events.last().unwrap(), "[DONE]");
    assert!(events.iter().any(|event| event.contains("Paris")));
    assert_eq!(whole.json()["choices"][0]["message"]["content"], "Oslo");
    assert_eq!(whole.json()["usage"]["completion_tokens"], 5);
}

#[tokio::test(start_paused = true)]
async fn errors_cut_filtered_and_broken_answers_are_never_kept() {
    let broken = streams(vec![
        (Duration::ZERO, piece(content("half"))),
        (Duration::ZERO, Err(tollgate_core::model::ModelError::TimedOut)),
    ]);
    let turns = [
        answers("a", "length", Some(usage(1, 1))),
        answers("b", "content_filter", Some(usage(1, 1))),
        answers("c", "stop", None),
        broken,
    ];
    let world = World::scripted(turns);

    for case in ["chat", "chat", "chat", "stream"] {
        world.call(event(case)).await;
        assert!(world.cache.is_empty() && world.cache.is_unleased(), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_says_how_old_an_answer_may_be() {
    let world = World::scripted(two());
    world.call(event("chat")).await;
    later(60).await;

    let young = with_header("chat", "Cache-Control", "max-age=59");
    let [old_enough, too_old] =
        outcomes(&world, with_header("chat", "Cache-Control", "max-age=60"), young).await;

    assert_eq!([old_enough.as_str(), too_old.as_str()], ["hit-exact", "miss"]);
    // That caller's answer is kept no longer than it asked for.
    let kept = world.cache.entries();
    assert_eq!(kept[0].about.expires_at, NOON.as_secs() + 60 + 59);
}

#[tokio::test(start_paused = true)]
async fn a_route_says_for_how_long_and_a_new_version_leaves_the_old_behind() {
    let turns = ["a", "b", "c"].map(|text| answers(text, "stop", Some(usage(1, 1))));
    let world = World::scripted(turns);
    world.settings.write(Document::Routing, &route(&json!({"ttl_secs": 10})));
    world.call(event("chat")).await;
    later(9).await;
    assert_eq!(world.call(event("chat")).await.header("x-tollgate-cache"), "hit-exact");
    later(1).await;
    assert_eq!(world.call(event("chat")).await.header("x-tollgate-cache"), "miss");

    world.settings.write(Document::Routing, &route(&json!({"ttl_secs": 10, "version": 1})));
    tokio::time::advance(HEAD_MAX_AGE).await;

    assert_eq!(world.call(event("chat")).await.header("x-tollgate-cache"), "miss");
}

#[tokio::test(start_paused = true)]
async fn no_leak_nobody_outside_the_circle_is_served() {
    let alice = |event| of_user(event, "default", "search", "alice");
    let cases = [
        (with_header("chat", "x-tollgate-cache-sharing", "private"), ("search", "bob"), "miss"),
        (with_header("chat", "x-tollgate-cache-sharing", "private"), ("search", "alice"), "hit-exact"),
        (with_header("chat", "x-tollgate-cache-sharing", "team"), ("search", "bob"), "hit-exact"),
        (with_header("chat", "x-tollgate-cache-sharing", "team"), ("other", "bob"), "miss"),
        (with_header("chat", "x-tollgate-data-class", "personal"), ("search", "bob"), "miss"),
        (with_header("chat", "x-tollgate-cache-tags", "docs"), ("other", "bob"), "hit-exact"),
    ];

    for (asked, (team, user), expected) in cases {
        let world = World::scripted(two());
        let other = of_user(asked.clone(), "default", team, user);
        assert_eq!(
            outcomes(&world, alice(asked.clone()), other).await,
            ["miss", expected],
            "{team}/{user}: {asked}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_leak_a_key_or_a_route_narrows_what_a_caller_asks_for() {
    let world = World::scripted(two());
    let mut private = of_user(event("chat"), "default", "search", "alice");
    private["requestContext"]["authorizer"]["sharing"] = "\"private\"".into();
    let bob = of_user(event("chat"), "default", "search", "bob");
    assert_eq!(outcomes(&world, private, bob).await, ["miss", "miss"]);

    let world = World::scripted(two());
    world.settings.write(Document::Routing, &route(&json!({"sharing": "private"})));
    let wide = with_header("chat", "x-tollgate-cache-sharing", "tenant");
    let bob = of_user(wide.clone(), "default", "search", "bob");
    assert_eq!(outcomes(&world, of_user(wide, "default", "search", "alice"), bob).await, ["miss", "miss"]);
}

#[tokio::test(start_paused = true)]
async fn no_leak_streams_of_another_tenant_are_never_served() {
    let stream = || streams(at_once([content("secret"), finish("stop"), usage_chunk(1, 1)]));
    let world = World::scripted([stream(), stream()]);
    world.settings.tenants.lock().unwrap().as_mut().unwrap().insert("acme".to_owned(), Tenant::default());
    let own = of_user(event("stream"), "default", "search", "alice");

    let outcomes = outcomes(&world, own, of_user(event("stream"), "acme", "search", "alice")).await;

    assert_eq!(outcomes, ["miss", "miss"]);
}

#[tokio::test(start_paused = true)]
async fn another_version_of_a_template_is_another_question() {
    let world = World::scripted(two());
    let version = |version| with_header("chat", "x-tollgate-template", version);

    assert_eq!(outcomes(&world, version("answer:1"), version("answer:2")).await, ["miss", "miss"]);
    assert_eq!(outcomes(&world, version("answer:1"), version("answer:2")).await, ["hit-exact", "hit-exact"]);
}

#[tokio::test(start_paused = true)]
async fn a_purge_is_obeyed_as_soon_as_the_head_says_so() {
    let world = World::scripted(two());
    world.call(with_header("chat", "x-tollgate-cache-tags", "docs")).await;
    later(60).await;
    let tag = Selection { tag: "docs".parse().ok(), ..Selection::default() };
    let purges = Purges::default().with(tag, "op", NOON.plus(Duration::from_secs(60))).unwrap();
    world.settings.write(Document::Purges, &json!(purges));
    tokio::time::advance(HEAD_MAX_AGE).await;

    let said = world.call(event("chat")).await;

    assert_eq!(said.header("x-tollgate-cache"), "miss");
    assert_eq!(said.json()["choices"][0]["message"]["content"], "b");
}

#[tokio::test(start_paused = true)]
async fn garbage_in_the_cache_is_a_miss() {
    let world = World::scripted(two());
    world.call(event("chat")).await;
    world.cache.garble();

    let mut streamed: Value = serde_json::from_str(event("chat")["body"].as_str().unwrap()).unwrap();
    streamed["stream"] = true.into();
    world.model.add(streams(at_once([content("c"), finish("stop"), usage_chunk(1, 1)])));
    let said = world.call(with("chat", "/body", streamed.to_string().into())).await;

    assert_eq!((said.status, said.header("x-tollgate-cache")), (200, "miss"));
}

#[tokio::test(start_paused = true)]
async fn a_directive_that_is_none_is_refused_before_anything_is_done() {
    for (header, value) in
        [("Cache-Control", "max-age=soon"), ("x-tollgate-cache-sharing", "all"), ("x-tollgate-template", "x")]
    {
        let world = World::scripted([]);

        let said = world.call(with_header("chat", header, value)).await;

        assert_eq!((said.status, world.is_untouched()), (400, true), "{header}");
        assert_eq!(said.json()["error"]["param"], header.to_lowercase());
    }
}

#[tokio::test(start_paused = true)]
async fn a_hit_is_counted_as_one_in_the_ledger() {
    let world = World::scripted(two());
    assert_eq!(outcomes(&world, event("chat"), event("chat")).await, ["miss", "hit-exact"]);

    let caches: Vec<_> = ["r-1", "r-2"].map(|id| world.ledger.record(id).unwrap().cache).into();

    assert_eq!(caches, [CacheOutcome::Miss, CacheOutcome::HitExact]);
}
