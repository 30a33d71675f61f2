//! The policy: what is done at which share of which budget. It is a document that operators write.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Caps, Grade, MOST_RESTRICTIONS, Period, Restriction, Scope, Taken, Wish, brief};
use crate::catalogue::Faults;
use crate::notice::{Kind, Notice, Says, Source};
use crate::time::Timestamp;

/// Rules by the name of who sends the notice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// For budgets that are not named; where absent, the function's own percentage stops all calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<Vec<Rule>>,
    /// By the name of a budget of AWS or of our own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub budgets: BTreeMap<String, Vec<Rule>>,
    /// By the name of an alarm; one that is not named warns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub alarms: BTreeMap<String, Vec<Rule>>,
    /// By the name of an anomaly monitor; one that is not named warns.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub anomalies: BTreeMap<String, Vec<Rule>>,
}

/// What is done from a share on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The share of the limit, in percent; an alarm that is on has reached the whole.
    #[serde(default = "whole")]
    pub at_percent: u64,
    /// Which amounts count.
    #[serde(default)]
    pub on: On,
    /// How much is done.
    pub grade: Grade,
    /// For whom.
    #[serde(default)]
    pub scope: Scope,
    /// The caps of the grade `cap`.
    #[serde(default, skip_serializing_if = "Caps::is_none")]
    pub caps: Caps,
    /// What the grade `lock` takes away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
    /// When it ends by itself.
    #[serde(default)]
    pub until: Until,
}

/// Which amounts count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// All.
    #[default]
    Any,
    /// What is spent.
    Actual,
    /// What will be.
    Forecast,
}

/// When a restriction ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Not at all: an operator lifts it.
    #[default]
    Lifted,
    /// With the period of the budget; where the notice names none, an operator lifts it.
    PeriodEnd,
}

/// What the grade `lock` takes away, besides stopping calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lock {
    /// A policy is attached to invoke's role that denies calls of models on both Bedrock endpoints.
    pub deny_models: bool,
    /// All keys of the scope are suspended.
    pub suspend_keys: bool,
    /// The usage plans let no more than this through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throttle: Option<Throttle>,
}

/// The throughput of a usage plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttle {
    /// Requests a second.
    pub rate: u64,
    /// Requests at once.
    pub burst: u64,
}

const fn whole() -> u64 {
    100
}

impl Policy {
    /// The rules that a notice has reached, each of which is obeyed. `stop_at_percent` stands in for a policy's default.
    #[must_use]
    pub fn reached(&self, notice: &Notice, stop_at_percent: u64) -> Vec<Rule> {
        let named = match notice.source {
            Source::Budgets | Source::Own => &self.budgets,
            Source::Anomaly => &self.anomalies,
            Source::Alarm => &self.alarms,
        };
        let rules = match (named.get(&notice.name), notice.source) {
            (Some(rules), _) => rules.clone(),
            (None, Source::Budgets | Source::Own) => {
                self.default.clone().unwrap_or_else(|| vec![Rule::of(Grade::Stop, stop_at_percent)])
            }
            // Whoever publishes an alarm here wants it seen; that it stops calls must be said.
            (None, Source::Alarm | Source::Anomaly) => vec![Rule::of(Grade::Warn, 0)],
        };
        rules.into_iter().filter(|rule| rule.is_reached_by(notice)).collect()
    }

    /// All rules.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let named = [&self.budgets, &self.alarms, &self.anomalies].into_iter().flat_map(BTreeMap::values);
        self.default.iter().chain(named).flatten()
    }

    /// All that cannot be meant.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Vec::new();
        let named = [("budgets", &self.budgets), ("alarms", &self.alarms), ("anomalies", &self.anomalies)];
        let lists = named.into_iter().flat_map(|(kind, map)| {
            map.iter().map(move |(name, rules)| (format!("{kind}.{name}"), kind == "alarms", rules))
        });
        let default = self.default.iter().map(|rules| ("default".to_owned(), false, rules));
        let mut standing = BTreeSet::new();
        for (place, is_alarm, rules) in default.chain(lists) {
            for (index, rule) in rules.iter().enumerate() {
                faults.extend(rule.faults(is_alarm).map(|fault| format!("{place}[{index}]: {fault}")));
                let is_everyones_stop = rule.grade == Grade::Stop && rule.scope == Scope::Everyone;
                if rule.grade > Grade::Warn && !is_everyones_stop {
                    standing.insert((rule.scope.clone(), rule.grade, rule.caps));
                }
            }
        }
        if standing.len() > MOST_RESTRICTIONS {
            faults.push(format!(
                "{} different caps, stops and locks, but at most {MOST_RESTRICTIONS} can stand at once",
                standing.len()
            ));
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}

