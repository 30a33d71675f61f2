use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::catalogue::InvokeBody;

fn body(members: &Value) -> RawObject {
    serde_json::from_str(&members.to_string()).unwrap()
}

fn request(members: &Value) -> Result<EmbeddingRequest, Error> {
    read(&body(members))
}

fn param(members: &Value) -> Option<String> {
    match request(members).unwrap_err() {
        Error::Invalid { param, .. } => param,
        other => panic!("{other}"),
    }
}

fn texts(texts: &[&str]) -> Inputs {
    Inputs::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn said(request: &EmbeddingRequest, body: InvokeBody) -> Vec<Value> {
    let bodies = say(request, body, "m").unwrap();
    bodies.iter().map(|body| serde_json::from_slice(body).unwrap()).collect()
}

fn value(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn all_four_forms_of_input_are_read() {
    for (input, expected) in [
        (json!("a"), texts(&["a"])),
        (json!(["a", "b"]), texts(&["a", "b"])),
        (json!([1, 2]), Inputs::Tokens(vec![vec![1, 2]])),
        (json!([[1, 2], [3]]), Inputs::Tokens(vec![vec![1, 2], vec![3]])),
    ] {
        assert_eq!(request(&json!({"model": "m", "input": input})).unwrap().inputs, expected);
    }
}

#[test]
fn what_python_and_node_send_is_read() {
    let sent =
        json!({"input": "a", "model": "m", "encoding_format": "base64", "dimensions": 256, "user": "u"});

    let request = request(&sent).unwrap();

    assert_eq!(request, EmbeddingRequest { inputs: texts(&["a"]), dimensions: Some(256), is_base64: true });
}

#[test]
fn what_is_wrong_is_named() {
    for input in [
        json!(null),
        json!(""),
        json!([]),
        json!(["a", ""]),
        json!([[]]),
        json!([[1], []]),
        json!(["a", 1]),
        json!([-1]),
        json!([1.5]),
        json!({"a": 1}),
        json!(7),
        json!(vec!["a"; 2_049]),
    ] {
        assert_eq!(param(&json!({ "input": input })).as_deref(), Some("input"), "{input}");
    }
    for (name, wrong) in [
        ("dimensions", json!(0)),
        ("dimensions", json!("a")),
        ("dimensions", json!(-5)),
        ("encoding_format", json!("hex")),
        ("encoding_format", json!(1)),
        ("user", json!([])),
    ] {
        assert_eq!(param(&json!({"input": "a", name: wrong})).as_deref(), Some(name));
    }
    assert!(request(&json!({"input": vec!["a"; 2_048]})).is_ok());
}

#[test]
fn only_the_model_differs_in_what_is_passed_on() {
    let came: RawObject =
        serde_json::from_str(r#"{"model":"x","input":"\u00e9","dimensions":2.0e1,"new":[1]}"#).unwrap();

    let sent = forward(&came, "text-embedding-3-small").unwrap();

    let expected = r#"{"model":"text-embedding-3-small","input":"\u00e9","dimensions":2.0e1,"new":[1]}"#;
    assert_eq!(sent, expected);
}

#[test]
fn titan_takes_one_text_a_call() {
    let request = EmbeddingRequest { inputs: texts(&["a", "b"]), dimensions: Some(512), is_base64: false };

    let one = |text: &str| json!({"inputText": text, "dimensions": 512, "normalize": true, "embeddingTypes": ["float"]});
    assert_eq!(said(&request, InvokeBody::TitanEmbedding), [one("a"), one("b")]);
}

#[test]
fn cohere_takes_96_texts_a_call() {
    let inputs = Inputs::Texts(vec!["a".to_owned(); 97]);
    let request = EmbeddingRequest { inputs, dimensions: Some(1_536), is_base64: false };

    let some = |count: usize| {
        json!({
            "texts": vec!["a"; count], "input_type": "search_document", "embedding_types": ["float"],
            "output_dimension": 1_536, "truncate": "NONE"
        })
    };
    assert_eq!(said(&request, InvokeBody::CohereEmbedding), [some(96), some(1)]);
}

#[test]
fn nova_takes_one_text_a_call() {
    let request = EmbeddingRequest { inputs: texts(&["a"]), dimensions: None, is_base64: false };

    let text = json!({"truncationMode": "NONE", "value": "a"});
    let expected = json!({
        "taskType": "SINGLE_EMBEDDING",
        "singleEmbeddingParams": {"embeddingPurpose": "GENERIC_INDEX", "text": text}
    });
    assert_eq!(said(&request, InvokeBody::NovaEmbedding), [expected]);

    let said = said(&EmbeddingRequest { dimensions: Some(384), ..request }, InvokeBody::NovaEmbedding);
    assert_eq!(said[0]["singleEmbeddingParams"]["embeddingDimension"], 384);
}

#[test]
fn lengths_and_inputs_that_a_model_lacks_are_unfit() {
    let all = [InvokeBody::TitanEmbedding, InvokeBody::CohereEmbedding, InvokeBody::NovaEmbedding];
    for (body, dimensions) in all.into_iter().zip([384, 384, 512]) {
        let odd = EmbeddingRequest { inputs: texts(&["a"]), dimensions: Some(dimensions), is_base64: false };
        let tokens =
            EmbeddingRequest { inputs: Inputs::Tokens(vec![vec![1]]), dimensions: None, is_base64: false };

        assert_eq!(say(&odd, body, "m").unwrap_err().field, "dimensions");
        assert_eq!(say(&tokens, body, "m").unwrap_err().field, "input");
    }
}

#[test]
fn each_makers_answer_is_read() {
    let titan = json!({
        "embedding": [0.5, -0.25], "embeddingsByType": {"float": [0.5, -0.25]}, "inputTextTokenCount": 3
    });
    let cohere = json!({
        "id": "6e2f", "response_type": "embeddings_by_type", "texts": ["a", "b"],
        "embeddings": {"float": [[0.5, -0.25], [1, 0]]}
    });
    let plain =
        json!({"embeddings": [[0.5, -0.25], [1, 0]], "id": "6e2f", "response_type": "embeddings_floats"});
    let nova = json!({"embeddings": [{"embeddingType": "TEXT", "embedding": [0.5, -0.25]}]});
    let one = vec![vec![0.5, -0.25]];
    let two = vec![vec![0.5, -0.25], vec![1.0, 0.0]];

    for (body, answer, vectors, input_tokens) in [
        (InvokeBody::TitanEmbedding, titan, one.clone(), Some(3)),
        (InvokeBody::CohereEmbedding, cohere, two.clone(), None),
        (InvokeBody::CohereEmbedding, plain, two, None),
        (InvokeBody::NovaEmbedding, nova, one, None),
    ] {
        let heard = hear(body, answer.to_string().as_bytes()).unwrap();
        assert_eq!(heard, Embeddings { vectors, input_tokens });
    }
}

#[test]
fn an_answer_without_vectors_is_none() {
    for (body, answer) in [
        (InvokeBody::TitanEmbedding, r#"{"message":"no"}"#),
        (InvokeBody::TitanEmbedding, r#"{"embedding":[]}"#),
        (InvokeBody::CohereEmbedding, r#"{"embeddings":[]}"#),
        (InvokeBody::CohereEmbedding, r#"{"embeddings":{"int8":[[1]]}}"#),
        (InvokeBody::NovaEmbedding, r#"{"embeddings":[{"embedding":[]}]}"#),
        (InvokeBody::NovaEmbedding, r#"{"embeddings":[{"embedding":[1]},{"embedding":[1]}]}"#),
        (InvokeBody::NovaEmbedding, "<html>"),
    ] {
        assert!(matches!(hear(body, answer.as_bytes()), Err(NoAnswer::Garbled(_))), "{answer}");
    }
}

#[test]
fn an_answer_is_openais_list() {
    let embeddings = Embeddings { vectors: vec![vec![0.5], vec![-2.0]], input_tokens: Some(4) };

    let list = |vectors: [Value; 2]| {
        let rows: Vec<_> = vectors
            .into_iter()
            .enumerate()
            .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
            .collect();
        json!({
            "object": "list", "data": rows, "model": "m", "usage": {"prompt_tokens": 4, "total_tokens": 4}
        })
    };
    assert_eq!(value(&whole(&embeddings, "m", false)), list([json!([0.5]), json!([-2.0])]));
    assert_eq!(value(&whole(&embeddings, "m", true)), list([json!("AAAAPw=="), json!("AAAAwA==")]));
}

#[test]
fn openais_own_answer_is_glimpsed() {
    let answer = br#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1]}],
        "model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}"#;

    let seen = glimpse(answer).unwrap();

    assert_eq!(seen.usage, Some(Usage { input: 8, ..Usage::default() }));
    assert!(seen.has_content && seen.finish == Some(Finish::Whole));
    assert!(matches!(glimpse(br#"{"error":{"message":"no"}}"#), Err(NoAnswer::Failed)));
    assert!(matches!(glimpse(br#"{"Output":{}}"#), Err(NoAnswer::Garbled(_))));
}

proptest! {
    #[test]
    fn base64_says_the_same_as_numbers(vector in prop::collection::vec(-1.0e6_f32..1.0e6, 1..8)) {
        let embeddings = Embeddings { vectors: vec![vector.clone()], input_tokens: None };
        let floats = value(&whole(&embeddings, "m", false));
        let text = value(&whole(&embeddings, "m", true));

        let floats: Vec<f32> = serde_json::from_value(floats["data"][0]["embedding"].clone()).unwrap();
        let bytes = BASE64_STANDARD.decode(text["data"][0]["embedding"].as_str().unwrap()).unwrap();
        let decoded: Vec<f32> =
            bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        prop_assert_eq!(&floats, &vector);
        prop_assert_eq!(decoded, vector);
    }
}
