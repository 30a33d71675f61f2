//! Probes: small calls through the front door that name their target, where a route chooses by latency and traffic is too
//! thin to know it. They are calls like any: admitted, charged to the canary's key, and in the ledger, whose stream says
//! how fast they were.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use futures_util::stream::iter;
use serde::Serialize;
use tollgate_aws::causes::Causes;
use tollgate_aws::front_door::{CallError, FrontDoor};
use tollgate_aws::secrets::{SecretError, Secrets};
use tollgate_core::canary::Fault;
use tollgate_core::ports::{Breakers, Settings, StoreError};
use tollgate_core::routing::Routing;
use tollgate_core::settings::Document;
use tollgate_core::time::Timestamp;
use tracing::{error, info, warn};

/// Calls of one target in one run, at most.
const MOST_CALLS: u64 = 5;

/// Calls that are under way at once: they are no load.
const AT_ONCE: usize = 2;

/// What probes need.
pub struct Prober {
    /// The gateway, from outside.
    pub door: FrontDoor,
    /// Where their key is.
    pub secrets: Secrets,
    /// The secret that holds the key; none where there is no canary.
    pub secret: Option<String>,
    /// Catalogue and routing.
    pub settings: Arc<dyn Settings>,
    /// What is known of targets.
    pub breakers: Arc<dyn Breakers>,
    /// Now.
    pub clock: fn() -> Timestamp,
}

/// What was probed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Probed {
    /// Targets of which too little was known.
    pub targets: usize,
    /// Calls that were answered.
    pub answered: usize,
    /// Calls that were not.
    pub failed: usize,
    /// Calls that were left to the next run.
    pub left: usize,
    /// Why nothing could be probed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Nothing could be probed.
#[derive(Debug, thiserror::Error)]
enum ProbeError {
    /// There is no key to call with.
    #[error("there are no probes: the parameter CanarySecret is empty")]
    NoKey,
    /// Its key is not there.
    #[error("the key is not there")]
    Key(#[from] SecretError),
    /// What is known cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such document.
    #[error("the config table holds no {0}")]
    Missing(&'static str),
    /// It cannot be read.
    #[error("the {0} cannot be read")]
    Unreadable(&'static str, #[source] serde_json::Error),
}

impl Prober {
    /// Asks what is due, as far as the time allows. What keeps it from that is no failure of the reconciler's.
    pub async fn probe(&self, deadline: Timestamp) -> Probed {
        self.ask(deadline).await.unwrap_or_else(|error| {
            let fault = Causes(&error).to_string();
            error!(error = fault, "targets cannot be probed");
            Probed { fault: Some(fault), ..Probed::default() }
        })
    }

    async fn ask(&self, deadline: Timestamp) -> Result<Probed, ProbeError> {
        let secret = self.secret.as_deref().ok_or(ProbeError::NoKey)?;
        let routing: Routing = self.document(Document::Routing).await?;
        let catalogue = self.document(Document::Catalogue).await?;
        let board = self.breakers.all().await?;
        let probes = routing.probes(&catalogue, &board, (self.clock)());
        let mut probed = Probed { targets: probes.len(), ..Probed::default() };
        if probes.is_empty() {
            return Ok(probed);
        }
        let key = self.secrets.text(secret).await?;
        let calls = probes.iter().flat_map(|probe| (0..probe.missing.min(MOST_CALLS)).map(move |_| probe));
        let is_refused = &AtomicBool::new(false);
        let mut calls = iter(calls)
            .map(|probe| async {
                let is_late = (self.clock)().plus(FrontDoor::PATIENCE) > deadline;
                if is_late || is_refused.load(Ordering::Relaxed) {
                    return None;
                }
                let asked = self.door.ask(&key, &probe.model, Some(&probe.target)).await;
                Some(asked.inspect_err(|error| {
                    warn!(target.id = probe.target, error = %Causes(error), "probe failed");
                    // The next one would be refused, too: it is the key's, not the target's.
                    let of_key = matches!(error, CallError::Wrong(Fault::Status(401 | 403 | 429)));
                    is_refused.fetch_or(of_key, Ordering::Relaxed);
                }))
            })
            .buffer_unordered(AT_ONCE);
        while let Some(asked) = calls.next().await {
            match asked {
                Some(Ok(_)) => probed.answered += 1,
                Some(Err(_)) => probed.failed += 1,
                None => probed.left += 1,
            }
        }
        let Probed { targets, answered, failed, left, .. } = probed;
        info!(targets, answered, failed, left, "targets probed");
        Ok(probed)
    }

    async fn document<T: serde::de::DeserializeOwned>(&self, document: Document) -> Result<T, ProbeError> {
        let name = document.id();
        let text = self.settings.document(document).await?.ok_or(ProbeError::Missing(name))?;
        serde_json::from_str(&text).map_err(|error| ProbeError::Unreadable(name, error))
    }
}
