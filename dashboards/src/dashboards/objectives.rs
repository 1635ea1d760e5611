//! What is promised to users, as expressions: 99.5 of 100 requests to site and API are answered without
//! a 5xx, and 99 of 100 within half a second.

/// Requests of users: of the site and of the simulator API.
pub const USERS: &str = r#"%J,surface=~"web|api""#;
/// Count of requests.
pub const COUNT: &str = "http_server_request_duration_seconds_count";
/// Its buckets.
pub const BUCKET: &str = "http_server_request_duration_seconds_bucket";

/// Share of the requests of users in a window that failed; none when nobody asked.
pub fn error_ratio(function: &str, window: &str) -> String {
    format!(
        r#"(sum({function}({COUNT}{{{USERS},
           http_response_status_code=~"5.."}}[{window}])) or vector(0)) / {}"#,
        all(function, window)
    )
}

/// Share of the requests of users in a window that took longer than half a second; none when nobody
/// asked, which is why the fast ones are not simply divided by all.
pub fn slow_ratio(function: &str, window: &str) -> String {
    format!(
        r#"(sum({function}({COUNT}{{{USERS}}}[{window}])) -
           sum({function}({BUCKET}{{{USERS},le="0.5"}}[{window}]))) / {}"#,
        all(function, window)
    )
}

/// All requests of users in a window, as what is divided by.
fn all(function: &str, window: &str) -> String {
    let least = if function == "increase" { "1" } else { "1e-9" };
    format!("clamp_min(sum({function}({COUNT}{{{USERS}}}[{window}])), {least})")
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
    format!("({}) / 0.01", slow_ratio("rate", window))
}
