//! The exact cache in front of the providers: where a call's answer is kept, what is found there, and the answer it makes.
//! A cache that is down, slow or garbled is a miss.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::AGE;
use http::{HeaderMap, HeaderValue};
use tollgate_aws::causes::Causes;
use tollgate_core::budget::Amount;
use tollgate_core::cache::entry::MAX_REPLY_BYTES;
use tollgate_core::cache::key::Asked;
use tollgate_core::cache::replay::replay;
use tollgate_core::cache::{About, CacheKey, Entry, Labels};
use tollgate_core::idempotency::Form;
use tollgate_core::ports::{Standing, StoreError};
use tollgate_core::record::{CacheOutcome, End, Record};
use tollgate_core::request::Request;
use tollgate_core::routing::Named;
use tollgate_core::usage::Usage;

use crate::answer::{Answer, set};
use crate::arrival::{Arrival, Serving};
use crate::attempt::{Bill, Sent};
use crate::gateway::{Gateway, name_target};
use crate::settings::Documents;

/// A cache that takes longer than this to answer is a miss.
pub(crate) const CACHE_TIMEOUT: Duration = Duration::from_millis(500);

/// The header with the key of an answer's entry, by which it can be purged.
const KEY_HEADER: &str = "x-tollgate-cache-key";

/// Where the answer of a call is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) key: CacheKey,
    /// How long it is kept.
    pub(crate) ttl: Duration,
    /// How long the call waits for an identical one; not at all where zero.
    pub(crate) wait: Duration,
    /// The call has the lease: identical ones wait for it.
    pub(crate) leads: bool,
}

/// Under which key an answer is kept follows from the documents. Those of before are right but for the moment in which an
/// operator changes them, so what they say is looked up while the head is read.
pub(crate) struct Guess {
    documents: Option<Arc<Documents>>,
    slot: Option<Slot>,
    standing: Option<Standing>,
}

/// A kept answer, in the form that the caller wants.
pub(crate) struct Hit {
    pub(crate) about: About,
    pub(crate) body: Bytes,
}

/// An answer that is kept from now on.
pub(crate) struct Kept {
    pub(crate) key: CacheKey,
    /// Epoch seconds from which it is no longer served.
    pub(crate) expires_at: u64,
}

impl Gateway {
    pub(crate) async fn guess(&self, (arrival, request): (&Arrival, &Request)) -> Guess {
        let documents = self.settings.last_known();
        let slot = documents.as_ref().and_then(|documents| self.slot(arrival, request, documents));
        let standing = self.look_up(arrival, slot.as_ref()).await;
        Guess { documents, slot, standing }
    }

    /// Where the answer of a call is kept, and the one that is kept there, if this caller may be served it.
    pub(crate) async fn find(
        &self,
        call: (&Arrival, &Request),
        documents: &Arc<Documents>,
        guess: Guess,
    ) -> (Option<Slot>, Option<Hit>) {
        let Guess { documents: last, slot: guessed, mut standing } = guess;
        let is_right = last.is_some_and(|last| Arc::ptr_eq(&last, documents));
        let slot = if is_right { guessed.clone() } else { self.slot(call.0, call.1, documents) };
        let Some(mut slot) = slot else { return (None, None) };
        if guessed.is_none_or(|guessed| guessed.key != slot.key) {
            standing = self.look_up(call.0, Some(&slot)).await;
        }
        let Some(standing) = standing else {
            // A cache that did not answer has cost enough time.
            slot.wait = Duration::ZERO;
            return (Some(slot), None);
        };
        let hit = self.hit(call, &slot.key, documents, standing.entry);
        (Some(slot), hit)
    }

    /// Where the answer of a call is kept, if it may be.
    fn slot(&self, arrival: &Arrival, request: &Request, documents: &Documents) -> Option<Slot> {
        let Arrival { directive, .. } = arrival;
        let policy = &documents.routing.route(&arrival.query(&request.model)).route.cache;
        let ttl = directive.ttl_within(policy.ttl(self.options.cache_ttl));
        if directive.no_store || ttl.is_zero() {
            return None;
        }
        let key = self.asked(arrival, request, documents, |asked| asked.key());
        // Whoever wants a fresh answer gets one, and waits for nobody's.
        let wait = if directive.is_fresh { Duration::ZERO } else { policy.wait() };
        Some(Slot { key, ttl, wait, leads: false })
    }

