//! One call from end to end: parse, look up, plan, reserve, attempt, and what is settled and stored after the answer.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tollgate_aws::causes::Causes;
use tollgate_core::budget::Amount;
use tollgate_core::catalogue::Target;
use tollgate_core::dialect::Dialect;
use tollgate_core::error::Error;
use tollgate_core::metrics::Refusals;
use tollgate_core::money::Nanos;
use tollgate_core::name::Name;
use tollgate_core::ports::{
    Answers, Breakers, Cache, Evidence, Granted, Ledger, Model, Names, Quotas, Ratings, Records, Settings,
    Spans, Vectors,
};
use tollgate_core::record::{CacheOutcome, End, Opening};
use tollgate_core::request::Request;
use tollgate_core::settings::Tenant;
use tollgate_core::time::Timestamp;
use tollgate_core::trace::Span;
use tollgate_core::trim::Trimmed;
use tollgate_core::usage::Usage;
use tollgate_core::write::Item;

use crate::answer::{ADAPTED, Answer, AnswerBody, set};
use crate::arrival::{Arrival, MARGIN, Serving};
use crate::attempt::{Failed, Started, Won};
use crate::breakers::FleetBreakers;
use crate::exact::{Slot, name_key};
use crate::plan::{Wish, check_model, plan};
use crate::pump::{Flow, carries_on};
use crate::redacting::name_redacted;
use crate::refused;
use crate::reserve::{Reserving, write_tokens};
use crate::semantic::Nearby;
use crate::settings::{CurrentSettings, Documents};
use crate::single_flight::Flight;
use crate::trimming::trimmed;

/// The reconciler waits this long after the function's own deadline before it closes a record.
const OVERDUE_AFTER: Duration = Duration::from_secs(30);

/// A call that no kept answer serves.
struct Asking {
    arrival: Arrival,
    request: Request,
    slot: Option<Slot>,
    flow: Option<Item>,
}

/// The gateway of one environment.
pub struct Gateway {
    pub(crate) settings: CurrentSettings,
    pub(crate) breakers: FleetBreakers,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) records: Arc<dyn Records>,
    pub(crate) cache: Arc<dyn Cache>,
    pub(crate) quotas: Arc<dyn Quotas>,
    pub(crate) answers: Arc<dyn Answers>,
    pub(crate) model: Arc<dyn Model>,
    pub(crate) names: Arc<dyn Names>,
    pub(crate) spans: Arc<dyn Spans>,
    pub(crate) vectors: Option<Arc<dyn Vectors>>,
    pub(crate) evidence: Arc<dyn Evidence>,
    pub(crate) ratings: Arc<dyn Ratings>,
    pub(crate) options: Options,
}

/// What the gateway needs from the world.
pub struct Ports {
    /// Flag, catalogue, prices, routing, tenants.
    pub settings: Arc<dyn Settings>,
    /// Which targets may be asked.
    pub breakers: Arc<dyn Breakers>,
    /// The ledger and the spend.
    pub ledger: Arc<dyn Ledger>,
    /// The ledger, read.
    pub records: Arc<dyn Records>,
    /// Answers that were paid for.
    pub cache: Arc<dyn Cache>,
    /// Buckets for the providers' quotas.
    pub quotas: Arc<dyn Quotas>,
    /// Answers of calls under an idempotency key.
    pub answers: Arc<dyn Answers>,
    /// The providers.
    pub model: Arc<dyn Model>,
    /// Who finds names of people.
    pub names: Arc<dyn Names>,
    /// X-Ray.
    pub spans: Arc<dyn Spans>,
    /// Questions by what they mean; nothing is looked for where there are none.
    pub vectors: Option<Arc<dyn Vectors>>,
    /// What verified pairs of questions have shown.
    pub evidence: Arc<dyn Evidence>,
    /// What callers say of answers.
    pub ratings: Arc<dyn Ratings>,
}

/// What does not change while an environment lives.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a ledger record is kept.
    pub retention_days: u64,
    /// How long an answer is served from the cache; not at all where zero.
    pub cache_ttl: Duration,
    /// The wall clock.
    pub clock: fn() -> Timestamp,
    /// Randomness: uniform in 0..1,000,000.
    pub draw: fn() -> u32,
    /// Counts the calls that a brake refuses.
    pub refusals: Refusals,
}

impl Gateway {
    /// Over these ports.
    #[must_use]
    pub fn new(ports: Ports, options: Options) -> Self {
        let Ports {
            settings,
            breakers,
            ledger,
            records,
            cache,
            quotas,
            answers,
            model,
            names,
            spans,
            vectors,
            evidence,
            ratings,
        } = ports;
        let (settings, breakers) = (CurrentSettings::new(settings), FleetBreakers::new(breakers));
        Self {
            settings,
            breakers,
            ledger,
            records,
            cache,
            quotas,
            answers,
            model,
            names,
            spans,
            vectors,
            evidence,
            ratings,
            options,
        }
    }

