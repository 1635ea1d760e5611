//! Pictures of users: built-in patterns, or gravatar.com's when the operator wants them. The email
//! address picks both, in the form gravatar fixed: trimmed, lower case, MD5.

use md5::{Digest, Md5};

/// Side of the pattern in cells; mirrored, so three columns decide.
const CELLS: u16 = 5;
/// The bits of those columns.
const HALF: u16 = 0x7fff;
/// For the digest, if there is one, that yields no other pattern.
const CHECKERED: u16 = 0x5555;

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
    /// URL of the image at gravatar.com.
    Gravatar(String),
}

/// The avatar of an email address.
pub fn avatar(email: &str, gravatar: bool) -> Avatar {
    let digest: [u8; 16] = Md5::digest(email.trim().to_lowercase()).into();
    if gravatar {
        let hash = format!("{:032x}", u128::from_be_bytes(digest));
        return Avatar::Gravatar(format!(
            "https://www.gravatar.com/avatar/{hash}?d=identicon&s=48"
        ));
    }
    Avatar::BuiltIn { path: pattern(digest), hue: digest[15] % 12 }
}

/// Cells filled in the deciding half, fewest and most: neither a blank nor a block tells users apart.
const FILLED: std::ops::RangeInclusive<u32> = 4..=12;

/// Runs of cells, row by row; each row is its own mirror image.
fn pattern(digest: [u8; 16]) -> String {
    let halves = digest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]) & HALF);
    let fits = |half: &u16| FILLED.contains(&half.count_ones());
    let half = halves.into_iter().find(fits).unwrap_or(CHECKERED);
    (0..CELLS).flat_map(|y| runs(half, y)).collect()
}

/// The runs of filled cells in a row, as rectangles.
fn runs(half: u16, y: u16) -> impl Iterator<Item = String> {
    let is_filled = move |x: u16| half >> (x.min(CELLS - 1 - x) * CELLS + y) & 1 == 1;
    let starts = (0..CELLS).filter(move |&x| is_filled(x) && (x == 0 || !is_filled(x - 1)));
    starts.map(move |x| {
        let length = (x..CELLS).take_while(|&x| is_filled(x)).count();
        format!("M{x} {y}h{length}v1h-{length}z")
    })
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
    fn every_picture_is_a_mirrored_pattern_of_some_cells() {
        for name in 0..2_000 {
            let Avatar::BuiltIn { path, hue } = avatar(&format!("{name}@b"), false) else {
                panic!("gravatar was not asked for")
            };
            assert!(hue < 12);
            let mut cells = [[false; 5]; 5];
            for run in path.split('M').skip(1) {
                let (x, rest) = run.split_once(' ').unwrap();
                let (y, rest) = rest.split_once('h').unwrap();
                let (length, _) = rest.split_once('v').unwrap();
                let (x, y, length): (usize, usize, usize) =
                    (x.parse().unwrap(), y.parse().unwrap(), length.parse().unwrap());
                cells[y][x..x + length].fill(true);
            }
            let filled = cells.iter().flatten().filter(|cell| **cell).count();
            assert!((4..=24).contains(&filled), "{path}");
            assert!(cells.iter().all(|row| row.iter().eq(row.iter().rev())), "{path}");
        }
        let [blank, block] = [[0; 16], [255; 16]].map(pattern);
        assert_eq!(blank, block);
    }

    #[test]
    fn the_same_address_has_the_same_picture() {
        assert_eq!(avatar("a@b", false), avatar("A@b ", false));
        assert_ne!(avatar("a@b", false), avatar("c@d", false));
    }
}
