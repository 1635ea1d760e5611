//! Charts drawn on the server as SVG, where bars are links: they work without scripts, under any
//! content security policy, and scale with the page. Text is HTML beside the drawing.

mod axis;
mod heatmap;
mod histogram;
mod lines;
mod marks;
mod sparkline;
mod waterfall;

pub use heatmap::{Band, Heatmap, Intervals};
pub use histogram::Histogram;
pub use lines::{Lines, Span, SparkLines, axis, classes, last};
pub use marks::{Marks, version};
pub use sparkline::Sparkline;
pub use waterfall::{Step, Waterfall};
