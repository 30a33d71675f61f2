//! Embeddings that the gateway itself asks for: billed calls, which are reserved with the call that needs them.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tollgate_aws::causes::Causes;
use tollgate_core::bound::attempt_bound;
use tollgate_core::budget::Amount;
use tollgate_core::catalogue::Target;
use tollgate_core::constraint::allow;
use tollgate_core::dialect::Dialect;
use tollgate_core::identity::Identity;
use tollgate_core::interpreter::{Interpreter, Telling};
use tollgate_core::model::{Call, ModelError, Reply};
use tollgate_core::price::Price;
use tollgate_core::ready::{Manner, Ready};
use tollgate_core::request::Request;
use tollgate_core::usage::Usage;

use super::Nearby;
use crate::arrival::{Arrival, Serving};
use crate::attempt::no_answer;
use crate::gateway::Gateway;
use crate::redacting::is_hidden;
use crate::settings::Documents;

/// An embedding that takes longer than this is a miss.
const EMBED_TIMEOUT: Duration = Duration::from_millis(750);

/// No service tier of embeddings is asked for.
const TIER: &str = "default";

/// An embedding model, and what it costs.
pub(super) struct Embedder {
    alias: String,
    id: String,
    target: Target,
    price: Price,
}

/// A text on its way to an embedding model.
struct Asking {
    request: Request,
    ready: Ready,
    bound: Amount,
}

#[derive(Deserialize)]
struct Vectors {
    data: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    embedding: Vec<f32>,
}

impl Embedder {
    /// The first target of an embedding model that has a price: the one that routing prefers, where it names any.
    pub(super) fn of(documents: &Documents, arrival: &Arrival, alias: &str) -> Option<Self> {
        let catalogue = &documents.catalogue;
        let mut targets = documents.routing.targets(catalogue, &arrival.query(alias));
        targets.extend(catalogue.targets_of(alias));
        // The question leaves for this model as it would for any other.
        let constraints = documents.routing.constraints.of(&arrival.caller.tenant, &arrival.terms).ok()?;
        let mut allowed = targets.into_iter().filter(|(_, target)| allow(&constraints, target));
        allowed.find_map(|(id, target)| {
            let price = *documents.prices.at(id, arrival.at)?;
            Some(Self { alias: alias.to_owned(), id: id.to_owned(), target: target.clone(), price })
        })
    }

    /// The most that a text's embedding can cost; `None` where the model does not take it.
    pub(super) fn bound(&self, text: &str) -> Option<Amount> {
        self.asking(text).map(|asking| asking.bound)
    }

    fn asking(&self, text: &str) -> Option<Asking> {
        let body = json!({"model": self.alias, "input": text}).to_string();
        let request = Request::parse(Dialect::Embeddings, body.as_bytes()).ok()?;
        // Placeholders would make two people's questions one, so what this model must not see has no vector.
        if is_hidden(&request, &self.target) {
            return None;
        }
        let target = (self.id.as_str(), &self.target);
        let ready = Ready::new(&request, target, &Manner::as_asked(&request.parameters())).ok()?;
        let bound = attempt_bound(&request, &self.target, &self.price, TIER, (0, 0));
        Some(Asking { request, ready, bound })
    }

    fn cost(&self, usage: &Usage) -> Amount {
        Amount { nanos: self.price.cost(usage, TIER), tokens: usage.total() }
    }
}

impl Gateway {
    /// A text's vector, if it comes in time; what it costs goes with the call either way.
    pub(super) async fn embed(
        &self,
        serving: &Serving,
        embedder: &Embedder,
        text: &str,
        near: &mut Nearby,
    ) -> Option<Vec<f32>> {
        let asking = embedder.asking(text)?;
        // No model is asked once calls are stopped; the call itself is refused for it, a step later.
        self.settings.admit(&serving.arrival.caller, (self.options.clock)()).await.ok()?;
        let asked = tokio::time::timeout(EMBED_TIMEOUT, self.ask_embedder(serving, embedder, &asking)).await;
        match asked.unwrap_or(Err(ModelError::TimedOut)) {
            Ok((vector, usage)) => {
                let counted = usage.filter(|usage| usage.input > 0).map(|usage| embedder.cost(&usage));
                near.is_estimated |= counted.is_none();
                near.embedded = near.embedded.plus(counted.unwrap_or(asking.bound));
                Some(vector)
            }
            Err(error) => {
                tracing::warn!(target.id = embedder.id, error = %Causes(&error), "not embedded");
                if error.may_be_billed() {
                    near.is_estimated = true;
                    near.embedded = near.embedded.plus(asking.bound);
                }
                None
            }
        }
    }

    async fn ask_embedder(
        &self,
        serving: &Serving,
        embedder: &Embedder,
        Asking { request, ready, .. }: &Asking,
    ) -> Result<(Vec<f32>, Option<Usage>), ModelError> {
        let arrival = &serving.arrival;
        let call = Call {
            request_id: &arrival.request_id,
            target: &embedder.target,
            payload: &ready.payload,
            stream: false,
            identity: Identity {
                user: arrival.caller.user.as_str(),
                team: arrival.caller.team.as_str(),
                tenant_id: arrival.caller.tenant.as_str(),
                tenant: &serving.tenant,
            },
            traceparent: &arrival.trace.traceparent(&arrival.request_id, "embedding"),
            timeout: EMBED_TIMEOUT,
        };
        let telling = Telling {
            request,
            request_id: &arrival.request_id,
            model: &embedder.target.model_id,
            target_id: &embedder.id,
            now: (self.options.clock)(),
        };
        let Reply::Whole(said) = self.model.call(&call).await? else {
            return Err(ModelError::Garbled("a stream of vectors".into()));
        };
        let (body, glimpse) = Interpreter::new(ready.hearing, &telling).whole(said).map_err(no_answer)?;
        Ok((vector(&body)?, glimpse.usage))
    }
}

/// The one vector of an answer; one without a direction is none.
fn vector(body: &Bytes) -> Result<Vec<f32>, ModelError> {
    let vectors: Vectors =
        serde_json::from_slice(body).map_err(|error| ModelError::Garbled(Box::new(error)))?;
    let vector = vectors.data.into_iter().next().map(|vector| vector.embedding).unwrap_or_default();
    if vector.iter().all(|part| part.is_finite()) && vector.iter().any(|part| *part != 0.0) {
        Ok(vector)
    } else {
        Err(ModelError::Garbled("no vector".into()))
    }
}
