//! The places from which accounts were signed in to, as keyed hashes. Pure: the time is given.

use std::collections::HashMap;

use super::super::key::Digest;
use super::ORIGIN_LIFE;
use crate::clock::micros;

/// Places that are kept in memory.
const MOST: usize = 50_000;
/// A place that is used again is written again after this long.
const REWRITE: i64 = 86_400_000_000;

#[derive(Clone, Copy)]
struct Seen {
    at: i64,
    is_saved: bool,
}

/// The places, and when somebody last signed in from there.
#[derive(Default)]
pub(super) struct Origins {
    seen: HashMap<Digest, Seen>,
}

impl Origins {
    /// Whether somebody signed in from there not too long ago.
    pub(super) fn knows(&self, place: &Digest, now: i64) -> bool {
        let is_recent = |seen: &Seen| now.saturating_sub(seen.at) < micros(ORIGIN_LIFE);
        self.seen.get(place).is_some_and(is_recent)
    }

    /// Somebody signed in from there.
    pub(super) fn remember(&mut self, place: Digest, now: i64) {
        self.make_room();
        let known = self.seen.get(&place);
        if known.is_none_or(|seen| (now - seen.at).abs() >= REWRITE) {
            self.seen.insert(place, Seen { at: now, is_saved: false });
        }
    }

    /// Takes places that the database knows.
    pub(super) fn learn(&mut self, rows: Vec<(Vec<u8>, i64)>) {
        for (place, at) in rows {
            if let Ok(place) = Digest::try_from(place) {
                self.seen.entry(place).or_insert(Seen { at, is_saved: true });
            }
        }
    }

    /// One that is to be written.
    pub(super) fn unsaved(&self) -> Option<(Digest, i64)> {
        let unsaved = self.seen.iter().find(|(_, seen)| !seen.is_saved);
        unsaved.map(|(place, seen)| (*place, seen.at))
    }

    pub(super) fn saved(&mut self, place: &Digest) {
        if let Some(seen) = self.seen.get_mut(place) {
            seen.is_saved = true;
        }
    }

    /// When it is full the older half is forgotten here; the database keeps it.
    fn make_room(&mut self) {
        if self.seen.len() < MOST {
            return;
        }
        let mut times: Vec<i64> = self.seen.values().map(|seen| seen.at).collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        self.seen.retain(|_, seen| seen.at > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000_000;

    #[test]
    fn a_place_is_known_for_its_life_and_written_once() {
        let mut origins = Origins::default();
        assert!(!origins.knows(&[1; 16], NOW));
        origins.remember([1; 16], NOW);
        assert!(origins.knows(&[1; 16], NOW + micros(ORIGIN_LIFE) - 1));
        assert!(!origins.knows(&[1; 16], NOW + micros(ORIGIN_LIFE)));
        assert_eq!(origins.unsaved(), Some(([1; 16], NOW)));
        origins.saved(&[1; 16]);
        origins.remember([1; 16], NOW + 1);
        assert_eq!(origins.unsaved(), None);
        origins.remember([1; 16], NOW + REWRITE);
        assert!(origins.unsaved().is_some());
        origins.learn(vec![(vec![2; 16], NOW), (vec![3; 2], NOW)]);
        assert!(origins.knows(&[2; 16], NOW) && origins.seen.len() == 2);
    }

    #[test]
    fn places_are_bounded() {
        let mut origins = Origins::default();
        for number in 0..120_000_i64 {
            let mut place = [0; 16];
            place[..8].copy_from_slice(&number.to_be_bytes());
            origins.remember(place, NOW + number);
            assert!(origins.knows(&place, NOW + number));
        }
        assert!(origins.seen.len() <= MOST);
    }
}
