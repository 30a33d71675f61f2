//! What is learned from a call that went to a model although a kept answer was near: whether both say the same. Nobody
//! waits for it.

use bytes::Bytes;
use tollgate_aws::causes::Causes;
use tollgate_core::cache::{CacheKey, replay};
use tollgate_core::idempotency::Form;
use tollgate_core::ports::{Noting, Point};
use tollgate_core::reservation::Taking;
use tollgate_core::semantic::evidence::Observation;
use tollgate_core::semantic::policy::{Compare, SemanticPolicy};
use tollgate_core::semantic::score::Score;
use tollgate_core::semantic::similarity::{Similarity, cosine};

use super::embedder::Embedder;
use crate::arrival::Serving;
use crate::attempt::Sent;
use crate::exact::{Kept, within_time};
use crate::gateway::Gateway;
use crate::reserve::granted;
use crate::semantic::LOOK_TIMEOUT;

/// Longer answers are not compared: nothing is learned from half of one.
const MAX_ANSWER_BYTES: usize = 8 * 1024;

/// A kept answer that the model's is compared with.
pub(super) struct Comparing {
    pub(super) policy: SemanticPolicy,
    pub(super) embedder: Embedder,
    pub(super) entry: CacheKey,
    pub(super) words: String,
    pub(super) similarity: Similarity,
    pub(super) apart: u8,
    pub(super) score: Score,
    pub(super) pool: String,
    pub(super) expires_at: u64,
}

impl Gateway {
    /// Compares the model's whole answer with the kept one, where that is to be done. Embeddings that this takes are
    /// charged with the call, so it comes before the settlement.
    pub(crate) async fn verify(&self, serving: &mut Serving, sent: &mut Sent, reply: Option<&Bytes>) {
        let (Some(comparing), Some(reply)) = (serving.near.comparing.take(), reply) else { return };
        let is_right = self.says_the_same(serving, sent, &comparing, reply).await;
        let near = &mut serving.near;
        near.comparing = Some(comparing);
        if let Some(looked) = &mut near.looked {
            looked.is_right = is_right;
            looked.embedded = near.embedded;
        }
    }

    async fn says_the_same(
        &self,
        serving: &mut Serving,
        sent: &mut Sent,
        comparing: &Comparing,
        reply: &Bytes,
    ) -> Option<bool> {
        let Comparing { policy, embedder, words: kept, .. } = comparing;
        let form = if serving.request.stream { Form::Events } else { Form::Json };
        let new = replay::words(form, reply, serving.request.dialect)?;
        if policy.says_the_same(&new, kept, None) {
            return Some(true);
        }
        if policy.compare == Compare::Equal {
            return Some(false);
        }
        if new.len().max(kept.len()) > MAX_ANSWER_BYTES {
            return None;
        }
        let bound = embedder.bound(&new)?.plus(embedder.bound(kept)?);
        let (extended, now) = (sent.record.extended(bound), (self.options.clock)());
        let taking = Taking::new(Some(&sent.record), extended, &serving.limits, None, now);
        // A budget that does not hold it is no reason to say so: the call is answered already.
        sent.record = granted(&serving.arrival, self.ledger.take(taking).await).ok()?.record;
        let mut near = std::mem::take(&mut serving.near);
        let new_vector = self.embed(serving, embedder, &new, &mut near).await;
        let kept_vector = match new_vector {
            Some(_) => self.embed(serving, embedder, kept, &mut near).await,
            None => None,
        };
        serving.near = near;
        let similarity = cosine(&new_vector?, &kept_vector?);
        Some(policy.says_the_same(&new, kept, Some(similarity)))
    }

    /// Writes down what was seen, and makes the question one that others are compared with: unless it was right to answer it
    /// as its neighbour, which then stands for both.
    pub(crate) async fn learn(&self, serving: &Serving, kept: Option<Kept>) {
        let near = &serving.near;
        let is_right = near.looked.as_ref().and_then(|looked| looked.is_right);
        if let (Some(comparing), Some(is_right)) = (&near.comparing, is_right) {
            let Comparing { entry, similarity, apart, score, pool, expires_at, .. } = comparing;
            let observation = Observation { similarity: *similarity, apart: *apart, score: *score, is_right };
            let noting = Noting {
                token: &serving.arrival.request_id,
                entry: entry.as_str(),
                pool,
                observation: &observation,
                expires_at: *expires_at,
            };
            if let Err(error) = self.evidence.note(&noting).await {
                tracing::warn!(error = %Causes(&error), "evidence not noted");
            }
        }
        let (Some(kept), Some(vector), Some(vectors)) = (kept, &near.vector, &self.vectors) else { return };
        let (Some(question), false) = (&near.question, is_right == Some(true)) else { return };
        let point = Point {
            key: kept.key.to_string(),
            partition: question.partition.to_string(),
            vector: vector.clone(),
            expires_at: kept.expires_at,
        };
        within_time("question not kept", LOOK_TIMEOUT, vectors.put(&point)).await;
    }
}
