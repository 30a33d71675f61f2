//! What lies below a parent, read from tables in memory.

use super::{Lane, days_around, lanes, members, parent_items};
use crate::name::Name;
use crate::reservation::View;
use crate::spend::{Scope, spend_item};
use crate::write::memory::Memory;
use crate::write::{Item, Table};

/// A snapshot of everything below one of a lane's parents, found as an adapter finds it: through the parents' items.
#[must_use]
pub fn below(tables: &Memory, lane: &Lane, parent: usize) -> View {
    let read = |key: &str| tables.get(Table::Limits, key).unwrap_or_default();
    let item = |scope: Scope| read(&spend_item(&scope, lane.day).key);
    let tenants: Vec<Name> = match parent {
        0 | 1 => vec![lane.tenant.clone()],
        _ => members(&item(Scope::Organisation)).collect(),
    };
    let teams = tenants.into_iter().flat_map(|tenant| {
        let teams: Vec<Name> = match parent {
            0 => vec![lane.team.clone()],
            _ => members(&item(Scope::Tenant(tenant.clone()))).collect(),
        };
        teams.into_iter().map(move |team| (tenant.clone(), team))
    });
    let mut found: Vec<(Lane, Item)> = Vec::new();
    for (tenant, team) in teams {
        let team_item = item(Scope::Team(tenant.clone(), team.clone()));
        for day in days_around(lane.day) {
            let all = lanes(&team_item, (&tenant, &team), day);
            found.extend(all.map(|lane| (lane.clone(), read(&lane.key()))));
        }
    }
    View { parent: read(&parent_items(lane)[parent].key), lanes: found }
}
