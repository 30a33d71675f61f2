use aws_credential_types::Credentials;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tollgate_core::time::Timestamp;
use wiremock::ResponseTemplate;

use super::support::{ANSWER, SECRET, Sample, server};
use super::*;

const PATH: &str = "/openai/v1/chat/completions";

async fn received(session_token: Option<&str>) -> Request<Bytes> {
    let server = server(ResponseTemplate::new(200).set_body_string(ANSWER)).await;
    let session_token = session_token.map(str::to_owned);
    let sample = Sample { session_token, ..Sample::signed(&server.uri()) };
    sample.ask().await.ok().unwrap();
    let got = server.received_requests().await.unwrap().remove(0);
    let mut request = Request::new(Bytes::from(got.body));
    *request.headers_mut() = got.headers;
    request
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers()[name].to_str().unwrap()
}

/// A value of the Authorization header, such as `Credential`.
fn authorization<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    let fields = header(request, "authorization").strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    fields.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).unwrap()
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The signature that AWS computes from what it has received, as its documentation says step by step.
fn expected_signature(request: &Request<Bytes>, path: &str) -> String {
    let names = authorization(request, "SignedHeaders");
    let headers: String =
        names.split(';').map(|name| format!("{name}:{}\n", header(request, name))).collect();
    let body = hex::encode(Sha256::digest(request.body()));
    let canonical = format!("POST\n{path}\n\n{headers}\n{names}\n{body}");
    let (_, scope) = authorization(request, "Credential").split_once('/').unwrap();
    let digest = hex::encode(Sha256::digest(canonical.as_bytes()));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", header(request, "x-amz-date"));
    let key = scope.split('/').fold(format!("AWS4{SECRET}").into_bytes(), |key, part| mac(&key, part));
    hex::encode(mac(&key, &to_sign))
}

#[tokio::test]
async fn a_request_is_signed_as_it_arrives() {
    let request = received(None).await;

    let date = &header(&request, "x-amz-date")[..8];
    let scope = format!("AKIDEXAMPLE/{date}/eu-west-2/bedrock-mantle/aws4_request");
    assert_eq!(authorization(&request, "Credential"), scope);
    assert_eq!(authorization(&request, "SignedHeaders"), "accept;content-type;host;x-amz-date");
    assert_eq!(authorization(&request, "Signature"), expected_signature(&request, PATH));
    assert!(!request.headers().contains_key("x-amz-security-token"));
}

#[tokio::test]
async fn a_session_token_is_sent_and_signed() {
    let request = received(Some("session/token+")).await;

    assert_eq!(header(&request, "x-amz-security-token"), "session/token+");
    let signed = authorization(&request, "SignedHeaders");
    assert_eq!(signed, "accept;content-type;host;x-amz-date;x-amz-security-token");
    assert_eq!(authorization(&request, "Signature"), expected_signature(&request, PATH));
}

/// The recomputation itself, against the case `post-x-www-form-urlencoded` of AWS's published signing test suite.
#[test]
fn the_recomputation_meets_the_published_vector() {
    let scope = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    let names = "content-length;content-type;host;x-amz-content-sha256;x-amz-date";
    let request = Request::post("http://example.amazonaws.com/")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("host", "example.amazonaws.com")
        .header("content-length", "13")
        .header("x-amz-date", "20150830T123600Z")
        .header("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e")
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}"))
        .body(Bytes::from_static(b"Param1=value1"))
        .unwrap();

    let published = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b";
    assert_eq!(expected_signature(&request, "/"), published);
}

/// Signs as calls are signed, under the identity, scope and time of AWS's published signing test suite.
fn sign_as_published(request: http::request::Builder, body: &'static str) -> Request<Bytes> {
    let mut request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
    let credentials = Credentials::new("AKIDEXAMPLE", SECRET, None, None, "test");
    // 2015-08-30T12:36:00Z.
    let scope = Scope { region: "us-east-1", service: "service", now: Timestamp::from_secs(1_440_938_160) };
    signature::sign(&mut request, &credentials, &scope).unwrap();
    request
}

#[test]
fn signing_meets_the_published_vectors() {
    let root = "http://example.amazonaws.com/";
    let sorted = format!("{root}?Param2=value2&Param1=value1");
    let cases = [
        (
            "get-vanilla",
            Request::get(root),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        (
            "get-vanilla-query-order-key-case",
            Request::get(sorted),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "post-vanilla",
            Request::post(root),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        (
            "post-header-key-sort",
            Request::post(root).header("My-Header1", "value1"),
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "post-header-value-case",
            Request::post(root).header("My-Header1", "VALUE1"),
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "get-header-value-trim",
            Request::get(root).header("My-Header1", " value1").header("My-Header2", " \"a   b   c\""),
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
    ];
    for (name, request, published) in cases {
        let request = sign_as_published(request, "");

        assert_eq!(header(&request, "x-amz-date"), "20150830T123600Z");
        assert_eq!(authorization(&request, "Signature"), published, "{name}");
    }
}

#[test]
fn a_body_is_signed_as_published() {
    let digest = "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e";
    let form = Request::post("http://example.amazonaws.com/")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", "13")
        .header("x-amz-content-sha256", digest);

    let request = sign_as_published(form, "Param1=value1");

    let published = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b";
    assert_eq!(authorization(&request, "Signature"), published);
}
