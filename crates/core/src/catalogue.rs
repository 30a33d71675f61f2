//! Which models there are: aliases, and the targets that can serve them. It is data, because what works where
//! on Bedrock changes every few weeks; this module says what of it is valid.

mod handling;
mod wire;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::breaker::BreakerPolicy;
use crate::dialect::Dialect;
use crate::parameter::Rules;
use crate::price::{History, Price};
use crate::quota::Quota;
use crate::redaction::Redact;
use crate::time::Timestamp;

pub use self::handling::{Handling, Merit};
pub use self::wire::{Auth, EffortField, Guardrail, InvokeBody, SchemaField, Wire};

/// Models by alias, targets by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    /// What callers may name.
    pub models: BTreeMap<String, Model>,
    /// What can be called.
    pub targets: BTreeMap<String, Target>,
}

/// An alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Who made it, for the list of models.
    pub owned_by: String,
    /// When it appeared, in epoch seconds, for the list of models.
    pub created: u64,
    /// Ids of the targets that serve it, the preferred first.
    pub targets: Vec<String>,
    /// The output cap of a call that names none; 0 where there is no output.
    #[serde(default)]
    pub default_output_tokens: u64,
}

/// One way to reach one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The name by which routing weighs it; several targets may share one.
    pub provider: String,
    /// The model's id at the provider.
    pub model_id: String,
    /// The region that is called.
    pub region: String,
    /// How it is called.
    pub wire: Wire,
    /// The most input tokens it takes.
    pub context_tokens: u64,
    /// The highest output cap it takes; 0 where it has no output, as embedding models.
    pub max_output_tokens: u64,
    /// The most tokens that one image can count; 0 where it takes no images.
    pub max_image_tokens: u64,
    /// Tokens that the provider adds to each call and each message, at most.
    #[serde(default = "default_overhead")]
    pub overhead_tokens: u64,
    /// Whether it can answer as a stream.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub streams: bool,
    /// Whether it thinks, silently, where a call names no reasoning effort.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thinks: bool,
    /// What it makes of settings; those without a rule pass as they are.
    #[serde(default)]
    pub parameters: Rules,
    /// How long it may take.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// What its provider admits per minute and account, where we keep to it ourselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// What it must not see. Where it is absent, targets outside of AWS see nothing that can be told by its form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redact: Option<Redact>,
    /// When it is left alone.
    #[serde(default, skip_serializing_if = "BreakerPolicy::is_default")]
    pub breaker: BreakerPolicy,
    /// What its provider does with what it is told.
    #[serde(default, skip_serializing_if = "Handling::is_default")]
    pub handling: Handling,
    /// How good it is.
    #[serde(default, skip_serializing_if = "Merit::is_default")]
    pub merit: Merit,
}

const fn default_overhead() -> u64 {
    32
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_yes(yes: &bool) -> bool {
    *yes
}

/// How long a target may take, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// To connect.
    pub connect_ms: u64,
    /// From sending the request to the head of the answer, and to its first content while another target could still
    /// answer. The last one may take longer: its stream goes on with pings. Where absent, it is 5 s while another
    /// target could still answer, and 20 s for the last, or where the model thinks: then it is to the head alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<u64>,
    /// From one event of a stream to the next, once its content has begun.
    pub between_tokens_ms: u64,
    /// To the end of the answer. A JSON answer has at most 290 s in any case.
    pub total_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect_ms: 2_000, first_token_ms: None, between_tokens_ms: 60_000, total_ms: 900_000 }
    }
}

/// Whether anybody else could still answer a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chance {
    /// Another target is asked if this one does not answer.
    NotLast,
    /// There is nobody after it.
    Last,
}

impl Timeouts {
    /// How long the head of its answer may take, and its first content where it does not think. Who can be replaced is
    /// waited for less long, unless the catalogue says how long.
    #[must_use]
    pub fn first_token_ms(&self, chance: Chance, thinks: bool) -> u64 {
        let usual = match chance {
            Chance::NotLast if !thinks => 5_000,
            Chance::NotLast | Chance::Last => 20_000,
        };
        self.first_token_ms.unwrap_or(usual)
    }
}

