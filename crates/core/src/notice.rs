//! Budget notices. AWS Budgets writes plain text, not JSON, so its lines are read by their prefix; what is no budget
//! notice is told apart, and never guessed at.
//!
//! <https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html>

use crate::money::Nanos;

/// A notice of AWS Budgets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The budget's name.
    pub budget: String,
    /// What was budgeted.
    pub limit: Nanos,
    /// Spent already, or forecast.
    pub kind: NoticeKind,
    /// How much that is.
    pub amount: Nanos,
}

/// Whether money is gone or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// It is spent.
    Actual,
    /// It will be spent by the end of the period.
    Forecasted,
}

/// Why a message is no notice that we can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// It comes from somebody else.
    #[error("not a notice of AWS Budgets")]
    Foreign,
    /// A line is missing.
    #[error("the line \"{0}\" is missing")]
    Missing(&'static str),
    /// A line says something that we do not understand.
    #[error("the line \"{0}\" cannot be read")]
    Unreadable(&'static str),
    /// It is in another currency than dollars.
    #[error("the amounts are not in US dollars")]
    Currency,
}

impl Notice {
    /// Reads the message of an SNS record.
    pub fn parse(message: &str) -> Result<Self, NoticeError> {
        if !message.trim_start().starts_with("AWS Budget Notification") {
            return Err(NoticeError::Foreign);
        }
        let kind = match field(message, "Alert Type:")? {
            "ACTUAL" => NoticeKind::Actual,
            "FORECASTED" => NoticeKind::Forecasted,
            _ => return Err(NoticeError::Unreadable("Alert Type:")),
        };
        let amount = match kind {
            NoticeKind::Actual => dollars(message, "ACTUAL Amount:")?,
            NoticeKind::Forecasted => dollars(message, "FORECASTED Amount:")?,
        };
        Ok(Self {
            budget: field(message, "Budget Name:")?.to_owned(),
            limit: dollars(message, "Budgeted Amount:")?,
            kind,
            amount,
        })
    }

    /// Whether the amount has reached `percent` of the budget.
    #[must_use]
    pub fn reaches(&self, percent: u64) -> bool {
        u128::from(self.amount.0) * 100 >= u128::from(self.limit.0) * u128::from(percent)
    }

    /// What it says, in one line that a refused caller may read.
    #[must_use]
    pub fn reason(&self) -> String {
        let what = match self.kind {
            NoticeKind::Actual => "has spent",
            NoticeKind::Forecasted => "is forecast to spend",
        };
        format!("the AWS budget \"{}\" of {} USD {what} {} USD", self.budget, self.limit, self.amount)
    }
}

fn field<'a>(message: &'a str, prefix: &'static str) -> Result<&'a str, NoticeError> {
    let value = message.lines().find_map(|line| line.trim().strip_prefix(prefix));
    match value.map(str::trim) {
        None => Err(NoticeError::Missing(prefix)),
        Some("") => Err(NoticeError::Unreadable(prefix)),
        Some(value) => Ok(value),
    }
}

fn dollars(message: &str, prefix: &'static str) -> Result<Nanos, NoticeError> {
    let text = field(message, prefix)?;
    let amount = text.strip_prefix('$').ok_or(NoticeError::Currency)?;
    amount.parse().map_err(|_| NoticeError::Unreadable(prefix))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORECAST: &str = include_str!("../../../events/enforcer/budgets-forecasted.txt");

    #[test]
    fn the_captured_text_is_read() {
        let notice = Notice::parse(FORECAST).unwrap();

        assert_eq!(
            notice,
            Notice {
                budget: "test".to_owned(),
                limit: Nanos(20_000_000),
                kind: NoticeKind::Forecasted,
                amount: Nanos(950_000_000),
            }
        );
        assert!(notice.reaches(100));
        assert_eq!(notice.reason(), "the AWS budget \"test\" of 0.02 USD is forecast to spend 0.95 USD");
    }

    #[test]
    fn an_actual_amount_with_thousands_is_read() {
        let text = FORECAST
            .replace("Alert Type: FORECASTED", "Alert Type: ACTUAL")
            .replace("FORECASTED Amount: $0.95", "ACTUAL Amount: $1,234.50")
            .replace("Budgeted Amount: $0.02", "Budgeted Amount: $2,000.00");

        let notice = Notice::parse(&text).unwrap();

        assert_eq!(notice.amount, Nanos(1_234_500_000_000));
        assert!(notice.reaches(61) && !notice.reaches(62));
    }

    #[test]
    fn what_is_no_notice_is_said() {
        let without = |line: &str| FORECAST.replace(line, "");
        let cases = [
            (String::new(), NoticeError::Foreign),
            (r#"{"AlarmName":"x"}"#.to_owned(), NoticeError::Foreign),
            (without("Budget Name: test"), NoticeError::Missing("Budget Name:")),
            (without("Alert Type: FORECASTED"), NoticeError::Missing("Alert Type:")),
            (without("FORECASTED Amount: $0.95"), NoticeError::Missing("FORECASTED Amount:")),
            (FORECAST.replace("$0.02", "€0.02"), NoticeError::Currency),
            (FORECAST.replace("$0.95\n", "$lots\n"), NoticeError::Unreadable("FORECASTED Amount:")),
            (
                FORECAST.replace("Alert Type: FORECASTED", "Alert Type: GUESS"),
                NoticeError::Unreadable("Alert Type:"),
            ),
        ];
        for (text, error) in cases {
            assert_eq!(Notice::parse(&text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(AWS Budget Notification)?[ -~\n]{0,200}") {
            let parsed = Notice::parse(&text);
            prop_assert!(parsed.is_err());
        }
    }
}
