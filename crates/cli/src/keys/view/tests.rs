use tollgate_core::budget::{Budget, FlowPolicy, Mode};
use tollgate_core::caller::Role;
use tollgate_core::key::tag::collect;
use tollgate_core::key::{ApiKey, ENTROPY_BYTES};
use tollgate_core::money::Nanos;
use tollgate_core::rate::RatePolicy;

use super::*;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_795_348_800);

pub(crate) fn record(id: &str) -> KeyRecord {
    let name = |text: &str| text.parse().unwrap();
    KeyRecord {
        key_id: name(id),
        user: name("alice"),
        team: name("search"),
        tenant: name("default"),
        role: Role::Caller,
        status: KeyStatus::Active,
        rate: RatePolicy { interval_us: 100_000, burst: 20, requests_per_day: None },
        key_rate: None,
        plan: None,
        budget: Budget::default(),
        flow: FlowPolicy::default(),
        models: Vec::new(),
        output: OutputPolicy::default(),
        sharing: Sharing::default(),
        created_at: "2026-11-20T08:00:00Z".to_owned(),
        expires_at: None,
        tags: Tags::new(),
        replaces: None,
        replaced_by: None,
        suspension: None,
    }
}

fn limited() -> KeyRecord {
    KeyRecord {
        status: KeyStatus::Revoked,
        rate: RatePolicy { interval_us: 2_000_000, burst: 1, requests_per_day: Some(10_000) },
        budget: Budget {
            day: Some(Nanos(12_500_000_000)),
            month: Some(Nanos(100_000_000_000)),
            day_tokens: Some(1_000_000),
            month_tokens: None,
            mode: Mode::Shadow,
        },
        key_rate: Some(RatePolicy { interval_us: 4_000_000, burst: 3, requests_per_day: None }),
        plan: "premium".parse().ok(),
        flow: FlowPolicy { tokens_per_minute: Some(60_000), max_concurrent: Some(4) },
        models: vec!["gpt-5.5".to_owned(), "gpt-oss-120b".to_owned()],
        output: OutputPolicy {
            max_tokens: Some(4_000),
            stop: vec!["END".to_owned()],
            ..OutputPolicy::default()
        },
        expires_at: Some(NOW.as_secs() + 60),
        ..record("k2")
    }
}

