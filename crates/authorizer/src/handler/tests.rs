use std::cell::RefCell;
use std::time::Duration;

use serde_json::json;
use tollgate_core::caller::KeyStatus;
use tollgate_core::key::ApiKey;
use tollgate_core::rate::RatePolicy;

use super::*;
use crate::testing::{KEY, MemoryKeys, MemoryRates, Mood, NOON, event, record};

mod keys;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What a test's gate writes; each test has a thread of its own.
fn remember(line: &str) {
    LINES.with_borrow_mut(|lines| lines.push(line.to_owned()));
}

struct Gate {
    handler: Handler,
    keys: Arc<MemoryKeys>,
    rates: Arc<MemoryRates>,
}

fn pepper() -> SecretString {
    SecretString::from("pepper")
}

fn hash() -> String {
    ApiKey::parse(KEY).unwrap().hash(&pepper())
}

fn rules(refusal: Refusal) -> Rules {
    let costs = Costs::parse("POST /v1/responses=2,POST /v1/embeddings=3").unwrap();
    let refusals =
        Refusals { namespace: "Tollgate".to_owned(), environment: "test".to_owned(), write: remember };
    Rules { refusal, costs, usage_key_prefix: "tollgate-123456789012-".to_owned(), refusals }
}

fn gate_over(keys: MemoryKeys, rates: MemoryRates, refusal: Refusal) -> Gate {
    let (keys, rates) = (Arc::new(keys), Arc::new(rates));
    let handler = Handler::new(keys.clone(), rates.clone(), pepper(), rules(refusal));
    Gate { handler, keys, rates }
}

/// A gate that knows the key of the events by this record.
fn gate(record: KeyRecord) -> Gate {
    let gate = gate_over(MemoryKeys::default(), MemoryRates::default(), Refusal::Deny);
    gate.issue(record);
    gate
}

impl Gate {
    fn issue(&self, record: KeyRecord) {
        self.keys.insert(&hash(), record);
    }

    async fn ask(&self, invocation_id: &str, now: Timestamp) -> Result<Answer, Diagnostic> {
        self.handler.handle(&event("valid-key"), invocation_id, now).await
    }

    /// Uses up the burst of two.
    async fn exhaust(&self) {
        self.ask("a", NOON).await.unwrap();
        self.ask("b", NOON).await.unwrap();
    }
}

fn message(answer: Result<Answer, Diagnostic>) -> String {
    answer.unwrap_err().error_message
}

