//! Another target goes on with a stream that broke after its first content, where the route wants that.
//!
//! It is asked as any other attempt is: planned and redacted anew with what was said, its bound reserved besides what
//! the broken one may have cost, the flag checked, `sent` written. Where anything stands in the way, the stream ends as
//! broken.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use tollgate_aws::causes::Causes;
use tollgate_core::breaker::Admission;
use tollgate_core::budget::Amount;
use tollgate_core::catalogue::Chance;
use tollgate_core::error::Error;
use tollgate_core::interpreter::Interpreter;
use tollgate_core::model::{ModelError, Pieces, Reply};
use tollgate_core::output_policy::OutputPolicy;
use tollgate_core::ports::Drawn;
use tollgate_core::request::Request;
use tollgate_core::splice::{carried_on, fits, rest_of};
use tollgate_core::sse::{PING, comment};

use super::{Flow, PING_EVERY, Seen};
use crate::arrival::Arrival;
use crate::attempt::{Failed, Sent};
use crate::breakers::{Over, with_try};
use crate::plan::{Step, Wish, plan};
use crate::settings::Documents;

/// With less time than this left, nobody is asked any more.
const LEAST_TIME: Duration = Duration::from_secs(5);

/// It is no first attempt, so it takes of the target's bucket for failover.
const LATER: usize = 2;

/// What is asked of the targets that could go on.
struct Rest {
    request: Request,
    steps: Vec<Step>,
}

/// Whether another target is to go on with the answer to this call, should it break: while fewer providers than this were
/// called.
pub(crate) fn carries_on(arrival: &Arrival, request: &Request, documents: &Documents) -> Option<usize> {
    let route = documents.routing.route(&arrival.query(&request.model)).route;
    (route.continue_broken && fits(request)).then(|| route.attempts())
}

impl Flow {
    /// The stream of the target that goes on; `None` where none does.
    pub(super) async fn carry_on(
        &mut self,
        interpreter: &mut Interpreter,
        error: &ModelError,
    ) -> Option<Pieces> {
        let said = interpreter.said()?.to_owned();
        // Nobody else takes what this one refused, and nobody needs more who has left.
        let is_in_vain = matches!(error, ModelError::Refused { .. }) || self.client.is_closed();
        if is_in_vain || !self.has_time() {
            return None;
        }
        let Rest { request, steps } = self.pinging(self.rest(&said)).await?;
        if steps.is_empty() {
            return None;
        }
        tracing::warn!(target.id = self.sent.step.id, error = %Causes(error), "stream broken, others are asked");
        self.note_broken(error);
        for step in steps {
            if let Some(pieces) = self.ask_next(step, &request, interpreter).await? {
                self.seen.joined_at = said.len();
                return Some(pieces);
            }
        }
        None
    }

    /// Whether somebody may be asked, and has time to answer.
    fn has_time(&self) -> bool {
        let asked = usize::try_from(self.sent.record.attempts).unwrap_or(usize::MAX);
        self.serving.carries_on.is_some_and(|most| asked < most) && self.time_left() > LEAST_TIME
    }

    /// Who could go on, and with what: the plan as it is now, without those that were asked. Whoever must not see
    /// something that the part that was said ends within, does not see that part.
    async fn rest(&self, said: &str) -> Option<Rest> {
        let (gateway, sent) = (&self.gateway, &self.sent);
        let now = (gateway.options.clock)();
        let mut arrival = Arrival { at: now, ..self.serving.arrival.clone() };
        let ceiling = gateway.settings.cap(&mut arrival);
        let admitted = gateway.settings.admit(&arrival.caller, now);
        let documents = join(admitted, gateway.breakers.refresh(now)).await.0.ok()?;
        let by_this_one = said.get(self.seen.joined_at..).unwrap_or_default();
        let rest = rest_of(sent.step.ready.output_cap, by_this_one)?;
        let request = carried_on(&self.serving.request, said, rest)?;
        let wider = documents.routing.output_policy(&arrival.query(&request.model));
        let rest = OutputPolicy { max_tokens: Some(rest), ..OutputPolicy::default() };
        let policy = rest.within(&arrival.caller.output.within(&wider));
        let names = gateway.names(&request, &documents).await;
        let wish = Wish::of((&arrival, &request), &policy, (None, &names, &gateway.breakers), ceiling);
        let planned = plan(&documents, &wish).ok()?;
        let is_new = |step: &Step| {
            step.id != sent.step.id && !sent.record.tries.iter().any(|tried| tried.target == step.id)
        };
        let sees_all = |step: &Step| !step.vault.as_ref().is_some_and(|vault| vault.is_cut_within(said));
        let steps = planned.steps.into_iter().filter(|step| is_new(step) && sees_all(step)).collect();
        Some(Rest { request, steps })
    }

