//! `minitwit panel`: the panel over the logs of a data directory, whoever owns it, and nothing else. For a
//! service that crashed, was stopped, or left a copy of its directory.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use clap::Args as ClapArgs;
use http::StatusCode;
use http::header::HOST;
use http::uri::Authority;
use tokio_util::sync::CancellationToken;

use super::logs::open_files;
use super::out::say;
use crate::build;
use crate::config::parse_address;
use crate::listen::Listener;

/// Where the panel is mounted.
const PANEL: &str = "/admin";

/// Arguments of `minitwit panel`.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args {
    /// Data directory of a service that runs, was stopped or crashed, or a copy of one; it is not changed
    #[arg(long, env = "MINITWIT_DATA_DIR", default_value = "data", value_name = "DIR")]
    data_dir: PathBuf,
    /// Loopback address of the panel, which asks for no password
    #[arg(long, default_value = "127.0.0.1:5003", value_name = "ADDRESS", value_parser = parse_address)]
    ops: SocketAddr,
}

/// Serves the panel until the process is ended.
pub async fn serve(args: &Args) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.ops.ip().is_loopback(),
        "{} is no loopback address (--ops); this panel asks for no password",
        args.ops
    );
    let store = Arc::new(open_files(&args.data_dir)?);
    let disk = Arc::clone(&store);
    let pages = admin::Admin::new(store)
        .at(PANEL)
        .service("MiniTwit", env!("CARGO_PKG_VERSION"))
        .disk_status(move || disk.disk_status())
        .traffic_filter("-fields.surface:ops")
        .build_info("data directory", args.data_dir.display().to_string())
        .build_info("revision of this program", build::REVISION)
        .router(async |_| Ok(admin::Operator::new("read-only", admin::Role::Viewer)));
    let router = Router::new()
        .merge(pages)
        .route("/", get(async || Redirect::to(PANEL)))
        .layer(from_fn(for_this_machine));
    let listener = Listener::bind("ops", args.ops, router).await?;
    say(&format!("panel of {} at http://{}{PANEL}", args.data_dir.display(), listener.address))?;
    listener.serve(CancellationToken::new(), std::time::Duration::ZERO).await;
    Ok(())
}

/// Rejects requests by a name: a page elsewhere could have a name of its own lead here.
async fn for_this_machine(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let is_ours = host.is_none_or(is_loopback);
    if is_ours {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "open the panel by its loopback address\n")
            .into_response()
    }
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for host in ["127.0.0.1:5003", "localhost", "[::1]:5003", "127.8.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["evil.test", "localhost.evil.test:5003", "10.0.0.1", "", "a b"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
