use proptest::prelude::*;

use super::*;
use crate::cache::entry::Labels;
use crate::idempotency::Form;
use crate::money::Nanos;
use crate::usage::Usage;

const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

fn about(asked_us: Timestamp) -> About {
    About {
        request_id: "r-1".to_owned(),
        form: Form::Json,
        include_usage: false,
        target: "bedrock/gpt".to_owned(),
        usage: Usage::default(),
        cost_nanos: Nanos(1),
        asked_us,
        expires_at: u64::MAX,
        question: None,
        labels: Labels {
            tenant: "acme".parse().unwrap(),
            model: "gpt-5.5".to_owned(),
            template: "answer:3".parse().ok(),
            tags: vec!["docs".parse().unwrap()],
        },
    }
}

fn select(json: &str) -> Selection {
    serde_json::from_str(json).unwrap()
}

fn purged(json: &str) -> Purges {
    Purges::default().with(select(json), "op", NOON).unwrap()
}

#[test]
fn what_is_selected_goes_and_nothing_else() {
    let goes = [
        "{}",
        r#"{"tenant":"acme"}"#,
        r#"{"model":"gpt-5.5"}"#,
        r#"{"template":"answer"}"#,
        r#"{"template_version":"answer:3"}"#,
        r#"{"tag":"docs"}"#,
        r#"{"key":"k"}"#,
        r#"{"tenant":"acme","tag":"docs","key":"k"}"#,
    ];
    let stays = [
        r#"{"tenant":"other"}"#,
        r#"{"model":"gpt-6"}"#,
        r#"{"template":"other"}"#,
        r#"{"template_version":"answer:2"}"#,
        r#"{"tag":"news"}"#,
        r#"{"key":"l"}"#,
        r#"{"tenant":"acme","tag":"news"}"#,
    ];

    for json in goes {
        assert!(purged(json).cover("k", &about(NOON)), "{json}");
    }
    for json in stays {
        assert!(!purged(json).cover("k", &about(NOON)), "{json}");
    }
}

#[test]
fn what_is_asked_later_than_the_purge_reaches_stays() {
    let purges = purged("{}");

    assert!(purges.cover("k", &about(NOON.plus(REACH))));
    assert!(!purges.cover("k", &about(NOON.plus(REACH).plus(Duration::from_micros(1)))));
}

#[test]
fn purges_that_are_needless_are_forgotten() {
    let purges = purged(r#"{"tenant":"acme","model":"m"}"#);

    let wider = purges.with(select(r#"{"tenant":"acme"}"#), "op", NOON).unwrap();
    assert_eq!(wider.purges.len(), 1);
    let later = NOON.plus(REACH).plus(LONGEST_KEPT);
    assert_eq!(wider.with(select(r#"{"tag":"t"}"#), "op", later).unwrap().purges.len(), 1);
    let narrower = wider.with(select(r#"{"tenant":"acme","tag":"t"}"#), "op", NOON).unwrap();
    assert_eq!(narrower.purges.len(), 2);
}

#[test]
fn there_are_never_more_than_a_look_up_can_ask() {
    let mut purges = Purges::default();
    for tag in 0..MOST {
        purges = purges.with(select(&format!(r#"{{"tag":"t{tag}"}}"#)), "op", NOON).unwrap();
    }

    assert_eq!(purges.with(select(r#"{"tag":"more"}"#), "op", NOON), Err(TooMany));
    assert_eq!(purges.with(select("{}"), "op", NOON).unwrap().purges.len(), 1);
}

#[test]
fn a_selection_says_what_it_takes_out() {
    assert_eq!(select("{}").to_string(), "everything");
    assert_eq!(select(r#"{"tenant":"acme","tag":"t"}"#).to_string(), r#"tag "t" and tenant "acme""#);
}

proptest! {
    #[test]
    fn a_later_purge_never_brings_anything_back(
        selections in prop::collection::vec((0_usize..8, 0_u64..100), 1..6),
        asked in 0_u64..100,
    ) {
        let kinds = ["{}", r#"{"tenant":"acme"}"#, r#"{"tenant":"other"}"#, r#"{"model":"gpt-5.5"}"#,
            r#"{"tenant":"acme","tag":"docs"}"#, r#"{"tag":"news"}"#, r#"{"key":"k"}"#, r#"{"template":"answer"}"#];
        let (mut purges, mut now, mut is_covered) = (Purges::default(), NOON, false);
        let entry = about(NOON.plus(Duration::from_secs(asked)));
        for (kind, secs) in selections {
            now = now.plus(Duration::from_secs(secs));
            purges = purges.with(select(kinds[kind]), "op", now).unwrap();

            prop_assert!(!is_covered || purges.cover("k", &entry));
            is_covered = purges.cover("k", &entry);
        }
    }
}
