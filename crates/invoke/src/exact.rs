//! The exact cache in front of the providers: what is found there, and the answer it makes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollgate_aws::causes::Causes;
use tollgate_core::budget::Amount;
use tollgate_core::ports::Entry;
use tollgate_core::record::{CacheOutcome, End, Record};
use tollgate_core::request::Request;
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::answer::{Answer, AnswerBody, set};
use crate::arrival::{Arrival, Serving};
use crate::attempt::{Bill, Sent};
use crate::gateway::{Gateway, name_target};
use crate::settings::Documents;

/// A cache that takes longer than this to answer is a miss.
const CACHE_TIMEOUT: Duration = Duration::from_millis(500);

/// The longest reply that is kept for the cache.
pub(crate) const MAX_CACHED_BYTES: usize = 380 * 1024;

impl Gateway {
    /// A cache that is down, slow or garbled is a miss.
    pub(crate) async fn look_up(&self, key: &str, now: Timestamp) -> Option<Entry> {
        match tokio::time::timeout(CACHE_TIMEOUT, self.cache.read(key, now)).await {
            Ok(Ok(entry)) => entry,
            Ok(Err(error)) => {
                tracing::warn!(error = %Causes(&error), "cache unreadable");
                None
            }
            Err(_) => {
                tracing::warn!("cache too slow");
                None
            }
        }
    }

    /// Keeps a whole answer that was paid for.
    pub(crate) async fn store(&self, serving: &Serving, sent: &Sent, bill: &Bill, reply: Bytes) {
        let Some(key) = &serving.keep_under else { return };
        if bill.estimated || reply.len() > MAX_CACHED_BYTES {
            return;
        }
        let now = (self.options.clock)();
        let entry = Entry {
            reply,
            target: sent.step.id.clone(),
            usage: bill.usage,
            cost: bill.cost.nanos,
            expires_at: now.plus(self.options.cache_ttl).as_secs(),
        };
        if let Err(error) = self.cache.write(key, &entry).await {
            tracing::warn!(error = %Causes(&error), "answer not stored");
        }
    }

    /// The answer that was kept; it needs no reservation, and the ledger says what it saved.
    pub(crate) fn answer_hit(
        self: Arc<Self>,
        arrival: &Arrival,
        request: &Request,
        entry: &Entry,
        documents: &Documents,
    ) -> Answer {
        let mut headers = HeaderMap::new();
        set(&mut headers, "x-tollgate-cache", CacheOutcome::HitExact.as_str());
        if let Some(target) = documents.catalogue.targets.get(&entry.target) {
            name_target(&mut headers, target);
        }
        set(&mut headers, "x-tollgate-attempts", "0");
        set(&mut headers, "x-tollgate-cost-usd", "0");
        let opening = self.opening(arrival, request, CacheOutcome::HitExact, (Amount::ZERO, None));
        let open = Record { target: Some(entry.target.clone()), ..Record::open(&arrival.caller, opening) };
        let end = End { saved_nanos: entry.cost, ..self.end(arrival, "ok", Usage::default()) };
        let record = open.settled(Amount::ZERO, end);
        let body = entry.reply.clone();
        let answer = if request.stream {
            Answer::events(headers, AnswerBody::Whole(Some(body)))
        } else {
            Answer::json(StatusCode::OK, headers, body)
        };
        answer.then(Box::pin(async move { self.enter(&record).await }))
    }
}
