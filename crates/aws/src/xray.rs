//! Spans for X-Ray, sent to the daemon that Lambda runs beside a traced function.

use std::net::{SocketAddr, UdpSocket};

use tollgate_core::ports::Spans;
use tollgate_core::trace::{Span, Trace};

/// What stands before each document. <https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html>
const HEADER: &str = "{\"format\": \"json\", \"version\": 1}\n";

/// The daemon, or nobody.
#[derive(Debug)]
pub struct XrayDaemon(Option<UdpSocket>);

impl XrayDaemon {
    /// The daemon at this address, as `AWS_XRAY_DAEMON_ADDRESS` has it. Where there is none, or it cannot be reached,
    /// nothing is recorded: a call never fails with its trace.
    #[must_use]
    pub fn at(address: Option<&str>) -> Self {
        Self(address.and_then(|address| connect(address.parse().ok()?)))
    }
}

fn connect(daemon: SocketAddr) -> Option<UdpSocket> {
    let any: SocketAddr = if daemon.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }.parse().ok()?;
    let socket = UdpSocket::bind(any).ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(daemon).ok()?;
    Some(socket)
}

impl Spans for XrayDaemon {
    fn record(&self, trace: &Trace, span: &Span<'_>) {
        let Some(socket) = &self.0 else { return };
        let Some(document) = trace.document(span) else { return };
        // A span that is lost is lost: X-Ray is a sample in any case.
        drop(socket.send(format!("{HEADER}{document}").as_bytes()));
    }
}

#[cfg(test)]
mod tests {
    use tollgate_core::time::Timestamp;

    use super::*;

    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    fn span() -> Span<'static> {
        let at = Timestamp::from_secs(1_795_348_800);
        Span { request_id: "r-1", step: "reserve", begun: at, ended: at, has_failed: false }
    }

    #[test]
    fn a_sampled_step_reaches_the_daemon() {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = daemon.local_addr().unwrap().to_string();

        XrayDaemon::at(Some(&address)).record(&Trace::new(None, Some(XRAY), "r-1"), &span());

        let mut bytes = [0; 2_000];
        let length = daemon.recv(&mut bytes).unwrap();
        let text = std::str::from_utf8(&bytes[..length]).unwrap();
        let (header, document) = text.split_once('\n').unwrap();
        assert_eq!(header, "{\"format\": \"json\", \"version\": 1}");
        assert!(document.starts_with("{\"type\":\"subsegment\",\"name\":\"reserve\""));
    }

    #[test]
    fn without_a_daemon_nothing_happens() {
        for address in [None, Some(""), Some("nowhere")] {
            XrayDaemon::at(address).record(&Trace::new(None, Some(XRAY), "r-1"), &span());
        }
    }
}
