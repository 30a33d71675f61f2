use serde_json::{Value, json};

use super::*;
use crate::chat::sample::{Rules, target};
use crate::chat::{forward, read};

/// What leaves for a target with these rules, after `adapt` changed the settings.
fn sent(body: &str, rules: Rules, stream: bool, adapt: impl FnOnce(&mut Parameters)) -> String {
    let body: RawObject = serde_json::from_str(body).unwrap();
    let given = read(&body).unwrap().parameters;
    let mut parameters = given.clone();
    adapt(&mut parameters);
    let target = target(rules);
    let asking = Asking { target_id: "t", target: &target, parameters: &parameters, stream, continues: None };
    String::from_utf8(forward(&body, &given, &asking).unwrap().to_vec()).unwrap()
}

const HI: &str = r#""messages":[{"role":"user","content":"h\u0069"}]"#;

#[test]
fn only_what_the_gateway_sets_differs_from_what_came() {
    let body = format!(
        r#"{{"model":"gpt-5.5",{HI},"future_field":{{"a":[1.50]}},"temperature":1.0,"stop":"x","stream":true}}"#
    );

    let sent = sent(&body, Rules::default(), true, |settings| settings.set(Parameter::MaxOutputTokens, 100));

    assert_eq!(
        sent,
        format!(
            r#"{{"model":"provider.m",{HI},"future_field":{{"a":[1.50]}},"temperature":1.0,"stop":"x","stream":true,"max_completion_tokens":100,"stream_options":{{"include_usage":true}}}}"#
        )
    );
}

#[test]
fn the_cap_keeps_the_callers_name_unless_the_target_says_another() {
    let body = format!(r#"{{"model":"m",{HI},"max_tokens":7}}"#);
    let named = || {
        serde_json::from_value(json!({"max_output_tokens": {"sent_as": "max_completion_tokens"}})).unwrap()
    };

    let kept = sent(&body, Rules::default(), false, |settings| settings.set(Parameter::MaxOutputTokens, 5));
    let moved = sent(&body, named(), false, |_| {});
    let same = sent(&body.replace("max_tokens", "max_completion_tokens"), named(), false, |_| {});

    assert_eq!(kept, format!(r#"{{"model":"provider.m",{HI},"max_tokens":5}}"#));
    assert_eq!(moved, format!(r#"{{"model":"provider.m",{HI},"max_completion_tokens":7}}"#));
    assert_eq!(same, moved);
}

#[test]
fn settings_are_changed_added_and_taken_out_at_their_place() {
    let body = format!(r#"{{"model":"m","top_p":0.9,"reasoning_effort":"minimal",{HI},"seed":null}}"#);

    let sent = sent(&body, Rules::default(), false, |settings| {
        settings.remove(Parameter::TopP);
        settings.set(Parameter::ReasoningEffort, "low");
        settings.set(Parameter::Stop, json!(["END"]));
        settings.set(Parameter::Seed, 1);
    });

    let sent: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(
        sent,
        json!({"model": "provider.m", "reasoning_effort": "low", "messages": [{"role": "user", "content": "hi"}],
               "seed": 1, "stop": ["END"]})
    );
}

#[test]
fn a_stream_that_is_asked_for_as_a_whole_loses_its_options() {
    let body =
        format!(r#"{{"model":"m",{HI},"stream":true,"stream_options":{{"include_usage":false,"x":1}}}}"#);

    let stream = sent(&body, Rules::default(), true, |_| {});
    let whole = sent(&body, Rules::default(), false, |_| {});

    assert!(stream.ends_with(r#""stream":true,"stream_options":{"include_usage":true,"x":1}}"#), "{stream}");
    assert!(whole.ends_with(r#""stream":false}"#), "{whole}");
}
