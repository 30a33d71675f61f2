//! The budgets document: what organisation, tenants and teams may spend, and how escrow is dealt out below them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::budget::{Amount, Budget, Mode};
use crate::caller::Caller;
use crate::catalogue::Faults;
use crate::money::Nanos;
use crate::name::Name;
use crate::reservation::Limits;

/// More lanes would cost more in grants than they save in conflicts.
const MOST_LANES: u16 = 64;

/// Budgets above the user. A scope that is not named has no limit, but is counted all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// How escrow is dealt out.
    pub escrow: Escrow,
    /// Everybody together.
    #[serde(skip_serializing_if = "Allowance::is_none")]
    pub organisation: Allowance,
    /// By tenant.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, Allowance>,
    /// By team, named `tenant/team`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub teams: BTreeMap<String, Allowance>,
}

/// What one scope may use; no limit where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowance {
    /// Dollars per UTC day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_usd: Option<Usd>,
    /// Dollars per UTC month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month_usd: Option<Usd>,
    /// Tokens per UTC day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_tokens: Option<u64>,
    /// Tokens per UTC month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month_tokens: Option<u64>,
    /// Refuse, or only say so.
    pub mode: Mode,
    /// A team's own number of lanes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lanes: Option<u16>,
}

/// How escrow is dealt out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Escrow {
    /// Dollars that a dry lane is granted, while its parents have them.
    pub chunk_usd: Usd,
    /// Tokens that it is granted.
    pub chunk_tokens: u64,
    /// Lanes of a team that names no number of its own.
    pub lanes: u16,
}

/// Dollars, written as a decimal in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(pub Nanos);

impl Default for Escrow {
    fn default() -> Self {
        Self { chunk_usd: Usd(Nanos(1_000_000_000)), chunk_tokens: 1_000_000, lanes: 1 }
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Allowance {
    /// As limits.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget {
            day: self.day_usd.map(|usd| usd.0),
            month: self.month_usd.map(|usd| usd.0),
            day_tokens: self.day_tokens,
            month_tokens: self.month_tokens,
            mode: self.mode,
        }
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Budgets {
    /// What holds for a caller's calls.
    #[must_use]
    pub fn limits(&self, caller: &Caller) -> Limits {
        let of = |allowance: Option<&Allowance>| allowance.map_or(Budget::UNLIMITED, Allowance::budget);
        let team = self.teams.get(&team_name(&caller.tenant, &caller.team));
        Limits {
            user: caller.budget,
            parents: [of(team), of(self.tenants.get(caller.tenant.as_str())), of(Some(&self.organisation))],
            chunk: Amount { nanos: self.escrow.chunk_usd.0, tokens: self.escrow.chunk_tokens },
            lanes: team.and_then(|team| team.lanes).unwrap_or(self.escrow.lanes),
        }
    }

    /// How many scopes have a limit.
    #[must_use]
    pub fn limited_scopes(&self) -> usize {
        let above = self.tenants.values().chain(self.teams.values()).chain([&self.organisation]);
        above
            .filter(|allowance| Budget { mode: Mode::Hard, ..allowance.budget() } != Budget::UNLIMITED)
            .count()
    }

    /// Checks what the types cannot.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        let lanes = self.teams.values().filter_map(|team| team.lanes).chain([self.escrow.lanes]);
        if lanes.into_iter().any(|lanes| !(1..=MOST_LANES).contains(&lanes)) {
            faults.push(format!("a team has 1 to {MOST_LANES} lanes"));
        }
        for name in self.tenants.keys().filter(|name| name.parse::<Name>().is_err()) {
            faults.push(format!("\"{name}\" is no name of a tenant"));
        }
        for name in self.teams.keys().filter(|name| !is_team(name)) {
            faults.push(format!("\"{name}\" is no team: teams are named tenant/team"));
        }
        let above = self.tenants.values().chain([&self.organisation]);
        if above.into_iter().any(|allowance| allowance.lanes.is_some()) {
            faults.push("only teams have lanes".to_owned());
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}

/// The name of a team in the document.
#[must_use]
pub fn team_name(tenant: &Name, team: &Name) -> String {
    format!("{tenant}/{team}")
}

/// The lane of a call: any of the team's, the same one whenever the call is tried again.
#[must_use]
pub fn lane_of(request_id: &str, lanes: u16) -> u16 {
    let digest = Sha256::digest(request_id.as_bytes());
    u16::from_be_bytes([digest[1], digest[2]]) % lanes.max(1)
}

fn is_team(name: &str) -> bool {
    let parts: Option<(&str, &str)> = name.split_once('/');
    parts.is_some_and(|(tenant, team)| tenant.parse::<Name>().is_ok() && team.parse::<Name>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::tests::record;

    fn budgets(text: &str) -> Budgets {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_call_belongs_to_all_its_scopes() {
        let budgets = budgets(
            r#"{
                "escrow": {"chunk_usd": "0.5", "lanes": 2},
                "organisation": {"month_usd": "1000"},
                "tenants": {"acme": {"day_tokens": 5}, "other": {"day_tokens": 6}},
                "teams": {"acme/search": {"day_usd": "1.25", "mode": "shadow", "lanes": 4}}
            }"#,
        );

        let limits = budgets.limits(&record().caller());

        assert_eq!(limits.user.day, Some(Nanos(5)));
        let [team, tenant, organisation] = limits.parents;
        assert_eq!((team.day, team.mode), (Some(Nanos(1_250_000_000)), Mode::Shadow));
        assert_eq!(tenant.day_tokens, Some(5));
        assert_eq!(organisation.month, Some(Nanos(1_000_000_000_000)));
        assert_eq!((limits.lanes, limits.chunk.nanos), (4, Nanos(500_000_000)));
        assert_eq!(budgets.check(), Ok(()));
    }

    #[test]
    fn an_empty_document_limits_nobody() {
        let limits = budgets("{}").limits(&record().caller());

        assert_eq!((limits.parents, limits.lanes), ([Budget::UNLIMITED; 3], 1));
    }

    #[test]
    fn what_cannot_be_right_is_said() {
        for (text, fault) in [
            (r#"{"escrow": {"lanes": 0}}"#, "a team has 1 to 64 lanes"),
            (r#"{"teams": {"a/b": {"lanes": 65}}}"#, "a team has 1 to 64 lanes"),
            (r#"{"teams": {"search": {}}}"#, "\"search\" is no team: teams are named tenant/team"),
            (r#"{"tenants": {"a/b": {}}}"#, "\"a/b\" is no name of a tenant"),
            (r#"{"organisation": {"lanes": 2}}"#, "only teams have lanes"),
        ] {
            assert_eq!(budgets(text).check(), Err(Faults(vec![fault.to_owned()])), "{text}");
        }
        for text in
            [r#"{"day": 1}"#, r#"{"organisation": {"day_usd": 5}}"#, r#"{"escrow": {"chunk_usd": "-1"}}"#]
        {
            assert!(serde_json::from_str::<Budgets>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn calls_spread_over_lanes() {
        let mut calls = [0; 4];
        for call in 0..1_000 {
            calls[usize::from(lane_of(&format!("r-{call}"), 4))] += 1;
        }

        assert!(calls.iter().all(|calls| (200..300).contains(calls)), "{calls:?}");
    }
}
