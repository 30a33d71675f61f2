//! Taking what a call may cost from all its scopes, or from none.
//!
//! A taking is tried with what is known, and learns from what stood in its way: the items that its transaction failed
//! on. Nothing is read before a try. Where a parent of the lane is dry, all lanes below it are looked at in one
//! snapshot, so a call is refused only when its scope is really spent.

use crate::budget::{Amount, Budget, Delta, Mode};
use crate::escrow::{self, Lane, PARENTS};
use crate::flow::{FlowRefusal, TokenStanding};
use crate::record::{self, Record};
use crate::spend::{Exhausted, Scope, Spent, exhausted, spend_item};
use crate::time::Timestamp;
use crate::write::{Item, Write};

/// What holds for a caller's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of the user.
    pub user: Budget,
    /// Of team, tenant and organisation.
    pub parents: [Budget; PARENTS],
    /// What a dry lane is granted, while its parents have it.
    pub chunk: Amount,
    /// Lanes of the team.
    pub lanes: u16,
}

/// Why a call is not admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A budget does not hold it.
    Budget(Exhausted),
    /// The key's flow does not.
    Flow(FlowRefusal),
}

/// A reservation, or an addition to one, on its way.
#[derive(Clone, Debug)]
pub struct Taking<'a> {
    before: Option<&'a Record>,
    after: Record,
    limits: &'a Limits,
    claim: Option<Write>,
    now: Timestamp,
    needed: Amount,
    seen: Seen,
    /// Nothing is granted in advance any more.
    is_scarce: bool,
    parts: Vec<Part>,
}

/// What is known of the items. Nothing at first, which is as good as empty items; but the lane is hoped to have room.
#[derive(Clone, Debug, Default)]
struct Seen {
    user: Spent,
    room: Option<Delta>,
    flow: Item,
    parents: [Spent; PARENTS],
}

/// What a write of the transaction is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Record,
    Claim,
    User,
    Flow,
    Lane,
    Parent(usize),
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Carry out this transaction, and [`Taking::learn`] what it failed on.
    Try(Vec<Write>),
    /// Look at the lanes below a parent: [`Taking::looked`].
    Look(usize),
    /// The call is refused.
    Refuse(Refusal),
}

/// What a transaction failed on, where it is not the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The record is another than before; this is how it is now. Our own, where the reply to an earlier try was lost.
    Moved(Option<Item>),
    /// The claim is somebody's already.
    Claimed(Item),
}

/// All that lies below a parent, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The parent's own item.
    pub parent: Item,
    /// The lanes that it may have granted something, with their items.
    pub lanes: Vec<(Lane, Item)>,
}

impl<'a> Taking<'a> {
    /// What it takes to go from `before` (`None`: a new call) to `after`. The claim is written along with it.
    #[must_use]
    pub fn new(
        before: Option<&'a Record>,
        after: Record,
        limits: &'a Limits,
        claim: Option<Write>,
        now: Timestamp,
    ) -> Self {
        let held = before.map(Record::charged).unwrap_or_default();
        let needed = after.charged().minus(held);
        let (seen, is_scarce, parts) = (Seen::default(), false, Vec::new());
        Self { before, after, limits, claim, now, needed, seen, is_scarce, parts }
    }

    /// The record as it is once the taking is done.
    #[must_use]
    pub fn into_record(self) -> Record {
        self.after
    }