impl Rule {
    /// A rule for everyone, and for good.
    #[must_use]
    pub fn of(grade: Grade, at_percent: u64) -> Self {
        Self {
            at_percent,
            on: On::Any,
            grade,
            scope: Scope::Everyone,
            caps: Caps::default(),
            lock: None,
            until: Until::Lifted,
        }
    }

    fn is_reached_by(&self, notice: &Notice) -> bool {
        let counts = match (self.on, notice.says) {
            (On::Any, _) | (_, Says::AlarmOn | Says::AlarmOff) => true,
            (On::Actual, Says::Money { kind, .. }) => kind == Kind::Actual,
            (On::Forecast, Says::Money { kind, .. }) => kind == Kind::Forecast,
        };
        counts && notice.reaches(self.at_percent)
    }

    fn faults(&self, is_alarm: bool) -> impl Iterator<Item = &'static str> {
        let is_for_some = self.scope != Scope::Everyone;
        let lock = self.lock.unwrap_or_default();
        let zeros = [
            self.caps.max_output_tokens,
            self.caps.tokens_per_minute,
            self.caps.max_concurrent,
            lock.throttle.map(|throttle| throttle.rate),
            lock.throttle.map(|throttle| throttle.burst),
        ];
        [
            (!(1..=10_000).contains(&self.at_percent), "at_percent is from 1 to 10000"),
            (is_alarm && self.at_percent != 100, "an alarm has no share: leave at_percent away"),
            (
                self.caps.is_none() == (self.grade == Grade::Cap),
                "caps belong to the grade cap, and it needs one",
            ),
            (zeros.contains(&Some(0)), "a cap is at least 1: to let nothing through, stop"),
            (
                self.lock.is_some_and(|lock| lock != Lock::default()) != (self.grade == Grade::Lock),
                "lock belongs to the grade lock, and it needs deny_models, suspend_keys or throttle",
            ),
            (
                is_for_some && (lock.deny_models || lock.throttle.is_some()),
                "deny_models and throttle are for everyone; for some, suspend_keys",
            ),
            (
                self.grade == Grade::Lock && self.until != Until::Lifted,
                "a lock does not end by itself: leave until away",
            ),
        ]
        .into_iter()
        .filter_map(|(is_wrong, fault)| is_wrong.then_some(fault))
    }

    /// What stands because of it; nothing where it only warns.
    #[must_use]
    pub fn restriction(&self, notice: &Notice, origin: &str, now: Timestamp) -> Option<Restriction> {
        let period_end = || notice.period.map(|period: Period| period.end(now));
        let restriction = || Restriction {
            scope: self.scope.clone(),
            grade: self.grade,
            caps: self.caps,
            why: brief(&notice.reason()),
            origin: origin.to_owned(),
            since_us: now,
            until_us: if self.until == Until::PeriodEnd { period_end() } else { None },
        };
        (self.grade > Grade::Warn).then(restriction)
    }

    /// How the audit trail names it.
    #[must_use]
    pub fn taken(&self) -> Taken {
        Taken { grade: self.grade, scope: self.scope.clone(), at_percent: self.at_percent }
    }

    /// What it takes away besides.
    #[must_use]
    pub fn wish(&self) -> Option<Wish> {
        self.lock.map(|lock| Wish { scope: self.scope.clone(), lock })
    }
}

#[cfg(test)]
mod tests;
