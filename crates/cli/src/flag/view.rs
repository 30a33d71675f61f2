//! How flag and restrictions are shown.

use std::fmt::{self, Display};

use serde::Serialize;
use tollgate_core::enforcement::{Caps, Restriction, State};
use tollgate_core::settings::Flag;
use tollgate_core::time::Timestamp;

/// The flag, with its time for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FlagView {
    enabled: bool,
    who: String,
    why: String,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

/// All that keeps calls back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct StateView {
    #[serde(flatten)]
    pub(crate) flag: FlagView,
    pub(crate) restrictions: Vec<RestrictionView>,
}

/// One restriction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RestrictionView {
    grade: &'static str,
    scope: String,
    #[serde(skip_serializing_if = "Caps::is_none")]
    caps: Caps,
    why: String,
    origin: String,
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl FlagView {
    pub(crate) fn of(flag: Flag) -> Self {
        let until = flag.until_us.map(|until| until.to_string());
        Self { enabled: flag.enabled, who: flag.who, why: flag.why, since: flag.since_us.to_string(), until }
    }
}

impl Display for FlagView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.enabled { "on: calls are admitted" } else { "off: every call is refused" };
        write!(
            f,
            "{state}, since {}{} by {} ({})",
            self.since,
            until(self.until.as_ref()),
            self.who,
            self.why
        )
    }
}

impl StateView {
    /// At this moment: what has ended is not shown, and a flag whose stop has ended is on.
    pub(crate) fn of(state: State, now: Timestamp) -> Self {
        let restrictions = state.standing.in_force(now).map(RestrictionView::of).collect();
        let enabled = state.flag.admits(now);
        Self { flag: FlagView::of(Flag { enabled, ..state.flag }), restrictions }
    }

    /// Whether nothing keeps calls back.
    pub(crate) fn is_open(&self) -> bool {
        self.flag.enabled && self.restrictions.is_empty()
    }
}

impl Display for StateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.flag)?;
        for restriction in &self.restrictions {
            write!(f, "\n{restriction}")?;
        }
        Ok(())
    }
}

impl RestrictionView {
    fn of(restriction: &Restriction) -> Self {
        Self {
            grade: restriction.grade.as_str(),
            scope: restriction.scope.to_string(),
            caps: restriction.caps,
            why: restriction.why.clone(),
            origin: restriction.origin.clone(),
            since: restriction.since_us.to_string(),
            until: restriction.until_us.map(|until| until.to_string()),
        }
    }
}

impl Display for RestrictionView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { grade, scope, caps, why, since, .. } = self;
        write!(f, "{grade} of {scope}, since {since}{}: {why}", until(self.until.as_ref()))?;
        let limits = [
            ("output tokens", caps.max_output_tokens.map(|most| most.to_string())),
            ("USD per million output tokens", caps.max_usd_per_million_output.map(|most| most.to_string())),
            ("tokens a minute", caps.tokens_per_minute.map(|most| most.to_string())),
            ("calls at once", caps.max_concurrent.map(|most| most.to_string())),
        ];
        for (what, most) in limits {
            let Some(most) = most else { continue };
            write!(f, "; at most {most} {what}")?;
        }
        Ok(())
    }
}

fn until(until: Option<&String>) -> String {
    until.map(|until| format!(" until {until}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tollgate_core::enforcement::{Grade, Scope, Standing};

    use super::*;
    use crate::error::Error;

    const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

    fn state(enabled: bool) -> State {
        let flag = Flag {
            enabled,
            who: "aws-budgets".to_owned(),
            why: "the budget is spent".to_owned(),
            since_us: NOON,
            until_us: None,
        };
        State { flag, standing: Standing::default() }
    }

    fn capped() -> State {
        let cap = Restriction {
            scope: Scope::Team("default".parse().unwrap(), "search".parse().unwrap()),
            grade: Grade::Cap,
            caps: Caps { max_output_tokens: Some(100), tokens_per_minute: Some(2_000), ..Caps::default() },
            why: "80 % is spent".to_owned(),
            origin: "m-1".to_owned(),
            since_us: NOON,
            until_us: Some(NOON.day().end()),
        };
        State { standing: Standing(vec![cap]), ..state(true) }
    }

    #[test]
    fn a_flag_says_who_why_and_since_when() {
        insta::assert_snapshot!(StateView::of(state(false), NOON), @"off: every call is refused, since 2026-11-22T12:00:00Z by aws-budgets (the budget is spent)");
        insta::assert_json_snapshot!(StateView::of(state(true), NOON), @r#"
        {
          "enabled": true,
          "who": "aws-budgets",
          "why": "the budget is spent",
          "since": "2026-11-22T12:00:00Z",
          "restrictions": []
        }
        "#);
    }

    #[test]
    fn restrictions_are_listed_until_they_end() {
        insta::assert_snapshot!(StateView::of(capped(), NOON), @r"
        on: calls are admitted, since 2026-11-22T12:00:00Z by aws-budgets (the budget is spent)
        cap of team:default/search, since 2026-11-22T12:00:00Z until 2026-11-23T00:00:00Z: 80 % is spent; at most 100 output tokens; at most 2000 tokens a minute
        ");
        assert!(!StateView::of(capped(), NOON).is_open());
        assert!(StateView::of(capped(), NOON.day().end()).is_open());
    }

    #[test]
    fn a_stop_that_has_ended_is_on() {
        let mut stopped = state(false);
        stopped.flag.until_us = Some(NOON);

        assert!(StateView::of(stopped, NOON).is_open());
    }

    #[test]
    fn a_resume_without_yes_says_what_it_would_do() {
        insta::assert_snapshot!(Error::Unconfirmed(Box::new(StateView::of(state(false), NOON))), @"nothing was changed: with --yes, calls would be admitted again; the flag is off: every call is refused, since 2026-11-22T12:00:00Z by aws-budgets (the budget is spent)");
    }
}
