//! The life of one environment: it starts, answers one job after the other, and ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use super::pool::{Order, Place};
use super::process::Process;
use super::{CredentialsSource, FunctionError, FunctionSpec, InvokeError, Outcome, StartError, epoch_ms};
use crate::runtime_api::{Invocation, RuntimeApi};

/// Lambda gives initialisation no longer.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// An event that waits for an environment, and who waits for its answer.
pub(super) struct Job {
    pub(super) event: Bytes,
    pub(super) reply: oneshot::Sender<Outcome>,
}

/// Keeps one environment.
pub(super) struct Keeper {
    pub(super) spec: Arc<FunctionSpec>,
    pub(super) credentials: Arc<dyn CredentialsSource>,
    pub(super) place: Place,
}

impl Keeper {
    pub(super) async fn keep(self, first: Job) {
        let started = Environment::start(&self.spec, self.credentials.as_ref(), &self.place).await;
        let mut environment = match started {
            Ok(environment) => environment,
            Err(error) => {
                tracing::warn!(function = self.spec.name, %error, "an environment could not be started");
                // The place is free before the caller knows, so that its next try finds room.
                drop(self.place);
                answer(first.reply, Err(error));
                return;
            }
        };
        let mut job = first;
        loop {
            if let Err(error) = environment.run(job).await {
                tracing::warn!(function = self.spec.name, %error, "an environment is lost");
                environment.process.kill().await;
                drop(self.place);
                environment.api.fail(error);
                return;
            }
            match environment.rest(&self.place).await {
                Some(next) => job = next,
                None => return,
            }
        }
    }
}

struct Environment {
    spec: Arc<FunctionSpec>,
    process: Process,
    api: Arc<RuntimeApi>,
    orders: watch::Receiver<Order>,
    /// From then on no job is taken, because it could outlive the credentials.
    retires_at: Option<Instant>,
    /// The Runtime API's server, which ends with the environment.
    _server: JoinSet<()>,
}

impl Environment {
    async fn start(
        spec: &Arc<FunctionSpec>,
        credentials: &dyn CredentialsSource,
        place: &Place,
    ) -> Result<Self, InvokeError> {
        let credentials = credentials.credentials().await;
        let credentials = credentials.map_err(StartError::Credentials)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.map_err(StartError::Listen)?;
        let address = listener.local_addr().map_err(StartError::Listen)?;
        let api = Arc::new(RuntimeApi::new(spec));
        let mut server = JoinSet::new();
        server.spawn(Arc::clone(&api).serve(listener));
        let process = Process::start(spec, &address.to_string(), &credentials)?;
        place.set_pid(process.pid());
        let mut environment = Self {
            spec: Arc::clone(spec),
            process,
            api,
            orders: place.orders.clone(),
            retires_at: credentials.expires_at.and_then(|at| at.checked_sub(spec.timeout)),
            _server: server,
        };
        environment.initialise().await?;
        Ok(environment)
    }

    async fn initialise(&mut self) -> Result<(), FunctionError> {
        let api = Arc::clone(&self.api);
        tokio::select! {
            () = api.idle() => {
                api.close_registration();
                Ok(())
            }
            error = self.lost() => Err(error),
            () = sleep(INIT_LIMIT) => Err(FunctionError::new(
                "Sandbox.Timedout",
                format!("Init timed out after {} seconds", INIT_LIMIT.as_secs()),
            )),
        }
    }

    /// Answers one job; an error means that the environment is lost, whoever still waits for the answer.
    async fn run(&mut self, job: Job) -> Result<(), FunctionError> {
        let request_id = Uuid::now_v7().to_string();
        let deadline = Instant::now() + self.spec.timeout;
        let timeout_ms = u64::try_from(self.spec.timeout.as_millis()).unwrap_or(u64::MAX);
        let invocation = Invocation {
            request_id: request_id.clone(),
            event: job.event,
            deadline_ms: epoch_ms().saturating_add(timeout_ms),
            trace_id: trace_id(),
        };
        self.process.thaw();
        self.api.give(&invocation, job.reply);
        let api = Arc::clone(&self.api);
        let ended = tokio::select! {
            () = api.idle() => Ok(()),
            error = self.lost() => Err(error),
            () = sleep_until(deadline) => Err(self.timed_out()),
        };
        if ended.is_ok() {
            self.api.fail(FunctionError::new(
                "Runtime.InvalidState",
                "the runtime asked for its next event without an answer to this one",
            ));
        }
        ended.map_err(|error| error.of_request(&request_id))
    }

    /// Waits for the next job; none: this environment's time is over.
    async fn rest(&mut self, place: &Place) -> Option<Job> {
        if self.retires_at.is_some_and(|at| Instant::now() >= at) {
            self.process.stop().await;
            return None;
        }
        self.process.freeze();
        let mut job = place.sit();
        let retires_at = self.retires_at;
        tokio::select! {
            // A job that was given is taken, whatever else happens at the same time.
            biased;
            Ok(job) = &mut job => return Some(job),
            _ = self.lost() => {}
            () = until(retires_at) => {}
        }
        job.close();
        let late = job.try_recv().ok();
        if late.is_none() {
            self.process.stop().await;
        }
        late
    }

    /// Completes when the environment cannot go on, and says why.
    async fn lost(&mut self) -> FunctionError {
        let ended = tokio::select! {
            fault = self.api.fault() => return fault,
            ended = self.process.end() => ended,
            order = ordered(&mut self.orders) => {
                match order {
                    Order::Stop => self.process.stop().await,
                    Order::Live | Order::Kill => self.process.kill().await,
                }
                self.process.end().await
            }
        };
        FunctionError::new("Runtime.ExitError", ended)
    }

    fn timed_out(&self) -> FunctionError {
        let limit = self.spec.timeout;
        let (secs, hundredths) = (limit.as_secs(), limit.subsec_millis() / 10);
        FunctionError::new("Sandbox.Timedout", format!("Task timed out after {secs}.{hundredths:02} seconds"))
    }
}

/// A caller that has gone needs no answer.
fn answer(reply: oneshot::Sender<Outcome>, outcome: Outcome) {
    if reply.send(outcome).is_err() {
        tracing::debug!("the caller of an invocation has gone");
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// The first order that ends the environment; a pool that is gone ends it too.
async fn ordered(orders: &mut watch::Receiver<Order>) -> Order {
    match orders.wait_for(|order| *order != Order::Live).await {
        Ok(order) => *order,
        Err(_) => Order::Kill,
    }
}

fn trace_id() -> String {
    let id = Uuid::now_v7().simple().to_string();
    let parent = Uuid::now_v7().simple().to_string();
    format!("Root=1-{}-{};Parent={};Sampled=0", &id[..8], &id[8..], &parent[16..])
}
