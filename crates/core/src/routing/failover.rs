//! How far a call may go from one target to the next.

use std::ops::RangeInclusive;

use super::{Route, is_named};
use crate::catalogue::{Catalogue, Target};

/// Calls of a provider for one answer, where the route says nothing.
const ATTEMPTS: u8 = 2;

/// What a route may say of them.
const ALLOWED: RangeInclusive<u8> = 1..=5;

impl Route {
    /// At most so many calls of providers for one answer.
    #[must_use]
    pub fn attempts(&self) -> usize {
        let most = self.max_attempts.unwrap_or(ATTEMPTS);
        usize::from(most.clamp(*ALLOWED.start(), *ALLOWED.end()))
    }

    /// Targets of `alias` that may be sent what is too long for another one, the largest first.
    #[must_use]
    pub fn longer<'a>(&self, catalogue: &'a Catalogue, alias: &str) -> Vec<(&'a str, &'a Target)> {
        let Some(name) = &self.longer_context else { return Vec::new() };
        let mut able = catalogue.targets_of(alias);
        able.retain(|(id, target)| is_named(id, target, name));
        able.sort_by_key(|(_, target)| std::cmp::Reverse(target.context_tokens));
        able
    }

    /// What is wrong with it. Whether a target is really larger than the one that refuses is asked again when it has.
    pub(super) fn failover_faults(&self, catalogue: &Catalogue) -> Vec<String> {
        let mut faults = Vec::new();
        if self.max_attempts.is_some_and(|most| !ALLOWED.contains(&most)) {
            faults.push(format!("max_attempts is {} to {}", ALLOWED.start(), ALLOWED.end()));
        }
        if let Some(name) = &self.longer_context
            && !catalogue.models.keys().any(|alias| self.is_longer_for(catalogue, alias))
        {
            faults.push(format!("longer_context \"{name}\" is larger than no other target of its models"));
        }
        if self.longer_context.is_some() && self.max_attempts == Some(1) {
            faults.push("longer_context needs max_attempts of at least 2".to_owned());
        }
        faults
    }

    fn is_longer_for(&self, catalogue: &Catalogue, alias: &str) -> bool {
        let least = catalogue.targets_of(alias).into_iter().map(|(_, target)| target.context_tokens).min();
        let largest = self.longer(catalogue, alias).first().map(|(_, target)| target.context_tokens);
        largest > least && least.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Routing;

    fn catalogue() -> Catalogue {
        let mut catalogue: Catalogue =
            serde_json::from_str(include_str!("../../../../config/catalogue.json")).unwrap();
        catalogue.targets.get_mut("runtime-us-east-1/gpt-5.6-sol").unwrap().context_tokens = 9_000_000;
        catalogue
    }

    fn faults(more: &str) -> Vec<String> {
        let text = format!(r#"{{"default": {{"providers": {{"bedrock": 1}}, {more}}}}}"#);
        let routing: Routing = serde_json::from_str(&text).unwrap();
        routing.check(&catalogue()).map_or_else(|faults| faults.0, |()| vec![])
    }

    #[test]
    fn a_route_says_how_often_providers_are_called_for_one_answer() {
        let route = |max_attempts| Route { max_attempts, ..Route::default() };

        assert_eq!(route(None).attempts(), 2);
        assert_eq!(route(Some(1)).attempts(), 1);
        assert_eq!(route(Some(5)).attempts(), 5);
        for most in [0, 6] {
            assert_eq!(faults(&format!(r#""max_attempts": {most}"#)).len(), 1);
        }
        assert_eq!(faults(r#""max_attempts": 5"#), Vec::<String>::new());
    }

    #[test]
    fn what_is_too_long_is_for_a_larger_target_only() {
        let longer = |name: &str| faults(&format!(r#""longer_context": "{name}""#));

        assert_eq!(longer("runtime-us-east-1/gpt-5.6-sol"), Vec::<String>::new());
        for name in ["mantle-us-east-2/gpt-5.5", "nobody"] {
            assert!(longer(name)[0].contains("is larger than no other target"), "{name}");
        }
        let alone = faults(r#""longer_context": "runtime-us-east-1/gpt-5.6-sol", "max_attempts": 1"#);
        assert!(alone[0].contains("needs max_attempts"), "{alone:?}");
    }

    #[test]
    fn the_largest_of_a_provider_is_asked() {
        let route = Route { longer_context: Some("bedrock".to_owned()), ..Route::default() };

        let catalogue = catalogue();
        let longer = route.longer(&catalogue, "gpt-5.5");

        assert_eq!(longer[0].0, "runtime-us-east-1/gpt-5.6-sol");
        assert_eq!(Route::default().longer(&catalogue, "gpt-5.5"), vec![]);
    }
}
