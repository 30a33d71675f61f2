//! Each request of a caller, as each kind of target gets it.

use tollgate_core::dialect::Dialect;

use crate::pairs::{CHAT, CLAUDE, CONVERSE, CONVERSE_OSS, INVOKE, PASS, RESPONSES};
use crate::stage::{leaving, request};
use crate::text::{compare, fixture, fixtures};

fn compare_all(dialect: Dialect, targets: &[&str]) {
    let folder = format!("{}/ask", dialect.as_str());
    for name in fixtures(&folder, "json") {
        let request = request(dialect, &fixture(&format!("{folder}/{name}.json")));
        let sections = targets.iter().map(|target| format!("## {target}\n{}", leaving(&request, target)));
        compare(&format!("{}_ask_{name}", dialect.as_str()), &sections.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn chat_requests_are_said_to_every_kind_of_target() {
    compare_all(Dialect::Chat, &[PASS, RESPONSES, CONVERSE, CLAUDE, CONVERSE_OSS, INVOKE]);
}

#[test]
fn responses_requests_are_said_to_every_kind_of_target() {
    compare_all(Dialect::Responses, &[PASS, CHAT, CONVERSE, CLAUDE, INVOKE]);
}

#[test]
fn texts_are_said_to_every_kind_of_embedding_model() {
    compare_all(
        Dialect::Embeddings,
        &[
            "openai/text-embedding-3-small",
            "invoke-us-east-1/titan-embed-text-v2",
            "invoke-us-east-1/cohere-embed-v4",
            "invoke-us-east-1/nova-embed",
        ],
    );
}
