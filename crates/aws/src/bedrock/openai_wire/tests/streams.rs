use futures_util::StreamExt;
use wiremock::ResponseTemplate;

use super::support::{Sample, Then, kind, serve_once, server, text_of};
use super::*;

const CHUNK: &str = r#"{"choices":[{"delta":{"content":"because"}}]}"#;

/// What became of a piece: its text, or in a word the error.
type Piece = Result<String, (&'static str, bool)>;

async fn pieces_of(sample: Sample) -> Vec<Piece> {
    let sample = Sample { stream: true, ..sample };
    let Reply::Stream(pieces) = sample.ask().await.unwrap() else { panic!("no stream") };
    let tell = |piece: Result<Said, ModelError>| match piece {
        Ok(said) => Ok(text_of(&said).to_owned()),
        Err(error) => Err(kind(&error)),
    };
    pieces.map(tell).collect().await
}

async fn streamed(dialect: Dialect, body: &str) -> Vec<Piece> {
    let server = server(ResponseTemplate::new(200).set_body_raw(body, "text/event-stream")).await;
    pieces_of(Sample::signed(&server.uri()).speaking(dialect)).await
}

#[tokio::test]
async fn a_stream_is_asked_for_as_such() {
    let server = server(ResponseTemplate::new(200).set_body_raw("", "text/event-stream")).await;

    pieces_of(Sample::signed(&server.uri())).await;

    let got = server.received_requests().await.unwrap().remove(0);
    assert_eq!(got.headers["accept"], "text/event-stream");
}

#[tokio::test]
async fn chat_ends_with_done_and_without_it_is_broken() {
    let whole =
        format!(": ping\n\ndata: {CHUNK}\n\ndata:\n\ndata: {CHUNK}\n\ndata: [DONE] \n\ndata: late\n\n");
    assert_eq!(streamed(Dialect::Chat, &whole).await, [Ok(CHUNK.to_owned()), Ok(CHUNK.to_owned())]);

    let cut = format!("data: {CHUNK}\n\ndata: {CHUNK}\n");
    assert_eq!(streamed(Dialect::Chat, &cut).await, [Ok(CHUNK.to_owned()), Err(("broken", true))]);
}

#[tokio::test]
async fn responses_end_with_the_connection_and_done_is_tolerated() {
    let event = r#"{"type":"response.completed"}"#;
    let body = format!("event: response.completed\ndata: {event}\n\n");

    for rest in ["", "data: [DONE]\n\ndata: late\n\n"] {
        assert_eq!(streamed(Dialect::Responses, &format!("{body}{rest}")).await, [Ok(event.to_owned())]);
    }
}

#[tokio::test]
async fn a_chunk_that_reports_an_error_is_passed_on_for_the_gateway_to_read() {
    let error = r#"{"error":{"message":"x"}}"#;
    let body = format!("data: {CHUNK}\n\nevent: error\ndata: {error}\n\ndata: [DONE]\n\n");

    let pieces = streamed(Dialect::Chat, &body).await;

    assert_eq!(pieces, [Ok(CHUNK.to_owned()), Ok(error.to_owned())]);
}

#[tokio::test]
async fn a_stream_that_is_answered_with_json_is_read_whole() {
    let json = |body: &str| ResponseTemplate::new(200).set_body_raw(body, "application/json; charset=utf-8");

    let whole = server(json(ANSWER)).await;
    let sample = Sample { stream: true, ..Sample::signed(&whole.uri()) };
    let Reply::Whole(said) = sample.ask().await.unwrap() else { panic!("not whole") };
    assert_eq!(text_of(&said), ANSWER);

    let failed = server(json(r#"{"error":{"message":"x"}}"#)).await;
    let sample = Sample { stream: true, ..Sample::signed(&failed.uri()) };
    assert_eq!(kind(&sample.ask().await.err().unwrap()), ("garbled", true));
}

#[tokio::test]
async fn a_connection_that_breaks_amid_a_stream_breaks_the_stream() {
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\ndata: {}\n\ndata: ";
    for dialect in [Dialect::Chat, Dialect::Responses] {
        let pieces = pieces_of(Sample::signed(&serve_once(head, Then::HangUp)).speaking(dialect)).await;

        assert_eq!(pieces, [Ok("{}".to_owned()), Err(("broken", true))]);
    }
}

#[tokio::test]
async fn an_event_that_never_ends_is_garbled() {
    let body = format!("data: {}", "x".repeat(9 * 1024 * 1024));

    assert_eq!(streamed(Dialect::Chat, &body).await, [Err(("garbled", true))]);
}
