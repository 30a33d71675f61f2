//! Wires the function.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;
use tollgate_aws::clock;
use tollgate_aws::dead_letters::SqsDeadLetters;
use tollgate_aws::flags::DynamoFlags;
use tollgate_aws::sdk::{self, Patience};
use tollgate_enforcer::config::Config;
use tollgate_enforcer::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = sdk::load(Patience::LONG).await;
    let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
    let handler = Handler::new(
        Arc::new(DynamoFlags::new(dynamo, config.config_table)),
        Arc::new(SqsDeadLetters::new(&sdk, &config.dead_letter_queue_url)),
        config.stop_at_percent,
    );
    run(service_fn(async |event: LambdaEvent<Value>| handler.handle(&event.payload, clock::now()).await))
        .await
}
