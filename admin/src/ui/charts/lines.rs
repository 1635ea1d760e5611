//! Figures over time as lines, with a table of the same figures. Where nothing is known there is no
//! line: a gap is neither zero nor a straight line across.

use std::fmt::Write;

use askama::Template;
use askama::filters::Safe;
use logsearch::record::Level;

use super::axis::Axis;
use super::marks::Marks;
use crate::format;
use crate::metrics::{LineStyle, Plot, Series, Span};

/// Width and height of the drawing in its own units.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 300.0;
/// Colors of lines; more lines than colors use them again.
const COLORS: [&str; 8] = ["c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"];

/// Data of the chart's template.
#[derive(Template)]
#[template(path = "_lines.html")]
pub struct Lines {
    id: String,
    title: String,
    help: String,
    metrics: String,
    logs: String,
    label: String,
    labels: Vec<String>,
    grid: Vec<String>,
    ticks: Vec<String>,
    paths: Vec<(String, String)>,
    areas: Vec<Area>,
    legend: Vec<Entry>,
    table: Vec<Row>,
}

/// A span of time behind the lines.
struct Area {
    class: &'static str,
    x: String,
    width: String,
    title: String,
}

struct Entry {
    name: String,
    class: String,
    last: String,
}

/// One interval of the table.
pub struct Row {
    start: String,
    url: String,
    cells: Vec<String>,
}

impl Lines {
    /// The rendered SVG, already escaped by its own template.
    pub fn svg(&self) -> Safe<&Self> {
        Safe(self)
    }

    /// Draws a chart; a click leads to `logs`, in which scripts put the time.
    pub fn new(plot: &Plot, span: &Span, marks: &Marks, logs: String) -> Self {
        let axis = axis(plot);
        let classes = classes(&plot.series);
        let draw = |(series, class): (&Series, &String)| {
            (class.clone(), path(&series.values, span, axis.top()))
        };
        let entry = |(series, class): (&Series, &String)| Entry {
            name: series.name.clone(),
            class: class.clone(),
            last: last(series).map_or_else(|| "–".to_owned(), |value| plot.measure.show(value)),
        };
        let lines = || plot.series.iter().zip(&classes);
        Self {
            id: plot.id.clone(),
            title: plot.title.clone(),
            help: plot.help.clone(),
            metrics: plot.metrics.join(", "),
            logs,
            label: describe(plot),
            labels: axis.labels(plot.measure),
            grid: axis.shares().map(|share| format!("{:.0}", HEIGHT - share * HEIGHT)).collect(),
            ticks: (0..5)
                .map(|n| {
                    format::tick(span.from + (span.to - span.from) / 4 * n, span.to - span.from)
                })
                .collect(),
            paths: lines().map(draw).filter(|(_, path)| !path.is_empty()).collect(),
            areas: areas(span, marks),
            legend: lines().map(entry).collect(),
            table: Vec::new(),
        }
    }

    /// With a table of these intervals of the same chart, newest first; `url` leads to the logs of one.
    #[must_use]
    pub fn tabled(mut self, plot: &Plot, starts: &[i64], url: impl Fn(i64) -> String) -> Self {
        let cell = |name: &str, at: usize| {
            let series = plot.series.iter().find(|series| series.name == name)?;
            series.values.get(at).copied().flatten()
        };
        let rows = starts.iter().enumerate().rev().filter_map(|(at, start)| {
            let cells: Vec<_> = self.legend.iter().map(|entry| cell(&entry.name, at)).collect();
            cells.iter().any(Option::is_some).then(|| Row {
                start: format::minute(*start),
                url: url(*start),
                cells: cells
                    .into_iter()
                    .map(|cell| cell.map_or_else(|| "–".to_owned(), |cell| plot.measure.show(cell)))
                    .collect(),
            })
        });
        self.table = rows.collect();
        self
    }
}

/// The axis that fits the lines of a chart. What they should stay below counts only where they come
/// near it: a limit far away would press them flat.
pub fn axis(plot: &Plot) -> Axis {
    let highest = |is_limit: bool| {
        let series =
            plot.series.iter().filter(|series| (series.style == LineStyle::Limit) == is_limit);
        let values = series.flat_map(|series| series.values.iter().copied().flatten());
        values.fold(0.0, f64::max)
    };
    let (lines, limit) = (highest(false), highest(true));
    let is_near = lines == 0.0 || limit <= lines * 5.0;
    Axis::up_to(if is_near { lines.max(limit) } else { lines }, plot.measure)
}

/// The class of each line: its color.
pub fn classes(series: &[Series]) -> Vec<String> {
    let mut colors = COLORS.iter().cycle();
    let class = |series: &Series| match (series.style, Level::parse(&series.name)) {
        (LineStyle::Bad, _) => "bad",
        (LineStyle::Limit, _) => "limit",
        (LineStyle::Plain, Some(level)) => level.as_str(),
        (LineStyle::Plain, None) => colors.next().copied().unwrap_or_default(),
    };
    series.iter().map(class).map(str::to_owned).collect()
}

