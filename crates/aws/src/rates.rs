//! The request rate of users: one conditional write when idle or refused, two when busy.
//!
//! The conditions are those of [`RatePolicy::next`]. A write that fails hands back the item it failed on, which decides
//! what comes next, so that nothing is read. The write carries the id of the call, and a call that finds its own id was
//! counted already: the SDK repeats a write whose reply was lost.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use tollgate_core::ports::{Rates, StoreError, Taken};
use tollgate_core::rate::{RatePolicy, RateState, Step, day_attribute};
use tollgate_core::time::{Day, Timestamp};

use crate::store::unreachable;

const STORE: &str = "limits";

/// Each round answers to the item that the round before lost to; the theoretical arrival time only grows, so a third
/// round is rare.
const ROUNDS: u8 = 5;

/// How long an idle item is kept.
const KEPT: Duration = Duration::from_secs(3 * 86_400);

/// Counters of so many days before are taken away; older ones went with the item when it expired.
const DAYS_SWEPT: i64 = 5;

/// Rates in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoRates {
    client: Client,
    table: String,
}

/// Why a call could not be counted although the table answers.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the rate item changed in each of {ROUNDS} rounds")]
    Contended,
    #[error("the attribute {0} of the rate item cannot be read")]
    Unreadable(String),
}

/// What became of a write: the new theoretical arrival time, or the item that stood against it.
enum Written {
    Done(Timestamp),
    Lost(RateState),
}

/// One call of one user.
struct Take<'a> {
    scope: &'a str,
    policy: &'a RatePolicy,
    request_id: &'a str,
    now: Timestamp,
}

impl DynamoRates {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    async fn write(&self, request: UpdateItemFluentBuilder, today: Day) -> Result<Written, StoreError> {
        match request.table_name(&self.table).send().await {
            Ok(output) => {
                let state = read_state(output.attributes(), today)?;
                let tat = state.tat.ok_or_else(|| fault(Fault::Unreadable("tat".to_owned())))?;
                Ok(Written::Done(tat))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Written::Lost(read_state(failed.item(), today)?))
                }
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }

    /// Write A, when `tat` is absent or past.
    fn idle(&self, take: &Take<'_>) -> UpdateItemFluentBuilder {
        let tat = take.now.plus(take.policy.interval());
        self.count(take, "SET tat = :tat", "(attribute_not_exists(tat) OR tat <= :now)")
            .expression_attribute_values(":tat", number(tat.as_micros()))
    }

    /// Write B, when `tat` lies ahead, and within the tolerance.
    fn busy(&self, take: &Take<'_>) -> UpdateItemFluentBuilder {
        let horizon = take.now.plus(take.policy.tolerance());
        self.count(take, "SET tat = tat + :interval", "tat > :now AND tat <= :horizon")
            .expression_attribute_values(":interval", number(take.policy.interval_us))
            .expression_attribute_values(":horizon", number(horizon.as_micros()))
    }

    /// What both writes have in common: the day's request, the mark of the call, the expiry.
    fn count(&self, take: &Take<'_>, set_tat: &str, tat_allows: &str) -> UpdateItemFluentBuilder {
        let today = take.now.day();
        let counter = day_attribute(today);
        let swept: Vec<String> = (1..=DAYS_SWEPT).map(|days| day_attribute(today.before(days))).collect();
        let swept = swept.join(", ");
        let update =
            format!("{set_tat}, #last = :id, expires_at = :expires_at ADD {counter} :one REMOVE {swept}");
        let once = "(attribute_not_exists(#last) OR #last <> :id)";
        let condition = match take.policy.requests_per_day {
            None => format!("{tat_allows} AND {once}"),
            Some(_) => {
                format!(
                    "{tat_allows} AND {once} AND (attribute_not_exists({counter}) OR {counter} < :per_day)"
                )
            }
        };
        self.client
            .update_item()
            .key("scope", AttributeValue::S(format!("rate#{}", take.scope)))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#last", "last")
            .set_expression_attribute_values(Some(values(take)))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

#[async_trait]
impl Rates for DynamoRates {
    async fn take(
        &self,
        scope: &str,
        policy: &RatePolicy,
        request_id: &str,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        let take = Take { scope, policy, request_id, now };
        let mut state = RateState::default();
        for _ in 0..ROUNDS {
            let request = match policy.next(&state, now, request_id) {
                Step::Idle => self.idle(&take),
                Step::Busy => self.busy(&take),
                Step::Refuse(refusal) => return Ok(Taken::Refused(refusal)),
                Step::AlreadyCounted => {
                    return Ok(Taken::Admitted(policy.standing(state.tat.unwrap_or(now), now)));
                }
            };
            match self.write(request, now.day()).await? {
                Written::Done(tat) => return Ok(Taken::Admitted(policy.standing(tat, now))),
                Written::Lost(found) => state = found,
            }
        }
        Err(fault(Fault::Contended))
    }
}

fn values(take: &Take<'_>) -> HashMap<String, AttributeValue> {
    // Expiry counts from the last moment at which the item may still refuse.
    let settled = take.now.plus(take.policy.tolerance()).plus(take.policy.interval());
    let mut values = HashMap::from([
        (":id".to_owned(), AttributeValue::S(take.request_id.to_owned())),
        (":now".to_owned(), number(take.now.as_micros())),
        (":one".to_owned(), number(1)),
        (":expires_at".to_owned(), number(settled.plus(KEPT).as_secs())),
    ]);
    if let Some(limit) = take.policy.requests_per_day {
        values.insert(":per_day".to_owned(), number(limit));
    }
    values
}

fn read_state(item: Option<&HashMap<String, AttributeValue>>, today: Day) -> Result<RateState, StoreError> {
    let Some(item) = item else { return Ok(RateState::default()) };
    let number = |name: &str| {
        let parse = |value: &AttributeValue| value.as_n().ok()?.parse::<u64>().ok();
        item.get(name)
            .map(|value| parse(value).ok_or_else(|| fault(Fault::Unreadable(name.to_owned()))))
            .transpose()
    };
    Ok(RateState {
        tat: number("tat")?.map(Timestamp::from_micros),
        today: number(&day_attribute(today))?.unwrap_or_default(),
        last: item.get("last").and_then(|value| value.as_s().ok()).cloned(),
    })
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn fault(fault: Fault) -> StoreError {
    unreachable(STORE)(fault)
}

#[cfg(test)]
mod tests;
