//! Pictures of users: built-in patterns, or gravatar.com's when the operator wants them. The email
//! address picks both, in the form gravatar fixed: trimmed, lower case, MD5.

use md5::{Digest, Md5};

/// Side of the pattern in cells; mirrored, so three columns decide.
const CELLS: u32 = 5;

/// What a page shows for a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Avatar {
    /// A mirrored pattern in one of 12 hues, as the data of an SVG path.
    BuiltIn {
        /// The path.
        path: String,
        /// Index of the hue.
        hue: u8,
    },
    /// An address at gravatar.com.
    Gravatar(String),
}

/// The avatar of an email address.
pub fn avatar(email: &str, gravatar: bool) -> Avatar {
    let digest: [u8; 16] = Md5::digest(email.trim().to_lowercase()).into();
    if gravatar {
        let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        return Avatar::Gravatar(format!(
            "https://www.gravatar.com/avatar/{hash}?d=identicon&s=48"
        ));
    }
    Avatar::BuiltIn { path: pattern(digest), hue: digest[15] % 12 }
}

fn pattern(digest: [u8; 16]) -> String {
    let bits = u16::from_le_bytes([digest[0], digest[1]]);
    let mut path = String::new();
    for cell in 0..15 {
        if bits >> cell & 1 == 0 {
            continue;
        }
        let (x, y) = (cell / CELLS, cell % CELLS);
        path.push_str(&format!("M{x} {y}h1v1h-1z"));
        let mirrored = CELLS - 1 - x;
        if mirrored != x {
            path.push_str(&format!("M{mirrored} {y}h1v1h-1z"));
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gravatar_hashes_the_trimmed_lower_case_address() {
        // The example of gravatar's documentation.
        let url =
            "https://www.gravatar.com/avatar/0bc83cb571cd1c50ba6f3e8a78ef1346?d=identicon&s=48";
        assert_eq!(avatar(" MyEmailAddress@example.com ", true), Avatar::Gravatar(url.to_owned()));
    }

    #[test]
    fn the_same_address_has_the_same_picture() {
        assert_eq!(avatar("a@b", false), avatar("A@b ", false));
        assert_ne!(avatar("a@b", false), avatar("c@d", false));
    }
}
