//! The pump: it drains the provider whether or not the client stays, ends the body, and then settles and stores.
//!
//! A stream that broke is gone on with by the next target where its route wants that; else it ends with a typed error
//! event, never as a clean finish, and it is not stored.

mod carry_on;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tollgate_aws::causes::Causes;
use tollgate_core::catalogue::Chance;
use tollgate_core::completion::Finish;
use tollgate_core::error::Error;
use tollgate_core::idempotency::{Form, MAX_ANSWER_BYTES};
use tollgate_core::interpreter::{Interpreter, Told};
use tollgate_core::model::{ModelError, Pieces};
use tollgate_core::outcome::Cause;
use tollgate_core::sse::PING;
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::arrival::Serving;
use crate::attempt::{Opened, Sent, no_answer};
use crate::gateway::Gateway;
use crate::settling::Ending;

pub(crate) use self::carry_on::carries_on;

/// How long the body may be silent.
const PING_EVERY: Duration = Duration::from_secs(15);

/// Left of the Lambda's time for settling when a stream is given up.
const TIME_TO_SETTLE: Duration = Duration::from_secs(5);

/// Pieces that may wait for a slow client; after that the provider waits too.
const BACKLOG: usize = 32;

/// A stream on its way from a provider to a client.
pub(crate) struct Flow {
    gateway: Arc<Gateway>,
    serving: Serving,
    sent: Sent,
    client: mpsc::Sender<Bytes>,
    /// A place that is kept for the last event, so that a client that stalls finds it when it reads on.
    last_word: Option<mpsc::OwnedPermit<Bytes>>,
    /// What the client is told before the next content: who says it.
    notice: Option<Bytes>,
    /// How long the first target may be silent before its first content.
    patience: Duration,
    seen: Seen,
}

/// What has been seen of a stream.
#[derive(Default)]
struct Seen {
    usage: Option<Usage>,
    /// The usage came with the finish or after it: some servers count on the way as well.
    is_usage_final: bool,
    finish: Option<Finish>,
    response_id: Option<String>,
    service_tier: Option<String>,
    first_content: Option<Duration>,
    /// When the target that is heard now said its first content.
    spoke: Option<Timestamp>,
    /// How much text others had said before it, in bytes.
    joined_at: usize,
    is_whole: bool,
    kept: Vec<u8>,
}

impl Flow {
    /// The flow, and the client's end of it.
    pub(crate) fn new(gateway: Arc<Gateway>, serving: Serving, sent: Sent) -> (Self, mpsc::Receiver<Bytes>) {
        let (client, pieces) = mpsc::channel(BACKLOG + 1);
        let last_word = client.clone().try_reserve_owned().ok();
        (
            Self {
                gateway,
                serving,
                sent,
                client,
                last_word,
                notice: None,
                patience: Duration::MAX,
                seen: Seen::default(),
            },
            pieces,
        )
    }

    /// Drains, ends the body, settles, stores. A client that stalls holds up the provider, but never the settlement.
    pub(crate) async fn run(mut self, opened: Opened) {
        let Opened { held, pieces, mut interpreter, patience } = opened;
        self.patience = patience;
        let mut drained = self.drain_in_time(held, pieces, &mut interpreter).await;
        while let Err(error) = &drained {
            let Some(pieces) = self.carry_on(&mut interpreter, error).await else { break };
            drained = self.drain_in_time(Vec::new(), pieces, &mut interpreter).await;
        }
        let (outcome, cause, last) = match drained {
            Ok(()) => {
                let frames = self.notice.take().into_iter().chain(interpreter.end());
                ("ok", Cause::Ok, Bytes::from(frames.collect::<Vec<_>>().concat()))
            }
            Err(error) => {
                tracing::warn!(error = %Causes(&error), "stream broken");
                (Error::StreamBroken.code(), self.cause(&error), interpreter.fail(&Error::StreamBroken))
            }
        };
        self.keep(&last);
        let Self { gateway, mut serving, mut sent, client, last_word, seen, .. } = self;
        drop((client, last_word.map(|place| place.send(last))));
        let usage = seen.usage.filter(|_| seen.is_whole || seen.is_usage_final);
        let bill = sent.bill(usage, seen.service_tier.as_deref());
        let first_token_us = seen.first_content.and_then(|time| u64::try_from(time.as_micros()).ok());
        // What two targets said together, neither would have said: nobody else is served it.
        let is_whole = seen.is_whole && seen.finish == Some(Finish::Whole) && sent.record.continued == 0;
        let reply = Bytes::from(seen.kept);
        let answered = (reply.len() <= MAX_ANSWER_BYTES).then(|| sent.answered(Form::Events, &reply));
        let ended = (gateway.options.clock)();
        let (spoke, response_id) = (seen.spoke, seen.response_id);
        let ending = Ending { outcome, cause, ended, first_token_us, spoke, response_id, answered };
        let reply = Some(reply).filter(|_| is_whole);
        gateway.verify(&mut serving, &mut sent, reply.as_ref()).await;
        gateway.settle(&serving, &sent, &bill, ending).await;
        let kept = gateway.store(&serving, &sent, &bill, reply).await;
        gateway.learn(&serving, kept).await;
    }

