//! The flags that `keys create` and `keys update` share: what a key may, and how much of it.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use tollgate_core::budget::Mode;
use tollgate_core::cache::Sharing;
use tollgate_core::caller::change::{Edit, KeyChange};
use tollgate_core::caller::{PLANS, Role};
use tollgate_core::key::tag::{Tag, TagName};
use tollgate_core::money::Nanos;
use tollgate_core::name::Name;

use crate::rate::Rate;

/// Far above what one user needs, and low enough to be an honest burst.
const MOST_AT_ONCE: i64 = 100_000;

#[derive(Debug, Default, Args)]
pub(crate) struct Limits {
    /// Sustained requests per second of the user, such as 10 or 0.5; a new key has 10
    #[arg(long, value_name = "R")]
    rate: Option<Rate>,
    /// Requests of the user that may come at once; a new key has 20
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=MOST_AT_ONCE))]
    burst: Option<u32>,
    /// Requests of the user per UTC day; unlimited where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests_per_day: Option<u64>,
    /// Sustained requests per second of this key alone, beside its user's
    #[arg(long, value_name = "R")]
    key_rate: Option<Rate>,
    /// Requests with this key alone that may come at once; 20 where only its rate is given
    #[arg(long, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=MOST_AT_ONCE))]
    key_burst: Option<u32>,
    /// Plan tier, whose keys share a throttle and a daily quota at the API; standard where absent
    #[arg(long, value_name = "PLAN", value_parser = plan())]
    plan: Option<Name>,
    /// Dollars per UTC day, such as 12.50; unlimited where absent
    #[arg(long, value_name = "USD")]
    budget_usd_day: Option<Nanos>,
    /// Dollars per UTC month; unlimited where absent
    #[arg(long, value_name = "USD")]
    budget_usd_month: Option<Nanos>,
    /// Tokens, input and output together, per UTC day; unlimited where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tokens_day: Option<u64>,
    /// Tokens per UTC month; unlimited where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tokens_month: Option<u64>,
    /// Count and report what is over these budgets instead of refusing it
    #[arg(long)]
    shadow: bool,
    /// Tokens per minute of the user, a minute's worth of which may come at once; unlimited where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tokens_per_minute: Option<u64>,
    /// Calls of this key that may run at the same time; unlimited where absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_concurrent: Option<u64>,
    /// Model that the key may name; repeat for more, all where absent
    #[arg(long = "model", value_name = "MODEL")]
    pub(crate) models: Vec<String>,
    /// What the key may do; a new key is a caller's
    #[arg(long, value_enum)]
    role: Option<RoleName>,
    /// Output cap of a call that names none; the team's, the route's or the model's where absent
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
    default_output_tokens: Option<u64>,
    /// Highest output cap; a call that asks for more is answered up to it
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..))]
    max_output_tokens: Option<u64>,
    /// Stop sequence of a call that names none; repeat for up to four
    #[arg(long = "stop", value_name = "TEXT")]
    stop: Vec<String>,
    /// With whom answers of the cache are shared at most: private, team or tenant
    #[arg(long, value_name = "WITH", value_parser = sharing)]
    cache_sharing: Option<Sharing>,
    /// What to call it, for lists; repeat for up to ten
    #[arg(long = "tag", value_name = "NAME=VALUE")]
    tags: Vec<Tag>,
}

