//! Requests as they leave.

use serde_json::json;

use super::super::{Class, Redact, redact, words};
use super::{left, outside, redacted, request};
use crate::dialect::Dialect;

#[test]
fn everything_that_carries_words_in_chat_leaves_without_them() {
    let body = json!({
        "model": "a@b.example", "user": "max@firma.example",
        "messages": [
            {"role": "system", "content": "You write for max@firma.example."},
            {"role": "user", "name": "max@firma.example", "content": [
                {"type": "text", "text": "I am at 192.0.2.17 and max@firma.example"},
                {"type": "image_url", "image_url": {"url": "https://x.example/?m=max@firma.example"}},
            ]},
            {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {
                "name": "send", "arguments": "{\"to\":\"max@firma.example\",\"card\":4111111111111111}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sent to eve@firma.example"},
        ],
        "tools": [{"type": "function", "function": {"name": "send", "description": "Sends as eve@firma.example",
            "parameters": {"type": "object", "properties": {"to": {"enum": ["max@firma.example"]}}}}}],
    });

    let redacted = redacted(Dialect::Chat, &body, &[]);

    assert_eq!(
        left(&redacted),
        json!({
            "model": "a@b.example", "user": "[EMAIL_1]",
            "messages": [
                {"role": "system", "content": "You write for [EMAIL_1]."},
                {"role": "user", "name": "max@firma.example", "content": [
                    {"type": "text", "text": "I am at [IP_1] and [EMAIL_1]"},
                    {"type": "image_url", "image_url": {"url": "https://x.example/?m=max@firma.example"}},
                ]},
                {"role": "assistant", "tool_calls": [{"id": "call_1", "type": "function", "function": {
                    "name": "send", "arguments": "{\"to\":\"[EMAIL_1]\",\"card\":\"[CARD_1]\"}"}}]},
                {"role": "tool", "tool_call_id": "call_1", "content": "sent to [EMAIL_2]"},
            ],
            "tools": [{"type": "function", "function": {"name": "send", "description": "Sends as [EMAIL_2]",
                "parameters": {"type": "object", "properties": {"to": {"enum": ["max@firma.example"]}}}}}],
        })
    );
    assert_eq!(redacted.vault.counts()[&Class::Email], 6);
}

#[test]
fn a_responses_request_leaves_without_them_too() {
    let body = json!({
        "model": "m", "instructions": "Sign as Eve Müller.", "metadata": {"name": "Eve Müller"},
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Write to eve@firma.example"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":\"x\\neve@firma.example\"}"},
            {"type": "function_call_output", "call_id": "c", "output": "Eve Müller, Evelyn"},
        ],
    });

    let left = left(&redacted(Dialect::Responses, &body, &["Eve Müller", "Eve"]));

    assert_eq!(left["instructions"], "Sign as [NAME_1].");
    assert_eq!(left["metadata"]["name"], "[NAME_1]");
    assert_eq!(left["input"][0]["content"][0]["text"], "Write to [EMAIL_1]");
    assert_eq!(left["input"][1]["arguments"], "{\"a\":\"x\\n[EMAIL_1]\"}");
    assert_eq!(left["input"][2]["output"], "[NAME_1], Evelyn");
}

#[test]
fn what_a_caller_wrote_like_a_placeholder_stays_the_callers() {
    let text = "[EMAIL_1] and \u{5b}EMAIL_2] are mine, max@firma.example is not";
    let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});

    let redacted = redacted(Dialect::Chat, &body, &[]);

    let content = left(&redacted)["messages"][0]["content"].as_str().unwrap().to_owned();
    assert_eq!(content, "[EMAIL_1] and [EMAIL_2] are mine, [EMAIL_3] is not");
    assert_eq!(redacted.vault.restored(&content), text);
}

#[test]
fn a_request_with_nothing_in_it_leaves_byte_for_byte() {
    let body = r#"{"model":"m",  "messages":[{"role":"user","content":"caf\u00e9"}],"seed":1}"#;
    let request = crate::request::Request::parse(Dialect::Chat, body.as_bytes()).unwrap();

    let redacted = redact(&request, (&outside(), &Redact::default()), &[]).unwrap();

    assert!(redacted.vault.is_empty());
    assert_eq!(
        serde_json::to_string(redacted.request.body()).unwrap(),
        serde_json::to_string(request.body()).unwrap()
    );
}

#[test]
fn tokens_that_nobody_can_read_do_not_leave() {
    let body = json!({"model": "m", "input": [1, 2, 3]});
    let request = request(Dialect::Embeddings, &body);

    let unfit = redact(&request, (&outside(), &Redact::default()), &[]).unwrap_err();

    assert_eq!(unfit.field, "input");
}

#[test]
fn the_bound_counts_the_longer_of_the_two() {
    let longer = json!({"model": "m", "messages": [{"role": "user", "content": "a@b.de"}]});
    let long_mail = "a".repeat(40) + "@firma.example";
    let shorter = json!({"model": "m", "messages": [{"role": "user", "content": long_mail}]});

    for body in [longer, shorter] {
        let came = body.to_string().len();
        let redacted = redacted(Dialect::Chat, &body, &[]);
        let leaves = left(&redacted).to_string().len();

        assert_eq!(redacted.request.body_bytes(), came.max(leaves));
    }
}

#[test]
fn a_guardrail_is_shown_the_words_and_nothing_else() {
    let body =
        json!({"model": "m", "messages": [{"role": "user", "content": "Anna \"here\""}], "stop": ["END"]});

    assert_eq!(words(&request(Dialect::Chat, &body)), ["Anna \"here\"", "END"]);
}

#[test]
fn no_secret_out_the_vault_prints_counts_only() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "max@firma.example"}]});

    let printed = format!("{:?}", redacted(Dialect::Chat, &body, &[]).vault);

    assert_eq!(printed, "Vault { counts: {Email: 1}, .. }");
}

#[test]
fn targets_outside_of_aws_see_nothing_that_has_a_form_unless_the_catalogue_says_so() {
    let mut target = outside();
    assert_eq!(target.redact(), Redact::default());

    target.redact = Some(serde_json::from_value(json!({"classes": []})).unwrap());
    assert!(target.redact().is_nothing());
    let faulty = [json!({"classes": ["name"]}), json!({"names": {"id": "", "version": "1"}})];
    for policy in faulty {
        let policy: Redact = serde_json::from_value(policy).unwrap();
        assert!(policy.fault().is_some());
    }
}

#[test]
fn a_text_that_was_cut_within_a_value_is_known_to_be() {
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "Ask max@firma.example."}]});

    let vault = redacted(Dialect::Chat, &body, &["Zoë"]).vault;

    for cut in ["I asked max", "I asked max@fir", "I asked max@firma.exampl"] {
        assert!(vault.is_cut_within(cut), "{cut}");
    }
    for whole in ["", "I asked ma", "I asked max@firma.example", "I asked max, who"] {
        assert!(!vault.is_cut_within(whole), "{whole}");
    }
}
