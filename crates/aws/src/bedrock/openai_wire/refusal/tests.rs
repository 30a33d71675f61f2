use http::{HeaderName, HeaderValue};

use super::*;

/// 2026-11-22T12:00:00Z.
const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn told(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    retry_after(&headers, NOON)
}

fn judged(status: u16, body: &'static str) -> ModelError {
    classify(&Reason::of(status, body.as_bytes()), Bytes::from_static(body.as_bytes()), None)
}

#[test]
fn when_to_come_back_is_read_in_all_its_forms() {
    assert_eq!(told(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
    assert_eq!(told(&[("retry-after-ms", "250")]), Some(Duration::from_millis(250)));
    assert_eq!(told(&[("retry-after", "1"), ("retry-after-ms", "250")]), Some(Duration::from_millis(250)));
    let date = |text| told(&[("retry-after", text)]);
    assert_eq!(date("Sun, 22 Nov 2026 12:00:30 GMT"), Some(Duration::from_secs(30)));
    assert_eq!(date("Sun, 22 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(date("soon"), None);
    assert_eq!(date("-1"), None);
    assert_eq!(told(&[]), None);
}

#[test]
fn a_quota_that_is_used_up_is_not_waited_for() {
    let body = r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#;
    assert!(matches!(judged(429, body), ModelError::Spent(_)));

    let body = r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#;
    assert!(matches!(judged(429, body), ModelError::Throttled { .. }));
}

#[test]
fn a_cause_names_code_and_type_and_quotes_no_message() {
    let body = r#"{"error":{"message":"The model 'x' does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#;

    let ModelError::Gone(cause) = judged(404, body) else { panic!("not gone") };

    assert_eq!(cause.to_string(), "status 404, code model_not_found, type invalid_request_error");
}

#[test]
fn what_is_no_name_is_not_kept_as_one() {
    let body = r#"{"error":{"type":"why is the sky blue","code":404}}"#;

    let ModelError::Gone(cause) = judged(404, body) else { panic!("not gone") };

    assert_eq!(cause.to_string(), "status 404");
}

#[test]
fn an_overloaded_provider_that_says_when_to_come_back_is_heard() {
    let judge = |retry_after| {
        let body = Bytes::new();
        classify(&Reason::of(503, &body), body, retry_after)
    };
    let wish = Some(Duration::from_secs(9));

    assert!(matches!(judge(wish), ModelError::Throttled { retry_after } if retry_after == wish));
    assert!(matches!(judge(None), ModelError::Unavailable(_)));
}