/// Limits that are taken away.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Take a limit away")]
pub(crate) struct Without {
    /// Requests per day: unlimited
    #[arg(long, conflicts_with = "requests_per_day")]
    no_requests_per_day: bool,
    /// The key has no rate of its own
    #[arg(long, conflicts_with_all = ["key_rate", "key_burst"])]
    no_key_rate: bool,
    /// The standard plan
    #[arg(long, conflicts_with = "plan")]
    no_plan: bool,
    /// Dollars per day: unlimited
    #[arg(long, conflicts_with = "budget_usd_day")]
    no_budget_usd_day: bool,
    /// Dollars per month: unlimited
    #[arg(long, conflicts_with = "budget_usd_month")]
    no_budget_usd_month: bool,
    /// Tokens per day: unlimited
    #[arg(long, conflicts_with = "tokens_day")]
    no_tokens_day: bool,
    /// Tokens per month: unlimited
    #[arg(long, conflicts_with = "tokens_month")]
    no_tokens_month: bool,
    /// Budgets refuse again
    #[arg(long, conflicts_with = "shadow")]
    no_shadow: bool,
    /// Tokens per minute: unlimited
    #[arg(long, conflicts_with = "tokens_per_minute")]
    no_tokens_per_minute: bool,
    /// Calls at the same time: unlimited
    #[arg(long, conflicts_with = "max_concurrent")]
    no_max_concurrent: bool,
    /// All models
    #[arg(long, conflicts_with = "models")]
    no_models: bool,
    /// No output cap for calls that name none
    #[arg(long, conflicts_with = "default_output_tokens")]
    no_default_output_tokens: bool,
    /// No highest output cap
    #[arg(long, conflicts_with = "max_output_tokens")]
    no_max_output_tokens: bool,
    /// No stop sequences
    #[arg(long, conflicts_with = "stop")]
    no_stop: bool,
    /// No tag of this name; repeat for more
    #[arg(long = "no-tag", value_name = "NAME")]
    no_tags: Vec<TagName>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleName {
    /// Calls models
    Caller,
    /// Also names the target that serves its calls, to try it
    Prober,
    /// Also reads spend and ledger
    Viewer,
    /// Also changes keys, flags and configuration
    Operator,
}

impl Limits {
    /// What is named, and what is taken away; all else is kept.
    pub(crate) fn change(self, without: Without) -> KeyChange {
        KeyChange {
            role: self.role.map(Role::from),
            interval_us: self.rate.map(|rate| rate.interval_us),
            burst: self.burst,
            requests_per_day: edit(self.requests_per_day, without.no_requests_per_day),
            key_interval_us: edit(self.key_rate.map(|rate| rate.interval_us), without.no_key_rate),
            key_burst: self.key_burst,
            plan: edit(self.plan, without.no_plan),
            day: edit(self.budget_usd_day, without.no_budget_usd_day),
            month: edit(self.budget_usd_month, without.no_budget_usd_month),
            day_tokens: edit(self.tokens_day, without.no_tokens_day),
            month_tokens: edit(self.tokens_month, without.no_tokens_month),
            mode: match (self.shadow, without.no_shadow) {
                (true, _) => Some(Mode::Shadow),
                (false, true) => Some(Mode::Hard),
                (false, false) => None,
            },
            tokens_per_minute: edit(self.tokens_per_minute, without.no_tokens_per_minute),
            max_concurrent: edit(self.max_concurrent, without.no_max_concurrent),
            models: edit(named(self.models), without.no_models),
            default_tokens: edit(self.default_output_tokens, without.no_default_output_tokens),
            max_tokens: edit(self.max_output_tokens, without.no_max_output_tokens),
            stop: edit(named(self.stop), without.no_stop),
            sharing: self.cache_sharing,
            tags: self.tags,
            without_tags: without.no_tags,
        }
    }
}

fn sharing(text: &str) -> Result<Sharing, &'static str> {
    Sharing::parse(text).ok_or("it is private, team or tenant")
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Caller => Self::Caller,
            RoleName::Prober => Self::Prober,
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
        }
    }
}

/// A flag and its opposite exclude each other.
fn edit<T>(value: Option<T>, is_cleared: bool) -> Edit<T> {
    match value {
        Some(value) => Edit::Set(value),
        None if is_cleared => Edit::Clear,
        None => Edit::Keep,
    }
}

fn named(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}

/// A tier that the template has; another one would get 403 for every call.
fn plan() -> impl TypedValueParser<Value = Name> {
    PossibleValuesParser::new(PLANS).try_map(|plan| plan.parse::<Name>())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        limits: Limits,
        #[command(flatten)]
        without: Without,
    }

    fn change(words: &str) -> Result<KeyChange, String> {
        let words = std::iter::once("update").chain(words.split_whitespace());
        let Flags { limits, without } = Flags::try_parse_from(words).map_err(|error| error.to_string())?;
        Ok(limits.change(without))
    }

    #[test]
    fn flags_say_what_is_changed_and_nothing_else_is() {
        let named = change(
            "--tokens-day 5 --shadow --tokens-per-minute 6 --max-concurrent 7 --key-rate 0.5 --key-burst 3 --plan premium",
        );

        let expected = KeyChange {
            day_tokens: Edit::Set(5),
            mode: Some(Mode::Shadow),
            tokens_per_minute: Edit::Set(6),
            max_concurrent: Edit::Set(7),
            key_interval_us: Edit::Set(2_000_000),
            key_burst: Some(3),
            plan: Edit::Set("premium".parse().unwrap()),
            ..KeyChange::default()
        };
        assert_eq!(named, Ok(expected));
        assert_eq!(change(""), Ok(KeyChange::default()));
    }

    #[test]
    fn flags_take_limits_away() {
        let cleared =
            change("--no-budget-usd-day --no-shadow --no-key-rate --no-models --no-tag env --no-plan");

        let expected = KeyChange {
            day: Edit::Clear,
            mode: Some(Mode::Hard),
            key_interval_us: Edit::Clear,
            models: Edit::Clear,
            plan: Edit::Clear,
            without_tags: vec!["env".parse().unwrap()],
            ..KeyChange::default()
        };
        assert_eq!(cleared, Ok(expected));
    }

    #[test]
    fn what_contradicts_itself_or_is_no_limit_is_wrong_usage() {
        for words in [
            "--budget-usd-day 5 --no-budget-usd-day",
            "--key-burst 5 --no-key-rate",
            "--shadow --no-shadow",
            "--model gpt-5.5 --no-models",
            "--tokens-day 0",
            "--max-concurrent 0",
            "--key-burst 0",
            "--key-rate 0",
            "--plan gold",
            "--no-tag a=b",
        ] {
            assert!(change(words).is_err(), "{words}");
        }
    }
}
