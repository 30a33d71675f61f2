//! What an operator changes of a key that is there: only what is named, and never whether it works.

use crate::budget::Mode;
use crate::cache::Sharing;
use crate::caller::{KeyRecord, KeyStatus, Role};
use crate::key::tag::{Tag, TagError, TagName, Tags, collect};
use crate::money::Nanos;
use crate::name::Name;
use crate::rate::RatePolicy;

/// Units that may come at once with a key whose own rate names no burst.
const KEY_BURST: u32 = 20;

/// What becomes of a limit that may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is taken away.
    Clear,
    /// It is this from now on.
    Set(T),
}

/// A change of a key; nothing by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// What it may do.
    pub role: Option<Role>,
    /// Microseconds between two units at the sustained rate of its user.
    pub interval_us: Option<u64>,
    /// Units of its user that may come at once.
    pub burst: Option<u32>,
    /// Units of its user per UTC day.
    pub requests_per_day: Edit<u64>,
    /// Microseconds between two units at the key's own rate; taken away with its burst.
    pub key_interval_us: Edit<u64>,
    /// Units that may come at once with the key.
    pub key_burst: Option<u32>,
    /// Its plan tier.
    pub plan: Edit<Name>,
    /// Nano-dollars per UTC day.
    pub day: Edit<Nanos>,
    /// Nano-dollars per UTC month.
    pub month: Edit<Nanos>,
    /// Tokens per UTC day.
    pub day_tokens: Edit<u64>,
    /// Tokens per UTC month.
    pub month_tokens: Edit<u64>,
    /// What happens when one of these is reached.
    pub mode: Option<Mode>,
    /// Tokens per minute of its user.
    pub tokens_per_minute: Edit<u64>,
    /// Calls of the key that run at the same time.
    pub max_concurrent: Edit<u64>,
    /// The models that it may name; all of them when taken away.
    pub models: Edit<Vec<String>>,
    /// Output cap of a call that names none.
    pub default_tokens: Edit<u64>,
    /// Highest output cap.
    pub max_tokens: Edit<u64>,
    /// Stop sequences of a call that names none.
    pub stop: Edit<Vec<String>>,
    /// With whom answers of the cache are shared at most.
    pub sharing: Option<Sharing>,
    /// Tags that are set; the others stay.
    pub tags: Vec<Tag>,
    /// Names of tags that are taken away.
    pub without_tags: Vec<TagName>,
}

/// Why a key is not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeRefusal {
    /// It was taken back for good.
    #[error("it is revoked")]
    Revoked,
    /// Its rights have passed to its successor, which a change of the old key would not reach.
    #[error("it was replaced by {0}; change that one")]
    Replaced(Name),
    /// It has no rate of its own that a burst could belong to.
    #[error("it has no rate of its own: a burst of the key needs a rate of the key")]
    NoKeyRate,
    /// Its output policy would be none.
    #[error("{0}")]
    Output(&'static str),
    /// Its tags would be none.
    #[error(transparent)]
    Tags(#[from] TagError),
}

impl<T: Clone> Edit<T> {
    fn over(&self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value.clone()),
        }
    }
}

impl<T: Clone> Edit<Vec<T>> {
    fn over_list(&self, before: &[T]) -> Vec<T> {
        match self {
            Self::Keep => before.to_vec(),
            Self::Clear => Vec::new(),
            Self::Set(list) => list.clone(),
        }
    }
}

impl KeyChange {
    /// The key as it is after the change. Its status, expiry, succession and suspension stay as they are.
    pub fn apply(&self, before: &KeyRecord) -> Result<KeyRecord, ChangeRefusal> {
        if before.status == KeyStatus::Revoked {
            return Err(ChangeRefusal::Revoked);
        }
        if let Some(successor) = &before.replaced_by {
            return Err(ChangeRefusal::Replaced(successor.clone()));
        }
        let mut after = before.clone();
        after.role = self.role.unwrap_or(before.role);
        after.rate = RatePolicy {
            interval_us: self.interval_us.unwrap_or(before.rate.interval_us),
            burst: self.burst.unwrap_or(before.rate.burst),
            requests_per_day: self.requests_per_day.over(before.rate.requests_per_day),
        };
        after.key_rate = self.key_rate(before.key_rate)?;
        after.plan = self.plan.over(before.plan.clone());
        after.models = self.models.over_list(&before.models);
        after.sharing = self.sharing.unwrap_or(before.sharing);
        self.limit(&mut after);
        if let Some(fault) = after.output.fault() {
            return Err(ChangeRefusal::Output(fault));
        }
        after.tags = self.tags(&before.tags)?;
        Ok(after)
    }

    fn tags(&self, before: &Tags) -> Result<Tags, TagError> {
        let named = collect(self.tags.iter().cloned())?;
        let stays = |name: &TagName| !named.contains_key(name) && !self.without_tags.contains(name);
        let others = before.iter().filter(|(name, _)| stays(name));
        let all = others.chain(&named).map(|(name, value)| Tag { name: name.clone(), value: value.clone() });
        collect(all)
    }

    fn limit(&self, after: &mut KeyRecord) {
        let KeyRecord { budget, flow, output, .. } = after;
        budget.day = self.day.over(budget.day);
        budget.month = self.month.over(budget.month);
        budget.day_tokens = self.day_tokens.over(budget.day_tokens);
        budget.month_tokens = self.month_tokens.over(budget.month_tokens);
        budget.mode = self.mode.unwrap_or(budget.mode);
        flow.tokens_per_minute = self.tokens_per_minute.over(flow.tokens_per_minute);
        flow.max_concurrent = self.max_concurrent.over(flow.max_concurrent);
        output.default_tokens = self.default_tokens.over(output.default_tokens);
        output.max_tokens = self.max_tokens.over(output.max_tokens);
        output.stop = self.stop.over_list(&output.stop);
    }

