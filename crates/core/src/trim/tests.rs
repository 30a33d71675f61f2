use serde_json::{Value, json};

use super::*;

mod laws;

fn request(dialect: Dialect, elements: &Value) -> Request {
    let body = json!({"model": "m", field(dialect): elements, "temperature": 1});
    Request::parse(dialect, body.to_string().as_bytes()).unwrap()
}

fn chat(messages: &Value) -> Request {
    request(Dialect::Chat, messages)
}

fn responses(input: &Value) -> Request {
    request(Dialect::Responses, input)
}

fn trimmed(request: &Request, budget_tokens: u64) -> (Value, String) {
    let Trimmed { request, note } = trim(request, budget_tokens).unwrap().unwrap();
    (request.body().read(field(request.dialect)).unwrap().unwrap(), note)
}

fn says(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

fn long(letter: &str) -> String {
    letter.repeat(300)
}

#[test]
fn what_fits_is_left_alone() {
    let page = long("a");
    let messages = json!([says("user", &page), says("assistant", "b"), says("user", &page)]);

    assert!(trim(&chat(&messages), 10_000).unwrap().is_none());
}

#[test]
fn the_oldest_turns_go_until_the_rest_fits() {
    let messages = json!([
        says("system", "s"),
        says("user", &long("a")),
        says("assistant", &long("b")),
        says("developer", "d"),
        says("user", &long("c")),
        says("assistant", &long("d")),
        says("user", "e"),
    ]);

    // A turn is 166 tokens by the estimate.
    let (one, note) = trimmed(&chat(&messages), 220);
    let (both, further) = trimmed(&chat(&messages), 100);

    assert_eq!(
        one,
        json!([
            says("system", "s"),
            says("developer", "d"),
            says("user", &long("c")),
            says("assistant", &long("d")),
            says("user", "e"),
        ])
    );
    assert_eq!(note, "context=trimmed;turns=1");
    assert_eq!(both, json!([says("system", "s"), says("developer", "d"), says("user", "e")]));
    assert_eq!(further, "context=trimmed;turns=2");
}

#[test]
fn the_last_turn_stays_however_long_it_is() {
    let last = json!([says("user", &long("a")), says("assistant", &long("b"))]);
    let before = [says("assistant", "hello"), says("user", "hi"), says("assistant", "yes?")];
    let messages: Vec<_> = before.iter().chain(last.as_array().unwrap()).cloned().collect();

    assert_eq!(
        trimmed(&chat(&Value::from(messages)), 10),
        (last.clone(), "context=trimmed;turns=2;over_budget".to_owned())
    );
    assert!(trim(&chat(&last), 10).unwrap().is_none());
}

#[test]
fn messages_of_the_user_in_a_row_are_one_turn() {
    let messages = json!([
        says("user", &long("a")),
        says("assistant", "b"),
        says("user", "context"),
        says("system", "s"),
        says("user", "question"),
    ]);

    let (left, _) = trimmed(&chat(&messages), 10);

    assert_eq!(left, json!([says("user", "context"), says("system", "s"), says("user", "question")]));
}

#[test]
fn a_repeated_block_stays_where_it_is_said_last() {
    let page = long("p");
    let text = |text: &str| json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}});
    let call = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "read", "arguments": "{}"}}]});
    let result = json!({"role": "tool", "tool_call_id": "c", "content": page});
    let messages = json!([
        says("system", &page),
        {"role": "user", "content": [text(&page), text("first?")]},
        says("assistant", &page),
        says("user", &page),
        says("assistant", "second"),
        says("user", "third?"),
        call,
        result,
    ]);

    let (left, note) = trimmed(&chat(&messages), 400);

    assert_eq!(
        left,
        json!([
            says("system", &page),
            {"role": "user", "content": [text(MARKER), text("first?")]},
            says("assistant", &page),
            says("user", MARKER),
            says("assistant", "second"),
            says("user", "third?"),
            call,
            result,
        ])
    );
    assert_eq!(note, "context=trimmed;repeats=2");
}

#[test]
fn what_the_user_said_last_is_not_replaced_but_results_after_it_are() {
    let page = long("p");
    let call = |id: &str| json!({"type": "function_call", "call_id": id, "name": "read", "arguments": "{}"});
    let result =
        |id: &str, text: &str| json!({"type": "function_call_output", "call_id": id, "output": text});
    let parts = json!({"type": "function_call_output", "call_id": "2", "output": [
        {"type": "input_text", "text": page}, {"type": "input_text", "text": "done"}]});
    let input = json!([says("user", &page), call("1"), result("1", &page), call("2"), parts]);

    let (left, note) = trimmed(&responses(&input), 10);

    assert_eq!(left, json!([says("user", &page), call("1"), result("1", MARKER), call("2"), parts]));
    assert_eq!(note, "context=trimmed;repeats=1;over_budget");
}

#[test]
fn short_texts_may_be_repeated() {
    let messages = json!([says("user", &"a".repeat(255)), says("user", &"a".repeat(255))]);

    assert!(trim(&chat(&messages), 1).unwrap().is_none());
}

#[test]
fn repeats_in_turns_that_go_are_not_counted() {
    let page = long("p");
    let messages = json!([says("user", &page), says("assistant", &long("a")), says("user", &page)]);

    assert_eq!(
        trimmed(&chat(&messages), 90),
        (json!([says("user", &page)]), "context=trimmed;turns=1".into())
    );
}

