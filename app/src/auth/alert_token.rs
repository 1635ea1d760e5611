//! What an alerting system has to know to leave a notification: a token it sends along, or, as Grafana
//! can, signs the body with. Without a setting the token is made up once and kept in the data directory.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The file of a made-up token.
pub const FILE: &str = "alert-token";
/// Shortest token of the settings, in characters.
const MIN: usize = 8;
/// Number of random bytes of a generated token.
const MADE_UP: usize = 32;
/// A signed time may be so many seconds off: what was recorded on the way is of no use later.
const TOLERANCE: i64 = 300;

/// The token. Clones share it.
#[derive(Clone)]
pub struct AlertToken(Arc<str>);

impl AlertToken {
    /// The token of the settings, or the one of the data directory, made when there is none.
    pub fn open(configured: Option<&str>, data_dir: &Path) -> anyhow::Result<Self> {
        if let Some(token) = configured {
            anyhow::ensure!(
                token.chars().count() >= MIN,
                "the alert token must have at least {MIN} characters"
            );
            return Ok(Self(token.into()));
        }
        let path = data_dir.join(FILE);
        if path.is_dir() {
            set_aside(&path)?;
        }
        let context = || format!("could not store the alert token in {}", path.display());
        let token = match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() => text.trim().to_owned(),
            Ok(_) => make_up(&path).with_context(context)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                make_up(&path).with_context(context)?
            }
            Err(error) => return Err(error).with_context(context),
        };
        Ok(Self(token.into()))
    }

    /// Whether this is the value of an `Authorization` header with the token; takes the same time
    /// wherever the two differ.
    pub fn allows(&self, header: &[u8]) -> bool {
        let Some((scheme, token)) = header.split_at_checked(7) else { return false };
        scheme.eq_ignore_ascii_case(b"bearer ") && bool::from(self.0.as_bytes().ct_eq(token))
    }

    /// Whether a signed time, in seconds, is about now. A signature without a time could be replayed for
    /// ever, so there must be one.
    pub fn is_recent(time: &[u8], now: i64) -> bool {
        let seconds = std::str::from_utf8(time).ok().and_then(|time| time.parse::<i64>().ok());
        seconds.is_some_and(|seconds| now.abs_diff(seconds) <= TOLERANCE.unsigned_abs())
    }

    /// Whether time and body were signed with the token: `hex(HMAC-SHA256(token, time ":" body))`.
    pub fn signed(&self, signature: &[u8], time: &[u8], body: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()) else { return false };
        mac.update(time);
        mac.update(b":");
        mac.update(body);
        bytes_of_hex(signature).is_some_and(|signature| mac.verify_slice(&signature).is_ok())
    }
}

/// Renames a directory that is in the way.
fn set_aside(path: &Path) -> anyhow::Result<()> {
    let free = (0_u32..).map(|n| path.with_file_name(format!("{FILE}.misplaced-{n}")));
    let target = free.into_iter().find(|target| !target.exists()).unwrap_or_default();
    fs::rename(path, &target)
        .with_context(|| format!("{} is a directory and could not be moved", path.display()))?;
    tracing::warn!(
        error.message = format!("{} was a directory", path.display()),
        "generated a new alert token"
    );
    Ok(())
}

fn bytes_of_hex(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len().is_multiple_of(2))?;
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Nobody but the owner may read the file, from its first moment on.
fn make_up(path: &Path) -> anyhow::Result<String> {
    let mut bytes = [0; MADE_UP];
    getrandom::fill(&mut bytes)?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_made_up_token_is_private_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let token = AlertToken::open(None, dir.path()).unwrap();
        let path = dir.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.trim().len(), 43);
        assert!(token.allows(format!("Bearer {}", text.trim()).as_bytes()));
        assert_eq!(AlertToken::open(None, dir.path()).unwrap().0, token.0);
        let other = AlertToken::open(Some("configured"), dir.path()).unwrap();
        assert!(other.allows(b"bearer configured") && !token.allows(b"Bearer configured"));
        assert!(AlertToken::open(Some("short"), dir.path()).is_err());
        assert!(AlertToken::open(None, &dir.path().join("missing")).is_err());
    }

    #[test]
    fn only_the_whole_token_is_allowed() {
        let token = AlertToken("configured".into());
        for header in
            ["", "Bearer", "Bearer ", "Bearer configure", "Bearer configuredd", "configured"]
        {
            assert!(!token.allows(header.as_bytes()), "{header}");
        }
        assert!(!token.allows("Bear\u{e6} configured".as_bytes()));
    }

    #[test]
    fn a_signature_covers_body_and_time() {
        let token = AlertToken("configured".into());
        let body = b"{\"alerts\":[]}";
        // printf '%s' '1000:{"alerts":[]}' | openssl dgst -sha256 -hmac configured
        let timed = b"709e10e836303a864d6fefcfc5dd36df3b835e9a47aa9088038c82c3fbca85e2";
        assert!(token.signed(timed, b"1000", body));
        assert!(token.signed(&timed.to_ascii_uppercase(), b"1000", body));
        assert!(!token.signed(timed, b"1000", b"{\"alerts\":[ ]}"));
        assert!(!token.signed(&timed[..63], b"1000", body));
        assert!(!token.signed(timed, b"1001", body));
        // printf '%s' '{"alerts":[]}' | openssl dgst -sha256 -hmac configured
        let plain = b"263037ba907b18f222cf74a1b0afee19db9f74c93f94e16ac89944ce7a578a68";
        assert!(!token.signed(plain, b"", body));
    }

    #[test]
    fn a_signature_expires() {
        for (time, now) in [("1000", 1_300), ("1000", 700)] {
            assert!(AlertToken::is_recent(time.as_bytes(), now));
        }
        for (time, now) in [("1000", 1_301), ("1000", 699), ("soon", 0), ("", 0), ("\u{e6}", 0)] {
            assert!(!AlertToken::is_recent(time.as_bytes(), now), "{time}");
        }
    }
}
