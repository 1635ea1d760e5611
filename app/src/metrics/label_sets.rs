//! Instruments of one metric by label set, at most so many: what comes after is measured under
//! `<overflow>` and counted, so that no mistake with a label can fill Prometheus.
//!
//! An instrument that was used before is found without an allocation, which makes observing cheap.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics::counter;
use parking_lot::RwLock;

use super::LABEL_OVERFLOW;

/// The value of a label that stands for all that came too late.
pub const OVERFLOW: &str = "<overflow>";

/// Instruments of one metric by label set, limited in number. `L` is the rest of the label set
/// besides its name, `I` the instrument.
pub struct LabelSets<L, I> {
    metric: &'static str,
    most: usize,
    known: RwLock<Known<L, I>>,
    is_reported: AtomicBool,
}

struct Known<L, I> {
    by_name: HashMap<Box<str>, Vec<(L, I)>>,
    /// Those of the overflow are not counted: there are few.
    count: usize,
}

impl<L: Copy + Eq, I: Clone> LabelSets<L, I> {
    /// Creates an empty set for a metric, limited to `most` label sets.
    pub fn new(metric: &'static str, most: usize) -> Self {
        let known = RwLock::new(Known { by_name: HashMap::new(), count: 0 });
        Self { metric, most, known, is_reported: AtomicBool::new(false) }
    }

    /// The instrument of a label set; at first, or when there are too many, `register` makes it. `folded`
    /// are the labels beside `<overflow>`, and have to be few.
    pub fn get(&self, name: &str, labels: L, folded: L, register: impl Fn(&str, L) -> I) -> I {
        let (known, is_full) = {
            let known = self.known.read();
            (known.find(name, labels), known.count >= self.most)
        };
        match known {
            Some(known) => known,
            None if !is_full => self.add(name, labels, register),
            None => {
                self.report();
                let known = self.known.read().find(OVERFLOW, folded);
                known.unwrap_or_else(|| self.add(OVERFLOW, folded, register))
            }
        }
    }

    fn add(&self, name: &str, labels: L, register: impl Fn(&str, L) -> I) -> I {
        let mut known = self.known.write();
        // Another thread may have been here first.
        if let Some(known) = known.find(name, labels) {
            return known;
        }
        known.count += usize::from(name != OVERFLOW);
        let instrument = register(name, labels);
        known.by_name.entry(name.into()).or_default().push((labels, instrument.clone()));
        instrument
    }

    fn report(&self) {
        counter!(LABEL_OVERFLOW.name).increment(1);
        if !self.is_reported.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                metric.name = self.metric,
                metric.label_sets.limit = self.most,
                "too many label sets for a metric; further ones share one series"
            );
        }
    }
}

impl<L: Copy + Eq, I: Clone> Known<L, I> {
    fn find(&self, name: &str, labels: L) -> Option<I> {
        let sets = self.by_name.get(name)?;
        sets.iter().find(|(known, _)| *known == labels).map(|(_, instrument)| instrument.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_late_is_folded_and_what_was_there_stays() {
        let sets = LabelSets::new("m", 2);
        let get = |name: &str, label: u8| {
            sets.get(name, label, 0, |name: &str, label| format!("{name} {label}"))
        };
        assert_eq!([get("a", 1), get("b", 1)], ["a 1", "b 1"]);
        assert_eq!([get("c", 1), get("a", 2)], ["<overflow> 0", "<overflow> 0"]);
        assert_eq!([get("a", 1), get("b", 1)], ["a 1", "b 1"]);
        assert_eq!(sets.known.read().count, 2);
    }
}
