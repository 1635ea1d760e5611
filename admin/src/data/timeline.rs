//! What the host says happened in a window besides requests: alerts and deployments. Charts mark them,
//! Now lists them. The host keeps them in its database, which may be what is broken: what cannot be read
//! is a notice on the page and not the end of it.

use logsearch::error_chain;
use logsearch::store::TimeRange;

use crate::context::panel::Panel;
use crate::host::{Alert, Deploy, HostError};

/// The most alerts and the most deployments of a window.
const MOST: usize = 100;

/// Alerts and deployments of a window, the newest first.
#[derive(Debug, Default)]
pub struct WindowEvents {
    pub alerts: Vec<Alert>,
    pub deploys: Vec<Deploy>,
    /// What could not be read.
    pub notices: Vec<String>,
}

impl WindowEvents {
    /// Those of a range.
    pub async fn within(panel: &Panel, range: TimeRange) -> Self {
        let mut events = Self::default();
        if let Some(host) = &panel.alerts {
            let alerts = host.between(range, MOST).await;
            events.alerts = or_notice(alerts, "alerts", &mut events.notices);
        }
        if let Some(host) = &panel.deploys {
            let deploys = host.between(range, MOST).await;
            events.deploys = or_notice(deploys, "deployments", &mut events.notices);
        }
        events
    }
}

/// The answer of the host, or nothing and a notice.
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
