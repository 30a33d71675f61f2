//! One notice that was understood: its rules, the one write that carries them out, and what follows it.

use tollgate_aws::causes::Causes;
use tollgate_core::enforcement::{Action, Change, Grade, LockReport, Order, Policy, Rule, Scope, Standing};
use tollgate_core::notice::Notice;
use tollgate_core::ports::Acted;
use tollgate_core::time::Timestamp;

use crate::handler::Handler;
use crate::record::Delivery;
use crate::summary::{Failure, Outcome};

impl Handler {
    /// Flag, caps and audit trail are one write; locks and alerts follow, and are tried again with the message until they
    /// are done.
    pub(crate) async fn obey(&self, delivery: &Delivery<'_>, now: Timestamp) -> Result<Outcome, Failure> {
        let Delivery { message_id, notice } = delivery;
        let rules = self.policy().await?.reached(notice, self.stop_at_percent);
        let Some(grade) = rules.iter().map(|rule| rule.grade).max() else {
            tracing::warn!(
                message.id = message_id,
                name = notice.name,
                reason = notice.reason(),
                "notice.below"
            );
            return Ok(Outcome::Below);
        };
        let order = order(notice, message_id, &rules, now);
        let (action, is_repeated) = match self.enforcement.act(&order).await? {
            Acted::Done(action) => (action, false),
            Acted::Before(action) => (action, true),
        };
        if action.is_pending {
            self.follow(&order, &action).await?;
        }
        let is_over = is_repeated && !action.is_pending;
        let does_nothing = grade > Grade::Warn && !action.has_changed() && order.locks.is_empty();
        let outcome = if is_over || does_nothing { Outcome::Unchanged } else { Outcome::Obeyed(grade) };
        tracing::warn!(
            ?outcome,
            message.id = message_id,
            name = notice.name,
            reason = order.why,
            "notice.obeyed"
        );
        Ok(outcome)
    }

    /// What is there cannot be read where an older version of the suite reads it, or somebody wrote it by hand: then the
    /// function's own percentage is the policy.
    async fn policy(&self) -> Result<Policy, Failure> {
        let Some(text) = self.enforcement.policy().await? else { return Ok(Policy::default()) };
        Ok(serde_json::from_str(&text).unwrap_or_else(|error| {
            tracing::error!(error = %Causes(&error), "policy.unreadable");
            Policy::default()
        }))
    }

    async fn follow(&self, order: &Order, action: &Action) -> Result<(), Failure> {
        let mut report = action.lock.clone();
        let stands = match order.locks.as_slice() {
            [] => Standing::default(),
            _ => self.enforcement.standing().await?,
        };
        // An operator may have resumed before a message that failed came again.
        let is_locked =
            |scope: &Scope| stands.0.iter().any(|one| one.grade == Grade::Lock && one.scope == *scope);
        for wish in order.locks.iter().filter(|wish| is_locked(&wish.scope)) {
            let done = self.locks.lock(wish, &format!("locked: {}", order.why)).await?;
            report = Some(report.unwrap_or_default().and(done));
            self.enforcement.note(&order.id, report.as_ref(), true).await?;
        }
        let (subject, text) = alert(action, report.as_ref());
        self.alerts.tell(&subject, &text).await?;
        Ok(self.enforcement.note(&order.id, report.as_ref(), false).await?)
    }
}

fn order(notice: &Notice, message_id: &str, rules: &[Rule], now: Timestamp) -> Order {
    let restrictions = rules.iter().filter_map(|rule| rule.restriction(notice, message_id, now));
    Order {
        id: message_id.to_owned(),
        at_us: now,
        who: notice.source.who().to_owned(),
        why: notice.reason(),
        change: Change::Restrict(restrictions.collect()),
        taken: rules.iter().map(Rule::taken).collect(),
        locks: rules.iter().filter_map(Rule::wish).collect(),
    }
}

/// What people are told.
fn alert(action: &Action, lock: Option<&LockReport>) -> (String, String) {
    let grade = action.taken.iter().map(|taken| taken.grade).max();
    let grade = grade.map_or("notice", |grade| grade.as_str());
    let subject = format!("Tollgate {grade}: {}", action.why);
    let mut text =
        format!("{}\n\nMessage {}, {}, from {}.\n", action.why, action.id, action.at_us, action.who);
    for taken in &action.taken {
        text.push_str(&format!(
            "- {} of {} from {} %\n",
            taken.grade.as_str(),
            taken.scope,
            taken.at_percent
        ));
    }
    if let Some(lock) = lock {
        let policy = lock.deny_policy.as_deref().unwrap_or("not asked for");
        let (keys, plans) = (lock.keys.len(), lock.plans.len());
        text.push_str(&format!(
            "- deny policy: {policy}; keys suspended: {keys}; usage plans lowered: {plans}\n"
        ));
    }
    let state = if action.has_changed() { "" } else { "Nothing is kept back that was not before. " };
    text.push_str(&format!("\n{state}See: tollgate flag show, tollgate actions. Undo: tollgate resume.\n"));
    (subject, text)
}
