//! What the stand-in received and how far it got, kept for whoever asks at `/_standin/calls`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

/// Under load the oldest calls are forgotten.
const KEPT: usize = 10_000;

/// One call. `finished` says that the whole answer was handed to the connection: not so when it was cut, or the client left.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Call {
    pub(super) at_us: u64,
    pub(super) path: String,
    pub(super) model: Option<String>,
    pub(super) access_key_id: Option<String>,
    pub(super) has_session_token: bool,
    /// The end of a bearer key, which tells one from another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_ending: Option<String>,
    /// The tags that a native operation was called with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_metadata: Option<Value>,
    pub(super) streamed: bool,
    pub(super) status: Option<u16>,
    pub(super) input_tokens: u64,
    /// What the whole reply costs, delivered or not.
    pub(super) output_tokens: u64,
    pub(super) chunks_at_us: Vec<u64>,
    pub(super) finished: bool,
}

/// A call still being answered.
#[derive(Clone, Debug)]
pub(super) struct OpenCall(Arc<Mutex<Call>>);

impl OpenCall {
    pub(super) fn note(&self, change: impl FnOnce(&mut Call)) {
        change(&mut locked(&self.0));
    }

    pub(super) fn note_chunk(&self) {
        self.note(|call| call.chunks_at_us.push(now_us()));
    }

    pub(super) fn finish(&self) {
        self.note(|call| call.finished = true);
    }
}

#[derive(Debug, Default)]
pub(super) struct CallLog {
    calls: Mutex<VecDeque<Arc<Mutex<Call>>>>,
}

impl CallLog {
    pub(super) fn open(&self, path: &str) -> OpenCall {
        let call = Arc::new(Mutex::new(Call { at_us: now_us(), path: path.to_owned(), ..Call::default() }));
        let mut calls = locked(&self.calls);
        if calls.len() == KEPT {
            calls.pop_front();
        }
        calls.push_back(Arc::clone(&call));
        OpenCall(call)
    }

    pub(super) fn list(&self) -> Vec<Call> {
        locked(&self.calls).iter().map(|call| locked(call).clone()).collect()
    }

    pub(super) fn forget(&self) {
        locked(&self.calls).clear();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds since the epoch: the stamps are compared with those of other processes.
#[expect(
    clippy::disallowed_methods,
    reason = "the stand-in is a process of its own and its stamps decide nothing"
)]
pub(super) fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
