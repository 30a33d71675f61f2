use super::*;
use crate::dialect::Dialect;

fn excluded(dialect: Dialect, body: &str) -> Option<Exclusion> {
    let request = Request::parse(dialect, body.as_bytes()).expect("the body is right");
    exclusion(&request, &SemanticPolicy::default(), false)
}

fn chat(members: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi there"}}]{members}}}"#)
}

fn talk(messages: &str) -> String {
    format!(r#"{{"model":"m","messages":[{messages}]}}"#)
}

const SYSTEM: &str = r#"{"role":"system","content":"be kind"}"#;
const USER: &str = r#"{"role":"user","content":"hi there"}"#;
const ASSISTANT: &str = r#"{"role":"assistant","content":"hello"}"#;

#[test]
fn a_plain_question_takes_part() {
    for members in [
        "",
        r#","n":1"#,
        r#","response_format":{"type":"text"}"#,
        r#","temperature":0"#,
        r#","logprobs":false"#,
    ] {
        assert_eq!(excluded(Dialect::Chat, &chat(members)), None, "{members}");
    }
    assert_eq!(excluded(Dialect::Responses, r#"{"model":"m","input":"hi there"}"#), None);
}

#[test]
fn what_cannot_be_shared_is_named() {
    let tool = r#","tools":[{"type":"function","function":{"name":"f"}}]"#;
    let cases = [
        (tool, Exclusion::Tools),
        (r#","n":2"#, Exclusion::Choices),
        (r#","logprobs":true"#, Exclusion::Choices),
        (r#","response_format":{"type":"json_object"}"#, Exclusion::StructuredOutput),
    ];
    for (members, reason) in cases {
        assert_eq!(excluded(Dialect::Chat, &chat(members)), Some(reason), "{members}");
    }
    let continued = r#"{"model":"m","input":"hi","previous_response_id":"resp_1"}"#;
    assert_eq!(excluded(Dialect::Responses, continued), Some(Exclusion::Continues));
    assert_eq!(excluded(Dialect::Embeddings, r#"{"model":"m","input":"hi"}"#), Some(Exclusion::Embeddings));
}

#[test]
fn personal_data_take_no_part() {
    let request = Request::parse(Dialect::Chat, chat("").as_bytes()).unwrap();

    assert_eq!(exclusion(&request, &SemanticPolicy::default(), true), Some(Exclusion::Personal));
}

#[test]
fn calls_in_the_history_are_tools_too() {
    let call = r#"{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
    let result = r#"{"role":"tool","tool_call_id":"c","content":"1"}"#;

    let body = talk(&format!("{USER},{call},{result},{USER}"));

    assert_eq!(excluded(Dialect::Chat, &body), Some(Exclusion::Tools));
}

#[test]
fn images_take_no_part() {
    let image = r#"{"role":"user","content":[{"type":"text","text":"what is it?"},
        {"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}"#;

    assert_eq!(excluded(Dialect::Chat, &talk(image)), Some(Exclusion::Images));
}

#[test]
fn a_conversation_is_long_by_what_person_and_model_said() {
    let short = talk(&format!("{SYSTEM},{SYSTEM},{USER},{ASSISTANT},{USER}"));
    let long = talk(&format!("{USER},{ASSISTANT},{USER},{ASSISTANT},{USER}"));

    assert_eq!(excluded(Dialect::Chat, &short), None);
    assert_eq!(excluded(Dialect::Chat, &long), Some(Exclusion::LongConversation));
}

#[test]
fn the_person_must_have_the_last_word_and_say_something() {
    let blank = r#"{"role":"user","content":"  \n"}"#;
    for messages in [format!("{USER},{ASSISTANT}"), SYSTEM.to_owned(), blank.to_owned()] {
        assert_eq!(excluded(Dialect::Chat, &talk(&messages)), Some(Exclusion::NoQuestion), "{messages}");
    }
}

#[test]
fn the_last_turn_is_all_text_of_the_last_message() {
    let parts = r#"{"role":"user","content":[{"type":"text","text":" one "},{"type":"text","text":"two"}]}"#;
    let request =
        Request::parse(Dialect::Chat, talk(&format!("{USER},{ASSISTANT},{parts}")).as_bytes()).unwrap();

    assert_eq!(last_turn(&request).as_deref(), Some("one\ntwo"));
}
