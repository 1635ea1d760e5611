//! Records over time, stacked by level. A bar leads to its interval.

use askama::Template;
use askama::filters::Safe;
use logsearch::record::Level;
use logsearch::store::Bucket;

use super::marks::{Line, Marks};
use crate::context::links::{Links, View};
use crate::context::window::Window;
use crate::format;

/// Height of the drawing in its own units; its width is one unit per microsecond, scaled.
const HEIGHT: f64 = 100.0;
/// Width of the drawing in its own units.
const WIDTH: f64 = 1000.0;
/// What a single record among millions is still drawn as.
const THINNEST: f64 = 2.5;

/// The drawing, with a table of the same figures.
#[derive(Template)]
#[template(path = "_histogram.html")]
pub struct Histogram {
    bars: Vec<Bar>,
    ticks: Vec<String>,
    interval: String,
    from: i64,
    to: i64,
    max: String,
    bands: Vec<Mark>,
    lines: Vec<Mark>,
    marks: Marks,
    scale: Scale,
    /// Parameters that a drag over the chart sets.
    names: &'static str,
}

/// A mark in the drawing's own units.
struct Mark {
    x: String,
    width: String,
    title: String,
}

struct Bar {
    url: String,
    title: String,
    start: String,
    x: String,
    width: String,
    parts: Vec<Part>,
    counts: Vec<String>,
    total: u64,
}

struct Part {
    level: Level,
    y: String,
    height: String,
}

impl Histogram {
    /// The rendered SVG, already escaped by its own template.
    pub fn svg(&self) -> Safe<&Self> {
        Safe(self)
    }

    /// The intervals of a view; each leads to the page at `path` of its interval.
    pub fn new(buckets: &[Bucket], interval: i64, view: &View, links: &Links, path: &str) -> Self {
        let max = highest(buckets);
        let url = |window: Window| links.page(path, &view.within(window));
        Self::linking(buckets, (interval, max), view.window, &url)
    }

    /// The intervals of a window, of a length in microseconds and drawn up to a maximum; the link of each is
    /// built by `url`.
    pub fn linking(
        buckets: &[Bucket],
        (interval, max): (i64, u64),
        window: Window,
        url: &dyn Fn(Window) -> String,
    ) -> Self {
        let range = window.range();
        let scale = Scale { from: range.from, to: range.to, max, interval };
        let bars = buckets.iter().map(|bucket| scale.bar(bucket, window.now, url)).collect();
        Self {
            bars,
            ticks: ticks(range.from, range.to),
            interval: format::interval(interval),
            from: range.from / 1_000,
            to: range.to / 1_000,
            max: format::count(max),
            bands: Vec::new(),
            lines: Vec::new(),
            marks: Marks::default(),
            scale,
            names: "from to",
        }
    }

    /// Lets a drag over the chart set these two parameters instead of those of the window.
    #[must_use]
    pub fn setting(mut self, names: &'static str) -> Self {
        self.names = names;
        self
    }

    /// Adds event marks to the chart.
    pub fn marked(mut self, marks: Marks) -> Self {
        let scale = &self.scale;
        let band = |(from, to, title): (i64, i64, String)| {
            let (x, right) = (scale.x(from), scale.x(to));
            Mark { x: format!("{x:.2}"), width: format!("{:.2}", (right - x).max(2.0)), title }
        };
        let line = |line: &Line| {
            let title = format!("deployed {}, {}", line.label, line.when);
            let x = scale.x(line.at).min(WIDTH - 2.0);
            Mark { x: format!("{x:.2}"), width: "2".to_owned(), title }
        };
        self.bands = marks.spans().into_iter().map(band).collect();
        self.lines = marks.lines.iter().map(line).collect();
        self.marks = marks;
        self
    }
}

/// The most records of an interval.
pub fn highest(buckets: &[Bucket]) -> u64 {
    buckets.iter().map(total).max().unwrap_or(0)
}

fn total(bucket: &Bucket) -> u64 {
    bucket.counts.iter().sum()
}

/// Five times at equal distances.
pub(super) fn ticks(from: i64, to: i64) -> Vec<String> {
    let span = to.saturating_sub(from);
    (0..5).map(|n| format::tick(from + span / 4 * n, span)).collect()
}

