//! Who is tried next. What a caller did wrong goes to nobody else, and what failed goes to another target before it goes
//! to the same one again.

use std::collections::VecDeque;
use std::time::Duration;

use tollgate_core::breaker::Admission;
use tollgate_core::catalogue::Chance;
use tollgate_core::model::ModelError;
use tollgate_core::outcome::Cause;

use crate::plan::{Plan, Step};

/// The longest pause before the first retry; it doubles with each call that was made.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The longest pause of all. A provider that wants to be left alone for longer is, and the caller is told.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The range of the randomness.
const DRAWS: u32 = 1_000_000;

/// What is left of a plan.
pub(super) struct Queue {
    steps: VecDeque<Step>,
    longer: Option<Step>,
    most: usize,
    /// Calls of providers so far.
    asked: usize,
    /// Who was asked.
    tried: Vec<String>,
    has_retried: bool,
}

impl Queue {
    pub(super) fn new(plan: Plan) -> Self {
        let Plan { steps, longer, most, .. } = plan;
        Self { steps: steps.into(), longer, most, asked: 0, tried: Vec::new(), has_retried: false }
    }

    /// Who is next, unless enough calls were made.
    pub(super) fn next(&mut self) -> Option<Step> {
        if self.asked == self.most { None } else { self.steps.pop_front() }
    }

    /// Whether anybody is left after the one that is asked now.
    pub(super) fn chance(&self) -> Chance {
        let is_last = self.steps.is_empty() || self.asked + 1 >= self.most;
        if is_last { Chance::Last } else { Chance::NotLast }
    }

    /// Whether any provider was called.
    pub(super) const fn has_asked(&self) -> bool {
        self.asked > 0
    }

    /// A call leaves.
    pub(super) fn note_call(&mut self, step: &Step) {
        self.asked += 1;
        self.tried.push(step.id.clone());
    }

    /// After a refusal: whether the request was too long for that target, and a larger one that the route names is next.
    /// Nobody else ever sees what one target has refused.
    pub(super) fn turn_to_larger(&mut self, refused: &Step, error: &ModelError) -> bool {
        if Cause::of(error) != Some(Cause::ContextLength) || self.asked == self.most {
            return false;
        }
        let is_larger = |step: &Step| step.target.context_tokens > refused.target.context_tokens;
        let larger = self.longer.take().filter(|step| is_larger(step) && !self.tried.contains(&step.id));
        self.steps = larger.into_iter().collect();
        !self.steps.is_empty()
    }

    /// How long to wait before the same target is asked again, if it is: once, where nobody else is left, and it was too
    /// busy to begin, so that nothing was billed. A probe is one call; it is not repeated.
    pub(super) fn pause(&self, step: &Step, error: &ModelError, draw: u32) -> Option<Duration> {
        let wish = match error {
            ModelError::Throttled { retry_after } => retry_after.unwrap_or_default(),
            ModelError::Unavailable(_) => Duration::ZERO,
            _ => return None,
        };
        let is_alone = self.steps.is_empty() && self.asked < self.most && !self.has_retried;
        if !is_alone || step.admission == Admission::Probe || wish > LONGEST_PAUSE {
            return None;
        }
        let doublings = u32::try_from(self.asked.saturating_sub(1)).unwrap_or(u32::MAX);
        let longest = BACK_OFF.saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_PAUSE);
        Some(wish.saturating_add(longest.saturating_mul(draw.min(DRAWS)) / DRAWS))
    }

    /// Asks it once more.
    pub(super) fn ask_again(&mut self, step: Step) {
        self.has_retried = true;
        self.steps.push_back(step);
    }
}