#[test]
fn keys_are_listed_with_their_limits() {
    let expired = KeyRecord { expires_at: Some(NOW.as_secs()), ..record("k3") };
    let keys = [record("k1"), limited(), expired].map(|key| KeyView::of(key, NOW));

    insta::assert_snapshot!(KeyList(keys.into()), @"
    ID  USER   TEAM    TENANT   ROLE    STATUS   PLAN      RATE                          KEY RATE         BUDGET                                                          FLOW                               MODELS                 CREATED     EXPIRES     TAGS  NOTE
    k1  alice  search  default  caller  active   standard  10/s, burst 20                                 unlimited                                                                                          all                    2026-11-20  never
    k2  alice  search  default  caller  revoked  premium   0.5/s, burst 1, 10,000 a day  0.25/s, burst 3  $12.50 a day, $100.00 a month, 1,000,000 tokens a day (shadow)  60,000 tokens a minute, 4 at once  gpt-5.5, gpt-oss-120b  2026-11-20  2026-11-22
    k3  alice  search  default  caller  expired  standard  10/s, burst 20                                 unlimited                                                                                          all                    2026-11-20  2026-11-22
    ");
    insta::assert_snapshot!(KeyList(Vec::new()), @"No keys.");
}

fn suspended() -> KeyRecord {
    let suspension = Suspension {
        who: "ann".to_owned(),
        why: "it loops".to_owned(),
        since: "2026-11-22T09:00:00Z".to_owned(),
    };
    let tags = ["app=x", "env=prod"].map(|text| text.parse().unwrap());
    KeyRecord {
        status: KeyStatus::Suspended,
        suspension: Some(suspension),
        tags: collect(tags).unwrap(),
        ..record("k1")
    }
}

#[test]
fn a_list_says_who_suspended_a_key_and_which_keys_replace_which() {
    let replaced = KeyRecord {
        expires_at: Some(NOW.as_secs() + 86_400),
        replaced_by: Some("k3".parse().unwrap()),
        ..record("k2")
    };
    let new = KeyRecord { replaces: Some("k2".parse().unwrap()), ..record("k3") };
    let views = [&suspended(), &replaced, &new].map(|key| KeyView::of(key.clone(), NOW));

    insta::assert_snapshot!(KeyList(views.into()), @"
    ID  USER   TEAM    TENANT   ROLE    STATUS     PLAN      RATE            KEY RATE  BUDGET     FLOW  MODELS  CREATED     EXPIRES     TAGS             NOTE
    k1  alice  search  default  caller  suspended  standard  10/s, burst 20            unlimited        all     2026-11-20  never       app=x, env=prod  suspended 2026-11-22 by ann: it loops
    k2  alice  search  default  caller  active     standard  10/s, burst 20            unlimited        all     2026-11-20  2026-11-23                   replaced by k3
    k3  alice  search  default  caller  active     standard  10/s, burst 20            unlimited        all     2026-11-20  never                        replaces k2
    ");
}

#[test]
fn a_key_in_json_says_who_suspended_it_and_what_replaces_it() {
    let replaced = KeyRecord {
        expires_at: Some(NOW.as_secs() + 86_400),
        replaced_by: Some("k3".parse().unwrap()),
        ..record("k2")
    };
    let [first, second] = [&suspended(), &replaced].map(|key| KeyView::of(key.clone(), NOW));

    insta::assert_json_snapshot!(first, @r#"
    {
      "id": "k1",
      "user": "alice",
      "team": "search",
      "tenant": "default",
      "role": "caller",
      "status": "suspended",
      "requests_per_second": "10",
      "burst": 20,
      "requests_per_day": null,
      "key_requests_per_second": null,
      "key_burst": null,
      "plan": "standard",
      "budget_usd_day": null,
      "budget_usd_month": null,
      "tokens_day": null,
      "tokens_month": null,
      "budget_mode": "hard",
      "tokens_per_minute": null,
      "max_concurrent": null,
      "models": [],
      "cache_sharing": "tenant",
      "created_at": "2026-11-20T08:00:00Z",
      "expires_at": null,
      "tags": {
        "app": "x",
        "env": "prod"
      },
      "suspension": {
        "who": "ann",
        "why": "it loops",
        "since": "2026-11-22T09:00:00Z"
      }
    }
    "#);
    assert_eq!(serde_json::json!(second)["replaced_by"], "k3");
}

#[test]
fn a_new_key_is_shown_with_what_it_may() {
    let key = ApiKey::mint(&[7; ENTROPY_BYTES]);
    let created = CreatedKey::of(&key, limited(), NOW);

    insta::assert_snapshot!(created, @r#"
    tg-777777777777-77777777777777777777777777777777r8mt

    id        k2
    user      alice
    team      search
    tenant    default
    role      caller
    plan      premium
    rate      0.5/s, burst 1, 10,000 a day
    key rate  0.25/s, burst 3
    budget    $12.50 a day, $100.00 a month, 1,000,000 tokens a day (shadow)
    flow      60,000 tokens a minute, 4 at once
    models    gpt-5.5, gpt-oss-120b
    output    at most 4,000 tokens, stop at "END"
    expires   2026-11-22T12:01:00Z

    Keep the key now: it is stored as a hash only and cannot be shown again.
    "#);
}

#[test]
fn a_new_key_is_json_too() {
    let key = ApiKey::mint(&[7; ENTROPY_BYTES]);

    insta::assert_json_snapshot!(CreatedKey::of(&key, limited(), NOW), @r#"
    {
      "key": "tg-777777777777-77777777777777777777777777777777r8mt",
      "id": "k2",
      "user": "alice",
      "team": "search",
      "tenant": "default",
      "role": "caller",
      "status": "revoked",
      "requests_per_second": "0.5",
      "burst": 1,
      "requests_per_day": 10000,
      "key_requests_per_second": "0.25",
      "key_burst": 3,
      "plan": "premium",
      "budget_usd_day": "12.5",
      "budget_usd_month": "100",
      "tokens_day": 1000000,
      "tokens_month": null,
      "budget_mode": "shadow",
      "tokens_per_minute": 60000,
      "max_concurrent": 4,
      "models": [
        "gpt-5.5",
        "gpt-oss-120b"
      ],
      "output": {
        "max_tokens": 4000,
        "stop": [
          "END"
        ]
      },
      "cache_sharing": "tenant",
      "created_at": "2026-11-20T08:00:00Z",
      "expires_at": "2026-11-22T12:01:00Z",
      "tags": {}
    }
    "#);
}

#[test]
fn a_key_is_shown_with_its_state() {
    insta::assert_snapshot!(ShownKey::of(suspended(), NOW), @"
    id        k1
    user      alice
    team      search
    tenant    default
    role      caller
    plan      standard
    rate      10/s, burst 20
    budget    unlimited
    models    all
    tags      app=x, env=prod
    status    suspended
    created   2026-11-20T08:00:00Z
    note      suspended 2026-11-22 by ann: it loops
    ");
    assert_eq!(
        serde_json::json!(ShownKey::of(limited(), NOW)),
        serde_json::json!(KeyView::of(limited(), NOW)),
    );
}

#[test]
fn a_change_shows_the_key_and_from_when_it_holds() {
    let changed = ChangedKey::of(record("k1"), NOW);

    insta::assert_snapshot!(changed, @"
    id        k1
    user      alice
    team      search
    tenant    default
    role      caller
    plan      standard
    rate      10/s, burst 20
    budget    unlimited
    models    all
    status    active
    created   2026-11-20T08:00:00Z

    In force everywhere 10 s from now; what was spent and counted stays.
    ");
    let json = serde_json::json!(changed);
    assert_eq!((&json["id"], &json["effective_within_secs"]), (&"k1".into(), &10.into()));
}

#[test]
fn a_revoked_key_is_said_to_stop_in_time() {
    let revoked = |was_revoked| Revoked { id: "k1".parse().unwrap(), was_revoked, effective_within_secs: 10 };

    assert_eq!(revoked(false).to_string(), "k1 is revoked. No call is admitted with it 10 s from now.\n");
    assert_eq!(revoked(true).to_string(), "k1 was revoked before.\n");
}
