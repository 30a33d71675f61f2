//! Where a call is killed.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use tollgate_tests::fault_proxy::{Arrived, Fault, Moment};

use crate::call::Kind;

/// Chunks that a stream has at least; the first carries the headers.
const CHUNKS: usize = 20;

/// How long the provider is at work, in milliseconds.
const AT_WORK_MS: u64 = 120;

/// A point of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// At the n-th request of an operation: the service has not seen it yet, or has done it.
    Request { step: Step, moment: Moment },
    /// A while after the record says that the bytes leave.
    AtWork(Duration),
    /// After the n-th chunk of the answer.
    Chunk(usize),
}

/// What a function asks of DynamoDB in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The n-th item is read: flag, documents, cache.
    Read(u64),
    Reserve,
    Sent,
    /// Room for the second call of a cascade.
    Extend,
    SentAgain,
    Settle,
    Store,
}

impl Step {
    /// The operation, and which one of it in the course of a call.
    const fn request(self, kind: Kind) -> (&'static str, u64) {
        let again = matches!(kind, Kind::Cascade) as u64;
        match self {
            Self::Read(number) => ("GetItem", number),
            // The first one finds the lane dry, the second brings a chunk.
            Self::Reserve => ("TransactWriteItems", 2),
            Self::Sent => ("PutItem", 1),
            Self::Extend => ("TransactWriteItems", 3),
            Self::SentAgain => ("PutItem", 2),
            Self::Settle => ("TransactWriteItems", 3 + again),
            Self::Store => ("PutItem", 2 + again),
        }
    }
}

impl Point {
    /// One of them at random.
    pub(crate) fn any(kind: Kind, random: &mut Rng) -> Self {
        let moment = if random.bool() { Moment::Before } else { Moment::After };
        let step = match random.u8(0..12) {
            2 | 5 | 10 if kind == Kind::Cascade => Step::Extend,
            3 | 7 | 11 if kind == Kind::Cascade => Step::SentAgain,
            0 => Step::Read(random.u64(1..3)),
            1..=3 => Step::Reserve,
            4..=5 => Step::Sent,
            6..=8 => Step::Settle,
            9 => Step::Store,
            _ if kind.is_stream() => return Self::Chunk(random.usize(1..=CHUNKS)),
            _ => return Self::AtWork(Duration::from_millis(random.u64(0..AT_WORK_MS))),
        };
        Self::Request { step, moment }
    }

    /// The plan that stops the call there.
    pub(crate) fn plan(&self, kind: Kind) -> impl FnMut(&Arrived) -> Fault + Send + 'static {
        let stop = match *self {
            Self::Request { step, moment } => Some((step.request(kind), moment)),
            Self::AtWork(_) => Some((Step::Sent.request(kind), Moment::After)),
            Self::Chunk(_) => None,
        };
        let mut seen = 0;
        move |arrived| {
            let Some(((operation, number), moment)) = stop else { return Fault::None };
            seen += u64::from(arrived.operation == operation);
            let is_it = arrived.operation == operation && seen == number;
            if is_it { Fault::Stop(moment) } else { Fault::None }
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { step: Step::Read(_), .. } => f.write_str("while it reads"),
            Self::Request { step, moment } => write!(f, "{moment:?} {step:?}").map(drop),
            Self::AtWork(_) => f.write_str("while the provider is at work"),
            Self::Chunk(_) => f.write_str("in the stream"),
        }
    }
}