/// The last value that is known.
pub fn last(series: &Series) -> Option<f64> {
    series.values.iter().rev().copied().flatten().next()
}

fn path(values: &[Option<f64>], span: &Span, top: f64) -> String {
    let mut path = String::new();
    let mut is_down = false;
    for (start, value) in span.starts.iter().zip(values) {
        let Some(value) = value.filter(|value| *value <= top * 1.001) else {
            is_down = false;
            continue;
        };
        let y = HEIGHT - (value / top).clamp(0.0, 1.0) * HEIGHT;
        // Writing to a string cannot fail. A line of no length makes a lone value a dot.
        let _ = if is_down {
            write!(path, "L{:.0} {y:.0}", middle(span, *start))
        } else {
            write!(path, "M{:.0} {y:.0}h0", middle(span, *start))
        };
        is_down = true;
    }
    path
}

/// Where a time is drawn.
#[expect(clippy::cast_precision_loss, reason = "a drawing is a thousand units wide")]
fn x(span: &Span, at: i64) -> f64 {
    let at = at.clamp(span.from, span.to);
    (at - span.from) as f64 / (span.to - span.from).max(1) as f64 * WIDTH
}

/// Where the value of an interval is drawn: in its middle, as far as it is in the window.
fn middle(span: &Span, start: i64) -> f64 {
    let end = start.saturating_add(span.step);
    f64::midpoint(x(span, start), x(span, end))
}

fn areas(span: &Span, marks: &Marks) -> Vec<Area> {
    let area = |class, (from, to): (i64, i64), title| {
        let (x, right) = (x(span, from), x(span, to));
        Area { class, x: format!("{x:.1}"), width: format!("{:.1}", (right - x).max(2.0)), title }
    };
    let gap = |gap: &(i64, i64)| area("gap", *gap, "no data".to_owned());
    let band = |band: &super::marks::Band| {
        area("band", (band.from, band.to), format!("alert {}, {}", band.label, band.when))
    };
    let line = |line: &super::marks::Line| {
        area("line", (line.at, line.at), format!("deployed {}, {}", line.label, line.when))
    };
    let gaps = span.gaps.iter().map(gap);
    gaps.chain(marks.bands.iter().map(band)).chain(marks.lines.iter().map(line)).collect()
}

/// What somebody hears who cannot see the drawing.
fn describe(plot: &Plot) -> String {
    let last = plot.series.iter().filter_map(|series| {
        let name = if series.name.is_empty() { "value" } else { &series.name };
        Some(format!("{name} {}", plot.measure.show(last(series)?)))
    });
    let last: Vec<_> = last.collect();
    format!("{} over time; last: {}; the table below has the values", plot.title, last.join(", "))
}

/// A line without axes, as small as a word.
#[derive(Template)]
#[template(
    source = "<svg class=\"spark line\" viewBox=\"0 0 1000 300\" preserveAspectRatio=\"none\" aria-hidden=\"true\">{% for (class, path) in paths %}<path class=\"{{ class }}\" d=\"{{ path }}\"/>{% endfor %}</svg>",
    ext = "html"
)]
pub struct SparkLines {
    paths: Vec<(String, String)>,
}

impl SparkLines {
    /// The rendered SVG, already escaped by its own template.
    pub fn svg(&self) -> Safe<&Self> {
        Safe(self)
    }

    /// The lines of a chart.
    pub fn new(plot: &Plot, span: &Span) -> Self {
        let top = axis(plot).top();
        let classes = classes(&plot.series);
        let lines = plot.series.iter().zip(classes);
        let lines = lines.map(|(series, class)| (class, path(&series.values, span, top)));
        Self { paths: lines.filter(|(_, path)| !path.is_empty()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Measure;

    fn span() -> Span {
        let starts = (0..5).map(|n| n * 10).collect();
        Span { from: 0, to: 50, step: 10, starts, gaps: Vec::new() }
    }

    #[test]
    fn a_gap_breaks_the_line_and_a_lone_value_is_a_dot() {
        let values = [Some(0.0), Some(5.0), None, Some(10.0), None];
        assert_eq!(path(&values, &span(), 10.0), "M100 300h0L300 150M700 0h0");
    }

    #[test]
    fn a_far_limit_does_not_press_the_lines_flat() {
        let series = |style, value| Series {
            name: String::new(),
            style,
            values: vec![Some(value)],
            grew: None,
        };
        let mut plot = Plot {
            set: crate::metrics::Set::Process,
            id: String::new(),
            title: String::new(),
            help: String::new(),
            metrics: Vec::new(),
            measure: Measure::Count,
            series: vec![series(LineStyle::Plain, 3.0), series(LineStyle::Limit, 10.0)],
            query: String::new(),
            now: None,
        };
        assert!(axis(&plot).top() >= 10.0);
        plot.series[1] = series(LineStyle::Limit, 1e6);
        assert!(axis(&plot).top() < 10.0);
        assert_eq!(classes(&plot.series), ["c1", "limit"]);
    }
}
