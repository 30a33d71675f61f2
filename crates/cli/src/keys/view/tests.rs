use tollgate_core::budget::{Budget, FlowPolicy};
use tollgate_core::caller::Role;
use tollgate_core::key::ENTROPY_BYTES;
use tollgate_core::key::tag::collect;
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
            ..Budget::default()
        },
        flow: FlowPolicy::default(),
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
    ID  USER   TEAM    TENANT   ROLE    STATUS   RATE                          BUDGET                         MODELS                 CREATED     EXPIRES     TAGS  NOTE
    k1  alice  search  default  caller  active   10/s, burst 20                unlimited                      all                    2026-11-20  never
    k2  alice  search  default  caller  revoked  0.5/s, burst 1, 10,000 a day  $12.50 a day, $100.00 a month  gpt-5.5, gpt-oss-120b  2026-11-20  2026-11-22
    k3  alice  search  default  caller  expired  10/s, burst 20                unlimited                      all                    2026-11-20  2026-11-22
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
    let views = || [&suspended(), &replaced, &new].map(|key| KeyView::of(key.clone(), NOW));

    insta::assert_snapshot!(KeyList(views().into()), @"
    ID  USER   TEAM    TENANT   ROLE    STATUS     RATE            BUDGET     MODELS  CREATED     EXPIRES     TAGS             NOTE
    k1  alice  search  default  caller  suspended  10/s, burst 20  unlimited  all     2026-11-20  never       app=x, env=prod  suspended 2026-11-22 by ann: it loops
    k2  alice  search  default  caller  active     10/s, burst 20  unlimited  all     2026-11-20  2026-11-23                   replaced by k3
    k3  alice  search  default  caller  active     10/s, burst 20  unlimited  all     2026-11-20  never                        replaces k2
    ");
    let [first, second, _] = views();
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
      "budget_usd_day": null,
      "budget_usd_month": null,
      "models": [],
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

    id       k2
    user     alice
    team     search
    tenant   default
    role     caller
    rate     0.5/s, burst 1, 10,000 a day
    budget   $12.50 a day, $100.00 a month
    models   gpt-5.5, gpt-oss-120b
    output   at most 4,000 tokens, stop at "END"
    expires  2026-11-22T12:01:00Z

    Keep the key now: it is stored as a hash only and cannot be shown again.
    "#);
    insta::assert_json_snapshot!(created, @r#"
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
      "budget_usd_day": "12.5",
      "budget_usd_month": "100",
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
      "created_at": "2026-11-20T08:00:00Z",
      "expires_at": "2026-11-22T12:01:00Z",
      "tags": {}
    }
    "#);
}

#[test]
fn a_revoked_key_is_said_to_stop_in_time() {
    let revoked = |was_revoked| Revoked { id: "k1".parse().unwrap(), was_revoked, effective_within_secs: 10 };

    assert_eq!(revoked(false).to_string(), "k1 is revoked. No call is admitted with it 10 s from now.\n");
    assert_eq!(revoked(true).to_string(), "k1 was revoked before.\n");
}
