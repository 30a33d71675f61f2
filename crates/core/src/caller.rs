//! Who is calling and what they may: what the authorizer finds and hands to invoke as context.

pub mod change;
pub mod rotation;
mod verdict;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::budget::{Budget, FlowPolicy};
use crate::cache::Sharing;
use crate::key::tag::Tags;
use crate::name::Name;
use crate::output_policy::OutputPolicy;
use crate::rate::RatePolicy;
use crate::time::Timestamp;

pub use verdict::{refusal_context, standing_context};

/// What a key may do besides calling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Calls models.
    #[default]
    Caller,
    /// Also names the target that serves its calls, to try it.
    Prober,
    /// Also reads spend and ledger.
    Viewer,
    /// Also changes keys, flags and configuration.
    Operator,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Caller, Self::Prober, Self::Viewer, Self::Operator];

    /// The role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Its name in contexts and lists.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Prober => "prober",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }

    /// Whether a call with it may name the target that serves it, past the weights of its route.
    #[must_use]
    pub const fn may_name_targets(self) -> bool {
        matches!(self, Self::Prober | Self::Operator)
    }
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It works.
    #[default]
    Active,
    /// It does not work until an operator resumes it.
    Suspended,
    /// It was taken back for good.
    Revoked,
}

/// Who suspended a key, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Who said so.
    pub who: String,
    /// The reason.
    pub why: String,
    /// RFC 3339.
    pub since: String,
}

/// The plan tiers: each has a usage plan and one API key of API Gateway in the template.
pub const PLANS: [&str; 2] = [STANDARD_PLAN, "premium"];

/// The tier of a key that names none.
pub const STANDARD_PLAN: &str = "standard";

/// A row of the keys table, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The public part of the key.
    pub key_id: Name,
    /// Whom the key belongs to.
    pub user: Name,
    /// The team that pays.
    pub team: Name,
    /// The tenant in whose account models run.
    pub tenant: Name,
    /// What it may do.
    pub role: Role,
    /// Whether it works.
    pub status: KeyStatus,
    /// How often its user may call.
    #[serde(flatten)]
    pub rate: RatePolicy,
    /// How often it may call itself, beside its user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_rate: Option<RatePolicy>,
    /// Its plan tier; [`STANDARD_PLAN`] where it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Name>,
    /// What its user may spend.
    #[serde(flatten)]
    pub budget: Budget,
    /// How much its calls may use at once.
    #[serde(flatten)]
    pub flow: FlowPolicy,
    /// The models it may name; all where empty.
    #[serde(default)]
    pub models: Vec<String>,
    /// What is set about the output of its calls.
    #[serde(default)]
    pub output: OutputPolicy,
    /// With whom answers of the cache are shared at most.
    #[serde(default)]
    pub sharing: Sharing,
    /// RFC 3339.
    pub created_at: String,
    /// Epoch seconds from which it no longer works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<u64>,
    /// What an operator calls it beside user and team.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// The key whose successor it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Name>,
    /// Its successor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<Name>,
    /// Who suspended it, while it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspension: Option<Suspension>,
}

impl KeyRecord {
    /// Whether a call with it may be considered at all.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.status == KeyStatus::Active && self.expires_at.is_none_or(|at| now.as_secs() < at)
    }

    /// The name of its plan tier.
    #[must_use]
    pub fn plan_tier(&self) -> &str {
        self.plan.as_ref().map_or(STANDARD_PLAN, Name::as_str)
    }

    /// Who is calling, as invoke sees it.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller {
            key_id: self.key_id.clone(),
            user: self.user.clone(),
            team: self.team.clone(),
            tenant: self.tenant.clone(),
            role: self.role,
            models: self.models.clone(),
            budget: self.budget,
            flow: self.flow,
            output: self.output.clone(),
            sharing: self.sharing,
        }
    }
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The public part of the key.
    pub key_id: Name,
    /// The user, unique within the tenant.
    pub user: Name,
    /// The team, unique within the tenant.
    pub team: Name,
    /// The tenant.
    pub tenant: Name,
    /// What the key may do.
    pub role: Role,
    /// The models it may name; all where empty.
    pub models: Vec<String>,
    /// What the user may spend.
    pub budget: Budget,
    /// How much the key's calls may use at once.
    pub flow: FlowPolicy,
    /// What is set about the output of the key's calls.
    pub output: OutputPolicy,
    /// With whom answers of the cache are shared at most.
    pub sharing: Sharing,
}

impl Caller {
    /// Whether the key may name this model.
    #[must_use]
    pub fn may_use(&self, alias: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|model| model == alias)
    }

    /// The context of an Allow.
    #[must_use]
    pub fn to_context(&self) -> BTreeMap<String, String> {
        let mut context: BTreeMap<String, String> = [
            ("keyId", self.key_id.to_string()),
            ("user", self.user.to_string()),
            ("team", self.team.to_string()),
            ("tenant", self.tenant.to_string()),
            ("role", self.role.as_str().to_owned()),
            ("models", self.models.join(",")),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        put(&mut context, "budget", &self.budget);
        put(&mut context, "flow", &self.flow);
        put(&mut context, "output", &self.output);
        put(&mut context, "sharing", &self.sharing);
        context
    }

    /// Reads the context of an Allow; `None` where it is not one of ours.
    #[must_use]
    pub fn from_context(read: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let name = |key: &str| read(key)?.parse::<Name>().ok();
        Some(Self {
            key_id: name("keyId")?,
            user: name("user")?,
            team: name("team")?,
            tenant: name("tenant")?,
            role: Role::named(&read("role")?)?,
            models: match read("models")?.as_str() {
                "" => Vec::new(),
                list => list.split(',').map(str::to_owned).collect(),
            },
            budget: policy(read("budget"))?,
            flow: policy(read("flow"))?,
            output: policy(read("output"))?,
            sharing: policy(read("sharing"))?,
        })
    }
}

