//! The pump: it drains the provider whether or not the client stays, ends the body, and then settles and stores.
//!
//! A stream that broke ends with a typed error event, never as a clean finish, and it is not stored.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tollgate_aws::causes::Causes;
use tollgate_core::completion::{Finish, glimpse};
use tollgate_core::error::Error;
use tollgate_core::model::ModelError;
use tollgate_core::ports::{Chunks, Entry, Transition};
use tollgate_core::record::{End, Record, State};
use tollgate_core::sse::{DONE, PING, encode};
use tollgate_core::usage::Usage;

use crate::arrival::Serving;
use crate::attempt::{Bill, Sent};
use crate::gateway::Gateway;

/// How long the body may be silent.
const PING_EVERY: Duration = Duration::from_secs(15);

/// Left of the Lambda's time for settling when a stream is given up.
const TIME_TO_SETTLE: Duration = Duration::from_secs(5);

/// Pieces that may wait for a slow client; after that the provider waits too.
const BACKLOG: usize = 32;

/// The longest reply that is kept for the cache.
const MAX_KEPT_BYTES: usize = 380 * 1024;

/// A stream on its way from a provider to a client.
pub(crate) struct Flow {
    gateway: Arc<Gateway>,
    serving: Serving,
    sent: Sent,
    client: mpsc::Sender<Bytes>,
    /// A place that is kept for the last event, so that a client that stalls finds it when it reads on.
    last_word: Option<mpsc::OwnedPermit<Bytes>>,
    seen: Seen,
}

/// What has been seen of a stream.
#[derive(Default)]
struct Seen {
    usage: Option<Usage>,
    finish: Option<Finish>,
    first_content: Option<Duration>,
    is_whole: bool,
    kept: Vec<u8>,
}

/// How an answer ended, as far as money does not say it.
struct Ending {
    outcome: &'static str,
    first_token_us: Option<u64>,
}

impl Flow {
    /// The flow, and the client's end of it.
    pub(crate) fn new(gateway: Arc<Gateway>, serving: Serving, sent: Sent) -> (Self, mpsc::Receiver<Bytes>) {
        let (client, pieces) = mpsc::channel(BACKLOG + 1);
        let last_word = client.clone().try_reserve_owned().ok();
        (Self { gateway, serving, sent, client, last_word, seen: Seen::default() }, pieces)
    }

    /// Drains, ends the body, settles, stores. A client that stalls holds up the provider, but never the settlement.
    pub(crate) async fn run(mut self, held: Vec<Bytes>, chunks: Chunks) {
        let now = (self.gateway.options.clock)();
        let time = self.serving.arrival.deadline.since(now).saturating_sub(TIME_TO_SETTLE);
        let drained = tokio::time::timeout(time, self.drain(held, chunks)).await;
        let (outcome, last) = match drained.unwrap_or(Err(ModelError::TimedOut)) {
            Ok(()) => ("ok", encode(DONE)),
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "stream broken");
                let said = serde_json::to_vec(&Error::StreamBroken.envelope()).unwrap_or_default();
                (Error::StreamBroken.code(), encode(&said))
            }
        };
        self.keep(&last);
        let Self { gateway, serving, sent, client, last_word, seen } = self;
        drop((client, last_word.map(|place| place.send(last))));
        let bill = sent.bill(seen.usage);
        let first_token_us = seen.first_content.and_then(|time| u64::try_from(time.as_micros()).ok());
        gateway.settle(&serving, &sent, &bill, Ending { outcome, first_token_us }).await;
        if seen.is_whole && seen.finish == Some(Finish::Whole) {
            gateway.store(&serving, &sent, &bill, seen.kept.into()).await;
        }
    }

    async fn drain(&mut self, held: Vec<Bytes>, mut chunks: Chunks) -> Result<(), ModelError> {
        for chunk in held {
            self.pass(chunk).await?;
        }
        loop {
            let Ok(next) = tokio::time::timeout(PING_EVERY, chunks.next()).await else {
                self.tell(Bytes::from_static(PING)).await;
                continue;
            };
            match next {
                Some(chunk) => self.pass(chunk?).await?,
                None if self.seen.finish.is_none() => {
                    return Err(ModelError::Broken("the stream ended without a finish".into()));
                }
                None => break,
            }
        }
        self.seen.is_whole = true;
        Ok(())
    }

    /// Passes a chunk on, unless it is the usage that the client did not ask for.
    async fn pass(&mut self, chunk: Bytes) -> Result<(), ModelError> {
        let glimpse = glimpse(&chunk).map_err(|error| ModelError::Garbled(Box::new(error)))?;
        self.seen.usage = glimpse.usage.or(self.seen.usage);
        self.seen.finish = match (self.seen.finish, glimpse.finish) {
            (Some(Finish::Partial), _) => Some(Finish::Partial),
            (before, now) => now.or(before),
        };
        if glimpse.has_content && self.seen.first_content.is_none() {
            let now = (self.gateway.options.clock)();
            self.seen.first_content = Some(now.since(self.serving.arrival.at));
        }
        if !glimpse.is_usage_chunk || self.serving.request.include_usage {
            let event = encode(&chunk);
            self.keep(&event);
            self.tell(event).await;
        }
        Ok(())
    }

    /// Keeps what belongs to the answer.
    fn keep(&mut self, event: &[u8]) {
        if self.seen.kept.len() <= MAX_KEPT_BYTES {
            self.seen.kept.extend_from_slice(event);
        }
    }

    /// Sends to the client. One that has left is no reason to stop: the provider bills the whole answer.
    async fn tell(&self, event: Bytes) {
        drop(self.client.send(event).await);
    }
}

