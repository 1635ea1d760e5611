//! What is promised to users, as expressions: 99.5 of 100 requests to site and API are answered without
//! a 5xx, and 99 of 100 within half a second.

/// Requests of users: of the site and of the simulator API.
pub const USERS: &str = r#"%J,surface=~"web|api""#;
/// Count of requests.
pub const COUNT: &str = "http_server_request_duration_seconds_count";
/// Its buckets.
pub const BUCKET: &str = "http_server_request_duration_seconds_bucket";

/// Share of the requests of users in a window that failed.
pub fn error_ratio(function: &str, window: &str) -> String {
    format!(
        r#"(sum({function}({COUNT}{{{USERS},
           http_response_status_code=~"5.."}}[{window}])) or vector(0)) /
           clamp_min(sum({function}({COUNT}{{{USERS}}}[{window}])), 1e-9)"#
    )
}

/// Share of the requests of users in a window that took at most half a second.
pub fn fast_ratio(function: &str, window: &str) -> String {
    format!(
        r#"sum({function}({BUCKET}{{{USERS},le="0.5"}}[{window}])) /
           clamp_min(sum({function}({COUNT}{{{USERS}}}[{window}])), 1e-9)"#
    )
}

/// A percentile of the latency of users' requests, over a window and by these labels.
pub fn latency_of(quantile: &str, window: &str, by: &str) -> String {
    format!(
        "histogram_quantile({quantile}, sum by (le{by}) \
         (rate({BUCKET}{{{USERS}}}[{window}])))"
    )
}

/// How many times faster than allowed requests fail in a window.
pub fn failure_burn(window: &str) -> String {
    format!("({}) / 0.005", error_ratio("rate", window))
}

/// How many times faster than allowed requests are slow in a window.
pub fn slowness_burn(window: &str) -> String {
    format!("(1 - {}) / 0.01", fast_ratio("rate", window))
}
