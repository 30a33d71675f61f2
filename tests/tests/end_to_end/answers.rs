//! Calls that are answered.

use serde_json::Value;
use tollgate_tests::client::Client;
use tollgate_tests::stack::Stack;
use tollgate_tests::standin::{calls, reset, set_faults};

pub(crate) async fn json_is_answered_then_served_from_the_cache(stack: &Stack) {
    reset(stack).await;
    let key = stack.key("alice", "search", &[]).await;
    for client in Client::ALL {
        let text = format!("What is a tollgate, in the words of {client:?}?");
        let ask = async || client.event(stack, &key, &["chat", "--text", &text]).await;

        let first = ask().await;
        let second = cached(&ask).await;

        assert_eq!(first["headers"]["x-tollgate-cache"], "miss", "{first}");
        assert_eq!(first["headers"]["x-tollgate-model"], "openai.gpt-5.5", "{first}");
        assert_eq!(first["headers"]["x-tollgate-attempts"], "1", "{first}");
        assert_eq!(second["content"], first["content"]);
        assert_eq!(second["headers"]["x-tollgate-cost-usd"], "0", "{second}");
        charges_what_was_counted(stack, &first).await;
    }
    assert_eq!(calls(stack).await.len(), Client::ALL.len());
}

/// An answer is stored after it was given, so the next call may come too early to find it.
async fn cached(ask: &impl AsyncFn() -> Value) -> Value {
    for _ in 0..5 {
        let answer = ask().await;
        if answer["headers"]["x-tollgate-cache"] == "hit-exact" {
            return answer;
        }
    }
    panic!("the same call is never an exact hit");
}

/// The cost in the ledger is the provider's usage at the price of the catalogue: 5.50 and 33 dollars a million.
async fn charges_what_was_counted(stack: &Stack, answer: &Value) {
    let count = |name: &str| answer["usage"][name].as_u64().expect("an answer has usage");
    let nanos = count("prompt_tokens") * 5_500 + count("completion_tokens") * 33_000;
    let cost = tollgate_core::money::Nanos(nanos).to_string();
    assert_eq!(answer["headers"]["x-tollgate-cost-usd"], cost.as_str(), "{answer}");

    let record =
        closed_record(stack, answer["headers"]["x-tollgate-request-id"].as_str().unwrap_or_default()).await;

    assert_eq!(record["charged_usd"], cost.as_str(), "{record}");
    assert_eq!((&record["state"], &record["attempts"]), (&"settled".into(), &1.into()), "{record}");
}

/// The call's record once it is closed, as the operator sees it.
pub(crate) async fn closed_record(stack: &Stack, id: &str) -> Value {
    let found = tollgate_tests::stack::eventually(std::time::Duration::from_secs(20), async || {
        let (record, is_there) = stack.tollgate(&["ledger", "show", id]).await;
        let is_closed = is_there && record["state"] != "reserved" && record["state"] != "sent";
        is_closed.then_some(record)
    });
    found.await.unwrap_or_else(|| panic!("the record {id} is not closed"))
}

pub(crate) async fn streams_arrive_as_they_are_made(stack: &Stack) {
    reset(stack).await;
    set_faults(stack, &serde_json::json!([{"model": "*", "chunk_delay_ms": 60, "reply_words": 12}])).await;
    let key = stack.key("bob", "search", &[]).await;
    for client in Client::ALL {
        let text = format!("Stream to {client:?}.");
        let events = client.run(stack, &key, &["stream", "--include-usage", "--text", &text]).await;

        let made = calls(stack).await.pop().expect("the stand-in was asked");
        let arrived: Vec<u64> = times(events.iter().filter(|event| event["event"] == "chunk"));
        let made: Vec<u64> =
            made["chunks_at_us"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        // Each chunk is with the client before the one after the next is even made.
        let in_time =
            arrived.iter().zip(made.iter().skip(2)).filter(|(arrived, later)| arrived < later).count();
        assert!(in_time * 10 >= (made.len() - 2) * 8, "arrived {arrived:?}, made {made:?}");
        let end = events.last().expect("a stream has an end");
        assert_eq!(end["event"], "end", "{end}");
        assert!(end["usage"]["completion_tokens"].as_u64() > Some(1), "{end}");

        let without = client.run(stack, &key, &["stream", "--text", &format!("{text} Again.")]).await;
        let end = without.last().expect("a stream has an end");
        assert_eq!((&end["event"], &end["usage"]), (&"end".into(), &Value::Null), "{end}");
    }
    reset(stack).await;
}

fn times<'a>(events: impl Iterator<Item = &'a Value>) -> Vec<u64> {
    events.filter_map(|event| event["at_us"].as_u64()).collect()
}

pub(crate) async fn models_are_listed(stack: &Stack) {
    let all = stack.key("carol", "search", &[]).await;
    let one = stack.key("carol", "search", &["--model", "gpt-oss-120b"]).await;
    for client in Client::ALL {
        let list = client.event(stack, &all, &["models"]).await;
        assert!(list["ids"].as_array().is_some_and(|ids| ids.contains(&"gpt-5.5".into())), "{list}");

        let list = client.event(stack, &one, &["models"]).await;
        assert_eq!(list["ids"], serde_json::json!(["gpt-oss-120b"]));

        let refusal = client.event(stack, &one, &["error", "--model", "gpt-5.5"]).await;
        assert_eq!(
            (&refusal["status"], &refusal["code"]),
            (&403.into(), &"model_not_allowed".into()),
            "{refusal}"
        );
    }
}

pub(crate) async fn a_second_model_speaks_converse(stack: &Stack) {
    reset(stack).await;
    let key = stack.key("dave", "search", &[]).await;
    for client in Client::ALL {
        let text = format!("Converse with {client:?}.");
        let answer = client.event(stack, &key, &["chat", "--model", "gpt-5.6-sol", "--text", &text]).await;
        assert_eq!(answer["headers"]["x-tollgate-model"], "us.openai.gpt-5.6-sol", "{answer}");
        assert_eq!(answer["finish_reason"], "stop", "{answer}");

        let arguments = ["stream", "--include-usage", "--model", "gpt-oss-120b", "--text", &text];
        let events = client.run(stack, &key, &arguments).await;
        let end = events.last().expect("a stream has an end");
        assert!(end["usage"]["prompt_tokens"].as_u64() > Some(0), "{end}");
    }
    let paths: Vec<_> = calls(stack).await.iter().map(|call| call["path"].clone()).collect();
    assert!(
        paths.iter().all(|path| path.as_str().is_some_and(|path| path.contains("/converse"))),
        "{paths:?}"
    );
}
