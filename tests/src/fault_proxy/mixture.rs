//! A random mixture of everything that can go wrong between a function and the service.

use std::time::Duration;

use fastrand::Rng;

use super::fault::{Arrived, Fault, Moment};

/// One request in four meets a fault. The seed says which and when, though not whose it is.
pub fn mixture(seed: u64) -> impl FnMut(&Arrived) -> Fault + Send + 'static {
    let mut random = Rng::with_seed(seed);
    move |arrived| {
        if random.u8(0..4) > 0 {
            return Fault::None;
        }
        let is_transaction = arrived.operation == "TransactWriteItems";
        let millis = random.u64(1..60);
        match random.u8(0..12) {
            0 if is_transaction => Fault::conflict(&[true, false]),
            1 if is_transaction => Fault::conflict(&[false, true]),
            2 if is_transaction => Fault::conflict(&[true, true]),
            3 if is_transaction => Fault::in_progress(),
            4 => Fault::exceeded(),
            5 => Fault::throttled(),
            6 => Fault::internal(),
            7 => Fault::Reset,
            8 => Fault::Delay(Moment::Before, Duration::from_millis(millis)),
            9 => Fault::Delay(Moment::After, Duration::from_millis(millis)),
            _ => Fault::LoseReply,
        }
    }
}
