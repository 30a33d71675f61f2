//! Spend per scope and window: settled and reserved nano-dollars in one number, so that one condition admits a call.

use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::caller::Caller;
use crate::money::Nanos;
use crate::name::Name;
use crate::time::{Day, Timestamp};

/// Who a budget belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A user of a tenant.
    User(Name, Name),
    /// A team of a tenant.
    Team(Name, Name),
    /// A key.
    Key(Name),
    /// A target.
    Model(String),
    /// Everybody.
    Organisation,
}

impl Scope {
    /// The user who calls.
    #[must_use]
    pub fn user_of(caller: &Caller) -> Self {
        Self::User(caller.tenant.clone(), caller.user.clone())
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(tenant, user) => write!(f, "user#{tenant}/{user}"),
            Self::Team(tenant, team) => write!(f, "team#{tenant}/{team}"),
            Self::Key(key) => write!(f, "key#{key}"),
            Self::Model(target) => write!(f, "model#{target}"),
            Self::Organisation => f.write_str("org"),
        }
    }
}

/// Day or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// A UTC day.
    Day,
    /// A UTC month.
    Month,
}

/// The item and attributes that count a call. A record names its own, so that it settles where it was reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendItem {
    /// Key of the limits table: `spend#<scope>#<YYYY-MM>`.
    pub key: String,
    /// The attribute of the day, `d<DD>`.
    pub day_attribute: String,
    /// Epoch seconds after which nobody needs it.
    pub expires_at: u64,
}

/// The attribute of the month.
pub const MONTH_ATTRIBUTE: &str = "month";

/// Thirteen months: a year back stays comparable.
const KEPT_DAYS: u64 = 400;

/// Where `scope`'s spend of `day` is counted.
#[must_use]
pub fn spend_item(scope: &str, day: Day) -> SpendItem {
    SpendItem {
        key: format!("spend#{scope}#{}", day.month()),
        day_attribute: format!("d{}", day.of_month()),
        expires_at: day.end_of_month().as_secs() + KEPT_DAYS * 86_400,
    }
}

/// What is counted in the windows of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Of the day.
    pub day: Nanos,
    /// Of the month.
    pub month: Nanos,
}

/// A budget that is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Whose.
    pub scope: String,
    /// Day or month.
    pub window: Window,
    /// Its limit.
    pub limit: Nanos,
    /// Settled and reserved, before this call.
    pub spent: Nanos,
    /// What this call may cost.
    pub needed: Nanos,
    /// When the window ends.
    pub resets_at: Timestamp,
}

/// The window that does not hold `needed` more, if any: the very condition of the reserving write.
#[must_use]
pub fn exhausted(scope: &str, budget: &Budget, spent: Spent, needed: Nanos, day: Day) -> Option<Exhausted> {
    let windows = [
        (Window::Day, budget.day, spent.day, day.end()),
        (Window::Month, budget.month, spent.month, day.end_of_month()),
    ];
    windows.into_iter().find_map(|(window, limit, spent, resets_at)| {
        let limit = limit?;
        let fits = needed <= limit && spent <= limit.minus(needed);
        (!fits).then(|| Exhausted { scope: scope.to_owned(), window, limit, spent, needed, resets_at })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day() -> Day {
        "2026-11-22".parse().unwrap()
    }

    #[test]
    fn a_spend_item_is_dated() {
        let item = spend_item("user#acme/alice", day());

        assert_eq!(item.key, "spend#user#acme/alice#2026-11");
        assert_eq!(item.day_attribute, "d22");
    }

    #[test]
    fn a_refusal_names_the_window_that_is_full() {
        let budget = Budget { day: Some(Nanos(100)), month: Some(Nanos(150)), ..Budget::default() };
        let spent = Spent { day: Nanos(10), month: Nanos(120) };

        let refusal = exhausted("user#a/b", &budget, spent, Nanos(40), day()).unwrap();

        assert_eq!((refusal.window, refusal.limit), (Window::Month, Nanos(150)));
        assert_eq!(refusal.resets_at.day().to_string(), "2026-12-01");
    }

    proptest! {
        #[test]
        fn never_over(limit in 0..1_000_u64, calls in proptest::collection::vec(0..300_u64, 0..50)) {
            let budget = Budget { day: Some(Nanos(limit)), ..Budget::default() };
            let mut spent = Spent::default();
            for needed in calls.into_iter().map(Nanos) {
                let fits = spent.day.plus(needed) <= Nanos(limit);
                let refusal = exhausted("user#a/b", &budget, spent, needed, day());
                prop_assert_eq!(refusal.is_none(), fits);
                if refusal.is_none() {
                    spent.day = spent.day.plus(needed);
                }
            }
            prop_assert!(spent.day <= Nanos(limit));
        }
    }
}
