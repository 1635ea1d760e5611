//! Charts drawn on the server as SVG, where bars are links: they work without scripts, under any
//! content security policy, and scale with the page. Text is HTML beside the drawing.

mod axis;
mod heatmap;
mod histogram;
mod lines;
mod marks;
mod sparkline;
mod waterfall;

pub use heatmap::{DurationBand, Heatmap, Intervals};
pub use histogram::Histogram;
pub use lines::{Lines, SparkLines, axis, classes, last};
pub use marks::{Band, Line, Marks};
pub use sparkline::Sparkline;
pub use waterfall::{Step, Waterfall};