    /// A stream that a stalled client held up, until the provider or the time gave up, says nothing against its target.
    fn cause(&self, error: &ModelError) -> Cause {
        let is_stalled = self.client.capacity() == 0 && !self.client.is_closed();
        if is_stalled { Cause::Caller } else { Cause::of(error).unwrap_or(Cause::Broken) }
    }

    /// Drains for as long as the target and the Lambda have time.
    async fn drain_in_time(
        &mut self,
        held: Vec<Told>,
        pieces: Pieces,
        interpreter: &mut Interpreter,
    ) -> Result<(), ModelError> {
        let total = Duration::from_millis(self.sent.step.target.timeouts.total_ms);
        let time = self.time_left().min(total);
        let drained = tokio::time::timeout(time, self.drain(held, pieces, interpreter)).await;
        drained.unwrap_or(Err(ModelError::TimedOut))
    }

    /// What the Lambda has left before it must settle.
    fn time_left(&self) -> Duration {
        let now = (self.gateway.options.clock)();
        self.serving.arrival.deadline.since(now).saturating_sub(TIME_TO_SETTLE)
    }

    async fn drain(
        &mut self,
        held: Vec<Told>,
        mut pieces: Pieces,
        interpreter: &mut Interpreter,
    ) -> Result<(), ModelError> {
        for told in held {
            self.pass(told).await;
        }
        let times = &self.sent.step.target.timeouts;
        let between = Duration::from_millis(times.between_tokens_ms);
        // A model may think for long before its first word. Who goes on with what another said is not waited for like that.
        let first = match self.sent.record.continued {
            0 => self.patience,
            _ => Duration::from_millis(times.first_token_ms(Chance::Last, false)),
        };
        let mut silence = Duration::ZERO;
        while !self.seen.is_whole {
            let patience = if self.seen.spoke.is_some() { between } else { first };
            let wait = PING_EVERY.min(patience.saturating_sub(silence));
            let Ok(next) = tokio::time::timeout(wait, pieces.next()).await else {
                silence += wait;
                if silence >= patience {
                    return Err(ModelError::TimedOut);
                }
                self.tell(Bytes::from_static(PING)).await;
                continue;
            };
            silence = Duration::ZERO;
            match next {
                Some(said) => self.pass(interpreter.hear(said?).map_err(no_answer)?).await,
                None if self.seen.finish.is_none() => {
                    return Err(ModelError::Broken("the stream ended without a finish".into()));
                }
                None => self.seen.is_whole = true,
            }
        }
        Ok(())
    }

    /// Passes on what the client is told, and remembers what the gateway takes from it.
    async fn pass(&mut self, told: Told) {
        let Told { frames, glimpse, is_last } = told;
        let seen = &mut self.seen;
        seen.is_whole = is_last;
        seen.usage = glimpse.usage.or(seen.usage);
        seen.response_id = glimpse.response_id.or(seen.response_id.take());
        seen.service_tier = glimpse.service_tier.or(seen.service_tier.take());
        seen.finish = match (seen.finish, glimpse.finish) {
            (Some(Finish::Partial), _) => Some(Finish::Partial),
            (before, now) => now.or(before),
        };
        if glimpse.usage.is_some() {
            seen.is_usage_final = glimpse.is_usage_chunk || seen.finish.is_some();
        }
        if glimpse.has_content && seen.spoke.is_none() {
            let now = (self.gateway.options.clock)();
            seen.spoke = Some(now);
            seen.first_content.get_or_insert_with(|| now.since(self.serving.arrival.at));
        }
        let notice = self.notice.take_if(|_| !frames.is_empty());
        for frame in notice.into_iter().chain(frames) {
            self.keep(&frame);
            self.tell(frame).await;
        }
    }

    /// Keeps what belongs to the answer, and, where it is too long to be of use, just enough to show that.
    fn keep(&mut self, event: &[u8]) {
        if self.seen.kept.len() <= MAX_ANSWER_BYTES {
            self.seen.kept.extend_from_slice(event);
        }
    }

    /// Sends to the client. One that has left is no reason to stop: the provider bills the whole answer.
    async fn tell(&self, event: Bytes) {
        drop(self.client.send(event).await);
    }
}

#[cfg(test)]
mod tests;
