//! The service behind the proxy. Every request that can be is asked what it consumed.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Response};
use http_body_util::Full;
use serde_json::Value;

/// Operations whose requests take `ReturnConsumedCapacity`.
const METERED: [&str; 7] =
    ["GetItem", "PutItem", "UpdateItem", "Query", "TransactWriteItems", "TransactGetItems", "BatchGetItem"];

/// What belongs to one connection and is not passed on. The checksum is of a body that others may have changed.
const HOP: [HeaderName; 4] = [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH, HOST];

/// What one request has consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumed {
    /// Such as `PutItem`.
    pub operation: String,
    /// The table.
    pub table: String,
    /// Capacity units, as the service writes them.
    pub units: String,
    /// How many of its items the request names. `DynamoDB Local` counts a table once in a transaction, whatever their number.
    pub items: u64,
}

pub(super) struct Upstream {
    client: reqwest::Client,
    url: String,
}

impl Upstream {
    pub(super) fn at(url: &str) -> Self {
        Self { client: reqwest::Client::new(), url: url.trim_end_matches('/').to_owned() }
    }

    /// The answer and what it consumed; `None` where the service did not answer.
    pub(super) async fn exchange(
        &self,
        operation: &str,
        parts: Parts,
        body: Bytes,
    ) -> Option<(Response<Full<Bytes>>, Vec<Consumed>)> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = self
            .client
            .request(parts.method, format!("{}{path}", self.url))
            .headers(end_to_end(parts.headers))
            .body(metered(operation, body.clone()));
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status(), end_to_end(answer.headers().clone()));
        let answered = answer.bytes().await.ok()?;
        let consumed = consumed(operation, &body, &answered);
        let mut response = Response::new(Full::new(answered));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Some((response, consumed))
    }
}

fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in HOP {
        headers.remove(name);
    }
    headers
}

fn metered(operation: &str, body: Bytes) -> Bytes {
    if !METERED.contains(&operation) {
        return body;
    }
    match serde_json::from_slice::<Value>(&body) {
        Ok(Value::Object(mut request)) => {
            request.entry("ReturnConsumedCapacity").or_insert_with(|| "TOTAL".into());
            Value::Object(request).to_string().into()
        }
        _ => body,
    }
}

/// One table's share, or a list of them.
fn consumed(operation: &str, asked: &[u8], answered: &[u8]) -> Vec<Consumed> {
    let [request, answer] =
        [asked, answered].map(|body| serde_json::from_slice::<Value>(body).unwrap_or_default());
    let shares = match &answer["ConsumedCapacity"] {
        Value::Array(shares) => shares.clone(),
        Value::Null => Vec::new(),
        share => vec![share.clone()],
    };
    let read = |share: &Value| Consumed {
        operation: operation.to_owned(),
        table: share["TableName"].as_str().unwrap_or_default().to_owned(),
        units: share["CapacityUnits"].to_string(),
        items: items_of(&request, &share["TableName"]),
    };
    shares.iter().map(read).collect()
}

fn items_of(request: &Value, table: &Value) -> u64 {
    let Some(items) = request["TransactItems"].as_array() else { return 1 };
    let is_of = |item: &&Value| {
        let actions = item.as_object().into_iter().flat_map(|actions| actions.values());
        actions.into_iter().any(|action| action["TableName"] == *table)
    };
    u64::try_from(items.iter().filter(is_of).count()).unwrap_or(u64::MAX)
}
