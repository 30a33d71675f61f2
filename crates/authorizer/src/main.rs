//! Wires the function.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;
use tollgate_authorizer::config::Config;
use tollgate_authorizer::handler::{Handler, Rules};
use tollgate_aws::keys::DynamoKeys;
use tollgate_aws::rates::DynamoRates;
use tollgate_aws::sdk::{self, Patience};
use tollgate_aws::secrets::Secrets;
use tollgate_aws::{clock, log_line};
use tollgate_core::metrics::Refusals;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = sdk::load(Patience::SHORT).await;
    let pepper = Secrets::new(&sdk).text(&config.pepper_arn).await?;
    let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
    let rules = Rules {
        refusal: config.refusal,
        costs: config.costs,
        usage_key_prefix: config.usage_key_prefix,
        refusals: Refusals {
            namespace: config.metric_namespace,
            environment: config.environment,
            write: log_line::write,
        },
    };
    let handler = Handler::new(
        Arc::new(DynamoKeys::new(dynamo.clone(), config.keys_table)),
        Arc::new(DynamoRates::new(dynamo, config.limits_table)),
        pepper,
        rules,
    );
    run(service_fn(async |event: LambdaEvent<Value>| {
        handler.handle(&event.payload, &event.context.request_id, clock::now()).await
    }))
    .await
}
