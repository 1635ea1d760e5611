//! From the text of one look at the metrics to a row: gauges as they are, counters and buckets by how
//! much they grew since the look before. A counter that fell was started anew, so all of it is new; one
//! that was not there before starts at zero.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::columns::{Column, Columns, Fold};
use super::exposition::{Exposition, Sample};
use super::series::{Cardinality, SeriesKind, TrackedSeries};

/// What comes together of a label with too many values.
const OTHER_GROUP: &str = "(others)";

/// What the last look saw.
pub struct Scrape {
    tracks: Vec<TrackedSeries>,
    /// By name of the series: places in `tracks`.
    wanted: HashMap<String, Vec<usize>>,
    groups: Vec<Vec<String>>,
    /// By hash of the series: its last value and the look that saw it. Only of counters.
    before: HashMap<u64, (f64, u64)>,
    look: u64,
}

impl Scrape {
    /// Follows these series.
    pub fn new(tracks: Vec<TrackedSeries>) -> Self {
        let mut wanted: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, track) in tracks.iter().enumerate() {
            let name = match track.kind {
                SeriesKind::Histogram => format!("{}_bucket", track.selector.metric),
                _ => track.selector.metric.to_owned(),
            };
            wanted.entry(name).or_default().push(at);
        }
        let groups = vec![Vec::new(); tracks.len()];
        Self { tracks, wanted, groups, before: HashMap::new(), look: 0 }
    }

    /// Forgets what counters were, so that the next look is a first one.
    pub fn forget(&mut self) {
        self.before.clear();
        self.look = 0;
    }

    /// Whether there was a look before, without which nothing is known to have grown.
    pub fn knows_before(&self) -> bool {
        self.look > 0
    }

    /// The cells of a look, by number of their columns.
    pub fn read(&mut self, exposition: &Exposition<'_>, columns: &mut Columns) -> Vec<Option<f64>> {
        let mut cells = Vec::new();
        let is_first = !self.knows_before();
        self.look += 1;
        for sample in &exposition.samples {
            let Some(wanted) = self.wanted.get(sample.name) else { continue };
            let wanted = wanted.clone();
            let mut grew = None;
            for at in wanted {
                let track = &self.tracks[at];
                if !takes(track, sample) {
                    continue;
                }
                let value = match track.kind {
                    SeriesKind::Gauge(_) => Some(sample.value),
                    _ => *grew.get_or_insert_with(|| {
                        increase(&mut self.before, self.look, is_first, sample)
                    }),
                };
                let Some(value) = value.filter(|value| value.is_finite()) else { continue };
                if value == 0.0 && track.cardinality == Cardinality::Many {
                    continue;
                }
                if let Some(number) = columns.number(&self.column(at, sample)) {
                    if number >= cells.len() {
                        cells.resize(number + 1, None);
                    }
                    cells[number] = Some(cells[number].unwrap_or(0.0) + value);
                }
            }
        }
        let look = self.look;
        self.before.retain(|_, (_, seen)| *seen == look);
        cells
    }

    fn column(&mut self, at: usize, sample: &Sample<'_>) -> Column {
        let track = &self.tracks[at];
        let group = track.selector.by.and_then(|label| sample.label(label)).unwrap_or_default();
        let groups = &mut self.groups[at];
        let is_known = groups.iter().any(|known| known == group);
        if !is_known && groups.len() < track.cardinality.groups() {
            groups.push(group.to_owned());
        }
        let group = if is_known || groups.iter().any(|known| known == group) {
            group.to_owned()
        } else {
            OTHER_GROUP.to_owned()
        };
        let (bound, fold) = match track.kind {
            SeriesKind::Gauge(fold) => (String::new(), fold),
            SeriesKind::Counter => (String::new(), Fold::Sum),
            SeriesKind::Histogram => (sample.label("le").unwrap_or_default().to_owned(), Fold::Sum),
        };
        Column { track: track.selector.to_string(), group, bound, fold }
    }
}

fn takes(track: &TrackedSeries, sample: &Sample<'_>) -> bool {
    let has_bound = track.kind != SeriesKind::Histogram || sample.upper_bound().is_some();
    has_bound
        && track.selector.only.is_none_or(|(label, values)| {
            sample.label(label).is_some_and(|value| values.contains(&value))
        })
}

