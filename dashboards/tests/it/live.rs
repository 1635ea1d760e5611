//! The catalogue against the running service: everything declared is exposed, as what it was declared, and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use admin::exposition::{Sample, parse};
use logsearch::metrics::Kind;
use provisioning::dashboards::build::PAGES;
use provisioning::metrics_page::{VALUES, metrics};

use crate::installed::installed;
use crate::operator::log_in;
use crate::running::{Service, get_as};

/// A service that nobody has used yet exposes at most so many samples; some of them for probes and
/// scrapes, which begin with it.
const FRESH_SAMPLES: usize = 1_600;

/// Exposed only by a service that has an option for it.
const OPTIONAL: &str = "minitwit_certificate_expiry_timestamp_seconds";

/// Names and types of an exposition.
fn types(exposition: &str) -> BTreeMap<&str, &str> {
    let types = exposition.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.filter_map(|line| line.split_once(' ')).collect()
}

#[tokio::test]
async fn what_is_declared_is_exposed_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &[]);
    let declared: BTreeMap<_, _> = metrics()
        .filter(|metric| metric.name != OPTIONAL)
        .map(|metric| {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram(_) => "histogram",
            };
            (metric.name, kind)
        })
        .collect();
    // Totals come from jobs that run at the start.
    let started = Instant::now();
    let mut exposition = service.metrics().await;
    while (types(&exposition) != declared || !differences_of_labels(&exposition).is_empty())
        && started.elapsed() < Duration::from_secs(20)
    {
        tokio::time::sleep(Duration::from_millis(100)).await;
        exposition = service.metrics().await;
    }
    assert_eq!(types(&exposition), declared);
    let read = parse(&exposition);
    assert_eq!(read.bad_lines, 0);
    let samples = read.samples.len();
    assert!(samples <= FRESH_SAMPLES, "a fresh service exposes {samples} samples");
    has_zeros_at_the_start(&exposition);
    assert_eq!(differences_of_labels(&exposition), [""; 0]);
    if installed("promtool").is_some() {
        passes_promtool(&exposition);
    }
}

#[tokio::test]
async fn the_panel_has_every_page_that_dashboards_link_to() {
    let dir = tempfile::tempdir().unwrap();
    let password = "a password of the live service";
    let service = Service::start(dir.path(), &["--admin-password", password]);
    let cookie = log_in(service.ops, password).await;
    for (page, status) in PAGES.iter().map(|page| (*page, 200)).chain([("/admin/nowhere", 404)]) {
        let answer = get_as(&cookie, service.ops, page).await.unwrap();
        assert_eq!(answer.status, status, "{page}");
    }
}

/// `increase` misses the first event of a series that was not there before it.
fn has_zeros_at_the_start(exposition: &str) {
    for zero in [
        r#"minitwit_inserts_total{model="message",surface="api"} 0"#,
        r#"minitwit_logins_total{outcome="bad_password"} 0"#,
        r#"minitwit_simulator_requests_total{action="tweet",outcome="server_error"} 0"#,
        r#"minitwit_http_rejected_total{reason="csrf"} 0"#,
        r#"minitwit_log_events_dropped_total{reason="queue_full"} 0"#,
        r#"minitwit_job_runs_total{job_name="backup",outcome="failure"} 0"#,
        r#"db_pool_timeouts_total{pool="write"} 0"#,
        r#"minitwit_http_responses_total{surface="web",status="404"} 0"#,
        r#"minitwit_http_requests_total{surface="web",http_route="/public",outcome="failed"} 0"#,
        r#"http_server_request_duration_seconds_bucket{surface="api",http_request_method="POST",http_route="/msgs/{username}",http_response_status_code="204",le="0.5"} 0"#,
        r#"db_client_operation_duration_seconds_count{db_system_name="sqlite",db_query_summary="messages.create",error_type=""} 0"#,
        "minitwit_panics_total 0",
        "minitwit_metrics_label_overflow_total 0",
    ] {
        assert!(exposition.lines().any(|line| line == zero), "{zero} is missing");
    }
}

/// Where the values of a label are more or fewer than the page of metrics says.
fn differences_of_labels(exposition: &str) -> Vec<String> {
    let mut differences = Vec::new();
    let read = parse(exposition);
    for (metric, label, values) in VALUES {
        let is_of = |sample: &&Sample<'_>| {
            sample.name.strip_suffix("_count").unwrap_or(sample.name) == metric
        };
        let samples = read.samples.iter().filter(is_of);
        let found: BTreeSet<_> =
            samples.filter_map(|sample| Some(sample.label(label)?.to_owned())).collect();
        let said: BTreeSet<_> = values.iter().map(|value| (*value).to_owned()).collect();
        if found != said {
            differences.push(format!("{label} of {metric}: {found:?}, said {said:?}"));
        }
    }
    differences
}

fn passes_promtool(exposition: &str) {
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(exposition.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}
