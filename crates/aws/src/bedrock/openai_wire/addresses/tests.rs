use super::*;

fn is_public_text(address: &str) -> bool {
    is_public(address.parse().unwrap())
}

#[test]
fn no_address_inside_a_network_is_public() {
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.0.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is_public_text(address), "{address}");
    }
}

#[test]
fn addresses_of_the_internet_are_public() {
    for address in [
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.1",
        "104.18.6.192",
        "172.15.0.1",
        "172.32.0.1",
        "198.20.0.1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2001:4860:4860::8888",
        "2002:101:101::",
        "2600:1f18::1",
        "2a00:1450::1",
    ] {
        assert!(is_public_text(address), "{address}");
    }
}

#[test]
fn of_a_names_addresses_the_public_ones_are_left() {
    let of = |addresses: &[&str]| {
        let found: Vec<_> =
            addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect();
        only_public("models.example.com", found.into_iter())
    };

    let left = of(&["10.0.0.1", "1.1.1.1", "::1"]).unwrap();
    assert_eq!(left, [SocketAddr::from(([1, 1, 1, 1], 0))]);
    let refused = of(&["10.0.0.1", "::1"]).unwrap_err();
    assert_eq!(refused.to_string(), "models.example.com is a private address");
}

#[test]
fn a_literal_host_is_judged_however_it_is_written() {
    for url in [
        "http://127.0.0.1:11434",
        "http://127.1",
        "http://0x7f000001",
        "http://017700000001",
        "http://169.254.169.254/latest",
        "https://[::1]:8000",
        "https://[::ffff:10.0.0.1]",
        "https://[fd00:ec2::254]",
    ] {
        assert!(check_literal(&Url::parse(url).unwrap()).is_err(), "{url}");
    }
    for url in ["https://1.1.1.1", "https://[2600:1f18::1]", "https://api.openai.com"] {
        assert_eq!(check_literal(&Url::parse(url).unwrap()), Ok(()), "{url}");
    }
}

#[tokio::test]
async fn a_name_of_this_machine_has_no_public_address() {
    let Err(error) = PublicOnly.resolve("localhost".parse().unwrap()).await else { panic!("resolved") };

    assert!(PrivateAddress::behind(error.as_ref()).is_some());
}
