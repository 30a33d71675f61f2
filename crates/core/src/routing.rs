//! Routing: which targets serve a call, and in which order. A user stays on the same provider while weights stand.

mod failover;
mod known;
mod order;
mod probe;
mod rule;
mod sticky;
mod strategy;
mod sufficient;
mod weight;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cache::CachePolicy;
use crate::catalogue::{Catalogue, Faults, Target};
use crate::constraint::Constraints;
use crate::name::Name;
use crate::output_policy::OutputPolicy;
use crate::time::Timestamp;

pub use self::known::{Candidate, Pace, Rating};
pub use self::order::{Order, Reason, Score};
pub use self::probe::Probe;
pub use self::rule::{Rule, When, Window};
pub use self::strategy::Strategy;
pub use self::sufficient::{Insufficient, Sufficient};
pub use self::weight::Weight;

/// The routing document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// For everybody who is in no experiment and whom no rule fits.
    pub default: Route,
    /// By group; a team of that name is the group. A running experiment goes before all rules.
    #[serde(default)]
    pub experiments: BTreeMap<String, Route>,
    /// For calls of a kind; the first that fits is taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Where calls may go at all.
    #[serde(default, skip_serializing_if = "is_unconstrained")]
    pub constraints: Constraints,
    /// What is set about the output of a team's calls, by team.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<String, OutputPolicy>,
}

/// Weights and the order of failover, both by provider or by target id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Share of the users; they need not sum to one.
    pub providers: BTreeMap<String, Weight>,
    /// Who is asked after the first has failed; nobody but the first's own provider where empty.
    #[serde(default)]
    pub failover_order: Vec<String>,
    /// At most so many calls of providers for one answer, 1 to 5; two where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u8>,
    /// Who may be sent, by provider or by target id, what is longer than another target's context; nobody where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longer_context: Option<String>,
    /// How the first is chosen, where not by weights.
    #[serde(default, skip_serializing_if = "Strategy::is_default")]
    pub strategy: Strategy,
    /// When it holds; only an experiment has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What is set about the output of its calls.
    #[serde(default)]
    pub output: OutputPolicy,
    /// What is kept of its answers, and for whom.
    #[serde(default)]
    pub cache: CachePolicy,
    /// Whether a stream that broke after its first content is gone on with by the next target: see [`crate::splice`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continue_broken: bool,
}

/// What routing looks at of a call.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Whose account it runs in.
    pub tenant: &'a Name,
    /// Whose bill it is on.
    pub team: &'a Name,
    /// Who calls.
    pub user: &'a Name,
    /// The model that is named.
    pub model: &'a str,
    /// The kind of task, where the caller says it.
    pub task: Option<&'a Name>,
    /// When it came.
    pub now: Timestamp,
}

/// The route of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<'a> {
    /// Its name: nothing for the default, the group of an experiment, the name of a rule.
    pub name: &'a str,
    /// What it says.
    pub route: &'a Route,
}

impl Routing {
    /// Checks what the types cannot. A provider that no target has is allowed: its share goes to the others.
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), Faults> {
        let mut faults = self.constraints.faults();
        for (name, route) in self.routes() {
            let of_route = route.faults(catalogue);
            faults.extend(of_route.into_iter().map(|fault| format!("route \"{name}\" {fault}")));
            if route.window.is_some() && !self.experiments.contains_key(name) {
                faults.push(format!("route \"{name}\" has a window, and is no experiment"));
            }
        }
        for (number, rule) in self.rules.iter().enumerate() {
            if rule.when.is_everybody() {
                faults
                    .push(format!("rule \"{}\" fits every call: that is what \"default\" is for", rule.name));
            }
            let is_experiment = self.experiments.contains_key(rule.name.as_str());
            if is_experiment || self.rules[..number].iter().any(|other| other.name == rule.name) {
                faults.push(format!("rule \"{}\" has the name of another route", rule.name));
            }
        }
        for (team, policy) in &self.teams {
            faults.extend(policy.fault().map(|fault| format!("team \"{team}\": {fault}")));
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    fn routes(&self) -> impl Iterator<Item = (&str, &Route)> {
        let experiments = self.experiments.iter().map(|(name, route)| (name.as_str(), route));
        let rules = self.rules.iter().map(|rule| (rule.name.as_str(), &rule.route));
        experiments.chain(rules).chain([("default", &self.default)])
    }

    /// What is set about the output of a call.
    #[must_use]
    pub fn output_policy(&self, query: &Query<'_>) -> OutputPolicy {
        let route = self.route(query).route;
        match self.teams.get(query.team.as_str()) {
            Some(policy) => policy.within(&route.output),
            None => route.output.clone(),
        }
    }

    /// The route of a call: of the experiment that its team is in, of the first rule that fits, or the default.
    #[must_use]
    pub fn route<'a>(&'a self, query: &Query<'_>) -> Named<'a> {
        let runs = |route: &Route| route.window.is_none_or(|window| window.holds(query.now));
        if let Some((name, route)) =
            self.experiments.get_key_value(query.team.as_str()).filter(|(_, route)| runs(route))
        {
            return Named { name, route };
        }
        match self.rules.iter().find(|rule| rule.when.fits(query)) {
            Some(rule) => Named { name: rule.name.as_str(), route: &rule.route },
            None => Named { name: "", route: &self.default },
        }
    }

    /// The targets of the model for this call, in the order of weights and failover, without those that its route names
    /// nowhere.
    #[must_use]
    pub fn targets<'a>(&self, catalogue: &'a Catalogue, query: &Query<'_>) -> Vec<(&'a str, &'a Target)> {
        let Named { name, route } = self.route(query);
        let all = catalogue.targets_of(query.model);
        let first = match route.strategy {
            Strategy::Failover {} => None,
            Strategy::Cascade { ref first, .. } => Some(first.as_str()),
            _ => route.assign(&all, name, query.user),
        };
        let rest = route.failover_order.iter().map(String::as_str);
        let assigned = route.cheap_first().and_then(|_| route.assign(&all, name, query.user));
        let by_weight = route.providers.keys().map(String::as_str).filter(|_| route.compares());
        let mut ordered: Vec<(&str, &Target)> = Vec::with_capacity(all.len());
        for name in first.into_iter().chain(assigned).chain(rest).chain(by_weight) {
            for (id, target) in &all {
                let is_new = !ordered.iter().any(|(known, _)| known == id);
                if is_new && is_named(id, target, name) {
                    ordered.push((id, target));
                }
            }
        }
        ordered
    }
}

