//! Attempts: one target after the other, until one begins to answer. Nobody sees a failover that comes before the
//! first content.

mod failures;

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join;
use tokio::time::Instant;
use tollgate_aws::causes::Causes;
use tollgate_core::breaker::Admission;
use tollgate_core::budget::Amount;
use tollgate_core::completion::{Glimpse, NoAnswer};
use tollgate_core::error::Error;
use tollgate_core::identity::Identity;
use tollgate_core::interpreter::{Interpreter, Telling, Told};
use tollgate_core::model::{Call, ModelError, Pieces, Reply};
use tollgate_core::outcome::Cause;
use tollgate_core::ports::{Drawn, Transition};
use tollgate_core::quota::Draw;
use tollgate_core::record::Record;
use tollgate_core::reservation::Taking;
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::arrival::Serving;
use crate::attempt::failures::Failures;
use crate::breakers::Over;
use crate::gateway::Gateway;
use crate::plan::{MAX_STEPS, Plan, Step};
use crate::reserve::{granted, unreachable_ledger};

/// How long a whole answer may take while somebody else could still give it.
const WHOLE_ANSWER: Duration = Duration::from_secs(120);

/// A JSON answer ends within this time of the call's arrival.
const LONGEST_JSON: Duration = Duration::from_secs(290);

/// A stream's headers go out within this time of the call's arrival, once the last target has begun to stream.
const HOLD_HEADERS: Duration = Duration::from_secs(20);

/// An attempt that began to answer.
pub(crate) struct Won {
    pub(crate) sent: Sent,
    pub(crate) reply: Started,
}

/// What an attempt is charged by.
pub(crate) struct Sent {
    pub(crate) step: Step,
    /// When it left.
    pub(crate) began: Timestamp,
    /// The open record, sent.
    pub(crate) record: Record,
    /// What earlier attempts may have cost.
    pub(crate) unknown: Amount,
    /// What it took of the target's quota.
    pub(crate) draw: Option<Draw>,
    /// It broke, which is noted, and what it may have cost is among what is unknown.
    pub(crate) is_over: bool,
}

/// The beginning of an answer.
pub(crate) enum Started {
    Json { body: Bytes, glimpse: Glimpse },
    Stream(Box<Opened>),
}

/// A stream that has begun.
pub(crate) struct Opened {
    pub(crate) held: Vec<Told>,
    pub(crate) pieces: Pieces,
    pub(crate) interpreter: Interpreter,
}

/// No attempt answered.
pub(crate) struct Failed {
    pub(crate) error: Error,
    /// The record, still open.
    pub(crate) record: Record,
    /// What the attempts may have cost.
    pub(crate) unknown: Amount,
}

/// What a call is charged.
pub(crate) struct Bill {
    pub(crate) cost: Amount,
    pub(crate) usage: Usage,
    /// The provider did not say what it counted, for this attempt or an earlier one.
    pub(crate) estimated: bool,
}

impl Sent {
    /// Usage that never came is charged at its bound, and no answer comes of no input: a count of nothing is none. What
    /// the provider says of the tier goes before what was asked.
    pub(crate) fn bill(&self, usage: Option<Usage>, served_tier: Option<&str>) -> Bill {
        if self.is_over {
            return Bill { cost: self.unknown, usage: Usage::default(), estimated: true };
        }
        let usage = usage.filter(|usage| usage.input > 0);
        let tier = served_tier.unwrap_or(&self.step.tier);
        let cost = usage.map_or(self.step.bound, |usage| Amount {
            nanos: self.step.price.cost(&usage, tier),
            tokens: usage.total(),
        });
        Bill {
            cost: cost.plus(self.unknown),
            usage: usage.unwrap_or_default(),
            estimated: usage.is_none() || self.unknown != Amount::ZERO,
        }
    }
}

