//! Wires the second reader of the ledger's stream.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use tollgate_aws::breakers::DynamoBreakers;
use tollgate_aws::cloudwatch::CloudWatch;
use tollgate_aws::outcomes::DynamoOutcomes;
use tollgate_aws::sdk::{Patience, load};
use tollgate_aws::settings::DynamoSettings;
use tollgate_aws::{DynamoClient, clock};
use tollgate_emitter::config::HealthConfig;
use tollgate_emitter::event::StreamEvent;
use tollgate_emitter::health::{Health, Ports};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = HealthConfig::from_env()?;
    let sdk = load(Patience::LONG).await;
    let dynamo = DynamoClient::new(&sdk);
    let ports = Ports {
        settings: Arc::new(DynamoSettings::new(dynamo.clone(), config.config_table.clone())),
        breakers: Arc::new(DynamoBreakers::new(dynamo.clone(), config.config_table).consistent()),
        outcomes: Arc::new(DynamoOutcomes::new(dynamo, config.rollups_table)),
        metrics: Arc::new(CloudWatch::new(&sdk, config.metric_namespace)),
    };
    let health = Health::new(ports, config.environment, clock::now);
    run(service_fn(async |event: LambdaEvent<StreamEvent>| {
        health.handle(&event.payload).await.map_err(Error::from)
    }))
    .await
}
