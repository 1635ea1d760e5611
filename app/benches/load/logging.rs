//! What the log index costs a service that has no core to spare: the same requests with every record in
//! the index, as it is by default, and with `--log-index off`, which records nothing there. Everything
//! else stays: lines on standard error, metrics, ops listener.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::service::{Place, Service, get, message, post};

const CLIENTS: u32 = 16;
const ROUNDS: usize = 6;
/// Longer than the time after which records are brought into the index, so that each has some of it.
const LASTING: Duration = Duration::from_secs(11);
const WARMING: Duration = Duration::from_secs(1);
/// The least share of requests a second that is left, and the same as CPU of a request.
const BAR: f64 = 0.85;

/// What a service did while it was saturated.
struct Work {
    requests_per_second: f64,
    /// Milliseconds, with all that is left to do when the last request is answered.
    cpu_per_request: f64,
    /// MB after the last request.
    memory: f64,
}

/// Requests a second and CPU of a request with the index, to those without it. Rounds of both take turns
/// and neither is always the second, so that whatever else the machine does meets both alike.
pub async fn on_against_off(place: &Place) {
    let (mut throughput, mut cpu, mut memory) = (Vec::new(), Vec::new(), 0.0_f64);
    for round in 0..ROUNDS {
        let (on, off) = if round % 2 == 0 {
            let off = saturated(place, &["--log-index", "off"]).await;
            (saturated(place, &[]).await, off)
        } else {
            let on = saturated(place, &[]).await;
            (on, saturated(place, &["--log-index", "off"]).await)
        };
        eprintln!("off {off}, on {on}");
        throughput.push(on.requests_per_second / off.requests_per_second);
        cpu.push(off.cpu_per_request / on.cpu_per_request);
        memory = memory.max(on.memory);
    }
    let name = |figure: &str| format!("{figure} with the log index, to that without");
    place.row_at_least(&name("requests a second"), median(throughput), "times", BAR);
    place.row_at_least(&name("requests a second of CPU"), median(cpu), "times", BAR);
    place.row("resident memory after a busy round", memory, "MB", 128.0);
}

impl std::fmt::Display for Work {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { requests_per_second, cpu_per_request, memory } = self;
        write!(formatter, "{requests_per_second:.0}/s {cpu_per_request:.3} ms {memory:.0} MB")
    }
}

fn median(mut ratios: Vec<f64>) -> f64 {
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.len() / 2;
    f64::midpoint(ratios[middle], ratios[(ratios.len() - 1) / 2])
}

/// Many clients at once, who read and write by turns.
async fn saturated(place: &Place, args: &[&str]) -> Work {
    let service = place.start_with(args);
    service.register("writer").await;
    keep_asking(&service, WARMING).await;
    let (cpu, started) = (service.cpu(), Instant::now());
    let requests = keep_asking(&service, LASTING).await;
    let requests_per_second = f64::from(requests) / started.elapsed().as_secs_f64();
    let memory = service.memory();
    // Records that wait for the index now cost their CPU at the end.
    let cpu = service.stop().await.saturating_sub(cpu);
    let cpu_per_request = cpu.as_secs_f64() * 1e3 / f64::from(requests);
    Work { requests_per_second, cpu_per_request, memory }
}

/// The number of requests that were answered.
async fn keep_asking(service: &Service, time: Duration) -> u32 {
    let (site, api, end) = (service.site, service.api, Instant::now() + time);
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(async move {
            let mut answered = 0_u32;
            while Instant::now() < end {
                if answered.is_multiple_of(2) {
                    get(site, "/public", "").await;
                } else {
                    let text = message(&answered.to_string());
                    assert_eq!(post(api, "/msgs/writer", &text).await.unwrap().status, 204);
                }
                answered += 1;
            }
            answered
        });
    }
    clients.join_all().await.iter().sum()
}
