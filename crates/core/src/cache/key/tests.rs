use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::name::Name;

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":1,"seed":7}"#;

static POLICY: CachePolicy = CachePolicy {
    ttl_secs: None,
    sharing: Sharing::Tenant,
    folds_space: false,
    wait_ms: 0,
    version: 0,
    semantic: None,
};

static FOLDING: CachePolicy = CachePolicy {
    ttl_secs: None,
    sharing: Sharing::Tenant,
    folds_space: true,
    wait_ms: 0,
    version: 0,
    semantic: None,
};

pub(in crate::cache) fn caller() -> Caller {
    caller_of("acme", "search", "alice")
}

fn caller_of(tenant: &str, team: &str, user: &str) -> Caller {
    let record = crate::caller::tests::record();
    let name = |text: &str| text.parse::<Name>().unwrap();
    Caller { tenant: name(tenant), team: name(team), user: name(user), ..record.caller() }
}

pub(in crate::cache) fn chat(body: &str) -> Request {
    Request::parse(Dialect::Chat, body.as_bytes()).unwrap()
}

pub(in crate::cache) fn asked<'a>(caller: &'a Caller, request: &'a Request) -> Asked<'a> {
    Asked {
        caller,
        sharing: Sharing::Tenant,
        request,
        template: None,
        is_strict: false,
        route: "",
        policy: &POLICY,
        stops: &[],
    }
}

fn key(body: &str) -> CacheKey {
    asked(&caller(), &chat(body)).key()
}

#[test]
fn order_and_spelling_do_not_matter() {
    let other = r#"{ "seed": 7, "temperature": 1e0, "messages": [{"content":"\u0068i","role":"user"}], "model":"m", "stop":null}"#;

    assert_eq!(key(BODY), key(other));
}

#[test]
fn how_the_answer_comes_does_not_matter() {
    let streamed =
        BODY.replace("\"seed\"", r#""stream":true,"stream_options":{"include_usage":true},"seed""#);

    assert_eq!(key(BODY), key(&streamed));
}

#[test]
fn who_asks_does_not_matter_within_a_tenant() {
    let named = BODY.replace("\"seed\"", "\"user\":\"u1\",\"metadata\":{\"a\":\"b\"},\"seed\"");

    assert_eq!(key(BODY), key(&named));
}

#[test]
fn no_leak_a_response_repeats_who_asked_and_is_kept_for_them_alone() {
    let key = |member: &str| {
        let body = format!(r#"{{"model":"m","input":"hi"{member}}}"#);
        let request = Request::parse(Dialect::Responses, body.as_bytes()).unwrap();
        asked(&caller(), &request).key()
    };

    for member in [r#","user":"u1""#, r#","metadata":{"a":"b"}"#, r#","safety_identifier":"s""#] {
        assert_ne!(key(""), key(member), "{member}");
    }
}

#[test]
fn no_leak_anything_that_can_change_the_answer_changes_the_key() {
    let others = [
        BODY.replace("\"m\"", "\"n\""),
        BODY.replace("hi", "hi "),
        BODY.replace("user", "system"),
        BODY.replace("\"temperature\":1", "\"temperature\":0.5"),
        BODY.replace("\"seed\":7", "\"seed\":8"),
        BODY.replace("\"seed\"", "\"unknown_field\":1,\"seed\""),
        BODY.replace("\"seed\"", "\"max_tokens\":100,\"seed\""),
    ];

    for other in &others {
        assert_ne!(key(BODY), key(other), "{other}");
    }
}

#[test]
fn no_leak_every_part_of_identity_and_policy_changes_the_key() {
    let (caller, request) = (caller(), chat(BODY));
    let plain = asked(&caller, &request);
    let (template, newer): (Template, Template) = ("a:1".parse().unwrap(), "a:2".parse().unwrap());
    let version = CachePolicy { version: 1, ..POLICY.clone() };
    let stops = ["END".to_owned()];
    let others = [
        plain,
        Asked { sharing: Sharing::Team, ..plain },
        Asked { sharing: Sharing::Private, ..plain },
        Asked { template: Some(&template), ..plain },
        Asked { template: Some(&newer), ..plain },
        Asked { is_strict: true, ..plain },
        Asked { route: "experiment", ..plain },
        Asked { policy: &version, ..plain },
        Asked { policy: &FOLDING, ..plain },
        Asked { stops: &stops, ..plain },
    ];

    for mut keys in [
        others.iter().map(Asked::key).collect::<Vec<_>>(),
        others.iter().filter_map(Asked::partition).collect(),
    ] {
        keys.sort_unstable();
        keys.dedup();

        assert_eq!(keys.len(), others.len());
    }
}

#[test]
fn white_space_matters_unless_the_route_says_otherwise() {
    let (caller, spaced) = (caller(), chat(&BODY.replace("hi", "hi   there \\n")));
    let (plain, code) = (chat(&BODY.replace("hi", "hi there")), chat(&BODY.replace("hi", "`hi   there`")));
    let folding = |request| Asked { policy: &FOLDING, ..asked(&caller, request) };

    assert_ne!(asked(&caller, &spaced).key(), asked(&caller, &plain).key());
    assert_eq!(folding(&spaced).key(), folding(&plain).key());
    assert_ne!(folding(&code).key(), folding(&chat(&BODY.replace("hi", "`hi there`"))).key());
}

#[test]
fn a_partition_holds_all_but_the_last_turns_text() {
    let turns = |system: &str, last: &str| {
        let body = json!({"model": "m", "messages": [{"role": "system", "content": system}, {"role": "user", "content": last}]});
        asked(&caller(), &chat(&body.to_string())).partition()
    };
    let parts =
        json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]});

    assert!(turns("s", "a").is_some());
    assert_eq!(turns("s", "a"), turns("s", "b"));
    assert_ne!(turns("s", "a"), turns("t", "a"));
    assert!(asked(&caller(), &chat(&parts.to_string())).partition().is_some());
    let response = Request::parse(Dialect::Responses, br#"{"model":"m","input":"hi"}"#).unwrap();
    assert!(asked(&caller(), &response).partition().is_some());
}

