//! The events that API Gateway makes of a request: for the authorizer, and for the function behind it.

use std::collections::BTreeMap;

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::Stage;
use super::call::Call;

/// A body as an event carries it.
pub(super) struct EncodedBody {
    pub(super) text: Option<String>,
    pub(super) is_base64: bool,
}

/// These belong to the connection, and no event has them.
const OF_THE_CONNECTION: [&str; 8] =
    ["connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"];

/// The `requestContext`, without what an authorizer says.
pub(super) fn context(call: &Call, stage: &Stage) -> Value {
    let domain = format!("{}.execute-api.{}.amazonaws.com", stage.api_id, stage.region);
    json!({
        "accountId": stage.account_id,
        "apiId": stage.api_id,
        "domainName": domain,
        "domainPrefix": stage.api_id,
        "extendedRequestId": call.request_id,
        "httpMethod": call.method.as_str(),
        "identity": {
            "accessKey": null,
            "accountId": null,
            "apiKey": null,
            "apiKeyId": null,
            "caller": null,
            "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null,
            "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null,
            "sourceIp": call.source_ip,
            "user": null,
            "userAgent": call.header("user-agent"),
            "userArn": null,
        },
        "path": format!("/{}{}", stage.name, call.path),
        "protocol": "HTTP/1.1",
        "requestId": call.request_id,
        "requestTime": request_time(call.time_ms),
        "requestTimeEpoch": call.time_ms,
        "resourceId": resource_id(&call.resource),
        "resourcePath": call.resource,
        "stage": stage.name,
    })
}

/// The event of a Lambda proxy integration, payload format 1.0.
pub(super) fn proxy(
    call: &Call,
    stage: &Stage,
    caller: Option<Map<String, Value>>,
    body: EncodedBody,
) -> Value {
    let mut context = context(call, stage);
    if let Some(caller) = caller {
        context["authorizer"] = Value::Object(caller);
    }
    let mut event = request(call, &context);
    event["body"] = body.text.into();
    event["isBase64Encoded"] = body.is_base64.into();
    event
}

/// The event of a REQUEST authorizer.
pub(super) fn authorizer(call: &Call, stage: &Stage, method_arn: &str) -> Value {
    let mut event = request(call, &context(call, stage));
    event["type"] = "REQUEST".into();
    event["methodArn"] = method_arn.into();
    // Here what is not there is empty, where the proxy event has null.
    for key in
        ["queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables"]
    {
        if event[key].is_null() {
            event[key] = json!({});
        }
    }
    event
}

fn request(call: &Call, context: &Value) -> Value {
    let headers = all_headers(call);
    let query = grouped(call.query.iter().cloned());
    json!({
        "resource": call.resource,
        "path": call.path,
        "httpMethod": call.method.as_str(),
        "headers": or_null(last_of_each(&headers)),
        "multiValueHeaders": or_null(&headers),
        "queryStringParameters": or_null(last_of_each(&query)),
        "multiValueQueryStringParameters": or_null(&query),
        "pathParameters": or_null(&call.path_parameters),
        "stageVariables": null,
        "requestContext": context,
    })
}

fn all_headers(call: &Call) -> BTreeMap<String, Vec<String>> {
    let mut headers = grouped(text_of(&call.headers));
    headers.retain(|name, _| !OF_THE_CONNECTION.contains(&name.as_str()));
    let forwarded = headers.entry("x-forwarded-for".to_owned()).or_default();
    let chain: Vec<&str> = forwarded.iter().map(String::as_str).chain([call.source_ip.as_str()]).collect();
    *forwarded = vec![chain.join(", ")];
    headers.insert("x-forwarded-proto".to_owned(), vec!["http".to_owned()]);
    headers
}

fn text_of(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(move |(name, value)| (name.to_string(), text(value)))
}

fn grouped(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut groups = BTreeMap::<String, Vec<String>>::new();
    for (name, value) in pairs {
        groups.entry(name).or_default().push(value);
    }
    groups
}

fn last_of_each(groups: &BTreeMap<String, Vec<String>>) -> BTreeMap<&String, &String> {
    let last = groups.iter().map(|(name, values)| Some((name, values.last()?)));
    last.flatten().collect()
}

fn or_null(map: impl serde::Serialize) -> Value {
    let map = json!(map);
    let is_empty = map.as_object().is_none_or(Map::is_empty);
    if is_empty { Value::Null } else { map }
}

/// In the form of an access log: `22/Nov/2026:22:15:07 +0000`.
fn request_time(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok();
    let time = time.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.unwrap_or_default().strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

/// Six characters that are always the same for a resource.
fn resource_id(path: &str) -> String {
    format!("{:06x}", crc32fast::hash(path.as_bytes()) & 0x00ff_ffff)
}