impl Route {
    /// The provider of a user, among those that can serve the call at all.
    fn assign(&self, targets: &[(&str, &Target)], experiment: &str, user: &Name) -> Option<&str> {
        let serves = |name: &str| targets.iter().any(|(id, target)| is_named(id, target, name));
        let able = self.providers.iter().filter(|(name, _)| serves(name));
        sticky::assign(able.map(|(name, weight)| (name.as_str(), *weight)), experiment, user)
    }

    /// When the answer of a target suffices, if it is one that is asked before dearer ones.
    #[must_use]
    pub fn sufficient(&self, (id, target): (&str, &Target)) -> Option<&Sufficient> {
        self.cheap_first().filter(|(first, _)| is_named(id, target, first)).map(|(_, sufficient)| sufficient)
    }

    fn cheap_first(&self) -> Option<(&str, &Sufficient)> {
        match &self.strategy {
            Strategy::Cascade { first, sufficient } => Some((first, sufficient)),
            _ => None,
        }
    }

    /// Whether it chooses among all of its providers, whatever their weights.
    const fn compares(&self) -> bool {
        matches!(self.strategy, Strategy::Latency { .. } | Strategy::Cost {} | Strategy::Score { .. })
    }

    fn faults(&self, catalogue: &Catalogue) -> Vec<String> {
        let mut faults = Vec::new();
        if self.providers.values().all(|weight| weight.millionths() == 0) {
            faults.push("gives no provider a weight".to_owned());
        }
        let names = || self.providers.keys().chain(&self.failover_order);
        let is_served =
            |name: &String| catalogue.targets.iter().any(|(id, target)| is_named(id, target, name));
        if !names().any(is_served) {
            faults.push("names no provider and no target of the catalogue".to_owned());
        }
        if matches!(self.strategy, Strategy::Failover {}) && self.failover_order.is_empty() {
            faults.push("has the strategy \"failover\" and no failover_order".to_owned());
        }
        if let Some((first, _)) = self.cheap_first()
            && !catalogue.targets.iter().any(|(id, target)| is_named(id, target, first))
        {
            faults
                .push(format!("asks \"{first}\" first, which is no provider and no target of the catalogue"));
        }
        if self.window.is_some_and(|window| window.is_empty()) {
            faults.push("has a window that ends before it begins".to_owned());
        }
        faults.extend(
            self.strategy.fault().map(|fault| format!("has a strategy that makes no sense: {fault}")),
        );
        faults.extend(self.failover_faults(catalogue));
        faults.extend(self.output.fault().map(|fault| format!("has an output that makes no sense: {fault}")));
        faults.extend(self.cache.fault().map(|fault| format!("has a cache that makes no sense: {fault}")));
        let embedding = self.cache.semantic.as_ref().map(|policy| policy.embedding.as_str());
        let unknown = embedding.filter(|alias| !embeds(catalogue, alias));
        faults.extend(
            unknown.map(|alias| format!("needs an embedding model \"{alias}\", which the catalogue has not")),
        );
        faults
    }
}

fn embeds(catalogue: &Catalogue, alias: &str) -> bool {
    catalogue.targets_of(alias).iter().any(|(_, target)| target.is_for_embeddings())
}

fn is_named(id: &str, target: &Target, name: &str) -> bool {
    target.provider == name || id == name
}

fn is_unconstrained(constraints: &Constraints) -> bool {
    *constraints == Constraints::default()
}

#[cfg(test)]
mod tests;
