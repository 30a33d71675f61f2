//! Routing: which targets serve a call, and in which order. A user stays on the same provider while weights stand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cache::CachePolicy;
use crate::catalogue::{Catalogue, Faults, Target};
use crate::name::Name;
use crate::output_policy::OutputPolicy;

/// The routing document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routing {
    /// For everybody who is in no experiment.
    pub default: Route,
    /// By group; a team of that name is the group.
    #[serde(default)]
    pub experiments: BTreeMap<String, Route>,
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

/// A weight in millionths, written as a decimal such as `0.8`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight(u64);

impl Weight {
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if fraction.len() > 6 || whole.len() > 9 {
            return None;
        }
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return None;
        }
        let millionths: u64 = format!("{fraction:0<6}").parse().ok()?;
        Some(Self(whole.parse::<u64>().ok()? * 1_000_000 + millionths))
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        Self::parse(&number.to_string()).ok_or_else(|| {
            serde::de::Error::custom(format!("{number} is no weight: at least 0, at most six decimals"))
        })
    }
}

impl Serialize for Weight {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        let number: serde_json::Number = text.parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl Routing {
    /// Checks what the types cannot. A provider that no target has is allowed: its share goes to the others.
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), Faults> {
        let mut faults = Vec::new();
        let routes = self.experiments.iter().map(|(name, route)| (name.as_str(), route));
        for (name, route) in routes.chain([("default", &self.default)]) {
            if route.providers.values().all(|weight| weight.0 == 0) {
                faults.push(format!("route \"{name}\" gives no provider a weight"));
            }
            let names = || route.providers.keys().chain(&route.failover_order);
            let is_served =
                |name: &String| catalogue.targets.iter().any(|(id, target)| is_named(id, target, name));
            if !names().any(is_served) {
                faults.push(format!("route \"{name}\" names no provider and no target of the catalogue"));
            }
            faults.extend(route.output.fault().map(|fault| format!("route \"{name}\": {fault}")));
            faults.extend(route.cache.fault().map(|fault| format!("route \"{name}\": {fault}")));
            let embedding = route.cache.semantic.as_ref().map(|policy| policy.embedding.as_str());
            faults.extend(
                embedding.filter(|alias| !embeds(catalogue, alias)).map(|alias| {
                    format!("route \"{name}\": the catalogue has no embedding model \"{alias}\"")
                }),
            );
        }
        for (team, policy) in &self.teams {
            faults.extend(policy.fault().map(|fault| format!("team \"{team}\": {fault}")));
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    /// What is set about the output of a team's calls.
    #[must_use]
    pub fn output_policy(&self, team: &Name) -> OutputPolicy {
        let (_, route) = self.route(team);
        match self.teams.get(team.as_str()) {
            Some(policy) => policy.within(&route.output),
            None => route.output.clone(),
        }
    }

    /// The route of a team's calls, and its name; the default route has none.
    #[must_use]
    pub fn route<'a>(&'a self, team: &'a Name) -> (&'a str, &'a Route) {
        match self.experiments.get(team.as_str()) {
            Some(route) => (team.as_str(), route),
            None => ("", &self.default),
        }
    }

    /// The targets of `alias` for this user, first choice first, without those that routing names nowhere.
    #[must_use]
    pub fn targets<'a>(
        &self,
        catalogue: &'a Catalogue,
        alias: &str,
        team: &Name,
        user: &Name,
    ) -> Vec<(&'a str, &'a Target)> {
        let (experiment, route) = self.route(team);
        let all = catalogue.targets_of(alias);
        let first = route.choose(&all, point(experiment, user));
        let order = first.into_iter().chain(route.failover_order.iter().map(String::as_str));
        let mut ordered: Vec<(&str, &Target)> = Vec::with_capacity(all.len());
        for name in order {
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
    /// The provider on whose share of the line `point` lies, among those that can serve the call at all.
    fn choose(&self, targets: &[(&str, &Target)], point: u64) -> Option<&str> {
        let serves = |name: &str| targets.iter().any(|(id, target)| is_named(id, target, name));
        let able: Vec<_> = self.providers.iter().filter(|(name, _)| serves(name)).collect();
        let total: u64 = able.iter().map(|(_, weight)| weight.0).sum();
        let mut rest = (u128::from(point) * u128::from(total)) >> 64;
        for (name, weight) in able {
            let width = u128::from(weight.0);
            if rest < width {
                return Some(name);
            }
            rest -= width;
        }
        None
    }
}

fn embeds(catalogue: &Catalogue, alias: &str) -> bool {
    catalogue.targets_of(alias).iter().any(|(_, target)| target.is_for_embeddings())
}

fn is_named(id: &str, target: &Target, name: &str) -> bool {
    target.provider == name || id == name
}

/// Where a user stands on the line from 0 to 2⁶⁴, for good.
fn point(experiment: &str, user: &Name) -> u64 {
    let digest = Sha256::digest(format!("{experiment}/{user}").as_bytes());
    let (head, _) = digest.split_at(8);
    u64::from_be_bytes(head.try_into().expect("a digest has more than eight bytes"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn catalogue() -> Catalogue {
        serde_json::from_str(include_str!("../../../config/catalogue.json")).unwrap()
    }

    fn routing(text: &str) -> Routing {
        serde_json::from_str(text).unwrap()
    }

    fn ids(routing: &Routing, alias: &str, team: &str, user: &str) -> Vec<String> {
        let (team, user) = (team.parse().unwrap(), user.parse().unwrap());
        let catalogue = catalogue();
        let targets = routing.targets(&catalogue, alias, &team, &user);
        targets.into_iter().map(|(id, _)| id.to_owned()).collect()
    }

    #[test]
    fn the_documented_form_is_accepted_as_it_stands() {
        let routing = routing(
            r#"{"default": {"providers": {"bedrock": 0.8, "openai": 0.2}, "failover_order": ["bedrock", "openai"]},
                "experiments": {"user-group-abc": {"providers": {"bedrock": 1}}}}"#,
        );

        assert_eq!(routing.check(&catalogue()), Ok(()));
    }

    #[test]
    fn streams_are_gone_on_with_only_where_a_route_says_so() {
        let says = |text: &str| routing(text).default.continue_broken;

        assert!(!says(r#"{"default": {"providers": {"bedrock": 1}}}"#));
        assert!(says(r#"{"default": {"providers": {"bedrock": 1}, "continue_broken": true}}"#));
    }

    #[test]
    fn the_shipped_routing_is_valid() {
        let routing = routing(include_str!("../../../config/routing.json"));

        assert_eq!(routing.check(&catalogue()), Ok(()));
        assert_eq!(
            ids(&routing, "gpt-5.5", "t", "u"),
            ["mantle-us-east-1/gpt-5.5", "runtime-us-east-1/gpt-5.6-sol", "mantle-us-east-2/gpt-5.5"]
        );
    }

    #[test]
    fn a_provider_that_cannot_serve_the_model_leaves_its_share_to_the_others() {
        let routing = routing(r#"{"default": {"providers": {"bedrock": 0.1, "openai": 0.9}}}"#);

        assert_eq!(ids(&routing, "gpt-5.6-sol", "t", "u").len(), 2);
    }

    #[test]
    fn a_team_in_an_experiment_takes_its_route() {
        let routing = routing(
            r#"{"default": {"providers": {"bedrock": 1}},
                "experiments": {"lab": {"providers": {"runtime-us-east-1/gpt-5.6-sol": 1}}}}"#,
        );

        assert_eq!(ids(&routing, "gpt-5.5", "lab", "u"), ["runtime-us-east-1/gpt-5.6-sol"]);
    }

    #[test]
    fn weights_that_are_none_are_refused() {
        for weight in ["-1", "1e-9", "0.1234567", "\"1\"", "12345678901"] {
            let text = format!(r#"{{"default": {{"providers": {{"bedrock": {weight}}}}}}}"#);
            assert!(serde_json::from_str::<Routing>(&text).is_err(), "{weight}");
        }
    }

    #[test]
    fn a_route_without_weight_or_target_is_refused() {
        let faults = |text| routing(text).check(&catalogue()).unwrap_err().0;

        assert_eq!(faults(r#"{"default": {"providers": {"bedrock": 0}}}"#).len(), 1);
        assert_eq!(faults(r#"{"default": {"providers": {"nobody": 1}}}"#).len(), 1);
    }

    #[test]
    fn a_semantic_cache_without_its_embedding_model_is_refused() {
        let of = |alias: &str| {
            let text = r#"{"default":{"providers":{"bedrock":1},"cache":{"semantic":{"embedding":"NAME"}}}}"#;
            routing(&text.replace("NAME", alias)).check(&catalogue())
        };

        assert!(of("titan-embed-text-v2").is_ok());
        for alias in ["gpt-5.5", "nothing"] {
            let said = of(alias).unwrap_err().to_string();
            assert!(said.contains(&format!("no embedding model \"{alias}\"")), "{said}");
        }
    }

    #[test]
    fn shares_follow_the_weights() {
        let routing = routing(
            r#"{"default": {"providers": {"mantle-us-east-1/gpt-5.5": 0.8, "runtime-us-east-1/gpt-5.6-sol": 0.2}}}"#,
        );
        let first = |user: u32| ids(&routing, "gpt-5.5", "t", &user.to_string())[0].starts_with("mantle");

        let share = (0..10_000).filter(|user| first(*user)).count();

        assert!((7_800..8_200).contains(&share), "{share}");
    }

    proptest! {
        #[test]
        fn a_user_stays_and_no_target_comes_twice(user in "[a-z]{1,12}") {
            let routing = routing(
                r#"{"default": {"providers": {"mantle-us-east-1/gpt-5.5": 0.5, "runtime-us-east-1/gpt-5.6-sol": 0.5},
                    "failover_order": ["bedrock"]}}"#,
            );
            let order = ids(&routing, "gpt-5.5", "t", &user);

            prop_assert_eq!(&order, &ids(&routing, "gpt-5.5", "t", &user));
            prop_assert_eq!(order.len(), 3);
            prop_assert_ne!(&order[0], &order[1]);
        }
    }
}
