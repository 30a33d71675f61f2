//! Official clients, whose streams break and are gone on with.

use serde_json::{Value, json};
use tollgate_local::standin::reply_for;
use tollgate_tests::client::Client;
use tollgate_tests::stack::{Stack, root};
use tollgate_tests::standin::{reset, set_faults};

use crate::answers::closed_record;

const WORDS: usize = 24;

/// Gives the team `relay` a route that lets broken streams be gone on with.
async fn configure(stack: &Stack) {
    let text = std::fs::read_to_string(root().join("config/routing.json"));
    let mut routing: Value =
        serde_json::from_str(&text.expect("the routing is shipped")).expect("it is JSON");
    let mut route = routing["default"].clone();
    route["continue_broken"] = true.into();
    routing["experiments"]["relay"] = route;
    let path = stack.path("continued-routing.json");
    std::fs::write(&path, routing.to_string()).expect("the stack's folder takes a file");
    let (said, is_done) = stack.tollgate(&["config", "seed", "--routing", &path.display().to_string()]).await;
    assert!(is_done, "{said}");
}

pub(crate) async fn a_broken_stream_is_gone_on_with_where_its_route_says_so(stack: &Stack) {
    reset(stack).await;
    configure(stack).await;
    let key = stack.key("peggy", "relay", &["--rate", "50", "--burst", "50"]).await;
    for client in Client::ALL {
        for (cut, again) in [(3, 0), (9, 3), (1 + WORDS, 0), (12, WORDS)] {
            let cut_once =
                json!({"model": "openai.gpt-5.5", "times": 1, "cut_after_chunks": cut, "reply_words": WORDS});
            set_faults(stack, &json!([cut_once, {"model": "*", "reply_words": WORDS, "words_again": again}]))
                .await;
            let text = format!("A story of cut {cut}, {again} again, for {client:?}.");

            let events = client.run(stack, &key, &["stream", "--text", &text, "--include-usage"]).await;

            let said: String = events.iter().filter_map(|event| event["content"].as_str()).collect();
            assert_eq!(said, reply_for(&text, WORDS), "{events:?}");
            let finishes = events.iter().filter_map(|event| event["finish_reason"].as_str());
            assert_eq!(finishes.collect::<Vec<_>>(), ["stop"], "{events:?}");
            let id = events[0]["headers"]["x-tollgate-request-id"].as_str().unwrap_or_default();
            let record = closed_record(stack, id).await;
            assert_eq!((&record["attempts"], &record["continued"]), (&2.into(), &1.into()), "{record}");
            assert_eq!((&record["outcome"], &record["estimated"]), (&"ok".into(), &true.into()), "{record}");
            let usage = &events.last().expect("it has an end")["usage"];
            assert_eq!(record["tokens"]["output"], usage["completion_tokens"], "{record} {usage}");
        }
    }
    reset(stack).await;
}