impl Gateway {
    /// After a whole answer.
    pub(crate) async fn finish_json(&self, serving: &Serving, sent: &Sent, bill: &Bill, body: Bytes) {
        self.settle(serving, sent, bill, Ending { outcome: "ok", first_token_us: None }).await;
        if glimpse(&body).is_ok_and(|glimpse| glimpse.finish == Some(Finish::Whole)) {
            self.store(serving, sent, bill, body).await;
        }
    }

    async fn settle(&self, serving: &Serving, sent: &Sent, bill: &Bill, ending: Ending) {
        let end = End {
            provider: Some(sent.step.target.provider.clone()),
            estimated: bill.estimated,
            first_token_us: ending.first_token_us,
            ..self.end(&serving.arrival, ending.outcome, bill.usage)
        };
        if bill.cost > sent.record.reserved_nanos {
            tracing::error!(
                target.id = sent.step.id,
                cost = bill.cost.0,
                bound = sent.record.reserved_nanos.0,
                "over bound"
            );
        }
        self.close(&sent.record, sent.record.settled(bill.cost, end)).await;
    }

    /// Writes how a call ended. What cannot be written now is left to the reconciler, which charges no less.
    pub(crate) async fn close(&self, before: &Record, mut after: Record) {
        let mut result = self.ledger.close(before, &after).await;
        if let (Ok(Transition::Lost(now)), Some(end)) = (&result, &after.end)
            && let Some(late) = close_late(now, &after, end)
        {
            after = late;
            result = self.ledger.close(now, &after).await;
        }
        match result {
            Ok(Transition::Done) => log_settled(&after),
            Ok(Transition::Lost(_) | Transition::Missing) => {
                tracing::error!("the record was closed by somebody else")
            }
            Err(error) => {
                tracing::error!(
                    error = %Causes(&error),
                    "not settled, left to the reconciler"
                );
            }
        }
    }

    /// Enters a hit, which needed no reservation.
    pub(crate) async fn enter(&self, record: &Record) {
        match self.ledger.enter(record).await {
            Ok(()) => log_settled(record),
            Err(error) => tracing::error!(error = %Causes(&error), "hit not entered"),
        }
    }

    async fn store(&self, serving: &Serving, sent: &Sent, bill: &Bill, reply: Bytes) {
        let Some(key) = &serving.keep_under else { return };
        if bill.estimated || reply.len() > MAX_KEPT_BYTES {
            return;
        }
        let now = (self.options.clock)();
        let entry = Entry {
            reply,
            target: sent.step.id.clone(),
            usage: bill.usage,
            cost: bill.cost,
            expires_at: now.plus(self.options.cache_ttl).as_secs(),
        };
        if let Err(error) = self.cache.write(key, &entry).await {
            tracing::warn!(error = %Causes(&error), "answer not stored");
        }
    }
}

/// How a record ends that is not as it was left: it expired meanwhile, or the ledger's reply to our last step was lost,
/// and the step was written all the same. `None` where somebody else has closed it for good.
fn close_late(now: &Record, after: &Record, end: &End) -> Option<Record> {
    match (now.state, after.state) {
        (State::Reserved | State::Sent, State::Released) => Some(now.released(end.clone())),
        (State::Reserved | State::Sent | State::Expired, _) => {
            Some(now.settled(after.charged_nanos, end.clone()))
        }
        (State::Settled | State::Released, _) => None,
    }
}

/// The one log line of a call that went through; the source of the top lists.
fn log_settled(record: &Record) {
    let Some(end) = &record.end else { return };
    tracing::info!(
        key.id = record.key_id.as_str(),
        user.id = record.user.as_str(),
        team.id = record.team.as_str(),
        tenant.id = record.tenant.as_str(),
        model.id = record.model,
        target.id = record.target,
        state = record.state.as_str(),
        outcome = end.outcome,
        cache = record.cache.as_str(),
        cost_nanos = record.charged_nanos.0,
        tokens.input = end.usage.input,
        tokens.output = end.usage.output,
        duration_us = end.latency_us,
        "call.settled"
    );
}

#[cfg(test)]
mod tests;
