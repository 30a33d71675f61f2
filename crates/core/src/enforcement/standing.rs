//! The restrictions in force. They are part of the head, so there are few of them, and they are small.

use serde::{Deserialize, Serialize};

use super::{Caps, Grade, Scope};
use crate::name::Name;
use crate::time::Timestamp;

/// More would make the head larger than the 4 KB that one read costs.
pub const MOST_RESTRICTIONS: usize = 6;

/// One restriction, and which notice it is owed to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Restriction {
    /// For whom.
    pub scope: Scope,
    /// How strict; never `warn`.
    pub grade: Grade,
    /// Of the grade `cap`.
    #[serde(default, skip_serializing_if = "Caps::is_none")]
    pub caps: Caps,
    /// Why, in words that a refused caller may read.
    pub why: String,
    /// The id of the message that asked for it first.
    pub origin: String,
    /// When it began, in microseconds.
    pub since_us: Timestamp,
    /// When it ends by itself, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_us: Option<Timestamp>,
}

/// All restrictions in force: none of them says what another one says already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Standing(pub Vec<Restriction>);

/// What restrictions mean for one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Why it is refused, if it is.
    pub stopped: Option<String>,
    /// Within which caps it goes on.
    pub caps: Caps,
}

impl Restriction {
    /// Whether it has not ended.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until_us.is_none_or(|until| now < until)
    }

    /// Whether it makes `other` superfluous: for the same calls, as strict, as long.
    fn covers(&self, other: &Self) -> bool {
        let outlasts = match (self.until_us, other.until_us) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => own >= others,
        };
        let is_as_strict = self.caps.and(other.caps) == self.caps;
        self.scope == other.scope && self.grade == other.grade && is_as_strict && outlasts
    }

    /// One that means at least what both mean, for everybody whom either means.
    fn join(&self, other: &Self) -> Self {
        let scope = if self.scope == other.scope { self.scope.clone() } else { Scope::Everyone };
        let until_us = self.until_us.zip(other.until_us).map(|(one, two)| one.max(two));
        Self { scope, caps: self.caps.and(other.caps), until_us, ..self.clone() }
    }
}

impl Standing {
    /// These restrictions and more, without those that have ended or are superfluous. In whatever order and however often
    /// restrictions come, what stands in the end means the same; where there were too many for a while, it may be stricter.
    #[must_use]
    pub fn merge(&self, more: &[Restriction], now: Timestamp) -> Self {
        let mut standing: Vec<Restriction> = Vec::new();
        let mut all: Vec<&Restriction> = self.0.iter().chain(more).filter(|one| one.holds(now)).collect();
        // Of equal ones the first counts: it says since when.
        all.sort_by_key(|one| (one.since_us, &one.origin));
        for one in all {
            if !standing.iter().any(|other| other.covers(one)) {
                standing.retain(|other| !one.covers(other));
                standing.push(one.clone());
            }
        }
        standing.sort();
        let mut standing = Self(standing);
        while standing.0.len() > MOST_RESTRICTIONS {
            standing.narrow();
        }
        standing
    }

    /// Where there are too many, two become one that is stricter than both: those of one scope rather than of two, and
    /// caps rather than stops. The policy's check keeps this from happening but while policies change.
    fn narrow(&mut self) {
        let pairs = (0..self.0.len()).flat_map(|one| (0..one).map(move |other| (other, one)));
        let alike = pairs.filter(|(other, one)| self.0[*other].grade == self.0[*one].grade);
        let best = alike.min_by_key(|(other, one)| {
            (self.0[*other].scope != self.0[*one].scope, self.0[*other].grade, *other, *one)
        });
        // Of more than six restrictions of three grades, two are of the same.
        let Some((other, one)) = best else { return };
        let two = self.0.remove(one);
        self.0[other] = self.0[other].join(&two);
        self.0.sort();
    }

    /// Those that have not ended.
    pub fn in_force(&self, now: Timestamp) -> impl Iterator<Item = &Restriction> {
        self.0.iter().filter(move |one| one.holds(now))
    }

    /// What they mean for a call of this team of this tenant.
    #[must_use]
    pub fn effect(&self, tenant: &Name, team: &Name, now: Timestamp) -> Effect {
        let mut effect = Effect::default();
        for one in self.in_force(now).filter(|one| one.scope.covers(tenant, team)) {
            effect.caps = effect.caps.and(one.caps);
            if one.grade >= Grade::Stop && effect.stopped.is_none() {
                effect.stopped = Some(one.why.clone());
            }
        }
        effect
    }

    /// Whether nothing stands.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
