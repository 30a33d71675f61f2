//! Wires the function.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;
use tollgate_aws::alerts::SnsAlerts;
use tollgate_aws::clock;
use tollgate_aws::cloudwatch::CloudWatch;
use tollgate_aws::dead_letters::SqsDeadLetters;
use tollgate_aws::enforcement::DynamoEnforcement;
use tollgate_aws::locks::RoleLocks;
use tollgate_aws::sdk::{self, Patience};
use tollgate_enforcer::config::Config;
use tollgate_enforcer::handler::{Handler, Ports};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = sdk::load(Patience::LONG).await;
    let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
    let ports = Ports {
        enforcement: Arc::new(DynamoEnforcement::new(dynamo, config.config_table)),
        locks: Arc::new(RoleLocks::new(&sdk, config.lockable).await),
        alerts: Arc::new(SnsAlerts::new(&sdk, &config.alerts_topic_arn)),
        dead_letters: Arc::new(SqsDeadLetters::new(&sdk, &config.dead_letter_queue_url)),
        metrics: Arc::new(CloudWatch::new(&sdk, config.metric_namespace)),
    };
    let handler = Handler::new(ports, config.stop_at_percent, config.environment);
    run(service_fn(async |event: LambdaEvent<Value>| handler.handle(&event.payload, clock::now()).await))
        .await
}
