//! An attempt that left, and what it is charged.

use tollgate_core::budget::Amount;
use tollgate_core::quota::Draw;
use tollgate_core::record::Record;
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

use crate::plan::Step;

/// What an attempt is charged by.
pub(crate) struct Sent {
    pub(crate) step: Step,
    /// When it left.
    pub(crate) began: Timestamp,
    /// The open record, sent.
    pub(crate) record: Record,
    /// What earlier attempts may have cost.
    pub(crate) unknown: Amount,
    /// What it took of the target's quota.
    pub(crate) draw: Option<Draw>,
    /// What an answer that did not suffice has cost.
    pub(crate) spent: Amount,
    /// How it ended is noted already.
    pub(crate) is_noted: bool,
    /// It broke, which is noted, and what it may have cost is among what is unknown.
    pub(crate) is_over: bool,
}

/// What a call is charged.
pub(crate) struct Bill {
    pub(crate) cost: Amount,
    pub(crate) usage: Usage,
    /// The provider did not say what it counted, for this attempt or an earlier one.
    pub(crate) estimated: bool,
}

impl Sent {
    pub(crate) const fn new(step: Step, began: Timestamp, record: Record, draw: Option<Draw>) -> Self {
        let (unknown, spent) = (Amount::ZERO, Amount::ZERO);
        Self { step, began, record, unknown, draw, spent, is_noted: false, is_over: false }
    }

    /// Usage that never came is charged at its bound, and no answer comes of no input: a count of nothing is none. What
    /// the provider says of the tier goes before what was asked.
    pub(crate) fn bill(&self, usage: Option<Usage>, served_tier: Option<&str>) -> Bill {
        if self.is_over {
            return Bill { cost: self.unknown.plus(self.spent), usage: Usage::default(), estimated: true };
        }
        let usage = usage.filter(|usage| usage.input > 0);
        let tier = served_tier.unwrap_or(&self.step.tier);
        let cost = usage.map_or(self.step.bound, |usage| Amount {
            nanos: self.step.price.cost(&usage, tier),
            tokens: usage.total(),
        });
        Bill {
            cost: cost.plus(self.unknown).plus(self.spent),
            usage: usage.unwrap_or_default(),
            estimated: usage.is_none() || self.unknown != Amount::ZERO,
        }
    }
}
