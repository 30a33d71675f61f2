//! Records of calls that nobody made, for tests of the ledger alone.

use tollgate_core::budget::Amount;
use tollgate_core::budgets::lane_of;
use tollgate_core::caller::Caller;
use tollgate_core::money::Nanos;
use tollgate_core::record::{CacheOutcome, End, Opening, Record};
use tollgate_core::time::Timestamp;
use tollgate_core::usage::Usage;

/// Noon of a day in November 2026, UTC.
pub const NOON: Timestamp = Timestamp::from_secs(1_795_348_800);

/// Lanes of each team.
pub const LANES: u16 = 2;

/// Who makes a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The user.
    pub user: String,
    /// The team.
    pub team: String,
}

/// A call reserved at `bound`, that is overdue at once.
///
/// # Panics
/// If a name is none.
#[must_use]
pub fn reserved(id: &str, who: &Who, bound: Nanos) -> Record {
    let context = |name: &str| match name {
        "keyId" => Some("777777777777".to_owned()),
        "user" => Some(who.user.clone()),
        "team" => Some(who.team.clone()),
        "tenant" => Some("acme".to_owned()),
        "role" => Some("caller".to_owned()),
        "models" => Some(String::new()),
        _ => None,
    };
    let caller = Caller::from_context(context).expect("the context is complete");
    let opening = Opening {
        request_id: id.to_owned(),
        model: "gpt-5.5".to_owned(),
        stream: false,
        trace_id: None,
        cache: CacheOutcome::Miss,
        bound: Amount { nanos: bound, tokens: 10 },
        lane: Some(lane_of(id, LANES)),
        now: NOON,
        deadline: NOON,
        retention_days: 400,
    };
    Record::open(&caller, opening)
}

/// How a call ended, with `outcome`.
#[must_use]
pub fn end(outcome: &str) -> End {
    End {
        ended_us: NOON,
        outcome: outcome.to_owned(),
        provider: Some("bedrock".to_owned()),
        usage: Usage { input: 30, output: 20, cached: 5, ..Usage::default() },
        estimated: false,
        response_id: None,
        saved_nanos: Nanos::ZERO,
        saved_tokens: 0,
        semantic: None,
        latency_us: 1_000,
        first_token_us: Some(500),
    }
}
