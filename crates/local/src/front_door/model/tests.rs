use serde_json::json;

use super::*;

fn uri(function: &str, end: &str) -> String {
    format!("arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{function}/{end}")
}

fn openapi() -> Value {
    json!({
        "swagger": "2.0",
        "paths": {
            "/v1/{proxy+}": {"x-amazon-apigateway-any-method": {
                "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": uri("${InvokeFunction.Arn}", "invocations")},
                "security": [{"NONE": []}],
            }},
            "/v1/chat": {"post": {
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": uri("arn:aws:lambda:us-east-1:000000000000:function:invoke", "response-streaming-invocations"),
                    "responseTransferMode": "STREAM",
                    "timeoutInMillis": 900_000,
                },
                "security": [{"Keys": []}],
                "responses": {},
            }},
        },
        "securityDefinitions": {"Keys": {
            "type": "apiKey", "name": "Unused", "in": "header",
            "x-amazon-apigateway-authtype": "custom",
            "x-amazon-apigateway-authorizer": {
                "type": "request",
                "authorizerResultTtlInSeconds": 0,
                "identitySource": "method.request.header.Authorization",
                "authorizerUri": uri("AuthorizerFunction", "invocations"),
            },
        }},
    })
}

fn refusal(pointer: &str, value: &Value) -> String {
    let mut openapi = openapi();
    *openapi.pointer_mut(pointer).unwrap() = value.clone();
    let Err(error) = ApiModel::parse(&openapi) else {
        panic!("{value} at {pointer} should have been refused");
    };
    error.to_string()
}

#[test]
fn reads_what_the_translator_writes() {
    let api = ApiModel::parse(&openapi()).unwrap();

    let (chat, _) = api.resource("/v1/chat").unwrap();
    let post = chat.endpoint(&Method::POST).unwrap();
    let authorizer = post.authorizer.as_ref().unwrap();
    assert_eq!(post.mode, TransferMode::Stream);
    assert_eq!(post.timeout, Duration::from_secs(900));
    assert_eq!(post.function, "arn:aws:lambda:us-east-1:000000000000:function:invoke");
    assert_eq!(authorizer.function, "AuthorizerFunction");
    assert_eq!(authorizer.identity, [Source::Header("Authorization".to_owned())]);
    assert!(chat.endpoint(&Method::GET).is_none());
}

#[test]
fn reads_version_3_too() {
    let mut openapi = openapi();
    let schemes = openapi["securityDefinitions"].take();
    openapi["components"] = json!({"securitySchemes": schemes});
    openapi.as_object_mut().unwrap().remove("securityDefinitions");

    let api = ApiModel::parse(&openapi).unwrap();

    let (chat, _) = api.resource("/v1/chat").unwrap();
    assert!(chat.endpoint(&Method::POST).unwrap().authorizer.is_some());
}

#[test]
fn reads_which_method_needs_an_api_key() {
    let mut openapi = openapi();
    openapi["securityDefinitions"]["api_key"] =
        json!({"type": "apiKey", "name": "x-api-key", "in": "header"});
    openapi["paths"]["/v1/chat"]["post"]["security"] = json!([{"Keys": []}, {"api_key": []}]);

    let api = ApiModel::parse(&openapi).unwrap();

    let (chat, _) = api.resource("/v1/chat").unwrap();
    let post = chat.endpoint(&Method::POST).unwrap();
    assert!(post.needs_api_key && post.authorizer.is_some());
    let (rest, _) = api.resource("/v1/files/a").unwrap();
    assert!(!rest.endpoint(&Method::GET).unwrap().needs_api_key);
}

#[test]
fn takes_any_method_where_the_api_does() {
    let api = ApiModel::parse(&openapi()).unwrap();

    let (rest, parameters) = api.resource("/v1/files/a").unwrap();

    let delete = rest.endpoint(&Method::DELETE).unwrap();
    assert_eq!(parameters["proxy"], "files/a");
    assert_eq!(delete.function, "InvokeFunction");
    assert_eq!(delete.timeout, Duration::from_secs(29));
    assert!(delete.authorizer.is_none());
}

#[test]
fn refuses_what_it_does_not_serve_and_names_it() {
    let integration = "/paths/~1v1~1chat/post/x-amazon-apigateway-integration";
    let authorizer = "/securityDefinitions/Keys/x-amazon-apigateway-authorizer";
    let cases = [
        (format!("{integration}/type"), json!("mock"), "type mock"),
        (format!("{integration}/uri"), json!("http://elsewhere"), "elsewhere"),
        (format!("{integration}/responseTransferMode"), json!("RESPONSE_STREAM"), "RESPONSE_STREAM"),
        (format!("{authorizer}/type"), json!("token"), "type token"),
        (format!("{authorizer}/authorizerResultTtlInSeconds"), json!(300), "kept"),
        (format!("{authorizer}/identitySource"), json!("stageVariables.a"), "stageVariables.a"),
        ("/paths/~1v1~1chat/post/security".to_owned(), json!([{"api_key": []}]), "api_key"),
        ("/paths/~1v1~1chat/post/security".to_owned(), json!([{"a": [], "b": []}]), "more than one"),
    ];

    for (pointer, value, named) in cases {
        let message = refusal(&pointer, &value);
        assert!(message.contains("post /v1/chat") && message.contains(named), "{message}");
    }
}

#[test]
fn says_where_a_description_is_wrong() {
    let uri = "/paths/~1v1~1chat/post/x-amazon-apigateway-integration/uri";
    let mut openapi = openapi();
    *openapi.pointer_mut(uri).unwrap() = json!({"Fn::Sub": "unresolved"});

    let Err(ModelError::Unreadable(error)) = ApiModel::parse(&openapi) else {
        panic!("an unresolved reference should not be read");
    };

    let place = error.path().to_string();
    assert!(place.ends_with("x-amazon-apigateway-integration.uri"), "{place}");
}
