//! A fixture of the tests: a function with streamed answers and an internal extension. The request's body is its
//! script: status, headers, the steps that make the body, and the steps that the extension takes `after` the answer.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use lambda_extension::{Extension, LambdaEvent, NextEvent};
use lambda_http::{Error, Request, Response, service_fn};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Script {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    steps: Vec<Step>,
    after: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Say(String),
    /// Connects, says what it is, and waits for the other end to close.
    Meet {
        gate: String,
        word: String,
    },
    Crash,
    Hang,
}

type Body = StreamBody<Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Error>> + Send>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let (chores, given) = mpsc::unbounded_channel::<Vec<Step>>();
    let given = Arc::new(Mutex::new(given));
    let extension = Extension::new()
        .with_extension_name("front-stream")
        .with_events(&["INVOKE"])
        .with_events_processor(service_fn(move |event: LambdaEvent| {
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
    let handler = service_fn(|request: Request| {
        let chores = chores.clone();
        async move { answer(&request, &chores) }
    });
    tokio::try_join!(
        extension.run(),
        lambda_http::run_with_streaming_response(handler)
    )?;
    Ok(())
}

fn answer(
    request: &Request,
    chores: &mpsc::UnboundedSender<Vec<Step>>,
) -> Result<Response<Body>, Error> {
    let mut script: Script = serde_json::from_slice(request.body()).unwrap_or_default();
    chores.send(std::mem::take(&mut script.after))?;
    let mut response = Response::builder().status(script.status.unwrap_or(200));
    for (name, value) in &script.headers {
        response = response.header(name, value);
    }
    let steps = script.steps.into_iter();
    let frames: Pin<Box<dyn Stream<Item = _> + Send>> = Box::pin(stream::unfold(steps, make));
    Ok(response.body(StreamBody::new(frames))?)
}

async fn make(
    mut steps: std::vec::IntoIter<Step>,
) -> Option<(Result<Frame<Bytes>, Error>, std::vec::IntoIter<Step>)> {
    loop {
        match take(steps.next()?).await {
            Ok(None) => {}
            Ok(Some(words)) => return Some((Ok(Frame::data(words.into())), steps)),
            Err(error) => return Some((Err(error), steps)),
        }
    }
}

async fn take(step: Step) -> Result<Option<String>, Error> {
    match step {
        Step::Say(words) => Ok(Some(words)),
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
