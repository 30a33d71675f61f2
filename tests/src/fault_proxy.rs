//! A proxy in front of DynamoDB Local that fails as the network and the service fail: refusals, resets, lost replies,
//! delays. A plan says what becomes of each request; a request may also be stopped, so that a test can kill its sender
//! right there.

mod fault;
mod mixture;
mod upstream;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub use self::fault::{Arrived, Fault, Moment};
pub use self::mixture::mixture;
pub use self::upstream::Consumed;
use self::upstream::Upstream;

/// The connection ends without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut by plan")
    }
}

impl std::error::Error for Cut {}

type Plan = Box<dyn FnMut(&Arrived) -> Fault + Send>;

/// A running proxy; it ends when it is dropped.
pub struct FaultProxy {
    url: String,
    state: Arc<State>,
    /// Dropping it ends the server.
    _server: JoinSet<()>,
}

/// A request that waits for the test. When this is dropped its connection is cut; before it was forwarded, it never is.
pub struct Stopped {
    /// Which request.
    pub arrived: Arrived,
    go_on: oneshot::Sender<()>,
}

struct State {
    upstream: Upstream,
    book: Mutex<Book>,
}

/// The plan, and how far it has got.
struct Book {
    plan: Plan,
    arrived: u64,
    stops: Option<mpsc::UnboundedSender<Stopped>>,
    consumed: Vec<Consumed>,
}

impl FaultProxy {
    /// A proxy that forwards everything to `upstream`, such as `http://127.0.0.1:8000`.
    pub async fn start(upstream: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let book = Book { plan: Box::new(|_| Fault::None), arrived: 0, stops: None, consumed: Vec::new() };
        let state = Arc::new(State { upstream: Upstream::at(upstream), book: Mutex::new(book) });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { url, state, _server: server })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What becomes of the requests from now on, which are counted from 1 again. Requests that the plan stops are
    /// received here.
    pub fn follow(
        &self,
        plan: impl FnMut(&Arrived) -> Fault + Send + 'static,
    ) -> mpsc::UnboundedReceiver<Stopped> {
        let (stops, stopped) = mpsc::unbounded_channel();
        let mut book = self.state.book();
        book.plan = Box::new(plan);
        book.arrived = 0;
        book.stops = Some(stops);
        stopped
    }

    /// Forwards everything from now on.
    pub fn forward_all(&self) {
        drop(self.follow(|_| Fault::None));
    }

    /// How many requests have come since the plan was laid down.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        self.state.book().arrived
    }

    /// What the requests since the last call of this have consumed. Every request is asked for it.
    #[must_use]
    pub fn take_consumed(&self) -> Vec<Consumed> {
        std::mem::take(&mut self.state.book().consumed)
    }
}

impl Stopped {
    /// Lets the request go on; one whose sender has gone ends nowhere.
    pub fn go_on(self) {
        // A sender that hung up has taken the waiting end with it.
        let _ = self.go_on.send(());
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = listener.accept().await;
        while connections.try_join_next().is_some() {}
        if let Ok((stream, _)) = accepted {
            connections.spawn(serve_connection(stream, Arc::clone(&state)));
        }
    }
}

async fn serve_connection(stream: TcpStream, state: Arc<State>) {
    // Without it small answers wait; where it fails the connection is gone anyway.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { state.answer(request).await }
    });
    // An error is a connection that was cut, by plan or by its client.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

impl State {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Cut> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let (arrived, fault) = self.judge(&parts.headers);
        let forward = || self.forward(&arrived, parts, body);
        match fault {
            Fault::None => forward().await,
            Fault::Refuse(refusal) => Ok(refusal.response()),
            Fault::Reset => Err(Cut),
            Fault::LoseReply => {
                forward().await?;
                Err(Cut)
            }
            Fault::Delay(Moment::Before, time) => {
                tokio::time::sleep(time).await;
                forward().await
            }
            Fault::Delay(Moment::After, time) => {
                let answer = forward().await?;
                tokio::time::sleep(time).await;
                Ok(answer)
            }
            Fault::Stop(Moment::Before) => {
                self.stop(&arrived).await?;
                forward().await
            }
            Fault::Stop(Moment::After) => {
                let answer = forward().await?;
                self.stop(&arrived).await?;
                Ok(answer)
            }
        }
    }

    fn judge(&self, headers: &http::HeaderMap) -> (Arrived, Fault) {
        let mut book = self.book();
        book.arrived += 1;
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
        let operation = target.split_once('.').map_or(target, |(_, operation)| operation);
        let arrived = Arrived { number: book.arrived, operation: operation.to_owned() };
        let fault = (book.plan)(&arrived);
        (arrived, fault)
    }

    /// Forwards to the end, whether or not the client stays: what has left cannot be called back.
    async fn forward(
        self: &Arc<Self>,
        arrived: &Arrived,
        parts: http::request::Parts,
        body: Bytes,
    ) -> Result<Response<Full<Bytes>>, Cut> {
        let (state, operation) = (Arc::clone(self), arrived.operation.clone());
        let (reply, answer) = oneshot::channel();
        let mut exchange = JoinSet::new();
        exchange.spawn(async move {
            let answered = state.upstream.exchange(&operation, parts, body).await;
            let answered = answered.map(|(response, consumed)| {
                state.book().consumed.extend(consumed);
                response
            });
            // Where the client has gone nobody waits for it.
            drop(reply.send(answered));
        });
        exchange.detach_all();
        answer.await.ok().flatten().ok_or(Cut)
    }

    async fn stop(&self, arrived: &Arrived) -> Result<(), Cut> {
        let (go_on, wait) = oneshot::channel();
        let stops = self.book().stops.clone().ok_or(Cut)?;
        stops.send(Stopped { arrived: arrived.clone(), go_on }).map_err(|_| Cut)?;
        wait.await.map_err(|_| Cut)
    }
}

#[cfg(test)]
mod tests;
