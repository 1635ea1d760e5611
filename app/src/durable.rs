//! Answers that wait for their records: who is told that something failed, or that an operator changed
//! something, can find it in the log whatever happens next.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use logsearch::logs::Logs;

/// The longest an answer waits for the disk.
const PATIENCE: Duration = Duration::from_secs(2);

/// The records an answer waits for. Knows no logs until they are set, and then waits for nothing.
#[derive(Clone, Debug, Default)]
pub struct DurableRecords(Arc<OnceLock<Arc<Logs>>>);

impl DurableRecords {
    /// Where the records go; only the first call counts.
    pub fn set(&self, logs: &Arc<Logs>) {
        let _the_first = self.0.set(Arc::clone(logs));
    }

    /// Waits until errors and audit records emitted so far are on the disk, which is at once when there
    /// are none. A disk that fails or takes long costs the wait and not the answer.
    pub async fn written(&self) {
        if let Some(logs) = self.0.get()
            && !logs.urgent_synced(PATIENCE).await
        {
            tracing::warn!("an audit record or error was not on the disk before the answer");
        }
    }
}
