use proptest::prelude::*;

use super::*;

fn folded(chunks: &[Value]) -> Result<Value, NoAnswer> {
    let mut fold = ChatFold::default();
    for chunk in chunks {
        fold.add(chunk.to_string().as_bytes())?;
    }
    fold.whole().map(|body| serde_json::from_slice(&body).unwrap())
}

fn delta(index: u64, delta: &Value) -> Value {
    json!({"id": "c-1", "choices": [{"index": index, "delta": delta, "finish_reason": null}]})
}

fn finish(index: u64) -> Value {
    json!({"id": "c-1", "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]})
}

#[test]
fn servers_that_repeat_names_and_roles_in_each_chunk_say_them_once() {
    let call = |arguments: &str| json!([{"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": arguments}}]);
    let piece = |arguments: &str| delta(0, &json!({"role": "assistant", "tool_calls": call(arguments)}));

    let whole = folded(&[piece("{\"a\""), piece(":1}"), finish(0)]).unwrap();

    let call =
        json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
    assert_eq!(
        whole["choices"][0]["message"],
        json!({"role": "assistant", "content": null, "tool_calls": [call]})
    );
}

#[test]
fn calls_are_told_apart_by_id_and_by_coming_after_where_a_server_numbers_them_badly() {
    let call = |index: Option<u64>, id: Option<&str>, arguments: &str| {
        let mut call = json!({"function": {"arguments": arguments}});
        if let Some(index) = index {
            call["index"] = index.into();
        }
        if let Some(id) = id {
            (call["id"], call["function"]["name"]) = (id.into(), "f".into());
        }
        delta(0, &json!({"tool_calls": [call]}))
    };
    for index in [Some(0), None] {
        let pieces = [
            call(index, Some("a"), "{\"x\""),
            call(index, None, ":1}"),
            call(index, Some("b"), ""),
            call(index, None, "{\"y\":2}"),
            finish(0),
        ];

        let whole = folded(&pieces).unwrap();

        let calls = whole["choices"][0]["message"]["tool_calls"].as_array().unwrap();
        let said: Vec<_> = calls.iter().map(|call| (&call["id"], &call["function"]["arguments"])).collect();
        assert_eq!(
            said,
            [(&json!("a"), &json!("{\"x\":1}")), (&json!("b"), &json!("{\"y\":2}"))],
            "{index:?}"
        );
    }
}

#[test]
fn what_does_not_belong_together_is_no_answer() {
    let parts = json!({"content": [{"type": "thinking", "thinking": "a"}]});
    for pieces in [
        vec![delta(0, &parts), delta(0, &json!({"content": "b"})), finish(0)],
        vec![delta(0, &json!({"content": "b"})), delta(0, &parts), finish(0)],
        vec![delta(0, &json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]})), finish(0)],
    ] {
        assert!(folded(&pieces).is_err(), "{pieces:?}");
    }
    let parted = folded(&[delta(0, &json!({"content": ""})), delta(0, &parts), finish(0)]).unwrap();
    assert_eq!(parted["choices"][0]["message"]["content"], parts["content"]);
}

#[test]
fn reasoning_under_names_of_a_servers_own_is_joined_too() {
    let detail = |text: &str| json!([{"type": "reasoning.text", "text": text, "index": 0}]);
    let piece = |text: &str| delta(0, &json!({"reasoning_content": text, "reasoning_details": detail(text)}));

    let whole = folded(&[piece("a"), piece("b"), delta(0, &json!({"content": "c"})), finish(0)]).unwrap();

    let message = &whole["choices"][0]["message"];
    assert_eq!((&message["reasoning_content"], &message["content"]), (&json!("ab"), &json!("c")));
    assert_eq!(message["reasoning_details"], detail("ab"));
}

#[test]
fn the_last_count_is_the_whole_one_and_padding_is_left_out() {
    let counted =
        |count: u64| json!({"choices": [], "usage": {"completion_tokens": count}, "obfuscation": "aX"});

    let whole = folded(&[delta(0, &json!({"content": "a"})), counted(1), finish(0), counted(2)]).unwrap();

    assert_eq!((&whole["usage"]["completion_tokens"], whole.get("obfuscation")), (&json!(2), None));
}

#[test]
fn no_silent_truncation_a_choice_without_an_end_is_no_answer() {
    for chunks in [
        vec![],
        vec![delta(0, &json!({"content": "a"}))],
        vec![delta(0, &json!({"content": "a"})), delta(1, &json!({"content": "b"})), finish(1)],
    ] {
        assert!(matches!(folded(&chunks), Err(NoAnswer::Failed)), "{chunks:?}");
    }
}

proptest! {
    #[test]
    fn any_order_of_choices_gives_each_its_own_text(
        pieces in prop::collection::vec((0..3_u64, "[a-zé\"\\\\]{0,4}"), 1..20),
    ) {
        let mut chunks: Vec<_> =
            pieces.iter().map(|(index, text)| delta(*index, &json!({"content": text}))).collect();
        chunks.extend((0..3).map(finish));

        let whole = folded(&chunks).unwrap();

        for index in 0..3_u64 {
            let said = pieces.iter().filter(|(of, _)| *of == index).map(|(_, text)| text.as_str());
            let said: String = said.collect();
            let choice = whole["choices"].as_array().unwrap().iter().find(|choice| choice["index"] == index);
            prop_assert_eq!(choice.unwrap()["message"]["content"].as_str().unwrap_or_default(), said);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[\\[\\]{}:,\"a-z0-9]{0,64}") {
        let mut fold = ChatFold::default();
        let _garbled = (fold.add(&bytes), fold.add(text.as_bytes()));
        let _unfinished = fold.whole();
    }
}
