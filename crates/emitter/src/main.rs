//! Wires the emitter.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use tollgate_aws::cloudwatch::CloudWatch;
use tollgate_aws::failed_records::FailedRecords;
use tollgate_aws::rollups::DynamoRollups;
use tollgate_aws::sdk::{Patience, load};
use tollgate_aws::{DynamoClient, clock};
use tollgate_emitter::event::StreamEvent;
use tollgate_emitter::{Config, Handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = load(Patience::LONG).await;
    let rollups = DynamoRollups::new(DynamoClient::new(&sdk), config.rollups_table);
    let metrics = CloudWatch::new(&sdk, config.metric_namespace);
    let aside = FailedRecords::new(&sdk, config.failed_records_bucket);
    let handler =
        Handler::new(Arc::new(rollups), Arc::new(metrics), Arc::new(aside), config.environment, clock::now);
    run(service_fn(async |event: LambdaEvent<StreamEvent>| {
        let deadline = clock::deadline(event.context.deadline, clock::now());
        handler.handle(&event.payload, deadline).await.map_err(Error::from)
    }))
    .await
}
