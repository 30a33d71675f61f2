//! `tollgate spend`: what calls have cost, from the rollups, so that nothing is scanned.

mod period;
mod view;

use clap::Args;
use tollgate_aws::clock;
use tollgate_core::catalogue::Catalogue;
use tollgate_core::name::Name;
use tollgate_core::ports::Settings;
use tollgate_core::settings::Document;
use tollgate_core::spend::Scope;
use tollgate_core::time::Day;

use crate::config::parse_stored;
use crate::deployment::Deployment;
use crate::error::Error;
use crate::screen::Screen;
pub(crate) use crate::spend::period::parse_day;
use crate::spend::period::{Month, Period};

/// Show what calls have cost, by user, team, key or model
///
/// Without a scope, everybody's; without a period, this month's so far. Calls are counted seconds after their end.
#[derive(Debug, Args)]
pub(crate) struct Spend {
    /// Calls of this user
    #[arg(long, group = "scope")]
    user: Option<Name>,
    /// Calls of this team
    #[arg(long, group = "scope")]
    team: Option<Name>,
    /// Calls with the key of this id
    #[arg(long, value_name = "ID", group = "scope")]
    key: Option<Name>,
    /// Calls that this target of the catalogue served
    #[arg(long, value_name = "TARGET", group = "scope")]
    model: Option<String>,
    /// The user's or team's tenant
    #[arg(long, default_value = "default", conflicts_with_all = ["key", "model"])]
    tenant: Name,
    /// A UTC day; today where none is given
    #[arg(long, value_name = "YYYY-MM-DD", group = "period", value_parser = period::parse_day)]
    day: Option<Option<Day>>,
    /// A UTC month; this one so far where none is given
    #[arg(long, value_name = "YYYY-MM", group = "period")]
    month: Option<Option<Month>>,
}

pub(crate) async fn run(wish: Spend, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    if let Some(model) = &wish.model {
        refuse_alias(model, &deployment).await?;
    }
    let period = wish.period(clock::now().day());
    let scope = wish.scope();
    let days = deployment.reports.days(&scope, period.first, period.last).await?;
    screen.show(&view::SpendView::of(&scope, period, &days))
}

/// Sums are kept by target; the sum of an alias would be an unexplained nothing.
async fn refuse_alias(model: &str, deployment: &Deployment) -> Result<(), Error> {
    let Some(text) = deployment.settings.document(Document::Catalogue).await? else { return Ok(()) };
    let mut catalogue: Catalogue = parse_stored(Document::Catalogue, &text)?;
    match catalogue.models.remove(model) {
        Some(alias) if !catalogue.targets.contains_key(model) => {
            Err(Error::Alias { alias: model.to_owned(), targets: alias.targets })
        }
        _ => Ok(()),
    }
}

impl Spend {
    fn period(&self, today: Day) -> Period {
        match (self.day, self.month) {
            (Some(day), _) => {
                let day = day.unwrap_or(today);
                Period { first: day, last: day }
            }
            (None, Some(Some(month))) => month.period(),
            (None, Some(None) | None) => Period { first: today.first_of_month(), last: today },
        }
    }

    fn scope(self) -> Scope {
        if let Some(user) = self.user {
            Scope::User(self.tenant, user)
        } else if let Some(team) = self.team {
            Scope::Team(self.tenant, team)
        } else if let Some(key) = self.key {
            Scope::Key(key)
        } else if let Some(target) = self.model {
            Scope::Model(target)
        } else {
            Scope::Organisation
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        spend: Spend,
    }

    fn parse(words: &str) -> Result<Spend, clap::Error> {
        Line::try_parse_from(std::iter::once("spend").chain(words.split_whitespace())).map(|line| line.spend)
    }

    #[test]
    fn a_scope_is_named_as_the_rollups_name_it() {
        let scope = |words: &str| parse(words).unwrap().scope().to_string();

        assert_eq!(scope(""), "org");
        assert_eq!(scope("--user alice"), "user#default/alice");
        assert_eq!(scope("--team search --tenant acme"), "team#acme/search");
        assert_eq!(scope("--key k1"), "key#k1");
        assert_eq!(scope("--model mantle-us-east-1/gpt-5.5"), "model#mantle-us-east-1/gpt-5.5");
    }

    #[test]
    fn a_period_is_this_month_unless_another_is_named() {
        let today = "2026-11-22".parse().unwrap();
        let period = |words: &str| {
            let Period { first, last } = parse(words).unwrap().period(today);
            format!("{first} {last}")
        };

        assert_eq!(period(""), "2026-11-01 2026-11-22");
        assert_eq!(period("--month"), "2026-11-01 2026-11-22");
        assert_eq!(period("--day --user ann"), "2026-11-22 2026-11-22");
        assert_eq!(period("--day 2026-02-03"), "2026-02-03 2026-02-03");
        assert_eq!(period("--month 2026-02"), "2026-02-01 2026-02-28");
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for words in [
            "--user a --team b",
            "--key a --tenant b",
            "--day 2026-01-01 --month 2026-01",
            "--day 2026-02-30",
            "--day yesterday",
            "--month 2026-13",
            "--month 2026-1",
            "--month 2026-01-01",
            "--user a/b",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
