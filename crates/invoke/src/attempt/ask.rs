//! One attempt at one target, up to the first content of its answer.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;
use tollgate_core::catalogue::Chance;
use tollgate_core::identity::Identity;
use tollgate_core::interpreter::{Interpreter, Telling};
use tollgate_core::model::{Call, ModelError, Reply};

use super::{Opened, Started, no_answer};
use crate::arrival::Serving;
use crate::gateway::Gateway;
use crate::plan::Step;

/// How long a whole answer may take at most while somebody else could still give it.
const WHOLE_ANSWER: Duration = Duration::from_secs(120);

/// Slower than this for each token of it, no model writes. Silence cannot be told from writing before the end.
const PER_TOKEN: Duration = Duration::from_millis(50);

/// A JSON answer ends within this time of the call's arrival.
const LONGEST_JSON: Duration = Duration::from_secs(290);

/// A stream's headers go out within this time of the call's arrival, once the last target has begun to stream.
const HOLD_HEADERS: Duration = Duration::from_secs(20);

impl Gateway {
    pub(super) async fn ask(
        &self,
        serving: &Serving,
        step: &Step,
        (name, chance): (&str, Chance),
    ) -> Result<Started, ModelError> {
        let timeout = self.patience(serving, step, chance);
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
                let give_up = match chance {
                    Chance::Last => Instant::now() + HOLD_HEADERS.saturating_sub(elapsed),
                    Chance::NotLast => begun + timeout,
                };
                let opened = Opened { held: Vec::new(), pieces, interpreter };
                opened.hold(give_up, chance).await.map(Box::new).map(Started::Stream)
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
    pub(crate) fn patience(&self, serving: &Serving, step: &Step, chance: Chance) -> Duration {
        let now = (self.options.clock)();
        let times = &step.target.timeouts;
        let first_token = Duration::from_millis(times.first_token_ms(chance, serving.request.thinks()));
        let patience = match (serving.request.stream, chance) {
            (true, _) => first_token,
            (false, Chance::Last) => LONGEST_JSON.saturating_sub(now.since(serving.arrival.at)),
            (false, Chance::NotLast) if step.target.is_for_embeddings() => WHOLE_ANSWER,
            (false, Chance::NotLast) => {
                let tokens = u32::try_from(step.ready.output_cap).unwrap_or(u32::MAX);
                first_token.saturating_add(PER_TOKEN.saturating_mul(tokens)).min(WHOLE_ANSWER)
            }
        };
        let total = Duration::from_millis(times.total_ms);
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
            Some(_) => Interpreter::spliceable(hearing, &telling),
            None => Interpreter::new(hearing, &telling),
        };
        step.restoring(interpreter, &serving.request)
    }
}

impl Opened {
    /// Waits for the first content. The last target may take longer: then the headers go out, and the stream goes on.
    async fn hold(mut self, give_up: Instant, chance: Chance) -> Result<Self, ModelError> {
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
        match (tokio::time::timeout_at(give_up, wait).await, chance) {
            (Ok(Ok(())), _) | (Err(_), Chance::Last) => Ok(self),
            (Ok(Err(error)), _) => Err(error),
            (Err(_), Chance::NotLast) => Err(ModelError::TimedOut),
        }
    }
}
