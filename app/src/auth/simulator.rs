//! The one credential of the simulator API, compared as a whole header.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

/// What the `Authorization` header has to be.
#[derive(Clone)]
pub struct SimulatorCredentials(Arc<str>);

impl SimulatorCredentials {
    /// Parses `<user>:<password>`.
    pub fn new(credentials: &str) -> Self {
        Self(format!("Basic {}", STANDARD.encode(credentials)).into())
    }

    /// Whether this header is it; takes the same time wherever the two differ.
    pub fn allow(&self, header: Option<&[u8]>) -> bool {
        header.is_some_and(|header| self.0.as_bytes().ct_eq(header).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_header_is_allowed_and_nothing_else() {
        let credentials = SimulatorCredentials::new("simulator:super_safe!");
        assert!(credentials.allow(Some(b"Basic c2ltdWxhdG9yOnN1cGVyX3NhZmUh")));
        for header in [&b"Basic c2ltdWxhdG9yOnN1cGVyX3NhZmU"[..], b"basic", b"", b"\xff"] {
            assert!(!credentials.allow(Some(header)));
        }
        assert!(!credentials.allow(None));
    }
}
