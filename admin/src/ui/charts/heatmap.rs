//! How many took how long over time: a cell for each interval and span of durations, darker the more
//! there are. A cell leads to what it counts.

use askama::Template;
use askama::filters::Safe;

use super::histogram::ticks;
use crate::context::window::Window;
use crate::format;

/// Width of the drawing in its own units, and height of a row.
const WIDTH: f64 = 1000.0;
const ROW: usize = 10;
/// Shades, the lightest is 1.
const SHADES: u32 = 5;

/// The drawing, with a table of the same figures.
#[derive(Template)]
#[template(path = "_heatmap.html")]
pub struct Heatmap {
    /// Ends of the window in milliseconds.
    from: i64,
    to: i64,
    labels: Vec<&'static str>,
    height: usize,
    cells: Vec<Cell>,
    times: Vec<Time>,
    ticks: Vec<String>,
    interval: String,
    max: String,
}

struct Cell {
    url: String,
    title: String,
    x: String,
    y: usize,
    width: String,
    shade: u32,
}

/// A row of the table: what ended in one interval.
struct Time {
    start: String,
    /// A count and its address; no address where there is nothing.
    counts: Vec<(String, String)>,
}

/// A row of the drawing, the shortest durations first: its name and the count of each interval.
pub struct DurationBand {
    pub label: &'static str,
    pub counts: Vec<u64>,
}

/// The intervals of a drawing, in microseconds.
pub struct Intervals {
    pub starts: Vec<i64>,
    pub interval: i64,
    pub window: Window,
}

impl Heatmap {
    /// The rendered SVG, already escaped by its own template.
    pub fn svg(&self) -> Safe<&Self> {
        Safe(self)
    }

    /// Of these bands; the address of a cell is built by `url` from the number of its band.
    pub fn new(
        bands: &[DurationBand],
        intervals: &Intervals,
        url: impl Fn(usize, Window) -> String,
    ) -> Self {
        let max = bands.iter().flat_map(|band| &band.counts).copied().max().unwrap_or(0);
        let range = intervals.window.range();
        let times = (0..intervals.starts.len()).map(|at| intervals.time(bands, at, &url));
        let row = |(number, band): (usize, &DurationBand)| {
            // The longest durations stand at the top.
            let y = (bands.len() - 1 - number) * ROW;
            intervals.cells(band, max, y, &|window| url(number, window))
        };
        Self {
            from: range.from / 1_000,
            to: range.to / 1_000,
            labels: bands.iter().rev().map(|band| band.label).collect(),
            height: bands.len() * ROW,
            cells: bands.iter().enumerate().flat_map(row).collect(),
            times: times.filter(|time| time.counts.iter().any(|one| !one.1.is_empty())).collect(),
            ticks: ticks(range.from, range.to),
            interval: format::interval(intervals.interval),
            max: format::count(max),
        }
    }
}

impl Intervals {
    /// The part of an interval that is in the window.
    fn inside(&self, start: i64) -> Window {
        let range = self.window.range();
        let end = start.saturating_add(self.interval).min(range.to);
        Window::absolute(start.max(range.from), end, self.window.now)
    }

    /// The cells of a band that count something.
    #[expect(clippy::cast_precision_loss, reason = "a drawing has a thousand units")]
    fn cells(
        &self,
        band: &DurationBand,
        max: u64,
        y: usize,
        url: &dyn Fn(Window) -> String,
    ) -> Vec<Cell> {
        let whole = self.window.range();
        let scale = WIDTH / (whole.to - whole.from).max(1) as f64;
        let cell = |(start, count): (&i64, &u64)| {
            let window = self.inside(*start);
            let range = window.range();
            let (when, count_text) = (format::minute(*start), format::count(*count));
            Cell {
                url: url(window),
                title: format!("{when}, {}: {count_text}", band.label),
                x: format!("{:.2}", (range.from - whole.from) as f64 * scale),
                y,
                width: format!("{:.2}", ((range.to - range.from) as f64 * scale - 1.0).max(1.0)),
                shade: shade(*count, max),
            }
        };
        let counted = self.starts.iter().zip(&band.counts).filter(|(_, count)| **count > 0);
        counted.map(cell).collect()
    }