/// How much a counter grew since the look before; `None` at the first look.
fn increase(
    before: &mut HashMap<u64, (f64, u64)>,
    look: u64,
    is_first: bool,
    sample: &Sample<'_>,
) -> Option<f64> {
    if !sample.value.is_finite() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    sample.series.hash(&mut hasher);
    let last = before.insert(hasher.finish(), (sample.value, look));
    match last {
        _ if is_first => None,
        Some((last, _)) if sample.value >= last => Some(sample.value - last),
        _ => Some(sample.value.max(0.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::series::{Selector, select};
    use super::*;
    use crate::history::exposition::parse;

    fn track(selector: Selector, kind: SeriesKind) -> TrackedSeries {
        TrackedSeries { selector, kind, cardinality: Cardinality::Few }
    }

    fn named(columns: &Columns, cells: &[Option<f64>]) -> Vec<(String, f64)> {
        let named = columns.all().iter().zip(cells).filter_map(|(column, cell)| {
            Some((format!("{}/{}{}", column.track, column.group, column.bound), (*cell)?))
        });
        named.collect()
    }

    #[test]
    fn counters_grow_from_the_second_look_on_and_survive_resets() {
        let track = track(select("a_total").by("x"), SeriesKind::Counter);
        let mut scrape = Scrape::new(vec![track]);
        let mut columns = Columns::default();
        let mut look = |text: &str| {
            let cells = scrape.read(&parse(text), &mut columns);
            cells.into_iter().map(|cell| cell.unwrap_or(-1.0)).collect::<Vec<_>>()
        };
        assert_eq!(look("a_total{x=\"p\",y=\"1\"} 5\na_total{x=\"p\",y=\"2\"} 7\n"), [0.0; 0]);
        assert_eq!(look("a_total{x=\"p\",y=\"1\"} 6\na_total{x=\"p\",y=\"2\"} 9\n"), [3.0]);
        // One of the two fell: it was started anew and has counted 4 since.
        assert_eq!(look("a_total{x=\"p\",y=\"1\"} 4\na_total{x=\"p\",y=\"2\"} 9\n"), [4.0]);
        // A series that was not there starts at zero, in a line of its own.
        assert_eq!(look("a_total{x=\"p\",y=\"1\"} 4\na_total{x=\"q\"} 2\n"), [0.0, 2.0]);
        // One that went and came back was started anew.
        assert_eq!(look("a_total{x=\"p\",y=\"2\"} 1\na_total{x=\"q\"} NaN\n"), [1.0]);
    }

    #[test]
    fn of_many_groups_only_those_are_kept_that_grew() {
        let cardinality = Cardinality::Many;
        let track = TrackedSeries {
            selector: select("a_total").by("x"),
            kind: SeriesKind::Counter,
            cardinality,
        };
        let mut scrape = Scrape::new(vec![track]);
        let mut columns = Columns::default();
        let text = |grown: usize| -> String {
            let lines = (0..110).map(|x| format!("a_total{{x=\"{x}\"}} {}\n", x / grown));
            lines.collect()
        };
        scrape.read(&parse(&text(1_000)), &mut columns);
        scrape.read(&parse(&text(109)), &mut columns);
        assert_eq!(columns.all().len(), 1);
        assert_eq!(columns.all()[0].group, "109");
        let cells = scrape.read(&parse(&text(1)), &mut columns);
        let named = named(&columns, &cells);
        assert_eq!(named.len(), Cardinality::Many.groups() + 1);
        // For 100 to 108 there was no room for one of their own, and 109 had grown by one before.
        assert!(named.contains(&("a_total by x/(others)".to_owned(), 936.0)), "{named:?}");
        assert!(named.contains(&("a_total by x/109".to_owned(), 108.0)), "{named:?}");
    }

    #[test]
    fn only_what_is_picked_is_taken_and_too_many_lines_become_one() {
        let tracks = vec![
            track(select("g").only("x", &["1", "2"]), SeriesKind::Gauge(Fold::Last)),
            track(select("g").by("x"), SeriesKind::Gauge(Fold::Last)),
            track(select("h"), SeriesKind::Histogram),
        ];
        let mut scrape = Scrape::new(tracks);
        let mut columns = Columns::default();
        let lines: Vec<String> = (0..20).map(|x| format!("g{{x=\"{x}\"}} 1\n")).collect();
        let mut text = lines.concat();
        text.push_str("h_bucket{le=\"1\"} 1\nh_bucket{le=\"x\"} 1\nh_sum 3\nother 1\n");
        scrape.read(&parse(&text), &mut columns);
        let cells = scrape.read(&parse(&text), &mut columns);
        let named = named(&columns, &cells);
        assert!(named.contains(&("g{x=1|2}/".to_owned(), 2.0)), "{named:?}");
        assert_eq!(named.len(), 1 + Cardinality::Few.groups() + 1 + 1);
        assert!(named.contains(&("g by x/(others)".to_owned(), 8.0)), "{named:?}");
        assert_eq!(named.last(), Some(&("h/1".to_owned(), 0.0)));
    }
}
