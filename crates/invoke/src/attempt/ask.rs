//! One attempt at one target, up to the first content of its answer.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};
use tollgate_core::catalogue::Chance;
use tollgate_core::identity::Identity;
use tollgate_core::interpreter::{Gatherer, Interpreter, Telling};
use tollgate_core::model::{Call, ModelError, Pieces, Reply, Said};
use tollgate_core::stream_error;

use super::{Opened, Started, no_answer};
use crate::arrival::Serving;
use crate::gateway::Gateway;
use crate::plan::Step;

/// How long an answer may take at most while somebody else could still give it: one that cannot come as a stream to its end,
/// one that is thought over to its first content.
const WHOLE_ANSWER: Duration = Duration::from_secs(120);

/// Slower than this for each token of it, no model writes, nor for each further text that it embeds.
const PER_TOKEN: Duration = Duration::from_millis(50);

/// A JSON answer ends within this time of the call's arrival.
const LONGEST_JSON: Duration = Duration::from_secs(290);

/// A stream's headers go out within this time of the call's arrival, once the last target has begun to stream.
const HOLD_HEADERS: Duration = Duration::from_secs(20);

/// The longest stream that is gathered: its events say some 200 bytes around each token.
const MOST_GATHERED: usize = 32 * 1024 * 1024;

/// By when a stream must have gone on.
struct Times {
    first_content: Instant,
    between: Duration,
    end: Instant,
}