    fn time(
        &self,
        bands: &[DurationBand],
        at: usize,
        url: &dyn Fn(usize, Window) -> String,
    ) -> Time {
        let start = self.starts.get(at).copied().unwrap_or_default();
        let count = |(number, band): (usize, &DurationBand)| {
            let count = band.counts.get(at).copied().unwrap_or(0);
            let link = (count > 0).then(|| url(number, self.inside(start)));
            (format::count(count), link.unwrap_or_default())
        };
        let counts = bands.iter().enumerate().rev().map(count).collect();
        Time { start: format::minute(start), counts }
    }
}

/// By the logarithm, so that a single slow one beside a thousand quick ones is seen.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number from 1 to 5"
)]
fn shade(count: u64, max: u64) -> u32 {
    let share = ((count as f64).ln_1p() / (max.max(1) as f64).ln_1p()).clamp(0.0, 1.0);
    ((share * f64::from(SHADES)).ceil() as u32).clamp(1, SHADES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_darker_and_one_among_a_million_is_seen() {
        assert_eq!(shade(1, 1), SHADES);
        assert_eq!(shade(1, 1_000_000), 1);
        assert_eq!(shade(1_000_000, 1_000_000), SHADES);
        let shades: Vec<u32> = (1..1_000).map(|count| shade(count, 1_000)).collect();
        assert!(shades.is_sorted() && shades.contains(&3));
    }

    /// Two bands over four intervals of a minute, the last of which ends with the window.
    fn heatmap() -> Heatmap {
        const MINUTE: i64 = 60_000_000;
        let window = Window::absolute(0, 3 * MINUTE + 30_000_000, 10 * MINUTE);
        let starts = (0..4).map(|at| at * MINUTE).collect();
        let bands = [
            DurationBand { label: "quick", counts: vec![10, 0, 1_000, 3] },
            DurationBand { label: "slow", counts: vec![0, 0, 1, 2] },
        ];
        let intervals = Intervals { starts, interval: MINUTE, window };
        let url = |band: usize, window: Window| {
            let range = window.range();
            format!("{band}:{}-{}", range.from / MINUTE, range.to / 1_000_000)
        };
        Heatmap::new(&bands, &intervals, url)
    }

    #[test]
    fn a_cell_leads_to_its_band_and_interval_cut_to_the_window() {
        let drawn: Vec<String> = heatmap().cells.into_iter().map(|cell| cell.url).collect();
        assert_eq!(drawn, ["0:0-60", "0:2-180", "0:3-210", "1:2-180", "1:3-210"]);
    }

    #[test]
    fn the_longest_durations_stand_at_the_top_of_drawing_and_table() {
        let heatmap = heatmap();
        assert_eq!(heatmap.labels, ["slow", "quick"]);
        let rows: Vec<usize> = heatmap.cells.iter().map(|cell| cell.y).collect();
        assert_eq!(rows, [10, 10, 10, 0, 0]);
        assert_eq!(heatmap.height, 20);
    }

    #[test]
    fn the_table_has_the_figures_of_the_drawing_and_no_empty_rows() {
        let heatmap = heatmap();
        let counts: Vec<Vec<&str>> = heatmap
            .times
            .iter()
            .map(|time| time.counts.iter().map(|(count, _)| &**count).collect())
            .collect();
        assert_eq!(counts, [["0", "10"], ["1", "1,000"], ["2", "3"]]);
        let linked = heatmap.times.iter().flat_map(|time| &time.counts);
        assert!(linked.clone().all(|(count, url)| (count == "0") == url.is_empty()));
        assert_eq!(linked.filter(|(_, url)| !url.is_empty()).count(), heatmap.cells.len());
    }

    #[test]
    fn cells_touch_without_reaching_over_the_edge() {
        let heatmap = heatmap();
        for cell in &heatmap.cells {
            let (x, width): (f64, f64) = (cell.x.parse().unwrap(), cell.width.parse().unwrap());
            assert!(x >= 0.0 && width >= 1.0 && x + width <= WIDTH, "{x} {width}");
        }
        assert_eq!(heatmap.max, "1,000");
    }
}
