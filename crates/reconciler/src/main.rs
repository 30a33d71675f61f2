//! Wires the reconciler.

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;
use tollgate_aws::clock;
use tollgate_aws::sdk::{Patience, load};
use tollgate_reconciler::{Config, Duties};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let duties = Duties::over(&load(Patience::LONG).await, config);
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = clock::deadline(event.context.deadline, clock::now());
        duties.handle(&event.payload, deadline).await.map_err(Error::from)
    }))
    .await
}
