//! Responses kept for later calls to go on from, in memory, each where it was made.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::standin::credentials::Service;
use crate::standin::frame::{decode, encode64};

/// The oldest are forgotten first.
const KEPT: usize = 1_000;
const SEALED: &str = "gAAAAAB";

#[derive(Debug)]
struct Kept {
    realm: String,
    id: String,
    /// The whole conversation, the answer included.
    items: Vec<Value>,
}

#[derive(Debug, Default)]
pub(in crate::standin) struct Store(Mutex<VecDeque<Kept>>);

/// The part of the store that one endpoint in one region sees: what one keeps or seals, no other knows.
#[derive(Debug)]
pub(in crate::standin) struct Drawer {
    store: Arc<Store>,
    realm: String,
}

impl Drawer {
    pub(in crate::standin) fn new(store: &Arc<Store>, service: Service, region: &str) -> Self {
        Self { store: Arc::clone(store), realm: format!("{service:?} {region}") }
    }

    pub(super) fn find(&self, id: &str) -> Option<Vec<Value>> {
        self.search(|kept| (kept.id == id).then(|| kept.items.clone()))
    }

    /// An item of any conversation.
    pub(super) fn item(&self, id: &str) -> Option<Value> {
        self.search(|kept| kept.items.iter().find(|item| item["id"] == id).cloned())
    }

    pub(super) fn keep(&self, id: String, items: Vec<Value>) {
        let mut store = self.store.0.lock().unwrap_or_else(PoisonError::into_inner);
        if store.len() == KEPT {
            store.pop_front();
        }
        store.push_back(Kept { realm: self.realm.clone(), id, items });
    }

    pub(super) fn seal(&self, thought: &str) -> String {
        format!("{SEALED}{}", encode64(format!("{}: {thought}", self.realm)))
    }

    /// Whether this endpoint sealed it.
    pub(super) fn has_sealed(&self, content: &str) -> bool {
        let opened = content.strip_prefix(SEALED).and_then(decode);
        opened.is_some_and(|text| text.starts_with(format!("{}: ", self.realm).as_bytes()))
    }

    fn search<T>(&self, look: impl FnMut(&Kept) -> Option<T>) -> Option<T> {
        let store = self.store.0.lock().unwrap_or_else(PoisonError::into_inner);
        store.iter().filter(|kept| kept.realm == self.realm).find_map(look)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn another_region_knows_nothing() {
        let store = Arc::default();
        let here = Drawer::new(&store, Service::Mantle, "us-east-1");
        let there = Drawer::new(&store, Service::Mantle, "us-east-2");
        here.keep("resp_1".to_owned(), vec![json!({ "id": "msg_1" })]);

        let sealed = here.seal("a thought");

        assert_eq!(here.find("resp_1"), Some(vec![json!({ "id": "msg_1" })]));
        assert_eq!(here.item("msg_1"), Some(json!({ "id": "msg_1" })));
        assert_eq!((there.find("resp_1"), there.item("msg_1")), (None, None));
        assert_eq!((here.has_sealed(&sealed), there.has_sealed(&sealed)), (true, false));
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let drawer = Drawer::new(&Arc::default(), Service::OpenAi, "");

        for index in 0..=KEPT {
            drawer.keep(format!("resp_{index}"), Vec::new());
        }

        assert_eq!(drawer.find("resp_0"), None);
        assert_eq!(drawer.find("resp_1"), Some(Vec::new()));
    }
}
