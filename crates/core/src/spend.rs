//! Spend per scope and window. What is settled and what is reserved or held in escrow is one number, so that one
//! condition admits a call.

use serde::{Deserialize, Serialize};

use crate::budget::{Amount, Budget, Delta};
use crate::cache::CacheKey;
use crate::caller::Caller;
use crate::money::Nanos;
use crate::name::Name;
use crate::time::{Day, Timestamp};
use crate::write::{Check, Item, Step, Table, Write, number};

/// Who a budget belongs to, or whose sums are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// A user of a tenant.
    User(Name, Name),
    /// A team of a tenant.
    Team(Name, Name),
    /// A tenant.
    Tenant(Name),
    /// A key.
    Key(Name),
    /// A target.
    Model(String),
    /// A target, as far as it was called in tenants' accounts.
    TenantsModel(String),
    /// An entry of the cache.
    Entry(CacheKey),
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
            Self::Tenant(tenant) => write!(f, "tenant#{tenant}"),
            Self::Key(key) => write!(f, "key#{key}"),
            Self::Model(target) => write!(f, "model#{target}"),
            Self::TenantsModel(target) => write!(f, "tenants-model#{target}"),
            Self::Entry(key) => write!(f, "entry#{key}"),
            Self::Organisation => f.write_str("org"),
        }
    }
}

/// Day or month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// A UTC day.
    Day,
    /// A UTC month.
    Month,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Nano-dollars.
    Money,
    /// Tokens.
    Tokens,
}

/// The item and attributes that count a call. A record names its own, so that it settles where it was reserved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendItem {
    /// Key of the limits table: `spend#<scope>#<YYYY-MM>`.
    pub key: String,
    /// The attribute of the day, `d<DD>`; that of its tokens is `d<DD>_tokens`.
    pub day_attribute: String,
    /// Epoch seconds after which nobody needs it.
    pub expires_at: u64,
}

/// The attribute of the month; that of its tokens is `month_tokens`.
pub const MONTH_ATTRIBUTE: &str = "month";

/// The attribute of the epoch seconds at which a table forgets an item.
pub(crate) const EXPIRES_AT: &str = "expires_at";

/// Thirteen months: a year back stays comparable.
const KEPT_DAYS: u64 = 400;

/// Where `scope`'s spend of `day` is counted.
#[must_use]
pub fn spend_item(scope: &Scope, day: Day) -> SpendItem {
    SpendItem {
        key: format!("spend#{scope}#{}", day.month()),
        day_attribute: format!("d{}", day.of_month()),
        expires_at: day.end_of_month().as_secs() + KEPT_DAYS * 86_400,
    }
}

impl SpendItem {
    /// Moves the counters of both windows.
    #[must_use]
    pub fn add(&self, delta: Delta) -> Write {
        let mut steps = vec![(EXPIRES_AT.to_owned(), Step::Set(self.expires_at))];
        for (_, measure, attribute) in self.counters() {
            let delta = match measure {
                Measure::Money => delta.nanos,
                Measure::Tokens => delta.tokens,
            };
            steps.push((attribute, Step::Add(delta)));
        }
        Write::update(Table::Limits, self.key.clone(), steps)
    }

    /// Moves the counters up by what is needed, if all limits hold it.
    #[must_use]
    pub fn take(&self, budget: &Budget, needed: Amount) -> Write {
        let write = self.add(needed.into());
        self.counters().into_iter().fold(write, |write, (window, measure, attribute)| {
            match budget.limit(window, measure) {
                None => write,
                Some(limit) => {
                    let room = i128::from(limit) - i128::from(needed.of(measure));
                    write.only_if(Check::AtMost(attribute, room))
                }
            }
        })
    }

    /// What the item says is spent.
    #[must_use]
    pub fn spent(&self, item: &Item) -> Spent {
        let mut spent = Spent::default();
        for (window, measure, attribute) in self.counters() {
            let sum = u64::try_from(number(item, &attribute)).unwrap_or_default();
            let amount = match window {
                Window::Day => &mut spent.day,
                Window::Month => &mut spent.month,
            };
            match measure {
                Measure::Money => amount.nanos = Nanos(sum),
                Measure::Tokens => amount.tokens = sum,
            }
        }
        spent
    }

    fn counters(&self) -> [(Window, Measure, String); 4] {
        let (day, month) = (&self.day_attribute, MONTH_ATTRIBUTE);
        [
            (Window::Day, Measure::Money, day.clone()),
            (Window::Day, Measure::Tokens, format!("{day}_tokens")),
            (Window::Month, Measure::Money, month.to_owned()),
            (Window::Month, Measure::Tokens, format!("{month}_tokens")),
        ]
    }
}

impl Budget {
    /// The limit of a window, in nano-dollars or tokens.
    #[must_use]
    pub const fn limit(&self, window: Window, measure: Measure) -> Option<u64> {
        let nanos = match (window, measure) {
            (Window::Day, Measure::Money) => self.day,
            (Window::Month, Measure::Money) => self.month,
            (Window::Day, Measure::Tokens) => return self.day_tokens,
            (Window::Month, Measure::Tokens) => return self.month_tokens,
        };
        match nanos {
            Some(Nanos(nanos)) => Some(nanos),
            None => None,
        }
    }

