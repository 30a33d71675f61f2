//! A fixture of the tests: a function with streamed answers and an internal extension. The request's body is its
//! script: status, headers, the steps that make the body, and the steps that the extension takes `after` the answer.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::HeaderName;
use lambda_extension::{Extension, NextEvent};
use lambda_runtime::{Error, LambdaEvent, MetadataPrelude, StreamResponse, service_fn};
use serde::Deserialize;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Script {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    /// Whether the body is the event itself.
    echo: bool,
    /// Taken before the head is sent.
    before: Option<Step>,
    steps: Vec<Step>,
    after: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Say(String),
    /// So many megabytes.
    Pour(usize),
    /// Connects, says what it is, and waits for the other end to close.
    Meet {
        gate: String,
        word: String,
    },
    Crash,
    Hang,
}

type Chunks = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (chores, given) = mpsc::unbounded_channel::<Vec<Step>>();
    let given = Arc::new(Mutex::new(given));
    let extension = Extension::new()
        .with_extension_name("front-stream")
        .with_events(&["INVOKE"])
        .with_events_processor(service_fn(move |event: lambda_extension::LambdaEvent| {
            let given = Arc::clone(&given);
            async move {
                if let NextEvent::Invoke(_) = event.next {
                    for step in given.lock().await.recv().await.unwrap_or_default() {
                        take(step).await?;
                    }
                }
                Ok::<_, Error>(())
            }
        }))
        .register()
        .await?;
    let handler = service_fn(|event: LambdaEvent<Value>| answer(event, &chores));
    tokio::try_join!(extension.run(), lambda_runtime::run(handler))?;
    Ok(())
}

async fn answer(
    event: LambdaEvent<Value>,
    chores: &mpsc::UnboundedSender<Vec<Step>>,
) -> Result<StreamResponse<Chunks>, Error> {
    let script = event.payload["body"].as_str().unwrap_or_default();
    let mut script: Script = serde_json::from_str(script).unwrap_or_default();
    if let Some(step) = script.before {
        take(step).await?;
    }
    if script.echo {
        script.steps = vec![Step::Say(event.payload.to_string())];
    }
    let mut metadata_prelude = MetadataPrelude {
        status_code: script.status.unwrap_or(200).try_into()?,
        ..MetadataPrelude::default()
    };
    for (name, value) in script.headers {
        if name == "set-cookie" {
            metadata_prelude.cookies.push(value);
        } else {
            let name: HeaderName = name.parse()?;
            metadata_prelude.headers.append(name, value.parse()?);
        }
    }
    Ok(StreamResponse {
        metadata_prelude,
        stream: Box::pin(stream::unfold(
            Chunking { steps: script.steps.into_iter(), after: script.after, chores: chores.clone() },
            make,
        )),
    })
}

struct Chunking {
    steps: std::vec::IntoIter<Step>,
    after: Vec<Step>,
    chores: mpsc::UnboundedSender<Vec<Step>>,
}

async fn make(mut chunking: Chunking) -> Option<(Result<Bytes, Error>, Chunking)> {
    loop {
        let Some(step) = chunking.steps.next() else {
            let chores = std::mem::take(&mut chunking.after);
            chunking.chores.send(chores).expect("the extension lives as long as the function");
            return None;
        };
        match take(step).await {
            Ok(None) => {}
            Ok(Some(words)) => return Some((Ok(words.into()), chunking)),
            Err(error) => return Some((Err(error), chunking)),
        }
    }
}

async fn take(step: Step) -> Result<Option<String>, Error> {
    match step {
        Step::Say(words) => Ok(Some(words)),
        Step::Pour(megabytes) => Ok(Some("x".repeat(megabytes * 1024 * 1024))),
        Step::Meet { gate, word } => {
            let mut gate = TcpStream::connect(gate).await?;
            gate.write_all(format!("{word}\n").as_bytes()).await?;
            gate.read_to_end(&mut Vec::new()).await?;
            Ok(None)
        }
        Step::Crash => std::process::exit(7),
        Step::Hang => std::future::pending().await,
    }
}
