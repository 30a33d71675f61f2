//! When a breaker opens while its target fails, and closes when it is mended.

use std::time::{Duration, Instant};

use tollgate_core::breaker::State;

use crate::chaos::call::call;
use crate::chaos::fault::{Fault, Form};
use crate::chaos::stage::{Stage, alias};

/// Between calls.
const EVERY: Duration = Duration::from_millis(200);

/// So many good outcomes, or bad ones that are none, must open nothing.
const ENOUGH: usize = 12;

/// A breaker that has not moved by then does not.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long it took, from the first call on and from the mending on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moves {
    pub(crate) opened: Option<Duration>,
    pub(crate) closed: Option<Duration>,
}

/// Calls until the breaker opens, mends the target, and calls until it closes.
pub(crate) async fn watch(stage: &Stage, fault: &Fault) -> Moves {
    if !fault.opens {
        for _ in 0..ENOUGH {
            call_once(stage, fault).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let is_closed = stage.breaker(fault).await.state == State::Closed;
        return Moves { opened: (!is_closed).then_some(Duration::ZERO), closed: None };
    }
    let opened = until(stage, fault, |state| state != State::Closed).await;
    if !fault.can_be_mended() || opened.is_none() {
        return Moves { opened, closed: None };
    }
    stage.mend(fault).await;
    let closed = until(stage, fault, |state| state == State::Closed).await;
    Moves { opened, closed }
}

impl Moves {
    /// What should be otherwise.
    pub(crate) fn wrong(self, fault: &Fault) -> Option<&'static str> {
        match (fault.opens, self.opened.is_some()) {
            (true, false) => Some("its breaker did not open"),
            (false, true) => Some("its breaker opened"),
            (true, true) if fault.can_be_mended() && self.closed.is_none() => {
                Some("its breaker did not close")
            }
            _ => None,
        }
    }
}

async fn until(stage: &Stage, fault: &Fault, is_there: impl Fn(State) -> bool) -> Option<Duration> {
    let begun = now();
    while begun.elapsed() < PATIENCE {
        call_once(stage, fault).await;
        if is_there(stage.breaker(fault).await.state) {
            return Some(begun.elapsed());
        }
        tokio::time::sleep(EVERY).await;
    }
    None
}

async fn call_once(stage: &Stage, fault: &Fault) {
    call(&stage.invoke, &alias(fault.slug, "breaker"), Form::Stream).await;
}

#[expect(clippy::disallowed_methods, reason = "what is measured is the machine's own time")]
fn now() -> Instant {
    Instant::now()
}
