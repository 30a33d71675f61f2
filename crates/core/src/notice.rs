//! Notices about money: what AWS Budgets, Cost Anomaly Detection, `CloudWatch` alarms and our own systems say.
//!
//! Whatever is read has one meaning; what could have two (an amount in another currency, a line that comes twice, an
//! exponent) is refused and never guessed at, because a notice that is misread by a factor of a thousand stops nobody.

mod budgets;
mod json;

use crate::enforcement::Period;
use crate::money::Nanos;

/// A notice that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Who sends it.
    pub source: Source,
    /// Of the budget, the alarm or the anomaly monitor.
    pub name: String,
    /// What it says.
    pub says: Says,
    /// What its amounts are for, where it says so.
    pub period: Option<Period>,
}

/// Who sends notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// AWS Budgets, in plain text.
    Budgets,
    /// Cost Anomaly Detection.
    Anomaly,
    /// A `CloudWatch` alarm.
    Alarm,
    /// A platform's own system, in the form that the documentation gives.
    Own,
}

/// What a notice says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// So much money, of so much.
    Money {
        /// Spent already, or forecast.
        kind: Kind,
        /// What was budgeted, or expected.
        limit: Nanos,
        /// How much it is.
        amount: Nanos,
    },
    /// An alarm went on.
    AlarmOn,
    /// An alarm went off, or lacks data: nothing is stopped for it, and nothing is let go on either.
    AlarmOff,
}

/// Whether money is gone or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is spent.
    Actual,
    /// It will be spent by the end of the period.
    Forecast,
}

/// Why a message is no notice that we can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// It comes from somebody else.
    #[error("not a notice of AWS Budgets, Cost Anomaly Detection, CloudWatch or our own")]
    Foreign,
    /// A line or a member is missing.
    #[error("the line \"{0}\" is missing")]
    Missing(&'static str),
    /// A line or a member says something that we do not understand.
    #[error("the line \"{0}\" cannot be read")]
    Unreadable(&'static str),
    /// It comes twice, and nobody knows which of them counts.
    #[error("the line \"{0}\" comes twice")]
    Twice(&'static str),
    /// It is in another currency than dollars.
    #[error("the amounts are not in US dollars")]
    Currency,
}

impl Source {
    /// Whom flags, restrictions and the audit trail name.
    #[must_use]
    pub const fn who(self) -> &'static str {
        match self {
            Self::Budgets => "aws-budgets",
            Self::Anomaly => "aws-cost-anomaly-detection",
            Self::Alarm => "aws-cloudwatch",
            Self::Own => "notice",
        }
    }
}

impl Notice {
    /// Reads the message of an SNS record.
    pub fn parse(message: &str) -> Result<Self, NoticeError> {
        let message = message.trim();
        if message.starts_with("AWS Budget Notification") {
            budgets::parse(message)
        } else if message.starts_with('{') {
            json::parse(message)
        } else {
            Err(NoticeError::Foreign)
        }
    }

    /// Whether the amount has reached `percent` of the budget; an alarm that is on has reached the whole.
    #[must_use]
    pub fn reaches(&self, percent: u64) -> bool {
        match self.says {
            Says::Money { limit, amount, .. } => {
                u128::from(amount.0) * 100 >= u128::from(limit.0) * u128::from(percent)
            }
            Says::AlarmOn => percent <= 100,
            Says::AlarmOff => false,
        }
    }

    /// What it says, in one line that a refused caller may read.
    #[must_use]
    pub fn reason(&self) -> String {
        let name = &self.name;
        match self.says {
            Says::AlarmOn => format!("the alarm \"{name}\" is on"),
            Says::AlarmOff => format!("the alarm \"{name}\" is not on"),
            Says::Money { kind, limit, amount } => {
                let what = match kind {
                    Kind::Actual => "has spent",
                    Kind::Forecast => "is forecast to spend",
                };
                let whose = match self.source {
                    Source::Budgets => "the AWS budget",
                    Source::Anomaly => "the anomaly monitor",
                    Source::Alarm | Source::Own => "the budget",
                };
                format!("{whose} \"{name}\" of {limit} USD {what} {amount} USD")
            }
        }
    }
}

#[cfg(test)]
mod tests;
