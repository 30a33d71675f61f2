//! What notices have restricted: for whom, how far, and until when.

use tollgate_core::enforcement::{Caps, Grade, Restriction, Standing};

use super::*;

fn restriction(scope: &str, grade: Grade, caps: Caps) -> Restriction {
    Restriction {
        scope: scope.parse().unwrap(),
        grade,
        caps,
        why: "the budget is spent".to_owned(),
        origin: "m-1".to_owned(),
        since_us: NOON,
        until_us: None,
    }
}

/// A world in which this stands.
fn under(restriction: Restriction) -> World {
    let world = World::scripted(turns(2));
    world.settings.set_head(|head| head.standing = Standing(vec![restriction]));
    world
}

fn capped(caps: Caps) -> World {
    under(restriction("everyone", Grade::Cap, caps))
}

/// The scope of the caller of the chat event.
fn own_team() -> String {
    let event = event("chat");
    let authorizer = &event["requestContext"]["authorizer"];
    let text = |name: &str| authorizer[name].as_str().unwrap().to_owned();
    format!("team:{}/{}", text("tenant"), text("team"))
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_a_team_refuses_its_calls_with_the_reason() {
    let world = under(restriction(&own_team(), Grade::Stop, Caps::default()));

    let said = world.call(fresh()).await;

    assert_eq!((said.status, said.code().as_str()), (429, "budget_exceeded"));
    assert_eq!(said.json()["error"]["message"], "calls are stopped: the budget is spent");
    assert!(world.is_untouched());
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_others_refuses_nobody_else() {
    let world = under(restriction("team:default/others", Grade::Stop, Caps::default()));

    assert_eq!(world.call(fresh()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_by_itself() {
    let mut stop = restriction("everyone", Grade::Stop, Caps::default());
    stop.until_us = Some(NOON.plus(Duration::from_secs(10)));
    let world = under(stop);
    world.settings.set_head(|head| {
        head.flag.enabled = false;
        head.flag.until_us = Some(NOON.plus(Duration::from_secs(10)));
    });
    assert_eq!(world.call(fresh()).await.status, 429);

    advance(Duration::from_secs(10)).await;

    assert_eq!(world.call(fresh()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_cap_lowers_the_output_that_may_be_asked_for_and_says_so() {
    let world = capped(Caps { max_output_tokens: Some(7), ..Caps::default() });

    let said = world.call(fresh()).await;

    assert_eq!(said.status, 200);
    assert_eq!(said.header("x-tollgate-adapted"), "max_output_tokens=7");
}

#[tokio::test(start_paused = true)]
async fn a_cap_leaves_the_cheaper_models() {
    let ceiling = |usd: &str| Caps {
        max_usd_per_million_output: Some(serde_json::from_value(usd.into()).unwrap()),
        ..Caps::default()
    };

    assert_eq!(capped(ceiling("10")).call(fresh()).await.status, 200);
    let said = capped(ceiling("9.99")).call(fresh()).await;

    assert_eq!((said.status, said.code().as_str()), (429, "budget_exceeded"));
    let message =
        "calls are stopped: models of more than 9.99 USD per million output tokens, to keep a budget";
    assert_eq!(said.json()["error"]["message"], message);
}

#[tokio::test(start_paused = true)]
async fn a_cap_makes_the_bucket_of_tokens_smaller() {
    let world = capped(Caps { tokens_per_minute: Some(600), ..Caps::default() });

    assert_eq!(world.call(fresh()).await.header("x-ratelimit-limit-tokens"), "600");
    let said = capped(Caps { tokens_per_minute: Some(10), ..Caps::default() }).call(fresh()).await;

    assert_eq!((said.status, said.code().as_str()), (429, "rate_limit_exceeded"));
}

#[tokio::test(start_paused = true)]
async fn restrictions_cost_no_further_read() {
    let world = capped(Caps { tokens_per_minute: Some(60_000), ..Caps::default() });

    world.call(fresh()).await;

    assert_eq!(world.settings.reads("head"), 1);
}
