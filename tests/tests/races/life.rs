//! One client and its calls: each is reserved, perhaps sent, perhaps extended, and closed in one way or another, or left.

use std::time::Duration;

use fastrand::Rng;
use tollgate_core::money::Nanos;
use tollgate_core::ports::{Reservation, Transition};
use tollgate_core::record::{Record, State};
use tollgate_core::reservation::Refusal;
use tollgate_tests::calls::{Who, end, reserved};
use tollgate_tests::shared::Limited;

const CALLS: usize = 4;

/// A step that fails so often fails for ever, which is a defect: the faults come at random.
const TRIES: usize = 200;

/// The longest pause between two tries.
const LONGEST_MS: u64 = 400;

pub(crate) struct Client {
    pub(crate) number: usize,
    pub(crate) who: Who,
    pub(crate) limited: Limited,
    pub(crate) random: Rng,
    pub(crate) bound: Nanos,
}

/// A call that the client closed: how, and whether a reconciler had come before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) record: Record,
    pub(crate) was_expired: bool,
}

/// Asks until the call is admitted, or refused. A refusal must be true by the figures that it names. A reservation whose reply
/// was lost may have been closed by a reconciler meanwhile: then there is nothing left to ask for.
pub(crate) async fn decide(limited: &Limited, record: &Record) -> bool {
    let mut tries = Tries::default();
    loop {
        match limited.reserve(record).await {
            Ok(Reservation::Contended) | Err(_) if limited.is_closed(record).await => return false,
            Ok(Reservation::Contended) | Err(_) => tries.pause().await,
            Ok(Reservation::Granted(_)) => return true,
            Ok(Reservation::Refused(Refusal::Budget(refusal))) => {
                assert!(refusal.spent + refusal.needed > refusal.limit, "a false refusal: {refusal:?}");
                return false;
            }
            Ok(other) => panic!("{other:?}"),
        }
    }
}

#[derive(Default)]
struct Tries(usize);

impl Tries {
    async fn pause(&mut self) {
        self.0 += 1;
        assert!(self.0 < TRIES, "a step is never done");
        // Who is told that a budget is contended comes back later each time.
        let most = u64::try_from(self.0).map_or(LONGEST_MS, |tries| (20 * tries).min(LONGEST_MS));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..most))).await;
    }
}

impl Client {
    pub(crate) async fn live(mut self) -> Vec<Closed> {
        let mut closed = Vec::new();
        for call in 0..CALLS {
            closed.extend(self.call(call).await);
        }
        closed
    }

    /// What the client closed itself; nothing where it was refused, left, or a reconciler came before.
    async fn call(&mut self, call: usize) -> Option<Closed> {
        let record = reserved(&format!("r-{}-{call}", self.number), &self.who, self.bound);
        if self.random.u8(0..8) == 0 {
            // A function that dies at its reservation: it may have been made, or not.
            drop(self.limited.reserve(&record).await);
            return None;
        }
        if !decide(&self.limited, &record).await {
            return None;
        }
        if self.random.u8(0..4) == 0 {
            return self.close(&record, |record| record.released(end("unavailable"))).await;
        }
        let sent = self.send(record).await?;
        let sent = if self.random.bool() { self.extend(sent).await } else { sent };
        if self.random.u8(0..8) == 0 {
            return None;
        }
        let cost = Nanos(self.random.u64(0..=sent.charged_nanos.0));
        let closed = self.close(&sent, |before| before.settled(cost, end("ok"))).await?;
        // The reply was lost, as far as anybody knows: the same settlement comes again.
        let again = self.limited.ledger.close(&sent, &closed.record).await;
        assert!(!closed.was_expired || !matches!(again, Ok(Transition::Missing)), "{again:?}");
        Some(closed)
    }

    /// `None` where a reconciler has closed the record.
    async fn send(&self, record: Record) -> Option<Record> {
        let after = record.sent("target");
        let mut tries = Tries::default();
        loop {
            match self.limited.ledger.send(&record, &after).await {
                Ok(Transition::Done) => return Some(after),
                Ok(Transition::Lost(_)) => return None,
                Ok(Transition::Missing) => panic!("the record is lost: {record:?}"),
                Err(_) => tries.pause().await,
            }
        }
    }

    /// The record as it stands then.
    async fn extend(&mut self, record: Record) -> Record {
        let after = record.extended(Nanos(self.random.u64(1..self.bound.0)));
        let mut tries = Tries::default();
        loop {
            match self.limited.extend(&record, &after).await {
                Ok(Reservation::Granted(_)) => return after,
                // It may be that a reconciler came: the settlement will tell.
                Ok(Reservation::Refused(_) | Reservation::Contended) => return record,
                Ok(other) => panic!("{other:?}"),
                Err(_) => tries.pause().await,
            }
        }
    }

    /// Closes as a function does: where a reconciler came before, a settlement goes on from what it left.
    async fn close(&self, before: &Record, end: impl Fn(&Record) -> Record + Send + Sync) -> Option<Closed> {
        let after = end(before);
        match self.close_as(before, &after).await {
            Transition::Done => Some(Closed { record: after, was_expired: false }),
            Transition::Missing => panic!("the record is lost: {before:?}"),
            Transition::Lost(now) if now.state == State::Expired && after.state == State::Settled => {
                let late = end(&now);
                let transition = self.close_as(&now, &late).await;
                assert_eq!(transition, Transition::Done, "nobody else settles it");
                Some(Closed { record: late, was_expired: true })
            }
            Transition::Lost(_) => None,
        }
    }

    async fn close_as(&self, before: &Record, after: &Record) -> Transition {
        let mut tries = Tries::default();
        loop {
            match self.limited.ledger.close(before, after).await {
                Ok(transition) => return transition,
                Err(_) => tries.pause().await,
            }
        }
    }
}