    fn key_rate(&self, before: Option<RatePolicy>) -> Result<Option<RatePolicy>, ChangeRefusal> {
        let Some(interval_us) = self.key_interval_us.over(before.map(|rate| rate.interval_us)) else {
            return if self.key_burst.is_some() { Err(ChangeRefusal::NoKeyRate) } else { Ok(None) };
        };
        let burst = self.key_burst.or(before.map(|rate| rate.burst)).unwrap_or(KEY_BURST);
        let requests_per_day = before.and_then(|rate| rate.requests_per_day);
        Ok(Some(RatePolicy { interval_us, burst, requests_per_day }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::{Budget, FlowPolicy};
    use crate::caller::Suspension;
    use crate::caller::tests::record;

    fn rate(interval_us: u64, burst: u32) -> Option<RatePolicy> {
        Some(RatePolicy { interval_us, burst, requests_per_day: None })
    }

    #[test]
    fn a_change_changes_what_it_names_and_nothing_else() {
        let tags = collect(["app=x", "env=prod"].map(|text| text.parse().unwrap())).unwrap();
        let before = KeyRecord { tags, ..record() };
        let change = KeyChange {
            burst: Some(7),
            requests_per_day: Edit::Set(9),
            day: Edit::Clear,
            day_tokens: Edit::Set(1_000),
            mode: Some(Mode::Shadow),
            max_concurrent: Edit::Clear,
            plan: Edit::Set("premium".parse().unwrap()),
            models: Edit::Set(vec!["gpt-5.5".to_owned()]),
            tags: vec!["app=y".parse().unwrap()],
            without_tags: vec!["env".parse().unwrap()],
            ..KeyChange::default()
        };

        let after = change.apply(&before).unwrap();

        let expected = KeyRecord {
            rate: RatePolicy { burst: 7, requests_per_day: Some(9), ..before.rate },
            plan: "premium".parse().ok(),
            budget: Budget { day_tokens: Some(1_000), mode: Mode::Shadow, ..Budget::default() },
            flow: FlowPolicy::default(),
            models: vec!["gpt-5.5".to_owned()],
            tags: collect(["app=y".parse().unwrap()]).unwrap(),
            ..before.clone()
        };
        assert_eq!(after, expected);
        assert_eq!(KeyChange::default().apply(&before), Ok(before));
    }

    #[test]
    fn a_change_touches_no_suspension() {
        let suspension = Suspension { who: "ann".to_owned(), why: "a loop".to_owned(), since: String::new() };
        let before =
            KeyRecord { status: KeyStatus::Suspended, suspension: Some(suspension.clone()), ..record() };

        let after = KeyChange { burst: Some(7), ..KeyChange::default() }.apply(&before).unwrap();

        assert_eq!((after.status, after.suspension), (KeyStatus::Suspended, Some(suspension)));
    }

    #[test]
    fn a_key_that_is_revoked_or_replaced_is_not_changed() {
        let change = KeyChange { burst: Some(7), ..KeyChange::default() };
        let revoked = KeyRecord { status: KeyStatus::Revoked, ..record() };
        let replaced = KeyRecord { replaced_by: "k2".parse().ok(), ..record() };

        assert_eq!(change.apply(&revoked), Err(ChangeRefusal::Revoked));
        assert_eq!(change.apply(&replaced), Err(ChangeRefusal::Replaced("k2".parse().unwrap())));
    }

    #[test]
    fn a_keys_own_rate_is_changed_by_halves() {
        let key_rate = |change: KeyChange, key_rate| {
            change.apply(&KeyRecord { key_rate, ..record() }).map(|after| after.key_rate)
        };
        let both = KeyChange { key_interval_us: Edit::Set(5), key_burst: Some(3), ..KeyChange::default() };
        let rate_only = KeyChange { key_burst: None, ..both.clone() };
        let burst_only = KeyChange { key_interval_us: Edit::Keep, ..both.clone() };
        let none = KeyChange { key_interval_us: Edit::Clear, ..KeyChange::default() };

        assert_eq!(key_rate(both, None), Ok(rate(5, 3)));
        assert_eq!(key_rate(rate_only.clone(), None), Ok(rate(5, 20)));
        assert_eq!(key_rate(rate_only, rate(9, 2)), Ok(rate(5, 2)));
        assert_eq!(key_rate(burst_only.clone(), rate(9, 2)), Ok(rate(9, 3)));
        assert_eq!(key_rate(burst_only, None), Err(ChangeRefusal::NoKeyRate));
        assert_eq!(key_rate(none, rate(9, 2)), Ok(None));
    }

    #[test]
    fn a_change_to_what_cannot_be_is_refused() {
        let output = KeyChange { max_tokens: Edit::Set(0), ..KeyChange::default() };
        let tags = (0..11).map(|n| format!("t{n}=x").parse().unwrap()).collect();
        let tags = KeyChange { tags, ..KeyChange::default() };

        assert_eq!(output.apply(&record()), Err(ChangeRefusal::Output("an output cap is at least 1")));
        assert!(matches!(tags.apply(&record()), Err(ChangeRefusal::Tags(_))));
    }
}