    /// What is left of it, the least of all windows; without end where there is no limit.
    #[must_use]
    pub fn left(&self, spent: &Spent) -> Amount {
        let left = |measure: Measure| {
            let each = [Window::Day, Window::Month].into_iter().filter_map(|window| {
                Some(self.limit(window, measure)?.saturating_sub(spent.of(window).of(measure)))
            });
            each.min().unwrap_or(u64::MAX)
        };
        Amount { nanos: Nanos(left(Measure::Money)), tokens: left(Measure::Tokens) }
    }
}

impl Amount {
    /// One of both.
    #[must_use]
    pub const fn of(&self, measure: Measure) -> u64 {
        match measure {
            Measure::Money => self.nanos.0,
            Measure::Tokens => self.tokens,
        }
    }
}

/// What is counted in the windows of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Of the day.
    pub day: Amount,
    /// Of the month.
    pub month: Amount,
}

impl Spent {
    /// One of both.
    #[must_use]
    pub const fn of(&self, window: Window) -> Amount {
        match window {
            Window::Day => self.day,
            Window::Month => self.month,
        }
    }
}

/// A budget that is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Whose.
    pub scope: String,
    /// Day or month.
    pub window: Window,
    /// What the figures count: nano-dollars or tokens.
    pub measure: Measure,
    /// Its limit.
    pub limit: u64,
    /// Settled and reserved, before this call.
    pub spent: u64,
    /// What this call may use.
    pub needed: u64,
    /// When the window ends.
    pub resets_at: Timestamp,
}

/// The limit that does not hold `needed` more, if any: the very condition of the reserving write.
#[must_use]
pub fn exhausted(
    scope: &Scope,
    budget: &Budget,
    spent: &Spent,
    needed: Amount,
    day: Day,
) -> Option<Exhausted> {
    let windows = [(Window::Day, day.end()), (Window::Month, day.end_of_month())];
    windows.into_iter().find_map(|(window, resets_at)| {
        [Measure::Money, Measure::Tokens].into_iter().find_map(|measure| {
            let limit = budget.limit(window, measure)?;
            let (spent, needed) = (spent.of(window).of(measure), needed.of(measure));
            let fits = spent.checked_add(needed).is_some_and(|sum| sum <= limit);
            (!fits).then(|| Exhausted {
                scope: scope.to_string(),
                window,
                measure,
                limit,
                spent,
                needed,
                resets_at,
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::write::memory::Memory;

    fn day() -> Day {
        "2026-11-22".parse().unwrap()
    }

    fn alice() -> Scope {
        Scope::User("acme".parse().unwrap(), "alice".parse().unwrap())
    }

    fn nanos(nanos: u64) -> Amount {
        Amount { nanos: Nanos(nanos), tokens: 0 }
    }

    #[test]
    fn a_spend_item_is_dated() {
        let item = spend_item(&alice(), day());

        assert_eq!(item.key, "spend#user#acme/alice#2026-11");
        assert_eq!(item.day_attribute, "d22");
    }

    #[test]
    fn a_refusal_names_the_window_and_the_measure_that_is_full() {
        let budget = Budget { day: Some(Nanos(100)), month: Some(Nanos(150)), ..Budget::UNLIMITED };
        let spent = Spent { day: nanos(10), month: nanos(120) };

        let refusal = exhausted(&alice(), &budget, &spent, nanos(40), day()).unwrap();

        assert_eq!((refusal.window, refusal.measure, refusal.limit), (Window::Month, Measure::Money, 150));
        assert_eq!(refusal.resets_at.day().to_string(), "2026-12-01");
        let tokens = Budget { day_tokens: Some(7), ..Budget::UNLIMITED };
        let refusal =
            exhausted(&alice(), &tokens, &spent, Amount { tokens: 8, ..Amount::ZERO }, day()).unwrap();
        assert_eq!((refusal.window, refusal.measure, refusal.needed), (Window::Day, Measure::Tokens, 8));
    }

    fn amounts(most: u64) -> impl Strategy<Value = Amount> {
        (0..most, 0..most).prop_map(|(nanos, tokens)| Amount { nanos: Nanos(nanos), tokens })
    }

    fn budgets() -> impl Strategy<Value = Budget> {
        let limit = || proptest::option::of(0..1_000_u64);
        (limit(), limit(), limit(), limit()).prop_map(|(day, month, day_tokens, month_tokens)| Budget {
            day: day.map(Nanos),
            month: month.map(Nanos),
            day_tokens,
            month_tokens,
            ..Budget::UNLIMITED
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn never_over_and_no_false_refusal_on_one_item(
            budget in budgets(), calls in proptest::collection::vec((amounts(300), 0..3_u8), 0..30),
        ) {
            let (mut tables, mut today) = (Memory::default(), day());
            for (needed, days) in calls {
                today = today.before(-i64::from(days == 2));
                let item = spend_item(&alice(), today);
                let stands = tables.get(Table::Limits, &item.key).unwrap_or_default();
                let refusal = exhausted(&alice(), &budget, &item.spent(&stands), needed, today);
                let fits = Delta::between(needed, budget.left(&item.spent(&stands)));
                prop_assert_eq!(refusal.is_none(), fits.nanos >= 0 && fits.tokens >= 0);

                let written = tables.transact(&[item.take(&budget, needed)]);

                prop_assert_eq!(written.is_ok(), refusal.is_none());
                let stands = tables.get(Table::Limits, &item.key).unwrap_or_default();
                prop_assert_eq!(exhausted(&alice(), &budget, &item.spent(&stands), Amount::ZERO, today), None);
            }
        }
    }
}
