//! A service of its own with log search in it: `cargo run -p admin --example mount`, then
//! <http://localhost:7000/ops/logs>, which asks for nothing because the guard here lets everybody in.

use std::time::Duration;

use admin::{Admin, Operator, Role};
use axum::Router;
use axum::routing::get;
use logsearch::{Logs, Options};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (layer, logs) = Logs::start("target/mount-example", Options::default())?;
    tracing_subscriber::registry().with(layer).init();

    let panel = Admin::new(logs.store()).at("/ops").service("greeter", "1.0");
    let guard = async |_| Ok(Operator::new("everybody", Role::Viewer));
    let app = Router::new().route("/", get(greet)).merge(panel.router(guard));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:7000").await?;
    axum::serve(listener, app).with_graceful_shutdown(stopped()).await?;
    logs.shutdown(Duration::from_secs(5));
    Ok(())
}

async fn greet() -> &'static str {
    tracing::info!(http.route = "/", duration_us = 12, "somebody was greeted");
    "hello\n"
}

async fn stopped() {
    // Without signals the service runs until it is killed; what was recorded is on the disk by then.
    let _ = tokio::signal::ctrl_c().await;
}
