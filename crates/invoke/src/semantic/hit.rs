//! The answer that was kept for another question, given to this one.

use std::sync::Arc;

use http::StatusCode;
use tollgate_core::cache::CacheKey;
use tollgate_core::idempotency::{Answered, Form};
use tollgate_core::record::{CacheOutcome, End, Record};
use tollgate_core::semantic::similarity::Similarity;
use tollgate_core::usage::Usage;

use crate::answer::{Answer, set};
use crate::arrival::Serving;
use crate::exact::Hit;
use crate::gateway::Gateway;
use crate::settings::Documents;

/// A kept answer that is served.
pub(crate) struct SemanticHit {
    pub(super) key: CacheKey,
    pub(super) similarity: Similarity,
    pub(super) hit: Hit,
}

impl Gateway {
    /// Settles the call at what its embedding cost; the rest of its reservation comes back.
    pub(crate) fn answer_semantic_hit(
        self: Arc<Self>,
        serving: Serving,
        open: Record,
        SemanticHit { key, similarity, hit }: SemanticHit,
        documents: &Documents,
    ) -> Answer {
        let mut headers = self.hit_headers(CacheOutcome::HitSemantic, &key, &hit, documents);
        set(&mut headers, "x-tollgate-similarity", &similarity.to_string());
        set(&mut headers, "x-tollgate-cost-usd", &serving.near.embedded.nanos.to_string());
        let Hit { about, body } = hit;
        let form = if serving.request.stream { Form::Events } else { Form::Json };
        let status = StatusCode::OK.as_u16();
        let answered = Answered { status, form, target: Some(about.target.clone()), body: body.clone() };
        let end = End {
            saved_nanos: about.cost_nanos,
            saved_tokens: about.usage.total(),
            estimated: serving.near.is_estimated,
            semantic: serving.near.looked.clone(),
            ..self.end(&serving.arrival, "ok", Usage::default())
        };
        let (cache, target, cache_key) = (CacheOutcome::HitSemantic, Some(about.target), Some(key));
        let found = Record { cache, target, cache_key, ..open.clone() };
        let after = found.settled(serving.near.embedded, end);
        let answer = Answer::kept(headers, body, serving.request.stream);
        answer.then(Box::pin(async move {
            self.free(&serving).await;
            self.keep_answer(serving.arrival.claim.as_ref(), Some(answered)).await;
            self.close(&open, after).await;
        }))
    }
}
