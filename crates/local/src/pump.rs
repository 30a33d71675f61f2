//! A DynamoDB stream's event source mapping, with Lambda's semantics: batches by size and window, partial batch responses,
//! bisecting, a limit of retries, and what was given up written to an on-failure bucket.
//!
//! Within a shard nothing overtakes: a batch ends before the next is sent, and a child shard waits for its parent.

mod batch;
mod bucket;
mod delivery;
mod discard;
mod lineage;
mod record;
mod retry;
mod shard;
mod verdict;

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::error::DisplayErrorContext;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use bytes::Bytes;
use tokio::task::{JoinError, JoinSet};

pub use self::batch::Limits;
pub use self::bucket::{Bucket, BucketError};
pub use self::retry::Policy;
pub use self::verdict::{Outcome, Responses};

use self::lineage::Shard;

/// How often a stream is asked whether it has new shards.
const DISCOVERY: Duration = Duration::from_secs(2);

/// Who takes the batches.
pub trait Target: Send + Sync + 'static {
    /// Invokes the function synchronously with this event.
    fn invoke(&self, event: Bytes) -> impl Future<Output = Outcome> + Send;
}

/// One event source mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Its id, which names the objects in the on-failure bucket.
    pub id: String,
    /// The stream.
    pub stream_arn: String,
    /// The function, as the on-failure bucket is told.
    pub function_arn: String,
    /// Where reading begins.
    pub starting_position: ShardIteratorType,
    /// When a batch is sent.
    pub limits: Limits,
    /// How answers are read.
    pub responses: Responses,
    /// What follows a failure.
    pub policy: Policy,
    /// Where to leave what was given up.
    pub on_failure: Option<Bucket>,
}

/// A mapping at work.
pub struct Pump<T> {
    mapping: Mapping,
    streams: Client,
    http: reqwest::Client,
    target: T,
}

impl<T: Target> Pump<T> {
    /// A pump from a stream into `target`.
    pub fn new(mapping: Mapping, streams: Client, target: T) -> Self {
        Self { mapping, streams, http: reqwest::Client::new(), target }
    }

    /// Pumps until it is dropped; returns only for a defect of its own.
    pub async fn run(self) -> JoinError {
        let pump = Arc::new(self);
        let mut readers: JoinSet<String> = JoinSet::new();
        let (mut started, mut done) = (HashSet::new(), HashSet::new());
        loop {
            let listed = pump.list_shards().await;
            for shard in lineage::select_ready(&listed, &started.clone(), &done) {
                started.insert(shard.id.clone());
                readers.spawn(Arc::clone(&pump).drain(shard.id.clone()));
            }
            tokio::select! {
                Some(ended) = readers.join_next() => match ended {
                    Ok(shard_id) => drop(done.insert(shard_id)),
                    Err(defect) => return defect,
                },
                () = tokio::time::sleep(DISCOVERY) => {}
            }
        }
    }

    /// The stream's shards; none while it cannot be described, which is tried again at the next discovery.
    async fn list_shards(&self) -> Vec<Shard> {
        let mut listed = Vec::new();
        let mut last_seen = None;
        loop {
            let request = self.streams.describe_stream().stream_arn(&self.mapping.stream_arn);
            let answer = match request.set_exclusive_start_shard_id(last_seen).send().await {
                Ok(answer) => answer,
                Err(error) => {
                    let cause = DisplayErrorContext(&error);
                    tracing::warn!(stream.arn = %self.mapping.stream_arn, error = %cause, "cannot describe the stream");
                    return Vec::new();
                }
            };
            let Some(description) = answer.stream_description else {
                return listed;
            };
            listed.extend(
                description
                    .shards
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(|shard| Some(Shard { id: shard.shard_id?, parent: shard.parent_shard_id })),
            );
            last_seen = description.last_evaluated_shard_id;
            if last_seen.is_none() {
                return listed;
            }
        }
    }
}
