//! One index: its vectors by their keys.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Bound;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::filter::Filter;
use super::request::{Data, Delete, Get, List, Metadata, Put, Query};
use super::{Refusal, invalid};

/// A page ends where more than this was looked at.
const PAGE_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
pub(super) struct Index {
    dimension: usize,
    vectors: BTreeMap<String, Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    data: Data,
    metadata: Metadata,
}

impl Index {
    pub(super) const fn new(dimension: usize) -> Self {
        Self { dimension, vectors: BTreeMap::new() }
    }

    /// A vector under a key that there is takes its place.
    pub(super) fn put(&mut self, put: Put) -> Result<(), Refusal> {
        put.check(self.dimension)?;
        for vector in put.vectors {
            self.vectors.insert(vector.key, Kept { data: vector.data, metadata: vector.metadata });
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, delete: &Delete) -> Result<(), Refusal> {
        delete.check()?;
        for key in &delete.keys {
            self.vectors.remove(key);
        }
        Ok(())
    }

    pub(super) fn get(&self, get: &Get) -> Result<Vec<Value>, Refusal> {
        get.check()?;
        let found = get.keys.iter().filter_map(|key| Some((key, self.vectors.get(key)?)));
        Ok(found.map(|(key, kept)| kept.told(key, get.return_data, get.return_metadata)).collect())
    }

    /// The nearest ones that the filter admits, nearest first.
    pub(super) fn nearest(&self, query: &Query) -> Result<Vec<Value>, Refusal> {
        query.check(self.dimension)?;
        let filter = Filter::parse(query.filter.as_ref())?;
        let admitted = self.vectors.iter().filter(|(_, kept)| filter.admits(&kept.metadata));
        let mut near: Vec<_> = admitted
            .map(|(key, kept)| (distance(&query.query_vector.float32, &kept.data.float32), key, kept))
            .collect();
        near.sort_by(|one, other| one.0.total_cmp(&other.0));
        near.truncate(query.top_k);
        let told = near.into_iter().map(|(distance, key, kept)| {
            let mut told = kept.told(key, false, query.return_metadata);
            if query.return_distance {
                told["distance"] = json!(distance);
            }
            told
        });
        Ok(told.collect())
    }

    /// A page of a segment, in the order of the keys.
    pub(super) fn page(&self, list: &List) -> Result<Value, Refusal> {
        let (most, (segment, segments)) = (list.most()?, list.segment()?);
        let after = list.next_token.as_deref().map(last_key).transpose()?;
        let mut rest = self.after(after.as_deref()).filter(|(key, _)| segment_of(key, segments) == segment);
        let (mut page, mut bytes, mut last) = (Vec::new(), 0, None);
        while page.len() < most && bytes <= PAGE_BYTES {
            let Some((key, kept)) = rest.next() else { return Ok(json!({ "vectors": page })) };
            bytes += kept.bytes(key);
            page.push(kept.told(key, list.return_data, list.return_metadata));
            last = Some(key);
        }
        let token = last.filter(|_| rest.next().is_some()).map(|key| BASE64_URL_SAFE_NO_PAD.encode(key));
        let mut answer = json!({ "vectors": page });
        if let Some(token) = token {
            answer["nextToken"] = json!(token);
        }
        Ok(answer)
    }

    fn after(&self, key: Option<&str>) -> Range<'_, String, Kept> {
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.vectors.range::<str, _>((from, Bound::Unbounded))
    }
}

impl Kept {
    fn told(&self, key: &str, with_data: bool, with_metadata: bool) -> Value {
        let mut told = json!({ "key": key });
        if with_data {
            told["data"] = json!({ "float32": self.data.float32 });
        }
        if with_metadata {
            told["metadata"] = Value::Object(self.metadata.clone());
        }
        told
    }

    fn bytes(&self, key: &str) -> usize {
        let metadata: usize =
            self.metadata.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
        key.len() + 4 * self.data.float32.len() + metadata
    }
}

/// One less the cosine.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    reason = "vectors are no money, and the wire has 32 bits"
)]
fn distance(one: &[f32], other: &[f32]) -> f32 {
    let product = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(left, right)| f64::from(*left) * f64::from(*right)).sum()
    };
    (1.0 - product(one, other) / (product(one, one).sqrt() * product(other, other).sqrt())) as f32
}

fn segment_of(key: &str, segments: u8) -> u8 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    u8::try_from(hasher.finish() % u64::from(segments)).unwrap_or_default()
}

fn last_key(token: &str) -> Result<String, Refusal> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| invalid("nextToken", "is none of ours"))
}
