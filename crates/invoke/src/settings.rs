//! The settings in force: the head at most a second old, documents read again only when the head says so.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tollgate_aws::causes::Causes;
use tollgate_core::budgets::Budgets;
use tollgate_core::cache::purge::Purges;
use tollgate_core::caller::Caller;
use tollgate_core::catalogue::{Catalogue, Prices};
use tollgate_core::error::Error;
use tollgate_core::money::PerMillion;
use tollgate_core::ports::Settings;
use tollgate_core::routing::Routing;
use tollgate_core::settings::{Document, HEAD_MAX_AGE, Head};
use tollgate_core::signature::{Signature, SigningKey};
use tollgate_core::time::Timestamp;

use crate::arrival::Arrival;

/// How long the last documents serve while newer ones cannot be read.
const DOCUMENTS_MAX_AGE: Duration = Duration::from_secs(300);

/// Catalogue, prices, routing, budgets and purges of one moment.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(crate) catalogue: Catalogue,
    pub(crate) prices: Prices,
    pub(crate) routing: Routing,
    pub(crate) budgets: Budgets,
    pub(crate) purges: Purges,
    pub(crate) routing_version: u64,
    /// What calls are signed with.
    pub(crate) signing_key: Option<SigningKey>,
}

impl Documents {
    /// What a call has in common with its retries, where it came with an `Idempotency-Key`.
    pub(crate) fn sign(&self, arrival: &Arrival) -> Option<Signature> {
        Some(self.signing_key.as_ref()?.sign(&arrival.caller.key_id, arrival.claim.as_ref()?))
    }
}

/// What this environment remembers of the settings.
pub(crate) struct CurrentSettings {
    port: Arc<dyn Settings>,
    known: Mutex<Known>,
}

#[derive(Clone, Default)]
struct Known {
    head: Option<(Head, Timestamp)>,
    documents: Option<Read>,
}

/// Documents, their versions, and when the head last confirmed them.
#[derive(Clone)]
struct Read {
    documents: Arc<Documents>,
    versions: [u64; 5],
    confirmed: Timestamp,
}

impl CurrentSettings {
    pub(crate) fn new(port: Arc<dyn Settings>) -> Self {
        Self { port, known: Mutex::default() }
    }

    /// The documents as they were last read, whether or not they are still in force: a guess that saves a wait.
    pub(crate) fn last_known(&self) -> Option<Arc<Documents>> {
        self.known().documents.map(|read| read.documents)
    }

    /// The settings' own port, for what is not remembered here.
    pub(crate) fn port(&self) -> &dyn Settings {
        &*self.port
    }

    /// The documents in force, if calls of this caller are admitted at all.
    pub(crate) async fn admit(&self, caller: &Caller, now: Timestamp) -> Result<Arc<Documents>, Error> {
        let head = self.head(now).await?;
        if !head.flag.admits(now) {
            return Err(Error::BudgetExceeded(head.flag.why));
        }
        match head.standing.effect(&caller.tenant, &caller.team, now).stopped {
            Some(why) => Err(Error::BudgetExceeded(why)),
            None => self.documents_of(&head, now).await,
        }
    }

    /// Puts a call that was admitted within the caps that stand, and says what a model may cost it. The head that admitted
    /// it says both, so nothing more is read.
    pub(crate) fn cap(&self, arrival: &mut Arrival) -> Option<PerMillion> {
        let (head, _) = self.known().head?;
        let Arrival { caller, at: now, .. } = arrival;
        let caps = head.standing.effect(&caller.tenant, &caller.team, *now).caps;
        caller.output = caps.output(&caller.output);
        caller.flow = caps.flow(caller.flow);
        caps.max_usd_per_million_output
    }

    /// The documents in force, whether or not calls are admitted.
    pub(crate) async fn documents(&self, now: Timestamp) -> Result<Arc<Documents>, Error> {
        let head = self.head(now).await?;
        self.documents_of(&head, now).await
    }

    /// A head that is at most a second old; an older one is never used.
    async fn head(&self, now: Timestamp) -> Result<Head, Error> {
        if let Some((head, read_at)) =
            self.known().head.filter(|(_, read_at)| now.since(*read_at) < HEAD_MAX_AGE)
        {
            let is_from_the_future = read_at > now.plus(HEAD_MAX_AGE);
            if !is_from_the_future {
                return Ok(head);
            }
        }
        let head = self.port.head().await.map_err(|error| {
            tracing::error!(error = %Causes(&error), "flag unreadable");
            Error::StateUnavailable("the flag")
        })?;
        let head = head.ok_or(Error::StateUnavailable("the configuration, which is not seeded,"))?;
        self.remember(|known| known.head = Some((head.clone(), now)));
        Ok(head)
    }

    async fn documents_of(&self, head: &Head, now: Timestamp) -> Result<Arc<Documents>, Error> {
        let versions = [head.catalogue, head.prices, head.routing, head.budgets, head.purges];
        let known = self.known().documents;
        if let Some(read) = known.clone().filter(|read| read.versions == versions) {
            self.remember(|known| known.documents = Some(Read { confirmed: now, ..read.clone() }));
            return Ok(read.documents);
        }
        match self.read(head).await {
            Ok(documents) => {
                let documents = Arc::new(documents);
                let read = Read { documents: documents.clone(), versions, confirmed: now };
                self.remember(|known| known.documents = Some(read));
                Ok(documents)
            }
            Err(cause) => {
                tracing::error!(error = %Causes(&*cause), "configuration unreadable");
                let last = known.filter(|read| now.since(read.confirmed) < DOCUMENTS_MAX_AGE);
                last.map(|read| read.documents).ok_or(Error::StateUnavailable("the configuration"))
            }
        }
    }

    async fn read(&self, head: &Head) -> Result<Documents, Box<dyn std::error::Error + Send + Sync>> {
        let catalogue: Catalogue = self.document(Document::Catalogue).await?;
        catalogue.check()?;
        Ok(Documents {
            catalogue,
            prices: self.document(Document::Prices).await?,
            routing: self.document(Document::Routing).await?,
            budgets: match head.budgets {
                // A table that was seeded before there were budgets.
                0 => Budgets::default(),
                _ => self.document(Document::Budgets).await?,
            },
            purges: match head.purges {
                0 => Purges::default(),
                _ => self.document(Document::Purges).await?,
            },
            routing_version: head.routing,
            signing_key: self.port.signing_key().await?,
        })
    }

    async fn document<T: DeserializeOwned>(
        &self,
        document: Document,
    ) -> Result<T, Box<dyn std::error::Error + Send + Sync>> {
        let text = self.port.document(document).await?;
        let text = text.ok_or_else(|| format!("the item \"{}\" is missing", document.id()))?;
        Ok(serde_json::from_str(&text)?)
    }

    fn known(&self) -> Known {
        self.known.lock().map(|known| known.clone()).unwrap_or_default()
    }

    fn remember(&self, change: impl FnOnce(&mut Known)) {
        if let Ok(mut known) = self.known.lock() {
            change(&mut known);
        }
    }
}

#[cfg(test)]
mod tests;
