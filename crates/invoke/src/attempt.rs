//! Attempts: one target after the other, until one begins to answer. Nobody sees a failover that comes before the
//! first content.

mod ask;
mod cascade;
mod failures;
mod queue;
mod sent;

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use tollgate_aws::causes::Causes;
use tollgate_core::breaker::Admission;
use tollgate_core::budget::Amount;
use tollgate_core::completion::{Glimpse, NoAnswer};
use tollgate_core::error::Error;
use tollgate_core::interpreter::{Interpreter, Told};
use tollgate_core::model::{ModelError, Pieces};
use tollgate_core::outcome::Cause;
use tollgate_core::ports::{Drawn, Transition};
use tollgate_core::quota::Draw;
use tollgate_core::record::Record;
use tollgate_core::reservation::Taking;
use tollgate_core::time::Timestamp;

use crate::arrival::Serving;
use crate::attempt::cascade::Held;
use crate::attempt::failures::Failures;
use crate::attempt::queue::Queue;
pub(crate) use crate::attempt::sent::{Bill, Sent};
use crate::breakers::Over;
use crate::gateway::Gateway;
use crate::plan::{Plan, Step};
use crate::reserve::{granted, unreachable_ledger};

/// With less time left nobody else is asked: it would be charged, and could not answer.
const LEAST_TIME: Duration = Duration::from_secs(3);

/// An attempt that began to answer.
pub(crate) struct Won {
    pub(crate) sent: Sent,
    pub(crate) reply: Started,
}

/// The beginning of an answer.
pub(crate) enum Started {
    /// All of it, and when its first content came, if it came as a stream.
    Json {
        body: Bytes,
        glimpse: Glimpse,
        spoke: Option<Timestamp>,
    },
    Stream(Box<Opened>),
}

/// A stream that has begun.
pub(crate) struct Opened {
    pub(crate) held: Vec<Told>,
    pub(crate) pieces: Pieces,
    pub(crate) interpreter: Interpreter,
    /// How long it may be silent before its first content, once its headers have gone out.
    pub(crate) patience: Duration,
}

/// No attempt answered.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// The record, still open.
    pub(crate) record: Record,
    /// What the attempts may have cost.
    pub(crate) unknown: Amount,
    /// What they have cost.
    pub(crate) spent: Amount,
}

impl Failed {
    const fn at_nothing(record: Record) -> Self {
        Self { error: Error::Internal, record, unknown: Amount::ZERO, spent: Amount::ZERO }
    }

    fn because(self, error: Error) -> Self {
        Self { error, ..self }
    }
}

impl Gateway {
    pub(crate) async fn attempt(&self, serving: &Serving, plan: Plan, record: Record) -> Result<Won, Failed> {
        let mut held = None;
        let tried = self.try_steps(serving, plan, record, &mut held).await;
        match (tried, held) {
            (Err(failed), Some(held)) => Ok(held.after(failed)),
            (tried, _) => tried,
        }
    }

    /// Asks one after the other. An answer that does not suffice is left in `held`.
    async fn try_steps(
        &self,
        serving: &Serving,
        plan: Plan,
        record: Record,
        held: &mut Option<Held>,
    ) -> Result<Won, Failed> {
        let decision = Some(plan.decision.clone());
        let record = Record { kept_from: plan.kept_from.clone(), decision, ..record };
        let mut failed = Failed::at_nothing(record);
        let mut failures = Failures::default();
        let (mut queue, mut number) = (Queue::new(plan), 0);
        while let Some(step) = self.next_in_time(serving, &mut queue) {
            if step.admission == Admission::Probe && !self.win_probe(&step).await {
                failures.add_probed(&step.id);
                continue;
            }
            number += 1;
            let draw = self.draw(serving, &step, number);
            let drawn = match self.prepare(serving, &step, draw.as_ref(), &mut failed).await {
                Ok(drawn) => drawn,
                Err(error) => return Err(failed.because(error)),
            };
            let (name, begun) = (format!("attempt-{number}"), (self.options.clock)());
            let asked = match drawn {
                Drawn::Taken => {
                    let chance = queue.chance();
                    queue.note_call(&step);
                    self.ask_and_judge(serving, &step, (&name, chance)).await
                }
                Drawn::Refused { retry_after } => Err(ModelError::OverQuota { retry_after }),
            };
            self.span(&serving.arrival, &name, begun, asked.is_err());
            let error = match asked {
                Ok((reply, None)) => {
                    let Failed { record, unknown, spent, .. } = failed;
                    let sent = Sent { unknown, spent, ..Sent::new(step, begun, record, draw) };
                    return Ok(Won { sent, reply });
                }
                Ok((reply, Some(why))) => {
                    let sent = Sent::new(step, begun, failed.record.clone(), draw);
                    *held = Some(self.set_aside(serving, (sent, reply), why, &mut failed));
                    continue;
                }
                Err(error) => error,
            };
            self.note_failure(serving, (&step, begun), &error, &mut failed);
            failures.add(&step.id, &error);
            if let Err(error) = self.look_further(serving, &mut queue, step, error).await {
                return Err(failed.because(error));
            }
        }
        let elapsed = (self.options.clock)().since(serving.arrival.at);
        Err(failed.because(failures.error(elapsed)))
    }

