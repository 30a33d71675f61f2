//! What must be true when everything has ended.

use super::*;

impl World {
    /// Ends all calls, brings all escrow back, and compares every counter with the ledger.
    pub(in crate::reservation::tests) fn finish(mut self) {
        for luck in 0..u8::MAX {
            if self.running.is_empty() {
                break;
            }
            self.advance(Op { kind: 0, which: 0, size: 0, luck: luck | 1 });
            self.check();
        }
        assert!(self.running.is_empty(), "a taking found no end");
        while self.pick(0, |record| record.state.is_open()).is_some() {
            self.expire(Op { kind: 0, which: 0, size: 0, luck: 0 });
        }
        self.exactly_once();
        for (lane, item) in self.lanes() {
            self.tables.transact(&lane.recall(escrow::spare(escrow::room(&item)), None)).unwrap();
        }
        self.exactly_once();
        let idle = |(_, item): (Lane, Item)| escrow::room(&item) != Delta::default();
        assert!(!self.lanes().into_iter().any(idle), "escrow was left");
        for team in TEAMS {
            self.what_is_left_can_be_spent(team);
        }
    }

    /// `exactly_once`: what the counters hold is what the ledger says, each call once.
    fn exactly_once(&self) {
        for record in &self.records {
            let stored = self.tables.get(Table::Ledger, &record.request_id).unwrap();
            assert_eq!(&serde_json::from_value::<Record>(stored.into()).unwrap(), record);
            for scope in Self::scopes(record) {
                let item = spend_item(&scope, record.day);
                let counted = item.spent(&self.tables.get(Table::Limits, &item.key).unwrap_or_default());
                let mut idle = Spent::default();
                for (lane, stored) in self.lanes() {
                    let room = escrow::room(&stored);
                    assert!(room.nanos >= 0 && room.tokens >= 0, "a lane is overdrawn");
                    if !lane.parents().contains(&scope) || lane.day.month() != record.day.month() {
                        continue;
                    }
                    idle.month = idle.month.plus(escrow::spare(room));
                    if lane.day == record.day {
                        idle.day = idle.day.plus(escrow::spare(room));
                    }
                }
                let charged = self.charged(&scope, record.day);
                assert_eq!(counted.day, charged.day.plus(idle.day), "{scope} of the day");
                assert_eq!(counted.month, charged.month.plus(idle.month), "{scope} of the month");
            }
        }
    }

    /// `no_false_refusal`: a call that needs all that is left is admitted, and one that needs more is not.
    fn what_is_left_can_be_spent(&mut self, team: &str) {
        let now = self.now;
        let record = |id: String, bound| Record::open(&caller("alice", team), opening(&id, bound, now, 0));
        let probe = record("probe".to_owned(), Amount::ZERO);
        let budgets = [self.limits.user].into_iter().chain(self.limits.parents);
        let left = Self::scopes(&probe)
            .iter()
            .zip(budgets)
            .map(|(scope, budget)| budget.left(&self.charged(scope, probe.day)))
            .fold(amount(u64::MAX, u64::MAX), Amount::min);
        let more = record(format!("{team}-more"), left.plus(amount(1, 0)));
        assert!(run(&mut self.tables, Taking::new(None, more, self.limits, None, now)).0.is_err());
        let all = record(format!("{team}-all"), left);
        let admitted = run(&mut self.tables, Taking::new(None, all, self.limits, None, now)).0;
        self.records.push(admitted.expect("what is left can be spent"));
    }
}