    /// A POST in one of the dialects.
    pub async fn serve(self: Arc<Self>, dialect: Dialect, mut arrival: Arrival) -> Result<Answer, Error> {
        let request = Request::parse(dialect, &arrival.body)?;
        arrival.terms.task = arrival.terms.task.or_else(|| request.task());
        match trimmed(&arrival, &request)? {
            None => self.serve_request(arrival, request).await,
            Some(Trimmed { request, note }) => Ok(self.serve_request(arrival, request).await?.adapted(&note)),
        }
    }

    /// The call, once it is known what is asked.
    async fn serve_request(self: Arc<Self>, arrival: Arrival, request: Request) -> Result<Answer, Error> {
        let call = (&arrival, &request);
        let admitted = async {
            let settings = self.settings.admit(&arrival.caller, arrival.at);
            futures_util::future::join(settings, self.breakers.refresh(arrival.at)).await.0
        };
        let known = futures_util::future::join(self.claimed(&arrival), self.flow(&arrival));
        let (documents, guess, (claimed, flow)) =
            futures_util::future::join3(admitted, self.guess(call), known).await;
        self.span(&arrival, "admit-and-look-up", arrival.at, documents.is_err());
        let documents = documents?;
        check_model(&documents, &arrival.caller, &request.model)?;
        documents.routing.constraints.of(&arrival.caller.tenant, &arrival.terms)?;
        if let Some(earlier) = self.replayable(&arrival, claimed?).await? {
            return Ok(self.answer_replay(&arrival, &request, earlier, &documents));
        }
        let (slot, hit) = self.find(call, &documents, guess).await;
        if let (Some(slot), Some(hit)) = (&slot, hit) {
            return Ok(self.clone().answer_hit(call, slot, hit, &documents));
        }
        self.ask_a_model(Asking { arrival, request, slot, flow }, &documents).await
    }

    /// Asks a model, unless an identical call does already.
    async fn ask_a_model(
        self: Arc<Self>,
        asking: Asking,
        documents: &Arc<Documents>,
    ) -> Result<Answer, Error> {
        let Asking { mut arrival, request, slot, flow } = asking;
        arrival.signature = documents.sign(&arrival);
        let ceiling = self.settings.cap(&mut arrival);
        let earlier = self.earlier(&request, &arrival.caller).await?;
        let policy =
            arrival.caller.output.within(&documents.routing.output_policy(&arrival.query(&request.model)));
        let names = self.names(&request, documents).await;
        let found = (earlier.as_ref(), &names, &self.breakers);
        let wish = Wish::of((&arrival, &request), &policy, found, ceiling);
        let plan = plan(documents, &wish)?;
        let tenant = self.tenant(&arrival.caller.tenant).await?;
        let slot = match self.lead_or_follow((&arrival, &request), slot, documents).await? {
            Flight::Asks(slot) => slot,
            Flight::Lands(slot, hit) => {
                return Ok(self.clone().answer_hit((&arrival, &request), &slot, *hit, documents));
            }
        };
        let limits = documents.budgets.limits(&arrival.caller);
        let is_bypass = arrival.directive.is_fresh || slot.is_none();
        let cache = if is_bypass { CacheOutcome::Bypass } else { CacheOutcome::Miss };
        let call = (&arrival, &request);
        let mut looking = if is_bypass { None } else { self.looking(call, documents) };
        let reserving = Reserving { limits: &limits, bound: plan.bound(), embeds: None, cache, flow };
        let reserved = self.reserve_with(call, reserving, &mut looking).await;
        if let (Err(_), Some(slot)) = (&reserved, &slot) {
            self.release(slot, &arrival).await;
        }
        let Granted { record, tokens } = reserved?;
        let near = Nearby::default();
        let carries_on = carries_on(&arrival, &request, documents);
        let mut serving = Serving { arrival, request, tenant, limits, tokens, carries_on, slot, near };
        if let Some(hit) = self.look_nearby(&mut serving, looking, documents).await {
            return Ok(self.answer_semantic_hit(serving, record, hit, documents));
        }
        Ok(match self.attempt(&serving, plan, record).await {
            Ok(won) => self.answer(serving, won),
            Err(failed) => self.answer_failure(serving, failed),
        })
    }

