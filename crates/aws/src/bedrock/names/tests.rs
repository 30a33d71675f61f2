//! What a guardrail is asked, and what is made of its answer.

use serde_json::json;
use wiremock::matchers::{body_partial_json, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::bedrock::runtime::samples::config;

fn guardrail() -> Guardrail {
    Guardrail { id: "gr-1".to_owned(), version: "3".to_owned() }
}

async fn found(answer: ResponseTemplate, texts: &[&str]) -> Result<Vec<String>, NamesError> {
    let server = MockServer::start().await;
    let asked = json!({"source": "INPUT", "outputScope": "FULL"});
    Mock::given(method("POST"))
        .and(path("/guardrail/gr-1/version/3/apply"))
        .and(body_partial_json(asked))
        .respond_with(answer)
        .mount(&server)
        .await;
    let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
    let names = GuardrailNames::new(&config(&server.uri()));
    GuardrailNames { patience: Duration::from_millis(500), ..names }.find(&guardrail(), &texts).await
}

fn assessed(entities: &serde_json::Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "usage": {"topicPolicyUnits": 0, "contentPolicyUnits": 0, "wordPolicyUnits": 0,
            "sensitiveInformationPolicyUnits": 1, "sensitiveInformationPolicyFreeUnits": 0,
            "contextualGroundingPolicyUnits": 0},
        "action": "NONE", "outputs": [],
        "assessments": [{"sensitiveInformationPolicy": {"piiEntities": entities, "regexes": []}}],
    }))
}

#[tokio::test]
async fn names_are_taken_and_nothing_else_that_it_found() {
    let entities = json!([
        {"type": "NAME", "match": "Anna Berg", "action": "ANONYMIZED"},
        {"type": "NAME", "match": "Anna Berg", "action": "NONE"},
        {"type": "CITY", "match": "Ulm", "action": "NONE"},
    ]);

    let names = found(assessed(&entities), &["Anna Berg lives in Ulm"]).await.unwrap();

    assert_eq!(names, ["Anna Berg"]);
}

#[tokio::test]
async fn a_guardrail_that_fails_or_cannot_be_asked_names_nobody() {
    let broken = ResponseTemplate::new(500).set_body_json(json!({"message": "Anna Berg"}));
    let silent = assessed(&json!([])).set_delay(Duration::from_secs(60));

    let failed = found(broken, &["Anna Berg"]).await.unwrap_err();
    let late = found(silent, &["Anna Berg"]).await.unwrap_err();
    let long =
        found(assessed(&json!([])), &["x ".repeat(MOST_CHARS * MOST_CALLS).as_str()]).await.unwrap_err();

    assert!(matches!(&failed, NamesError::Unavailable(cause) if !cause.to_string().contains("Anna")));
    assert!(matches!(late, NamesError::TimedOut));
    assert!(matches!(long, NamesError::TooLong));
}

#[tokio::test]
async fn nothing_is_asked_where_nothing_is_said() {
    assert_eq!(found(ResponseTemplate::new(500), &["", " "]).await.unwrap(), [] as [&str; 0]);
}

#[test]
fn short_texts_share_a_call_and_long_ones_are_cut_with_an_overlap() {
    let long: String = "ab ".repeat(9_000);

    let all = parts(&["Anna".to_owned(), " ".to_owned(), "Bert".to_owned(), long]);

    assert_eq!(all[0], "Anna\nBert");
    assert!(all.iter().all(|part| part.chars().count() <= MOST_CHARS));
    assert!(all[2].starts_with(&all[1][MOST_CHARS - 200..]));
    assert!(all[2].ends_with("ab "));
}
