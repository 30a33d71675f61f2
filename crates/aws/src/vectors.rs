//! Questions as vectors in S3 Vectors: one index of one length, whose partitions and ages are metadata that it filters by.
//!
//! The service forgets nothing by itself. What has expired is filtered out when neighbours are looked for, and swept.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_s3vectors::Client;
use aws_sdk_s3vectors::types::{
    DistanceMetric, ListOutputVector, PutInputVector, QueryOutputVector, VectorData,
};
use aws_smithy_types::{Document, Number};
use tollgate_core::ports::{Near, Neighbour, Point, PointPage, StoreError, Vectors};
use tollgate_core::semantic::similarity::Similarity;

use crate::store::unreachable;
use crate::vars::{VarError, number, require};

const STORE: &str = "vectors";

const PARTITION: &str = "partition";

const EXPIRES_AT: &str = "expires_at";

/// Neighbours of one query at most.
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html>.
const MOST_NEIGHBOURS: u8 = 100;

/// Points of a page, and keys of a deletion at most.
const PAGE: i32 = 500;

/// The index is listed in so many parts, from one of them on at random: who has no time for all of it gets to all of it
/// in the end, and needs no memory of how far it came.
const SEGMENTS: u8 = 16;

/// Where the vectors are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorIndex {
    /// The vector bucket.
    pub bucket: String,
    /// The index in it, for the cosine metric.
    pub index: String,
    /// How many numbers each of its vectors has.
    pub dimension: u64,
}

/// Titan Text Embeddings V2's length.
const DIMENSION: u64 = 1_024;

impl VectorIndex {
    /// Reads `VECTOR_BUCKET`, `VECTOR_INDEX` and `VECTOR_DIMENSION`; `None` where there are no vectors.
    pub fn from_vars(read: &impl Fn(&str) -> Option<String>) -> Result<Option<Self>, VarError> {
        let is_set = |name| read(name).is_some_and(|value| !value.is_empty());
        if !is_set("VECTOR_BUCKET") && !is_set("VECTOR_INDEX") {
            return Ok(None);
        }
        let dimension = number(read, "VECTOR_DIMENSION", DIMENSION)?;
        if dimension == 0 {
            return Err(VarError { name: "VECTOR_DIMENSION", fault: "is zero" });
        }
        Ok(Some(Self {
            bucket: require(read, "VECTOR_BUCKET")?,
            index: require(read, "VECTOR_INDEX")?,
            dimension,
        }))
    }
}

/// The vector is of another embedding model than the index was made for: the cause of the error that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vector has {found} numbers, and those of the index {expected}")]
pub struct OtherLength {
    /// Of the index.
    pub expected: u64,
    /// Of the vector.
    pub found: usize,
}

/// The service said something that it cannot mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Garbled {
    #[error("the index does not measure cosines")]
    Metric,
    #[error("a neighbour has no distance")]
    Distance,
    #[error("the token of a page is none of ours")]
    Token,
}

/// Vectors in S3 Vectors.
#[derive(Clone, Debug)]
pub struct S3Vectors {
    client: Client,
    index: VectorIndex,
}

impl S3Vectors {
    /// In this index.
    #[must_use]
    pub fn new(sdk: &SdkConfig, index: VectorIndex) -> Self {
        Self { client: Client::new(sdk), index }
    }

    /// The vector as the service takes it, if the index does.
    fn data(&self, vector: &[f32]) -> Result<VectorData, StoreError> {
        let (expected, found) = (self.index.dimension, vector.len());
        if u64::try_from(found) != Ok(expected) {
            return Err(unreachable(STORE)(OtherLength { expected, found }));
        }
        Ok(VectorData::Float32(vector.to_vec()))
    }
}

