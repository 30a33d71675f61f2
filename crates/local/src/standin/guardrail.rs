//! `ApplyGuardrail`: a guardrail that knows a few people, and finds them as Bedrock says it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// Whom it knows.
const PEOPLE: [&str; 4] = ["Ada Lovelace", "Alan Turing", "Grace Hopper", "Anna Berg"];

#[derive(Deserialize)]
struct Apply {
    content: Vec<Block>,
}

#[derive(Deserialize)]
struct Block {
    text: Option<Text>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

/// Whether a path is the one of the operation.
pub(super) fn is_apply(path: &str) -> bool {
    let parts: Vec<_> = path.trim_start_matches('/').split('/').collect();
    matches!(parts.as_slice(), ["guardrail", _, "version", _, "apply"])
}

/// What it says of some texts.
pub(super) fn apply(body: &[u8]) -> Result<Value, Refusal> {
    let asked: Apply = serde_json::from_slice(body)
        .map_err(|error| Refusal::invalid(format!("the body is no ApplyGuardrail request: {error}")))?;
    let texts: Vec<_> = asked.content.into_iter().filter_map(|block| block.text).collect();
    let found = PEOPLE.iter().filter(|name| texts.iter().any(|text| text.text.contains(**name)));
    let entities: Vec<_> =
        found.map(|name| json!({"type": "NAME", "match": name, "action": "ANONYMIZED"})).collect();
    let action = if entities.is_empty() { "NONE" } else { "GUARDRAIL_INTERVENED" };
    Ok(json!({
        "usage": {
            "topicPolicyUnits": 0, "contentPolicyUnits": 0, "wordPolicyUnits": 0,
            "sensitiveInformationPolicyUnits": 1, "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0
        },
        "action": action,
        "outputs": [],
        "assessments": [{"sensitiveInformationPolicy": {"piiEntities": entities, "regexes": []}}],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_that_it_knows_are_found_and_nobody_else() {
        let body = br#"{"source":"INPUT","content":[{"text":{"text":"Ada Lovelace wrote to Bob."}}]}"#;

        let said = apply(body).ok().unwrap();

        let entities = &said["assessments"][0]["sensitiveInformationPolicy"]["piiEntities"];
        assert_eq!(*entities, json!([{"type": "NAME", "match": "Ada Lovelace", "action": "ANONYMIZED"}]));
        assert!(is_apply("/guardrail/gr-1/version/3/apply") && !is_apply("/guardrail/gr-1"));
        assert!(apply(b"{}").is_err());
    }
}