/// Writes a policy as JSON, unless it says nothing.
fn put<T: Default + PartialEq + Serialize>(context: &mut BTreeMap<String, String>, key: &str, policy: &T) {
    if *policy != T::default() {
        // Policies are plain data: writing one as JSON cannot fail.
        context.insert(key.to_owned(), serde_json::json!(policy).to_string());
    }
}

/// Reads a policy; `None` where it is garbled.
fn policy<T: Default + DeserializeOwned>(text: Option<String>) -> Option<T> {
    text.map_or_else(|| Some(T::default()), |text| serde_json::from_str(&text).ok())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::money::Nanos;

    pub(crate) fn record() -> KeyRecord {
        let Caller { key_id, user, team, tenant, role, models, budget, flow, output, sharing } = caller();
        KeyRecord {
            key_id,
            user,
            team,
            tenant,
            role,
            status: KeyStatus::Active,
            rate: RatePolicy { interval_us: 100_000, burst: 20, requests_per_day: None },
            key_rate: None,
            plan: None,
            budget,
            flow,
            models,
            output,
            sharing,
            created_at: "2026-11-22T10:00:00Z".to_owned(),
            expires_at: None,
            tags: Tags::new(),
            replaces: None,
            replaced_by: None,
            suspension: None,
        }
    }

    fn caller() -> Caller {
        let name = |text: &str| text.parse().unwrap();
        Caller {
            key_id: name("abc"),
            user: name("alice"),
            team: name("search"),
            tenant: name("acme"),
            role: Role::Caller,
            models: vec!["gpt-5.5".to_owned(), "other".to_owned()],
            budget: Budget { day: Some(Nanos(5)), ..Budget::default() },
            flow: FlowPolicy { max_concurrent: Some(7), ..FlowPolicy::default() },
            output: OutputPolicy { max_tokens: Some(100), ..OutputPolicy::default() },
            sharing: Sharing::Team,
        }
    }

    #[test]
    fn a_context_reads_as_it_was_written() {
        for role in Role::ALL {
            let caller = Caller { role, ..caller() };
            let context = caller.to_context();

            assert_eq!(Caller::from_context(|key| context.get(key).cloned()), Some(caller));
        }
    }

    #[test]
    fn a_context_that_lacks_anything_is_not_ours() {
        let context = caller().to_context();

        for key in ["keyId", "user", "team", "tenant", "role", "models"] {
            let read = |name: &str| context.get(name).filter(|_| name != key).cloned();
            assert_eq!(Caller::from_context(read), None, "{key}");
        }
        let garbled = |name: &str| match name {
            "budget" => Some("much".to_owned()),
            _ => context.get(name).cloned(),
        };
        assert_eq!(Caller::from_context(garbled), None);
        let garbled = |name: &str| match name {
            "output" => Some("{\"max\": 1}".to_owned()),
            _ => context.get(name).cloned(),
        };
        assert_eq!(Caller::from_context(garbled), None);
    }

    #[test]
    fn only_an_active_key_is_valid() {
        let is_valid = |status| KeyRecord { status, ..record() }.is_valid(Timestamp::default());

        let valid = [KeyStatus::Active, KeyStatus::Suspended, KeyStatus::Revoked].map(is_valid);

        assert_eq!(valid, [true, false, false]);
    }

    #[test]
    fn a_key_of_before_tags_rotation_key_rates_and_plans_is_read() {
        let mut json = serde_json::to_value(record()).unwrap();
        let members = json.as_object_mut().unwrap();

        let newer = ["tags", "replaces", "replaced_by", "suspension", "key_rate", "plan"];
        assert!(newer.iter().all(|name| !members.contains_key(*name)));
        assert_eq!(serde_json::from_value::<KeyRecord>(json).unwrap(), record());
    }

    #[test]
    fn a_keys_own_rate_is_a_map_beside_its_users() {
        let rate = RatePolicy { interval_us: 7, burst: 3, requests_per_day: None };
        let record = KeyRecord { key_rate: Some(rate), plan: "premium".parse().ok(), ..record() };

        let json = serde_json::to_value(&record).unwrap();

        assert_eq!(json["key_rate"], serde_json::json!({"interval_us": 7, "burst": 3}));
        assert_eq!(json["plan"], "premium");
        assert_eq!(json["interval_us"], 100_000);
        assert_eq!(serde_json::from_value::<KeyRecord>(json).unwrap(), record);
    }

    #[test]
    fn a_key_that_names_no_plan_has_the_standard_one() {
        assert_eq!(record().plan_tier(), "standard");
        assert!(PLANS.contains(&record().plan_tier()));
    }

    #[test]
    fn a_key_without_models_may_use_all() {
        let mut caller = caller();
        assert!(!caller.may_use("gpt-6"));

        caller.models.clear();

        assert!(caller.may_use("gpt-6"));
    }
}
