//! Buckets for a provider's quota, fair between teams: one item per target, account and minute.
//!
//! In the first half of a minute, each team that calls in it, or called in the minute before, has an equal share; in the
//! second half, what is left is anybody's. A quota is not money: tokens are estimated, and the provider has the last word.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::spend::EXPIRES_AT;
use crate::time::Timestamp;
use crate::write::{Check, Item, Step, Table, Write, number, texts};

const MINUTE_SECS: u64 = 60;

/// In seconds of a minute: from then on, shares no longer count.
const FREE_FROM: u64 = 30;

/// How long an item is kept.
const KEPT_SECS: u64 = 3_600;

/// What all teams have taken.
const TOKENS: &str = "tokens";
/// How many calls that were.
const REQUESTS: &str = "requests";
/// How many of them came after another attempt.
const FAILOVERS: &str = "failovers";
/// The teams that share.
const MEMBERS: &str = "members";
/// How many they are.
const COUNT: &str = "count";

/// What a provider admits per minute; no limit where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Input tokens and output caps together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u64>,
    /// Calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u64>,
    /// Calls that come here because another attempt failed; half of `requests_per_minute` where absent. So a target that
    /// fails cannot drown those that stand in for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failover_per_minute: Option<u64>,
}

impl Quota {
    /// Whether one of its limits is zero, and would close the target for good.
    #[must_use]
    pub fn has_zero(&self) -> bool {
        [self.tokens_per_minute, self.requests_per_minute, self.failover_per_minute].contains(&Some(0))
    }

    fn failovers(&self) -> Option<u64> {
        self.failover_per_minute.or_else(|| self.requests_per_minute.map(|all| (all / 2).max(1)))
    }
}

/// A call that draws on a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The target's id.
    pub target: String,
    /// Whose account the quota belongs to: a tenant's own, or the gateway's.
    pub account: String,
    /// The team, `tenant/team`.
    pub team: String,
    /// About how many tokens the provider will count, output cap included.
    pub tokens: u64,
    /// Whether it comes here after another attempt.
    pub is_failover: bool,
    /// When.
    pub now: Timestamp,
}

impl Draw {
    /// The item of its minute, in the limits table.
    #[must_use]
    pub fn key(&self) -> String {
        self.key_of(self.minute())
    }

    /// The item of the minute before, which says who shares this one.
    #[must_use]
    pub fn key_before(&self) -> String {
        self.key_of(self.minute().saturating_sub(1))
    }

    /// What takes the tokens, given what the item holds, and the one before where there is none yet; or after how long
    /// it is worth another try.
    pub fn take(&self, quota: &Quota, item: Option<&Item>, before: &Item) -> Result<Write, Duration> {
        let empty = Item::new();
        let seen = item.unwrap_or(&empty);
        let mut members: BTreeSet<&str> = texts(item.unwrap_or(before), MEMBERS).collect();
        if item.is_none() {
            // Those who only shared, and did not call, share no longer.
            members.retain(|team| number(before, &used_by(team)) > 0);
        }
        members.insert(&self.team);
        let count = i128::try_from(members.len()).unwrap_or(i128::MAX);
        let tokens = i128::from(self.tokens_of(quota));
        let used = used_by(&self.team);
        let mut write = self
            .update()
            .and(TOKENS, Step::Add(tokens))
            .and(REQUESTS, Step::Add(1))
            .and(&used, Step::Add(tokens))
            .and(MEMBERS, Step::Join(members.into_iter().map(str::to_owned).collect()))
            .and(COUNT, Step::Set(u64::try_from(count).unwrap_or(u64::MAX)))
            .only_if(Check::AtMost(COUNT.to_owned(), number(seen, COUNT)))
            .only_if(Check::AtLeast(COUNT.to_owned(), number(seen, COUNT)));
        let mut limits = vec![];
        if let Some(limit) = quota.tokens_per_minute {
            limits.push((TOKENS, i128::from(limit) - tokens, self.until(MINUTE_SECS)));
            if self.second() < FREE_FROM {
                limits.push((&used, i128::from(limit) / count - tokens, self.until(FREE_FROM)));
            }
        }
        if let Some(limit) = quota.requests_per_minute {
            limits.push((REQUESTS, i128::from(limit) - 1, self.until(MINUTE_SECS)));
        }
        if self.is_failover {
            write = write.and(FAILOVERS, Step::Add(1));
            let limit = quota.failovers().map(|limit| i128::from(limit) - 1);
            limits.extend(limit.map(|most| (FAILOVERS, most, self.until(MINUTE_SECS))));
        }
        for (attribute, most, wait) in limits {
            if number(seen, attribute) > most {
                return Err(wait);
            }
            write = write.only_if(Check::AtMost(attribute.to_owned(), most));
        }
        Ok(write)
    }

