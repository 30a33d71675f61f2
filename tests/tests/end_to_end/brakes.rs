//! Calls that are refused, and why.

use std::time::Duration;

use serde_json::json;
use tollgate_tests::books::metric_of;
use tollgate_tests::client::Client;
use tollgate_tests::raw::{chat, header};
use tollgate_tests::stack::{Stack, eventually};
use tollgate_tests::standin::{calls, reset};

pub(crate) async fn a_wrong_key_is_refused(stack: &Stack) {
    reset(stack).await;
    let right = stack.key("erin", "search", &[]).await;
    let (most, last) = right.split_at(right.len() - 1);
    let mistyped = format!("{most}{}", if last == "x" { "y" } else { "x" });
    for client in Client::ALL {
        for key in ["sk-of-another-house", &mistyped] {
            let refusal = client.event(stack, key, &["error"]).await;
            assert_eq!(
                (&refusal["status"], &refusal["code"]),
                (&401.into(), &"invalid_api_key".into()),
                "{refusal}"
            );
        }
    }
    let (revoked, is_done) = stack.tollgate(&["keys", "revoke", key_id(&right)]).await;
    assert!(is_done, "{revoked}");
    let refused = eventually(Duration::from_secs(10), async || {
        let refusal = Client::Python.event(stack, &right, &["error", "--text", "after the end"]).await;
        (refusal["status"] == 401).then_some(())
    });
    assert!(refused.await.is_some(), "a revoked key still works after 10 s");
}

fn key_id(key: &str) -> &str {
    key.split('-').nth(1).expect("a key has an id")
}

pub(crate) async fn a_burst_is_refused_with_honest_figures(stack: &Stack) {
    reset(stack).await;
    let key = stack.key("frank", "search", &["--rate", "0.2", "--burst", "2"]).await;
    let ask = async |text: &str| chat(stack, &key, &body(text)).await;

    let mut refusal = None;
    for call in 0..4 {
        let answer = ask(&format!("burst {call}")).await;
        let remaining = header(&answer, "x-ratelimit-remaining-requests");
        match answer.status().as_u16() {
            200 => assert_eq!(remaining.as_deref(), Some(["1", "0"][call.min(1)]), "of call {call}"),
            _ => refusal = refusal.or(Some(answer)),
        }
    }
    let refusal = refusal.expect("the third of three calls at once is refused");
    assert_eq!(refusal.status(), 429);
    assert_eq!(header(&refusal, "x-ratelimit-limit-requests").as_deref(), Some("2"));
    assert_eq!(header(&refusal, "x-ratelimit-remaining-requests").as_deref(), Some("0"));
    let wait: u64 = header(&refusal, "retry-after").and_then(|secs| secs.parse().ok()).expect("Retry-After");
    assert!((1..=5).contains(&wait), "{wait} s for one call every five seconds");
    let said: serde_json::Value = refusal.json().await.expect("an OpenAI error body");
    assert_eq!(said["error"]["code"], "rate_limit_exceeded", "{said}");

    // The only way to see that a real clock keeps a real promise.
    tokio::time::sleep(Duration::from_secs(wait)).await;

    assert_eq!(ask("as told").await.status(), 200);
}

pub(crate) async fn a_spent_budget_is_refused(stack: &Stack) {
    reset(stack).await;
    // The bound of a call with this cap is a little over 33,000 nano-dollars a token.
    let key = stack.key("grace", "search", &["--budget-usd-day", "0.01"]).await;
    for client in Client::ALL {
        let refusal = client.event(stack, &key, &["error", "--max-tokens", "1000"]).await;
        assert_eq!(
            (&refusal["status"], &refusal["code"]),
            (&429.into(), &"insufficient_quota".into()),
            "{refusal}"
        );
        assert!(refusal["message"].as_str().is_some_and(|text| text.contains("0.01 USD")), "{refusal}");
    }
    assert!(calls(stack).await.is_empty());

    let answer = Client::Python.event(stack, &key, &["chat", "--max-tokens", "20"]).await;
    assert_eq!(answer["event"], "answer", "{answer}");
}

pub(crate) async fn refused_calls_are_counted_once_each(stack: &Stack) {
    reset(stack).await;
    let slow = stack.key("ivy", "counted", &["--rate", "0.01", "--burst", "1"]).await;
    for (call, expected) in [200, 429, 429].into_iter().enumerate() {
        let answer = chat(stack, &slow, &body(&format!("counted {call}"))).await;
        assert_eq!(answer.status(), expected, "call {call}");
    }
    let poor = stack.key("judy", "counted", &["--budget-usd-day", "0.001"]).await;
    assert_eq!(chat(stack, &poor, &body("too dear")).await.status(), 429);

    for (name, expected) in [("RateLimited.Count", 2.0), ("Budget.Refused.Count", 1.0)] {
        let counted = eventually(Duration::from_secs(20), async || {
            let values = metric_of(stack, ("Team", "counted"), name, "Sum").await;
            (values == [json!(expected)]).then_some(())
        });
        assert!(counted.await.is_some(), "{name} is not {expected}");
    }
}

pub(crate) async fn a_budget_notice_stops_the_next_call_and_resume_serves_again(stack: &Stack) {
    let key = stack.key("heidi", "search", &[]).await;
    let text = include_str!("../../../events/enforcer/budgets-forecasted.txt");
    let notice = json!({
        "TopicArn": stack.variable("TOLLGATE_BUDGET_TOPIC_ARN"),
        "Subject": "AWS Budgets: test has exceeded your alert threshold",
        "Message": text,
    });
    stack.aws("sns", "publish", &notice).await;

    let refusal = eventually(Duration::from_secs(5), async || {
        let refusal = Client::Python.event(stack, &key, &["error", "--text", "after the notice"]).await;
        (refusal["code"] == "budget_exceeded").then_some(refusal)
    });
    let refusal = refusal.await.unwrap_or_else(|| panic!("no refusal within 5 s\n{}", stack.log("emulator")));
    assert_eq!(
        (&refusal["status"], &refusal["type"]),
        (&429.into(), &"insufficient_quota".into()),
        "{refusal}"
    );
    assert!(refusal["message"].as_str().is_some_and(|text| text.contains("AWS budget")), "{refusal}");
    let (flag, _) = stack.tollgate(&["flag", "show"]).await;
    assert_eq!(flag["enabled"], false, "{flag}");

    let (_, is_done) = stack.tollgate(&["resume"]).await;
    assert!(!is_done, "resume asks for --yes");
    let (resumed, is_done) = stack.tollgate(&["resume", "--yes"]).await;
    assert!(is_done, "{resumed}");

    let served = eventually(Duration::from_secs(5), async || {
        let answer = Client::Node.event(stack, &key, &["chat", "--text", "after the end of the stop"]).await;
        (answer["event"] == "answer").then_some(())
    });
    assert!(served.await.is_some(), "not served within 5 s of resume");
}

fn body(text: &str) -> serde_json::Value {
    json!({"model": "gpt-5.5", "max_completion_tokens": 100, "messages": [{"role": "user", "content": text}]})
}
