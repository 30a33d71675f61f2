//! What will be done about a request, decided before anything is written: which targets, which cap, which bound.

use tollgate_core::bound::attempt_cost;
use tollgate_core::caller::Caller;
use tollgate_core::catalogue::Target;
use tollgate_core::chat::ChatRequest;
use tollgate_core::converse::fits;
use tollgate_core::error::Error;
use tollgate_core::money::Nanos;
use tollgate_core::usage::Price;

use crate::settings::Documents;

/// At most two upstream calls for one answer.
const MAX_STEPS: usize = 2;

/// The targets in the order in which they are tried; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
}

/// One target that may be tried.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) target: Target,
    pub(crate) price: Price,
    /// The caller's, or the default where the caller named none.
    pub(crate) output_cap: u64,
    /// The most that one attempt can cost.
    pub(crate) bound: Nanos,
}

impl Plan {
    /// The dearest attempt: what is reserved first.
    pub(crate) fn bound(&self) -> Nanos {
        self.steps.iter().map(|step| step.bound).max().unwrap_or_default()
    }
}

/// Whether the caller may name the model, and that there is one.
pub(crate) fn check_model(documents: &Documents, caller: &Caller, alias: &str) -> Result<(), Error> {
    if !documents.catalogue.models.contains_key(alias) {
        return Err(Error::ModelNotFound(alias.to_owned()));
    }
    if caller.may_use(alias) { Ok(()) } else { Err(Error::ModelNotAllowed(alias.to_owned())) }
}

/// Chooses targets: routed, fit for the request, priced.
pub(crate) fn plan(documents: &Documents, caller: &Caller, request: &ChatRequest) -> Result<Plan, Error> {
    let alias = &request.model;
    let model = documents.catalogue.models.get(alias).ok_or_else(|| Error::ModelNotFound(alias.clone()))?;
    let routed = documents.routing.targets(&documents.catalogue, alias, &caller.team, &caller.user);
    let (mut steps, mut refusal) = (Vec::new(), None);
    for (id, target) in routed {
        match step(documents, request, (id, target), model.default_output_tokens) {
            Ok(step) => steps.push(step),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    steps.truncate(MAX_STEPS);
    if steps.is_empty() {
        let nobody = || Error::Unavailable {
            causes: vec![format!("routing names no target for \"{alias}\"")],
            retry_after: None,
        };
        return Err(refusal.unwrap_or_else(nobody));
    }
    Ok(Plan { steps })
}

fn step(
    documents: &Documents,
    request: &ChatRequest,
    (id, target): (&str, &Target),
    default_cap: u64,
) -> Result<Step, Error> {
    let price = documents.prices.targets.get(id);
    let price = *price.ok_or_else(|| Error::ModelNotPriced(request.model.clone()))?;
    fits(request, target).map_err(|unfit| Error::invalid(&unfit.field, unfit.to_string()))?;
    let output_cap = request.output_cap.unwrap_or_else(|| default_cap.min(target.max_output_tokens));
    if output_cap > target.max_output_tokens {
        let message =
            format!("at most {} output tokens are supported, not {output_cap}", target.max_output_tokens);
        let param = if request.has("max_tokens") { "max_tokens" } else { "max_completion_tokens" };
        return Err(Error::invalid(param, message));
    }
    let bound = attempt_cost(request, target, &price, output_cap);
    Ok(Step { id: id.to_owned(), target: target.clone(), price, output_cap, bound })
}
