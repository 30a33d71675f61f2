//! Escrow: budgets above the user are spent through lanes, so that calls who share a budget do not meet on one item.
//!
//! A lane holds an amount that was taken from every parent of it (team, tenant, organisation) when it was granted. For
//! each window, a parent's counter is the sum over its lanes of what is held for calls and what room is left.

use crate::budget::{Amount, Delta};
use crate::money::Nanos;
use crate::name::Name;
use crate::spend::{EXPIRES_AT, Scope, SpendItem, spend_item};
use crate::time::{Day, Timestamp};
use crate::write::{Check, Item, Step, Table, Write, number, texts};

#[cfg(any(test, feature = "testing"))]
pub mod memory;

/// A lane has so many parents.
pub const PARENTS: usize = 3;

/// How long a lane is kept after its day.
const KEPT_DAYS: u64 = 35;

/// Room that is left for calls, in nano-dollars and tokens.
const ROOM: [&str; 2] = ["room", "room_tokens"];
/// What calls have reserved and settled.
const HELD: [&str; 2] = ["held", "held_tokens"];
/// When a call took from the lane last, in microseconds.
const TOUCHED: &str = "touched_us";
/// When a lane below was granted something last, in microseconds.
const GRANTED: &str = "granted_us";
/// The scopes or lanes below that were ever granted something in the month.
const MEMBERS: &str = "members";

/// One of a team's lanes on one day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The tenant.
    pub tenant: Name,
    /// The team.
    pub team: Name,
    /// Its number within the team.
    pub number: u16,
    /// The UTC day whose windows it draws on.
    pub day: Day,
}

impl Lane {
    /// Its item in the limits table.
    #[must_use]
    pub fn key(&self) -> String {
        format!("lane#{}/{}#{}#{}", self.tenant, self.team, self.number, self.day)
    }

    /// Whose budgets it draws on, the nearest first.
    #[must_use]
    pub fn parents(&self) -> [Scope; PARENTS] {
        [
            Scope::Team(self.tenant.clone(), self.team.clone()),
            Scope::Tenant(self.tenant.clone()),
            Scope::Organisation,
        ]
    }

    /// A call takes what it needs, from the room and from what is granted along with it.
    #[must_use]
    pub fn take(&self, needed: Amount, grant: Amount, now: Timestamp) -> Write {
        let change = Delta::between(needed, grant);
        self.change(change, needed.into())
            .and(TOUCHED, Step::Set(now.as_micros()))
            .only_if(Check::AtLeast(ROOM[0].to_owned(), -change.nanos))
            .only_if(Check::AtLeast(ROOM[1].to_owned(), -change.tokens))
    }

    /// What a call holds moves; what it no longer needs becomes room. Nobody takes from the lanes of days before
    /// yesterday any more, or looks at them, so there it goes back to the parents at once.
    #[must_use]
    pub fn settle(&self, delta: Delta, today: Day) -> Vec<Write> {
        if self.day >= today.before(1) {
            return vec![self.change(-delta, delta)];
        }
        let parents = self.parents().map(|scope| spend_item(&scope, self.day).add(delta));
        [self.change(Delta::default(), delta)].into_iter().chain(parents).collect()
    }

    /// The parents' side of a grant: each counts it, if `take` of its item allows.
    #[must_use]
    pub fn granted(&self, place: usize, write: Write, now: Timestamp) -> Write {
        let member = match place {
            0 => self.member(),
            1 => self.team.to_string(),
            _ => self.tenant.to_string(),
        };
        write.and(GRANTED, Step::Set(now.as_micros())).and(MEMBERS, Step::Join(vec![member]))
    }

    /// Room goes back to all parents. With `untouched_since`, only if no call took from the lane after that.
    #[must_use]
    pub fn recall(&self, amount: Amount, untouched_since: Option<Timestamp>) -> Vec<Write> {
        let back = -Delta::from(amount);
        let mut lane = self.change(back, Delta::default());
        // Of what is not called back nothing is asked: a lane may be overdrawn in the other measure.
        for (name, part) in
            ROOM.into_iter().zip([amount.nanos.0, amount.tokens]).filter(|(_, part)| *part > 0)
        {
            lane = lane.only_if(Check::AtLeast(name.to_owned(), part.into()));
        }
        if let Some(since) = untouched_since {
            lane = lane.only_if(Check::AtMost(TOUCHED.to_owned(), since.as_micros().into()));
        }
        let parents = self.parents().map(|scope| spend_item(&scope, self.day).add(back));
        [lane].into_iter().chain(parents).collect()
    }

    fn change(&self, room: Delta, held: Delta) -> Write {
        let expires_at = self.day.end().as_secs() + KEPT_DAYS * 86_400;
        Write::update(Table::Limits, self.key(), vec![(EXPIRES_AT.to_owned(), Step::Set(expires_at))])
            .and(ROOM[0], Step::Add(room.nanos))
            .and(ROOM[1], Step::Add(room.tokens))
            .and(HELD[0], Step::Add(held.nanos))
            .and(HELD[1], Step::Add(held.tokens))
    }

    fn member(&self) -> String {
        format!("{}#{}", self.day.of_month(), self.number)
    }
}

/// The room of a lane. Less than nothing where a call cost more than was reserved for it.
#[must_use]
pub fn room(item: &Item) -> Delta {
    Delta { nanos: number(item, ROOM[0]), tokens: number(item, ROOM[1]) }
}

/// What the calls of a lane have reserved and settled.
#[must_use]
pub fn held(item: &Item) -> Delta {
    Delta { nanos: number(item, HELD[0]), tokens: number(item, HELD[1]) }
}

/// The part of a delta that can be taken away.
#[must_use]
pub fn spare(room: Delta) -> Amount {
    let whole = |part: i128| u64::try_from(part).unwrap_or(if part < 0 { 0 } else { u64::MAX });
    Amount { nanos: Nanos(whole(room.nanos)), tokens: whole(room.tokens) }
}

/// When a call took from a lane last.
#[must_use]
pub fn touched(lane: &Item) -> Timestamp {
    Timestamp::from_micros(u64::try_from(number(lane, TOUCHED)).unwrap_or_default())
}

/// When anything below a parent was granted something last.
#[must_use]
pub fn granted(parent: &Item) -> Timestamp {
    Timestamp::from_micros(u64::try_from(number(parent, GRANTED)).unwrap_or_default())
}

/// Who is below a parent: the names that its item lists.
pub fn members(parent: &Item) -> impl Iterator<Item = Name> {
    texts(parent, MEMBERS).filter_map(|text| text.parse().ok())
}

/// The lanes that a team's item lists for `day`.
pub fn lanes<'a>(
    team_item: &'a Item,
    (tenant, team): (&'a Name, &'a Name),
    day: Day,
) -> impl Iterator<Item = Lane> + 'a {
    texts(team_item, MEMBERS).filter_map(move |text| {
        let (of_month, number) = text.split_once('#')?;
        let number = number.parse().ok().filter(|_| of_month == day.of_month())?;
        Some(Lane { tenant: tenant.clone(), team: team.clone(), number, day })
    })
}

/// The days of the month whose lanes may hold escrow while a call of `day` is considered: midnight may be near, and
/// older ones have been swept.
#[must_use]
pub fn days_around(day: Day) -> Vec<Day> {
    let days = [day.before(1), day, day.before(-1)];
    days.into_iter().filter(|other| other.month() == day.month()).collect()
}

/// The items of a lane's parents.
#[must_use]
pub fn parent_items(lane: &Lane) -> [SpendItem; PARENTS] {
    lane.parents().map(|scope| spend_item(&scope, lane.day))
}