#[async_trait]
impl Vectors for S3Vectors {
    async fn nearest(&self, near: &Near<'_>) -> Result<Vec<Neighbour>, StoreError> {
        let vector = self.data(near.vector)?;
        if near.most == 0 {
            return Ok(Vec::new());
        }
        // There may be further pages; the nearest ones are on the first.
        let found = self
            .client
            .query_vectors()
            .vector_bucket_name(&self.index.bucket)
            .index_name(&self.index.index)
            .top_k(near.most.min(MOST_NEIGHBOURS).into())
            .query_vector(vector)
            .filter(filter(near))
            .return_distance(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        if found.distance_metric != Some(DistanceMetric::Cosine) {
            return Err(unreachable(STORE)(Garbled::Metric));
        }
        let mut neighbours = found.vectors.into_iter().map(neighbour).collect::<Result<Vec<_>, _>>()?;
        neighbours.sort_by_key(|neighbour| std::cmp::Reverse(neighbour.similarity));
        Ok(neighbours)
    }

    async fn put(&self, point: &Point) -> Result<(), StoreError> {
        let metadata = object([
            (PARTITION, Document::String(point.partition.clone())),
            (EXPIRES_AT, whole(point.expires_at)),
        ]);
        let vector = PutInputVector::builder()
            .key(&point.key)
            .data(self.data(&point.vector)?)
            .metadata(metadata)
            .build()
            .map_err(unreachable(STORE))?;
        self.client
            .put_vectors()
            .vector_bucket_name(&self.index.bucket)
            .index_name(&self.index.index)
            .vectors(vector)
            .send()
            .await
            .map(drop)
            .map_err(unreachable(STORE))
    }

    async fn page(&self, start: Option<&str>) -> Result<PointPage, StoreError> {
        let place = match start {
            Some(token) => Place::parse(token).ok_or_else(|| unreachable(STORE)(Garbled::Token))?,
            None => Place::first(fastrand::u8(0..SEGMENTS)),
        };
        let listed = self
            .client
            .list_vectors()
            .vector_bucket_name(&self.index.bucket)
            .index_name(&self.index.index)
            .max_results(PAGE)
            .segment_count(SEGMENTS.into())
            .segment_index(place.segment().into())
            .set_next_token(place.token.map(str::to_owned))
            .return_metadata(true)
            .send()
            .await
            .map_err(unreachable(STORE))?;
        let points = listed.vectors.into_iter().map(|vector| (expires_at(&vector), vector.key));
        Ok(PointPage {
            points: points.map(|(expires_at, key)| (key, expires_at)).collect(),
            next: place.next(listed.next_token.as_deref()),
        })
    }

    async fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.client
            .delete_vectors()
            .vector_bucket_name(&self.index.bucket)
            .index_name(&self.index.index)
            .set_keys(Some(keys.to_vec()))
            .send()
            .await
            .map(drop)
            .map_err(unreachable(STORE))
    }
}

/// Where a listing of the whole index has got to: `<first segment>.<segments done>.<the service's token>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place<'a> {
    first: u8,
    done: u8,
    token: Option<&'a str>,
}

impl<'a> Place<'a> {
    const fn first(first: u8) -> Self {
        Self { first, done: 0, token: None }
    }

    fn parse(token: &'a str) -> Option<Self> {
        let mut parts = token.splitn(3, '.');
        let (first, done, token) = (parts.next()?, parts.next()?, parts.next()?);
        let (first, done) = (first.parse().ok()?, done.parse().ok()?);
        let is_place = first < SEGMENTS && done < SEGMENTS;
        is_place.then_some(Self { first, done, token: Some(token).filter(|token| !token.is_empty()) })
    }

    const fn segment(self) -> u8 {
        (self.first + self.done) % SEGMENTS
    }

    fn next(self, token: Option<&str>) -> Option<String> {
        let Self { first, done, .. } = self;
        match token {
            Some(token) => Some(format!("{first}.{done}.{token}")),
            None => (done + 1 < SEGMENTS).then(|| format!("{first}.{}.", done + 1)),
        }
    }
}

/// Only those of the partition that have not expired.
fn filter(near: &Near<'_>) -> Document {
    let is = |key, operator, value| object([(key, object([(operator, value)]))]);
    let partition = is(PARTITION, "$eq", Document::String(near.partition.to_owned()));
    let is_fresh = is(EXPIRES_AT, "$gt", whole(near.now.as_secs()));
    object([("$and", Document::Array(vec![partition, is_fresh]))])
}

fn neighbour(found: QueryOutputVector) -> Result<Neighbour, StoreError> {
    let distance = found.distance.ok_or_else(|| unreachable(STORE)(Garbled::Distance))?;
    Ok(Neighbour { key: found.key, similarity: Similarity::from_distance(distance) })
}

/// What says nothing of its age can never be found, and so is as good as expired.
fn expires_at(vector: &ListOutputVector) -> u64 {
    let metadata = vector.metadata.as_ref().and_then(Document::as_object);
    match metadata.and_then(|metadata| metadata.get(EXPIRES_AT)) {
        Some(Document::Number(number)) => u64::try_from(*number).unwrap_or_default(),
        _ => 0,
    }
}

fn object<const N: usize>(members: [(&str, Document); N]) -> Document {
    let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
    Document::Object(members.collect::<HashMap<_, _>>())
}

const fn whole(number: u64) -> Document {
    Document::Number(Number::PosInt(number))
}

#[cfg(test)]
mod tests;
