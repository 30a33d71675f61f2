//! The Lambda service of the local stack: one pool of environments per function.
//!
//! An environment answers one invocation at a time and is free again when its runtime and all its extensions have asked
//! for their next event; from then until its next invocation it is frozen.

mod answer;
mod clock;
mod credentials;
mod environment;
mod pool;
mod process;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

pub use answer::{Answer, FunctionError, InvokeError, ResponseStream, StartError};
pub(crate) use answer::{Outcome, Piece};
pub(crate) use clock::epoch_ms;
pub use credentials::{Credentials, CredentialsSource, StaticCredentials};
use environment::{Job, Keeper};
pub use pool::EnvironmentStatus;
use pool::Pool;

/// Lambda refuses a larger event.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// Between an answer and the runtime's next poll lies a moment in which the environment only seems busy.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is known of a function when it is deployed.
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    pub name: String,
    pub arn: String,
    pub binary: PathBuf,
    pub environment: BTreeMap<String, String>,
    pub timeout: Duration,
    pub memory_mb: u32,
    /// The reserved concurrency; none: Lambda's default for an account.
    pub concurrency: Option<usize>,
    /// Where the lines of every environment go.
    pub log_file: PathBuf,
}

/// A deployed function.
pub struct Function {
    spec: Arc<FunctionSpec>,
    credentials: Arc<dyn CredentialsSource>,
    pool: Arc<Pool>,
    keepers: Mutex<JoinSet<()>>,
}

impl Function {
    pub fn new(spec: FunctionSpec, credentials: Arc<dyn CredentialsSource>) -> Self {
        let pool = Arc::new(Pool::new(spec.concurrency));
        Self { spec: Arc::new(spec), credentials, pool, keepers: Mutex::default() }
    }

    pub fn spec(&self) -> &FunctionSpec {
        &self.spec
    }

    /// Gives the event to a free environment, or to a new one.
    ///
    /// The answer is returned as soon as the function begins it. A caller that stops waiting stops nothing.
    pub async fn invoke(&self, event: Bytes) -> Result<Answer, InvokeError> {
        if event.len() > MAX_EVENT_BYTES {
            return Err(InvokeError::EventTooLarge);
        }
        let (reply, outcome) = oneshot::channel();
        let mut job = Job { event, reply };
        let patience = tokio::time::sleep(PATIENCE);
        tokio::pin!(patience);
        loop {
            let freed = self.pool.freed();
            match self.dispatch(job)? {
                None => break,
                Some(refused) => job = refused,
            }
            tokio::select! {
                () = freed => {}
                () = &mut patience => return Err(InvokeError::Throttled),
            }
        }
        outcome.await.unwrap_or(Err(InvokeError::Closed))
    }

    /// Invokes and waits for the whole payload.
    pub async fn call(&self, event: Bytes) -> Result<Bytes, InvokeError> {
        let answer = self.invoke(event).await?;
        Ok(answer.into_bytes().await?)
    }

    pub fn environments(&self) -> Vec<EnvironmentStatus> {
        self.pool.statuses()
    }

    /// Completes when no environment is busy: whatever the extensions had to do is done.
    pub async fn all_free(&self) {
        loop {
            let freed = self.pool.freed();
            if self.environments().iter().all(|status| !status.is_busy) {
                return;
            }
            freed.await;
        }
    }

    /// Kills the environment of that process, as a failing host would; false: there is none.
    pub fn kill(&self, pid: u32) -> bool {
        self.pool.kill(pid)
    }

    /// Ends every environment: SIGTERM, two seconds, SIGKILL.
    pub async fn shut_down(&self) {
        self.pool.close();
        let mut keepers = std::mem::take(&mut *self.keepers());
        while keepers.join_next().await.is_some() {}
    }

    /// Hands the job back when no environment is free and no more are allowed.
    fn dispatch(&self, job: Job) -> Result<Option<Job>, InvokeError> {
        let Some(job) = self.pool.seat(job)? else {
            return Ok(None);
        };
        let Some(place) = self.pool.admit() else {
            return Ok(Some(job));
        };
        let keeper =
            Keeper { spec: Arc::clone(&self.spec), credentials: Arc::clone(&self.credentials), place };
        let mut keepers = self.keepers();
        while keepers.try_join_next().is_some() {}
        keepers.spawn(keeper.keep(job));
        Ok(None)
    }

    fn keepers(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
