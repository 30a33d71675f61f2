//! What the reconciler is woken for: schedules that name a duty, and calls of models that `CloudTrail` tells of.

use serde::Deserialize;
use serde_json::Value;
use tollgate_core::bypass::{ModelCall, NoCall};
use tollgate_core::time::Day;

/// A reason to wake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Every minute: what is overdue, what lies idle, what is not yet in the metrics.
    Sweep,
    /// Every hour: what the month will have cost.
    Forecast,
    /// Every hour: the ledger's tokens against Bedrock's of this day; of yesterday where none is named.
    Reconcile(Option<Day>),
    /// Every day: the ledger's charges against AWS's bill of this day; of the day before yesterday where none is named.
    Costs(Option<Day>),
    /// Every five minutes: a call through the front door.
    Canary,
    /// Every minute: calls of targets of which too little is known.
    Probe,
    /// Somebody called a model.
    Call(Box<ModelCall>),
}

/// Nobody knows what to do.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It is neither a schedule's input nor an event of `EventBridge`.
    #[error("the event is none that the reconciler knows")]
    Unknown,
    /// Its task is none, or is not named as it should be.
    #[error("the event's task cannot be read")]
    Task(#[source] serde_json::Error),
    /// It is from `CloudTrail`, and no call.
    #[error(transparent)]
    NoCall(#[from] NoCall),
}

/// The input of a schedule.
#[derive(Deserialize)]
#[serde(tag = "task", rename_all = "lowercase", deny_unknown_fields)]
enum Task {
    Sweep,
    Forecast,
    Reconcile {
        #[serde(default)]
        day: Option<Day>,
    },
    Costs {
        #[serde(default)]
        day: Option<Day>,
    },
    Canary,
    Probe,
}

const SCHEDULED: &str = "Scheduled Event";
const CLOUD_TRAIL: &str = "AWS API Call via CloudTrail";

impl Event {
    /// Reads an event. A schedule without input is the minute's.
    pub fn read(event: &Value) -> Result<Self, EventError> {
        if event.get("task").is_some() {
            return Task::deserialize(event).map(Self::from).map_err(EventError::Task);
        }
        match event.get("detail-type").and_then(Value::as_str) {
            Some(SCHEDULED) => Ok(Self::Sweep),
            Some(CLOUD_TRAIL) => {
                let call = ModelCall::read(event.get("detail").unwrap_or(&Value::Null))?;
                Ok(Self::Call(Box::new(call)))
            }
            _ => Err(EventError::Unknown),
        }
    }
}

impl From<Task> for Event {
    fn from(task: Task) -> Self {
        match task {
            Task::Sweep => Self::Sweep,
            Task::Forecast => Self::Forecast,
            Task::Reconcile { day } => Self::Reconcile(day),
            Task::Costs { day } => Self::Costs(day),
            Task::Canary => Self::Canary,
            Task::Probe => Self::Probe,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Event {
        Event::read(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_schedule_names_its_duty() {
        let day = "2026-11-24".parse().unwrap();

        assert_eq!(read(include_str!("../../../events/reconciler/schedule.json")), Event::Sweep);
        assert_eq!(read(r#"{"task": "sweep"}"#), Event::Sweep);
        assert_eq!(read(include_str!("../../../events/reconciler/forecast.json")), Event::Forecast);
        assert_eq!(read(r#"{"task": "reconcile"}"#), Event::Reconcile(None));
        assert_eq!(
            read(include_str!("../../../events/reconciler/reconcile.json")),
            Event::Reconcile(Some(day))
        );
        assert_eq!(read(r#"{"task": "costs", "day": "2026-11-24"}"#), Event::Costs(Some(day)));
        assert_eq!(read(include_str!("../../../events/reconciler/canary.json")), Event::Canary);
        assert_eq!(read(include_str!("../../../events/reconciler/probe.json")), Event::Probe);
    }

    #[test]
    fn a_call_of_a_model_is_told_by_cloud_trail() {
        for text in [
            include_str!("../../../events/reconciler/mantle-call-by-user.json"),
            include_str!("../../../events/reconciler/runtime-call-by-role.json"),
        ] {
            assert!(matches!(read(text), Event::Call(_)));
        }
    }

    #[test]
    fn what_is_unknown_is_said() {
        let said = |event: Value| Event::read(&event).unwrap_err().to_string();

        for event in [json!({}), json!(null), json!([1]), json!("sweep"), json!({"detail-type": "Something"})]
        {
            assert_eq!(said(event), "the event is none that the reconciler knows");
        }
        for event in [
            json!({"task": "weekly"}),
            json!({"task": 7}),
            json!({"task": "reconcile", "day": "yesterday"}),
            json!({"task": "reconcile", "days": 3}),
        ] {
            assert_eq!(said(event), "the event's task cannot be read");
        }
        assert_eq!(
            said(json!({"detail-type": CLOUD_TRAIL, "detail": {}})),
            "the event's detail is none of CloudTrail"
        );
    }
}