    /// The record as it is once the taking is done.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.after
    }

    /// Whether it adds to a reservation that is there.
    #[must_use]
    pub const fn is_extension(&self) -> bool {
        self.before.is_some()
    }

    /// What is known of the key's flow before the first try, if anything.
    pub fn saw_flow(&mut self, item: Item) {
        self.seen.flow = item;
    }

    /// What the token headers say once the call is admitted.
    #[must_use]
    pub fn standing(&self) -> Option<TokenStanding> {
        self.after.flow()?.standing(&self.seen.flow, self.needed.tokens, self.now)
    }

    /// What to do, as far as is known.
    pub fn decide(&mut self) -> Next {
        if let Err(refusal) = self.judge_user() {
            return Next::Refuse(Refusal::Budget(refusal));
        }
        let mut writes: Vec<_> = self.claim.clone().map(|claim| (Part::Claim, claim)).into_iter().collect();
        let user = spend_item(&self.after.user_scope(), self.after.day);
        writes.push((
            Part::User,
            take(&user, &self.limits.user, self.needed, self.is_shadowed(&self.after.user_scope())),
        ));
        if let Some(flow) = self.after.flow() {
            let write = match self.before {
                None => flow.enter(&self.seen.flow, self.needed.tokens, self.now),
                Some(_) => Ok(flow.grow(self.needed.tokens, self.now)),
            };
            match write {
                Ok(write) => writes.push((Part::Flow, write)),
                Err(refusal) => return Next::Refuse(Refusal::Flow(refusal)),
            }
        }
        if let Some(lane) = self.after.lane() {
            let grant = match self.grant(&lane) {
                Ok(grant) => grant,
                Err(dry) => return Next::Look(dry),
            };
            writes.push((Part::Lane, lane.take(self.needed, grant, self.now)));
            writes.extend(self.grants(&lane, grant));
        }
        // Last, because a shadow that was found on the way is part of the record.
        writes.insert(0, (Part::Record, record::write(self.before, &self.after)));
        let (parts, writes) = writes.into_iter().unzip();
        self.parts = parts;
        Next::Try(writes)
    }

    /// Takes in what a transaction failed on: the places of its writes, and the items that stood there.
    pub fn learn(&mut self, failed: Vec<(usize, Option<Item>)>) -> Result<(), Obstacle> {
        let mut obstacle = None;
        for (place, item) in failed {
            let found = item.clone().unwrap_or_default();
            match self.parts.get(place) {
                Some(Part::Record) => return Err(Obstacle::Moved(item)),
                Some(Part::Claim) => obstacle = Some(Obstacle::Claimed(found)),
                Some(Part::User) => {
                    self.seen.user = spend_item(&self.after.user_scope(), self.after.day).spent(&found)
                }
                Some(Part::Flow) => self.seen.flow = found,
                Some(Part::Lane) => self.seen.room = Some(escrow::room(&found)),
                Some(Part::Parent(place)) => self.saw_parent(*place, &found),
                None => {}
            }
        }
        obstacle.map_or(Ok(()), Err)
    }

    /// Takes in what lies below a dry parent, and says what to call back from other lanes: one transaction each, each of
    /// which may be lost to somebody else. `Err` where the parent is really spent.
    pub fn looked(&mut self, dry: usize, view: &View) -> Result<Vec<Vec<Write>>, Refusal> {
        self.is_scarce = true;
        self.saw_parent(dry, &view.parent);
        let Some(own) = self.after.lane() else { return Ok(Vec::new()) };
        let of_own = view.lanes.iter().find(|(lane, _)| *lane == own);
        let room = of_own.map(|(_, item)| escrow::room(item)).unwrap_or_default();
        self.seen.room = Some(room);
        let others: Vec<(&Lane, Amount)> = view
            .lanes
            .iter()
            .filter(|(lane, _)| *lane != own)
            .map(|(lane, item)| (lane, escrow::spare(escrow::room(item))))
            .collect();
        let mut really = self.seen.parents[dry];
        let spare = others.iter().copied().chain([(&own, escrow::spare(room))]);
        for (lane, spare) in spare {
            really.month = really.month.minus(spare);
            if lane.day == own.day {
                really.day = really.day.minus(spare);
            }
        }
        let (scope, budget) = (&own.parents()[dry], &self.limits.parents[dry]);
        if let Some(refusal) = exhausted(scope, budget, &really, self.needed, own.day) {
            return Err(Refusal::Budget(refusal));
        }
        Ok(self.recalls(dry, &own, others))
    }

    /// Calls back from others what the parent lacks, today's lanes first: those of other days help the month only.
    fn recalls(&mut self, dry: usize, own: &Lane, mut others: Vec<(&Lane, Amount)>) -> Vec<Vec<Write>> {
        others.sort_by_key(|(lane, _)| lane.day != own.day);
        let budget = self.limits.parents[dry];
        let deficit = self.deficit();
        let mut recalls = Vec::new();
        for (lane, spare) in others {
            let spent = &mut self.seen.parents[dry];
            let amount = deficit.minus(budget.left(spent)).min(spare);
            if amount == Amount::ZERO {
                continue;
            }
            spent.month = spent.month.minus(amount);
            if lane.day == own.day {
                spent.day = spent.day.minus(amount);
            }
            recalls.push(lane.recall(amount, None));
        }
        recalls
    }

    fn judge_user(&mut self) -> Result<(), Exhausted> {
        let scope = self.after.user_scope();
        match exhausted(&scope, &self.limits.user, &self.seen.user, self.needed, self.after.day) {
            Some(refusal) if self.limits.user.mode == Mode::Hard => Err(refusal),
            Some(_) => {
                self.shadow(&scope);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// What the lane lacks for the call.
    fn deficit(&self) -> Amount {
        self.seen.room.map_or(Amount::ZERO, |room| escrow::spare(Delta::from(self.needed) - room))
    }

    /// What the lane is to be granted; `Err` is the parent that does not have it.
    fn grant(&mut self, lane: &Lane) -> Result<Amount, usize> {
        let deficit = self.deficit();
        if deficit == Amount::ZERO {
            return Ok(deficit);
        }
        let chunk = if self.is_scarce { Amount::ZERO } else { self.limits.chunk };
        let wished = |deficit: u64, chunk: u64| if deficit == 0 { 0 } else { deficit.max(chunk) };
        let mut grant = Amount {
            nanos: crate::money::Nanos(wished(deficit.nanos.0, chunk.nanos.0)),
            tokens: wished(deficit.tokens, chunk.tokens),
        };
        for (place, scope) in lane.parents().iter().enumerate() {
            let budget = &self.limits.parents[place];
            let left = budget.left(&self.seen.parents[place]);
            if deficit.minus(left) == Amount::ZERO {
                grant = grant.min(left);
            } else if budget.mode == Mode::Hard {
                return Err(place);
            } else {
                // Nothing in advance, so that every call over the limit is seen to be.
                self.shadow(scope);
                grant = deficit;
            }
        }
        Ok(grant)
    }

    fn grants(&self, lane: &Lane, grant: Amount) -> Vec<(Part, Write)> {
        if grant == Amount::ZERO {
            return Vec::new();
        }
        let parents = lane.parents().into_iter().zip(escrow::parent_items(lane)).enumerate();
        let writes = parents.map(|(place, (scope, item))| {
            let write = take(&item, &self.limits.parents[place], grant, self.is_shadowed(&scope));
            (Part::Parent(place), lane.granted(place, write, self.now))
        });
        writes.collect()
    }

    fn saw_parent(&mut self, place: usize, item: &Item) {
        if let Some(lane) = self.after.lane() {
            self.seen.parents[place] = escrow::parent_items(&lane)[place].spent(item);
        }
    }

    fn shadow(&mut self, scope: &Scope) {
        if !self.is_shadowed(scope) {
            self.after.shadowed.push(scope.to_string());
        }
    }

    fn is_shadowed(&self, scope: &Scope) -> bool {
        let text = scope.to_string();
        self.after.shadowed.contains(&text)
    }
}

fn take(item: &crate::spend::SpendItem, budget: &Budget, needed: Amount, is_shadowed: bool) -> Write {
    if is_shadowed { item.add(needed.into()) } else { item.take(budget, needed) }
}

#[cfg(test)]
mod tests;
