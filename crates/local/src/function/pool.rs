//! Which environments a function has, and which of them are free.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, oneshot, watch};

use super::InvokeError;
use super::environment::Job;

/// What a function without reserved concurrency may use: Lambda's default for an account.
const DEFAULT_CONCURRENCY: usize = 1000;

/// What an environment is told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Live,
    Stop,
    Kill,
}

/// An environment as the outside sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvironmentStatus {
    /// None while the process is being started.
    pub pid: Option<u32>,
    pub is_busy: bool,
}

pub(super) struct Pool {
    limit: usize,
    state: Mutex<State>,
    freed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    is_closed: bool,
    last_id: u64,
    members: BTreeMap<u64, Member>,
    /// The free ones; the last that became free is the first to be used again, as on Lambda.
    seats: Vec<(u64, oneshot::Sender<Job>)>,
}

struct Member {
    pid: Option<u32>,
    orders: watch::Sender<Order>,
}

impl Pool {
    pub(super) fn new(concurrency: Option<usize>) -> Self {
        Self {
            limit: concurrency.unwrap_or(DEFAULT_CONCURRENCY),
            state: Mutex::default(),
            freed: Arc::default(),
        }
    }

    /// Completes when an environment has become free, or has gone, since this call.
    pub(super) fn freed(&self) -> OwnedNotified {
        Arc::clone(&self.freed).notified_owned()
    }

    /// Gives the job to a free environment, or hands it back.
    pub(super) fn seat(&self, mut job: Job) -> Result<Option<Job>, InvokeError> {
        let mut state = self.state();
        if state.is_closed {
            return Err(InvokeError::Closed);
        }
        while let Some((_, seat)) = state.seats.pop() {
            match seat.send(job) {
                Ok(()) => return Ok(None),
                Err(back) => job = back,
            }
        }
        Ok(Some(job))
    }

    /// A place for one more environment, if there may be one.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state();
        if state.members.len() >= self.limit {
            return None;
        }
        state.last_id += 1;
        let id = state.last_id;
        let (orders, received) = watch::channel(Order::Live);
        state.members.insert(id, Member { pid: None, orders });
        Some(Place { id, orders: received, pool: Arc::clone(self) })
    }

    pub(super) fn statuses(&self) -> Vec<EnvironmentStatus> {
        let state = self.state();
        let is_free = |id: &u64| state.seats.iter().any(|(free, _)| free == id);
        let statuses = state
            .members
            .iter()
            .map(|(id, member)| EnvironmentStatus { pid: member.pid, is_busy: !is_free(id) });
        statuses.collect()
    }

    pub(super) fn kill(&self, pid: u32) -> bool {
        let state = self.state();
        let Some(member) = state.members.values().find(|m| m.pid == Some(pid)) else {
            return false;
        };
        member.orders.send_replace(Order::Kill);
        true
    }

    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.seats.clear();
        for member in state.members.values() {
            member.orders.send_replace(Order::Stop);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An environment's place in the pool, which it leaves when this is dropped.
pub(super) struct Place {
    id: u64,
    pub(super) orders: watch::Receiver<Order>,
    pool: Arc<Pool>,
}

impl Place {
    pub(super) fn set_pid(&self, pid: Option<u32>) {
        if let Some(member) = self.pool.state().members.get_mut(&self.id) {
            member.pid = pid;
        }
    }

    /// Offers itself for the next job.
    pub(super) fn sit(&self) -> oneshot::Receiver<Job> {
        let (seat, job) = oneshot::channel();
        let mut state = self.pool.state();
        if !state.is_closed {
            state.seats.push((self.id, seat));
        }
        drop(state);
        self.pool.freed.notify_waiters();
        job
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.members.remove(&self.id);
        state.seats.retain(|(id, _)| *id != self.id);
        drop(state);
        self.pool.freed.notify_waiters();
    }
}
