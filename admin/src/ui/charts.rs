//! Charts drawn on the server as SVG, where bars are links: they work without scripts, under any
//! content security policy, and scale with the page. Text is HTML beside the drawing.
//!
//! They are the only renderer. A chart library beside them drew the same lines once more on a canvas, and
//! its script had axes, units and colors of its own, 24 KB of it; a hair, dots and a selection are elements
//! that a script adds to the drawing that is there.

mod axis;
mod heatmap;
mod histogram;
mod lines;
mod marks;
mod sparkline;
mod waterfall;

pub use heatmap::{DurationBand, Heatmap, Intervals};
pub use histogram::{Histogram, highest};
pub use lines::{Lines, SparkLines, last};
pub use marks::{Band, Line, Marks};
pub use sparkline::Sparkline;
pub use waterfall::{Step, Waterfall};