    /// Who is next, while there is time for an answer.
    fn next_in_time(&self, serving: &Serving, queue: &mut Queue) -> Option<Step> {
        let is_late = queue.has_asked() && self.time_left(serving) < LEAST_TIME;
        if is_late { None } else { queue.next() }
    }

    /// Who may still be asked after a failure; an error where it is the caller's own.
    async fn look_further(
        &self,
        serving: &Serving,
        queue: &mut Queue,
        step: Step,
        error: ModelError,
    ) -> Result<(), Error> {
        if queue.turn_to_larger(&step, &error) {
            return Ok(());
        }
        if let ModelError::Refused { status, body } = error {
            return Err(Error::Refused { status, body });
        }
        let Some(pause) = queue.pause(&step, &error, (self.options.draw)()) else { return Ok(()) };
        let arrival = &serving.arrival;
        if (self.options.clock)().plus(pause) >= arrival.deadline {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        let breaker = (step.id.as_str(), &step.target.breaker);
        let admission = self.breakers.admit(breaker, arrival.seed(), (self.options.clock)());
        // Who was admitted before may have failed others meanwhile.
        if matches!(admission, Admission::Admitted | Admission::Spared) {
            queue.ask_again(step);
        }
        Ok(())
    }

    async fn win_probe(&self, step: &Step) -> bool {
        self.breakers.win_probe(step, (self.options.clock)()).await
    }

    /// What a failure leaves: a cost that nobody knows, and an outcome where the provider was asked at all.
    pub(crate) fn note_failure(
        &self,
        serving: &Serving,
        (step, began): (&Step, Timestamp),
        error: &ModelError,
        failed: &mut Failed,
    ) {
        if !matches!(error, ModelError::Refused { .. }) {
            tracing::warn!(target.id = step.id, error = %Causes(error), "attempt failed");
        }
        if error.may_be_billed() {
            failed.unknown = failed.unknown.plus(step.bound);
        }
        let Some(cause) = Cause::of(error) else { return };
        let retry_after = match error {
            ModelError::Throttled { retry_after } => *retry_after,
            _ => None,
        };
        let is_apart = serving.tenant.role_arn.is_some();
        let ended = (self.options.clock)();
        let over = Over { step, cause, retry_after, began, first: None, ended, is_apart };
        failed.record.tries.push(self.breakers.note(&over));
    }

    /// Makes sure, before the bytes leave, that the reservation holds what earlier attempts may have cost besides this
    /// one, that calls are still admitted, and that the ledger knows of it.
    pub(crate) async fn prepare(
        &self,
        serving: &Serving,
        step: &Step,
        draw: Option<&Draw>,
        state: &mut Failed,
    ) -> Result<Drawn, Error> {
        let needed = state.unknown.plus(state.spent).plus(step.bound).plus(serving.near.held);
        let more = needed.minus(state.record.reserved());
        if more != Amount::ZERO {
            let (extended, now) = (state.record.extended(more), (self.options.clock)());
            let taking = Taking::new(Some(&state.record), extended, &serving.limits, None, now);
            state.record = granted(&serving.arrival, self.ledger.take(taking).await)?.record;
        }
        // Last, because an extension may wait for others, and the flag must not have grown old when the bytes leave.
        self.settings.admit(&serving.arrival.caller, (self.options.clock)()).await?;
        let sent = Record { redacted: step.redacted(), ..state.record.sent(&step.id) };
        let (noted, drawn) = join(self.ledger.send(&state.record, &sent), self.take_quota(step, draw)).await;
        match noted {
            Ok(Transition::Done) => {
                state.record = sent;
                Ok(drawn)
            }
            Ok(Transition::Lost(_) | Transition::Missing) => Err(Error::Contended),
            Err(error) => Err(unreachable_ledger(&error)),
        }
    }
}

pub(crate) fn no_answer(error: NoAnswer) -> ModelError {
    ModelError::Garbled(Box::new(error))
}

#[cfg(test)]
mod tests;
