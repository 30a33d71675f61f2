//! The duties over their adapters.

use std::sync::Arc;

use tollgate_aws::bills::Bills;
use tollgate_aws::breakers::DynamoBreakers;
use tollgate_aws::bypasses::Bypasses;
use tollgate_aws::cloudwatch::CloudWatch;
use tollgate_aws::comparison::Comparer;
use tollgate_aws::dead_letters::SqsDeadLetters;
use tollgate_aws::front_door::FrontDoor;
use tollgate_aws::lanes::Lanes;
use tollgate_aws::ledger::DynamoLedger;
use tollgate_aws::meters::Meters;
use tollgate_aws::outlook::Outlook;
use tollgate_aws::overdue::DynamoOverdue;
use tollgate_aws::records::DynamoRecords;
use tollgate_aws::reports::Reports;
use tollgate_aws::sdk::SdkConfig;
use tollgate_aws::secrets::Secrets;
use tollgate_aws::settings::DynamoSettings;
use tollgate_aws::vectors::S3Vectors;
use tollgate_aws::writes::Tables;
use tollgate_aws::{DynamoClient, clock};
use tollgate_core::ports::Vectors;

use crate::bypass::Watch;
use crate::canary::Canary;
use crate::figures::Figures;
use crate::probe::Prober;
use crate::sight::Sight;
use crate::{Config, Duties, Handler};

impl Duties {
    /// Over AWS.
    #[must_use]
    pub fn over(sdk: &SdkConfig, config: Config) -> Self {
        let client = DynamoClient::new(sdk);
        let metrics = CloudWatch::new(sdk, config.metric_namespace.clone());
        let figures = Figures::new(Arc::new(metrics), config.environment.clone());
        let (door, secrets) = (FrontDoor::new(&config.front_door_url), Secrets::new(sdk));
        Self {
            sweep: sweep(sdk, &client, &config),
            sight: sight(sdk, &client, &config, figures.clone()),
            watch: Watch::new(
                config.our_principals.clone(),
                Bypasses::new(&client, &config.rollups_table),
                figures.clone(),
            ),
            letters: Arc::new(SqsDeadLetters::new(sdk, &config.dead_letter_queue_url)),
            prober: Prober {
                door: door.clone(),
                secrets: secrets.clone(),
                secret: config.canary_secret.clone(),
                settings: Arc::new(DynamoSettings::new(client.clone(), config.config_table.clone())),
                breakers: Arc::new(DynamoBreakers::new(client.clone(), config.config_table.clone())),
                clock: clock::now,
            },
            canary: Canary {
                door,
                secrets,
                secret: config.canary_secret,
                model: config.canary_model,
                records: Arc::new(DynamoRecords::new(client, config.ledger_table)),
                figures,
                clock: clock::now,
            },
            clock: clock::now,
        }
    }
}

fn sweep(sdk: &SdkConfig, client: &DynamoClient, config: &Config) -> Handler {
    let overdue = DynamoOverdue::new(client.clone(), config.ledger_table.clone());
    let lanes = Lanes::new(client.clone(), config.limits_table.clone());
    // It writes no claims, so it needs no cache.
    let tables = Tables {
        ledger: config.ledger_table.clone(),
        limits: config.limits_table.clone(),
        cache: String::new(),
    };
    let ledger = DynamoLedger::new(client.clone(), tables);
    let vectors =
        config.vectors.clone().map(|index| Arc::new(S3Vectors::new(sdk, index)) as Arc<dyn Vectors>);
    Handler::new(Arc::new(ledger), Arc::new(overdue), Arc::new(lanes), clock::now).sweeping(vectors)
}

fn sight(sdk: &SdkConfig, client: &DynamoClient, config: &Config, figures: Figures) -> Sight {
    let reports = Reports::new(client, &config.ledger_table, &config.rollups_table);
    let lanes = Lanes::new(client.clone(), config.limits_table.clone());
    let settings = DynamoSettings::new(client.clone(), config.config_table.clone());
    let bills = config.cost_services.clone();
    let bills = bills.map(|services| Bills::new(sdk, config.account_id.clone(), services));
    let outlook = Outlook::new(reports.clone(), lanes);
    Sight::new(outlook, Comparer::new(reports, settings, Meters::new(sdk)), bills, figures)
}
