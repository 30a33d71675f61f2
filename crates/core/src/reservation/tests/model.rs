//! Calls that interleave in any order over tables in memory, with replies that get lost and steps that come twice.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::arbitrary::Arbitrary;
use proptest::prelude::*;

use super::*;
use crate::budget::FlowPolicy;
use crate::caller::{Caller, Role};
use crate::name::Name;
use crate::record::{CacheOutcome, End, Opening};
use crate::time::Day;

mod books;

const USERS: [&str; 2] = ["alice", "bob"];
const TEAMS: [&str; 2] = ["search", "ads"];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(super) fn caller(user: &str, team: &str) -> Caller {
    Caller {
        key_id: name("k"),
        user: name(user),
        team: name(team),
        tenant: name("acme"),
        role: Role::Caller,
        models: Vec::new(),
        budget: Budget::UNLIMITED,
        flow: FlowPolicy::default(),
        output: crate::output_policy::OutputPolicy::default(),
        sharing: crate::cache::Sharing::default(),
    }
}

pub(super) fn opening(id: &str, bound: Amount, now: Timestamp, lane: u16) -> Opening {
    Opening {
        request_id: id.to_owned(),
        model: "gpt-5.5".to_owned(),
        stream: false,
        trace_id: None,
        cache: CacheOutcome::Miss,
        bound,
        lane: Some(lane),
        now,
        deadline: now,
        retention_days: 90,
    }
}

/// The organisation may spend `org` nano-dollars a day.
pub(super) fn limits(org: u64) -> Limits {
    let day = |nanos| Budget { day: Some(Nanos(nanos)), ..Budget::UNLIMITED };
    let parents = [Budget::UNLIMITED, Budget::UNLIMITED, day(org)];
    Limits { user: Budget::UNLIMITED, parents, chunk: amount(100, 100), lanes: 1 }
}

/// A step of the world; which call it is about, and how much, follows from its numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Op {
    kind: u8,
    which: u8,
    size: u8,
    luck: u8,
}

impl Arbitrary for Op {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        any::<(u8, u8, u8, u8)>()
            .prop_map(|(kind, which, size, luck)| Self { kind, which, size, luck })
            .boxed()
    }
}

/// A taking on its way.
struct Running {
    taking: Taking<'static>,
    extends: bool,
    /// Transactions that are to be carried out, the next one last.
    recalls: Vec<Vec<Write>>,
    /// The most that was charged to each scope and window while it ran.
    peaks: BTreeMap<(String, bool), u64>,
}

pub(super) struct World {
    tables: Memory,
    now: Timestamp,
    limits: &'static Limits,
    /// Every admitted call, as it is.
    records: Vec<Record>,
    running: Vec<Running>,
    calls: u32,
    salt: u64,
}

impl World {
    pub(super) fn new(salt: u64, [user, team, org]: [u64; 3], chunk: u64, lanes: u16) -> Self {
        let both = |day: u64, month: u64| Budget {
            day: Some(Nanos(day)),
            month: Some(Nanos(month)),
            day_tokens: Some(day),
            ..Budget::UNLIMITED
        };
        let limits = Limits {
            user: both(user, user * 2),
            parents: [both(team, team + 50), Budget::UNLIMITED, both(org, org + org / 2)],
            chunk: amount(chunk, chunk / 2),
            lanes,
        };
        // Takings borrow their limits for as long as they run; a test's few bytes may outlive it.
        let limits = Box::leak(Box::new(limits));
        Self {
            tables: Memory::default(),
            now: NOW,
            limits,
            records: Vec::new(),
            running: Vec::new(),
            calls: 0,
            salt,
        }
    }

    pub(super) fn step(&mut self, op: Op) {
        let size = u64::from(op.size) / 2;
        match op.kind % 16 {
            0..=3 => self.begin(op, amount(size, size / 2)),
            4..=8 => self.advance(op),
            9 => self.send(op),
            10 => self.extend(op, amount(size / 4, size / 8)),
            11 | 12 => self.settle(op, size),
            13 => self.expire(op),
            14 => self.sweep(op),
            _ => self.wait(Duration::from_secs(u64::from(op.size) * 120)),
        }
        self.check();
    }

    fn begin(&mut self, op: Op, bound: Amount) {
        self.calls += 1;
        let (user, team) = (USERS[usize::from(op.which % 2)], TEAMS[usize::from(op.which / 2 % 2)]);
        let id = format!("r-{}-{}", self.salt, self.calls);
        let lane = u16::from(op.luck) % self.limits.lanes;
        let record = Record::open(&caller(user, team), opening(&id, bound, self.now, lane));
        let taking = Taking::new(None, record, self.limits, None, self.now);
        self.start(taking, false);
    }

