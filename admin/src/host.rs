//! What the panel may ask of the service it runs in: one small trait per subject, each optional and set
//! on the builder. A page or section whose trait the host does not implement is not shown.

mod jobs;

pub use jobs::{Job, Jobs};
