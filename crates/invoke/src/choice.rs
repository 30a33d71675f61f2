//! Which targets may serve a call, and in which order they are asked: routed, allowed, and put in order by the route's
//! strategy. A response is gone on with where it was made, and reasoning that only one target can read goes there first.

use tollgate_core::bound::attempt_bound;
use tollgate_core::catalogue::Target;
use tollgate_core::constraint::{TARGET_HEADER, allow, nothing_allowed};
use tollgate_core::error::Error;
use tollgate_core::money::Nanos;
use tollgate_core::prompt::{Item, Prompt};
use tollgate_core::ready::service_tier;
use tollgate_core::record::Decision;
use tollgate_core::routing::{Candidate, Named, Order, Reason, Route};

use crate::breakers::place;
use crate::plan::Wish;
use crate::redacting::is_lost;
use crate::settings::Documents;

type Targets<'a> = Vec<(&'a str, &'a Target)>;

/// The targets in their order, and why the first one is.
pub(crate) struct Choice<'a> {
    pub(crate) targets: Targets<'a>,
    /// Those that take what is too long for others, the largest first.
    pub(crate) longer: Targets<'a>,
    /// What its route says.
    pub(crate) route: &'a Route,
    pub(crate) decision: Decision,
}

pub(crate) fn choose<'a>(documents: &'a Documents, wish: &Wish<'_>) -> Result<Choice<'a>, Error> {
    let query = wish.arrival.query(&wish.request.model);
    let Named { name, route } = documents.routing.route(&query);
    let decision = |reason, scores| Decision {
        route: name.to_owned(),
        version: documents.routing_version,
        signature: wish.arrival.signature.clone(),
        insufficient: None,
        reason,
        scores,
    };
    let named = wish.arrival.terms.target.as_deref().map(|id| named(documents, wish, id)).transpose()?;
    if wish.earlier.is_some() {
        let maker = maker(documents, wish)?;
        if named.is_some_and(|(id, _)| id != maker.0) {
            let message =
                format!("the response before was made by {}, and is not gone on with elsewhere", maker.0);
            return Err(Error::invalid(TARGET_HEADER, message));
        }
        let targets = allowed(documents, wish, vec![maker])?;
        let decision = decision(Reason::Continues, Vec::new());
        // A response is not gone on with elsewhere.
        return Ok(Choice { targets, longer: Vec::new(), route, decision });
    }
    if let Some(named) = named {
        let targets = allowed(documents, wish, vec![named])?;
        let decision = decision(Reason::Named, Vec::new());
        return Ok(Choice { targets, longer: Vec::new(), route, decision });
    }
    let routed = documents.routing.targets(&documents.catalogue, &query);
    let mut targets = allowed(documents, wish, routed)?;
    let candidates: Vec<Candidate<'_>> = targets.iter().map(|one| candidate(documents, wish, *one)).collect();
    let Order { places, mut reason, scores } =
        route.strategy.order(&candidates, place(wish.arrival.seed(), "strategy", 1_000_000));
    targets = places.into_iter().map(|place| targets[place]).collect();
    if let Some(owner) = wish.request.prompt().and_then(sealed_by) {
        targets.sort_by_key(|(id, _)| *id != owner);
        if targets.first().is_some_and(|(id, _)| *id == owner) {
            reason = Reason::Continues;
        }
    }
    let longer = route.longer(&documents.catalogue, &wish.request.model);
    // Where none of them is allowed, what is too long is refused as it is elsewhere.
    let longer = allowed(documents, wish, longer).unwrap_or_default();
    Ok(Choice { targets, longer, route, decision: decision(reason, scores) })
}

/// Those that the constraints allow; an error where that leaves none of those that there were.
fn allowed<'a>(
    documents: &'a Documents,
    wish: &Wish<'_>,
    mut targets: Targets<'a>,
) -> Result<Targets<'a>, Error> {
    let arrival = wish.arrival;
    let constraints = documents.routing.constraints.of(&arrival.caller.tenant, &arrival.terms)?;
    let were_there = !targets.is_empty();
    targets.retain(|(_, target)| allow(&constraints, target));
    if were_there && targets.is_empty() { Err(nothing_allowed(&wish.request.model)) } else { Ok(targets) }
}

/// The target that the call names.
fn named<'a>(documents: &'a Documents, wish: &Wish<'_>, id: &str) -> Result<(&'a str, &'a Target), Error> {
    if !wish.arrival.caller.role.may_name_targets() {
        return Err(Error::TargetNotNamed);
    }
    let all = documents.catalogue.targets_of(&wish.request.model);
    let ids: Vec<&str> = all.iter().map(|(known, _)| *known).collect();
    let message =
        format!("{TARGET_HEADER}: the targets of \"{}\" are {}", wish.request.model, ids.join(", "));
    all.into_iter().find(|(known, _)| *known == id).ok_or_else(|| Error::invalid(TARGET_HEADER, message))
}

/// Who made the response that the call goes on from.
fn maker<'a>(documents: &'a Documents, wish: &Wish<'_>) -> Result<(&'a str, &'a Target), Error> {
    let model = &wish.request.model;
    let other = || {
        let message = format!("the response was not made by a target of \"{model}\"");
        Error::invalid("previous_response_id", message)
    };
    let earlier = wish.earlier.ok_or_else(other)?;
    let all = documents.catalogue.targets_of(model);
    let made_it = all.into_iter().find(|(id, _)| *id == earlier.target).ok_or_else(other)?;
    if earlier.is_redacted { Err(is_lost()) } else { Ok(made_it) }
}

/// What a strategy knows of a target.
fn candidate<'a>(documents: &Documents, wish: &Wish<'_>, (id, target): (&'a str, &Target)) -> Candidate<'a> {
    let (pace, rating) = wish.breakers.standing(id, wish.arrival.at);
    let quality = rating.quality(target.merit.quality);
    Candidate {
        id,
        cost: cost(documents, wish, (id, target)),
        pace,
        quality,
        compliance: target.merit.compliance,
    }
}

/// The most that the call can cost there, under its own output cap or its model's.
fn cost(documents: &Documents, wish: &Wish<'_>, (id, target): (&str, &Target)) -> Option<Nanos> {
    let price = documents.prices.at(id, wish.arrival.at)?;
    let request = wish.request;
    let usual = documents.catalogue.models.get(&request.model).map_or(0, |model| model.default_output_tokens);
    let cap = request.output_cap().unwrap_or(usual);
    Some(attempt_bound(request, target, price, service_tier(&request.parameters()), (0, cap)).nanos)
}

/// The target whose reasoning is given back to it, if any is.
fn sealed_by(prompt: &Prompt) -> Option<&str> {
    prompt.items.iter().rev().find_map(|item| match item {
        Item::Reasoning { sealed: Some(sealed), .. } => sealed.target.as_deref(),
        _ => None,
    })
}

#[cfg(test)]
mod tests;
