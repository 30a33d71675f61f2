use serde_json::{Value, json};

use super::*;
use crate::cache::entry::Labels;
use crate::money::Nanos;
use crate::time::Timestamp;
use crate::usage::Usage;

fn about(form: Form) -> About {
    About {
        request_id: "r-1".to_owned(),
        form,
        include_usage: false,
        target: "t".to_owned(),
        usage: Usage { input: 3, output: 2, ..Usage::default() },
        cost_nanos: Nanos(1),
        asked_us: Timestamp::from_secs(1_795_348_800),
        expires_at: u64::MAX,
        question: None,
        labels: Labels {
            tenant: "acme".parse().unwrap(),
            model: "m".to_owned(),
            template: None,
            tags: Vec::new(),
        },
    }
}

fn request(dialect: Dialect, members: &Value) -> Request {
    let mut body = match dialect {
        Dialect::Responses => json!({"model": "m", "input": "hi"}),
        _ => json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
    };
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    Request::parse(dialect, body.to_string().as_bytes()).unwrap()
}

fn chat_json() -> Entry {
    let body = json!({
        "id": "chatcmpl-x", "object": "chat.completion", "created": 1, "model": "m-1",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": "Let me see.",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}}]}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    });
    Entry { about: about(Form::Json), reply: body.to_string().into() }
}

/// What a caller with these members would be told.
fn told(entry: &Entry, dialect: Dialect, members: &Value) -> Bytes {
    replay(entry, &request(dialect, members), "m-1").expect("it can be said")
}

fn data(stream: &[u8]) -> Vec<Value> {
    let all = SseDecoder::default().feed(stream).unwrap();
    all.iter().filter(|data| ***data != *DONE).map(|data| serde_json::from_slice(data).unwrap()).collect()
}

#[test]
fn the_form_that_was_kept_is_told_byte_for_byte() {
    let entry = chat_json();

    assert_eq!(told(&entry, Dialect::Chat, &json!({})), entry.reply);
}

#[test]
fn a_whole_answer_serves_a_stream_and_that_stream_serves_a_whole_answer() {
    let entry = chat_json();
    let stream = told(&entry, Dialect::Chat, &json!({"stream": true}));

    assert!(stream.ends_with(b"data: [DONE]\n\n"));
    assert!(data(&stream).iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
    let kept = Entry { about: about(Form::Events), reply: stream };
    let whole: Value = serde_json::from_slice(&told(&kept, Dialect::Chat, &json!({}))).unwrap();
    let first: Value = serde_json::from_slice(&entry.reply).unwrap();
    assert_eq!(whole["choices"][0]["message"]["content"], first["choices"][0]["message"]["content"]);
    assert_eq!(whole["choices"][0]["message"]["tool_calls"], first["choices"][0]["message"]["tool_calls"]);
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(whole["usage"]["total_tokens"], 5);
    assert_eq!(whole["id"], "chatcmpl-r-1");
}

#[test]
fn a_stream_has_the_usage_chunk_only_for_those_who_want_it() {
    let plain = told(&chat_json(), Dialect::Chat, &json!({"stream": true}));
    let kept = Entry { about: about(Form::Events), reply: plain.clone() };
    let wants = json!({"stream": true, "stream_options": {"include_usage": true}});

    assert_eq!(told(&kept, Dialect::Chat, &json!({"stream": true})), plain);
    let with = told(&kept, Dialect::Chat, &wants);
    assert_eq!(data(&with).last().unwrap()["usage"]["total_tokens"], 5);
    let kept = Entry { about: About { include_usage: true, ..about(Form::Events) }, reply: with };
    assert!(data(&told(&kept, Dialect::Chat, &json!({"stream": true}))).last().unwrap()["usage"].is_null());
}

#[test]
fn a_response_goes_there_and_back() {
    let body = json!({
        "id": "resp_r-1", "object": "response", "created_at": 1, "model": "m-1", "status": "completed",
        "output": [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "Hello", "annotations": []}]}],
        "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5},
    });
    let entry = Entry { about: about(Form::Json), reply: body.to_string().into() };
    let stream = told(&entry, Dialect::Responses, &json!({"stream": true}));

    let last = data(&stream).pop().unwrap();
    assert_eq!((&last["type"], &last["response"]["id"]), (&json!("response.completed"), &json!("resp_r1")));
    let kept = Entry { about: about(Form::Events), reply: stream };
    let whole: Value = serde_json::from_slice(&told(&kept, Dialect::Responses, &json!({}))).unwrap();
    assert_eq!(whole["output"][0]["content"][0]["text"], "Hello");
    assert_eq!(whole["usage"]["total_tokens"], 5);
}

#[test]
fn what_would_be_lost_on_the_way_is_a_miss() {
    let entry = chat_json();

    for members in [json!({"stream": true, "n": 2}), json!({"stream": true, "extra": 1})] {
        assert_eq!(replay(&entry, &request(Dialect::Chat, &members), "m-1"), None, "{members}");
    }
    let garbled = Entry { reply: "{\"choices\":1}".into(), ..entry };
    assert_eq!(replay(&garbled, &request(Dialect::Chat, &json!({"stream": true})), "m-1"), None);
}

#[test]
fn the_words_of_an_answer_are_the_same_whichever_way_it_came() {
    let whole = chat_json();
    let stream = told(&whole, Dialect::Chat, &json!({"stream": true}));

    assert_eq!(words(Form::Json, &whole.reply, Dialect::Chat).as_deref(), Some("Let me see."));
    assert_eq!(words(Form::Events, &stream, Dialect::Chat).as_deref(), Some("Let me see."));
    assert_eq!(words(Form::Json, &Bytes::from_static(b"{"), Dialect::Chat), None);
}
