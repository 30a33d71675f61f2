//! S3 Vectors: a store of vectors in memory behind the service's own wire, strongly consistent and exact where the
//! service is approximate. Its indexes are those that the template deploys; it knows the five calls over vectors.

mod filter;
mod index;
mod request;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use self::index::Index;
use self::request::{Delete, Get, List, Put, Query, Target};
use super::refusal::Refusal;
use super::wire::read;

/// What a rule names as its model to hold for all calls to S3 Vectors.
pub(super) const MODEL: &str = "s3vectors";

/// An index that there is, for the cosine metric.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VectorIndex {
    /// Its vector bucket.
    pub bucket: String,
    /// Its name.
    pub index: String,
    /// How many numbers each vector has.
    pub dimension: usize,
}

/// One of the five calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Query,
    Put,
    List,
    Get,
    Delete,
}

impl Operation {
    const ALL: [Self; 5] = [Self::Query, Self::Put, Self::List, Self::Get, Self::Delete];

    /// What is asked for under a path.
    pub(super) fn of(path: &str) -> Option<Self> {
        let name = path.strip_prefix('/')?;
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Query => "QueryVectors",
            Self::Put => "PutVectors",
            Self::List => "ListVectors",
            Self::Get => "GetVectors",
            Self::Delete => "DeleteVectors",
        }
    }
}

/// All indexes, by bucket and name.
#[derive(Debug, Default)]
pub(super) struct Library(Mutex<BTreeMap<(String, String), Index>>);

impl Library {
    pub(super) fn new(indexes: impl IntoIterator<Item = VectorIndex>) -> Self {
        let indexes = indexes.into_iter().map(|spec| ((spec.bucket, spec.index), Index::new(spec.dimension)));
        Self(Mutex::new(indexes.collect()))
    }

    /// Carries a call out, whole or not at all.
    pub(super) fn answer(&self, operation: Operation, body: &[u8]) -> Result<Value, Refusal> {
        let place = read::<Target>(body)?.place()?;
        let mut indexes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = indexes.get_mut(&place).ok_or_else(|| no_index(&place))?;
        match operation {
            Operation::Query => {
                let query = read::<Query>(body)?;
                Ok(json!({ "vectors": index.nearest(&query)?, "distanceMetric": "cosine" }))
            }
            Operation::Put => index.put(read::<Put>(body)?).map(|()| json!({})),
            Operation::List => index.page(&read::<List>(body)?),
            Operation::Get => Ok(json!({ "vectors": index.get(&read::<Get>(body)?)? })),
            Operation::Delete => index.delete(&read::<Delete>(body)?).map(|()| json!({})),
        }
    }
}

/// The service's own name for an error, where the status tells.
pub(super) const fn exception(status: StatusCode) -> &'static str {
    match status.as_u16() {
        402 => "ServiceQuotaExceededException",
        403 => "AccessDeniedException",
        404 => "NotFoundException",
        408 => "RequestTimeoutException",
        429 => "TooManyRequestsException",
        503 => "ServiceUnavailableException",
        400..=499 => "ValidationException",
        _ => "InternalServerException",
    }
}

fn no_index((bucket, index): &(String, String)) -> Refusal {
    let message = format!("The specified index {index} of the vector bucket {bucket} could not be found");
    Refusal::new(StatusCode::NOT_FOUND, message)
}

/// What a member of a request does wrong.
fn invalid(path: &str, problem: impl std::fmt::Display) -> Refusal {
    Refusal { param: Some(path.to_owned()), ..Refusal::invalid(format!("{path}: {problem}")) }
}