    /// What gives back the tokens that were not used, as the provider does; `None` once the minute is over.
    #[must_use]
    pub fn give_back(&self, quota: &Quota, used: u64, now: Timestamp) -> Option<Write> {
        let unused = i128::from(self.tokens_of(quota).saturating_sub(used));
        let is_over = now.as_secs() / MINUTE_SECS != self.minute();
        if is_over || unused == 0 {
            return None;
        }
        Some(self.update().and(TOKENS, Step::Add(-unused)).and(&used_by(&self.team), Step::Add(-unused)))
    }

    /// A call that is estimated at more than the whole quota may be less: the provider decides.
    fn tokens_of(&self, quota: &Quota) -> u64 {
        self.tokens.min(quota.tokens_per_minute.unwrap_or(u64::MAX))
    }

    fn update(&self) -> Write {
        let expires_at = (EXPIRES_AT.to_owned(), Step::Set(self.now.as_secs() + KEPT_SECS));
        Write::update(Table::Limits, self.key(), vec![expires_at])
    }

    fn key_of(&self, minute: u64) -> String {
        format!("quota#{}#{}#{minute}", self.target, self.account)
    }

    const fn minute(&self) -> u64 {
        self.now.as_secs() / MINUTE_SECS
    }

    const fn second(&self) -> u64 {
        self.now.as_secs() % MINUTE_SECS
    }

    fn until(&self, second: u64) -> Duration {
        Timestamp::from_secs(self.minute() * MINUTE_SECS + second).since(self.now)
    }
}