/// A JSON value of some depth.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c=\n\",]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-c]{1,2}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn with_extra(value: &Value) -> String {
    json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "extra": value}).to_string()
}

/// The same value, members the other way round, numbers and letters spelt differently.
fn respelt(value: &Value) -> String {
    match value {
        Value::Number(number) => format!("{number}.0e0"),
        Value::String(text) => {
            let letters: String =
                text.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
            format!("\"{letters}\"")
        }
        Value::Array(items) => format!("[ {} ]", items.iter().map(respelt).collect::<Vec<_>>().join(" , ")),
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .rev()
                .map(|(name, value)| format!("\"{name}\" : {}", respelt(value)))
                .collect();
            format!("{{ {} }}", members.join(","))
        }
        plain => plain.to_string(),
    }
}

proptest! {
    #[test]
    fn reordering_and_respelling_change_nothing(value in value()) {
        let other = format!(
            r#"{{"extra": {}, "messages": [{{"content": "\u0078", "role": "user"}}], "model": "m"}}"#,
            respelt(&value),
        );

        prop_assert_eq!(key(&with_extra(&value)), key(&other));
    }

    #[test]
    fn two_requests_share_a_key_only_when_they_are_equal(one in value(), other in value()) {
        let is_same = one == other || (one.is_null() && other.is_null());

        prop_assert_eq!(key(&with_extra(&one)) == key(&with_extra(&other)), is_same);
    }

    #[test]
    fn no_leak_two_callers_share_only_within_their_circle(
        tenants in ("[ab]", "[ab]"), teams in ("[ab]", "[ab]"), users in ("[ab]", "[ab]"),
        sharings in (0_usize..3, 0_usize..3),
    ) {
        let all = [Sharing::Private, Sharing::Team, Sharing::Tenant];
        let (one, other) = (all[sharings.0], all[sharings.1]);
        let callers = (caller_of(&tenants.0, &teams.0, &users.0), caller_of(&tenants.1, &teams.1, &users.1));
        let request = chat(BODY);
        let key = |caller, sharing| Asked { sharing, ..asked(caller, &request) }.key();
        let may_share = tenants.0 == tenants.1 && one == other && match one {
            Sharing::Private => users.0 == users.1,
            Sharing::Team => teams.0 == teams.1,
            Sharing::Tenant => true,
        };

        prop_assert_eq!(key(&callers.0, one) == key(&callers.1, other), may_share);
    }

    #[test]
    fn two_texts_share_a_key_only_when_they_are_equal(one in ".{0,20}", other in ".{0,20}") {
        let body = |text: &str| json!({"model": "m", "messages": [{"role": "user", "content": text}]}).to_string();

        prop_assert_eq!(key(&body(&one)) == key(&body(&other)), one == other);
    }

    #[test]
    fn the_border_of_two_fields_cannot_be_moved(one in "[a-z=\n\",]{0,8}", other in "[a-z=\n\",]{0,8}") {
        let body = |a: &str, b: &str| json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "a": a, "b": b}).to_string();

        prop_assert_eq!(key(&body(&one, &other)) == key(&body(&other, &one)), one == other);
    }
}
