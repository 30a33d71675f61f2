//! What the front door answers itself.

use serde_json::{Value, json};

use crate::door::{Door, Reply, openapi};
use crate::stage::{function, soon, spec};

async fn keyed(door: &Door, authorization: &str) -> Reply {
    let headers = format!("authorization: {authorization}\r\n");
    let script = json!({"steps": [{"say": "served"}]});
    door.exchange("POST", "/v1/keyed", &headers, &script.to_string()).await
}

#[tokio::test]
async fn lets_a_caller_in_whom_the_authorizer_allows() {
    let door = Door::open().await;

    let reply = keyed(&door, "Bearer good").await;

    assert_eq!((reply.status, reply.body.as_str()), (200, "served"));
}

#[tokio::test]
async fn asks_nobody_about_a_caller_without_a_key() {
    let door = Door::open().await;

    let none = door.exchange("POST", "/v1/keyed", "", "{}").await;
    let empty = keyed(&door, "").await;

    for reply in [none, empty] {
        assert_eq!(reply.status, 401);
        assert_eq!(reply.json(), json!({"message": "Unauthorized"}));
        assert_eq!(reply.headers["x-amzn-errortype"], "UnauthorizedException");
    }
}

#[tokio::test]
async fn refuses_whom_the_authorizer_does_not_know() {
    let door = Door::open().await;

    let reply = keyed(&door, "Bearer stranger").await;

    assert_eq!(reply.status, 401);
    assert_eq!(door.stream.environments(), []);
}

#[tokio::test]
async fn renders_a_denial_from_what_the_authorizer_says() {
    let door = Door::open().await;

    let reply = keyed(&door, "Bearer busy").await;

    assert_eq!(reply.status, 429);
    assert_eq!(reply.headers["retry-after"], "3");
    assert_eq!(reply.headers["x-should-retry"], "true");
    assert_eq!(
        reply.json(),
        json!({"error": {"message": "slow down", "code": "rate_limit_exceeded", "type": "requests"}})
    );
}

#[tokio::test]
async fn leaves_out_a_header_that_has_no_value() {
    let door = Door::open().await;

    let reply = keyed(&door, "Bearer elsewhere").await;

    assert_eq!(reply.status, 429);
    assert!(!reply.headers.contains_key("retry-after"), "{reply:?}");
}

#[tokio::test]
async fn tells_an_authorizer_that_fails_from_one_that_answers_nonsense() {
    let door = Door::open().await;

    let broken = keyed(&door, "Bearer broken").await;
    let odd = keyed(&door, "Bearer odd").await;
    let nested = keyed(&door, "Bearer nested").await;

    assert_eq!((broken.status, broken.headers["retry-after"].as_str()), (503, "1"));
    for reply in [odd, nested] {
        assert_eq!(reply.status, 500);
        assert_eq!(reply.headers["x-amzn-errortype"], "AuthorizerConfigurationException");
        assert_eq!(reply.json()["error"]["id"], reply.headers["x-amzn-requestid"]);
    }
}

#[tokio::test]
async fn has_one_answer_for_what_does_not_exist() {
    let door = Door::open().await;

    let path = door.exchange("POST", "/v2/stream", "", "{}").await;
    let method = door.exchange("DELETE", "/v1/stream", "", "").await;

    for reply in [path, method] {
        assert_eq!(reply.status, 404);
        assert_eq!(reply.json(), json!({"message": "Missing Authentication Token"}));
    }
}

#[tokio::test]
async fn takes_a_key_on_a_path_that_does_not_exist_for_a_signature() {
    let door = Door::open().await;
    let headers = "authorization: Bearer good\r\n";

    let reply = door.exchange("POST", "/v2/stream", headers, "{}").await;

    assert_eq!(reply.status, 403);
    assert_eq!(reply.headers["x-amzn-errortype"], "IncompleteSignatureException");
}

#[tokio::test]
async fn refuses_a_request_over_ten_megabytes() {
    let door = Door::open().await;
    let body = "x".repeat(10 * 1024 * 1024 + 1);

    let reply = door.exchange("POST", "/v1/stream", "", &body).await;

    assert_eq!(reply.status, 413);
    assert_eq!(door.stream.environments(), []);
}