    /// The broken attempt is over: its breaker hears of it with the next record that is written, and what it may have
    /// cost stays reserved.
    fn note_broken(&mut self, error: &ModelError) {
        if self.sent.is_over {
            return;
        }
        let over = Over {
            step: &self.sent.step,
            cause: self.cause(error),
            retry_after: None,
            began: self.sent.began,
            first: self.seen.spoke,
            ended: (self.gateway.options.clock)(),
            is_apart: self.serving.tenant.role_arn.is_some(),
        };
        let record = with_try(&self.sent.record, self.gateway.breakers.note(&over));
        let usage = self.seen.usage.filter(|_| self.seen.is_usage_final);
        let unknown = self.sent.bill(usage, self.seen.service_tier.as_deref()).cost;
        (self.sent.record, self.sent.unknown, self.sent.is_over) = (record, unknown, true);
        self.sent.spent = Amount::ZERO;
    }

    /// Asks one target to go on: its stream, nothing where the next one may be asked, or `None` where the call ends.
    async fn ask_next(
        &mut self,
        step: Step,
        request: &Request,
        interpreter: &mut Interpreter,
    ) -> Option<Option<Pieces>> {
        let gateway = self.gateway.clone();
        let clock = gateway.options.clock;
        if !self.has_time() {
            return None;
        }
        if step.admission == Admission::Probe && !gateway.breakers.win_probe(&step, clock()).await {
            return Some(None);
        }
        let (record, unknown, spent) = (self.sent.record.clone(), self.sent.unknown, self.sent.spent);
        let mut state = Failed { error: Error::Internal, record, unknown, spent };
        let draw = gateway.draw(&self.serving, &step, LATER);
        let prepared = gateway.prepare(&self.serving, &step, draw.as_ref(), &mut state).await;
        self.sent.record = state.record.clone();
        let (name, began) = (format!("attempt-{}", state.record.attempts), clock());
        let timeout = gateway.patience(&self.serving, &step, Chance::Last).min(self.time_left());
        let prepared = prepared.inspect_err(|error| tracing::warn!(error = %Causes(error), "nobody goes on"));
        let asked = match prepared.ok()? {
            Drawn::Taken => self.pinging(gateway.call(&self.serving, &step, (&name, timeout))).await,
            Drawn::Refused { retry_after } => Err(ModelError::OverQuota { retry_after }),
        };
        gateway.span(&self.serving.arrival, &name, began, asked.is_err());
        let error = match asked {
            Ok(Reply::Stream(pieces)) => {
                interpreter.go_on(step.ready.hearing, request, step.restorer(request));
                self.hand_over(Sent { unknown, spent, ..Sent::new(step, began, state.record, draw) });
                return Some(Some(pieces));
            }
            Ok(Reply::Whole(_)) => ModelError::Garbled("no stream".into()),
            Err(error) => error,
        };
        gateway.note_failure(&self.serving, (&step, began), &error, &mut state);
        (self.sent.record, self.sent.unknown) = (state.record, state.unknown);
        if matches!(error, ModelError::Refused { .. }) { None } else { Some(None) }
    }

    /// From here on the stream is another target's. What the one before counted is settled with what is unknown.
    fn hand_over(&mut self, sent: Sent) {
        let target = &sent.step.target;
        self.notice = Some(comment(&format!("continued by {}/{}", target.provider, target.model_id)));
        self.sent = sent;
        self.sent.record.continued += 1;
        let before = std::mem::take(&mut self.seen);
        self.seen = Seen { first_content: before.first_content, kept: before.kept, ..Seen::default() };
    }

    /// Awaits something, and keeps the body busy meanwhile.
    async fn pinging<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(PING_EVERY, &mut work).await {
                Ok(done) => return done,
                Err(_) => self.tell(Bytes::from_static(PING)).await,
            }
        }
    }
}

#[cfg(test)]
mod tests;