impl Gateway {
    pub(crate) async fn attempt(&self, serving: &Serving, plan: Plan, record: Record) -> Result<Won, Failed> {
        let record = Record { kept_from: plan.kept_from, ..record };
        let mut failed = Failed { error: Error::Internal, record, unknown: Amount::ZERO };
        let mut failures = Failures::default();
        let (mut left, mut number) = (plan.steps.len(), 0);
        for step in plan.steps {
            left -= 1;
            if number == MAX_STEPS {
                break;
            }
            if step.admission == Admission::Probe && !self.win_probe(&step).await {
                failures.add_probed(&step.id);
                continue;
            }
            number += 1;
            let draw = self.draw(serving, &step);
            let drawn = match self.prepare(serving, &step, draw.as_ref(), &mut failed).await {
                Ok(drawn) => drawn,
                Err(error) => {
                    failed.error = error;
                    return Err(failed);
                }
            };
            let (name, begun) = (format!("attempt-{number}"), (self.options.clock)());
            let asked = match drawn {
                Drawn::Taken => self.ask(serving, &step, (&name, number == MAX_STEPS || left == 0)).await,
                Drawn::Refused { retry_after } => Err(ModelError::OverQuota { retry_after }),
            };
            self.span(&serving.arrival, &name, begun, asked.is_err());
            let error = match asked {
                Ok(reply) => {
                    let Failed { record, unknown, .. } = failed;
                    let sent = Sent { step, began: begun, record, unknown, draw, is_over: false };
                    return Ok(Won { sent, reply });
                }
                Err(error) => error,
            };
            self.note_failure(serving, (&step, begun), &error, &mut failed);
            if let ModelError::Refused { status, body } = error {
                failed.error = Error::Refused { status, body };
                return Err(failed);
            }
            failures.add(&step.id, &error);
        }
        failed.error = failures.error((self.options.clock)().since(serving.arrival.at));
        Err(failed)
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
        let needed = state.unknown.plus(step.bound).plus(serving.near.held);
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

    async fn ask(
        &self,
        serving: &Serving,
        step: &Step,
        (name, is_last): (&str, bool),
    ) -> Result<Started, ModelError> {
        let timeout = self.patience(serving, step, is_last);
        let begun = Instant::now();
        let mut interpreter = self.interpreter(serving, step);
        match self.call(serving, step, (name, timeout)).await? {
            // A server that does not stream: its answer is none that a client of events could read.
            Reply::Whole(_) if serving.request.stream => Err(ModelError::Garbled("no stream".into())),
            Reply::Whole(said) => {
                let (body, glimpse) = interpreter.whole(said).map_err(no_answer)?;
                Ok(Started::Json { body, glimpse })
            }
            Reply::Stream(pieces) => {
                let elapsed = (self.options.clock)().since(serving.arrival.at);
                let hold = if is_last { HOLD_HEADERS.saturating_sub(elapsed) } else { timeout };
                let give_up = if is_last { Instant::now() + hold } else { begun + hold };
                let opened = Opened { held: Vec::new(), pieces, interpreter };
                opened.hold(give_up, is_last).await.map(Box::new).map(Started::Stream)
            }
        }
    }

    /// Asks a target what its step says.
    pub(crate) async fn call(
        &self,
        serving: &Serving,
        step: &Step,
        (name, timeout): (&str, Duration),
    ) -> Result<Reply, ModelError> {
        let arrival = &serving.arrival;
        let call = Call {
            request_id: &arrival.request_id,
            target: &step.target,
            payload: &step.ready.payload,
            stream: serving.request.stream,
            identity: Identity {
                user: arrival.caller.user.as_str(),
                team: arrival.caller.team.as_str(),
                tenant_id: arrival.caller.tenant.as_str(),
                tenant: &serving.tenant,
            },
            traceparent: &arrival.trace.traceparent(&arrival.request_id, name),
            timeout,
        };
        self.model.call(&call).await
    }

    /// How long an attempt may take: to its first content, or to its end.
    pub(crate) fn patience(&self, serving: &Serving, step: &Step, is_last: bool) -> Duration {
        let now = (self.options.clock)();
        let times = &step.target.timeouts;
        let total = Duration::from_millis(times.total_ms);
        let patience = match (serving.request.stream, is_last) {
            (true, _) => Duration::from_millis(times.first_token_ms),
            (false, true) => LONGEST_JSON.saturating_sub(now.since(serving.arrival.at)),
            (false, false) => WHOLE_ANSWER,
        };
        patience.min(total).min(serving.arrival.deadline.since(now))
    }

    fn interpreter(&self, serving: &Serving, step: &Step) -> Interpreter {
        let telling = Telling {
            request: &serving.request,
            request_id: &serving.arrival.request_id,
            model: &step.target.model_id,
            target_id: &step.id,
            now: (self.options.clock)(),
        };
        let hearing = step.ready.hearing;
        let interpreter = match serving.carries_on {
            true => Interpreter::spliceable(hearing, &telling),
            false => Interpreter::new(hearing, &telling),
        };
        step.restoring(interpreter, &serving.request)
    }
}

impl Opened {
    /// Waits for the first content. The last target may take longer: then the headers go out, and the stream goes on.
    async fn hold(mut self, give_up: Instant, is_last: bool) -> Result<Self, ModelError> {
        let wait = async {
            loop {
                let said = match self.pieces.next().await {
                    Some(said) => said?,
                    None => return Err(ModelError::Garbled("an empty stream".into())),
                };
                let told = self.interpreter.hear(said).map_err(no_answer)?;
                let has_content = told.glimpse.has_content;
                self.held.push(told);
                if has_content {
                    return Ok(());
                }
            }
        };
        match tokio::time::timeout_at(give_up, wait).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) if is_last => {}
            Err(_) => return Err(ModelError::TimedOut),
        }
        Ok(self)
    }
}

pub(crate) fn no_answer(error: NoAnswer) -> ModelError {
    ModelError::Garbled(Box::new(error))
}

#[cfg(test)]
mod tests;
