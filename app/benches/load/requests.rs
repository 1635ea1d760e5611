//! What single requests cost, and what a simulation leaves in memory.

use std::process::Command;

use crate::service::{Place, Service, get, message, post};

/// Errors of a simulation, and memory after it.
pub fn memory_after_simulation(place: &Place) {
    let service = place.start();
    let mut simulate = Command::new(env!("CARGO_BIN_EXE_minitwit"));
    simulate.args(["simulate", "--no-wait", "--json", "--url"]);
    simulate.arg(format!("http://{}", service.api));
    match std::env::var_os("MINITWIT_SCENARIO") {
        Some(file) => simulate.arg("--file").arg(file),
        None => simulate.args(["--users", "129", "--duration", "20s"]),
    };
    let output = simulate.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let all = &report["all"];
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let errors = all["errors"].as_u64().unwrap() as f64;
    place.row(&format!("errors of {} simulated commands", all["requests"]), errors, "", 0.0);
    place.row("resident memory afterwards", service.memory(), "MB", 60.0);
}

/// CPU of the requests that the course sends most.
pub async fn cpu_per_request(place: &Place) {
    let service = place.start();
    service.register("bench").await;
    for number in 0..100 {
        post(service.api, "/msgs/bench", &message(&format!("message {number}"))).await.unwrap();
    }
    let requests = 1_000;
    let cpu = average(&service, requests, async |_| drop(get(service.site, "/public", "").await));
    place.row("CPU of GET /public", cpu.await, "ms", 1.0);
    let list = "/msgs?no=100";
    let cpu = average(&service, requests, async |_| drop(get(service.api, list, "").await));
    place.row("CPU of GET /msgs?no=100", cpu.await, "ms", 1.0);
    let cpu = average(&service, requests, async |number| {
        let text = message(&format!("measured {number}"));
        assert_eq!(post(service.api, "/msgs/bench", &text).await.unwrap().status, 204);
    });
    place.row("CPU of POST /msgs/<user>", cpu.await, "ms", 1.0);
    let cpu = average(&service, 50, async |number| {
        service.register(&format!("new {number}")).await;
    });
    place.row("CPU of POST /register", cpu.await, "ms", 40.0);
}

/// CPU time of the service per request, in milliseconds. Each has a connection of its own.
async fn average(service: &Service, requests: u32, request: impl AsyncFn(u32)) -> f64 {
    for number in 0..requests / 10 {
        request(number + requests).await;
    }
    let before = service.cpu();
    for number in 0..requests {
        request(number).await;
    }
    service.cpu().saturating_sub(before).as_secs_f64() * 1e3 / f64::from(requests)
}
