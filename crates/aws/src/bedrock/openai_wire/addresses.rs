//! Which addresses are public. A host of the catalogue that leads into our own network, by its literal address or by
//! its name, is not called: the connection goes to the very addresses that were judged.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A host has no public address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} is a private address")]
pub(super) struct PrivateAddress {
    host: String,
}

impl PrivateAddress {
    /// The one that an error comes from, if it does.
    pub(super) fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        let mut current = Some(error);
        while let Some(error) = current {
            if let Some(private) = error.downcast_ref() {
                return Some(private);
            }
            current = error.source();
        }
        None
    }
}

/// Refuses a URL whose host is a literal address and not public: clients do not resolve those.
pub(super) fn check_literal(url: &Url) -> Result<(), PrivateAddress> {
    let host = url.host_str().unwrap_or_default();
    match host.trim_start_matches('[').trim_end_matches(']').parse() {
        Ok(address) if !is_public(address) => Err(PrivateAddress { host: host.to_owned() }),
        _ => Ok(()),
    }
}

/// Resolves names to their public addresses only.
#[derive(Clone, Copy, Debug)]
pub(super) struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // reqwest puts the port of the URL in place of 0.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public = only_public(name.as_str(), found)?;
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn only_public(
    host: &str,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, PrivateAddress> {
    let public: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
    if public.is_empty() { Err(PrivateAddress { host: host.to_owned() }) } else { Ok(public) }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => embedded_v4(address).map_or_else(|| is_public_v6(address), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = match address.octets() {
        // "This network", which reaches the host itself.
        [0, ..] => true,
        // Shared by carriers, and by AWS for EKS and its own services.
        [100, second, ..] => second & 0b1100_0000 == 64,
        // Protocol assignments.
        [192, 0, 0, _] => true,
        // Benchmarks.
        [198, 18 | 19, ..] => true,
        // Reserved, and broadcast.
        [240..=255, ..] => true,
        _ => false,
    };
    !(is_special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, third, ..] = address.segments();
    let is_special = match first {
        // Unspecified, loopback, and what else has no global scope; the caller has judged NAT64 by what it stands for.
        0..=0x1fff => true,
        // Teredo and documentation.
        0x2001 => second == 0 || second == 0x0db8,
        // 6to4 stands for the IPv4 address in it.
        0x2002 => !is_public_v4(v4_of(second, third)),
        // Only 2000::/3 is given out: the rest is unique local, link-local, site-local, multicast or nobody's.
        _ => first >= 0x4000,
    };
    !is_special
}

/// The IPv4 address that an IPv6 one stands for: mapped, or behind a NAT64, as in subnets without IPv4.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4_of(high, low)),
        _ => None,
    }
}

const fn v4_of(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests;