fn used_by(team: &str) -> String {
    format!("used_{team}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::write::memory::Memory;

    const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

    fn draw(team: &str, tokens: u64, now: Timestamp) -> Draw {
        let [target, account, team] = ["t", "default", team].map(str::to_owned);
        Draw { target, account, team, tokens, is_failover: false, now }
    }

    fn quota(tokens: u64) -> Quota {
        Quota { tokens_per_minute: Some(tokens), ..Quota::default() }
    }

    /// Takes as an adapter does.
    fn take(tables: &mut Memory, quota: &Quota, draw: &Draw) -> Result<(), Duration> {
        let mut seen = None;
        loop {
            let before = tables.get(Table::Limits, &draw.key_before()).unwrap_or_default();
            let write = draw.take(quota, seen.as_ref(), &before)?;
            match tables.transact(&[write]) {
                Ok(()) => return Ok(()),
                Err(mut failed) => seen = failed.remove(0).1,
            }
        }
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_team_that_is_alone_has_the_whole_quota() {
        let mut tables = Memory::default();

        for _ in 0..10 {
            assert_eq!(take(&mut tables, &quota(1_000), &draw("a/a", 100, NOON)), Ok(()));
        }
        assert_eq!(take(&mut tables, &quota(1_000), &draw("a/a", 1, NOON)), Err(secs(60)));
        assert_eq!(take(&mut tables, &quota(1_000), &draw("a/a", 1, NOON.plus(secs(60)))), Ok(()));
    }

    #[test]
    fn a_team_that_called_in_the_minute_before_finds_its_share() {
        let mut tables = Memory::default();
        take(&mut tables, &quota(1_000), &draw("a/a", 10, NOON)).unwrap();
        take(&mut tables, &quota(1_000), &draw("a/b", 10, NOON)).unwrap();
        let next = NOON.plus(secs(61));

        let greedy =
            (0..100).take_while(|_| take(&mut tables, &quota(1_000), &draw("a/a", 10, next)).is_ok());
        assert_eq!(greedy.count(), 50);
        assert_eq!(take(&mut tables, &quota(1_000), &draw("a/a", 10, next)), Err(secs(29)));
        assert_eq!(take(&mut tables, &quota(1_000), &draw("a/b", 500, next)), Ok(()));
    }

    #[test]
    fn what_is_left_in_the_second_half_is_anybodys() {
        let mut tables = Memory::default();
        take(&mut tables, &quota(1_000), &draw("a/b", 10, NOON)).unwrap();
        let next = NOON.plus(secs(60));
        take(&mut tables, &quota(1_000), &draw("a/a", 500, next)).unwrap();
        assert!(take(&mut tables, &quota(1_000), &draw("a/a", 1, next)).is_err());

        assert_eq!(take(&mut tables, &quota(1_000), &draw("a/a", 500, next.plus(secs(30)))), Ok(()));
    }

    #[test]
    fn a_call_that_looks_larger_than_the_quota_takes_all_of_it() {
        let mut tables = Memory::default();

        assert_eq!(take(&mut tables, &quota(1_000), &draw("a/a", 5_000, NOON)), Ok(()));
        assert!(take(&mut tables, &quota(1_000), &draw("a/a", 1, NOON)).is_err());
    }

    #[test]
    fn what_was_not_used_comes_back_within_the_minute() {
        let (mut tables, first) = (Memory::default(), draw("a/a", 1_000, NOON));
        take(&mut tables, &quota(1_000), &first).unwrap();

        tables.transact(&[first.give_back(&quota(1_000), 10, NOON.plus(secs(5))).unwrap()]).unwrap();

        assert_eq!(take(&mut tables, &quota(1_000), &draw("a/a", 990, NOON)), Ok(()));
        assert_eq!(first.give_back(&quota(1_000), 10, NOON.plus(secs(60))), None);
    }

    #[test]
    fn calls_are_counted_where_the_provider_counts_them() {
        let quota = Quota { requests_per_minute: Some(2), ..Quota::default() };
        let mut tables = Memory::default();

        assert!((0..2).all(|_| take(&mut tables, &quota, &draw("a/a", 9, NOON)).is_ok()));
        assert_eq!(take(&mut tables, &quota, &draw("a/b", 9, NOON.plus(secs(10)))), Err(secs(50)));
    }

    fn failover(now: Timestamp) -> Draw {
        Draw { is_failover: true, ..draw("a/a", 9, now) }
    }

    #[test]
    fn what_others_could_not_serve_takes_half_of_a_targets_calls_and_leaves_the_rest_to_its_own() {
        let quota = Quota { requests_per_minute: Some(5), ..Quota::default() };
        let mut tables = Memory::default();

        assert!((0..2).all(|_| take(&mut tables, &quota, &failover(NOON)).is_ok()));
        assert_eq!(take(&mut tables, &quota, &failover(NOON.plus(secs(10)))), Err(secs(50)));
        assert!((0..3).all(|_| take(&mut tables, &quota, &draw("a/b", 9, NOON)).is_ok()));
        assert!(take(&mut tables, &quota, &draw("a/b", 9, NOON)).is_err());
        assert_eq!(take(&mut tables, &quota, &failover(NOON.plus(secs(60)))), Ok(()));
    }

    #[test]
    fn a_target_says_how_much_failover_it_takes_and_without_a_word_there_is_no_limit() {
        let tokens_only = quota(1_000);
        let stated = Quota { failover_per_minute: Some(1), ..tokens_only };
        let mut tables = Memory::default();

        assert!((0..50).all(|_| take(&mut tables, &tokens_only, &failover(NOON)).is_ok()));
        assert!(take(&mut tables, &stated, &failover(NOON)).is_err());
        assert!(take(&mut tables, &stated, &failover(NOON.plus(secs(60)))).is_ok());
        assert!(take(&mut tables, &stated, &failover(NOON.plus(secs(60)))).is_err());
        let least = Quota { requests_per_minute: Some(1), ..Quota::default() };
        assert!(take(&mut tables, &least, &failover(NOON.plus(secs(120)))).is_ok());
    }

    #[test]
    fn a_draw_that_lost_a_race_for_the_last_failover_is_refused_when_it_looks_again() {
        let stated = Quota { failover_per_minute: Some(1), ..Quota::default() };
        let mut tables = Memory::default();
        let (one, other) = (failover(NOON), failover(NOON));
        let writes = [&one, &other].map(|draw| draw.take(&stated, None, &Item::new()).unwrap());

        tables.transact(&writes[..1]).unwrap();
        let seen = tables.transact(&writes[1..]).unwrap_err().remove(0).1;

        assert_eq!(other.take(&stated, seen.as_ref(), &Item::new()), Err(secs(60)));
    }

    proptest! {
        #[test]
        fn no_minute_sees_more_than_the_quota_and_no_team_less_than_its_share(
            limit in 100..1_000_u64,
            calls in proptest::collection::vec((0..3_usize, 1..100_u64, 0..20_u64), 1..80),
        ) {
            let (mut tables, mut now) = (Memory::default(), NOON);
            let mut taken = std::collections::BTreeMap::<(u64, usize), u64>::new();
            for (team, tokens, gap) in calls {
                now = now.plus(secs(gap));
                let minute = now.as_secs() / MINUTE_SECS;
                let answer = take(&mut tables, &quota(limit), &draw(["a/a", "a/b", "a/c"][team], tokens, now));
                let of_team = taken.get(&(minute, team)).copied().unwrap_or_default();
                let all: u64 = (0..3).filter_map(|team| taken.get(&(minute, team))).sum();
                if answer.is_ok() {
                    *taken.entry((minute, team)).or_default() += tokens;
                    prop_assert!(all + tokens <= limit);
                } else {
                    prop_assert!(of_team + tokens > limit / 3 || all + tokens > limit);
                }
            }
        }
    }
}
