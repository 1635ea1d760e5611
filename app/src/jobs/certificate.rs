//! Looks when the certificate ends that visitors get.

use super::{Context, Outcome};
use crate::certificate;
use crate::metrics;

/// Publishes the end of the certificate of the TLS server in front.
pub async fn look(context: Context) -> anyhow::Result<Outcome> {
    let config = &context.config.job;
    let Some(endpoint) = config.certificate_endpoint.clone().filter(|text| !text.is_empty()) else {
        return Ok(Outcome::Skipped("no TLS server is configured".to_owned()));
    };
    let host = endpoint.rsplit_once(':').map_or(endpoint.as_str(), |(host, _)| host);
    let name = config.certificate_name.clone().filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| host.to_owned());
    let looked = tokio::task::spawn_blocking(move || certificate::ends(&endpoint, &name)).await?;
    match looked {
        Ok(ends) => {
            metrics::certificate_ends(ends);
            let end = jiff::Timestamp::from_microsecond(ends)?;
            Ok(Outcome::Done(format!("ends at {}", end.strftime("%Y-%m-%d %H:%M:%SZ"))))
        }
        // It may start after this process; being away is what other alerts tell.
        Err(error) => Ok(Outcome::Skipped(format!("{error:#}"))),
    }
}
