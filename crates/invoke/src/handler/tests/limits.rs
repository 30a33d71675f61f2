//! Budgets and flows at every endpoint.

use serde_json::{Value, json};

use crate::testing::*;

const CHAT: &str = r#"{"model":"gpt-5.5","messages":[{"role":"user","content":"a"}]}"#;

/// A request with one policy of its key in place of the event's.
fn with_policy(path: &str, body: &str, policy: &str, value: &Value) -> Value {
    let mut event = post(path, body);
    event["requestContext"]["authorizer"][policy] = value.to_string().into();
    event["headers"]["Cache-Control"] = "no-store".into();
    event
}

#[tokio::test(start_paused = true)]
async fn no_endpoint_goes_past_the_reservation() {
    let streamed = |body: &str| body.replacen('{', "{\"stream\":true,", 1);
    let (responses, embeddings) =
        (r#"{"model":"gpt-5.5","input":"a"}"#, r#"{"model":"embedder","input":"a"}"#);
    let requests = [
        ("/v1/chat/completions", CHAT.to_owned()),
        ("/v1/chat/completions", streamed(CHAT)),
        ("/v1/responses", responses.to_owned()),
        ("/v1/responses", streamed(responses)),
        ("/v1/embeddings", embeddings.to_owned()),
    ];
    for limit in ["budget_day_nanos", "budget_month_nanos", "budget_day_tokens", "budget_month_tokens"] {
        for (path, body) in &requests {
            let world = World::scripted([]);

            let said = world.call(with_policy(path, body, "budget", &json!({limit: 1}))).await;

            assert_eq!((said.status, said.code().as_str()), (429, "insufficient_quota"), "{path} {limit}");
            assert!(world.model.calls().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_unknown_price_a_model_without_a_price_is_refused() {
    let world = World::scripted([]);

    let said = world.call(post("/v1/chat/completions", CHAT.replace("gpt-5.5", "unpriced"))).await;

    assert_eq!((said.status, said.code().as_str()), (400, "model_not_priced"));
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn a_first_call_without_a_cap_is_held_against_the_cap_that_is_sent() {
    // The catalogue's default cap is a hundred tokens.
    let enough = json!({"tokens_per_minute": CHAT.len() + 100});
    let world = World::scripted([answers("a", "stop", Some(usage(1, 1)))]);

    let said = world.call(with_policy("/v1/chat/completions", CHAT, "flow", &enough)).await;

    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(said.header("x-ratelimit-remaining-tokens"), "0");
}

#[tokio::test(start_paused = true)]
async fn tokens_of_streams_are_counted_too() {
    let body = CHAT.replacen('{', "{\"stream\":true,", 1);
    let flow = json!({"tokens_per_minute": body.len() + 100});
    let chunks = at_once([content("a"), finish("stop"), usage_chunk(20, 80)]);
    let world = World::scripted([streams(chunks)]);
    let request = || with_policy("/v1/chat/completions", &body, "flow", &flow);

    assert_eq!(world.call(request()).await.status, 200);
    let said = world.call(request()).await;

    assert_eq!((said.status, said.code().as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(take_lines().last().map(|line| line["RateLimited.Count"].clone()), Some(json!(1)));
    assert_eq!(world.ledger.record("r-1").unwrap().charged_tokens, 100);
}

#[tokio::test(start_paused = true)]
async fn a_team_whose_budget_is_spent_hears_whose_it_is() {
    let world = World::scripted([]);
    let budgets = json!({"teams": {"default/search": {"month_usd": "0.000000001"}}});
    world.settings.set_head(|head| head.budgets = 1);
    world
        .settings
        .documents
        .lock()
        .unwrap()
        .as_mut()
        .unwrap()
        .insert(tollgate_core::settings::Document::Budgets, budgets.to_string());

    let said = world.call(event("chat")).await;

    assert_eq!((said.status, said.code().as_str()), (429, "insufficient_quota"));
    let message = said.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.starts_with("the budget of team#default/search for this month is 0.000000001 USD"),
        "{message}"
    );
    world.ledger.check_balance();
}
