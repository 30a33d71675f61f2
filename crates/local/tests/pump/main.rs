//! The pump against the emulator's real stream and bucket: what Lambda promises of an event source mapping.

#[cfg(test)]
mod world;

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_local::pump::{Limits, Outcome, Policy, Responses};

use self::world::{World, answer, report};

const ONE_BY_ONE: Limits = Limits { records: 1, window: Duration::ZERO };
const TOGETHER: Limits = Limits { records: 10, window: Duration::from_millis(500) };
const NO_RETRY: Policy = Policy { bisect: true, max_retries: Some(0) };

#[tokio::test]
async fn delivers_changes_in_order_and_in_the_shape_that_lambda_sends() {
    let mut world = World::start().await;
    world.put("r-1", 1).await;
    world.put("r-1", 2).await;
    world.delete("r-1").await;

    world.pump(ONE_BY_ONE, Responses::Partial, NO_RETRY);
    let events = [
        world.expect(answer("{}")).await,
        world.expect(answer("")).await,
        world.expect(answer("null")).await,
    ];

    let names = events.each_ref().map(|event| event["Records"][0]["eventName"].as_str());
    assert_eq!(names, [Some("INSERT"), Some("MODIFY"), Some("REMOVE")]);
    let change = &events[1]["Records"][0];
    assert_eq!(change["eventSource"], "aws:dynamodb");
    assert_eq!(change["eventSourceARN"], world.stream_arn());
    assert_eq!(change["awsRegion"], "us-east-1");
    assert_eq!(change["dynamodb"]["Keys"], json!({ "id": { "S": "r-1" } }));
    assert_eq!(change["dynamodb"]["OldImage"], json!({ "id": { "S": "r-1" }, "n": { "N": "1" } }));
    assert_eq!(change["dynamodb"]["NewImage"], json!({ "id": { "S": "r-1" }, "n": { "N": "2" } }));
    assert_eq!(change["dynamodb"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert!(change["dynamodb"]["ApproximateCreationDateTime"].is_u64(), "{change}");
}

#[tokio::test]
async fn goes_on_at_the_lowest_failed_record() {
    let mut world = World::start().await;
    for n in 1..=4 {
        world.put(&format!("r-{n}"), n).await;
    }

    world.pump(TOGETHER, Responses::Partial, NO_RETRY);
    let first = world.expect_with(|event| report(event, &[3, 2])).await;
    let second = world.expect(answer("{}")).await;

    assert_eq!(world::ids(&first), ["r-1", "r-2", "r-3", "r-4"]);
    assert_eq!(world::ids(&second), ["r-3", "r-4"]);
}

#[tokio::test]
async fn isolates_a_poisoned_record_and_leaves_it_in_the_bucket() {
    let mut world = World::start().await;
    for n in 1..=4 {
        world.put(&format!("r-{n}"), n).await;
    }

    world.pump(TOGETHER, Responses::Partial, NO_RETRY);
    let mut delivered = Vec::new();
    while delivered.len() < 3 {
        let event = world.expect_with(fail_on_r_3).await;
        let ids = world::ids(&event);
        if !ids.contains(&"r-3".to_owned()) {
            delivered.extend(ids);
        }
    }

    assert_eq!(delivered, ["r-1", "r-2", "r-4"]);
    let objects = world.objects().await;
    let [(key, body)] = objects.as_slice() else {
        panic!("one object was expected: {objects:?}");
    };
    assert!(key.starts_with("aws/lambda/mapping-1/shardId-"), "{key}");
    let record: Value = serde_json::from_str(body).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(record["DDBStreamBatchInfo"]["batchSize"], 1);
    let payload: Value = serde_json::from_str(record["payload"].as_str().unwrap()).unwrap();
    assert_eq!(world::ids(&payload), ["r-3"]);
}

#[tokio::test]
async fn waits_for_a_throttled_function_and_loses_nothing() {
    let mut world = World::start().await;
    world.put("r-1", 1).await;

    world.pump(ONE_BY_ONE, Responses::Partial, NO_RETRY);
    let throttled = world.expect(Outcome::NotInvoked("throttled".to_owned())).await;
    let taken = world.expect(answer("{}")).await;

    assert_eq!(world::ids(&throttled), world::ids(&taken));
    assert!(world.objects().await.is_empty());
}

fn fail_on_r_3(event: &Value) -> Outcome {
    if world::ids(event).contains(&"r-3".to_owned()) {
        Outcome::Failed("poisoned".to_owned())
    } else {
        answer("{}")
    }
}
