//! Answers that wait for their records: who is told that something failed, or that an operator changed
//! something, can find it in the log whatever happens next.

use std::sync::Arc;
use std::time::Duration;

use logsearch::Logs;

/// The longest an answer waits for the disk.
const SYNC_TIMEOUT: Duration = Duration::from_secs(2);

/// The records an answer waits for. By default there are no logs, and nothing is waited for.
#[derive(Clone, Debug, Default)]
pub struct DurableRecords(Option<Arc<Logs>>);

impl DurableRecords {
    /// Those that go into this log.
    pub fn of(logs: Arc<Logs>) -> Self {
        Self(Some(logs))
    }

    /// Waits until errors and audit records emitted so far are on the disk, which is at once when there
    /// are none. A disk that fails or takes long costs the wait and not the answer.
    pub async fn wait_synced(&self) {
        if let Some(logs) = &self.0
            && !logs.urgent_synced(SYNC_TIMEOUT).await
        {
            tracing::warn!("response sent before its audit or error record was fsynced");
        }
    }
}
