//! What the panel says of the service's own health: what the watch of the database found last, and the disk as
//! it is now.

use std::path::PathBuf;
use std::sync::Arc;

use admin::Outage;

use crate::db::Health;
use crate::process;

/// The health of this process.
pub struct HostHealth {
    /// What is known of the database.
    pub database: Arc<Health>,
    /// Whose disk is shown.
    pub data_dir: PathBuf,
}

impl admin::Health for HostHealth {
    fn outages(&self) -> Vec<Outage> {
        let (reads, writes) = (self.database.reads(), self.database.writes());
        let (what, fault) = match (reads, writes) {
            (Some(fault), _) => ("Database", fault),
            (None, Some(fault)) => ("Database writes", fault),
            (None, None) => return Vec::new(),
        };
        let (what, why) = (what.to_owned(), fault.text().to_owned());
        vec![Outage { what, why, lasts: self.database.lasts() }]
    }

    fn current(&self, chart: &str) -> Option<f64> {
        // Of a full disk nobody wants to read what was free a while ago.
        (chart == super::charts::DISK).then(|| process::free_bytes(&self.data_dir)).flatten()
    }
}
