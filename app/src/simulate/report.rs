//! What came of a simulation: requests, errors by kind, latencies; as a table or as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::latency::Latencies;
use super::scenario::Action;
use super::target::Outcome;

/// Percentiles that are shown.
const PERCENTILES: [u8; 3] = [50, 95, 99];

/// The tally of a simulation.
#[derive(Clone, Debug, Default)]
pub struct Report {
    actions: BTreeMap<Action, Latencies>,
    errors: BTreeMap<(Action, Outcome), u64>,
    elapsed: Duration,
}

impl Report {
    /// Adds a command; returns whether it succeeded.
    pub fn add(&mut self, action: Action, outcome: &Outcome, latency: Duration) -> bool {
        self.actions.entry(action).or_default().record(latency);
        let is_right = matches!(outcome, Outcome::Status(status) if action.accepts(*status));
        if !is_right {
            *self.errors.entry((action, outcome.clone())).or_default() += 1;
        }
        is_right
    }

    /// Number of commands so far.
    pub fn requests(&self) -> u64 {
        self.actions.values().map(Latencies::count).sum()
    }

    /// Those that went wrong.
    pub fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// Percentile over all actions.
    pub fn percentile(&self, percent: u8) -> Duration {
        self.all().percentile(percent)
    }

    /// The time from first to last command.
    pub fn took(&mut self, elapsed: Duration) {
        self.elapsed = elapsed;
    }

    fn all(&self) -> Latencies {
        let mut all = Latencies::default();
        self.actions.values().for_each(|latencies| all.merge(latencies));
        all
    }

    fn errors_of(&self, action: Action) -> u64 {
        let of_action = self.errors.iter().filter(|((of, _), _)| *of == action);
        of_action.map(|(_, count)| count).sum()
    }

    fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let requests = self.requests() as f64;
        requests / self.elapsed.as_secs_f64().max(1e-6)
    }

    /// The report as JSON; latencies in milliseconds.
    pub fn to_json(&self) -> serde_json::Value {
        let row = |latencies: &Latencies, errors| {
            let [p50, p95, p99] = PERCENTILES.map(|percent| millis(latencies.percentile(percent)));
            json!({"requests": latencies.count(), "errors": errors, "p50_ms": p50, "p95_ms": p95,
                "p99_ms": p99, "max_ms": millis(latencies.max())})
        };
        let actions = self.actions.iter().map(|(action, latencies)| {
            (action.name().to_owned(), row(latencies, self.errors_of(*action)))
        });
        let errors = self.errors.iter().map(|((action, outcome), count)| {
            json!({"action": action.name(), "kind": outcome.to_string(), "count": count})
        });
        json!({
            "seconds": self.elapsed.as_secs_f64(),
            "requests_per_second": self.rate(),
            "all": row(&self.all(), self.errors()),
            "actions": actions.collect::<serde_json::Map<_, _>>(),
            "errors": errors.collect::<Vec<_>>(),
        })
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "status {status}"),
            Self::Failed(kind) => formatter.write_str(kind),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed.as_secs_f64();
        let (requests, rate) = (self.requests(), self.rate());
        writeln!(out, "{requests} commands in {seconds:.1} s, {rate:.0}/s\n")?;
        writeln!(out, "action    requests  errors   p50 ms   p95 ms   p99 ms   max ms")?;
        for action in Action::ALL {
            if let Some(latencies) = self.actions.get(&action) {
                write_row(out, action.name(), latencies, self.errors_of(action))?;
            }
        }
        write_row(out, "all", &self.all(), self.errors())?;
        if self.errors.is_empty() {
            return out.write_str("\nno errors\n");
        }
        out.write_str("\nerrors\n")?;
        self.errors.iter().try_for_each(|((action, outcome), count)| {
            writeln!(out, "{count:>8}  {:<8}  {outcome}", action.name())
        })
    }
}

fn write_row(
    out: &mut fmt::Formatter<'_>,
    name: &str,
    latencies: &Latencies,
    errors: u64,
) -> fmt::Result {
    write!(out, "{name:<8} {:>9} {errors:>7}", latencies.count())?;
    for percent in PERCENTILES {
        write!(out, " {:>8.1}", millis(latencies.percentile(percent)))?;
    }
    writeln!(out, " {:>8.1}", millis(latencies.max()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_of_somebody_known_is_right_and_a_tweet_with_200_is_not() {
        let mut report = Report::default();
        let millisecond = Duration::from_millis(1);
        assert!(report.add(Action::Register, &Outcome::Status(400), millisecond));
        assert!(report.add(Action::Tweet, &Outcome::Status(204), millisecond));
        assert!(!report.add(Action::Tweet, &Outcome::Status(200), millisecond));
        assert!(!report.add(Action::Unfollow, &Outcome::Failed("read timeout"), millisecond));
        assert_eq!((report.requests(), report.errors()), (4, 2));
        report.took(Duration::from_secs(2));
        let json = report.to_json();
        assert_eq!(json["all"]["errors"], 2);
        assert_eq!(json["actions"]["tweet"]["requests"], 2);
        assert_eq!(json["errors"][1]["kind"], "read timeout");
        let text = report.to_string();
        assert!(text.contains("       1  tweet     status 200\n"), "{text}");
        assert!(text.starts_with("4 commands in 2.0 s, 2/s\n"), "{text}");
    }
}
