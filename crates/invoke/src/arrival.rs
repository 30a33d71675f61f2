//! A call as it arrives, and what is known of it while it is served.

use std::time::Duration;

use bytes::Bytes;
use tollgate_core::cache::Directive;
use tollgate_core::caller::Caller;
use tollgate_core::constraint::Terms;
use tollgate_core::flow::TokenStanding;
use tollgate_core::idempotency::Claim;
use tollgate_core::request::Request;
use tollgate_core::reservation::Limits;
use tollgate_core::routing::Query;
use tollgate_core::settings::Tenant;
use tollgate_core::signature::Signature;
use tollgate_core::time::Timestamp;
use tollgate_core::trace::Trace;

use crate::exact::Slot;
use crate::semantic::Nearby;

/// Left of the function's time for what comes after the answer.
pub(crate) const MARGIN: Duration = Duration::from_secs(2);

/// A call that has arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Unique per invocation.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// By when it is answered: two seconds before the function's own deadline.
    pub deadline: Timestamp,
    /// Who calls.
    pub caller: Caller,
    /// What the caller asks of the cache.
    pub directive: Directive,
    /// Where it may go, and what kind of task it is.
    pub terms: Terms,
    /// Whether a call is refused rather than adapted to a target: `x-tollgate-strict`.
    pub is_strict: bool,
    /// About how many tokens the conversation is wanted to be long at most: `x-tollgate-trim`.
    pub trim: Option<u64>,
    /// What it claims, where it came with an `Idempotency-Key`.
    pub claim: Option<Claim>,
    /// What it has in common with its retries; known once the settings are read.
    pub signature: Option<Signature>,
    /// Where it stands in its trace.
    pub trace: Trace,
    /// Unread.
    pub body: Bytes,
}

impl Arrival {
    /// What its place among all calls follows from: a retry under the same `Idempotency-Key` stands where the call stood.
    pub(crate) fn seed(&self) -> &str {
        self.signature.as_ref().map_or(&self.request_id, Signature::as_str)
    }

    /// What routing looks at, when this model is to be called.
    pub(crate) fn query<'a>(&'a self, model: &'a str) -> Query<'a> {
        let Caller { tenant, team, user, .. } = &self.caller;
        Query { tenant, team, user, model, task: self.terms.task.as_ref(), now: self.at }
    }
}

/// What is known of a call while it is served.
pub(crate) struct Serving {
    pub(crate) arrival: Arrival,
    pub(crate) request: Request,
    pub(crate) tenant: Tenant,
    /// What holds for its caller.
    pub(crate) limits: Limits,
    /// What the caller's flow still holds, where that is known.
    pub(crate) tokens: Option<TokenStanding>,
    /// Another target goes on with a stream that broke, while no more providers than this were called.
    pub(crate) carries_on: Option<usize>,
    /// Where the answer is kept, if it may be.
    pub(crate) slot: Option<Slot>,
    /// What is known of the questions near its own.
    pub(crate) near: Nearby,
}
