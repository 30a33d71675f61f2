//! The three ports of a stack.

use std::io;
use std::net::Ipv4Addr;

use tokio::net::TcpListener;

use super::settings::Settings;

/// The ports, taken: nobody can come in between.
pub(super) struct Ports {
    pub(super) front_door: TcpListener,
    pub(super) standin: TcpListener,
}

/// A port cannot be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "port {port}, which the {role} needs, cannot be had; PORT={suggestion} make run (or make up) takes other ports"
)]
pub struct PortError {
    role: &'static str,
    port: u16,
    suggestion: u16,
    source: io::Error,
}

impl Ports {
    /// Takes the ports; the emulator's is only tried, because it listens for itself.
    pub(super) async fn take(settings: &Settings) -> Result<Self, PortError> {
        let front_door = listen("front door", settings.port, settings).await?;
        drop(listen("AWS emulator", settings.emulator_port(), settings).await?);
        let standin = listen("provider stand-in", settings.standin_port(), settings).await?;
        Ok(Self { front_door, standin })
    }
}

async fn listen(role: &'static str, port: u16, settings: &Settings) -> Result<TcpListener, PortError> {
    let suggestion = suggest(settings.port);
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| PortError {
        role,
        port,
        suggestion,
        source,
    })
}

/// A port whose neighbours do not overlap with those of `port`.
fn suggest(port: u16) -> u16 {
    const STEP: u16 = 100;
    if port < 60_000 { port.saturating_add(STEP) } else { port.saturating_sub(STEP) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn settings(port: u16) -> Settings {
        Settings {
            port,
            auth: false,
            state_dir: PathBuf::new(),
            binaries: PathBuf::new(),
            python: PathBuf::new(),
            params: Vec::new(),
            ready_file: None,
        }
    }

    /// Three neighbours that were free a moment ago.
    async fn free_port() -> u16 {
        for _ in 0..100 {
            let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let port = probe.local_addr().unwrap().port();
            drop(probe);
            if port < 65_533 && Ports::take(&settings(port)).await.is_ok() {
                return port;
            }
        }
        panic!("no three free ports in a row");
    }

    #[tokio::test]
    async fn names_the_port_that_is_taken_and_another_to_use() {
        let port = free_port().await;
        for (offset, role) in [(0, "front door"), (1, "AWS emulator"), (2, "provider stand-in")] {
            let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, port + offset)).await.unwrap();

            let message = Ports::take(&settings(port)).await.err().unwrap().to_string();

            assert!(
                message.contains(&format!("port {}, which the {role} needs", port + offset)),
                "{message}"
            );
            assert!(message.contains(&format!("PORT={} ", suggest(port))), "{message}");
            drop(taken);
        }
    }

    #[test]
    fn suggests_ports_that_do_not_overlap() {
        for port in [1, 8080, 59_999, 60_000, 65_533] {
            assert!(suggest(port).abs_diff(port) > 2, "{port}");
        }
    }
}
