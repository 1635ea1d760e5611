//! A start while the database is away: the process lives, says so on every listener, and serves when the database
//! is there.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::process::{Child, Stdio};

use bytes::Bytes;
use http::header::{ACCEPT, HOST};
use http_body_util::Full;
use minitwit::client;

use crate::harness::{DEADLINE, eventually};
use crate::postgres;
use crate::service::{minitwit, succeeds};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let killed = self.0.kill().and_then(|()| self.0.wait());
        assert!(killed.is_ok() || std::thread::panicking());
    }
}

async fn get(address: SocketAddr, path: &str) -> Option<client::Answer> {
    let request = http::Request::get(path).header(HOST, "localhost").header(ACCEPT, "text/html");
    client::send(address, request.body(Full::<Bytes>::default()).unwrap(), DEADLINE).await.ok()
}

async fn is(address: SocketAddr, path: &str, status: u16) -> bool {
    get(address, path).await.is_some_and(|answer| answer.status.as_u16() == status)
}

#[tokio::test]
async fn a_start_without_the_database_waits_and_says_so() {
    let Some(cluster) = postgres::shared() else { return };
    let database = cluster.create_database();
    let dir = tempfile::tempdir().unwrap();
    // The server's sockets are not where they should be until a link leads there.
    let sockets = dir.path().join("sockets");
    let url = database.url();
    let (start, real) = url.rsplit_once("host=").unwrap();
    let free = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let [site, api, ops] = free.map(|listener| listener.local_addr().unwrap());

    let mut command = minitwit();
    command.env("MINITWIT_DATABASE_URL", format!("{start}host={}", sockets.display()));
    command.arg("--data-dir").arg(dir.path().join("data"));
    for (flag, address) in [("--site", site), ("--api", api), ("--ops", ops)] {
        command.arg(flag).arg(address.to_string());
    }
    let _running = Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());

    eventually("it lives", async || is(ops, "/livez", 200).await).await;
    assert!(is(ops, "/readyz", 503).await);
    let mut healthy = minitwit();
    healthy.arg("healthcheck");
    for (flag, address) in [("--site", site), ("--api", api), ("--ops", ops)] {
        healthy.arg(flag).arg(address.to_string());
    }
    let healthy = succeeds(healthy).await;
    assert_eq!(healthy, "ok; database reads failing: connection refused\n");
    assert!(is(ops, "/admin/login", 200).await, "the panel is there");
    for (address, path, kind) in [(site, "/public", "<!doctype html>"), (api, "/latest", "{")] {
        let answer = get(address, path).await.unwrap();
        assert_eq!(answer.status.as_u16(), 503, "{path}");
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(body.starts_with(kind) && body.contains("waiting for its database"), "{body}");
    }

    symlink(real, &sockets).unwrap();
    eventually("it is ready", async || is(ops, "/readyz", 200).await).await;
    eventually("the site is served", async || is(site, "/public", 200).await).await;
}
