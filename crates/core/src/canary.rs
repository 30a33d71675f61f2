//! The canary's call: what it asks, and what the answer must show.

use serde_json::{Value, json};

use crate::record::{Record, State};

/// What is asked of `model`: as little as can be.
#[must_use]
pub fn question(model: &str) -> Value {
    json!({
        "model": model,
        "max_completion_tokens": 16,
        "messages": [{"role": "user", "content": "Answer with the word yes."}],
    })
}

/// What is wrong with the gateway, as its own client sees it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The call was refused, or failed.
    #[error("it was answered {0}")]
    Status(u16),
    /// A header that every answer has is missing.
    #[error("the answer has no header {0}")]
    NoHeader(&'static str),
    /// The answer came from a cache, though the call said no-store.
    #[error("the answer came from {0}, and not from a provider")]
    NotFresh(String),
    /// The call is not in the ledger as it should be.
    #[error("its record is {0}, and not settled")]
    NotSettled(&'static str),
}

/// The request id of an answer that is as it should be.
pub fn check(status: u16, header: impl Fn(&str) -> Option<String>) -> Result<String, Fault> {
    if status != 200 {
        return Err(Fault::Status(status));
    }
    let need =
        |name: &'static str| header(name).filter(|value| !value.is_empty()).ok_or(Fault::NoHeader(name));
    let request_id = need("x-tollgate-request-id")?;
    for name in ["x-tollgate-provider", "x-tollgate-model", "x-tollgate-attempts"] {
        need(name)?;
    }
    let cache = need("x-tollgate-cache")?;
    if cache == "bypass" { Ok(request_id) } else { Err(Fault::NotFresh(cache)) }
}

/// Whether the call's record is as it should be in the end.
pub fn check_record(record: Option<&Record>) -> Result<(), Fault> {
    match record.map(|record| record.state) {
        Some(State::Settled) => Ok(()),
        Some(state) => Err(Fault::NotSettled(state.as_str())),
        None => Err(Fault::NotSettled("missing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RIGHT: [(&str, &str); 5] = [
        ("x-tollgate-request-id", "r-1"),
        ("x-tollgate-provider", "bedrock-mantle"),
        ("x-tollgate-model", "openai.gpt-5.5"),
        ("x-tollgate-attempts", "1"),
        ("x-tollgate-cache", "bypass"),
    ];

    fn header(name: &str) -> Option<String> {
        RIGHT.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_fresh_answer_is_right() {
        assert_eq!(check(200, header), Ok("r-1".to_owned()));
    }

    #[test]
    fn every_header_is_looked_at() {
        for (missing, _) in RIGHT {
            let fault = check(200, |name| header(name).filter(|_| name != missing));

            assert_eq!(fault, Err(Fault::NoHeader(missing)));
        }
        let cached =
            |name: &str| if name == "x-tollgate-cache" { Some("hit-exact".to_owned()) } else { header(name) };
        assert_eq!(check(200, cached), Err(Fault::NotFresh("hit-exact".to_owned())));
        assert_eq!(check(503, header), Err(Fault::Status(503)));
    }

    #[test]
    fn a_record_that_is_missing_is_a_fault() {
        assert_eq!(check_record(None), Err(Fault::NotSettled("missing")));
    }
}
