//! A fixture of the tests: a function with whole answers. What it does stands in its event's `do`; without one it is
//! an authorizer, and what it does stands in the caller's `Authorization` header.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let (payload, context) = event.into_parts();
    let Some(what) = payload["do"].as_str() else {
        return authorize(&payload);
    };
    match what {
        "fail" => Err("as asked".into()),
        "crash" => std::process::exit(7),
        "hang" => std::future::pending().await,
        "wait" => {
            let gate = payload["gate"].as_str().unwrap_or_default();
            let closed = TcpStream::connect(gate).await?.read(&mut [0]).await?;
            Ok(json!({"read": closed}))
        }
        "big" => Ok(json!("x".repeat(7 * 1024 * 1024))),
        _ => Ok(json!({
            "event": payload,
            "function": context.env_config.function_name,
            "memory": context.env_config.memory,
            "arn": context.invoked_function_arn,
            "variables": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
        })),
    }
}

fn authorize(event: &Value) -> Result<Value, Error> {
    let method_arn = &event["methodArn"];
    let word = event["headers"]["authorization"].as_str().unwrap_or_default();
    let statement = |effect: &str, resource: &Value| json!({"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource});
    let answer = |statements: Value, context: Value| {
        json!({
            "principalId": "someone",
            "policyDocument": {"Version": "2012-10-17", "Statement": statements},
            "context": context,
        })
    };
    let elsewhere = json!("arn:aws:execute-api:us-east-1:000000000000:other/*");
    let allow = statement("Allow", method_arn);
    match word {
        "Bearer good" => Ok(answer(json!([allow]), json!({"user": "ann", "limit": 7, "isTrusted": true}))),
        "Bearer planned" | "Bearer unplanned" => {
            let mut answer = answer(json!([allow]), json!({"user": "ann"}));
            answer["usageIdentifierKey"] = json!(format!("api123-000000000000-{}", &word["Bearer ".len()..]));
            Ok(answer)
        }
        "Bearer busy" => {
            let context = json!({"code": "rate_limit_exceeded", "message": "slow down", "retryAfter": "3"});
            Ok(answer(json!(statement("Deny", &json!("*"))), context))
        }
        "Bearer elsewhere" => Ok(answer(json!([statement("Allow", &elsewhere)]), json!({}))),
        "Bearer nested" => Ok(answer(json!([allow]), json!({"user": {"name": "ann"}}))),
        "Bearer odd" => Ok(json!({"answer": 42})),
        "Bearer event" => Ok(answer(json!([allow]), json!({"event": event.to_string()}))),
        "Bearer broken" => Err("the table is away".into()),
        _ => Err("Unauthorized".into()),
    }
}
