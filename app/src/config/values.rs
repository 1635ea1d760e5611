//! Values of settings as people write them. What is wrong says what would be accepted.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use jiff::SignedDuration;

/// Parses a link to show on a page; empty, as from an unset variable of a compose file, means none.
pub fn parse_web_url(text: &str) -> Result<String, String> {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    (is_web || text.is_empty())
        .then(|| text.to_owned())
        .ok_or_else(|| "must start with http:// or https://".to_owned())
}

/// Parses an address to listen on.
pub fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| {
        "an address is <ip>:<port>, such as 127.0.0.1:5000 or [::]:5000; port 0 picks a free port"
    })
}

/// Parses a network, or a single address as one.
pub fn parse_network(text: &str) -> Result<IpNet, &'static str> {
    let single = |ip: std::net::IpAddr| IpNet::from(ip);
    text.parse().or_else(|_| text.parse().map(single)).map_err(
        |_| "a network is an address with a prefix length, such as 10.0.0.0/8, or a single address",
    )
}

/// A duration, such as `30s`, `12h` or `7d`.
#[derive(Clone, Copy, Debug)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ACCEPTED: &str = "a duration is a number with a unit, such as 300ms, 30s, 12h or 7d";
        let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok());
        if let Some(days) = days {
            let seconds = days.checked_mul(24 * 60 * 60).ok_or(ACCEPTED)?;
            return Ok(Self(Duration::from_secs(seconds)));
        }
        let span = text.parse::<SignedDuration>().map_err(|_| ACCEPTED)?;
        Duration::try_from(span).map(Self).map_err(|_| ACCEPTED)
    }
}

/// A size in bytes, such as `512MiB` or `2GiB`.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const ACCEPTED: &str = "a size is a number with a unit, such as 512MiB or 2GiB";
        let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];
        let split = units.iter().find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)));
        let (number, shift) = split.ok_or(ACCEPTED)?;
        let number: u64 = number.trim().parse().map_err(|_| ACCEPTED)?;
        number.checked_mul(1 << shift).filter(|size| *size > 0).map(Self).ok_or(ACCEPTED)
    }
}

/// A secret, which `Debug` never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// Credentials as `<user>:<password>`, which `Debug` never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(pub String);

impl FromStr for Credentials {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_pair = text.split_once(':').is_some_and(|(user, _)| !user.is_empty());
        is_pair.then(|| Self(text.to_owned())).ok_or("credentials are <user>:<password>")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

/// A setting read from a file, as container secrets are. A trailing line break is removed.
#[derive(Clone, Debug)]
pub struct FromFile<T>(pub T);

impl<T: FromStr<Err: fmt::Display>> FromStr for FromFile<T> {
    type Err = String;

    fn from_str(path: &str) -> Result<Self, Self::Err> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("could not read the file: {error}"))?;
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err("the file is empty".to_owned());
        }
        let value = text.parse();
        value.map(Self).map_err(|error| format!("invalid content: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::db::DatabaseUrl;

    #[test]
    fn spans_take_common_units() {
        let seconds = |text: &str| text.parse::<Span>().unwrap().0.as_secs();
        assert_eq!(seconds("7d"), 604_800);
        assert_eq!(seconds("12h"), 43_200);
        assert_eq!(seconds("90s"), 90);
        for wrong in ["", "5", "-3s", "soon", "99999999999999999999d", "1e9d"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_take_binary_units() {
        let bytes = |text: &str| text.parse::<Size>().unwrap().0;
        assert_eq!((bytes("2GiB"), bytes("64 MiB")), (2 << 30, 64 << 20));
        for wrong in ["", "5", "2GB", "-1MiB", "0MiB", "99999999999TiB"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let url: DatabaseUrl = "postgres://u:canary@h/d".parse().unwrap();
        let credentials: Credentials = "u:canary".parse().unwrap();
        let shown = format!("{:?} {url:?} {credentials:?}", Secret("canary".to_owned()));
        assert!(!shown.contains("canary"));
    }

    #[test]
    fn a_setting_in_a_file_ends_before_the_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            file.path().to_str().unwrap().parse::<FromFile<Credentials>>()
        };
        assert_eq!(read("user: word \r\n").unwrap().0.0, "user: word ");
        assert!(read("word\n").unwrap_err().contains("<user>:<password>"));
        assert_eq!(read("\n").unwrap_err(), "the file is empty");
        assert!("/nowhere".parse::<FromFile<Secret>>().unwrap_err().contains("could not read"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_setting_or_says_what_is_accepted(text in ".{0,24}") {
            for error in [
                text.parse::<Span>().err(),
                text.parse::<Size>().err(),
                text.parse::<DatabaseUrl>().err(),
                parse_address(&text).err(),
                parse_network(&text).err(),
            ]
            .into_iter()
            .flatten()
            {
                prop_assert!(error.contains("such as") || error.contains("postgres://"), "{error}");
            }
        }

        #[test]
        fn a_number_of_days_is_as_many_hours(days in 0..100_000_u64) {
            let length = |text: String| text.parse::<Span>().unwrap().0;
            prop_assert_eq!(length(format!("{days}d")), length(format!("{}h", days * 24)));
        }
    }
}
