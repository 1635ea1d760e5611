//! The metrics that dashboards of the course ask for, at a path of their own. `promtool check metrics`
//! fails for any name with the word `milliseconds`, whatever its type and whether or not it has one, so
//! beside the others it cannot stand; Prometheus scrapes this path too, and keeps that name alone.

use std::fmt::Write;

use logsearch::metrics::Kind;

use crate::metrics::{CPU_LOAD_PERCENT, HTTP_REQUEST_DURATION, HTTP_RESPONSES};

logsearch::catalogue! {
    /// Time to answer a request to the site or the API, in milliseconds.
    REQUEST_DURATION: Histogram("minitwit_request_duration_milliseconds", None,
        [5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0]);
}

/// What of an exposition the course's dashboards ask for, under their names.
pub fn names(exposition: &str) -> String {
    let is_kept = |line: &&str| {
        let name = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        [CPU_LOAD_PERCENT.name, HTTP_RESPONSES.name].iter().any(|kept| name.starts_with(kept))
    };
    let mut text = String::new();
    for line in exposition.lines().filter(is_kept) {
        text.push_str(line);
        text.push('\n');
    }
    duration(exposition, &mut text);
    text
}

/// The durations of all requests of users as one histogram.
fn duration(exposition: &str, text: &mut String) {
    let name = REQUEST_DURATION.name;
    let samples: Vec<_> = exposition.lines().filter_map(sample).collect();
    let sum = |part: &str, le: Option<f64>| {
        let of_part = samples.iter().filter(|sample| sample.part == part);
        let of_bucket = of_part.filter(|sample| le.is_none() || sample.le == le);
        of_bucket.fold(0.0, |sum, sample| sum + sample.value)
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} histogram", REQUEST_DURATION.help);
    if let Kind::Histogram(bounds) = REQUEST_DURATION.kind {
        for bound in bounds {
            let count = sum("bucket", Some(bound / 1000.0));
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}");
        }
    }
    let count = sum("count", None);
    let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}");
    let _ = writeln!(text, "{name}_sum {}\n{name}_count {count}", sum("sum", None) * 1000.0);
}

/// One line of the histogram of requests.
struct Sample<'a> {
    part: &'a str,
    le: Option<f64>,
    value: f64,
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let rest = line.strip_prefix(HTTP_REQUEST_DURATION.name)?.strip_prefix('_')?;
    let (part, rest) = rest.split_once('{')?;
    let (labels, value) = rest.rsplit_once("} ")?;
    if labels.contains("surface=\"ops\"") {
        return None;
    }
    let le = labels.split_once("le=\"").and_then(|(_, le)| le.split('"').next()?.parse().ok());
    Some(Sample { part, le, value: value.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_all_routes_are_one_histogram_in_milliseconds() {
        let mut text = String::from("# TYPE minitwit_cpu_load_percent gauge\nother 1\n");
        for (surface, route) in [("web", "/"), ("api", "/msgs"), ("ops", "/metrics")] {
            let labels = format!("surface=\"{surface}\",http_route=\"{route}\"");
            let name = HTTP_REQUEST_DURATION.name;
            writeln!(text, "{name}_bucket{{{labels},le=\"0.025\"}} 2").unwrap();
            writeln!(text, "{name}_bucket{{{labels},le=\"+Inf\"}} 3").unwrap();
            writeln!(text, "{name}_sum{{{labels}}} 0.25\n{name}_count{{{labels}}} 3").unwrap();
        }
        let text = names(&text);
        assert!(text.starts_with("# TYPE minitwit_cpu_load_percent gauge\n# HELP"), "{text}");
        for line in ["bucket{le=\"5\"} 0", "bucket{le=\"25\"} 4", "sum 500", "count 6"] {
            let line = format!("minitwit_request_duration_milliseconds_{line}\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(!text.contains("other"));
    }
}
