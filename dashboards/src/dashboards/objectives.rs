//! What is promised to users, as expressions: 99.5 of 100 requests to site and API are answered without a
//! 5xx and without a client that gives up a late answer, and 99 of 100 within half a second.

/// Requests of users: of the site and of the simulator API.
pub const USERS: &str = r#"%J,surface=~"web|api""#;
/// Requests by outcome. All outcomes start at zero, so that a first failure counts.
pub const REQUESTS: &str = "minitwit_http_requests_total";
/// Outcomes that use up the error budget.
pub const FAILING: &str = r#"outcome!="ok""#;
/// Requests of users that took longer than half a second.
const SLOW: &str = "minitwit_http_slow_requests_total";
/// Count of requests, by method and status.
pub const COUNT: &str = "http_server_request_duration_seconds_count";
/// Its buckets.
pub const BUCKET: &str = "http_server_request_duration_seconds_bucket";

/// Share of the requests of users in a window with these outcomes; none when nobody asked.
pub fn ratio_of(outcomes: &str, function: &str, window: &str) -> String {
    let some = format!("sum({function}({REQUESTS}{{{USERS},{outcomes}}}[{window}]))");
    format!("{some} / {}", all(function, window))
}

/// Share of the requests of users in a window that failed or were given up; none when nobody asked.
pub fn error_ratio(function: &str, window: &str) -> String {
    ratio_of(FAILING, function, window)
}

/// Share of the requests of users in a window that took longer than half a second; none when nobody asked.
pub fn slow_ratio(function: &str, window: &str) -> String {
    format!("sum({function}({SLOW}{{{USERS}}}[{window}])) / {}", all(function, window))
}

/// All requests of users in a window, as what is divided by.
fn all(function: &str, window: &str) -> String {
    let least = if function == "increase" { "1" } else { "1e-9" };
    format!("clamp_min(sum({function}({REQUESTS}{{{USERS}}}[{window}])), {least})")
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
