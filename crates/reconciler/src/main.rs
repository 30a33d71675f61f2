//! Wires the reconciler.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde::de::IgnoredAny;
use tollgate_aws::lanes::Lanes;
use tollgate_aws::ledger::DynamoLedger;
use tollgate_aws::overdue::DynamoOverdue;
use tollgate_aws::sdk::{Patience, load};
use tollgate_aws::vectors::S3Vectors;
use tollgate_aws::writes::Tables;
use tollgate_aws::{DynamoClient, clock};
use tollgate_core::ports::Vectors;
use tollgate_reconciler::{Config, Handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = load(Patience::LONG).await;
    let client = DynamoClient::new(&sdk);
    let vectors = config.vectors.map(|index| Arc::new(S3Vectors::new(&sdk, index)) as Arc<dyn Vectors>);
    let overdue = DynamoOverdue::new(client.clone(), config.ledger_table.clone());
    let lanes = Lanes::new(client.clone(), config.limits_table.clone());
    // It writes no claims, so it needs no cache.
    let tables = Tables { ledger: config.ledger_table, limits: config.limits_table, cache: String::new() };
    let ledger = DynamoLedger::new(client, tables);
    let handler =
        Handler::new(Arc::new(ledger), Arc::new(overdue), Arc::new(lanes), clock::now).sweeping(vectors);
    run(service_fn(async |event: LambdaEvent<IgnoredAny>| {
        let deadline = clock::deadline(event.context.deadline, clock::now());
        handler.handle(deadline).await.map_err(Error::from)
    }))
    .await
}
