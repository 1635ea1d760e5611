//! Looks at the database each second and says what it found: to `/readyz`, the panel and the metrics at once, and
//! to the log when it changes. Nobody has to try a write to learn that writes fail.

use std::time::{Duration, Instant};

use crate::db::{DatabaseUrl, Db, Fault, Finding, Probe};
use crate::metrics;

/// Pause between two looks while the database works.
const PAUSE: Duration = Duration::from_secs(1);
/// While it does not: whoever waits for its end is not to wait longer than needed.
const PAUSE_OF_OUTAGE: Duration = Duration::from_millis(250);

/// Watches for as long as it is polled.
pub async fn run(db: Db, url: DatabaseUrl) {
    let mut probe = match Probe::new(&db, &url) {
        Ok(probe) => probe,
        // Its pools were made from the same address.
        Err(error) => {
            tracing::error!(error.message = %error, "could not watch the database");
            return std::future::pending().await;
        }
    };
    let mut watch = Watch::default();
    loop {
        let finding = probe.look().await;
        publish(finding);
        watch.tell(finding);
        let is_well = finding == Finding { reads: None, writes: None };
        tokio::time::sleep(if is_well { PAUSE } else { PAUSE_OF_OUTAGE }).await;
    }
}

/// Sets the gauges. What cannot be read cannot be written.
fn publish(finding: Finding) {
    let writes = finding.reads.or(finding.writes);
    metrics::database_state(finding.reads.is_none(), writes.is_none());
    for fault in Fault::ALL {
        metrics::database_write_fault(fault.label(), writes == Some(fault));
    }
}

/// What was told last of reads and writes.
#[derive(Default)]
struct Watch {
    reads: Outage,
    writes: Outage,
}

impl Watch {
    fn tell(&mut self, finding: Finding) {
        self.reads.tell("reads", finding.reads);
        self.writes.tell("writes", finding.reads.or(finding.writes));
    }
}

/// An outage, if there is one, and since when.
#[derive(Default)]
struct Outage(Option<(Fault, Instant)>);

impl Outage {
    fn tell(&mut self, what: &'static str, now: Option<Fault>) {
        let before = self.0.map(|(fault, _)| fault);
        if before == now {
            return;
        }
        let since = self.0.map_or_else(Instant::now, |(_, since)| since);
        self.0 = now.map(|fault| (fault, since));
        if let Some(fault) = now {
            // Who watches the file says which of its faults it is, and what to do.
            if fault == Fault::FileLost {
                return;
            }
            tracing::error!(
                error.type = fault.label(),
                error.message = fault.text(),
                "database {what} are failing: {}",
                fault.text()
            );
        } else {
            let duration = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
            tracing::info!(duration_us = duration, "database {what} work again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_keeps_its_start_while_its_reason_changes() {
        let mut outage = Outage::default();
        outage.tell("writes", None);
        assert!(outage.0.is_none());
        outage.tell("writes", Some(Fault::Locked));
        let (_, since) = outage.0.unwrap();
        outage.tell("writes", Some(Fault::Slow));
        assert_eq!(outage.0, Some((Fault::Slow, since)));
        outage.tell("writes", None);
        assert!(outage.0.is_none());
    }
}
