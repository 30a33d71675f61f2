use proptest::prelude::*;
use serde_json::json;

use super::*;

fn detail(text: &str) -> Value {
    serde_json::from_str::<Value>(text).unwrap()["detail"].clone()
}

fn by_role() -> ModelCall {
    ModelCall::read(&detail(include_str!("../../../../events/reconciler/runtime-call-by-role.json"))).unwrap()
}

fn by_user() -> ModelCall {
    ModelCall::read(&detail(include_str!("../../../../events/reconciler/mantle-call-by-user.json"))).unwrap()
}

#[test]
fn a_call_is_told_by_its_event() {
    assert_eq!(
        by_user(),
        ModelCall {
            event_id: "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111".to_owned(),
            principal: "arn:aws:iam::111122223333:user/userxyz".to_owned(),
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            operation: "CreateInference".to_owned(),
            model: Some("anthropic.claude-opus-4-7".to_owned()),
            refusal: None,
        }
    );
    let call = by_role();
    assert_eq!(call.principal, "arn:aws:iam::123456789012:role/Admin");
    assert_eq!(call.operation, "Converse");
}

#[test]
fn our_own_calls_are_known_by_the_role_behind_the_session() {
    let ours = Principals::parse("arn:aws:iam::123456789012:role/Admin");

    assert_eq!(ours.judge(&by_role()), Sighting::Ours);
    assert_eq!(ours.judge(&by_user()), Sighting::Bypass);
    assert_eq!(
        ours.judge(&ModelCall { refusal: Some("AccessDenied".to_owned()), ..by_user() }),
        Sighting::Refused
    );
    assert_eq!(Principals::parse(" , ").judge(&by_role()), Sighting::Bypass);
}

#[test]
fn a_role_of_a_like_name_is_not_ours() {
    let ours = Principals::parse("arn:aws:iam::*:role/tollgate-tenant-*, arn:aws:iam::1:role/a");
    let judge = |principal: &str| ours.judge(&ModelCall { principal: principal.to_owned(), ..by_role() });

    assert_eq!(judge("arn:aws:iam::222222222222:role/tollgate-tenant-acme"), Sighting::Ours);
    for other in [
        "arn:aws:iam::222222222222:role/x-tollgate-tenant-acme",
        "arn:aws:iam::222222222222:user/tollgate-tenant-acme",
        "arn:aws:iam::1:role/ab",
        "",
    ] {
        assert_eq!(judge(other), Sighting::Bypass, "{other}");
    }
}

#[test]
fn what_is_no_call_is_said() {
    let mut other = detail(include_str!("../../../../events/reconciler/runtime-call-by-role.json"));
    other["eventName"] = "ListFoundationModels".into();
    let error = ModelCall::read(&other).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the event is no call of a model, but ListFoundationModels of bedrock.amazonaws.com"
    );

    for detail in [json!({}), json!(null), json!({"eventID": 7}), json!([])] {
        assert!(matches!(ModelCall::read(&detail), Err(NoCall::Unreadable(_))), "{detail}");
    }
    let mut nobody = detail(include_str!("../../../../events/reconciler/mantle-call-by-user.json"));
    nobody["userIdentity"] = json!({"type": "Unknown"});
    assert!(matches!(ModelCall::read(&nobody), Err(NoCall::Nobody(_))));
}

#[test]
fn a_service_that_calls_is_named() {
    let mut detail = detail(include_str!("../../../../events/reconciler/runtime-call-by-role.json"));
    detail["userIdentity"] = json!({"type": "AWSService", "invokedBy": "lexv2.amazonaws.com"});

    assert_eq!(ModelCall::read(&detail).unwrap().principal, "lexv2.amazonaws.com");
}

proptest! {
    #[test]
    fn a_pattern_of_all_matches_everything(text in ".{0,30}") {
        prop_assert!(matches("*", &text));
        let around = format!("{text}*{text}");
        let whole = format!("{text}-{text}");
        prop_assert!(text.contains('*') || matches(&around, &whole));
    }

    #[test]
    fn without_an_asterisk_only_the_very_text_matches(pattern in "[a-z:/]{0,12}", text in "[a-z:/]{0,12}") {
        prop_assert_eq!(matches(&pattern, &text), pattern == text);
    }

    #[test]
    fn no_event_breaks_the_reader(name in ".{0,20}", source in ".{0,20}") {
        let detail = json!({"eventID": "x", "eventSource": source, "eventName": name, "awsRegion": "r", "userIdentity": {}});
        prop_assert!(ModelCall::read(&detail).is_err());
    }
}
