use std::sync::atomic::Ordering;

use tollgate_core::dialect::Dialect;
use tollgate_core::model::Said;
use wiremock::ResponseTemplate;

use super::*;
use support::{ANSWER, Sample, TRACE, Then, keep_alive, kind, nowhere, sdk, serve_once, server, text_of};

mod keys;
mod signing;
mod streams;
mod support;

async fn answer(status: u16, body: &str) -> Result<Reply, ModelError> {
    let server = server(ResponseTemplate::new(status).set_body_raw(body, "application/json")).await;
    Sample::signed(&server.uri()).ask().await
}

async fn failure(status: u16, body: &str) -> ModelError {
    answer(status, body).await.err().unwrap()
}

#[tokio::test]
async fn a_body_goes_as_it_is_to_the_path_of_its_dialect() {
    for (dialect, path) in [
        (Dialect::Chat, "/openai/v1/chat/completions"),
        (Dialect::Responses, "/openai/v1/responses"),
        (Dialect::Embeddings, "/openai/v1/embeddings"),
    ] {
        let server = server(ResponseTemplate::new(200).set_body_string(ANSWER)).await;

        Sample::anonymous(&server.uri()).speaking(dialect).ask().await.ok().unwrap();

        let got = server.received_requests().await.unwrap().remove(0);
        assert_eq!(got.url.path(), path);
        assert_eq!(got.body, br#"{"model": "openai.gpt-5.5", "odd":  {"b":1,"a":0.30}}"#);
        let header = |name: &str| got.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/json"));
        assert_eq!(header("accept"), Some("application/json"));
        assert_eq!(header("traceparent"), Some(TRACE));
        assert_eq!(header("authorization"), None);
    }
}

#[tokio::test]
async fn a_stand_in_takes_the_place_of_every_host_wherever_it_is() {
    let server = server(ResponseTemplate::new(200).set_body_string(ANSWER)).await;
    let sample = Sample {
        stand_in: Some(server.uri()),
        allow_private: false,
        ..Sample::anonymous("https://api.example.com")
    };

    sample.ask().await.ok().unwrap();

    let got = server.received_requests().await.unwrap().remove(0);
    assert_eq!(got.url.path(), "/openai/v1/chat/completions");
}

#[tokio::test]
async fn without_a_signature_aws_is_not_asked_for_credentials() {
    let server = server(ResponseTemplate::new(200).set_body_string(ANSWER)).await;
    let mut sample = Sample::anonymous(&server.uri());
    sample.tenant.role_arn = Some("arn:aws:iam::123456789012:role/acme".to_owned());
    let wire = sample.wire();
    let unreachable = CallCredentials::new(&sdk(&nowhere(), None)).unwrap();

    assert!(sample.ask_as(&wire, &unreachable).await.is_ok());
}

#[tokio::test]
async fn a_payload_of_another_wire_is_not_sent() {
    let server = server(ResponseTemplate::new(200).set_body_string(ANSWER)).await;
    let sample = Sample { payload: Payload::Invoke(vec![]), ..Sample::signed(&server.uri()) };

    assert_eq!(kind(&sample.ask().await.err().unwrap()), ("unavailable", false));
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_passes_unchanged() {
    let Reply::Whole(said) = answer(200, ANSWER).await.unwrap() else { panic!("not whole") };

    assert_eq!(text_of(&said), ANSWER);
}

#[tokio::test]
async fn an_answer_without_an_error_may_say_so() {
    assert!(answer(200, r#"{"error": null, "output": []}"#).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_is_none_may_be_billed() {
    for body in ["", "<html>", "[]", "[{}]", "{", r#"{"error":{"message":"x"}}"#, r#"{"error":"x"}"#] {
        assert_eq!(kind(&failure(200, body).await), ("garbled", true), "{body}");
    }
}

#[tokio::test]
async fn an_answer_longer_than_any_is_not_kept_in_memory() {
    let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(32 * 1024 * 1024));

    assert_eq!(kind(&failure(200, &body).await), ("garbled", true));
}

#[tokio::test]
async fn a_path_that_bedrock_does_not_know_is_not_billed_whatever_its_status() {
    let unknown =
        r#"{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}"#;

    for stream in [false, true] {
        let response = ResponseTemplate::new(200).set_body_raw(unknown, "application/x-amz-json-1.0");
        let server = server(response).await;
        let sample = Sample { stream, ..Sample::signed(&server.uri()) };

        assert_eq!(kind(&sample.ask().await.err().unwrap()), ("unavailable", false));
    }
    let mention = r#"{"choices":[{"message":{"content":"UnknownOperationException"}}]}"#;
    assert!(answer(200, mention).await.is_ok());
}

#[tokio::test]
async fn each_status_is_told_apart_by_what_can_be_done() {
    let error = r#"{"error":{"message":"no","type":"t","param":null,"code":null}}"#;
    for (status, expected) in [
        (301, ("unavailable", false)),
        (400, ("refused", false)),
        (401, ("unauthorized", false)),
        (402, ("unavailable", false)),
        (403, ("unauthorized", false)),
        (404, ("model gone", false)),
        (408, ("timed out", true)),
        (409, ("unavailable", false)),
        (410, ("model gone", false)),
        (413, ("refused", false)),
        (415, ("refused", false)),
        (422, ("refused", false)),
        (424, ("unavailable", false)),
        (429, ("throttled", false)),
        (500, ("unavailable", false)),
        (503, ("unavailable", false)),
        (504, ("timed out", true)),
    ] {
        assert_eq!(kind(&failure(status, error).await), expected, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_passes_only_in_openais_shape_and_within_bounds() {
    let error = r#"{"error":{"message":"no such field"}}"#;

    let ModelError::Refused { status, body } = failure(422, error).await else { panic!("not refused") };
    assert_eq!((status, body.as_ref()), (422, error.as_bytes()));
    let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "x".repeat(65 * 1024));
    let of_a_list = r#"[{"error":{"message":"no"}}]"#;
    for strange in
        ["", "<html>", r#"{"message":"no"}"#, r#"{"error":null}"#, r#"{"error":"no"}"#, of_a_list, &long]
    {
        assert_eq!(kind(&failure(400, strange).await), ("unavailable", false));
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_billed() {
    let failed = Sample::signed(&nowhere()).ask().await.err().unwrap();

    assert_eq!(kind(&failed), ("unavailable", false));
}

#[tokio::test]
async fn what_breaks_after_the_request_has_left_may_be_billed() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for (answer, then) in [("", Then::HangUp), ("", Then::Reset), (half, Then::HangUp)] {
        let failed = Sample::signed(&serve_once(answer, then)).ask().await.err().unwrap();

        assert_eq!(kind(&failed), ("broken", true));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_may_be_billed() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    for answer in ["", half] {
        let url = serve_once(answer, Then::Stall);
        let sample = Sample { timeout: Duration::from_millis(50), ..Sample::signed(&url) };

        assert_eq!(kind(&sample.ask().await.err().unwrap()), ("timed out", true));
    }
}

#[tokio::test]
async fn a_refusal_that_does_not_say_why_in_time_is_still_not_billed() {
    let url = serve_once("HTTP/1.1 400 Bad Request\r\ncontent-length: 100\r\n\r\n{", Then::Stall);
    let sample = Sample { timeout: Duration::from_secs(1), ..Sample::signed(&url) };

    assert_eq!(kind(&sample.ask().await.err().unwrap()), ("unavailable", false));
}

#[tokio::test]
async fn no_connection_is_taken_that_may_have_died_while_the_function_was_frozen() {
    let (url, connections) = keep_alive(ANSWER);
    let sample = Sample::signed(&url);
    let wire = sample.wire();

    for _ in 0..2 {
        sample.ask_over(&wire).await.ok().unwrap();
    }

    assert_eq!(connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_error_of_the_connection_does_not_show_where_it_went() {
    let sample = Sample::signed("http://user:hunter2@127.0.0.1:1");

    let failed = sample.ask().await.err().unwrap();

    assert!(!format!("{failed:?}").contains("hunter2"), "{failed:?}");
}

#[tokio::test]
async fn a_private_host_is_called_only_where_that_is_allowed() {
    let server = server(ResponseTemplate::new(200).set_body_string(ANSWER)).await;
    let by_name = server.uri().replace("127.0.0.1", "localhost");
    for host in [server.uri(), by_name, server.uri().replace("127.0.0.1", "2130706433")] {
        let refused = Sample { allow_private: false, ..Sample::anonymous(&host) };
        let ModelError::Unavailable(cause) = refused.ask().await.err().unwrap() else { panic!("sent") };
        assert!(cause.to_string().ends_with(" is a private address"), "{cause}");
        assert!(server.received_requests().await.unwrap().is_empty());
    }

    let allowed = Sample::anonymous(&server.uri());
    assert!(allowed.ask().await.is_ok());
    let endpoint_in_a_vpc = Sample { allow_private: false, ..Sample::signed(&server.uri()) };
    assert!(endpoint_in_a_vpc.ask().await.is_ok());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = server(ResponseTemplate::new(200).set_body_string(ANSWER)).await;
    let response = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    let server = server(response).await;

    let failed = Sample::anonymous(&server.uri()).ask().await.err().unwrap();

    assert_eq!(kind(&failed), ("unavailable", false));
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}
