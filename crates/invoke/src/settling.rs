//! Settling: what is written of a call when its answer is over. Nobody waits for it.

use std::time::Duration;

use bytes::Bytes;
use tollgate_aws::causes::Causes;
use tollgate_core::budget::Amount;
use tollgate_core::completion::{Finish, Glimpse};
use tollgate_core::idempotency::{Answered, Form};
use tollgate_core::metrics::team;
use tollgate_core::outcome::Cause;
use tollgate_core::ports::{StoreError, Transition};
use tollgate_core::record::{End, Record, State};
use tollgate_core::time::Timestamp;

use crate::arrival::Serving;
use crate::attempt::{Bill, Sent};
use crate::breakers::{Over, with_try};
use crate::gateway::Gateway;

/// Pauses between the tries of a settlement.
const SETTLE_AGAIN: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];

/// How an answer ended, as far as money does not say it.
pub(crate) struct Ending {
    pub(crate) outcome: &'static str,
    /// How its target did.
    pub(crate) cause: Cause,
    pub(crate) ended: Timestamp,
    pub(crate) first_token_us: Option<u64>,
    /// When the last target said its first content, if it was asked for a stream.
    pub(crate) spoke: Option<Timestamp>,
    pub(crate) response_id: Option<String>,
    /// What the client got, unless it was too long to keep.
    pub(crate) answered: Option<Answered>,
}

impl Gateway {
    /// After a whole answer.
    pub(crate) async fn finish_json(
        &self,
        (mut serving, mut sent): (Serving, Sent),
        bill: &Bill,
        (body, glimpse): (Bytes, Glimpse),
        spoke: Option<Timestamp>,
    ) {
        let answered = Some(sent.answered(Form::Json, &body));
        let ending = Ending {
            outcome: "ok",
            cause: Cause::Ok,
            ended: (self.options.clock)(),
            first_token_us: None,
            spoke,
            response_id: glimpse.response_id,
            answered,
        };
        let reply = Some(body).filter(|_| glimpse.finish == Some(Finish::Whole));
        self.verify(&mut serving, &mut sent, reply.as_ref()).await;
        self.settle(&serving, &sent, bill, ending).await;
        let kept = self.store(&serving, &sent, bill, reply).await;
        self.learn(&serving, kept).await;
    }

    pub(crate) async fn settle(&self, serving: &Serving, sent: &Sent, bill: &Bill, ending: Ending) {
        let tried = self.note_end(serving, sent, &ending);
        let near = &serving.near;
        let charged = bill.cost.plus(near.embedded);
        let end = End {
            provider: Some(sent.step.target.provider.clone()),
            estimated: bill.estimated || near.is_estimated,
            semantic: near.looked.clone(),
            first_token_us: ending.first_token_us,
            response_id: ending.response_id,
            ..self.end(&serving.arrival, ending.outcome, bill.usage)
        };
        let over = charged.minus(sent.record.reserved());
        if over != Amount::ZERO {
            tracing::error!(
                target.id = sent.step.id,
                over_nanos = over.nanos.0,
                over_tokens = over.tokens,
                "over bound"
            );
        }
        // First, so that a call that is closed has no answer to come.
        self.keep_answer(serving.arrival.claim.as_ref(), ending.answered).await;
        let begun = (self.options.clock)();
        let is_done = self.close(&sent.record, tried.settled(charged, end)).await;
        self.span(&serving.arrival, "settle", begun, !is_done);
        if !bill.estimated {
            self.give_quota_back(sent, bill.usage.total()).await;
        }
    }

    /// The record with how its last request ended: a stream's outcome is its end.
    fn note_end(&self, serving: &Serving, sent: &Sent, ending: &Ending) -> Record {
        if sent.is_over || sent.is_noted {
            return sent.record.clone();
        }
        let over = Over {
            step: &sent.step,
            cause: ending.cause,
            retry_after: None,
            began: sent.began,
            first: ending.spoke,
            ended: ending.ended,
            is_apart: serving.tenant.role_arn.is_some(),
        };
        with_try(&sent.record, self.breakers.note(&over))
    }

    /// Writes how a call ended, and says whether it is written. What cannot be written now is left to the reconciler, which
    /// charges no less.
    pub(crate) async fn close(&self, before: &Record, mut after: Record) -> bool {
        let mut result = self.close_patiently(before, &after).await;
        if let (Ok(Transition::Lost(now)), Some(end)) = (&result, &after.end)
            && let Some(late) = close_late(now, &after, end)
        {
            after = late;
            result = self.ledger.close(now, &after).await;
        }
        match &result {
            Ok(Transition::Done) => log_settled(&after),
            Ok(Transition::Lost(_) | Transition::Missing) => {
                tracing::error!("the record was closed by somebody else");
            }
            Err(error) => {
                tracing::error!(error = %Causes(error), "not settled, left to the reconciler");
            }
        }
        matches!(result, Ok(Transition::Done))
    }

    /// Nobody waits for a settlement, so a ledger that cannot be reached is asked again: a call that was closed although the
    /// reply was lost is found closed.
    async fn close_patiently(&self, before: &Record, after: &Record) -> Result<Transition, StoreError> {
        for pause in SETTLE_AGAIN {
            match self.ledger.close(before, after).await {
                Err(error) => tracing::warn!(error = %Causes(&error), "not settled yet"),
                done => return done,
            }
            tokio::time::sleep(pause).await;
        }
        self.ledger.close(before, after).await
    }

    /// Enters a hit, which needed no reservation.
    pub(crate) async fn enter(&self, record: &Record) {
        match self.ledger.enter(record).await {
            Ok(()) => log_settled(record),
            Err(error) => tracing::error!(error = %Causes(&error), "hit not entered"),
        }
    }
}

/// How a record ends that is not as it was left: it expired meanwhile, or the ledger's reply to our last step was lost,
/// and the step was written all the same. `None` where somebody else has closed it for good.
fn close_late(now: &Record, after: &Record, end: &End) -> Option<Record> {
    let late = match (now.state, after.state) {
        (State::Reserved | State::Sent, State::Released) => now.released(end.clone()),
        (State::Reserved | State::Sent | State::Expired, _) => now.settled(after.charged(), end.clone()),
        (State::Settled | State::Released, _) => return None,
    };
    Some(Record { tries: after.tries.clone(), continued: after.continued, ..late })
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
        // Contributor Insights knows no way to name a field with a dot.
        by_key = record.key_id.as_str(),
        by_team = team(&record.tenant, &record.team),
        by_model = record.model,
        "call.settled"
    );
}
