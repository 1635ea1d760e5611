//! Waterfall of a request: one line per step, all its runs on the same line.

use askama::Template;
use askama::filters::Safe;

use crate::format;

/// Width of the drawing in its own units.
const WIDTH: f64 = 1000.0;
/// Classes of lines by their depth; what lies deeper is no further to the right.
const INDENTS: [&str; 4] = ["in0", "in1", "in2", "in3"];

/// A step of a request, aggregated over its runs.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Label of the step.
    pub label: String,
    /// `start` and `length` of each piece, in microseconds from the start of the request.
    pub pieces: Vec<(i64, i64)>,
    /// Number of runs, which may exceed the known pieces.
    pub times: u64,
    /// Total duration in microseconds.
    pub total: i64,
    /// Whether the step failed or is an N+1.
    pub is_bad: bool,
    /// Short note, such as `N+1`.
    pub note: String,
    /// Source location.
    pub from: String,
    /// Whether it is a statement, which contains no other steps.
    pub is_statement: bool,
    /// Nesting depth.
    pub depth: usize,
}

/// Data of the chart's template.
#[derive(Template)]
#[template(path = "_waterfall.html")]
pub struct Waterfall {
    lines: Vec<Line>,
    length: String,
}

struct Line {
    label: String,
    times: String,
    total: String,
    note: String,
    is_bad: bool,
    from: String,
    indent: &'static str,
    is_statement: bool,
    pieces: Vec<(String, String)>,
}

impl Waterfall {
    /// The rendered SVG, already escaped by its own template.
    pub fn svg(&self) -> Safe<&Self> {
        Safe(self)
    }

    /// Draws steps over a request of the given length in microseconds.
    #[expect(clippy::cast_precision_loss, reason = "a drawing is a thousand units wide")]
    pub fn new(steps: &[Step], length: i64) -> Self {
        let length = length.max(1);
        let scale = WIDTH / length as f64;
        let piece = |(start, took): &(i64, i64)| {
            let x = ((*start).clamp(0, length) as f64 * scale).min(WIDTH - 2.0);
            let width = (*took as f64 * scale).clamp(2.0, WIDTH - x);
            (format!("{x:.1}"), format!("{width:.1}"))
        };
        let line = |step: &Step| Line {
            label: step.label.clone(),
            times: if step.times > 1 { format!("×{}", step.times) } else { String::new() },
            total: format::duration(step.total),
            note: step.note.clone(),
            is_bad: step.is_bad,
            from: step.from.clone(),
            indent: INDENTS[step.depth.min(INDENTS.len() - 1)],
            is_statement: step.is_statement,
            pieces: step.pieces.iter().map(piece).collect(),
        };
        Self { lines: steps.iter().map(line).collect(), length: format::duration(length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(pieces: &[(i64, i64)], depth: usize) -> Step {
        let total = pieces.iter().map(|(_, took)| took).sum();
        let times = pieces.len() as u64;
        Step {
            label: "step".to_owned(),
            pieces: pieces.to_vec(),
            times,
            total,
            depth,
            ..Step::default()
        }
    }

    fn pieces(steps: &[Step], length: i64) -> Vec<(f64, f64)> {
        let waterfall = Waterfall::new(steps, length);
        let pieces = waterfall.lines.iter().flat_map(|line| &line.pieces);
        pieces.map(|(x, width)| (x.parse().unwrap(), width.parse().unwrap())).collect()
    }

    #[test]
    fn a_piece_lies_where_it_was_in_thousandths_of_the_request() {
        let steps = [step(&[(0, 2_000)], 0), step(&[(500, 250), (1_500, 500)], 1)];
        assert_eq!(pieces(&steps, 2_000), [(0.0, 1000.0), (250.0, 125.0), (750.0, 250.0)]);
    }

    #[test]
    fn what_is_short_can_be_seen_and_what_reaches_out_ends_at_the_edge() {
        for (piece, length) in [
            ((0, 0), 1_000),
            ((999, 1), 1_000_000),
            ((900, 5_000), 1_000),
            ((-50, 10), 100),
            ((7, 7), 0),
        ] {
            for (x, width) in pieces(&[step(&[piece], 0)], length) {
                assert!(width >= 2.0 && x >= 0.0, "{piece:?} of {length}");
                assert!(x + width <= WIDTH, "{piece:?} of {length}");
            }
        }
    }

    #[test]
    fn a_line_says_how_often_and_how_long_and_is_set_in_by_its_depth() {
        let steps: Vec<Step> =
            (0..6).map(|depth| step(&[(0, 1_000), (2_000, 500)], depth)).collect();
        let waterfall = Waterfall::new(&steps, 10_000);
        let indents: Vec<_> = waterfall.lines.iter().map(|line| line.indent).collect();
        assert_eq!(indents, ["in0", "in1", "in2", "in3", "in3", "in3"]);
        assert_eq!((&*waterfall.lines[0].times, &*waterfall.lines[0].total), ("×2", "1.5 ms"));
        let once = Waterfall::new(&[step(&[(0, 1)], 0)], 10);
        assert_eq!(once.lines[0].times, "", "once needs no word");
    }
}
