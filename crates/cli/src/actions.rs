//! `tollgate actions`: the audit trail of stops, caps, locks and resumes.

use std::fmt::{self, Display};

use clap::Args;
use serde::Serialize;
use tollgate_core::enforcement::Action;

use crate::deployment::Deployment;
use crate::error::Error;
use crate::flag::StateView;
use crate::screen::{Column, Screen, Table};

/// Show what was stopped, capped, locked and resumed: when, by whom, why and from which message; --json says before and after
#[derive(Debug, Args)]
pub(crate) struct Actions {
    /// The latest ones, so many
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    last: u32,
}

pub(crate) async fn run(wish: Actions, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let mut actions = Deployment::find(stack).await?.enforcement.actions().await?;
    actions.truncate(usize::try_from(wish.last).unwrap_or(usize::MAX));
    screen.show(&Trail(actions.into_iter().map(ActionView::of).collect()))
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Trail(Vec<ActionView>);

#[derive(Debug, Serialize)]
struct ActionView {
    id: String,
    at: String,
    did: String,
    who: String,
    why: String,
    changed: bool,
    pending: bool,
    before: StateView,
    after: StateView,
    #[serde(skip_serializing_if = "Option::is_none")]
    lock: Option<tollgate_core::enforcement::LockReport>,
}

impl ActionView {
    fn of(action: Action) -> Self {
        let did = did(&action);
        let changed = action.has_changed();
        let Action { id, at_us, who, why, before, after, is_pending, lock, .. } = action;
        let view = |state| StateView::of(state, at_us);
        let (before, after) = (view(before), view(after));
        Self { id, at: at_us.to_string(), did, who, why, changed, pending: is_pending, before, after, lock }
    }
}

/// Grades and scopes of a notice; of a person, what became of the flag.
fn did(action: &Action) -> String {
    if let Some(lift) = &action.lifted {
        let grade = lift.grade.map_or("all", |grade| grade.as_str());
        let scope = lift.scope.as_ref().map(|scope| format!(" of {scope}")).unwrap_or_default();
        return format!("lift {grade}{scope}");
    }
    if action.taken.is_empty() {
        return if action.after.flag.enabled { "flag on" } else { "flag off" }.to_owned();
    }
    let taken = action.taken.iter().map(|taken| format!("{} of {}", taken.grade.as_str(), taken.scope));
    taken.collect::<Vec<_>>().join(", ")
}

impl Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("Nothing was ever stopped, capped, locked or resumed.");
        }
        let columns = ["when", "did", "changed", "who", "message", "why"];
        let mut table = Table::new(columns.map(Column::Left));
        for action in &self.0 {
            let changed = match (action.pending, action.changed) {
                (true, _) => "pending",
                (false, true) => "yes",
                (false, false) => "no",
            };
            let ActionView { id, at, did, who, why, .. } = action;
            table.push([at, did, changed, who, id, why].map(|cell: &str| cell.to_owned()));
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::enforcement::{Change, Grade, Lift, Order, Rule, State};
    use tollgate_core::settings::Flag;
    use tollgate_core::time::Timestamp;

    use super::*;

    fn action(who: &str, change: Change, taken: &[Rule]) -> ActionView {
        let now = Timestamp::from_secs(1_795_348_800);
        let flag = Flag {
            enabled: true,
            who: "seed".to_owned(),
            why: "new".to_owned(),
            since_us: now,
            until_us: None,
        };
        let order = Order {
            id: "m-1".to_owned(),
            at_us: now,
            who: who.to_owned(),
            why: "because".to_owned(),
            change,
            taken: taken.iter().map(Rule::taken).collect(),
            locks: Vec::new(),
        };
        ActionView::of(order.action(&State { flag, standing: Default::default() }))
    }

    #[test]
    fn the_trail_says_who_did_what_why_and_from_which_message() {
        let trail = Trail(vec![
            action("ada", Change::Lift(Lift { scope: None, grade: Some(Grade::Stop) }), &[]),
            action("ada", Change::Switch { enabled: false }, &[]),
            action("aws-budgets", Change::Restrict(Vec::new()), &[Rule::of(Grade::Warn, 50)]),
        ]);

        insta::assert_snapshot!(trail, @r"
        when                  did               changed  who          message  why
        2026-11-22T12:00:00Z  lift stop         no       ada          m-1      because
        2026-11-22T12:00:00Z  flag off          yes      ada          m-1      because
        2026-11-22T12:00:00Z  warn of everyone  pending  aws-budgets  m-1      because
        ");
        assert_eq!(Trail(Vec::new()).to_string(), "Nothing was ever stopped, capped, locked or resumed.");
    }
}
