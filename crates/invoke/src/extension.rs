//! The internal extension. Lambda freezes an environment only when the runtime and every extension have asked for
//! their next event; this one asks only when the job of the invocation is done, so nothing that follows an answer is
//! lost, and nobody waits for it.

use std::sync::Arc;

use lambda_extension::{Error, Extension, LambdaEvent, NextEvent, service_fn};
use tokio::sync::{Mutex, mpsc};

use crate::answer::Job;
use crate::config::Settle;

/// Where each invocation hands over its job, or nothing: exactly once.
pub type Outbox = mpsc::UnboundedSender<Option<Job>>;

/// The jobs that the extension runs.
#[derive(Clone)]
pub struct Pump {
    inbox: Arc<Mutex<mpsc::UnboundedReceiver<Option<Job>>>>,
}

impl Pump {
    /// The pump, and the way into it.
    #[must_use]
    pub fn new() -> (Outbox, Self) {
        let (outbox, inbox) = mpsc::unbounded_channel();
        (outbox, Self { inbox: Arc::new(Mutex::new(inbox)) })
    }

    /// Registers with Lambda, which takes extensions only until the runtime asks for its first event; the future that
    /// comes back runs the job of every invocation.
    pub async fn register(self) -> Result<impl Future<Output = Result<(), Error>>, Error> {
        let each = service_fn(move |event: LambdaEvent| {
            let pump = self.clone();
            async move {
                if matches!(event.next, NextEvent::Invoke(_)) {
                    pump.run_next().await;
                }
                Ok::<(), Error>(())
            }
        });
        let extension = Extension::new()
            .with_extension_name("tollgate-pump")
            .with_events(&["INVOKE"])
            .with_events_processor(each);
        Ok(extension.register().await?.run())
    }

    /// Waits for the job of this invocation, and runs it.
    async fn run_next(&self) {
        let job = self.inbox.lock().await.recv().await;
        if let Some(Some(job)) = job {
            job.await;
        }
    }
}

/// Runs the runtime, and beside it the pump where calls are settled after the answer.
pub async fn run_beside(
    runtime: impl Future<Output = Result<(), Error>>,
    pump: Pump,
    settle: Settle,
) -> Result<(), Error> {
    match settle {
        Settle::AfterAnswer => {
            let extension = pump.register().await?;
            futures_util::future::try_join(extension, runtime).await.map(|_| ())
        }
        Settle::BeforeEnd => runtime.await,
    }
}