    fn extend(&mut self, op: Op, bound: Amount) {
        // A call extends within its own time, as every taking does: none lies more than a midnight back.
        let yesterday = self.now.day().before(1);
        let can_extend = |record: &Record| record.state == State::Sent && record.day >= yesterday;
        let Some(place) = self.pick(op.which, can_extend) else { return };
        let before: &'static Record = Box::leak(Box::new(self.records[place].clone()));
        let is_extending = |running: &Running| running.taking.record().request_id == before.request_id;
        if bound == Amount::ZERO || self.running.iter().any(is_extending) {
            return;
        }
        let taking = Taking::new(Some(before), before.extended(bound), self.limits, None, self.now);
        self.start(taking, true);
    }

    fn start(&mut self, taking: Taking<'static>, extends: bool) {
        let running = Running { taking, extends, recalls: Vec::new(), peaks: BTreeMap::new() };
        self.running.push(running);
        self.note_peaks();
    }

    /// One step of one taking.
    fn advance(&mut self, op: Op) {
        if self.running.is_empty() {
            return;
        }
        let place = usize::from(op.which) % self.running.len();
        let mut running = self.running.swap_remove(place);
        if let Some(recall) = running.recalls.pop() {
            // Whether it succeeds or is lost to others shows at the next try.
            let _ = self.tables.transact(&recall);
            return self.running.push(running);
        }
        match running.taking.decide() {
            Next::Try(writes) => match (self.tables.transact(&writes), op.luck % 4) {
                // The reply is lost: the same token would be answered as the first time; a new try finds the record.
                (Ok(()), 0) => match running.taking.learn(self.tables.transact(&writes).unwrap_err()) {
                    Err(Obstacle::Moved(Some(item))) => {
                        let found: Record = serde_json::from_value(item.into()).unwrap();
                        assert_eq!(found, *running.taking.record());
                        self.admit(running);
                    }
                    other => panic!("{other:?}"),
                },
                (Ok(()), _) => self.admit(running),
                (Err(failed), _) => match running.taking.learn(failed) {
                    Ok(()) => self.running.push(running),
                    // The call was closed while it was extended.
                    Err(Obstacle::Moved(_)) if running.extends => {}
                    Err(other) => panic!("{other:?}"),
                },
            },
            Next::Look(dry) => {
                let lane = running.taking.record().lane().unwrap();
                let view = escrow::memory::below(&self.tables, &lane, dry);
                match running.taking.looked(dry, &view) {
                    Ok(recalls) => {
                        running.recalls = recalls;
                        self.running.push(running);
                    }
                    Err(refusal) => justify(&refusal, &running),
                }
            }
            Next::Refuse(refusal) => justify(&refusal, &running),
        }
    }

    fn admit(&mut self, running: Running) {
        let record = running.taking.into_record();
        match self.records.iter_mut().find(|known| known.request_id == record.request_id) {
            Some(known) => *known = record,
            None => self.records.push(record),
        }
    }

    fn send(&mut self, op: Op) {
        let Some(place) = self.pick(op.which, |record| record.state.is_open()) else { return };
        let after = self.records[place].sent("t");
        let write = record::write(Some(&self.records[place]), &after);
        self.change(place, &[write], after, op.luck);
    }

    fn settle(&mut self, op: Op, cost: u64) {
        let is_settleable = |record: &Record| !matches!(record.state, State::Settled | State::Released);
        let Some(place) = self.pick(op.which, is_settleable) else { return };
        let before = &self.records[place];
        let after = match before.state {
            State::Reserved => before.released(end(self.now)),
            // Usage never exceeds a true bound.
            _ => before.settled(amount(cost, cost / 3).min(before.reserved()), end(self.now)),
        };
        let writes = record::close(before, &after);
        self.change(place, &writes, after, op.luck);
    }

    fn expire(&mut self, op: Op) {
        let Some(place) = self.pick(op.which, |record| record.state.is_open()) else { return };
        let after = self.records[place].expired(self.now);
        let writes = record::close(&self.records[place], &after);
        self.change(place, &writes, after, op.luck);
    }

    /// Carries out a change, now and then twice: the second time, nothing may move.
    fn change(&mut self, place: usize, writes: &[Write], after: Record, luck: u8) {
        self.tables.transact(writes).unwrap();
        self.records[place] = after;
        let before = self.tables.clone();
        let is_new_state = writes.len() > 1;
        if luck.is_multiple_of(2) && is_new_state {
            assert!(self.tables.transact(writes).is_err(), "a step counted twice");
            assert_eq!(self.tables, before);
        }
    }

