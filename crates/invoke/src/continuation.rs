//! Going on from an earlier response: which one it was, who keeps it, and how much context it adds.

use std::time::Duration;

use tollgate_aws::causes::Causes;
use tollgate_core::caller::Caller;
use tollgate_core::error::Error;
use tollgate_core::record::{Record, State};
use tollgate_core::request::Request;
use tollgate_core::responses::request_id_of;

use crate::gateway::Gateway;

/// How often a record is read that is not settled yet: a client may be faster than the settlement of what it goes on
/// from.
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(250);

/// An earlier response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Earlier {
    /// The target that keeps it.
    pub(crate) target: String,
    /// Its id there.
    pub(crate) response_id: String,
    /// The context that it adds: all its tokens, which include those of the responses before it.
    pub(crate) tokens: u64,
    /// Something was taken out of its request.
    pub(crate) is_redacted: bool,
}

impl Gateway {
    /// The response that a request goes on from, if it names one: a response of the same tenant, kept by its provider.
    pub(crate) async fn earlier(&self, request: &Request, caller: &Caller) -> Result<Option<Earlier>, Error> {
        let Some(id) = request.prompt().and_then(|prompt| prompt.continues.as_deref()) else {
            return Ok(None);
        };
        let unknown = || {
            let message = format!("the response \"{id}\" is not known, or was not stored");
            Error::invalid("previous_response_id", message)
        };
        let request_id = request_id_of(id).ok_or_else(unknown)?;
        for _ in 0..TRIES {
            let found = self.records.find(&request_id).await.map_err(|error| {
                tracing::error!(error = %Causes(&error), "ledger unreadable");
                Error::StateUnavailable("the ledger")
            })?;
            let record = found.filter(|record| record.tenant == caller.tenant).ok_or_else(unknown)?;
            if !record.state.is_open() {
                return earlier(record).map(Some).ok_or_else(unknown);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Error::StillRunning)
    }
}

/// What a response adds is known only where its provider counted it: usage that never came is all zeros.
fn earlier(record: Record) -> Option<Earlier> {
    let end = record.end.filter(|end| record.state == State::Settled && end.usage.input > 0)?;
    Some(Earlier {
        is_redacted: !record.redacted.is_empty(),
        target: record.target?,
        response_id: end.response_id?,
        tokens: end.usage.input.saturating_add(end.usage.output),
    })
}
