//! Claims of calls under an idempotency key, as items of the cache table.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use tollgate_core::idempotency::{Claim, Claimed, Form, Kept, Place, Progress};
use tollgate_core::ports::StoreError;

use crate::store::unreachable;

const STORE: &str = "cache";

/// Holds the packed body, which is binary.
const BODY: &str = "reply";

/// An item without its body.
#[derive(Deserialize, Serialize)]
struct Item {
    #[serde(rename = "cacheKey")]
    id: String,
    state: State,
    request_id: String,
    fingerprint: String,
    #[serde(rename = "expiresAt")]
    expires_at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    form: Option<Form>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    object: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Running,
    Done,
}

/// The item of a claim.
pub(crate) fn write(claimed: &Claimed) -> Result<HashMap<String, AttributeValue>, StoreError> {
    let Claimed { claim, progress } = claimed;
    let kept = match progress {
        Progress::Running => None,
        Progress::Done(kept) => Some(kept),
    };
    let item = Item {
        id: claim.id.clone(),
        state: if kept.is_some() { State::Done } else { State::Running },
        request_id: claim.request_id.clone(),
        fingerprint: claim.fingerprint.clone(),
        expires_at: claim.expires_at,
        status: kept.map(|kept| kept.status),
        form: kept.map(|kept| kept.form),
        target: kept.and_then(|kept| kept.target.clone()),
        object: kept.and_then(|kept| match &kept.place {
            Place::Object(name) => Some(name.clone()),
            Place::Inline(_) => None,
        }),
    };
    let mut attributes: HashMap<_, _> = serde_dynamo::to_item(item).map_err(unreachable(STORE))?;
    if let Some(Kept { place: Place::Inline(packed), .. }) = kept {
        attributes.insert(BODY.to_owned(), AttributeValue::B(Blob::new(packed.clone())));
    }
    Ok(attributes)
}

/// What an item says.
pub(crate) fn read(mut attributes: HashMap<String, AttributeValue>) -> Result<Claimed, StoreError> {
    let body = attributes.remove(BODY);
    let item: Item = serde_dynamo::from_item(attributes).map_err(unreachable(STORE))?;
    let garbled = || StoreError { store: STORE, cause: "a kept answer is garbled".into() };
    let progress = match item.state {
        State::Running => Progress::Running,
        State::Done => {
            let place = match (body, item.object) {
                (Some(AttributeValue::B(packed)), _) => Place::Inline(packed.into_inner().into()),
                (_, Some(name)) => Place::Object(name),
                (_, None) => return Err(garbled()),
            };
            let (status, form) = (item.status.ok_or_else(garbled)?, item.form.ok_or_else(garbled)?);
            Progress::Done(Kept { status, form, target: item.target, place })
        }
    };
    let claim = Claim {
        id: item.id,
        fingerprint: item.fingerprint,
        request_id: item.request_id,
        expires_at: item.expires_at,
    };
    Ok(Claimed { claim, progress })
}

#[cfg(test)]
mod tests;