    /// Time goes by; the reconciler brings back, every minute, what is idle in lanes of days before.
    fn wait(&mut self, time: Duration) {
        self.now = self.now.plus(time);
        // No taking lasts for more than seconds, so none lies more than a midnight back.
        let yesterday = self.now.day().before(1);
        self.running.retain(|running| running.taking.record().day >= yesterday);
        for (lane, item) in self.lanes().into_iter().filter(|(lane, _)| lane.day < self.now.day().before(1)) {
            self.tables.transact(&lane.recall(escrow::spare(escrow::room(&item)), None)).unwrap();
        }
    }

    /// Idle escrow goes back.
    fn sweep(&mut self, op: Op) {
        let lanes = self.lanes();
        if lanes.is_empty() {
            return;
        }
        let (lane, item) = &lanes[usize::from(op.which) % lanes.len()];
        let since = op.luck.is_multiple_of(2).then_some(self.now);
        let _ = self.tables.transact(&lane.recall(escrow::spare(escrow::room(item)), since));
    }

    fn pick(&self, which: u8, is_fit: impl Fn(&Record) -> bool) -> Option<usize> {
        let fit: Vec<usize> = (0..self.records.len()).filter(|&place| is_fit(&self.records[place])).collect();
        (!fit.is_empty()).then(|| fit[usize::from(which) % fit.len()])
    }

    fn lanes(&self) -> Vec<(Lane, Item)> {
        let read = |(key, item): (&str, &Item)| {
            let parts: Vec<&str> = key.split(['#', '/']).collect();
            let [_, tenant, team, number, day] = parts[..] else { panic!("{key}") };
            let lane = Lane {
                tenant: name(tenant),
                team: name(team),
                number: number.parse().unwrap(),
                day: day.parse().unwrap(),
            };
            (lane, item.clone())
        };
        self.tables.starting_with(Table::Limits, "lane#").map(read).collect()
    }

    /// What is charged to a scope in the windows of `day`.
    fn charged(&self, scope: &Scope, day: Day) -> Spent {
        let mut spent = Spent::default();
        for record in &self.records {
            let lane = record.lane().unwrap();
            if record.user_scope() != *scope && !lane.parents().contains(scope) {
                continue;
            }
            if record.day.month() == day.month() {
                spent.month = spent.month.plus(record.charged());
            }
            if record.day == day {
                spent.day = spent.day.plus(record.charged());
            }
        }
        spent
    }

    fn scopes(record: &Record) -> Vec<Scope> {
        [record.user_scope()].into_iter().chain(record.lane().unwrap().parents()).collect()
    }

    fn note_peaks(&mut self) {
        let mut running = std::mem::take(&mut self.running);
        for one in &mut running {
            let record = one.taking.record();
            for scope in Self::scopes(record) {
                let spent = self.charged(&scope, record.day);
                for window in [Window::Day, Window::Month] {
                    for measure in [Measure::Money, Measure::Tokens] {
                        let key = (format!("{scope}/{window:?}"), measure == Measure::Money);
                        let peak = one.peaks.entry(key).or_default();
                        *peak = (*peak).max(spent.of(window).of(measure));
                    }
                }
            }
        }
        self.running = running;
    }

    /// `never_over`: no scope holds more than its limits.
    fn check(&mut self) {
        self.note_peaks();
        let Some(day) = self.records.last().map(|record| record.day) else { return };
        for record in self.records.iter().filter(|record| record.day == day) {
            let budgets = [self.limits.user].into_iter().chain(self.limits.parents);
            for (scope, budget) in Self::scopes(record).iter().zip(budgets) {
                let spent = self.charged(scope, day);
                assert_eq!(exhausted(scope, &budget, &spent, Amount::ZERO, day), None, "over");
            }
        }
    }
}

/// A refusal is true: at some moment while the call was considered, what was charged left no room for it.
fn justify(refusal: &Refusal, running: &Running) {
    let Refusal::Budget(Exhausted { scope, window, measure, limit, needed, .. }) = refusal else {
        panic!("{refusal:?}")
    };
    let peak = running.peaks[&(format!("{scope}/{window:?}"), *measure == Measure::Money)];
    assert!(
        peak + needed > *limit,
        "refused by {scope}, where {peak} and {needed} make no more than {limit}"
    );
}

fn end(now: Timestamp) -> End {
    End {
        ended_us: now,
        outcome: "ok".to_owned(),
        provider: None,
        usage: crate::usage::Usage::default(),
        estimated: false,
        response_id: None,
        saved_nanos: Nanos::ZERO,
        saved_tokens: 0,
        semantic: None,
        latency_us: 0,
        first_token_us: None,
    }
}
