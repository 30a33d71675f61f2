//! What the rate says of a call, as the context that gateway responses and invoke read.

use crate::rate::{Never, RateRefusal, RateStanding, reset_text};

type Entry = (String, String);

/// The figures of the rate headers, as context.
#[must_use]
pub fn standing_context(standing: &RateStanding) -> [Entry; 3] {
    [
        entry("limitRequests", standing.limit.to_string()),
        entry("remainingRequests", standing.remaining.to_string()),
        entry("resetRequests", reset_text(standing.reset)),
    ]
}

/// The words of a rate refusal, as context; they end in a JSON template, so nothing in them needs escaping.
///
/// What no waiting helps has no `retryAfter`, and tells clients that retry 429 by themselves not to.
#[must_use]
pub fn refusal_context(refusal: RateRefusal) -> Vec<Entry> {
    let mut context = vec![entry("code", "rate_limit_exceeded"), entry("message", message(refusal))];
    match refusal {
        RateRefusal::Rate { standing, .. } | RateRefusal::Day { standing, .. } => {
            context.extend(standing_context(&standing));
        }
        RateRefusal::Never { limit, .. } => {
            let limit = match limit {
                Never::Burst(limit) => limit.into(),
                Never::Day(limit) => limit,
            };
            context.extend([entry("limitRequests", limit.to_string()), entry("shouldRetry", "false")]);
        }
    }
    context.extend(refusal.retry_after_secs().map(|secs| entry("retryAfter", secs.to_string())));
    context
}

fn message(refusal: RateRefusal) -> String {
    let secs = refusal.retry_after_secs().unwrap_or_default();
    match refusal {
        RateRefusal::Rate { .. } => format!("Rate limit reached for requests. Please try again in {secs}s."),
        RateRefusal::Day { standing, .. } => {
            let limit = standing.limit;
            format!("Rate limit reached for requests per day: {limit}. Please try again in {secs}s.")
        }
        RateRefusal::Never { units, limit } => {
            let units = units.count();
            let limit = match limit {
                Never::Burst(limit) => format!("{limit} at once"),
                Never::Day(limit) => format!("{limit} a day"),
            };
            format!("The request costs {units} of a rate limit of {limit}, so it is never admitted.")
        }
    }
}

fn entry(key: &str, value: impl Into<String>) -> Entry {
    (key.to_owned(), value.into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::rate::Units;

    fn context(refusal: RateRefusal) -> BTreeMap<String, String> {
        refusal_context(refusal).into_iter().collect()
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_what_is_left() {
        let standing = RateStanding { limit: 3, remaining: 1, reset: Duration::from_secs(2) };

        let context = context(RateRefusal::Rate { retry_after: Duration::from_millis(900), standing });

        insta::assert_json_snapshot!(context, @r#"
        {
          "code": "rate_limit_exceeded",
          "limitRequests": "3",
          "message": "Rate limit reached for requests. Please try again in 1s.",
          "remainingRequests": "1",
          "resetRequests": "2s",
          "retryAfter": "1"
        }
        "#);
    }

    #[test]
    fn a_call_that_is_never_admitted_is_promised_nothing() {
        let never = |limit| RateRefusal::Never { units: Units::new(5).unwrap(), limit };

        insta::assert_json_snapshot!(context(never(Never::Burst(3))), @r#"
        {
          "code": "rate_limit_exceeded",
          "limitRequests": "3",
          "message": "The request costs 5 of a rate limit of 3 at once, so it is never admitted.",
          "shouldRetry": "false"
        }
        "#);
        assert!(context(never(Never::Day(4)))["message"].contains("a rate limit of 4 a day"));
    }
}
