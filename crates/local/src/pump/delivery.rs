//! Delivering one batch: until each of its records is done or given up.

use aws_sdk_dynamodbstreams::error::DisplayErrorContext;
use uuid::Uuid;

use super::bucket::{Bucket, BucketError};
use super::discard::{Discarded, Object};
use super::record::{Entry, write_event};
use super::retry::{Remainder, Step, pause_after};
use super::verdict::judge;
use super::{Pump, Target};
use crate::clock;

/// How often the on-failure bucket is tried before its object is lost, as Lambda loses it.
const BUCKET_ATTEMPTS: u32 = 5;

impl<T: Target> Pump<T> {
    pub(super) async fn deliver(&self, shard_id: &str, batch: &[Entry]) {
        let mut remainder = Remainder::whole(batch.len());
        while let Some(range) = remainder.front() {
            let entries = &batch[range];
            let outcome = self.target.invoke(write_event(entries)).await;
            let sequence_numbers: Vec<&str> =
                entries.iter().map(|entry| entry.sequence_number.as_str()).collect();
            let verdict = judge(&outcome, self.mapping.responses, &sequence_numbers);
            tracing::debug!(shard.id = shard_id, records = entries.len(), ?verdict, "delivered");
            match remainder.record(self.mapping.policy, verdict) {
                Step::Proceed => {}
                Step::Pause(pause) => {
                    tracing::warn!(
                        shard.id = shard_id,
                        records = entries.len(),
                        ?outcome,
                        ?pause,
                        "will be retried"
                    );
                    tokio::time::sleep(pause).await;
                }
                Step::Discard(slice) => {
                    let discarded = Discarded {
                        function_arn: &self.mapping.function_arn,
                        stream_arn: &self.mapping.stream_arn,
                        shard_id,
                        entries: &batch[slice.range],
                        invocations: slice.invocations,
                        outcome: &outcome,
                    };
                    self.give_up(discarded).await;
                }
            }
        }
    }

    async fn give_up(&self, discarded: Discarded<'_>) {
        tracing::error!(shard.id = discarded.shard_id, records = discarded.entries.len(), outcome = ?discarded.outcome, "given up");
        let Some(bucket) = &self.mapping.on_failure else {
            return;
        };
        match discarded.to_object(&self.mapping.id, Uuid::now_v7(), clock::now()) {
            Ok(Some(object)) => self.keep(bucket, object).await,
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "the record of a given-up batch cannot be written")
            }
        }
    }

    async fn keep(&self, bucket: &Bucket, object: Object) {
        for attempt in 1..=BUCKET_ATTEMPTS {
            let Err(error) = bucket.put(&self.http, &object).await else {
                return;
            };
            log_loss(bucket, &object, attempt, &error);
            tokio::time::sleep(pause_after(attempt)).await;
        }
    }
}

fn log_loss(bucket: &Bucket, object: &Object, attempt: u32, error: &BucketError) {
    let cause = DisplayErrorContext(error);
    tracing::error!(bucket = bucket.name, object.key, attempt, error = %cause, "the on-failure bucket took nothing");
}