/// Prices by target id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Dollars per million tokens.
    pub targets: BTreeMap<String, History>,
}

/// What is wrong with a document, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Faults(pub Vec<String>);

impl Catalogue {
    /// Checks what the types cannot: references, regions, positive limits.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        for (alias, model) in &self.models {
            if alias.is_empty() || alias.contains(',') {
                faults.push(format!("model \"{alias}\": an alias is not empty and has no comma"));
            }
            if model.targets.is_empty() {
                faults.push(format!("model \"{alias}\" has no target"));
            }
            let speaks = |id: &String| self.targets.get(id).is_some_and(|target| !target.is_for_embeddings());
            if model.default_output_tokens == 0 && model.targets.iter().any(speaks) {
                faults.push(format!("model \"{alias}\": default_output_tokens is 0"));
            }
            for id in model.targets.iter().filter(|id| !self.targets.contains_key(*id)) {
                faults.push(format!("model \"{alias}\" names the unknown target \"{id}\""));
            }
        }
        for (id, target) in &self.targets {
            target.check(id, &mut faults);
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// The targets of an alias with their ids, the preferred first; empty where the alias is unknown.
    #[must_use]
    pub fn targets_of(&self, alias: &str) -> Vec<(&str, &Target)> {
        let ids = self.models.get(alias).map(|model| model.targets.as_slice());
        ids.unwrap_or_default()
            .iter()
            .filter_map(|id| self.targets.get(id).map(|target| (id.as_str(), target)))
            .collect()
    }
}

impl Target {
    fn check(&self, id: &str, faults: &mut Vec<String>) {
        let quota = self.quota.unwrap_or_default();
        if quota.has_zero() {
            faults.push(format!("target \"{id}\": a quota is at least 1"));
        }
        faults.extend(self.breaker.fault().map(|fault| format!("target \"{id}\": {fault}")));
        let mut need = |is_right: bool, what: &str| {
            if !is_right {
                faults.push(format!("target \"{id}\": {what}"));
            }
        };
        need(!self.provider.is_empty(), "provider is empty");
        need(!self.model_id.is_empty(), "model_id is empty");
        need(!self.region.is_empty(), "region is empty");
        need(self.context_tokens > 0, "context_tokens is 0");
        let times = self.timeouts;
        let all =
            [times.connect_ms, times.first_token_ms.unwrap_or(1), times.between_tokens_ms, times.total_ms];
        need(all.iter().all(|time| *time > 0), "a time-out is 0");
        if let Wire::Openai { host, path_prefix, dialects, auth } = &self.wire {
            let is_private = *auth == Auth::None && host.starts_with("http://");
            need(host.starts_with("https://") || is_private, "host does not begin with https://");
            need(!host.ends_with('/'), "host ends with a slash");
            need(
                path_prefix.is_empty() || path_prefix.starts_with('/') && !path_prefix.ends_with('/'),
                "path_prefix is no absolute path",
            );
            need(!dialects.is_empty(), "dialects is empty");
            match auth {
                Auth::Sigv4 { signing_name } => {
                    need(!signing_name.is_empty(), "signing_name is empty");
                    need(
                        is_of_aws(host),
                        "host is not of AWS, and would get a signature and a session token",
                    );
                }
                Auth::Bearer { secret } => need(!secret.is_empty(), "secret is empty"),
                Auth::None => {}
            }
        }
        need(self.max_output_tokens > 0 || self.is_for_embeddings(), "max_output_tokens is 0");
        let fault = self.redact.as_ref().and_then(Redact::fault);
        need(fault.is_none(), fault.unwrap_or_default());
    }