fn context(answer: Result<Answer, Diagnostic>) -> Value {
    serde_json::to_value(answer.unwrap()).unwrap()["context"].clone()
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[tokio::test]
async fn a_caller_is_admitted_with_what_invoke_needs() {
    let answer = gate(record()).ask("a", NOON).await.unwrap();

    insta::assert_json_snapshot!(answer, @r#"
    {
      "principalId": "777777777777",
      "policyDocument": {
        "Version": "2012-10-17",
        "Statement": [
          {
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/live/*"
          }
        ]
      },
      "context": {
        "budget": "{\"budget_day_nanos\":5000000000}",
        "keyId": "777777777777",
        "limitRequests": "2",
        "models": "gpt-5.5",
        "remainingRequests": "1",
        "resetRequests": "1s",
        "role": "caller",
        "team": "search",
        "tenant": "acme",
        "user": "alice"
      },
      "usageIdentifierKey": "tollgate-123456789012-standard"
    }
    "#);
}

#[tokio::test]
async fn a_call_over_the_rate_is_denied_with_what_429_needs() {
    let gate = gate(record());
    gate.exhaust().await;

    let answer = gate.ask("c", NOON).await.unwrap();

    insta::assert_json_snapshot!(answer, @r#"
    {
      "principalId": "777777777777",
      "policyDocument": {
        "Version": "2012-10-17",
        "Statement": [
          {
            "Action": "execute-api:Invoke",
            "Effect": "Deny",
            "Resource": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/live/*"
          }
        ]
      },
      "context": {
        "code": "rate_limit_exceeded",
        "limitRequests": "2",
        "message": "Rate limit reached for requests. Please try again in 1s.",
        "remainingRequests": "0",
        "resetRequests": "2s",
        "retryAfter": "1"
      },
      "usageIdentifierKey": "tollgate-123456789012-standard"
    }
    "#);
}

#[tokio::test]
async fn a_spent_day_is_denied_until_midnight() {
    let mut record = record();
    record.rate.requests_per_day = Some(1);
    let gate = gate(record);
    gate.ask("a", NOON).await.unwrap();

    let context = context(gate.ask("b", NOON).await);

    assert_eq!(context["retryAfter"], "43200");
    assert_eq!(context["resetRequests"], "12h0m0s");
    assert_eq!(context["message"], "Rate limit reached for requests per day: 1. Please try again in 43200s.");
}

#[tokio::test]
async fn a_call_costs_what_its_route_costs() {
    let gate = gate(record());
    let ask = async |id: &str, resource: &str| {
        let mut event = event("valid-key");
        event["resource"] = json!(resource);
        gate.handler.handle(&event, id, NOON).await
    };

    let dear = context(ask("a", "/v1/responses").await);
    let next = context(ask("b", "/v1/chat/completions").await);

    assert_eq!((&dear["remainingRequests"], &next["retryAfter"]), (&json!("0"), &json!("1")));
    assert_eq!(gate.rates.counted("acme/alice"), 2);
}

#[tokio::test]
async fn a_call_that_can_never_be_admitted_is_denied_without_a_promise() {
    for refusal in [Refusal::Deny, Refusal::Context] {
        let gate = gate_over(MemoryKeys::default(), MemoryRates::default(), refusal);
        gate.issue(record());
        let mut event = event("valid-key");
        event["resource"] = json!("/v1/embeddings");

        let answer = gate.handler.handle(&event, "a", NOON).await.unwrap();

        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!(answer["policyDocument"]["Statement"][0]["Effect"], "Deny", "{refusal:?}");
        assert_eq!(
            answer["context"],
            json!({
                "code": "rate_limit_exceeded",
                "limitRequests": "2",
                "message": "The request costs 3 of a rate limit of 2 at once, so it is never admitted.",
                "shouldRetry": "false",
            })
        );
        assert!(gate.rates.counted("acme/alice") == 0);
    }
}

#[tokio::test]
async fn a_call_counts_for_the_usage_plan_of_its_keys_tier() {
    let usage_key = async |plan: Option<&str>| {
        let plan = plan.map(|plan| plan.parse().unwrap());
        let answer = gate(KeyRecord { plan, ..record() }).ask("a", NOON).await.unwrap();
        serde_json::to_value(answer).unwrap()["usageIdentifierKey"].clone()
    };

    assert_eq!(usage_key(Some("premium")).await, "tollgate-123456789012-premium");
    assert_eq!(usage_key(None).await, "tollgate-123456789012-standard");
}

#[tokio::test]
async fn a_refusal_by_context_allows_with_the_verdict() {
    let gate = gate_over(MemoryKeys::default(), MemoryRates::default(), Refusal::Context);
    gate.issue(record());
    gate.exhaust().await;

    let answer = gate.ask("c", NOON).await.unwrap();

    insta::assert_json_snapshot!(answer, @r#"
    {
      "principalId": "777777777777",
      "policyDocument": {
        "Version": "2012-10-17",
        "Statement": [
          {
            "Action": "execute-api:Invoke",
            "Effect": "Allow",
            "Resource": "arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/live/*"
          }
        ]
      },
      "context": {
        "budget": "{\"budget_day_nanos\":5000000000}",
        "code": "rate_limit_exceeded",
        "keyId": "777777777777",
        "limitRequests": "2",
        "message": "Rate limit reached for requests. Please try again in 1s.",
        "models": "gpt-5.5",
        "remainingRequests": "0",
        "resetRequests": "2s",
        "retryAfter": "1",
        "role": "caller",
        "team": "search",
        "tenant": "acme",
        "user": "alice"
      },
      "usageIdentifierKey": "tollgate-123456789012-standard"
    }
    "#);
}

#[tokio::test]
async fn a_call_that_waits_as_told_is_admitted() {
    let gate = gate(record());
    gate.exhaust().await;

    let answer = gate.ask("c", NOON.plus(secs(1))).await;

    assert!(serde_json::to_string(&answer.unwrap()).unwrap().contains("Allow"));
    assert_eq!(gate.rates.counted("acme/alice"), 3);
}

#[tokio::test]
async fn one_invocation_counts_once() {
    let gate = gate(record());

    gate.ask("a", NOON).await.unwrap();
    gate.ask("a", NOON).await.unwrap();

    assert_eq!(gate.rates.counted("acme/alice"), 1);
}

#[tokio::test]
async fn what_is_no_key_of_ours_is_unauthorized_without_a_look_up() {
    let gate = gate(record());
    for case in ["no-header", "mistyped-key", "foreign-key", "two-headers"] {
        let answer = gate.handler.handle(&event(case), "a", NOON).await;

        assert_eq!(message(answer), "Unauthorized", "{case}");
    }
    assert_eq!(gate.keys.reads(), 0);
    assert!(gate.rates.is_untouched());
}

#[tokio::test]
async fn a_key_that_nobody_has_is_unauthorized() {
    let gate = gate_over(MemoryKeys::default(), MemoryRates::default(), Refusal::Deny);

    assert_eq!(message(gate.ask("a", NOON).await), "Unauthorized");
    assert!(gate.rates.is_untouched());
}

#[tokio::test]
async fn a_key_store_that_is_down_admits_nobody() {
    let gate = gate_over(MemoryKeys::down(), MemoryRates::default(), Refusal::Deny);

    let message = message(gate.ask("a", NOON).await);

    assert_eq!(message, "the caller cannot be judged: the keys table cannot be reached: no route to host");
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_is_down_or_silent_admits_nobody() {
    for (mood, cause) in [(Mood::Down, "no route to host"), (Mood::Silent, "deadline has elapsed")] {
        let gate = gate_over(MemoryKeys::default(), MemoryRates::in_mood(mood), Refusal::Context);
        gate.issue(record());

        let message = message(gate.ask("a", NOON).await);

        assert_eq!(
            message,
            format!("the caller cannot be judged: the limits table cannot be reached: {cause}")
        );
    }
}

#[tokio::test]
async fn bad_input_is_said() {
    let with = |name: &str, value: Value| {
        let mut event = event("valid-key");
        event[name] = value;
        event
    };
    let (kind, arn, route, headers, many) = (
        "the event is none of a REQUEST authorizer",
        "methodArn is not the ARN of an API's method",
        "httpMethod and resource name no route",
        "headers does not hold texts by name",
        "multiValueHeaders does not hold texts by name",
    );
    let cases = [
        (json!(null), kind),
        (json!([]), kind),
        (json!("REQUEST"), kind),
        (json!({}), kind),
        (with("type", json!("TOKEN")), kind),
        (with("type", json!(7)), kind),
        (with("methodArn", json!(null)), arn),
        (with("methodArn", json!(7)), arn),
        (with("methodArn", json!("")), arn),
        (with("methodArn", json!("*")), arn),
        (with("methodArn", json!("arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5")), arn),
        (with("methodArn", json!("arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5/live")), arn),
        (with("methodArn", json!("arn:aws:execute-api:us-east-1:123456789012:a1b2c3d4e5//GET")), arn),
        (with("methodArn", json!("arn:aws:execute-api:us-east-1:123456789012:/live/GET")), arn),
        (with("methodArn", json!("arn:aws:s3:::bucket/live/GET/v1")), arn),
        (with("httpMethod", json!(null)), route),
        (with("httpMethod", json!("")), route),
        (with("resource", json!(7)), route),
        (with("resource", json!("v1")), route),
        (with("headers", json!("Authorization: Bearer x")), headers),
        (with("headers", json!(["Authorization"])), headers),
        (with("headers", json!({"Authorization": 7})), headers),
        (with("headers", json!({"Accept": null})), headers),
        (with("multiValueHeaders", json!(true)), many),
        (with("multiValueHeaders", json!({"Authorization": "Bearer x"})), many),
        (with("multiValueHeaders", json!({"Authorization": [{"Bearer": KEY}]})), many),
    ];
    let gate = gate(record());
    for (event, why) in cases {
        let message = message(gate.handler.handle(&event, "a", NOON).await);

        assert_eq!(message, format!("the event cannot be read: {why}"), "{event}");
        assert!(!message.contains(KEY));
    }
    assert_eq!(gate.keys.reads(), 0);
    assert!(gate.rates.is_untouched());
}

#[tokio::test]
async fn a_call_over_its_rate_is_counted_in_one_line_and_an_admitted_one_is_not() {
    let gate = gate(record());
    gate.exhaust().await;
    assert_eq!(LINES.take(), Vec::<String>::new());

    gate.ask("c", NOON).await.unwrap();

    let lines = LINES.take();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let said: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&said["RateLimited.Count"], &said["Team"]), (&json!(1), &json!("acme/search")));
    assert_eq!(said["fields"]["outcome"], "rate_limited");
}
