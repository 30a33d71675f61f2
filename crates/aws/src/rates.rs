//! The request rate of users and keys: one conditional write when idle or refused, two when busy.
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
use tollgate_core::rate::{RatePolicy, RateState, Step, Take, Units, day_attribute};
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

/// What became of a write: what the item holds now, or what stood against it.
enum Written {
    Done(RateState),
    Lost(RateState),
}

/// One call, and the item that it takes of.
#[derive(Clone, Copy)]
struct Taking<'a> {
    scope: &'a str,
    policy: &'a RatePolicy,
    take: Take<'a>,
}

impl DynamoRates {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    async fn write(&self, request: UpdateItemFluentBuilder, today: Day) -> Result<Written, StoreError> {
        match request.send().await {
            Ok(output) => Ok(Written::Done(read_state(output.attributes(), today)?)),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    Ok(Written::Lost(read_state(failed.item(), today)?))
                }
                _ => Err(unreachable(STORE)(error)),
            },
        }
    }

    fn update(&self, scope: &str) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("scope", AttributeValue::S(format!("rate#{scope}")))
            .expression_attribute_names("#last", "last")
    }

    /// Write A, when `tat` is absent or past.
    fn idle(&self, taking: Taking<'_>) -> UpdateItemFluentBuilder {
        let Taking { policy, take, .. } = taking;
        let tat = take.now.plus(policy.advance(take.units));
        self.count(taking, "SET tat = :tat", "(attribute_not_exists(tat) OR tat <= :now)")
            .expression_attribute_values(":tat", number(tat.as_micros()))
    }

    /// Write B, when `tat` lies ahead, and within the tolerance.
    fn busy(&self, taking: Taking<'_>) -> UpdateItemFluentBuilder {
        let Taking { policy, take, .. } = taking;
        let horizon = take.now.plus(policy.tolerance(take.units));
        self.count(taking, "SET tat = tat + :advance", "tat > :now AND tat <= :horizon")
            .expression_attribute_values(":advance", micros(policy.advance(take.units)))
            .expression_attribute_values(":horizon", number(horizon.as_micros()))
    }

    /// What both writes have in common: the day's units, the mark of the call, the expiry.
    fn count(&self, taking: Taking<'_>, set_tat: &str, tat_allows: &str) -> UpdateItemFluentBuilder {
        let today = taking.take.now.day();
        let counter = day_attribute(today);
        let swept: Vec<String> = (1..=DAYS_SWEPT).map(|days| day_attribute(today.before(days))).collect();
        let swept = swept.join(", ");
        let update =
            format!("{set_tat}, #last = :id, expires_at = :expires_at ADD {counter} :units REMOVE {swept}");
        let once = "(attribute_not_exists(#last) OR #last <> :id)";
        let condition = match taking.policy.requests_per_day {
            None => format!("{tat_allows} AND {once}"),
            Some(_) => {
                format!("{tat_allows} AND {once} AND (attribute_not_exists({counter}) OR {counter} <= :room)")
            }
        };
        self.update(taking.scope)
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values(taking)))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// As [`RateState::given_back`]: only over this call's own mark, which goes with it, so that the SDK's repetition
    /// of a write whose reply was lost gives nothing back a second time.
    ///
    /// A repetition of the *taking* that arrives after this counts the call once more than it should: the caller is
    /// then a call short, never a call over.
    fn undo(&self, Taking { scope, policy, take }: Taking<'_>) -> UpdateItemFluentBuilder {
        let counter = day_attribute(take.now.day());
        self.update(scope)
            .update_expression(format!(
                "SET tat = tat - :advance, {counter} = {counter} - :units REMOVE #last"
            ))
            .condition_expression("#last = :id")
            .expression_attribute_values(":id", AttributeValue::S(take.request_id.to_owned()))
            .expression_attribute_values(":advance", micros(policy.advance(take.units)))
            .expression_attribute_values(":units", number(take.units.into()))
    }
}

#[async_trait]
impl Rates for DynamoRates {
    async fn take(&self, scope: &str, policy: &RatePolicy, take: Take<'_>) -> Result<Taken, StoreError> {
        let (taking, now) = (Taking { scope, policy, take }, take.now);
        let mut state = RateState::default();
        for _ in 0..ROUNDS {
            let request = match policy.next(&state, take.units, now, take.request_id) {
                Step::Idle => self.idle(taking),
                Step::Busy => self.busy(taking),
                Step::Refuse(refusal) => return Ok(Taken::Refused(refusal)),
                Step::AlreadyCounted => return Ok(Taken::Admitted(policy.standing(&state, now))),
            };
            match self.write(request, now.day()).await? {
                Written::Done(state) => return Ok(Taken::Admitted(policy.standing(&state, now))),
                Written::Lost(found) => state = found,
            }
        }
        Err(fault(Fault::Contended))
    }

    async fn give_back(&self, scope: &str, policy: &RatePolicy, take: Take<'_>) -> Result<(), StoreError> {
        // A race that is lost is no fault: the call counts for its key although its user was refused, which makes the
        // key's rate a little stricter for a moment and never laxer.
        self.write(self.undo(Taking { scope, policy, take }), take.now.day()).await?;
        Ok(())
    }
}

fn values(Taking { policy, take, .. }: Taking<'_>) -> HashMap<String, AttributeValue> {
    // Expiry counts from the last moment at which the item may still refuse.
    let settled = take.now.plus(policy.tolerance(Units::ONE)).plus(policy.interval());
    let units = u64::from(take.units);
    let mut values = HashMap::from([
        (":id".to_owned(), AttributeValue::S(take.request_id.to_owned())),
        (":now".to_owned(), number(take.now.as_micros())),
        (":units".to_owned(), number(units)),
        (":expires_at".to_owned(), number(settled.plus(KEPT).as_secs())),
    ]);
    if let Some(limit) = policy.requests_per_day {
        values.insert(":room".to_owned(), number(limit.saturating_sub(units)));
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

fn micros(duration: Duration) -> AttributeValue {
    number(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn fault(fault: Fault) -> StoreError {
    unreachable(STORE)(fault)
}

#[cfg(test)]
mod tests;
