//! What the five calls bring, and the limits that the service sets to it.
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html>.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Refusal, invalid};

pub(super) type Metadata = Map<String, Value>;

const MOST_PUT: usize = 500;
const MOST_GOT: usize = 100;
const MOST_DELETED: usize = 500;
const MOST_LISTED: usize = 1_000;
const MOST_NEIGHBOURS: usize = 100;
const MOST_SEGMENTS: u8 = 16;
const LONGEST_KEY: usize = 1_024;
const MOST_METADATA_KEYS: usize = 50;
/// Of metadata that can be filtered by, which all of it can in indexes that say nothing else.
const MOST_METADATA_BYTES: usize = 2 * 1_024;

/// Where a call goes: an index by names or by its ARN.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    vector_bucket_name: Option<String>,
    index_name: Option<String>,
    index_arn: Option<String>,
}

impl Target {
    /// Bucket and index.
    pub(super) fn place(self) -> Result<(String, String), Refusal> {
        match (self.vector_bucket_name, self.index_name, self.index_arn) {
            (Some(bucket), Some(index), None) => Ok((bucket, index)),
            (None, None, Some(arn)) => {
                let path = arn.split_once(":bucket/").map(|(_, path)| path);
                let names = path.and_then(|path| path.split_once("/index/"));
                let (bucket, index) = names.ok_or_else(|| invalid("indexArn", "is no ARN of an index"))?;
                Ok((bucket.to_owned(), index.to_owned()))
            }
            _ => Err(Refusal::invalid(
                "Must specify either both indexName and vectorBucketName or only indexArn",
            )),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Data {
    pub(super) float32: Vec<f32>,
}

impl Data {
    /// A cosine is of vectors of one length that point somewhere.
    pub(super) fn check(&self, path: &str, dimension: usize) -> Result<(), Refusal> {
        let found = self.float32.len();
        if found != dimension {
            return Err(invalid(path, format_args!("vector must have length {dimension}, but has {found}")));
        }
        if !self.float32.iter().all(|number| number.is_finite()) {
            return Err(invalid(path, "vector must be finite numbers"));
        }
        if self.float32.iter().all(|number| *number == 0.0) {
            return Err(invalid(path, "a zero vector has no cosine"));
        }
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Query {
    pub(super) top_k: usize,
    pub(super) query_vector: Data,
    pub(super) filter: Option<Value>,
    #[serde(default)]
    pub(super) return_metadata: bool,
    #[serde(default)]
    pub(super) return_distance: bool,
}

impl Query {
    pub(super) fn check(&self, dimension: usize) -> Result<(), Refusal> {
        within("topK", self.top_k, 1, MOST_NEIGHBOURS)?;
        self.query_vector.check("queryVector", dimension)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Put {
    pub(super) vectors: Vec<Vector>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Vector {
    pub(super) key: String,
    pub(super) data: Data,
    #[serde(default)]
    pub(super) metadata: Metadata,
}

impl Put {
    pub(super) fn check(&self, dimension: usize) -> Result<(), Refusal> {
        within("vectors", self.vectors.len(), 1, MOST_PUT)?;
        for (place, vector) in self.vectors.iter().enumerate() {
            vector.check(&format!("vectors/{place}"), dimension)?;
        }
        Ok(())
    }
}

impl Vector {
    fn check(&self, path: &str, dimension: usize) -> Result<(), Refusal> {
        within(&format!("{path}/key"), self.key.len(), 1, LONGEST_KEY)?;
        self.data.check(&format!("{path}/data"), dimension)?;
        let path = format!("{path}/metadata");
        within(&path, self.metadata.len(), 0, MOST_METADATA_KEYS)?;
        if !self.metadata.values().all(is_metadata) {
            return Err(invalid(&path, "values are strings, numbers, booleans or lists of them"));
        }
        let bytes = Value::Object(self.metadata.clone()).to_string().len();
        if bytes > MOST_METADATA_BYTES {
            return Err(invalid(&path, "Filterable metadata must have at most 2048 bytes"));
        }
        Ok(())
    }
}

fn is_metadata(value: &Value) -> bool {
    match value {
        Value::Null | Value::Object(_) => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        Value::Array(values) => {
            values.iter().all(|value| !matches!(value, Value::Array(_)) && is_metadata(value))
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    max_results: Option<usize>,
    pub(super) next_token: Option<String>,
    segment_count: Option<u8>,
    segment_index: Option<u8>,
    #[serde(default)]
    pub(super) return_data: bool,
    #[serde(default)]
    pub(super) return_metadata: bool,
}

impl List {
    pub(super) fn most(&self) -> Result<usize, Refusal> {
        let most = self.max_results.unwrap_or(500);
        within("maxResults", most, 1, MOST_LISTED)?;
        Ok(most)
    }

    /// Which of how many segments.
    pub(super) fn segment(&self) -> Result<(u8, u8), Refusal> {
        match (self.segment_index, self.segment_count) {
            (None, None) => Ok((0, 1)),
            (Some(index), Some(count)) if index < count && count <= MOST_SEGMENTS => Ok((index, count)),
            (Some(_), Some(_)) => Err(invalid("segmentIndex", "is none of at most 16 segments")),
            _ => Err(invalid("segmentCount", "needs segmentIndex, and the other way round")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    pub(super) keys: Vec<String>,
    #[serde(default)]
    pub(super) return_data: bool,
    #[serde(default)]
    pub(super) return_metadata: bool,
}

impl Get {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        within("keys", self.keys.len(), 1, MOST_GOT)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Delete {
    pub(super) keys: Vec<String>,
}

impl Delete {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        within("keys", self.keys.len(), 1, MOST_DELETED)
    }
}

fn within(path: &str, found: usize, least: usize, most: usize) -> Result<(), Refusal> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(invalid(path, format_args!("must be {least} to {most}, but is {found}")))
}
