//! Which addresses a plugin may be connected to, whatever name they were found under.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// Why an address is not connected to.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// This machine itself.
    #[error(
        "{0} is this machine itself; only a ceiling that names `localhost` or the address allows it"
    )]
    Loopback(IpAddr),
    /// Link-local, multicast, unspecified, reserved, or the metadata of a cloud.
    #[error("{0} is {1}, which no plugin may reach")]
    Never(IpAddr, &'static str),
    /// A private network, and the ceiling does not open it.
    #[error("{0} is in a private network; the ceiling has no `private_network: true`")]
    Private(IpAddr),
}

/// Whether a plugin may be connected to an address; `private` when the ceiling opens private networks.
///
/// # Errors
/// Why not.
pub fn address_allowed(address: IpAddr, private: bool) -> Result<(), AddressError> {
    let kind = match address {
        IpAddr::V4(four) => kind_of_four(four),
        IpAddr::V6(six) => kind_of_six(six),
    };
    match kind {
        Kind::Public => Ok(()),
        Kind::Private if private => Ok(()),
        Kind::Private => Err(AddressError::Private(address)),
        Kind::Loopback => Err(AddressError::Loopback(address)),
        Kind::Never(why) => Err(AddressError::Never(address, why)),
    }
}

enum Kind {
    Public,
    Private,
    Loopback,
    Never(&'static str),
}

fn kind_of_four(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [127, ..] => Kind::Loopback,
        [0, ..] => Kind::Never("unspecified"),
        [169, 254, ..] => Kind::Never("link-local (where clouds keep their metadata)"),
        [168, 63, 129, 16] => Kind::Never("the metadata of a cloud"),
        [224..=239, ..] => Kind::Never("multicast"),
        [240..=255, ..] => Kind::Never("reserved"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Kind::Private,
        // Networks of protocols and benchmarks: never on the internet, so somebody's own.
        [192, 0, 0, _] | [198, 18..=19, ..] => Kind::Private,
        _ => Kind::Public,
    }
}

fn kind_of_six(address: Ipv6Addr) -> Kind {
    let parts = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        kind_of_four(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Never("unspecified"),
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] => Kind::Never("an IPv4 address in disguise"),
        // Instances read their credentials here, in the middle of the private range.
        [0xfd00, 0x0ec2, ..] => Kind::Never("the metadata of a cloud"),
        [0xff00..=0xffff, ..] => Kind::Never("multicast"),
        [0xfe80..=0xfebf, ..] => Kind::Never("link-local"),
        [0xfec0..=0xfeff, ..] | [0xfc00..=0xfdff, ..] => Kind::Private,
        // NAT64 and 6to4 lead to the IPv4 address that they hold.
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            match embedded(high, low) {
                Kind::Public => Kind::Public,
                Kind::Private => Kind::Private,
                Kind::Loopback => Kind::Never("an IPv4 address in disguise"),
                Kind::Never(why) => Kind::Never(why),
            }
        }
        [0x0064, 0xff9b, 1, ..] => Kind::Private,
        _ => Kind::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::address_allowed;

    #[test]
    fn public_addresses_are_reached_and_private_ones_only_when_opened() {
        let may =
            |text: &str, private: bool| address_allowed(text.parse().unwrap(), private).is_ok();
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1",
            "64:ff9b::101:101",
        ] {
            assert!(may(public, false), "{public}");
        }
        for private in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "2002:a00:1::",
        ] {
            assert!(!may(private, false), "{private}");
            assert!(may(private, true), "{private}");
        }
    }

    #[test]
    fn some_addresses_are_never_reached() {
        for never in [
            "127.0.0.1",
            "127.1.2.3",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "ff02::1",
            "::ffff:1.1.1.1",
            "::ffff:169.254.169.254",
            "::1.1.1.1",
            "fd00:ec2::254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
        ] {
            assert!(
                address_allowed(never.parse().unwrap(), true).is_err(),
                "{never}"
            );
        }
    }
}
