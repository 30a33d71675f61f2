//! The canary: a call through the front door, as a client makes it, with a key of its own.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tollgate_aws::causes::Causes;
use tollgate_aws::front_door::{CallError, FrontDoor};
use tollgate_aws::secrets::{SecretError, Secrets};
use tollgate_core::canary::{Fault, check_record};
use tollgate_core::metrics::Gauge;
use tollgate_core::ports::{PutError, Records, StoreError};
use tollgate_core::time::Timestamp;
use tracing::{error, info};

use crate::figures::Figures;

/// A call is settled within this, or something is wrong.
const SETTLED_WITHIN: Duration = Duration::from_secs(15);

/// How often its record is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What the canary needs.
pub struct Canary {
    /// The gateway, from outside.
    pub door: FrontDoor,
    /// Where its key is.
    pub secrets: Secrets,
    /// The secret that holds the key; none where there is no canary.
    pub secret: Option<String>,
    /// The model that it calls.
    pub model: String,
    /// The ledger.
    pub records: Arc<dyn Records>,
    /// Where its figures go.
    pub figures: Figures,
    /// Now.
    pub clock: fn() -> Timestamp,
}

/// The canary could say nothing.
#[derive(Debug, thiserror::Error)]
pub enum CanaryError {
    /// There is none.
    #[error("there is no canary: the parameter CanarySecret is empty")]
    None,
    /// It has something to say, and it is not in the metrics.
    #[error(transparent)]
    Put(#[from] PutError),
}

/// What the canary found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The id of its call, where it was answered.
    pub request_id: Option<String>,
    /// How long the answer took.
    pub latency_us: Option<u64>,
    /// What is wrong; nothing where all is well.
    pub fault: Option<String>,
}

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("its key is not there")]
    Key(#[from] SecretError),
    #[error("its call failed")]
    Call(#[from] CallError),
    #[error("its record cannot be read")]
    Store(#[from] StoreError),
    #[error("its call was not settled")]
    Record(#[from] Fault),
}

impl Canary {
    /// Calls once, and puts how it went into the metrics. What the canary finds is no failure of the reconciler's.
    pub async fn sing(&self) -> Result<Finding, CanaryError> {
        let secret = self.secret.as_deref().ok_or(CanaryError::None)?;
        let mut finding = Finding { request_id: None, latency_us: None, fault: None };
        match self.call(secret, &mut finding).await {
            Ok(()) => {
                info!(request_id = finding.request_id, latency_us = finding.latency_us, "canary is well")
            }
            Err(wrong) => {
                let fault = Causes(&wrong).to_string();
                error!(request_id = finding.request_id, error = fault, "canary found a fault");
                finding.fault = Some(fault);
            }
        }
        let mut figures = vec![(Gauge::CanaryFailures, i128::from(finding.fault.is_some()))];
        figures.extend(finding.latency_us.map(|micros| (Gauge::CanaryLatency, i128::from(micros))));
        self.figures.put(&figures, (self.clock)()).await?;
        Ok(finding)
    }

    async fn call(&self, secret: &str, finding: &mut Finding) -> Result<(), Wrong> {
        let key = self.secrets.text(secret).await?;
        let began = (self.clock)();
        let request_id = self.door.ask(&key, &self.model, None).await?;
        let latency = (self.clock)().since(began);
        finding.latency_us = u64::try_from(latency.as_micros()).ok();
        finding.request_id = Some(request_id.clone());
        let deadline = (self.clock)().plus(SETTLED_WITHIN);
        loop {
            match check_record(self.records.find(&request_id).await?.as_ref()) {
                Err(_) if (self.clock)() < deadline => tokio::time::sleep(LOOK_EVERY).await,
                settled => return Ok(settled?),
            }
        }
    }
}
