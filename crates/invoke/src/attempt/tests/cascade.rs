//! A cheap target first.

use serde_json::{Value, json};
use tollgate_core::model::ModelError;
use tollgate_core::money::Nanos;
use tollgate_core::routing::{Insufficient, Reason};
use tollgate_core::settings::Document;

use crate::testing::*;

/// The first target is asked first, and suffices unless it says that it does not know.
fn world(turns: impl Into<Vec<Turn>>) -> World {
    let world = World::scripted(turns);
    let sufficient = json!({"unless_says": ["I do not know"]});
    let strategy = json!({"kind": "cascade", "first": "first", "sufficient": sufficient});
    let route = json!({"providers": {"second": 1}, "failover_order": ["second"], "strategy": strategy});
    world.settings.write(Document::Routing, &json!({"default": route}));
    world
}

fn content_of(said: &Said) -> String {
    let chunks = said.events().into_iter().filter_map(|event| serde_json::from_str::<Value>(&event).ok());
    chunks.filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())).collect()
}

/// A stream that says these words.
fn speaks(words: &str) -> Turn {
    streams(at_once([role(), content(words), finish("stop"), usage_chunk(30, 5)]))
}

#[tokio::test(start_paused = true)]
async fn a_cheap_answer_that_suffices_is_the_answer() {
    let world = world([answers("Paris", "stop", Some(usage(30, 5)))]);

    let said = world.call(event("chat")).await;

    let record = world.record();
    assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "first"));
    assert_eq!(record.charged_nanos, Nanos(80_000));
    let decision = record.decision.unwrap();
    assert_eq!((decision.reason, decision.insufficient), (Reason::CheapFirst, None));
}

#[tokio::test(start_paused = true)]
async fn one_that_does_not_suffice_is_billed_and_a_dearer_one_is_asked() {
    for (cheap, why) in [
        (answers("Well, I do not know.", "stop", Some(usage(30, 5))), Insufficient::Unsure),
        (answers("Par", "length", Some(usage(30, 5))), Insufficient::NotWhole),
        (answers("", "stop", Some(usage(30, 5))), Insufficient::NotWhole),
    ] {
        let world = world([cheap, answers("Paris", "stop", Some(usage(30, 5)))]);

        let said = world.call(event("chat")).await;

        let record = world.record();
        assert_eq!((said.header("x-tollgate-provider"), said.header("x-tollgate-attempts")), ("second", "2"));
        // 30 × 1,000 + 5 × 10,000, and 30 × 2,000 + 5 × 20,000 nano-dollars.
        assert_eq!(record.charged_nanos, Nanos(80_000 + 160_000), "{why:?}");
        assert!(!record.end.unwrap().estimated);
        assert_eq!(record.decision.unwrap().insufficient, Some(why));
        assert_eq!(record.tries.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_held_until_it_is_known_to_suffice() {
    let ask = || {
        with(
            "stream",
            "/body",
            json!({"model": "gpt-5.5", "stream": true, "messages": [{"role": "user", "content": "a"}]})
                .to_string()
                .into(),
        )
    };
    let good = world([speaks("Paris")]);
    let escalated = world([speaks("I do NOT know"), speaks("Paris")]);

    let (first, second) = (good.call(ask()).await, escalated.call(ask()).await);

    assert_eq!((content_of(&first).as_str(), first.header("x-tollgate-provider")), ("Paris", "first"));
    assert_eq!((content_of(&second).as_str(), second.header("x-tollgate-provider")), ("Paris", "second"));
    assert!(first.body.ends_with("data: [DONE]\n\n") && second.body.ends_with("data: [DONE]\n\n"));
    assert_eq!((good.model.calls().len(), escalated.model.calls().len()), (1, 2));
    assert_eq!(good.record().charged_nanos, Nanos(80_000));
    assert_eq!(escalated.record().charged_nanos, Nanos(240_000));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_better_answers_the_cheap_answer_is_given_after_all() {
    for error in [ModelError::Unavailable("down".into()), ModelError::TimedOut] {
        let may_be_billed = error.may_be_billed();
        let world = world([
            answers("I do not know", "stop", Some(usage(30, 5))),
            fails(error),
            fails(ModelError::Unavailable("down".into())),
        ]);

        let said = world.call(event("chat")).await;

        let (record, (_, second)) = (world.record(), bounds(&event("chat")));
        assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "first"));
        assert_eq!(said.json()["choices"][0]["message"]["content"], "I do not know");
        let unknown = if may_be_billed { second } else { 0 };
        assert_eq!(record.charged_nanos, Nanos(80_000 + unknown));
        assert_eq!(record.target.as_deref(), Some("first/gpt-5.5"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_budget_that_holds_only_the_cheap_answer_gets_it() {
    let world = world([answers("I do not know", "stop", Some(usage(30, 5)))]);
    let (_, second) = bounds(&event("chat"));

    let said = world.call(with_day_budget(second + 79_999)).await;

    assert_eq!((said.status, said.header("x-tollgate-provider")), (200, "first"));
    assert_eq!(world.record().charged_nanos, Nanos(80_000));
}