impl Gateway {
    pub(super) async fn ask(
        &self,
        serving: &Serving,
        step: &Step,
        (name, chance): (&str, Chance),
    ) -> Result<Started, ModelError> {
        let (begun, now) = (Instant::now(), (self.options.clock)());
        let (timeout, end) = (self.patience(serving, step, chance), begun + self.longest(serving, step));
        let telling = Telling {
            request: &serving.request,
            request_id: &serving.arrival.request_id,
            model: &step.target.model_id,
            target_id: &step.id,
            now,
        };
        let restorer = step.restorer(&serving.request);
        match self.call(serving, step, (name, timeout)).await? {
            // A server that does not stream: its answer is none that a client of events could read.
            Reply::Whole(_) if serving.request.stream => Err(ModelError::Garbled("no stream".into())),
            Reply::Whole(said) => {
                let mut interpreter = Interpreter::new(step.ready.hearing, &telling).restoring(restorer);
                let (body, glimpse) = interpreter.whole(said).map_err(no_answer)?;
                Ok(Started::Json { body, glimpse, spoke: None })
            }
            Reply::Stream(pieces) if serving.request.stream => {
                let interpreter = interpreter(serving, step, &telling).restoring(restorer);
                let elapsed = (self.options.clock)().since(serving.arrival.at);
                // Who thinks is kept, once it has begun to answer: it would be paid for twice.
                let headers_by = Instant::now() + HOLD_HEADERS.saturating_sub(elapsed);
                let (give_up, patience, chance) = match chance {
                    Chance::NotLast if is_thinking(serving, step) => (headers_by, WHOLE_ANSWER, Chance::Last),
                    Chance::NotLast => (begun + timeout, Duration::MAX, chance),
                    // Nobody else could answer instead any more.
                    Chance::Last => (headers_by, Duration::MAX, chance),
                };
                let opened = Opened { held: Vec::new(), pieces, interpreter, patience };
                opened.hold(give_up, chance).await.map(Box::new).map(Started::Stream)
            }
            Reply::Stream(pieces) => {
                let first_content =
                    if is_thinking(serving, step) { WHOLE_ANSWER.max(timeout) } else { timeout };
                let times = Times {
                    first_content: begun + first_content,
                    between: Duration::from_millis(step.target.timeouts.between_tokens_ms),
                    end,
                };
                let gatherer = Gatherer::new(step.ready.hearing, &telling, restorer);
                self.gather(pieces, gatherer, &times).await
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
            stream: step.ready.stream,
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

    /// How long an attempt may take: a stream to its head, what is whole to its end.
    pub(crate) fn patience(&self, serving: &Serving, step: &Step, chance: Chance) -> Duration {
        let (request, times) = (&serving.request, &step.target.timeouts);
        let first_token = Duration::from_millis(times.first_token_ms(chance, is_thinking(serving, step)));
        let patience = match (request.stream, chance) {
            (true, _) => first_token,
            (false, Chance::Last) => Duration::MAX,
            (false, Chance::NotLast) if step.ready.stream => first_token,
            // Silence cannot be told from writing before the end.
            (false, Chance::NotLast) => {
                let units = match step.target.is_for_embeddings() {
                    true => u32::try_from(request.pieces().saturating_sub(1)),
                    false => u32::try_from(step.ready.output_cap),
                };
                let time = PER_TOKEN.saturating_mul(units.unwrap_or(u32::MAX));
                first_token.saturating_add(time).min(WHOLE_ANSWER)
            }
        };
        patience.min(self.longest(serving, step))
    }

    /// Hears a stream to its end, for a caller who wants it whole: nobody has seen any of it, so until then it can fail
    /// like any answer.
    async fn gather(
        &self,
        mut pieces: Pieces,
        mut gatherer: Gatherer,
        times: &Times,
    ) -> Result<Started, ModelError> {
        let (mut spoke, mut bytes) = (None, 0);
        while !gatherer.is_over() {
            let by = if spoke.is_some() { Instant::now() + times.between } else { times.first_content };
            let next =
                timeout_at(by.min(times.end), pieces.next()).await.map_err(|_| ModelError::TimedOut)?;
            let Some(said) = next.transpose()? else { break };
            if let Said::Json(json) = &said {
                bytes += json.len();
            }
            if bytes > MOST_GATHERED {
                return Err(ModelError::Garbled(
                    format!("the answer is longer than {MOST_GATHERED} bytes").into(),
                ));
            }
            if let (None, Some(error)) = (spoke, refused_in(&said)) {
                return Err(error);
            }
            if gatherer.hear(said).map_err(no_answer)?.has_content {
                spoke.get_or_insert_with(self.options.clock);
            }
        }
        let (body, glimpse) = gatherer.whole().map_err(no_answer)?;
        Ok(Started::Json { body, glimpse, spoke })
    }

    /// How long an attempt may take to its end.
    fn longest(&self, serving: &Serving, step: &Step) -> Duration {
        Duration::from_millis(step.target.timeouts.total_ms).min(self.time_left(serving))
    }

    /// How much time there is to answer a call.
    pub(super) fn time_left(&self, serving: &Serving) -> Duration {
        let (arrival, now) = (&serving.arrival, (self.options.clock)());
        let left = arrival.deadline.since(now);
        if serving.request.stream {
            left
        } else {
            left.min(LONGEST_JSON.saturating_sub(now.since(arrival.at)))
        }
    }
}

/// What a target says instead of its first content.
fn refused_in(said: &Said) -> Option<ModelError> {
    match said {
        Said::Json(json) => stream_error::read(json),
        Said::Events(_) | Said::Embeddings(_) => None,
    }
}

/// Whether silence may be thought: the model thinks, as the call or the catalogue says, and nobody says how long that may
/// take.
fn is_thinking(serving: &Serving, step: &Step) -> bool {
    let thinks = serving.request.thinks().unwrap_or(step.target.thinks);
    thinks && step.target.timeouts.first_token_ms.is_none()
}

fn interpreter(serving: &Serving, step: &Step, telling: &Telling<'_>) -> Interpreter {
    match serving.carries_on {
        Some(_) => Interpreter::spliceable(step.ready.hearing, telling),
        None => Interpreter::new(step.ready.hearing, telling),
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
                if let Some(error) = refused_in(&said) {
                    return Err(error);
                }
                let told = self.interpreter.hear(said).map_err(no_answer)?;
                let has_content = told.glimpse.has_content;
                self.held.push(told);
                if has_content {
                    return Ok(());
                }
            }
        };
        match (timeout_at(give_up, wait).await, chance) {
            (Ok(Ok(())), _) | (Err(_), Chance::Last) => Ok(self),
            (Ok(Err(error)), _) => Err(error),
            (Err(_), Chance::NotLast) => Err(ModelError::TimedOut),
        }
    }
}
