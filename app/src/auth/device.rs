//! Known browsers: one that signed in carries a signed token for the account, and is no stranger to it for the
//! throttle. The token opens nothing; who steals it may guess in a budget of its own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::key::SignInKey;

/// A browser is known for so long after it signed in, in seconds.
pub const DEVICE_LIFE: i64 = 90 * 24 * 60 * 60;
/// Accounts that one browser is known for.
const MOST: usize = 4;
/// Random bytes of a token.
const ID: usize = 9;
/// Stands between the tokens of a cookie, the other between the parts of a token; cookies may hold both.
const BETWEEN: char = '~';
const DOT: char = '.';

/// A token of a cookie that was taken apart: who the browser is, until when (in seconds), and the signature.
struct Token<'a> {
    id: &'a str,
    until: i64,
    mac: &'a str,
}

impl<'a> Token<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(DOT);
        let (id, until, mac) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next().is_none().then_some(Self { id, until: until.parse().ok()?, mac })
    }

    /// Whether it was made for the account and is still good. An end further away than a life was set by a clock
    /// that was ahead.
    fn is_of(&self, key: &SignInKey, realm: &str, account: &str, now: i64) -> bool {
        let left = self.until.saturating_sub(now);
        let mac = sign(key, realm, account, self.id, self.until);
        (1..=DEVICE_LIFE).contains(&left) && bool::from(mac.as_bytes().ct_eq(self.mac.as_bytes()))
    }
}

fn sign(key: &SignInKey, realm: &str, account: &str, id: &str, until: i64) -> String {
    URL_SAFE_NO_PAD.encode(key.digest(&["device", realm, account, id, &until.to_string()]))
}

/// The id of a browser that is known to the account; `cookie` is the value it sent, `now` in seconds.
pub fn known_device<'a>(
    key: &SignInKey,
    realm: &str,
    account: &str,
    cookie: &'a str,
    now: i64,
) -> Option<&'a str> {
    let tokens = cookie.split(BETWEEN).take(MOST).filter_map(Token::parse);
    let mut known = tokens.filter(|token| token.is_of(key, realm, account, now));
    known.next().map(|token| token.id)
}

/// The cookie of a browser that has signed in to the account: a token of its own in front of those that it has
/// for other accounts.
pub fn remember_device(
    key: &SignInKey,
    realm: &str,
    account: &str,
    cookie: &str,
    now: i64,
) -> anyhow::Result<String> {
    let mut id = [0; ID];
    getrandom::fill(&mut id)?;
    let (id, until) = (URL_SAFE_NO_PAD.encode(id), now.saturating_add(DEVICE_LIFE));
    let mac = sign(key, realm, account, &id, until);
    let own = format!("{id}{DOT}{until}{DOT}{mac}");
    let others = cookie.split(BETWEEN).filter(|text| {
        Token::parse(text)
            .is_some_and(|token| token.until > now && !token.is_of(key, realm, account, now))
    });
    let all: Vec<_> = std::iter::once(own.as_str()).chain(others.take(MOST - 1)).collect();
    Ok(all.join(&BETWEEN.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn a_browser_is_known_to_the_accounts_it_signed_in_to() {
        let key = SignInKey::generate();
        let cookie = remember_device(&key, "user", "a", "", NOW).unwrap();
        let cookie = remember_device(&key, "user", "b", &cookie, NOW).unwrap();
        let known = |realm: &str, account: &str, now| {
            known_device(&key, realm, account, &cookie, now).is_some()
        };
        assert!(known("user", "a", NOW) && known("user", "b", NOW));
        assert!(!known("user", "c", NOW) && !known("operator", "a", NOW));
        assert!(known("user", "a", NOW + DEVICE_LIFE - 1));
        assert!(!known("user", "a", NOW + DEVICE_LIFE));
        assert!(!known("user", "a", NOW - 1), "made by a clock that was ahead");
        assert!(known_device(&SignInKey::generate(), "user", "a", &cookie, NOW).is_none());
        for other in ["", "~", "...", "a.b.c", &cookie.replace('.', "~"), &cookie.to_lowercase()] {
            assert!(known_device(&key, "user", "a", other, NOW).is_none(), "{other}");
        }
    }

    #[test]
    fn a_cookie_stays_short() {
        let key = SignInKey::generate();
        let mut cookie = "nonsense~".repeat(500);
        for account in ["a", "b", "a", "c", "d", "e", "f"] {
            cookie = remember_device(&key, "user", account, &cookie, NOW).unwrap();
            assert!(known_device(&key, "user", account, &cookie, NOW).is_some());
        }
        assert_eq!(cookie.split(BETWEEN).count(), MOST);
        assert!(cookie.len() < 250, "{cookie}");
        assert!(known_device(&key, "user", "a", &cookie, NOW).is_none(), "the oldest gave way");
    }
}
