//! Breakers in memory.

use std::sync::Mutex;

use async_trait::async_trait;
use tollgate_core::breaker::{Breaker, State};
use tollgate_core::ports::{Board, Breakers, Shift, StoreError};
use tollgate_core::routing::Pace;

use super::ports::{Mood, down};

/// What the fleet knows; the fields may be changed at any moment.
#[derive(Default)]
pub(crate) struct MemoryBreakers {
    pub(crate) board: Mutex<Board>,
    pub(crate) mood: Mutex<Mood>,
    reads: Mutex<usize>,
}

impl MemoryBreakers {
    pub(crate) fn set(&self, target: &str, state: State) {
        let breaker = Breaker { state, since_us: super::NOON, revision: 7, ..Breaker::default() };
        self.board.lock().unwrap().breakers.insert(target.to_owned(), breaker);
    }

    pub(crate) fn state(&self, target: &str) -> State {
        self.board.lock().unwrap().breakers.get(target).cloned().unwrap_or_default().state
    }

    pub(crate) fn reads(&self) -> usize {
        *self.reads.lock().unwrap()
    }

    async fn answer(&self) -> Result<(), StoreError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Silent => std::future::pending().await,
            Mood::Down => Err(down("config")),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Breakers for MemoryBreakers {
    async fn all(&self) -> Result<Board, StoreError> {
        *self.reads.lock().unwrap() += 1;
        self.answer().await?;
        Ok(self.board.lock().unwrap().clone())
    }

    async fn write(&self, target: &str, breaker: &Breaker) -> Result<Shift, StoreError> {
        self.answer().await?;
        let mut board = self.board.lock().unwrap();
        let is_last = board.breakers.get(target).map_or(0, |known| known.revision) + 1 == breaker.revision;
        if !is_last || *self.mood.lock().unwrap() == Mood::Contended {
            return Ok(Shift::Lost);
        }
        board.breakers.insert(target.to_owned(), breaker.clone());
        Ok(Shift::Done)
    }

    async fn pace(&self, target: &str, pace: &Pace) -> Result<(), StoreError> {
        self.board.lock().unwrap().paces.insert(target.to_owned(), *pace);
        Ok(())
    }
}
