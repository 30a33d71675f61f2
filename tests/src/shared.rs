//! The scopes that callers race on, and how a limit is put on one. What depends on the form of `reserve` is here.

use std::sync::Arc;

use tollgate_core::budget::{Amount, Budget};
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Ledger, Records, Reservation, StoreError};
use tollgate_core::record::Record;
use tollgate_core::reservation::{Limits, Taking};

use crate::calls::{LANES, NOON, Who};

/// What all clients of a race have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// They are one user.
    User,
    /// They are users of one team.
    Team,
    /// They are users of many teams.
    Organisation,
}

/// The scopes on which the races are run.
pub const SCOPES: &[Shared] = &[Shared::User, Shared::Team, Shared::Organisation];

impl Shared {
    /// Who the client of this number is.
    #[must_use]
    pub fn who(self, client: usize) -> Who {
        let (user, team) = match self {
            Self::User => ("alice".to_owned(), "search".to_owned()),
            Self::Team => (format!("user-{client}"), "search".to_owned()),
            Self::Organisation => (format!("user-{client}"), format!("team-{}", client % 7)),
        };
        Who { user, team }
    }
}

/// A ledger, and the limit of what its callers share.
#[derive(Clone)]
pub struct Limited {
    /// The ledger, over connections of one client.
    pub ledger: Arc<dyn Ledger>,
    /// The same ledger, read past all faults.
    pub records: Arc<dyn Records>,
    /// What the callers share.
    pub shared: Shared,
    /// Nano-dollars per day.
    pub limit: Nanos,
    /// What a dry lane is granted.
    pub chunk: Amount,
}

/// A few calls of a race: lanes then hold room that others need.
pub const CHUNK: Amount = Amount { nanos: Nanos(350), tokens: 35 };

impl Limited {
    /// Reserves the record's bound within the limit.
    pub async fn reserve(&self, record: &Record) -> Result<Reservation, StoreError> {
        self.ledger.take(Taking::new(None, record.clone(), &self.limits(), None, NOON)).await
    }

    /// Adds to a reservation within the limit.
    pub async fn extend(&self, before: &Record, after: &Record) -> Result<Reservation, StoreError> {
        self.ledger.take(Taking::new(Some(before), after.clone(), &self.limits(), None, NOON)).await
    }

    /// Whether somebody has closed the record.
    pub async fn is_closed(&self, record: &Record) -> bool {
        let found = self.records.find(&record.request_id).await;
        found.is_ok_and(|found| found.is_some_and(|found| !found.state.is_open()))
    }

    fn limits(&self) -> Limits {
        let (none, day) = (Budget::UNLIMITED, Budget { day: Some(self.limit), ..Budget::UNLIMITED });
        let (user, parents) = match self.shared {
            Shared::User => (day, [none, none, none]),
            Shared::Team => (none, [day, none, none]),
            Shared::Organisation => (none, [none, none, day]),
        };
        Limits { user, parents, chunk: self.chunk, lanes: LANES }
    }
}
