//! What a target must not see is taken out of the request that leaves for it; the answer has it again.

use http::HeaderMap;
use tollgate_aws::causes::Causes;
use tollgate_core::catalogue::{Guardrail, Target};
use tollgate_core::error::Error;
use tollgate_core::parameter::Unfit;
use tollgate_core::record::Record;
use tollgate_core::redaction::{Counts, Redacted, Restorer, header, redact, words};
use tollgate_core::request::Request;

use crate::answer::set;
use crate::gateway::Gateway;
use crate::plan::{Step, Wish};
use crate::settings::Documents;

/// Names of people in a request, by the guardrail that was asked; nobody knows them where it did not answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct FoundNames(Vec<(Guardrail, Option<Vec<String>>)>);

impl FoundNames {
    fn by(&self, guardrail: &Guardrail) -> Option<&[String]> {
        let (_, names) = self.0.iter().find(|(asked, _)| asked == guardrail)?;
        names.as_deref()
    }
}

impl Gateway {
    /// Asks the guardrails of those targets that may serve the request. Most targets have none, and cost no time.
    pub(crate) async fn names(&self, request: &Request, documents: &Documents) -> FoundNames {
        let mut found = FoundNames::default();
        for (_, target) in documents.catalogue.targets_of(&request.model) {
            let Some(guardrail) = target.redact().names else { continue };
            if found.0.iter().any(|(asked, _)| *asked == guardrail) {
                continue;
            }
            let names = self.names.find(&guardrail, &words(request)).await;
            let names = names.inspect_err(|error| {
                tracing::warn!(guardrail.id, error = %Causes(error), "names not found");
            });
            found.0.push((guardrail, names.ok()));
        }
        found
    }
}

/// The request as a target may see it; `None` where that is as it came. Where nobody could look for names, the target is
/// unavailable: nothing leaves unredacted.
pub(crate) fn redacted(
    wish: &Wish<'_>,
    (id, target): (&str, &Target),
) -> Result<Option<Redacted>, Redacting> {
    let policy = target.redact();
    if policy.is_nothing() {
        return Ok(None);
    }
    let names = match &policy.names {
        None => &[],
        Some(guardrail) => wish.names.by(guardrail).ok_or_else(|| Redacting::Blind(id.to_owned()))?,
    };
    let redacted = redact(wish.request, (target, &policy), names).map_err(Redacting::Unfit)?;
    Ok(Some(redacted).filter(|redacted| !redacted.vault.is_empty()))
}

/// Whether some of a request is hidden from a target, or may be where names would have to be looked for first.
pub(crate) fn is_hidden(request: &Request, target: &Target) -> bool {
    let policy = target.redact();
    let has_any = || redact(request, (target, &policy), &[]).is_ok_and(|redacted| !redacted.vault.is_empty());
    policy.names.is_some() || !policy.is_nothing() && has_any()
}

/// Why a request cannot be redacted.
pub(crate) enum Redacting {
    /// Nobody could look for names.
    Blind(String),
    /// It cannot be said to the target.
    Unfit(Unfit),
}

/// What a caller hears where no target can see the request.
pub(crate) fn blind(id: &str) -> Error {
    Error::Unavailable { causes: vec![format!("{id}: names could not be looked for")], retry_after: None }
}

/// What was taken out of the response before would come back as placeholders, which nobody can read any more.
pub(crate) fn is_lost() -> Error {
    let message =
        "the response before was redacted, and what it lost is not kept: send the conversation whole";
    Error::invalid("previous_response_id", message)
}

/// Says how much of a request did not leave.
pub(crate) fn name_redacted(headers: &mut HeaderMap, record: &Record) {
    if !record.redacted.is_empty() {
        set(headers, "x-tollgate-redacted", &header(&record.redacted));
    }
}

impl Step {
    /// How much of the request does not leave.
    pub(crate) fn redacted(&self) -> Counts {
        self.vault.as_ref().map(|vault| vault.counts().clone()).unwrap_or_default()
    }

    /// What puts back into the answer what the request lost, if it lost anything.
    pub(crate) fn restorer(&self, request: &Request) -> Option<Restorer> {
        let vault = self.vault.clone()?;
        Some(Restorer::new(vault, request, self.ready.hearing))
    }
}

#[cfg(test)]
mod tests;
