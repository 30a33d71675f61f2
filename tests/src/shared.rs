//! The scopes that callers race on, and how a limit is put on one. What depends on the form of `reserve` is here.

use std::sync::Arc;

use tollgate_core::budget::Budget;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Ledger, Reservation, StoreError};
use tollgate_core::record::Record;

use crate::calls::Who;

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

/// The scopes that have budgets of their own, on which the races are therefore run.
///
/// Those of teams and of the organisation are told apart above and belong here as soon as a limit can be put on them.
pub const SCOPES: &[Shared] = &[Shared::User];

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
    /// Nano-dollars per day.
    pub limit: Nanos,
}

impl Limited {
    /// Reserves the record's bound within the limit.
    pub async fn reserve(&self, record: &Record) -> Result<Reservation, StoreError> {
        self.ledger.reserve(record, &self.budget()).await
    }

    /// Adds to a reservation within the limit.
    pub async fn extend(&self, before: &Record, after: &Record) -> Result<Reservation, StoreError> {
        self.ledger.extend(before, after, &self.budget()).await
    }

    fn budget(&self) -> Budget {
        Budget { day: Some(self.limit), ..Budget::UNLIMITED }
    }
}
