//! EventBridge's scheduled rules: each fires its function at its rate, the first time one period after the start.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_sts::error::DisplayErrorContext;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use uuid::Uuid;

use crate::clock;
use crate::function::Function;

/// A rule at work.
pub struct Schedule {
    /// How often it fires.
    pub rate: Duration,
    /// The ARN of the rule.
    pub rule_arn: String,
    /// What is sent in place of the event.
    pub input: Option<Value>,
    /// Who is called.
    pub function: Arc<Function>,
}

impl Schedule {
    /// Fires until it is dropped.
    pub async fn run(self) -> Infallible {
        let mut ticks = interval_at(Instant::now() + self.rate, self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let event = self
                .input
                .clone()
                .unwrap_or_else(|| scheduled_event(&self.rule_arn, Uuid::now_v7(), clock::now()));
            let function = &self.function.spec().name;
            match self.function.call(Bytes::from(event.to_string())).await {
                Ok(_) => tracing::debug!(function, "fired"),
                Err(error) => {
                    tracing::error!(function, error = %DisplayErrorContext(&error), "the scheduled call failed")
                }
            }
        }
    }
}

/// The event that EventBridge makes of a rule that fires.
fn scheduled_event(rule_arn: &str, id: Uuid, now: SystemTime) -> Value {
    let mut parts = rule_arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    json!({
        "version": "0",
        "id": id.to_string(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": clock::format_seconds(now),
        "region": region,
        "resources": [rule_arn],
        "detail": {},
    })
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn makes_the_event_that_event_bridge_makes() {
        let now = UNIX_EPOCH + Duration::from_millis(1_795_339_800_900);

        let event =
            scheduled_event("arn:aws:events:eu-west-1:123456789012:rule/every-minute", Uuid::nil(), now);

        assert_eq!(
            event,
            json!({
                "version": "0",
                "id": "00000000-0000-0000-0000-000000000000",
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": "123456789012",
                "time": "2026-11-22T09:30:00Z",
                "region": "eu-west-1",
                "resources": ["arn:aws:events:eu-west-1:123456789012:rule/every-minute"],
                "detail": {},
            })
        );
    }
}
