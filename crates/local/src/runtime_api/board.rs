//! What an environment's keeper, runtime and extensions know of each other; whoever waits, waits here.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::Invocation;
use crate::function::{FunctionError, Outcome};

/// An extension as it registered.
#[derive(Debug)]
struct Extension {
    wants_invoke: bool,
    is_waiting: bool,
    event: Option<Bytes>,
}

#[derive(Default)]
struct State {
    is_runtime_waiting: bool,
    is_registration_closed: bool,
    invocation: Option<Invocation>,
    reply: Option<(String, oneshot::Sender<Outcome>)>,
    extensions: BTreeMap<String, Extension>,
    fault: Option<FunctionError>,
}

impl State {
    fn is_idle(&self) -> bool {
        let are_extensions_waiting = self.extensions.values().all(|e| e.is_waiting);
        self.is_runtime_waiting && self.invocation.is_none() && are_extensions_waiting
    }
}

pub(super) struct Board {
    state: watch::Sender<State>,
}

impl Default for Board {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }
}

impl Board {
    pub(super) fn give(&self, invocation: Invocation, notice: &Value, reply: oneshot::Sender<Outcome>) {
        let notice = Bytes::from(notice.to_string());
        self.state.send_modify(|state| {
            state.reply = Some((invocation.request_id.clone(), reply));
            state.invocation = Some(invocation);
            state.is_runtime_waiting = false;
            for extension in state.extensions.values_mut().filter(|e| e.wants_invoke) {
                extension.is_waiting = false;
                extension.event = Some(notice.clone());
            }
        });
    }

    pub(super) async fn idle(&self) {
        self.until(State::is_idle).await;
    }

    pub(super) async fn fault(&self) -> FunctionError {
        self.take_when(|state| state.fault.take()).await
    }

    pub(super) fn set_fault(&self, error: FunctionError) {
        self.state.send_modify(|state| state.fault = Some(error));
    }

    pub(super) fn close_registration(&self) {
        self.state.send_modify(|state| state.is_registration_closed = true);
    }

    /// Whoever waits for the answer to that request, or to any; nobody is given twice.
    pub(super) fn take_reply(&self, request_id: Option<&str>) -> Option<oneshot::Sender<Outcome>> {
        let mut taken = None;
        self.state.send_if_modified(|state| {
            let is_meant = |(id, _): &mut (String, _)| request_id.is_none_or(|wanted| wanted == id);
            taken = state.reply.take_if(is_meant);
            false
        });
        taken.map(|(_, reply)| reply)
    }

    pub(super) async fn next_invocation(&self) -> Invocation {
        self.take_when(|state| {
            let invocation = state.invocation.take();
            state.is_runtime_waiting = invocation.is_none();
            invocation
        })
        .await
    }

    /// The new extension's identifier; none: it is too late to register.
    pub(super) fn register(&self, wants_invoke: bool) -> Option<String> {
        let id = Uuid::now_v7().to_string();
        let extension = Extension { wants_invoke, is_waiting: false, event: None };
        let is_registered = self.state.send_if_modified(|state| {
            if !state.is_registration_closed {
                state.extensions.insert(id.clone(), extension);
            }
            !state.is_registration_closed
        });
        is_registered.then_some(id)
    }

    pub(super) fn is_registered(&self, extension_id: &str) -> bool {
        self.state.borrow().extensions.contains_key(extension_id)
    }

    /// The extension's next event.
    pub(super) async fn next_event(&self, extension_id: &str) -> Bytes {
        self.take_when(|state| {
            let extension = state.extensions.get_mut(extension_id)?;
            let event = extension.event.take();
            extension.is_waiting = event.is_none();
            event
        })
        .await
    }

    async fn until(&self, condition: impl FnMut(&State) -> bool) {
        let mut changes = self.state.subscribe();
        let seen = changes.wait_for(condition).await;
        seen.expect("the board, which sends, is borrowed while this waits");
    }

    /// Tries again after every change until there is something to take; each try may note that somebody waits.
    async fn take_when<T>(&self, mut take: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut changes = self.state.subscribe();
        let mut is_first_try = true;
        loop {
            // Before the try: a change that comes after it must wake us.
            changes.borrow_and_update();
            let mut taken = None;
            self.state.send_if_modified(|state| {
                taken = take(state);
                // Only a note that is new, or something taken, concerns the others.
                std::mem::take(&mut is_first_try) || taken.is_some()
            });
            if let Some(taken) = taken {
                return taken;
            }
            let changed = changes.changed().await;
            changed.expect("the board, which sends, is borrowed while this waits");
        }
    }
}
