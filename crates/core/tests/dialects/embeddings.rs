//! Vectors, as callers get them; and what they cost.

use tollgate_core::catalogue::{InvokeBody, Wire};
use tollgate_core::dialect::Dialect;
use tollgate_core::embedding::{self, Embeddings};
use tollgate_core::model::Said;

use crate::costs::cost;
use crate::pairs::target;
use crate::stage::{interpreter, json, request};
use crate::text::{compare, fixture, pretty};

/// As the adapter reads it; where the body counts no tokens, a header does.
fn vectors(body: InvokeBody, name: &str, header: u64) -> Said {
    let heard = embedding::hear(body, &fixture(&format!("embeddings/answer/{name}.json")))
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    Said::Embeddings(Embeddings { input_tokens: heard.input_tokens.or(Some(header)), ..heard })
}

/// Compares what the caller gets with the snapshot, and what it costs with the figure, in nano-dollars.
fn check(target_id: &str, name: &str, header: u64, expected: u64) {
    let mut text = String::new();
    for ask in ["text", "short_base64"] {
        let request = request(Dialect::Embeddings, &fixture(&format!("embeddings/ask/{ask}.json")));
        let said = match target(target_id).wire {
            Wire::Invoke { body } => vectors(body, name, header),
            _ if request.wants_base64() => json(&fixture(&format!("embeddings/answer/{name}_base64.json"))),
            _ => json(&fixture(&format!("embeddings/answer/{name}.json"))),
        };
        let (body, seen) = interpreter(&request, target_id)
            .whole(said)
            .unwrap_or_else(|error| panic!("{target_id}: {error}"));
        text.push_str(&format!("## {ask}\n{}\nseen: {:?}, {:?}\n\n", pretty(&body), seen.finish, seen.usage));
        assert_eq!(cost(target_id, &seen), expected, "{target_id}");
    }
    compare(&format!("embeddings_hears_{name}"), &text);
}

#[test]
fn vectors_of_every_kind_of_model_reach_the_caller() {
    // 8 × 20
    check("openai/text-embedding-3-small", "openai", 0, 160);
    // 5 × 20
    check("invoke-us-east-1/titan-embed-text-v2", "titan", 0, 100);
    // 7 × 120
    check("invoke-us-east-1/cohere-embed-v4", "cohere", 7, 840);
    // 6 × 135
    check("invoke-us-east-1/nova-embed", "nova", 6, 810);
}
