//! The one log line of a call that is refused.

use serde_json::json;
use tollgate_core::error::Error;
use tollgate_core::metrics::Refusals;

use crate::arrival::Arrival;

/// Says that a call is refused. One that a brake refuses leaves no other trace, so its line counts it.
pub(crate) fn log(refusals: &Refusals, arrival: &Arrival, error: &Error) {
    let (status, code) = (error.status().as_u16(), error.code());
    let caller = &arrival.caller;
    let (key, team) = (caller.key_id.as_str(), caller.team.as_str());
    if let Some(brake) = error.brake() {
        let message = "call.refused";
        let fields =
            json!({"message": message, "status": status, "code": code, "key.id": key, "team.id": team});
        refusals.count(brake, (&caller.tenant, &caller.team), arrival.at, &fields);
    } else if error.status().is_server_error() {
        tracing::error!(status, code, key.id = key, team.id = team, causes = %error, "call.failed");
    } else {
        tracing::info!(status, code, key.id = key, team.id = team, "call.refused");
    }
}
