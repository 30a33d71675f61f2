use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn caller(tenant: &str, user: &str, key_id: &str) -> Caller {
    let context = [
        ("keyId", key_id),
        ("user", user),
        ("team", "search"),
        ("tenant", tenant),
        ("role", "caller"),
        ("models", ""),
    ];
    let read =
        |name: &str| context.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Caller::from_context(read).unwrap()
}

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::from_values([text.as_bytes()].into_iter()).unwrap().unwrap()
}

fn claim(body: &[u8], request_id: &str) -> Claim {
    Claim::new(&caller("acme", "alice", "k"), &key("k-1"), (Dialect::Chat, body), request_id, NOON)
}

fn record(state: &str, charged: u64) -> Record {
    let record = json!({
        "request_id": "r-1", "state": state, "deadline_us": 5, "created_us": 1, "expires_at": 9, "key_id": "k",
        "user": "alice", "team": "search", "tenant": "acme", "model": "gpt-5.5", "stream": false,
        "day": "2026-11-22", "reserved_nanos": 100, "charged_nanos": charged, "cache": "miss"
    });
    serde_json::from_value(record).unwrap()
}

#[test]
fn a_key_is_1_to_255_visible_characters() {
    let read = |value: &[u8]| IdempotencyKey::from_values([value].into_iter());

    assert_eq!(read(b"!~").unwrap(), Some(key("!~")));
    assert!(read("x".repeat(255).as_bytes()).is_ok());
    for bad in ["", "a b", "a\tb", "é", "\u{7f}", &"x".repeat(256)] {
        let error = read(bad.as_bytes()).unwrap_err();

        assert_eq!((error.status().as_u16(), error.code()), (400, "invalid_request"), "{bad}");
        assert!(bad.len() < 2 || !error.to_string().contains(bad), "an error never shows a key");
    }
    assert!(read(b"\xff").is_err());
}

#[test]
fn several_headers_are_one_key_only_where_they_are_the_same() {
    let read = |values: &[&str]| IdempotencyKey::from_values(values.iter().map(|value| value.as_bytes()));

    assert_eq!(read(&[]).unwrap(), None);
    assert_eq!(read(&["a", "a"]).unwrap(), Some(key("a")));
    assert!(read(&["a", "b"]).is_err());
    assert!(read(&["a", ""]).is_err());
}

#[test]
fn no_secret_out_a_key_is_neither_shown_nor_part_of_a_claim() {
    let secret = key("order-4711");
    let claim = Claim::new(&caller("acme", "alice", "k"), &secret, (Dialect::Chat, b"{}"), "r-1", NOON);

    assert!(!format!("{secret:?}{claim:?}").contains("4711"));
}

#[test]
fn a_claim_belongs_to_a_user_whichever_key_is_used() {
    let id = |tenant, user, key_id| {
        Claim::new(&caller(tenant, user, key_id), &key("k"), (Dialect::Chat, b"{}"), "r-1", NOON).id
    };

    assert_eq!(id("acme", "alice", "one"), id("acme", "alice", "two"));
    assert_ne!(id("acme", "alice", "one"), id("acme", "bob", "one"));
    assert_ne!(id("acme", "alice", "one"), id("globex", "alice", "one"));
}

#[test]
fn nobody_moves_the_border_between_owner_and_key() {
    let id = |user, text| {
        Claim::new(&caller("acme", user, "k"), &key(text), (Dialect::Chat, b"{}"), "r-1", NOON).id
    };

    assert_ne!(id("a", "b/c"), id("a.b", "c"));
    assert_ne!(id("a", "/b"), id("a", "b"));
}

#[test]
fn what_stands_decides_by_this_table() {
    let asked = claim(b"{}", "r-2");
    let kept =
        Kept { status: 200, form: Form::Json, target: None, place: Place::Inline(Bytes::from_static(b"x")) };
    let running = Claimed { claim: claim(b"{}", "r-1"), progress: Progress::Running };
    let done = Claimed { progress: Progress::Done(kept.clone()), ..running.clone() };
    let other = Claimed { claim: claim(b"{ }", "r-1"), progress: Progress::Running };
    let other_done = Claimed { progress: Progress::Done(kept.clone()), ..other.clone() };
    let last = NOON.plus(CLAIM_LASTS - Duration::from_secs(1));
    let late = NOON.plus(CLAIM_LASTS);

    let table = [
        (None, NOON, Verdict::Free),
        (Some(&running), last, Verdict::Held("r-1")),
        (Some(&done), last, Verdict::Replay(&kept)),
        (Some(&other), last, Verdict::Mismatch),
        (Some(&other_done), last, Verdict::Mismatch),
        (Some(&running), late, Verdict::Free),
        (Some(&done), late, Verdict::Free),
        (Some(&other), late, Verdict::Free),
    ];
    for (standing, now, verdict) in table {
        assert_eq!(judge(standing, &asked, now), verdict, "{standing:?} at {now:?}");
    }
}

#[test]
fn the_record_of_a_call_tells_its_fate() {
    let table = [
        (Some(record("reserved", 100)), Fate::Running),
        (Some(record("sent", 100)), Fate::Running),
        (Some(record("released", 0)), Fate::Vacant),
        (Some(record("settled", 0)), Fate::Vacant),
        (Some(record("settled", 1)), Fate::Lost),
        (Some(record("expired", 0)), Fate::Vacant),
        (Some(record("expired", 100)), Fate::Lost),
        (None, Fate::Lost),
    ];
    for (record, expected) in table {
        assert_eq!(fate(record.as_ref()), expected, "{record:?}");
    }
}

proptest! {
    #[test]
    fn only_the_same_bytes_in_the_same_dialect_are_the_same_call(
        one in proptest::collection::vec(any::<u8>(), 0..40),
        other in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let standing = Claimed { claim: claim(&one, "r-1"), progress: Progress::Running };
        let in_another_dialect =
            Claim::new(&caller("acme", "alice", "k"), &key("k-1"), (Dialect::Responses, &one), "r-2", NOON);

        let is_same = judge(Some(&standing), &claim(&other, "r-2"), NOON) == Verdict::Held("r-1");
        prop_assert_eq!(is_same, one == other);
        prop_assert_eq!(judge(Some(&standing), &claim(&one, "r-2"), NOON), Verdict::Held("r-1"));
        prop_assert_eq!(judge(Some(&standing), &in_another_dialect, NOON), Verdict::Mismatch);
    }

    #[test]
    fn a_claim_stands_for_a_day_and_not_a_second_longer(after in 0_u64..200_000) {
        let standing = Claimed { claim: claim(b"{}", "r-1"), progress: Progress::Running };
        let now = NOON.plus(Duration::from_secs(after));

        let is_free = judge(Some(&standing), &claim(b"{}", "r-2"), now) == Verdict::Free;
        prop_assert_eq!(is_free, after >= 86_400);
    }

    #[test]
    fn any_header_is_a_key_or_is_refused(value in proptest::collection::vec(any::<u8>(), 0..300)) {
        let is_key = (1..=255).contains(&value.len()) && value.iter().all(|byte| (0x21..=0x7e).contains(byte));

        prop_assert_eq!(IdempotencyKey::from_values([value.as_slice()].into_iter()).is_ok(), is_key);
    }
}
