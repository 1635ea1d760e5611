//! What fails now, as Now and System say it on top, and how near the disk is to its bound.

use crate::context::panel::Panel;
use crate::format;
use crate::host::Health;

/// A line on top of a page.
pub struct OutageLine {
    pub what: String,
    pub why: String,
    pub lasts: String,
}

/// What the host says fails now.
pub fn outages(panel: &Panel) -> Vec<OutageLine> {
    let outages = panel.host.health().map(Health::outages).unwrap_or_default();
    let line = |outage: crate::host::Outage| OutageLine {
        what: outage.what,
        why: outage.why,
        lasts: format::about(i64::try_from(outage.lasts.as_micros()).unwrap_or(i64::MAX)),
    };
    outages.into_iter().map(line).collect()
}

/// The notice that logs are cut because the disk is short of space; empty while it is not.
pub fn short_of_space(panel: &Panel) -> Vec<String> {
    let Some(disk) = &panel.pipeline.disk else { return Vec::new() };
    let limits = disk().limits;
    let is_short = |free: &u64| *free < limits.min_free_bytes;
    let Some(free) = limits.free_bytes.filter(is_short) else { return Vec::new() };
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let [free, bound] = [free, limits.min_free_bytes].map(|bytes| format::bytes(bytes as f64));
    vec![format!(
        "Only {free} of the disk are free. Below {bound} the oldest logs are deleted; free some space."
    )]
}
