//! Events in a window, from the host: alerts and deployments. Charts mark them, Now lists them. The
//! host's database may be what is broken, so a failed read is a notice on the page, not an error.

use logsearch::error_chain;
use logsearch::store::TimeRange;

use crate::context::panel::Panel;
use crate::host::{Alert, Deploy, HostError};

/// Maximum number of alerts and of deployments in a window.
const MOST: usize = 100;

/// Alerts and deployments in a window, newest first.
#[derive(Debug, Default)]
pub struct WindowEvents {
    pub alerts: Vec<Alert>,
    pub deploys: Vec<Deploy>,
    /// Notices about data that could not be loaded.
    pub notices: Vec<String>,
}

impl WindowEvents {
    /// Loads the events of a range.
    pub async fn within(panel: &Panel, range: TimeRange) -> Self {
        let mut events = Self::default();
        if let Some(host) = panel.host.alerts() {
            let alerts = host.between(range, MOST).await;
            events.alerts = or_notice(alerts, "alerts", &mut events.notices);
        }
        if let Some(host) = panel.host.deploys() {
            let deploys = host.between(range, MOST).await;
            events.deploys = or_notice(deploys, "deployments", &mut events.notices);
        }
        events
    }
}

/// The host's result, or the default value and a notice if it failed.
pub fn or_notice<T: Default>(
    answer: Result<T, HostError>,
    what: &str,
    notices: &mut Vec<String>,
) -> T {
    answer.unwrap_or_else(|error| {
        let chain = error_chain(error.as_ref());
        tracing::warn!(error.message = chain, "could not read {what} for the panel");
        notices.push(format!("Could not load {what}."));
        T::default()
    })
}
