//! Lanes and their parents, read: what a dry parent could call back, and what lies idle.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Get, KeysAndAttributes, TransactGetItem};
use tollgate_core::budget::Amount;
use tollgate_core::escrow::{self, Lane};
use tollgate_core::name::Name;
use tollgate_core::ports::{Escrows, StoreError};
use tollgate_core::reservation::View;
use tollgate_core::spend::{Scope, spend_item};
use tollgate_core::time::{Day, Timestamp};
use tollgate_core::write::{Item, Table, Write};

use crate::contention::{is_conflict, pause};
use crate::store::unreachable;
use crate::writes::{Attributes, Tables, Transacted, from_attributes};

const STORE: &str = "limits";

/// DynamoDB's limit of items in a batch, and in a snapshot.
const MOST_ITEMS: usize = 100;

/// How often a snapshot is tried while transactions are at work on its items.
const TRIES: u32 = 12;

/// A scope that was granted nothing for so long holds no escrow in the lanes of today and yesterday.
const SWEPT: Duration = Duration::from_secs(2 * 86_400);

/// A lane that no call has taken from for so long is idle.
const IDLE: Duration = Duration::from_secs(10);

/// Lanes in the limits table.
#[derive(Clone, Debug)]
pub struct Lanes {
    client: Client,
    table: String,
}

