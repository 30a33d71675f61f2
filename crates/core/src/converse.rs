//! What is asked of Converse.

use serde::Serialize;

use crate::model::Identity;

/// A Converse request, in the words of its own wire.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConverseRequest {
    /// The output cap.
    pub max_tokens: u64,
}

/// What goes into Converse's request metadata, and so into the invocation log.
#[must_use]
pub fn request_metadata(identity: &Identity<'_>) -> [(String, String); 3] {
    [
        ("tenant".to_owned(), identity.tenant_id.to_owned()),
        ("team".to_owned(), identity.team.to_owned()),
        ("user".to_owned(), identity.user.to_owned()),
    ]
}
use crate::{asking::Asking, parameter::*, prompt::Prompt};
pub(crate) fn say(_: &Prompt, _: &Asking<'_>) -> Result<(ConverseRequest, Vec<String>), Unfit> {
    Ok((ConverseRequest { max_tokens: 1 }, vec![]))
}
