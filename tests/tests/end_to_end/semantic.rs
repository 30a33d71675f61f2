//! Questions that mean the same: who is served what, and what happens where something is down.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_tests::books::items;
use tollgate_tests::stack::{Stack, eventually};
use tollgate_tests::standin::{reset, set_faults};

use crate::caches::{Said, ask, question};

/// Both have the same words to the stand-in, and to the gateway.
const KEPT: &str = "What is the boiling point of water?";
const ALIKE: &str = "what is the boiling point of water";

/// Another such pair.
const MELTING: &str = "How hot must iron be to melt?";
const ALSO_MELTING: &str = "how hot must iron be to melt";

/// Sends the teams `chatter` and `shadow` on routes of their own.
async fn configure(stack: &Stack) {
    let text = std::fs::read_to_string(stack.path("surface-routing.json"));
    let mut routing: Value = serde_json::from_str(&text.expect("it was written before")).expect("it is JSON");
    let route = |semantic: Value| {
        let mut route = routing["default"].clone();
        route["cache"] = json!({"semantic": semantic});
        route
    };
    let embedding = "titan-embed-text-v2";
    let fixed = route(json!({"embedding": embedding, "mode": "fixed", "threshold": 0.97}));
    let shadow = route(json!({"embedding": embedding, "mode": "shadow"}));
    routing["experiments"] = json!({"chatter": fixed, "shadow": shadow});
    let path = stack.path("semantic-routing.json");
    std::fs::write(&path, routing.to_string()).expect("the stack's folder takes a file");
    let shipped = |name: &str| stack.path(&format!("surface-{name}.json")).display().to_string();
    let (catalogue, prices) = (shipped("catalogue"), shipped("prices"));
    let routing = path.display().to_string();
    let arguments = ["config", "seed", "--catalogue", &catalogue, "--prices", &prices, "--routing", &routing];
    let (said, is_done) = stack.tollgate(&arguments).await;
    assert!(is_done, "{said}");
}

/// Asks until the kept answer, whose vector is written after it was given, is found: in another spelling each time, because
/// a miss is an exact hit the next time.
async fn semantic_hit(
    stack: &Stack,
    key: &str,
    (alike, stream): (&str, bool),
    headers: &[(&str, &str)],
) -> Said {
    let mut text = alike.to_owned();
    let found = eventually(Duration::from_secs(10), async || {
        text.push('!');
        let said = ask(stack, key, &question(&text, stream), headers).await;
        (said.cache() == "hit-semantic").then_some(said)
    });
    found.await.unwrap_or_else(|| panic!("no semantic hit\n{}", stack.log("invoke")))
}

async fn keeps(stack: &Stack, key: &str, text: &str, headers: &[(&str, &str)]) {
    let said = ask(stack, key, &question(text, false), headers).await;
    assert_eq!(said.cache(), "miss");
    let id = said.header("x-tollgate-request-id").to_owned();
    let settled = eventually(Duration::from_secs(20), async || {
        let records = items(stack, "LedgerTable").await;
        let record = records.into_iter().find(|record| record["request_id"]["S"] == json!(id))?;
        (record["state"]["S"] == "settled").then_some(())
    });
    settled.await.expect("the call is settled");
}

pub(crate) async fn what_means_the_same_is_served_within_its_circle_only(stack: &Stack) {
    reset(stack).await;
    configure(stack).await;
    let alice = stack.key("alice", "chatter", &[]).await;
    let bob = stack.key("bob", "chatter", &[]).await;
    let carol = stack.key("carol", "chatter", &[]).await;
    let acme = stack.key("alice", "chatter", &["--tenant", "acme"]).await;
    let private = [("x-tollgate-cache-sharing", "private")];
    for (stream, kept, alike) in [(false, KEPT, ALIKE), (true, MELTING, ALSO_MELTING)] {
        keeps(stack, &alice, kept, &private).await;
        keeps(stack, &alice, kept, &[]).await;

        // As soon as they are found by those who may, nobody else has found them.
        let own = semantic_hit(stack, &alice, (alike, stream), &private).await;
        let shared = semantic_hit(stack, &bob, (alike, stream), &[]).await;
        assert_eq!(own.header("x-tollgate-cost-usd"), shared.header("x-tollgate-cost-usd"));
        assert_eq!(shared.body.contains("data: [DONE]"), stream, "{}", shared.body);
        let alike = question(alike, stream);
        assert_eq!(ask(stack, &carol, &alike, &private).await.cache(), "miss");
        assert_eq!(ask(stack, &acme, &alike, &[]).await.cache(), "miss");
    }
    let other = ask(stack, &bob, &question("What is the boiling point of water in 1900?", false), &[]).await;
    assert_eq!(other.cache(), "miss");
    purges(stack, &bob).await;
}

async fn purges(stack: &Stack, key: &str) {
    semantic_hit(stack, key, (ALIKE, false), &[]).await;
    let (said, is_done) = stack.tollgate(&["cache", "purge", "--tenant", "default"]).await;
    assert!(is_done, "{said}");

    let mut text = ALIKE.to_owned();
    let gone = eventually(Duration::from_secs(5), async || {
        text.push('?');
        (ask(stack, key, &question(&text, false), &[]).await.cache() == "miss").then_some(())
    });

    gone.await.expect("a purge is obeyed within five seconds");
}

pub(crate) async fn a_shadow_serves_nothing_and_learns(stack: &Stack) {
    reset(stack).await;
    let key = stack.key("alice", "shadow", &[]).await;
    // What is purged reaches five seconds into the future.
    tokio::time::sleep(Duration::from_secs(6)).await;
    keeps(stack, &key, KEPT, &[]).await;

    let said = ask(stack, &key, &question(ALIKE, false), &[]).await;

    assert_eq!(said.cache(), "miss");
    let id = said.header("x-tollgate-request-id").to_owned();
    let looked = eventually(Duration::from_secs(20), async || {
        let (shown, is_there) = stack.tollgate(&["ledger", "show", &id]).await;
        shown["semantic"]["is_right"].is_boolean().then_some(shown).filter(|_| is_there)
    });
    let shown = looked.await.expect("both answers are compared");
    assert_eq!(shown["semantic"]["finding"], "explored", "{shown}");
    let learned = eventually(Duration::from_secs(10), async || {
        let entries = items(stack, "CacheTable").await;
        let is_pool = |item: &&Value| {
            item["cacheKey"]["S"].as_str().is_some_and(|key| key.starts_with("learned#pool#"))
        };
        entries.iter().find(is_pool).cloned()
    });
    learned.await.expect("what was seen is written down");
}

pub(crate) async fn vectors_that_fail_are_a_miss(stack: &Stack) {
    reset(stack).await;
    let key = stack.key("carol", "chatter", &[]).await;
    for (case, fault) in [json!({"status": 500}), json!({"garbage": true}), json!({"latency_ms": 5_000})]
        .into_iter()
        .enumerate()
    {
        for model in ["s3vectors", "amazon.titan-embed-text-v2:0"] {
            let mut fault = fault.clone();
            fault["model"] = model.into();
            set_faults(stack, &json!([fault])).await;
            let begun = tokio::time::Instant::now();

            let said = ask(stack, &key, &question(&format!("Does {model} answer? {case}"), false), &[]).await;

            assert_eq!(said.cache(), "miss", "{model} {fault}");
            assert!(begun.elapsed() < Duration::from_secs(4), "{model} {fault}: {:?}", begun.elapsed());
        }
    }
    reset(stack).await;
}
