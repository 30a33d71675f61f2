//! Single flight: of identical calls that come at once, over all environments, one asks a model, and the others wait for what
//! it keeps. Whoever has waited long enough goes on alone.

use std::sync::Arc;

use tokio::time::Instant;
use tollgate_core::cache::lease::pause;
use tollgate_core::cache::{Lease, Leasing};
use tollgate_core::error::Error;
use tollgate_core::request::Request;

use crate::arrival::{Arrival, Serving};
use crate::exact::{CACHE_TIMEOUT, Hit, Slot, within_time};
use crate::gateway::Gateway;
use crate::settings::Documents;

/// How a call goes on after a miss.
pub(crate) enum Flight {
    /// It asks a model; others may wait for it, as its slot says.
    Asks(Option<Slot>),
    /// An identical one has been answered meanwhile.
    Lands(Slot, Box<Hit>),
}

impl Gateway {
    /// Takes the lease on the call's slot, or waits for whoever has it.
    pub(crate) async fn lead_or_follow(
        &self,
        call: (&Arrival, &Request),
        slot: Option<Slot>,
        documents: &Arc<Documents>,
    ) -> Result<Flight, Error> {
        let Some(mut slot) = slot else { return Ok(Flight::Asks(None)) };
        let (arrival, begun) = (call.0, Instant::now());
        let mut looks = 0;
        while !slot.wait.is_zero() {
            match self.take_lease(&slot, arrival).await {
                Some(Leasing::Held(_)) => {}
                Some(Leasing::Taken) => {
                    slot.leads = true;
                    break;
                }
                None => break,
            }
            loop {
                let Some(pause) = pause(looks, slot.wait.saturating_sub(begun.elapsed())) else {
                    return Ok(Flight::Asks(Some(slot)));
                };
                tokio::time::sleep(pause).await;
                looks += 1;
                // Calls may be stopped meanwhile, and what is kept be purged.
                let now = self.settings.admit(&arrival.caller, (self.options.clock)()).await?;
                if !Arc::ptr_eq(&now, documents) {
                    return Ok(Flight::Asks(Some(slot)));
                }
                let Some(standing) = self.look_up(arrival, Some(&slot)).await else {
                    return Ok(Flight::Asks(Some(slot)));
                };
                if let Some(hit) = self.hit(call, &slot.key, documents, standing.entry) {
                    return Ok(Flight::Lands(slot, Box::new(hit)));
                }
                if standing.lease.is_none() {
                    break;
                }
            }
        }
        Ok(Flight::Asks(Some(slot)))
    }

    /// Lets others ask: this call keeps nothing.
    pub(crate) async fn free(&self, serving: &Serving) {
        if let Some(slot) = serving.slot.as_ref().filter(|slot| slot.leads) {
            self.release(slot, &serving.arrival).await;
        }
    }

    /// Ends the lease, where this call has it. One that cannot be ended ends by itself.
    pub(crate) async fn release(&self, slot: &Slot, arrival: &Arrival) {
        if slot.leads {
            let released = self.cache.release(slot.key.as_str(), &arrival.request_id);
            within_time("lease not released", CACHE_TIMEOUT, released).await;
        }
    }

    async fn take_lease(&self, slot: &Slot, arrival: &Arrival) -> Option<Leasing> {
        let now = (self.options.clock)();
        let lease = Lease::new(&arrival.request_id, slot.wait, now);
        within_time("cache unreachable", CACHE_TIMEOUT, self.cache.lease(slot.key.as_str(), &lease, now))
            .await
    }
}

#[cfg(test)]
mod tests;
