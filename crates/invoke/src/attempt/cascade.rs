//! A cheap target first: its answer is held until it is whole, and goes out only if it suffices, or if nobody else has
//! answered after it. It is billed either way.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tollgate_core::budget::Amount;
use tollgate_core::cache::replay;
use tollgate_core::catalogue::Chance;
use tollgate_core::completion::{Finish, Glimpse};
use tollgate_core::idempotency::Form;
use tollgate_core::model::ModelError;
use tollgate_core::outcome::Cause;
use tollgate_core::record::Record;
use tollgate_core::routing::{Insufficient, Sufficient};

use super::{Failed, Opened, Sent, Started, Won, no_answer};
use crate::arrival::Serving;
use crate::breakers::Over;
use crate::gateway::Gateway;
use crate::plan::Step;

/// A stream is held no longer, because its client waits for headers.
const LONGEST_HOLD: Duration = Duration::from_secs(15);

/// The longest stream that is held.
const MOST_BYTES: usize = 256 * 1024;

/// An answer that does not suffice.
pub(super) struct Held {
    won: Won,
    /// What it is charged where its usage never came; it is among what is unknown.
    estimate: Amount,
}

impl Gateway {
    /// Asks a target, and says why its answer does not suffice, if somebody else could give a better one.
    pub(super) async fn ask_and_judge(
        &self,
        serving: &Serving,
        step: &Step,
        (name, chance): (&str, Chance),
    ) -> Result<(Started, Option<Insufficient>), ModelError> {
        let reply = self.ask(serving, step, (name, chance)).await?;
        match (&step.sufficient, chance) {
            (Some(sufficient), Chance::NotLast) => judged(serving, sufficient, reply).await,
            _ => Ok((reply, None)),
        }
    }

    /// Keeps an answer that does not suffice. What it cost is known, and the next attempt comes on top of it.
    pub(super) fn set_aside(
        &self,
        serving: &Serving,
        (sent, reply): (Sent, Started),
        why: Insufficient,
        failed: &mut Failed,
    ) -> Held {
        let (glimpse, first) = match &reply {
            Started::Json { glimpse, spoke, .. } => (glimpse.clone(), *spoke),
            Started::Stream(opened) => (opened.seen(), None),
        };
        let bill = sent.bill(glimpse.usage, glimpse.service_tier.as_deref());
        let estimate = if bill.estimated { bill.cost } else { Amount::ZERO };
        failed.spent = failed.spent.plus(bill.cost.minus(estimate));
        failed.unknown = failed.unknown.plus(estimate);
        let ended = (self.options.clock)();
        let over = Over {
            step: &sent.step,
            cause: Cause::Ok,
            retry_after: None,
            began: sent.began,
            first,
            ended,
            is_apart: serving.tenant.role_arn.is_some(),
        };
        failed.record.tries.push(self.breakers.note(&over));
        if let Some(decision) = &mut failed.record.decision {
            decision.insufficient = Some(why);
        }
        tracing::info!(target.id = sent.step.id, ?why, "answer does not suffice");
        Held { won: Won { sent, reply }, estimate }
    }
}

/// Whether an answer goes out, or why it does not suffice; an error where its stream broke before its end.
async fn judged(
    serving: &Serving,
    sufficient: &Sufficient,
    reply: Started,
) -> Result<(Started, Option<Insufficient>), ModelError> {
    let (reply, form, said, finish) = match reply {
        Started::Json { ref body, ref glimpse, .. } => {
            let (said, finish) = (body.clone(), glimpse.finish);
            (reply, Form::Json, said, finish)
        }
        Started::Stream(opened) => {
            let whole = tokio::time::timeout(LONGEST_HOLD, opened.hold_whole()).await;
            let opened = whole.unwrap_or(Err(ModelError::TimedOut))?;
            let (said, seen) = (opened.said(), opened.seen());
            (Started::Stream(Box::new(opened)), Form::Events, said, seen.finish)
        }
    };
    let words = replay::words(form, &said, serving.request.dialect);
    let why = sufficient.judge(words.filter(|_| finish == Some(Finish::Whole)).as_deref());
    Ok((reply, why))
}

impl Held {
    /// Nobody has answered after it, so it is the answer after all. What the others may have cost stays charged.
    pub(super) fn after(self, failed: Failed) -> Won {
        let Won { sent, reply } = self.won;
        let target = Some(sent.step.id.clone());
        let record = Record { target, redacted: sent.step.redacted(), ..failed.record };
        // Its own cost is counted when it is settled.
        let unknown = failed.unknown.minus(self.estimate);
        Won { sent: Sent { record, unknown, is_noted: true, ..sent }, reply }
    }
}

impl Opened {
    /// Hears the stream to its end, without telling anybody.
    async fn hold_whole(mut self) -> Result<Self, ModelError> {
        while !self.held.last().is_some_and(|told| told.is_last) {
            match self.pieces.next().await {
                Some(said) => self.held.push(self.interpreter.hear(said?).map_err(no_answer)?),
                None if self.seen().finish.is_none() => {
                    return Err(ModelError::Broken("the stream ended without a finish".into()));
                }
                None => {
                    self.pieces = stream::empty().boxed();
                    break;
                }
            }
            let bytes: usize = self.held.iter().flat_map(|told| &told.frames).map(Bytes::len).sum();
            if bytes > MOST_BYTES {
                break;
            }
        }
        Ok(self)
    }

    /// What the client would have heard.
    fn said(&self) -> Bytes {
        let frames: Vec<Bytes> = self.held.iter().flat_map(|told| told.frames.clone()).collect();
        frames.concat().into()
    }

    /// What the gateway has seen of it.
    fn seen(&self) -> Glimpse {
        self.held.iter().fold(Glimpse::default(), |seen, told| seen.and(told.glimpse.clone()))
    }
}
