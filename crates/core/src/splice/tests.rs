use serde_json::{Value, json};

use super::*;

fn request(dialect: Dialect, body: &Value) -> Request {
    Request::parse(dialect, body.to_string().as_bytes()).unwrap()
}

fn chat(more: &Value) -> Request {
    let mut body =
        json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Tell me."}]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    request(Dialect::Chat, &body)
}

fn body_of(request: &Request) -> Value {
    serde_json::to_value(request.body()).unwrap()
}

#[test]
fn a_stream_of_plain_text_can_be_gone_on_with() {
    for more in [json!({}), json!({"n": 1, "logprobs": false, "response_format": {"type": "text"}})] {
        assert!(fits(&chat(&more)), "{more}");
    }
    let body = json!({"model": "m", "stream": true, "input": "Tell me.", "reasoning": {"effort": "low"}});
    assert!(fits(&request(Dialect::Responses, &body)));
}

#[test]
fn what_only_its_own_target_could_end_is_not_gone_on_with() {
    let function = json!({"type": "function", "function": {"name": "f"}});
    for more in [
        json!({"stream": false}),
        json!({"tools": [function]}),
        json!({"response_format": {"type": "json_object"}}),
        json!({"n": 2}),
        json!({"logprobs": true}),
        json!({"prediction": {"type": "content", "content": "x"}}),
    ] {
        assert!(!fits(&chat(&more)), "{more}");
    }
    for more in [json!({"previous_response_id": "resp_1"}), json!({"top_logprobs": 2})] {
        let mut body = json!({"model": "m", "stream": true, "input": "Tell me."});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        assert!(!fits(&request(Dialect::Responses, &body)), "{more}");
    }
}

#[test]
fn the_next_target_is_given_what_was_said_and_the_word_to_go_on() {
    let after = carried_on(&chat(&json!({"max_tokens": 90})), "Once \"upon", 70).unwrap();

    assert_eq!(
        body_of(&after),
        json!({"model": "m", "stream": true, "max_tokens": 70, "messages": [
            {"role": "user", "content": "Tell me."},
            {"role": "assistant", "content": "Once \"upon"},
            {"role": "user", "content": GO_ON},
        ]})
    );
    assert_eq!(after.prompt().unwrap().items.len(), 3);
    assert!(after.body_bytes() > GO_ON.len());
}

#[test]
fn an_input_of_the_responses_dialect_may_be_a_text_or_items() {
    let items = json!([{"role": "user", "content": "Tell me."}]);
    for input in [json!("Tell me."), items] {
        let body = json!({"model": "m", "stream": true, "input": input});

        let after = carried_on(&request(Dialect::Responses, &body), "Once", 5).unwrap();

        assert_eq!(
            body_of(&after)["input"],
            json!([
                {"role": "user", "content": "Tell me."},
                {"role": "assistant", "content": "Once"},
                {"role": "user", "content": GO_ON},
            ])
        );
        assert!(body_of(&after).get("max_output_tokens").is_none());
    }
}

#[test]
fn after_mere_blanks_the_request_is_asked_as_it_came() {
    let asked = chat(&json!({}));

    assert_eq!(body_of(&carried_on(&asked, "\n\n", 5).unwrap()), body_of(&asked));
}

#[test]
fn a_request_that_would_be_too_large_is_none() {
    let said = "x".repeat(MAX_BODY_BYTES);

    assert!(carried_on(&chat(&json!({})), &said, 5).is_none());
}

#[test]
fn what_was_said_is_taken_off_the_cap() {
    assert_eq!(rest_of(100, "four"), Some(99));
    assert_eq!(rest_of(2, "12345678"), None);
}
