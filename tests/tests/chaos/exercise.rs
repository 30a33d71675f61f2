//! One fault met by one call, and what must hold of it.

use std::time::Duration;

use tollgate_core::money::Nanos;
use tollgate_core::record::Record;

use crate::chaos::call::{Seen, call};
use crate::chaos::fault::{Ends, Fault, Form};
use crate::chaos::stage::{HEALTHY, Stage, alias, model};

/// What an error of the primary may cost a caller.
const DETOUR: Duration = Duration::from_millis(300);

/// The time to the first token where another target is left, and for each token of a JSON answer of forty.
const SILENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(7));

/// Whether another target is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    Healthy,
    None,
}

/// What came of it.
pub(crate) struct Result {
    pub(crate) fault: &'static str,
    pub(crate) form: Form,
    pub(crate) others: Others,
    pub(crate) seen: Seen,
    /// Beyond what the other target takes alone.
    pub(crate) extra: Option<Duration>,
    pub(crate) record: Record,
    /// What should be otherwise.
    pub(crate) wrong: Vec<String>,
}

/// Meets the fault; `alone` is what the other target takes without it.
pub(crate) async fn meet(
    stage: &Stage,
    fault: &Fault,
    (form, others): (Form, Others),
    alone: Duration,
) -> Result {
    let purpose = match others {
        Others::Healthy => form.name().to_owned(),
        Others::None => format!("{}-alone", form.name()),
    };
    let seen = call(&stage.invoke, &alias(fault.slug, &purpose), form).await;
    let record = stage.record(seen.header("x-tollgate-request-id")).await;
    let ends = match (others, fault.ends(form)) {
        (Others::None, Ends::FailsOver) => None,
        (_, ends) => Some(ends),
    };
    let mut wrong = Wrong(Vec::new());
    wrong.check(record.tries.len() <= 2, "more than two calls for one answer");
    match ends {
        Some(Ends::FailsOver) => is_answered(&mut wrong, &seen, form),
        Some(Ends::Breaks) => is_broken(&mut wrong, &seen),
        Some(Ends::Uncounted) => is_answered(&mut wrong, &seen, form),
        None => is_refused(&mut wrong, &seen, fault, &record),
    }
    let counted = match ends {
        Some(Ends::FailsOver) => stage.counted(HEALTHY).await,
        Some(Ends::Breaks | Ends::Uncounted) => stage.counted(&model(fault.slug, &purpose)).await,
        None => Some(0),
    };
    is_charged(
        &mut wrong,
        &record,
        counted.unwrap_or_default(),
        fault.bills || ends == Some(Ends::Uncounted),
    );
    let extra = (ends == Some(Ends::FailsOver)).then(|| seen.took.saturating_sub(alone));
    Result { fault: fault.name, form, others, seen, extra, record, wrong: wrong.0 }
}

impl Result {
    /// Whether it took longer than it may. A machine that is busy with other tests says nothing about that.
    pub(crate) fn check_time(&mut self, fault: &Fault) {
        let most = match (fault.is_silent(), self.form) {
            (false, _) => DETOUR,
            (true, Form::Stream) => SILENCE.0 + DETOUR,
            (true, Form::Json) => SILENCE.1 + DETOUR,
        };
        if let Some(extra) = self.extra.filter(|extra| *extra > most) {
            self.wrong.push(format!("it cost {extra:?} more than the other target alone"));
        }
    }
}

struct Wrong(Vec<String>);

impl Wrong {
    fn check(&mut self, holds: bool, what: &str) {
        if !holds {
            self.0.push(what.to_owned());
        }
    }
}

fn is_answered(wrong: &mut Wrong, seen: &Seen, form: Form) {
    wrong.check(seen.status == 200 && seen.code().is_none(), "it is not answered");
    wrong.check(seen.finishes() == ["stop"], "it does not finish as the provider did");
    wrong.check((form == Form::Json) ^ seen.is_done(), "its end is not that of its form");
}

fn is_broken(wrong: &mut Wrong, seen: &Seen) {
    wrong.check(seen.status == 200, "it did not begin");
    wrong.check(seen.code().as_deref() == Some("stream_broken"), "it ends without a typed error");
    wrong.check(seen.finishes().is_empty() && !seen.is_done(), "a finish is invented");
}

fn is_refused(wrong: &mut Wrong, seen: &Seen, fault: &Fault, record: &Record) {
    let (status, calls) = fault.alone;
    let code = if fault.is_silent() { "timeout" } else { "provider_unavailable" };
    wrong.check(seen.status == u64::from(status), "its status is another");
    wrong.check(seen.code().as_deref() == Some(code), "its code is another");
    wrong.check(record.tries.len() == calls, "it was asked more often, or less");
    let wait = fault.retry_after;
    wrong.check(wait.is_none_or(|wait| seen.header("retry-after") == wait), "Retry-After is lost");
}

/// Never free where it may be billed, nothing where it is not, and as counted where it was.
fn is_charged(wrong: &mut Wrong, record: &Record, counted: u64, may_be_billed: bool) {
    let (charged, is_estimated) =
        (record.charged_nanos, record.end.as_ref().is_some_and(|end| end.estimated));
    wrong.check(is_estimated == may_be_billed, "what is counted is taken for an estimate, or the reverse");
    if may_be_billed {
        wrong.check(charged > Nanos(counted), "an attempt that may be billed is free");
        wrong.check(charged <= record.reserved_nanos, "more is charged than was reserved");
    } else {
        wrong.check(charged == Nanos(counted), "the charge is not what the provider counted");
    }
}
