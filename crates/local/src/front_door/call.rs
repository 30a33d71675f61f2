//! One request as it came in.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use http::request::Parts;
use http::{HeaderMap, Method};
use reqwest::Url;
use uuid::Uuid;

use super::Stage;
use crate::function::epoch_ms;

pub(super) struct Call {
    pub(super) request_id: String,
    pub(super) time_ms: u64,
    pub(super) method: Method,
    /// Without the stage.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) source_ip: String,
    /// The resource that the path means, once it is found.
    pub(super) resource: String,
    pub(super) path_parameters: BTreeMap<String, String>,
}

impl Call {
    pub(super) fn new(parts: Parts, peer: SocketAddr, stage: &Stage) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        Self {
            request_id: Uuid::now_v7().to_string(),
            time_ms: epoch_ms(),
            path: without_stage(parts.uri.path(), &stage.name).to_owned(),
            query: decode_query(query),
            method: parts.method,
            headers: parts.headers,
            source_ip: peer.ip().to_string(),
            resource: String::new(),
            path_parameters: BTreeMap::new(),
        }
    }

    /// The last value of the header, as API Gateway takes it.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get_all(name).iter().next_back()?;
        Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
    }

    pub(super) fn method_arn(&self, stage: &Stage) -> String {
        format!(
            "arn:aws:execute-api:{}:{}:{}/{}/{}{}",
            stage.region, stage.account_id, stage.api_id, stage.name, self.method, self.path
        )
    }
}

/// The stage is a part of the path on AWS's own domain, and none behind a custom one: here it may be either.
fn without_stage<'a>(path: &'a str, stage: &str) -> &'a str {
    let rest = path.strip_prefix('/').and_then(|p| p.strip_prefix(stage));
    match rest {
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

fn decode_query(query: &str) -> Vec<(String, String)> {
    let url = Url::parse(&format!("http://localhost/?{query}"));
    url.map(|url| url.query_pairs().into_owned().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_stage_off_and_nothing_else() {
        assert_eq!(without_stage("/live/v1/models", "live"), "/v1/models");
        assert_eq!(without_stage("/v1/models", "live"), "/v1/models");
        assert_eq!(without_stage("/lively/v1", "live"), "/lively/v1");
        assert_eq!(without_stage("/live", "live"), "/live");
    }

    #[test]
    fn decodes_the_query() {
        let pairs = decode_query("a=1&a=%C3%A9+b&c");

        let expected = [("a", "1"), ("a", "é b"), ("c", "")];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }
}
