//! Providers that fail, and clients that leave.

use serde_json::json;
use tollgate_tests::client::Client;
use tollgate_tests::raw::{chat, header};
use tollgate_tests::stack::Stack;
use tollgate_tests::standin::{calls, reset, set_faults};

use crate::answers::closed_record;

pub(crate) async fn a_dead_primary_is_failed_over_for_one_charge(stack: &Stack) {
    reset(stack).await;
    set_faults(stack, &json!([{"model": "openai.gpt-5.5", "status": 503}])).await;
    let key = stack.key("ivan", "search", &[]).await;
    for client in Client::ALL {
        let text = format!("Is anybody there, {client:?}?");
        let answer = client.event(stack, &key, &["chat", "--text", &text]).await;

        assert_eq!(answer["headers"]["x-tollgate-model"], "us.openai.gpt-5.6-sol", "{answer}");
        assert_eq!(answer["headers"]["x-tollgate-attempts"], "2", "{answer}");
        let id = answer["headers"]["x-tollgate-request-id"].as_str().unwrap_or_default();
        let record = closed_record(stack, id).await;
        assert_eq!(record["charged_usd"], answer["headers"]["x-tollgate-cost-usd"], "{record}");
        assert_eq!((&record["estimated"], &record["attempts"]), (&false.into(), &2.into()), "{record}");

        let events = client.run(stack, &key, &["stream", "--text", &text]).await;
        assert_eq!(events.last().map(|end| &end["event"]), Some(&"end".into()), "{events:?}");
    }

    set_faults(stack, &json!([{"model": "*", "status": 503}])).await;
    let refusal = Client::Python.event(stack, &key, &["error", "--text", "Nobody?"]).await;
    assert_eq!(
        (&refusal["status"], &refusal["code"]),
        (&503.into(), &"provider_unavailable".into()),
        "{refusal}"
    );
    reset(stack).await;
}

pub(crate) async fn a_client_that_leaves_is_charged_what_the_provider_counted(stack: &Stack) {
    for client in Client::ALL {
        reset(stack).await;
        set_faults(stack, &json!([{"model": "*", "chunk_delay_ms": 20, "reply_words": 60}])).await;
        let key = stack.key("judy", "search", &[]).await;
        let text = format!("A long story for {client:?}.");

        let events = client.run(stack, &key, &["leave", "3", "--text", &text]).await;

        let id = events[0]["headers"]["x-tollgate-request-id"].as_str().unwrap_or_default();
        let record = closed_record(stack, id).await;
        let call = calls(stack).await.pop().expect("the stand-in was asked");
        assert_eq!(record["tokens"]["input"], call["input_tokens"], "{record} {call}");
        assert_eq!(record["tokens"]["output"], call["output_tokens"], "{record} {call}");
        assert_eq!((&record["outcome"], &record["estimated"]), (&"ok".into(), &false.into()), "{record}");
    }
    reset(stack).await;
}

pub(crate) async fn a_broken_stream_ends_with_an_error(stack: &Stack) {
    reset(stack).await;
    set_faults(stack, &json!([{"model": "*", "cut_after_chunks": 4, "reply_words": 30}])).await;
    let key = stack.key("mallory", "search", &[]).await;
    let messages = json!([{"role": "user", "content": "Break."}]);
    let answer = chat(stack, &key, &json!({"model": "gpt-5.5", "stream": true, "messages": messages})).await;
    let id = header(&answer, "x-tollgate-request-id").unwrap_or_default();

    let said = answer.text().await.expect("the body ends cleanly, with an error event");

    assert!(said.contains(r#""code":"stream_broken""#), "{said}");
    assert!(!said.contains("[DONE]") && !said.contains(r#""finish_reason":"stop""#), "{said}");
    let record = closed_record(stack, &id).await;
    assert_eq!(
        (&record["outcome"], &record["estimated"]),
        (&"stream_broken".into(), &true.into()),
        "{record}"
    );
    reset(stack).await;
}
