//! What will be done about a request, decided before anything is written: which targets, in which words, up to which
//! cap and bound.

use std::sync::Arc;

use tollgate_core::bound::{attempt_bound, quota_tokens};
use tollgate_core::breaker::Admission;
use tollgate_core::budget::Amount;
use tollgate_core::caller::Caller;
use tollgate_core::catalogue::{Model, Target};
use tollgate_core::dialect::Dialect;
use tollgate_core::error::Error;
use tollgate_core::money::PerMillion;
use tollgate_core::output_policy::OutputPolicy;
use tollgate_core::parameter::{Parameter, Parameters, Unfit};
use tollgate_core::price::Price;
use tollgate_core::ready::{Manner, Ready, service_tier};
use tollgate_core::record::Decision;
use tollgate_core::redaction::Vault;
use tollgate_core::request::Request;
use tollgate_core::routing::Sufficient;

use crate::arrival::Arrival;
use crate::breakers::{FleetBreakers, LineUp};
use crate::choice::{Choice, choose};
use crate::continuation::Earlier;
use crate::redacting::{FoundNames, Redacting, blind, redacted};
use crate::settings::Documents;

/// Planned beyond the calls that may be made, for a target that is passed over because its bucket is empty.
const SPARE: usize = 1;

/// The targets in the order in which they are tried; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// The targets that a breaker keeps the call from.
    pub(crate) kept_from: Vec<String>,
    /// Why the first one is.
    pub(crate) decision: Decision,
    /// At most so many calls of providers.
    pub(crate) most: usize,
    /// Who is asked if the request is longer than a target's context.
    pub(crate) longer: Option<Step>,
}

/// One target that may be tried.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) target: Target,
    /// What its breaker says.
    pub(crate) admission: Admission,
    pub(crate) price: Price,
    /// The service tier that is asked for.
    pub(crate) tier: String,
    /// The request in the target's words.
    pub(crate) ready: Ready,
    /// What was taken out of the request, if anything was.
    pub(crate) vault: Option<Arc<Vault>>,
    /// The most that one attempt can cost and count.
    pub(crate) bound: Amount,
    /// When its answer suffices, where a dearer one could be asked for.
    pub(crate) sufficient: Option<Sufficient>,
    /// About what the provider's quota will count.
    pub(crate) quota_tokens: u64,
}

/// What a plan is made from, besides the documents.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) arrival: &'a Arrival,
    pub(crate) request: &'a Request,
    pub(crate) policy: &'a OutputPolicy,
    pub(crate) earlier: Option<&'a Earlier>,
    pub(crate) breakers: &'a FleetBreakers,
    /// What a million output tokens may cost at most, while a budget is nearly spent.
    pub(crate) ceiling: Option<PerMillion>,
    /// What guardrails found in the request.
    pub(crate) names: &'a FoundNames,
    /// The route has another target: each is asked for a stream, since only there silence shows.
    pub(crate) gathers: bool,
}

/// The settings to send, and what differs in them from the caller's own.
struct Settings {
    parameters: Parameters,
    /// The call named no cap: ours is said, but it changes nothing that was asked.
    has_default_cap: bool,
    lowered_cap: Option<u64>,
    has_default_stop: bool,
}