    async fn tenant(&self, id: &Name) -> Result<Tenant, Error> {
        if *id == Name::default_tenant() {
            return Ok(Tenant::default());
        }
        let found = self.settings.port().tenant(id.as_str()).await.map_err(|error| {
            tracing::error!(error = %Causes(&error), "tenant unreadable");
            Error::StateUnavailable("the configuration")
        })?;
        let unknown = || Error::Unavailable {
            causes: vec![format!("the tenant \"{id}\" is not configured")],
            retry_after: None,
        };
        found.ok_or_else(unknown)
    }

    pub(crate) fn opening(
        &self,
        arrival: &Arrival,
        request: &Request,
        cache: CacheOutcome,
        (bound, lane): (Amount, Option<u16>),
    ) -> Opening {
        Opening {
            request_id: arrival.request_id.clone(),
            model: request.model.clone(),
            stream: request.stream,
            trace_id: Some(arrival.trace.id().to_owned()),
            cache,
            bound,
            lane,
            now: arrival.at,
            deadline: arrival.deadline.plus(MARGIN).plus(OVERDUE_AFTER),
            retention_days: self.options.retention_days,
        }
    }

    fn answer(self: Arc<Self>, serving: Serving, Won { sent, reply }: Won) -> Answer {
        let mut headers = HeaderMap::new();
        set(&mut headers, "x-tollgate-cache", sent.record.cache.as_str());
        if let Some(slot) = &serving.slot {
            name_key(&mut headers, &slot.key);
        }
        name_target(&mut headers, &sent.step.target);
        set(&mut headers, "x-tollgate-attempts", &sent.record.attempts.to_string());
        if let Some(tokens) = &serving.tokens {
            write_tokens(&mut headers, tokens);
        }
        if !sent.step.ready.adapted.is_empty() {
            set(&mut headers, ADAPTED, &sent.step.ready.adapted.join(", "));
        }
        name_redacted(&mut headers, &sent.record);
        match reply {
            Started::Json { body, glimpse, spoke } => {
                let bill = sent.bill(glimpse.usage, glimpse.service_tier.as_deref());
                if !serving.near.compares() {
                    let cost = bill.cost.plus(serving.near.embedded);
                    set(&mut headers, "x-tollgate-cost-usd", &cost.nanos.to_string());
                }
                let reply = body.clone();
                let job =
                    async move { self.finish_json((serving, sent), &bill, (reply, glimpse), spoke).await };
                Answer::json(StatusCode::OK, headers, body).then(Box::pin(job))
            }
            Started::Stream(opened) => {
                let (flow, frames) = Flow::new(self, serving, sent);
                Answer::events(headers, AnswerBody::Pieces(frames)).then(Box::pin(flow.run(*opened)))
            }
        }
    }

    fn answer_failure(self: Arc<Self>, serving: Serving, failed: Failed) -> Answer {
        let Failed { error, record, unknown, spent } = failed;
        refused::log(&self.options.refusals, &serving.arrival, &error);
        let mut headers = HeaderMap::new();
        set(&mut headers, "x-tollgate-attempts", &record.attempts.to_string());
        let near = &serving.near;
        let estimated = near.is_estimated || unknown != Amount::ZERO;
        let end = self.end(&serving.arrival, error.code(), Usage::default());
        let closed = match unknown.plus(spent).plus(near.embedded) {
            Amount::ZERO => record.released(end),
            charged => record.settled(charged, End { estimated, semantic: near.looked.clone(), ..end }),
        };
        let answer = Answer::error(&error, headers);
        let job = async move {
            self.free(&serving).await;
            self.close_failed(serving.arrival.claim.as_ref(), &error, (&record, closed)).await;
        };
        answer.then(Box::pin(job))
    }

    /// Records a step that is over.
    pub(crate) fn span(&self, arrival: &Arrival, step: &str, begun: Timestamp, has_failed: bool) {
        let ended = (self.options.clock)();
        let span = Span { request_id: &arrival.request_id, step, begun, ended, has_failed };
        self.spans.record(&arrival.trace, &span);
    }

    /// How a call ended, but for its usage's details.
    pub(crate) fn end(&self, arrival: &Arrival, outcome: &str, usage: Usage) -> End {
        let now = (self.options.clock)();
        End {
            ended_us: now,
            outcome: outcome.to_owned(),
            provider: None,
            usage,
            estimated: false,
            response_id: None,
            saved_nanos: Nanos::ZERO,
            saved_tokens: 0,
            semantic: None,
            latency_us: u64::try_from(now.since(arrival.at).as_micros()).unwrap_or(u64::MAX),
            first_token_us: None,
        }
    }
}

/// Who answered, now or when the answer was kept.
pub(crate) fn name_target(headers: &mut HeaderMap, target: &Target) {
    set(headers, "x-tollgate-provider", &target.provider);
    set(headers, "x-tollgate-model", &target.model_id);
}

#[cfg(test)]
mod tests;