impl Lanes {
    /// Over this table.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Gives the room of all lanes back to their parents, idle or not, so that whatever is taken from then on is granted
    /// under the limits in force. Says whether all of it went: lanes that are taken from meanwhile are tried again.
    pub async fn give_all_back(&self, now: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let mut are_all_dry = true;
            for day in [now.day(), now.day().before(1)] {
                for (lane, item) in self.with_room(day, now).await? {
                    let amount = escrow::spare(escrow::room(&item));
                    are_all_dry &= self.transact(&lane.recall(amount, None)).await?;
                }
            }
            if are_all_dry {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The teams, with their tenants, that took anything from their budgets in the month of `day`.
    pub async fn spenders(&self, day: Day) -> Result<Vec<(Name, Name)>, StoreError> {
        self.teams(&self.tenants(day, None).await?, day, None).await
    }

    /// The lanes of a day that have room.
    async fn with_room(&self, day: Day, now: Timestamp) -> Result<Vec<(Lane, Item)>, StoreError> {
        let teams = self.teams(&self.tenants(day, Some(now)).await?, day, Some(now)).await?;
        let lanes = self.lanes_of(&teams, &[day]).await?;
        let mut items = self.read(&lanes.iter().map(Lane::key).collect::<Vec<_>>()).await?;
        let with_items = |lane: Lane| items.remove(&lane.key()).map(|item| (lane, item));
        let has_room = |(_, item): &(Lane, Item)| escrow::spare(escrow::room(item)) != Amount::ZERO;
        Ok(lanes.into_iter().filter_map(with_items).filter(has_room).collect())
    }

    async fn transact(&self, writes: &[Write]) -> Result<bool, StoreError> {
        // Only the limits table is written.
        let (ledger, limits, cache) = (String::new(), self.table.clone(), String::new());
        let tables = Tables { ledger, limits, cache };
        let done = tables.transact(&self.client, writes, STORE).await?;
        Ok(matches!(done, Transacted::Done))
    }

    /// All that lies below one of a lane's parents, at one moment. `None` where others were at work on it all the time.
    ///
    /// With more than a hundred lanes, which no snapshot holds, it is all of them at almost one moment.
    pub(crate) async fn below(&self, lane: &Lane, parent: usize) -> Result<Option<View>, StoreError> {
        let days = escrow::days_around(lane.day);
        let lanes = match parent {
            0 => self.lanes_of(&[(lane.tenant.clone(), lane.team.clone())], &days).await?,
            1 => self.lanes_in(std::slice::from_ref(&lane.tenant), &days).await?,
            _ => self.lanes_in(&self.tenants(lane.day, None).await?, &days).await?,
        };
        let parent_key = escrow::parent_items(lane)[parent].key.clone();
        let keys: Vec<String> = [parent_key].into_iter().chain(lanes.iter().map(Lane::key)).collect();
        let Some(mut items) = self.snapshot(&keys).await? else { return Ok(None) };
        let parent = items.remove(&keys[0]).unwrap_or_default();
        let with_items = |lane: Lane| {
            let item = items.remove(&lane.key()).unwrap_or_default();
            (lane, item)
        };
        Ok(Some(View { parent, lanes: lanes.into_iter().map(with_items).collect() }))
    }

    /// Tenants that hold escrow in the month of `day`; with `now`, only where something was granted not long ago.
    async fn tenants(&self, day: Day, now: Option<Timestamp>) -> Result<Vec<Name>, StoreError> {
        let organisation = spend_item(&Scope::Organisation, day).key;
        let items = self.read(&[organisation]).await?;
        let all = items.values().filter(|item| is_recent(item, now)).flat_map(escrow::members);
        Ok(all.collect())
    }

    async fn lanes_in(&self, tenants: &[Name], days: &[Day]) -> Result<Vec<Lane>, StoreError> {
        let Some(day) = days.first() else { return Ok(Vec::new()) };
        let teams = self.teams(tenants, *day, None).await?;
        self.lanes_of(&teams, days).await
    }

    async fn teams(
        &self,
        tenants: &[Name],
        day: Day,
        now: Option<Timestamp>,
    ) -> Result<Vec<(Name, Name)>, StoreError> {
        let key = |tenant: &Name| spend_item(&Scope::Tenant(tenant.clone()), day).key;
        let items = self.read(&tenants.iter().map(key).collect::<Vec<_>>()).await?;
        let mut teams = Vec::new();
        for tenant in tenants {
            let Some(item) = items.get(&key(tenant)).filter(|item| is_recent(item, now)) else { continue };
            teams.extend(escrow::members(item).map(|team| (tenant.clone(), team)));
        }
        Ok(teams)
    }

    /// The lanes of teams on days of one month.
    async fn lanes_of(&self, teams: &[(Name, Name)], days: &[Day]) -> Result<Vec<Lane>, StoreError> {
        let Some(first) = days.first() else { return Ok(Vec::new()) };
        let key = |(tenant, team): &(Name, Name)| {
            spend_item(&Scope::Team(tenant.clone(), team.clone()), *first).key
        };
        let items = self.read(&teams.iter().map(key).collect::<Vec<_>>()).await?;
        let mut lanes = Vec::new();
        for team in teams {
            let Some(item) = items.get(&key(team)) else { continue };
            for day in days {
                lanes.extend(escrow::lanes(item, (&team.0, &team.1), *day));
            }
        }
        Ok(lanes)
    }

    async fn snapshot(&self, keys: &[String]) -> Result<Option<HashMap<String, Item>>, StoreError> {
        if keys.len() > MOST_ITEMS {
            return self.read(keys).await.map(Some);
        }
        let get = |key: &String| {
            let get = Get::builder().table_name(&self.table).key(Table::Limits.key(), text(key)).build()?;
            Ok(TransactGetItem::builder().get(get).build())
        };
        let gets: Result<Vec<_>, aws_sdk_dynamodb::error::BuildError> = keys.iter().map(get).collect();
        let gets = gets.map_err(unreachable(STORE))?;
        for attempt in 0..TRIES {
            pause(attempt).await;
            match self.client.transact_get_items().set_transact_items(Some(gets.clone())).send().await {
                Ok(found) => {
                    let items = found.responses.unwrap_or_default().into_iter().filter_map(|one| one.item);
                    return by_key(items).map(Some);
                }
                Err(error) => match error.as_service_error() {
                    Some(TransactGetItemsError::TransactionCanceledException(cancelled))
                        if is_conflict(cancelled.cancellation_reasons()) => {}
                    _ => return Err(unreachable(STORE)(error)),
                },
            }
        }
        Ok(None)
    }

    /// Items by their keys, each read consistently.
    async fn read(&self, keys: &[String]) -> Result<HashMap<String, Item>, StoreError> {
        let mut items = HashMap::new();
        for some in keys.chunks(MOST_ITEMS) {
            let of = |key: &String| HashMap::from([(Table::Limits.key().to_owned(), text(key))]);
            let mut wanted = some.iter().map(of).collect::<Vec<_>>();
            let mut attempt = 0;
            while !wanted.is_empty() {
                pause(attempt).await;
                attempt += 1;
                let keys = KeysAndAttributes::builder().consistent_read(true).set_keys(Some(wanted)).build();
                let keys = keys.map_err(unreachable(STORE))?;
                let found = self.client.batch_get_item().request_items(&self.table, keys).send().await;
                let mut found = found.map_err(unreachable(STORE))?;
                let read = found.responses.as_mut().and_then(|tables| tables.remove(&self.table));
                items.extend(by_key(read.unwrap_or_default())?);
                let left = found.unprocessed_keys.and_then(|mut tables| tables.remove(&self.table));
                wanted = left.map(|left| left.keys).unwrap_or_default();
            }
        }
        Ok(items)
    }
}

#[async_trait]
impl Escrows for Lanes {
    async fn idle(&self, day: Day, now: Timestamp) -> Result<Vec<(Lane, Item)>, StoreError> {
        let mut idle = self.with_room(day, now).await?;
        idle.retain(|(_, item)| escrow::touched(item) <= now.minus(IDLE));
        Ok(idle)
    }

    async fn give_back(&self, lane: &Lane, item: &Item) -> Result<bool, StoreError> {
        self.transact(&lane.recall(escrow::spare(escrow::room(item)), Some(escrow::touched(item)))).await
    }
}

fn is_recent(parent: &Item, now: Option<Timestamp>) -> bool {
    now.is_none_or(|now| now.since(escrow::granted(parent)) < SWEPT)
}

fn by_key(items: impl IntoIterator<Item = Attributes>) -> Result<HashMap<String, Item>, StoreError> {
    let read = |item| {
        let item: Item = from_attributes(item, STORE)?;
        let key = item.get(Table::Limits.key()).and_then(|key| key.as_str()).unwrap_or_default().to_owned();
        Ok((key, item))
    };
    items.into_iter().map(read).collect()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