impl<'a> Wish<'a> {
    pub(crate) fn of(
        (arrival, request): (&'a Arrival, &'a Request),
        policy: &'a OutputPolicy,
        (earlier, names, breakers): (Option<&'a Earlier>, &'a FoundNames, &'a FleetBreakers),
        ceiling: Option<PerMillion>,
    ) -> Self {
        Self { arrival, request, policy, earlier, breakers, ceiling, names, gathers: false }
    }
}

impl Plan {
    /// The dearest attempt: what is reserved first.
    pub(crate) fn bound(&self) -> Amount {
        self.steps.iter().take(self.most).map(|step| step.bound).fold(Amount::ZERO, Amount::max)
    }
}

/// Whether the caller may name the model, and that there is one.
pub(crate) fn check_model(documents: &Documents, caller: &Caller, alias: &str) -> Result<(), Error> {
    if !documents.catalogue.models.contains_key(alias) {
        return Err(Error::ModelNotFound(alias.to_owned()));
    }
    if caller.may_use(alias) { Ok(()) } else { Err(Error::ModelNotAllowed(alias.to_owned())) }
}

/// Plans with the targets that may be asked: fit for the request, priced, admitted by their breakers.
pub(crate) fn plan(documents: &Documents, wish: &Wish<'_>) -> Result<Plan, Error> {
    let alias = &wish.request.model;
    let model = documents.catalogue.models.get(alias).ok_or_else(|| Error::ModelNotFound(alias.clone()))?;
    let (mut line_up, mut refusal) = (LineUp::default(), None);
    let Choice { targets, longer: larger, route, decision } = choose(documents, wish)?;
    let most = route.attempts();
    // Log probabilities make events so large that they are better not gathered.
    let is_plain = [Parameter::Logprobs, Parameter::TopLogprobs]
        .iter()
        .all(|name| wish.request.parameters().get(*name).is_none());
    let replaceable = &Wish { gathers: most > 1 && targets.len() > 1 && is_plain, ..*wish };
    for (id, target) in targets {
        match step(documents, replaceable, model, (id, target)) {
            Ok(step) => line_up.add(Step { sufficient: route.sufficient((id, target)).cloned(), ..step }),
            Err(error) => refusal = refusal.or(Some(error)),
        }
        if line_up.admitted() == most + SPARE {
            break;
        }
    }
    if line_up.is_empty() {
        let nobody = || Error::Unavailable {
            causes: vec![format!("routing names no target for \"{alias}\"")],
            retry_after: None,
        };
        return Err(refusal.unwrap_or_else(nobody));
    }
    let (steps, kept_from) = line_up.steps()?;
    let longer = longer(documents, wish, model, larger);
    Ok(Plan { steps, kept_from, decision, most, longer })
}

/// Who takes what is too long for others, if a breaker lets calls through.
fn longer(documents: &Documents, wish: &Wish<'_>, model: &Model, able: Vec<(&str, &Target)>) -> Option<Step> {
    let mut steps = able.into_iter().filter_map(|target| step(documents, wish, model, target).ok());
    steps.find(|step| matches!(step.admission, Admission::Admitted | Admission::Spared))
}

/// What a caller hears who wants nothing adapted.
pub(crate) fn refuse_adapted(notes: &[String]) -> Error {
    let message = format!("x-tollgate-strict: this would be adapted: {}", notes.join(", "));
    Error::Invalid { message, param: None }
}

fn step(
    documents: &Documents,
    wish: &Wish<'_>,
    model: &Model,
    (id, target): (&str, &Target),
) -> Result<Step, Error> {
    let redacted = redacted(wish, (id, target)).map_err(|why| match why {
        Redacting::Blind(id) => blind(&id),
        Redacting::Unfit(unfit) => refusal(wish.request, &unfit),
    })?;
    let request = redacted.as_ref().map_or(wish.request, |redacted| &redacted.request);
    let wish = &Wish { request, ..*wish };
    let price = documents.prices.at(id, wish.arrival.at);
    let price = *price.ok_or_else(|| Error::ModelNotPriced(request.model.clone()))?;
    if let Some(most) = wish.ceiling.filter(|most| price.output > *most) {
        let message = format!("models of more than {most} USD per million output tokens, to keep a budget");
        return Err(Error::BudgetExceeded(message));
    }
    let settings = Settings::new(wish, model, target);
    let tier = service_tier(&settings.parameters).to_owned();
    if !price.has_tier(&tier) {
        return Err(refusal(
            request,
            &Unfit { field: "service_tier".to_owned(), model: target.model_id.clone() },
        ));
    }
    let mut ready = settings.make_ready(wish, (id, target)).map_err(|unfit| refusal(request, &unfit))?;
    if wish.arrival.is_strict && !ready.adapted.is_empty() {
        return Err(refuse_adapted(&ready.adapted));
    }
    if ready.output_cap > target.max_output_tokens {
        let (most, cap) = (target.max_output_tokens, ready.output_cap);
        let message = format!("at most {most} output tokens are supported, not {cap}");
        return Err(Error::invalid(request.cap_field(), message));
    }
    let earlier = wish.earlier.map_or(0, |earlier| earlier.tokens);
    let bound = attempt_bound(request, target, &price, &tier, (earlier, ready.output_cap));
    if settings.has_default_cap {
        ready.adapted.push(format!("max_output_tokens={}", ready.output_cap));
    }
    let quota_tokens = quota_tokens(request, target, ready.output_cap).saturating_add(earlier);
    let admission = wish.breakers.admit((id, &target.breaker), wish.arrival.seed(), wish.arrival.at);
    let vault = redacted.map(|redacted| Arc::new(redacted.vault));
    let (id, target) = (id.to_owned(), target.clone());
    Ok(Step { id, target, admission, price, tier, ready, vault, bound, sufficient: None, quota_tokens })
}

fn refusal(request: &Request, unfit: &Unfit) -> Error {
    let (field, model) = (unfit.field.as_str(), &unfit.model);
    let talk = if request.dialect == Dialect::Responses { "input" } else { "messages" };
    match field {
        "model" => {
            let message = format!("the model \"{}\" is not one for this endpoint", request.model);
            Error::invalid("model", message)
        }
        "image" | "image_url" => Error::invalid(talk, format!("{model} does not take such images")),
        "stream" => Error::invalid("stream", format!("{model} does not stream")),
        "messages" => Error::invalid(talk, format!("{model} does not take such a conversation")),
        _ => Error::invalid(field, unfit.to_string()),
    }
}

impl Settings {
    fn new(wish: &Wish<'_>, model: &Model, target: &Target) -> Self {
        let Wish { request, policy, .. } = *wish;
        let mut settings = Self {
            parameters: request.parameters(),
            has_default_cap: false,
            lowered_cap: None,
            has_default_stop: false,
        };
        if target.is_for_embeddings() {
            return settings;
        }
        let highest = policy.max_tokens.unwrap_or(u64::MAX);
        let cap = match request.output_cap() {
            Some(cap) => {
                settings.lowered_cap = (cap > highest).then_some(highest);
                cap.min(highest)
            }
            None => {
                let wanted = policy.default_tokens.unwrap_or(model.default_output_tokens);
                let cap = wanted.min(highest).min(target.max_output_tokens);
                settings.has_default_cap = true;
                cap
            }
        };
        settings.parameters.set(Parameter::MaxOutputTokens, cap);
        if !policy.stop.is_empty() && settings.parameters.get(Parameter::Stop).is_none() {
            settings.parameters.set(Parameter::Stop, policy.stop.clone());
            settings.has_default_stop = true;
        }
        settings
    }

    /// A target that takes no stop sequences serves the call without those of the operator, and that is said.
    fn make_ready(&self, wish: &Wish<'_>, target: (&str, &Target)) -> Result<Ready, Unfit> {
        let continues = wish.earlier.map(|earlier| earlier.response_id.as_str());
        let manner = Manner { settings: &self.parameters, continues, gathers: wish.gathers };
        let mut ready = match Ready::new(wish.request, target, &manner) {
            Err(unfit) if unfit.field == Parameter::Stop.as_str() && self.has_default_stop => {
                let mut parameters = self.parameters.clone();
                parameters.remove(Parameter::Stop);
                let manner = Manner { settings: &parameters, ..manner };
                let mut ready = Ready::new(wish.request, target, &manner)?;
                ready.adapted.push("stop=dropped".to_owned());
                ready
            }
            ready => ready?,
        };
        ready.adapted.extend(self.lowered_cap.map(|cap| format!("max_output_tokens={cap}")));
        Ok(ready)
    }
}