struct Scale {
    from: i64,
    to: i64,
    max: u64,
    interval: i64,
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "a drawing is a thousand units wide")]
    fn x(&self, at: i64) -> f64 {
        let at = at.clamp(self.from, self.to);
        (at - self.from) as f64 / (self.to - self.from).max(1) as f64 * WIDTH
    }

    fn bar(&self, bucket: &Bucket, now: i64, url: &dyn Fn(Window) -> String) -> Bar {
        let end = bucket.start.saturating_add(self.interval);
        // The first and the last interval may reach beyond the window.
        let window = Window::absolute(bucket.start.max(self.from), end.min(self.to), now);
        let (x, right) = (self.x(bucket.start), self.x(end));
        let named = Level::ALL.iter().zip(bucket.counts).rev().filter(|(_, count)| *count > 0);
        let levels: Vec<String> =
            named.map(|(level, count)| format!("{} {level}", format::count(count))).collect();
        let start = format::time(bucket.start);
        Bar {
            url: url(window),
            title: format!("{start} – {}: {}", format::time(end), levels.join(", ")),
            start: format::rfc3339_short(bucket.start),
            x: format!("{x:.2}"),
            width: format!("{:.2}", ((right - x) * 0.86).max(0.5)),
            parts: self.parts(bucket),
            counts: bucket.counts.iter().rev().map(|count| format::count(*count)).collect(),
            total: total(bucket),
        }
    }

    /// Errors at the bottom, where their height is read most easily.
    #[expect(clippy::cast_precision_loss, reason = "a drawing is a hundred units high")]
    fn parts(&self, bucket: &Bucket) -> Vec<Part> {
        let mut y = HEIGHT;
        let levels = Level::ALL.iter().zip(bucket.counts).rev().filter(|(_, count)| *count > 0);
        let part = |(level, count): (&Level, u64)| {
            let height = (count as f64 / self.max.max(1) as f64 * HEIGHT).max(THINNEST);
            y = (y - height).max(0.0);
            Part { level: *level, y: format!("{y:.2}"), height: format!("{height:.2}") }
        };
        levels.map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    /// Two and a half minutes that begin within the first interval, errors last in each bucket.
    fn histogram() -> Histogram {
        let view = View::of(Window::absolute(30_000_000, 3 * MINUTE, 9 * MINUTE));
        let bucket = |start, counts| Bucket { start, counts };
        let buckets = [
            bucket(0, [0, 0, 40, 0, 10]),
            bucket(MINUTE, [0; 5]),
            bucket(2 * MINUTE, [0, 0, 1, 0, 0]),
        ];
        Histogram::new(&buckets, MINUTE, &view, &Links::new("/ops"), "/logs")
    }

    #[test]
    fn the_highest_bar_is_as_high_as_the_drawing_and_errors_stand_at_the_bottom() {
        let histogram = histogram();
        let parts: Vec<_> = histogram.bars[0]
            .parts
            .iter()
            .map(|part| (part.level, &*part.y, &*part.height))
            .collect();
        assert_eq!(parts, [(Level::Error, "80.00", "20.00"), (Level::Info, "0.00", "80.00")]);
        assert_eq!(histogram.max, "50");
    }

    #[test]
    fn a_single_record_beside_many_is_seen_and_nothing_has_no_bar() {
        let histogram = histogram();
        assert!(histogram.bars[1].parts.is_empty() && histogram.bars[1].total == 0);
        let height: f64 = histogram.bars[2].parts[0].height.parse().unwrap();
        assert!(height >= THINNEST, "{height}");
    }

    #[test]
    fn a_bar_leads_to_its_interval_cut_to_the_window() {
        let urls: Vec<String> = histogram().bars.into_iter().map(|bar| bar.url).collect();
        assert_eq!(
            urls,
            [
                "/ops/logs?from=1970-01-01T00:00:30Z&to=1970-01-01T00:01:00Z",
                "/ops/logs?from=1970-01-01T00:01:00Z&to=1970-01-01T00:02:00Z",
                "/ops/logs?from=1970-01-01T00:02:00Z&to=1970-01-01T00:03:00Z",
            ]
        );
    }

    #[test]
    fn counts_of_the_table_and_the_title_are_those_of_the_bucket() {
        let histogram = histogram();
        assert_eq!(histogram.bars[0].counts, ["10", "0", "40", "0", "0"], "errors first");
        assert!(
            histogram.bars[0].title.ends_with(": 10 error, 40 info"),
            "{}",
            histogram.bars[0].title
        );
    }

    #[test]
    fn marks_lie_within_the_drawing_however_short_they_are() {
        let band = super::super::marks::Band {
            from: 3 * MINUTE - 1,
            to: 3 * MINUTE,
            firing: true,
            label: "Slow".to_owned(),
            when: "now".to_owned(),
            url: String::new(),
        };
        let line = Line {
            at: 3 * MINUTE,
            label: "2".to_owned(),
            when: "now".to_owned(),
            note: String::new(),
            compare: String::new(),
        };
        let marks = Marks { bands: vec![band], lines: vec![line], ..Marks::default() };
        let marked = histogram().marked(marks);
        let width: f64 = marked.bands[0].width.parse().unwrap();
        let x: f64 = marked.lines[0].x.parse().unwrap();
        assert!(width >= 2.0 && x <= WIDTH - 2.0, "{width} {x}");
    }
}
