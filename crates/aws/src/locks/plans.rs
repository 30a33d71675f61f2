//! The throughput of usage plans, lowered and put back as it was deployed.

use aws_sdk_apigateway::Client;
use aws_sdk_apigateway::types::{Op, PatchOperation};
use tollgate_core::enforcement::{Rethrottled, Throttle};
use tollgate_core::ports::LockError;

use super::cannot;

/// A usage plan and its throughput as it was deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: String,
    /// Its throughput.
    pub throttle: Throttle,
}

/// Why a text names no plans.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("usage plans are written ID=RATE/BURST, with commas between them")]
pub struct PlanError;

/// Reads plans such as `abc=200/400,def=400/800`.
pub fn parse_plans(text: &str) -> Result<Vec<Plan>, PlanError> {
    let plan = |part: &str| {
        let (id, throttle) = part.split_once('=')?;
        let (rate, burst) = throttle.split_once('/')?;
        let throttle = Throttle { rate: rate.parse().ok()?, burst: burst.parse().ok()? };
        (!id.is_empty()).then(|| Plan { id: id.to_owned(), throttle })
    };
    text.split(',').map(|part| plan(part.trim()).ok_or(PlanError)).collect()
}

/// Lowers each plan that lets more through.
pub(super) async fn lower(
    client: &Client,
    plans: &[Plan],
    throttle: Throttle,
) -> Result<Vec<Rethrottled>, LockError> {
    let mut changed = Vec::new();
    for plan in plans {
        let lower = |own: u64, wanted: u64| own.min(wanted);
        let wanted = Throttle {
            rate: lower(plan.throttle.rate, throttle.rate),
            burst: lower(plan.throttle.burst, throttle.burst),
        };
        changed.extend(set(client, &plan.id, wanted).await?);
    }
    Ok(changed)
}

/// Gives each plan the throughput that it was deployed with.
pub(super) async fn restore(client: &Client, plans: &[Plan]) -> Result<Vec<Rethrottled>, LockError> {
    let mut changed = Vec::new();
    for plan in plans {
        changed.extend(set(client, &plan.id, plan.throttle).await?);
    }
    Ok(changed)
}

async fn set(client: &Client, id: &str, wanted: Throttle) -> Result<Option<Rethrottled>, LockError> {
    const WHAT: &str = "the usage plan";
    let found = client.get_usage_plan().usage_plan_id(id).send().await.map_err(cannot(WHAT))?;
    let before = match found.throttle() {
        Some(throttle) => format!("{}/{}", throttle.rate_limit(), throttle.burst_limit()),
        None => "unlimited".to_owned(),
    };
    let after = format!("{}/{}", wanted.rate, wanted.burst);
    if before == after {
        return Ok(None);
    }
    let replace = |path: &str, value: u64| {
        PatchOperation::builder().op(Op::Replace).path(path).value(value.to_string()).build()
    };
    client
        .update_usage_plan()
        .usage_plan_id(id)
        .patch_operations(replace("/throttle/rateLimit", wanted.rate))
        .patch_operations(replace("/throttle/burstLimit", wanted.burst))
        .send()
        .await
        .map_err(cannot(WHAT))?;
    Ok(Some(Rethrottled { plan: id.to_owned(), before, after }))
}