#[tokio::test]
async fn refuses_an_event_that_lambda_would_refuse() {
    let door = Door::open().await;

    let reply = door.exchange("POST", "/v1/stream", "", &"x".repeat(7 * 1024 * 1024)).await;

    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn says_bad_gateway_when_the_function_fails() {
    let door = Door::open().await;
    let crash = door.script(&json!({"steps": ["crash"]})).await;
    let misfit = door.exchange("POST", "/v1/misfit", "", "{}").await;
    let plain = door.exchange("POST", "/v1/plain", "", "{}").await;
    let array = json!({"headers": [["x-two", "a"], ["x-two", "b"]]});
    let array = door.script(&array).await;

    for reply in [crash, misfit, plain, array] {
        assert_eq!(reply.status, 502, "{reply:?}");
        assert_eq!(reply.json()["error"]["message"], "Internal server error");
    }
}

#[tokio::test]
async fn answers_for_a_function_that_is_throttled() {
    let mut spec = spec("front_stream");
    spec.concurrency = Some(0);
    let door = Door::with(&openapi(), function(spec)).await;

    let reply = door.script(&json!({})).await;

    assert_eq!(reply.status, 500);
}

#[tokio::test]
async fn answers_for_a_function_that_takes_too_long() {
    let mut openapi = openapi();
    let integration = "/paths/~1v1~1stream/post/x-amazon-apigateway-integration/timeoutInMillis";
    *openapi.pointer_mut(integration).unwrap() = json!(200);
    let door = Door::with(&openapi, function(spec("front_stream"))).await;
    // Started before, so that the time is not spent on starting.
    soon(door.stream.call("{}".into())).await.unwrap();
    soon(door.stream.all_free()).await;

    let reply = door.exchange("POST", "/v1/stream", "", &json!({"before": "hang"}).to_string()).await;

    assert_eq!(reply.status, 504);
    assert_eq!(reply.json()["error"]["message"], "Endpoint request timed out");
}

#[tokio::test]
async fn needs_an_api_key_of_a_usage_plan_from_the_authorizer_where_the_method_does() {
    let door = Door::open().await;
    // What the client sends of it is never looked at.
    let ask = async |path: &str, word: &str| {
        let headers = format!("authorization: Bearer {word}\r\nx-api-key: api123-000000000000-planned\r\n");
        door.exchange("POST", path, &headers, "{}").await
    };

    let (with, without) = (ask("/v1/planned", "planned").await, ask("/v1/planned", "good").await);
    let (unknown, elsewhere) = (ask("/v1/planned", "unplanned").await, ask("/v1/keyed", "good").await);

    assert_eq!([with.status, without.status, unknown.status, elsewhere.status], [200, 403, 403, 200]);
    for refused in [without, unknown] {
        assert_eq!(refused.json()["message"], "Forbidden");
        assert_eq!(refused.headers["x-amzn-errortype"], "ForbiddenException");
    }
}

#[tokio::test]
async fn asks_the_authorizer_what_api_gateway_asks() {
    let door = Door::open().await;
    let headers = "authorization: Bearer event\r\nx-a: 1\r\nx-a: 2\r\n";
    let script = json!({"echo": true});

    let reply = door.exchange("POST", "/live/v1/keyed?q=1&q=%C3%A9", headers, &script.to_string()).await;

    let event = reply.json();
    let asked: Value =
        serde_json::from_str(event["requestContext"]["authorizer"]["event"].as_str().unwrap()).unwrap();
    assert_eq!(asked["type"], "REQUEST");
    assert_eq!(asked["methodArn"], "arn:aws:execute-api:us-east-1:000000000000:api123/live/POST/v1/keyed");
    assert_eq!(asked["headers"]["x-a"], "2");
    assert_eq!(asked["multiValueHeaders"]["x-a"], json!(["1", "2"]));
    assert_eq!(asked["multiValueQueryStringParameters"]["q"], json!(["1", "é"]));
    assert_eq!(asked["pathParameters"], json!({}));
    assert_eq!(asked["requestContext"]["requestId"], event["requestContext"]["requestId"]);
    assert_eq!(asked.get("body"), None);
}

#[tokio::test]
async fn gives_the_function_what_the_authorizer_says_as_text() {
    let door = Door::open().await;
    let script = json!({"echo": true});

    let reply =
        door.exchange("POST", "/v1/keyed", "authorization: Bearer good\r\n", &script.to_string()).await;

    let event = reply.json();
    let said = json!({"principalId": "someone", "user": "ann", "limit": "7", "isTrusted": "true"});
    assert_eq!(event["requestContext"]["authorizer"], said);
    assert_eq!(event["path"], "/v1/keyed");
    assert_eq!(event["requestContext"]["path"], "/live/v1/keyed");
    assert_eq!(event["requestContext"]["stage"], "live");
    assert_eq!(event["body"], script.to_string());
}
