//! The handler over ports in memory.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use tollgate_core::enforcement::{Action, LockReport, Order, Standing, State, Wish};
use tollgate_core::ports::{Acted, AlertError, LockError, PutError, QueueError, StoreError};
use tollgate_core::settings::Flag;

use super::*;

/// Flag, restrictions and audit trail.
pub(super) struct MemoryEnforcement {
    pub(super) policy: Mutex<Option<String>>,
    pub(super) state: Mutex<State>,
    pub(super) actions: Mutex<HashMap<String, Action>>,
    pub(super) is_down: bool,
}

impl Default for MemoryEnforcement {
    fn default() -> Self {
        let flag = Flag {
            enabled: true,
            who: "seed".to_owned(),
            why: "new".to_owned(),
            since_us: NOON,
            until_us: None,
        };
        Self {
            policy: Mutex::default(),
            state: Mutex::new(State { flag, standing: Standing::default() }),
            actions: Mutex::default(),
            is_down: false,
        }
    }
}

#[async_trait]
impl Enforcement for MemoryEnforcement {
    async fn policy(&self) -> Result<Option<String>, StoreError> {
        Ok(self.policy.lock().unwrap().clone())
    }

    async fn standing(&self) -> Result<Standing, StoreError> {
        Ok(self.state.lock().unwrap().standing.clone())
    }

    async fn act(&self, order: &Order) -> Result<Acted, StoreError> {
        if self.is_down {
            return Err(StoreError { store: "config", cause: "no route to host".into() });
        }
        let mut actions = self.actions.lock().unwrap();
        if let Some(before) = actions.get(&order.id) {
            return Ok(Acted::Before(Box::new(before.clone())));
        }
        let mut state = self.state.lock().unwrap();
        let action = order.action(&state);
        *state = action.after.clone();
        actions.insert(order.id.clone(), action.clone());
        Ok(Acted::Done(Box::new(action)))
    }

    async fn note(&self, id: &str, lock: Option<&LockReport>, is_pending: bool) -> Result<(), StoreError> {
        let mut actions = self.actions.lock().unwrap();
        let action = actions.get_mut(id).unwrap();
        action.is_pending = is_pending;
        action.lock = lock.cloned().or(action.lock.take());
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct MemoryLocks {
    pub(super) locked: Mutex<Vec<Wish>>,
    pub(super) is_down: Mutex<bool>,
}

#[async_trait]
impl Locks for MemoryLocks {
    async fn lock(&self, wish: &Wish, _why: &str) -> Result<LockReport, LockError> {
        if *self.is_down.lock().unwrap() {
            return Err(LockError { what: "the keys", cause: "no route to host".into() });
        }
        self.locked.lock().unwrap().push(wish.clone());
        Ok(LockReport { keys: vec!["k1".to_owned()], ..LockReport::default() })
    }

    async fn unlock(&self, _wish: &Wish) -> Result<LockReport, LockError> {
        panic!("a notice never unlocks")
    }
}

#[derive(Default)]
pub(super) struct MemoryAlerts {
    pub(super) told: Mutex<Vec<(String, String)>>,
    pub(super) is_down: Mutex<bool>,
}

#[async_trait]
impl Alerts for MemoryAlerts {
    async fn tell(&self, subject: &str, text: &str) -> Result<(), AlertError> {
        if *self.is_down.lock().unwrap() {
            return Err(AlertError("no route to host".into()));
        }
        self.told.lock().unwrap().push((subject.to_owned(), text.to_owned()));
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct MemoryDeadLetters {
    pub(super) kept: Mutex<Vec<(Value, String)>>,
    pub(super) is_down: bool,
}

#[async_trait]
impl DeadLetters for MemoryDeadLetters {
    async fn keep(&self, letter: &str, reason: &str) -> Result<(), QueueError> {
        if self.is_down {
            return Err(QueueError { cause: "no route to host".into() });
        }
        self.kept.lock().unwrap().push((serde_json::from_str(letter).unwrap(), reason.to_owned()));
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct MemoryMetrics {
    pub(super) put: Mutex<Vec<Datum>>,
    pub(super) is_down: bool,
}

#[async_trait]
impl Metrics for MemoryMetrics {
    async fn put(&self, data: Vec<Datum>) -> Result<(), PutError> {
        if self.is_down {
            return Err(PutError::Refused("no route to host".into()));
        }
        self.put.lock().unwrap().extend(data);
        Ok(())
    }
}

/// The handler and the ports under it.
pub(super) struct Desk {
    pub(super) handler: Handler,
    pub(super) enforcement: Arc<MemoryEnforcement>,
    pub(super) locks: Arc<MemoryLocks>,
    pub(super) alerts: Arc<MemoryAlerts>,
    pub(super) dead_letters: Arc<MemoryDeadLetters>,
    pub(super) metrics: Arc<MemoryMetrics>,
}

impl Desk {
    pub(super) fn new(
        enforcement: MemoryEnforcement,
        dead_letters: MemoryDeadLetters,
        metrics: MemoryMetrics,
    ) -> Self {
        let (enforcement, dead_letters) = (Arc::new(enforcement), Arc::new(dead_letters));
        let (locks, alerts) = (Arc::new(MemoryLocks::default()), Arc::new(MemoryAlerts::default()));
        let metrics = Arc::new(metrics);
        let ports = Ports {
            enforcement: enforcement.clone(),
            locks: locks.clone(),
            alerts: alerts.clone(),
            dead_letters: dead_letters.clone(),
            metrics: metrics.clone(),
        };
        let handler = Handler::new(ports, 100, "dev".to_owned());
        Self { handler, enforcement, locks, alerts, dead_letters, metrics }
    }

    pub(super) fn open() -> Self {
        Self::new(MemoryEnforcement::default(), MemoryDeadLetters::default(), MemoryMetrics::default())
    }

    /// Under this policy.
    pub(super) fn under(policy: &Value) -> Self {
        let desk = Self::open();
        *desk.enforcement.policy.lock().unwrap() = Some(policy.to_string());
        desk
    }

    pub(super) async fn hand(&self, event: &Value) -> Summary {
        self.handler.handle(event, NOON).await.unwrap()
    }

    pub(super) fn state(&self) -> State {
        self.enforcement.state.lock().unwrap().clone()
    }

    pub(super) fn action(&self, id: &str) -> Action {
        self.enforcement.actions.lock().unwrap()[id].clone()
    }

    pub(super) fn told(&self) -> Vec<(String, String)> {
        self.alerts.told.lock().unwrap().clone()
    }

    pub(super) fn kept(&self) -> Vec<(Value, String)> {
        self.dead_letters.kept.lock().unwrap().clone()
    }
}