#[test]
fn a_call_goes_with_its_result_even_when_the_user_spoke_between() {
    let call = json!({"type": "function_call", "call_id": "1", "name": "read", "arguments": "{}"});
    let reasoning = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    let result = json!({"type": "function_call_output", "call_id": "1", "output": long("r")});
    let open = [says("user", "a"), reasoning, call, says("user", "hurry"), result.clone()];
    let closed: Vec<_> = open.iter().cloned().chain([says("user", "thanks")]).collect();

    assert!(trim(&responses(&json!(open)), 10).unwrap().is_none());
    let (left, note) = trimmed(&responses(&json!(closed)), 110);

    assert_eq!((left, note.as_str()), (json!([says("user", "thanks")]), "context=trimmed;turns=2"));
}

#[test]
fn ids_that_are_used_again_bind_no_turns_together() {
    let round = |text: &str| {
        [
            says("user", text),
            json!({"role": "assistant", "function_call": {"name": "read", "arguments": "{}"}}),
            json!({"role": "function", "name": "read", "content": "r"}),
        ]
    };
    let messages: Vec<_> = ["a", "b", "c"].iter().flat_map(|text| round(text)).collect();

    let (left, note) = trimmed(&chat(&json!(messages)), 100);

    assert_eq!(left, json!([round("b"), round("c")].concat()));
    assert_eq!(note, "context=trimmed;turns=1");
}

#[test]
fn an_image_counts_the_same_however_many_bytes_it_has() {
    let image = |bytes: usize| json!({"type": "input_image", "image_url": format!("data:image/png;base64,{}", "A".repeat(bytes))});
    let input = |bytes: usize| {
        let seen =
            json!({"role": "user", "content": [image(bytes), {"type": "input_text", "text": "what?"}]});
        json!([seen, says("assistant", "a cat"), says("user", "sure?")])
    };

    for bytes in [4, 40_000] {
        assert!(trim(&responses(&input(bytes)), 1_050).unwrap().is_none(), "{bytes}");
        assert_eq!(trimmed(&responses(&input(bytes)), 1_000).1, "context=trimmed;turns=1", "{bytes}");
    }
}

#[test]
fn instructions_count_and_stay() {
    let body = json!({"model": "m", "instructions": long("i"), "input": [
        says("user", "a"), says("assistant", "b"), says("user", "c")]});
    let request = Request::parse(Dialect::Responses, body.to_string().as_bytes()).unwrap();

    let left = trim(&request, 90).unwrap().unwrap().request;

    assert_eq!(left.body().read::<String>("instructions").unwrap(), Some(long("i")));
    assert_eq!(left.body().read::<Value>("input").unwrap(), Some(json!([says("user", "c")])));
}

#[test]
fn what_is_no_list_or_goes_on_from_elsewhere_has_nothing_to_trim() {
    let list = json!([says("user", &long("a")), says("user", &long("a"))]);
    let bodies = [
        (Dialect::Responses, json!({"model": "m", "input": long("a")})),
        (Dialect::Responses, json!({"model": "m", "input": list, "previous_response_id": "resp_1"})),
        (Dialect::Embeddings, json!({"model": "m", "input": [long("a"), long("a")]})),
    ];
    for (dialect, body) in bodies {
        let request = Request::parse(dialect, body.to_string().as_bytes()).unwrap();
        assert!(trim(&request, 1).unwrap().is_none(), "{body}");
    }
}

#[test]
fn what_stays_keeps_its_spelling() {
    let kept = r#"{ "content":"\u00e9 1.50",  "role" : "user","name":"n" }"#;
    let body = format!(
        r#"{{"temperature":1.50,"messages":[{{"role":"user","content":"{}"}}, {{"role":"assistant","content":"b"}} ,{kept}],"model":"m"}}"#,
        long("a")
    );
    let request = Request::parse(Dialect::Chat, body.as_bytes()).unwrap();

    let left = trim(&request, 20).unwrap().unwrap().request;

    let text = serde_json::to_string(left.body()).unwrap();
    assert_eq!(text, format!(r#"{{"temperature":1.50,"messages":[{kept}],"model":"m"}}"#));
    assert_eq!(left.body_bytes(), text.len());
}

#[test]
fn members_that_nobody_reads_do_no_harm() {
    let input = json!([
        {"role": "user", "content": long("a"), "output": 5, "tool_calls": 5, "name": 5},
        {"role": "assistant", "content": "b", "tool_calls": [{"id": 5}], "function_call": 5},
        {"type": "function_call", "call_id": "1", "name": "read", "arguments": "{}", "content": 5, "role": 5},
        {"type": "function_call_output", "call_id": "1", "output": long("a"), "content": 5},
        says("user", &long("a")),
    ]);

    assert_eq!(trimmed(&responses(&input), 10).1, "context=trimmed;turns=1;over_budget");
}

#[test]
fn very_many_turns_take_no_more_than_a_moment() {
    let turns: Vec<_> = (0..20_000).flat_map(|_| [says("user", "a"), says("assistant", "b")]).collect();

    let (left, _) = trimmed(&chat(&json!(turns)), 1);

    assert_eq!(left.as_array().map(Vec::len), Some(2));
}