    /// What keys of the call are made from.
    pub(crate) fn asked<T>(
        &self,
        arrival: &Arrival,
        request: &Request,
        documents: &Documents,
        make: impl FnOnce(&Asked<'_>) -> T,
    ) -> T {
        let Arrival { caller, directive, is_strict, .. } = arrival;
        let query = arrival.query(&request.model);
        let Named { name, route } = documents.routing.route(&query);
        let policy = &route.cache;
        let output = caller.output.within(&documents.routing.output_policy(&query));
        make(&Asked {
            caller,
            sharing: directive.sharing_within(policy.sharing, caller.sharing),
            request,
            template: directive.template.as_ref(),
            is_strict: *is_strict,
            route: name,
            policy,
            stops: &output.stop,
        })
    }

    /// What stands under the key of a call that takes what is kept; `None` where the cache does not say it in time.
    pub(crate) async fn look_up(&self, arrival: &Arrival, slot: Option<&Slot>) -> Option<Standing> {
        match slot {
            Some(slot) if !arrival.directive.is_fresh => {
                let read = self.cache.read(slot.key.as_str(), (self.options.clock)());
                within_time("cache unreadable", CACHE_TIMEOUT, read).await
            }
            _ => Some(Standing::default()),
        }
    }

    /// The answer that is kept, if this caller may be served it now.
    pub(crate) fn hit(
        &self,
        (arrival, request): (&Arrival, &Request),
        key: &CacheKey,
        documents: &Documents,
        entry: Option<Entry>,
    ) -> Option<Hit> {
        let entry = entry?;
        let about = &entry.about;
        let age = (self.options.clock)().since(about.asked_us);
        if !arrival.directive.allows(age) || documents.purges.cover(key.as_str(), about) {
            return None;
        }
        let target = documents.catalogue.targets.get(&about.target);
        let model = target.map_or(about.labels.model.as_str(), |target| &target.model_id);
        let body = replay(&entry, request, model)?;
        Some(Hit { about: entry.about, body })
    }

    /// Keeps an answer that was paid for, where it is whole; otherwise whoever waits for it need wait no longer.
    pub(crate) async fn store(
        &self,
        serving: &Serving,
        sent: &Sent,
        bill: &Bill,
        reply: Option<Bytes>,
    ) -> Option<Kept> {
        let slot = serving.slot.as_ref()?;
        let can_be_kept = |reply: &Bytes| !bill.estimated && reply.len() <= MAX_REPLY_BYTES;
        let Some(reply) = reply.filter(can_be_kept) else {
            self.free(serving).await;
            return None;
        };
        let Serving { arrival, request, .. } = serving;
        let about = About {
            request_id: arrival.request_id.clone(),
            form: if request.stream { Form::Events } else { Form::Json },
            include_usage: request.include_usage,
            target: sent.step.id.clone(),
            usage: bill.usage,
            cost_nanos: bill.cost.nanos,
            asked_us: arrival.at,
            expires_at: (self.options.clock)().plus(slot.ttl).as_secs(),
            question: serving.near.question.clone(),
            labels: Labels {
                tenant: arrival.caller.tenant.clone(),
                model: request.model.clone(),
                template: arrival.directive.template.clone(),
                tags: arrival.directive.tags.clone(),
            },
        };
        let (key, expires_at) = (slot.key.clone(), about.expires_at);
        match self.cache.write(key.as_str(), &Entry { about, reply }).await {
            Ok(()) => Some(Kept { key, expires_at }),
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "answer not stored");
                None
            }
        }
    }

    /// What every hit says.
    pub(crate) fn hit_headers(
        &self,
        outcome: CacheOutcome,
        key: &CacheKey,
        hit: &Hit,
        documents: &Documents,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        set(&mut headers, "x-tollgate-cache", outcome.as_str());
        name_key(&mut headers, key);
        if let Some(target) = documents.catalogue.targets.get(&hit.about.target) {
            name_target(&mut headers, target);
        }
        let age = (self.options.clock)().since(hit.about.asked_us);
        headers.insert(AGE, HeaderValue::from(age.as_secs()));
        set(&mut headers, "x-tollgate-attempts", "0");
        headers
    }

    /// The answer that was kept; it needs no reservation, and the ledger says what it saved.
    pub(crate) fn answer_hit(
        self: Arc<Self>,
        (arrival, request): (&Arrival, &Request),
        slot: &Slot,
        hit: Hit,
        documents: &Documents,
    ) -> Answer {
        let mut headers = self.hit_headers(CacheOutcome::HitExact, &slot.key, &hit, documents);
        set(&mut headers, "x-tollgate-cost-usd", "0");
        let Hit { about, body } = hit;
        let opening = self.opening(arrival, request, CacheOutcome::HitExact, (Amount::ZERO, None));
        let (target, cache_key) = (Some(about.target), Some(slot.key.clone()));
        let open = Record { target, cache_key, ..Record::open(&arrival.caller, opening) };
        let (saved_nanos, saved_tokens) = (about.cost_nanos, about.usage.total());
        let end = End { saved_nanos, saved_tokens, ..self.end(arrival, "ok", Usage::default()) };
        let record = open.settled(Amount::ZERO, end);
        let answer = Answer::kept(headers, body, request.stream);
        answer.then(Box::pin(async move { self.enter(&record).await }))
    }
}

/// By which key an answer can be purged.
pub(crate) fn name_key(headers: &mut HeaderMap, key: &CacheKey) {
    set(headers, KEY_HEADER, key.as_str());
}

/// What the cache says, if it says it in time.
pub(crate) async fn within_time<T>(
    failed: &'static str,
    timeout: Duration,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Option<T> {
    match tokio::time::timeout(timeout, asked).await {
        Ok(Ok(said)) => Some(said),
        Ok(Err(error)) => {
            tracing::warn!(error = %Causes(&error), "{failed}");
            None
        }
        Err(_) => {
            tracing::warn!("{failed}: too slow");
            None
        }
    }
}

#[cfg(test)]
mod tests;
