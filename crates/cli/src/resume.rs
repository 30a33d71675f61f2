//! `tollgate resume`: what notices have kept back goes on.

use std::fmt::{self, Display};

use clap::{Args, ValueEnum};
use serde::Serialize;
use tollgate_core::enforcement::{Change, Grade, Lift, Lock, LockReport, Scope, Throttle, Wish};
use tollgate_core::ports::{Enforcement, Locks};

use crate::deployment::Deployment;
use crate::error::Error;
use crate::flag::{StateView, act, current, order};
use crate::screen::Screen;
use crate::words::{Author, parse_words};

/// Admit calls again after a notice has stopped them: lifts stops, caps and locks
///
/// Without --yes it changes nothing and says what it would do.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// Do it
    #[arg(long)]
    yes: bool,
    /// Only what is kept back for these: everyone, tenant:TENANT or team:TENANT/TEAM
    #[arg(long, value_name = "SCOPE", value_parser = str::parse::<Scope>)]
    scope: Option<Scope>,
    /// Only restrictions of this grade
    #[arg(long, value_enum)]
    grade: Option<Restricting>,
    /// Reason
    #[arg(long, value_name = "WHY", default_value = "resumed by an operator", value_parser = parse_words)]
    why: String,
    #[command(flatten)]
    author: Author,
}

/// The grades that restrict.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Restricting {
    Cap,
    Stop,
    Lock,
}

pub(crate) async fn run(wish: Resume, stack: &str, screen: &mut Screen<'_>) -> Result<(), Error> {
    let deployment = Deployment::find(stack).await?;
    let current = current(&deployment).await?;
    if current.is_open() {
        return screen.show(&current);
    }
    if !wish.yes {
        return Err(Error::Unconfirmed(Box::new(current)));
    }
    let grade = wish.grade.map(|grade| match grade {
        Restricting::Cap => Grade::Cap,
        Restricting::Stop => Grade::Stop,
        Restricting::Lock => Grade::Lock,
    });
    let lift = Lift { scope: wish.scope, grade };
    // First: while anything is locked the restriction stands, so that a resume that fails here can be repeated.
    let unlocked = unlock(&deployment, &lift).await?;
    let order = order(wish.author, wish.why, Change::Lift(lift));
    let action = act(&deployment, &order).await?;
    if unlocked.is_some() {
        deployment.enforcement.note(&order.id, unlocked.as_ref(), false).await?;
    }
    screen.show(&Resumed { state: StateView::of(action.after, order.at_us), unlocked })
}

/// Gives back what each lock that is lifted took away.
async fn unlock(deployment: &Deployment, lift: &Lift) -> Result<Option<LockReport>, Error> {
    let Some(state) = deployment.enforcement.state().await? else { return Ok(None) };
    let is_meant = |scope: &Scope, grade| grade == Grade::Lock && lift.means(scope, grade);
    let locked = state.standing.0.into_iter().filter(|one| is_meant(&one.scope, one.grade));
    let scopes: Vec<Scope> = locked.map(|one| one.scope).collect();
    if scopes.is_empty() {
        return Ok(None);
    }
    let locks = deployment.locks().await?;
    let mut report = LockReport::default();
    for scope in scopes {
        let is_everyone = scope == Scope::Everyone;
        // What the throughput was is said by the deployment, not here.
        let throttle = is_everyone.then_some(Throttle { rate: 0, burst: 0 });
        let lock = Lock { deny_models: is_everyone, suspend_keys: true, throttle };
        report = report.and(locks.unlock(&Wish { scope, lock }).await?);
    }
    Ok(Some(report))
}

/// What keeps calls back now, and what was given back.
#[derive(Debug, Serialize)]
struct Resumed {
    #[serde(flatten)]
    state: StateView,
    #[serde(skip_serializing_if = "Option::is_none")]
    unlocked: Option<LockReport>,
}

impl Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.state)?;
        let Some(LockReport { deny_policy, keys, plans }) = &self.unlocked else { return Ok(()) };
        let policy = deny_policy.as_deref().unwrap_or("untouched");
        let (keys, plans) = (keys.len(), plans.len());
        write!(f, "\nunlocked: deny policy {policy}, {keys} keys resumed, {plans} usage plans put back")
    }
}
