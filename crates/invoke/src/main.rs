//! Wires the function.

use std::sync::Arc;

use lambda_http::{Error, run_with_streaming_response, service_fn, tracing};
use tollgate_aws::answers::{DynamoAnswers, Objects};
use tollgate_aws::bedrock::{self, Bedrock, GuardrailNames};
use tollgate_aws::breakers::DynamoBreakers;
use tollgate_aws::cache::DynamoCache;
use tollgate_aws::evidence::DynamoEvidence;
use tollgate_aws::feedback::DynamoRatings;
use tollgate_aws::ledger::DynamoLedger;
use tollgate_aws::quotas::DynamoQuotas;
use tollgate_aws::records::DynamoRecords;
use tollgate_aws::sdk::{self, Patience, SdkConfig};
use tollgate_aws::settings::DynamoSettings;
use tollgate_aws::valkey::{self, Login, ValkeyCache};
use tollgate_aws::vectors::S3Vectors;
use tollgate_aws::writes::Tables;
use tollgate_aws::xray::XrayDaemon;
use tollgate_aws::{clock, log_line};
use tollgate_core::metrics::Refusals;
use tollgate_core::ports::{Cache, Vectors};
use tollgate_invoke::config::{CacheStore, Config};
use tollgate_invoke::extension::{Pump, run_beside};
use tollgate_invoke::gateway::{Gateway, Options, Ports};
use tollgate_invoke::handler::Handler;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = Config::from_env()?;
    let sdk = sdk::load(Patience::SHORT).await;
    let dynamo = aws_sdk_dynamodb::Client::new(&sdk);
    let providers = bedrock::Options {
        provider_endpoint: config.provider_endpoint,
        allow_private: config.allow_private_providers,
        prefetch: config.provider_secrets,
    };
    let objects = Objects::open(&sdk, config.answers_bucket);
    let quotas = DynamoQuotas::new(dynamo.clone(), config.limits_table.clone());
    let tables = Tables {
        ledger: config.ledger_table.clone(),
        limits: config.limits_table,
        cache: config.cache_table.clone(),
    };
    let table = DynamoCache::new(dynamo.clone(), config.cache_table.clone(), objects.clone());
    let cache = cache(config.cache_store, table, &sdk);
    let vectors = config.vectors.map(|index| Arc::new(S3Vectors::new(&sdk, index)) as Arc<dyn Vectors>);
    let ports = Ports {
        breakers: Arc::new(DynamoBreakers::new(dynamo.clone(), config.config_table.clone())),
        ratings: Arc::new(DynamoRatings::new(dynamo.clone(), &config.ledger_table, &config.config_table)),
        settings: Arc::new(DynamoSettings::new(dynamo.clone(), config.config_table)),
        ledger: Arc::new(DynamoLedger::new(dynamo.clone(), tables)),
        records: Arc::new(DynamoRecords::new(dynamo.clone(), config.ledger_table)),
        cache,
        answers: Arc::new(DynamoAnswers::new(dynamo.clone(), config.cache_table.clone(), objects)),
        quotas: Arc::new(quotas),
        model: Arc::new(Bedrock::new(&sdk, providers).await?),
        names: Arc::new(GuardrailNames::new(&sdk)),
        spans: Arc::new(XrayDaemon::at(config.xray_daemon.as_deref())),
        vectors,
        evidence: Arc::new(DynamoEvidence::new(dynamo.clone(), config.cache_table)),
    };
    let (namespace, environment) = (config.metric_namespace, config.environment);
    let refusals = Refusals { namespace, environment, write: log_line::write };
    let options = Options {
        retention_days: config.retention_days,
        cache_ttl: config.cache_ttl,
        clock: clock::now,
        draw: || fastrand::u32(..1_000_000),
        refusals,
    };
    let gateway = Gateway::new(ports, options);
    let (outbox, pump) = Pump::new();
    let handler = Handler::new(gateway, config.settle, outbox);
    let runtime = run_with_streaming_response(service_fn(|event| handler.handle(event)));
    run_beside(runtime, pump, config.settle).await
}

fn cache(store: CacheStore, table: DynamoCache, sdk: &SdkConfig) -> Arc<dyn Cache> {
    match store {
        CacheStore::Dynamo => Arc::new(table),
        CacheStore::Valkey { endpoint, cache_name, user } => {
            let login = Login::Iam { user, cache_name, sdk: Box::new(sdk.clone()) };
            let options =
                valkey::Options { endpoint, is_cluster: true, is_encrypted: true, authority: None, login };
            Arc::new(ValkeyCache::new(options))
        }
    }
}
