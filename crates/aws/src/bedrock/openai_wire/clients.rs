//! HTTPS clients, one for each way to connect, built once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;
use tollgate_core::catalogue::Timeouts;

use super::addresses::PublicOnly;

/// Where a client may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    Anywhere,
    PublicOnly,
}

/// Clients by connect time-out and reach: reqwest knows both per client only.
#[derive(Debug)]
pub(super) struct Clients {
    built: Mutex<HashMap<(Duration, Reach), Client>>,
}

impl Clients {
    /// With the client that most targets take, so that a platform without TLS is found at start.
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        let clients = Self { built: Mutex::default() };
        clients.client(Duration::from_millis(Timeouts::default().connect_ms), Reach::Anywhere)?;
        Ok(clients)
    }

    pub(super) fn client(&self, connect: Duration, reach: Reach) -> Result<Client, reqwest::Error> {
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = built.get(&(connect, reach)) {
            return Ok(client.clone());
        }
        let client = build(connect, reach)?;
        built.insert((connect, reach), client.clone());
        Ok(client)
    }
}

fn build(connect: Duration, reach: Reach) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .connect_timeout(connect)
        // One that is kept may die while the function is frozen; a call over it fails as if it might be billed.
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy();
    match reach {
        Reach::Anywhere => builder.build(),
        Reach::PublicOnly => builder.dns_resolver(PublicOnly).build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_built_once_for_each_way_to_connect() {
        let clients = Clients::new().unwrap();

        for connect in [2_000, 2_000, 500] {
            for reach in [Reach::Anywhere, Reach::PublicOnly] {
                clients.client(Duration::from_millis(connect), reach).unwrap();
            }
        }

        assert_eq!(clients.built.lock().unwrap().len(), 4);
    }
}