    /// What it must not see.
    #[must_use]
    pub fn redact(&self) -> Redact {
        let is_outside = match &self.wire {
            Wire::Openai { host, .. } => !is_of_aws(host),
            Wire::Converse { .. } | Wire::Invoke { .. } => false,
        };
        let usual = if is_outside { Redact::default() } else { Redact::nothing() };
        self.redact.clone().unwrap_or(usual)
    }

    /// Where a call may be processed.
    #[must_use]
    pub fn regions(&self) -> Vec<String> {
        self.handling.regions(&self.region, &self.model_id)
    }

    /// Whether it makes vectors, and no text.
    #[must_use]
    pub fn is_for_embeddings(&self) -> bool {
        match &self.wire {
            Wire::Openai { dialects, .. } => dialects.iter().all(|dialect| *dialect == Dialect::Embeddings),
            Wire::Converse { .. } => false,
            Wire::Invoke { body } => *body != InvokeBody::Chat,
        }
    }
}

/// Whether a host belongs to AWS.
fn is_of_aws(host: &str) -> bool {
    let name = host.strip_prefix("https://").unwrap_or(host);
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    is_plain && [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().any(|end| name.ends_with(end))
}

impl Prices {
    /// Checks that every price belongs to a target; a target without a price is allowed, and refused when called.
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), Faults> {
        let unknown = self.targets.keys().filter(|id| !catalogue.targets.contains_key(*id));
        let mut faults: Vec<_> = unknown.map(|id| format!("price for the unknown target \"{id}\"")).collect();
        let disordered = self.targets.iter().filter(|(_, history)| !history.is_in_order());
        faults.extend(
            disordered.map(|(id, _)| format!("prices of \"{id}\" are not in the order of their days")),
        );
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// The price of a target now; `None` where nobody knows it.
    #[must_use]
    pub fn at(&self, target_id: &str, now: Timestamp) -> Option<&Price> {
        self.targets.get(target_id)?.at(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Catalogue {
        serde_json::from_str(include_str!("../../../config/catalogue.json")).unwrap()
    }

    #[test]
    fn the_shipped_catalogue_and_prices_are_valid() {
        let prices: Prices = serde_json::from_str(include_str!("../../../config/prices.json")).unwrap();

        assert_eq!(shipped().check(), Ok(()));
        assert_eq!(prices.check(&shipped()), Ok(()));
        for id in shipped().targets.keys() {
            assert!(prices.targets.contains_key(id), "{id} has no price");
        }
    }

    #[test]
    fn every_fault_is_named() {
        let mut catalogue = shipped();
        catalogue.models.get_mut("gpt-5.5").unwrap().targets = vec!["nowhere".to_owned()];
        catalogue.targets.values_mut().for_each(|target| target.region.clear());

        let Faults(faults) = catalogue.check().unwrap_err();

        assert_eq!(faults[0], "model \"gpt-5.5\" names the unknown target \"nowhere\"");
        assert_eq!(faults.len(), 1 + catalogue.targets.len());
    }

    #[test]
    fn what_is_signed_goes_to_aws_only() {
        for elsewhere in [
            "https://example.com",
            "https://evil.com/.api.aws",
            "https://x@y.api.aws",
            "https://amazonaws.com.evil",
        ] {
            let mut catalogue = shipped();
            let target = catalogue.targets.get_mut("mantle-us-east-1/gpt-5.5").unwrap();
            if let Wire::Openai { host, .. } = &mut target.wire {
                elsewhere.clone_into(host);
            }

            assert!(catalogue.check().unwrap_err().to_string().contains("host is not of AWS"), "{elsewhere}");
        }
    }

    #[test]
    fn a_price_without_a_target_is_a_fault() {
        let prices: Prices =
            serde_json::from_str(r#"{"targets": {"x": {"input": "1", "output": "2"}}}"#).unwrap();

        assert_eq!(prices.check(&shipped()).unwrap_err().to_string(), "price for the unknown target \"x\"");
    }
}
