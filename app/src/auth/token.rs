//! Opaque session tokens: 256 random bits for the cookie, their SHA-256 for the table.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A token as the cookie holds it. Never logged, never stored.
#[derive(Clone)]
pub struct SessionToken([u8; 32]);

impl SessionToken {
    /// Generates a random token.
    pub fn generate() -> anyhow::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Parses the value of a cookie; `None` if it is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// The value of the cookie.
    pub fn to_cookie(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The hash stored in the database.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_round_trips_and_nonsense_is_none() {
        let token = SessionToken::generate().unwrap();
        let again = SessionToken::parse(&token.to_cookie()).unwrap();
        assert_eq!(token.hash(), again.hash());
        for nonsense in ["", "abc", "ä", &"A".repeat(44), &"A".repeat(4096)] {
            assert!(SessionToken::parse(nonsense).is_none(), "{nonsense}");
        }
    }
}
