//! Faults in the running service, seen by a real Prometheus and told by a real Alertmanager: a healthy
//! service fires the watchdog alone, each fault fires its alert and nothing that is not explained, and
//! everything ends when the fault does. Last, the notification stands in the panel.
//!
//! A binary of its own that runs by name alone, because nothing else may run beside it and it takes
//! minutes: `cargo test --workspace --features minitwit/chaos --test chaos`. It builds the service with
//! the feature `chaos` from what the other tests have compiled already. Rules run at a sixtieth of their
//! time.
//!
//! The other test of it rehearses one outage from its beginning to after its end: at each moment the
//! metrics, the alerts and the panel say what is true. `MINITWIT_OUTAGE_FULL=1` runs it at full length.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod excluded_alerts;
mod gate;
#[path = "../../../admin/tests/support/html.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod html;
#[path = "../support/installed.rs"]
mod installed;
mod load;
#[path = "../support/operator.rs"]
mod operator;
mod outage;
mod programs;
mod rounds;
mod rules;
