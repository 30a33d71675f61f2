//! Flag and restrictions together, and what an order makes of them.

use serde::{Deserialize, Serialize};

use super::{Change, Grade, Order, Restriction, Scope, Standing};
use crate::settings::Flag;

/// All that keeps calls back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Whether anybody may call.
    pub flag: Flag,
    /// Who may not, or only within caps.
    #[serde(default, skip_serializing_if = "Standing::is_empty")]
    pub standing: Standing,
}

/// What an operator lets go on; all where nothing is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lift {
    /// Only restrictions for exactly these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Only restrictions of this grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
}

impl Lift {
    /// Whether this restriction is meant.
    #[must_use]
    pub fn means(&self, scope: &Scope, grade: Grade) -> bool {
        self.scope.as_ref().is_none_or(|own| own == scope) && self.grade.is_none_or(|own| own == grade)
    }

    /// Whether the flag is meant: it stops everyone.
    #[must_use]
    pub fn means_flag(&self) -> bool {
        self.means(&Scope::Everyone, Grade::Stop) || self.means(&Scope::Everyone, Grade::Lock)
    }
}

impl State {
    /// The state after an order. A notice never loosens: it can only add, and make last longer.
    #[must_use]
    pub fn after(&self, order: &Order) -> Self {
        match &order.change {
            Change::Restrict(more) => self.restricted(order, more),
            Change::Switch { enabled } => {
                Self { flag: order.flag(*enabled), standing: self.standing.clone() }
            }
            Change::Lift(lift) => self.lifted(order, lift),
        }
    }

    fn restricted(&self, order: &Order, more: &[Restriction]) -> Self {
        let (mut flag, mut standing) = (self.flag.clone(), Vec::new());
        for one in more {
            if one.scope == Scope::Everyone && one.grade >= Grade::Stop {
                flag = stopped(flag, order, one);
            }
            // A stop of everyone is what the flag says; a lock is also what must be undone.
            if one.scope != Scope::Everyone || one.grade != Grade::Stop {
                standing.push(one.clone());
            }
        }
        Self { flag, standing: self.standing.merge(&standing, order.at_us) }
    }

    fn lifted(&self, order: &Order, lift: &Lift) -> Self {
        let is_off = !self.flag.admits(order.at_us);
        let flag = if lift.means_flag() && is_off { order.flag(true) } else { self.flag.clone() };
        let kept = self.standing.in_force(order.at_us).filter(|one| !lift.means(&one.scope, one.grade));
        Self { flag, standing: Standing(kept.cloned().collect()) }
    }
}

/// The flag, off until the later end. What stopped calls first stays the reason.
fn stopped(flag: Flag, order: &Order, stop: &Restriction) -> Flag {
    if flag.admits(order.at_us) {
        return Flag {
            enabled: false,
            who: order.who.clone(),
            why: stop.why.clone(),
            since_us: order.at_us,
            until_us: stop.until_us,
        };
    }
    let until_us = flag.until_us.zip(stop.until_us).map(|(one, two)| one.max(two));
    if until_us == flag.until_us { flag } else { Flag { since_us: order.at_us, until_us, ..flag } }
}

#[cfg(test)]
mod tests;
