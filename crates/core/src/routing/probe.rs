//! Which targets are to be probed. A route that chooses by latency knows nothing of a target that hardly anybody calls;
//! where it says so, the gateway asks such a target itself, by small calls that name it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Route, Routing, Strategy, is_named};
use crate::catalogue::{Catalogue, Target};
use crate::ports::Board;
use crate::time::Timestamp;

/// A target of which too little is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The target's id.
    pub target: String,
    /// A model that it serves.
    pub model: String,
    /// How many answers are missing.
    pub missing: u64,
}

/// A pace that is older than this is found anew before choices no longer heed it.
const FRESH: Duration = Duration::from_secs(300);

impl Routing {
    /// The targets of which fewer answers are known than a route needs to choose by, in the order of their ids. One whose
    /// breaker is not closed is known to be no good.
    #[must_use]
    pub fn probes(&self, catalogue: &Catalogue, board: &Board, now: Timestamp) -> Vec<Probe> {
        let mut due: BTreeMap<&str, Probe> = BTreeMap::new();
        for (route, only) in self.with_models() {
            let Strategy::Latency { probe: true, min_samples, .. } = route.strategy else { continue };
            let is_meant = |alias: &&String| only.is_none_or(|only| only == alias.as_str());
            for alias in catalogue.models.keys().filter(is_meant) {
                for id in route.rivals(catalogue, alias) {
                    let known = board.paces.get(id).filter(|pace| now.since(pace.at_us) < FRESH);
                    let missing = min_samples.saturating_sub(known.map_or(0, |pace| pace.samples));
                    let is_closed = board.breakers.get(id).is_none_or(|breaker| breaker.level() == 0);
                    if missing > 0 && is_closed {
                        let probe = || Probe { target: id.to_owned(), model: alias.clone(), missing };
                        let known = due.entry(id).or_insert_with(probe);
                        known.missing = known.missing.max(missing);
                    }
                }
            }
        }
        due.into_values().collect()
    }

    /// All routes, each with the one model that it is for, if it is for one.
    fn with_models(&self) -> impl Iterator<Item = (&Route, Option<&str>)> {
        let rules = self.rules.iter().map(|rule| (&rule.route, rule.when.model.as_deref()));
        let others = self.experiments.values().chain([&self.default]);
        rules.chain(others.map(|route| (route, None)))
    }
}

impl Route {
    /// The targets of a model among which it chooses; none where there is no choice. Embeddings are not probed: a question
    /// is no text of theirs.
    fn rivals<'a>(&self, catalogue: &'a Catalogue, alias: &str) -> Vec<&'a str> {
        let names = || self.providers.keys().chain(&self.failover_order);
        let is_rival = |(id, target): &(&str, &Target)| {
            !target.is_for_embeddings() && names().any(|name| is_named(id, target, name))
        };
        let rivals = catalogue.targets_of(alias).into_iter().filter(is_rival).map(|(id, _)| id);
        let rivals: Vec<&str> = rivals.collect();
        if rivals.len() < 2 { Vec::new() } else { rivals }
    }
}

#[cfg(test)]
mod tests;
