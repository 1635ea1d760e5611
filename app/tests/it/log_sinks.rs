//! The sinks of the log on a real process: standard error that nobody reads, lines of bounded length, secrets
//! that reach none of them, and the logs of a process that was killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::HOST;
use http_body_util::Full;
use minitwit::client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::harness::{DEADLINE, SIMULATOR, eventually, raw};
use crate::service::{Service, fails, minitwit, run, succeeds};

/// A secret that no record may have.
const CANARY: &str = "c4n4ry7f3e9";

/// A process that is killed when a test fails.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _may_have_ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn logs(dir: &Path, args: &[&str]) -> Command {
    let mut command = minitwit();
    command.arg("logs").args(args).arg("--data-dir").arg(dir);
    command
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let request = http::Request::get(path).header(HOST, "localhost");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let answer = client::send(address, request, DEADLINE).await.unwrap();
    (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
}

/// Starts the service and stops reading its standard error once its listeners are open; the pipe stays.
fn unread(dir: &Path) -> (Killed, impl BufRead, SocketAddr) {
    let mut command = minitwit();
    command.args(["--site", "127.0.0.1:0", "--api", "127.0.0.1:0", "--ops", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(dir).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let (mut site, mut line) = (None, String::new());
    loop {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended");
        let Ok(record) = serde_json::from_str::<Value>(&line) else { continue };
        let address = || record["listener.address"].as_str().unwrap().parse().unwrap();
        match record["listener.name"].as_str() {
            Some("site") => site = Some(address()),
            Some("ops") => return (Killed(child), lines, site.unwrap()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_standard_error_that_nobody_reads_stops_neither_requests_nor_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (mut service, _pipe, site) = unread(dir.path());
    for _ in 0..600 {
        assert_eq!(get(site, "/public").await.0, 200);
    }
    kill_process(Pid::from_child(&service.0), Signal::TERM).unwrap();
    let started = Instant::now();
    eventually("the service has ended", async || service.0.try_wait().unwrap().is_some()).await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert!(service.0.wait().unwrap().success());
    let found = succeeds(logs(dir.path(), &["search", "\"written to standard error\""])).await;
    assert!(found.contains("\"log.lost\":"), "{found}");
    let found = succeeds(logs(dir.path(), &["export", "route:/public", "--last", "1h"])).await;
    assert!(found.lines().count() >= 600, "the index has every request");
}

#[tokio::test]
async fn every_line_is_valid_short_and_has_the_path_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(dir.path(), &[]).await;
    let path = format!("/{}", "long-path".repeat(2_000));
    let _status = get(service.site.unwrap(), &path).await;
    let mut long = None;
    eventually("the line of the request", async || {
        long = service.said().lines().find(|line| line.contains("long-path")).map(str::to_owned);
        long.is_some()
    })
    .await;
    let long = long.unwrap();
    let record: Value = serde_json::from_str(&long).unwrap();
    assert!(long.len() < 16_384 && record["log.truncated"] == true, "{} bytes", long.len());
    assert_eq!(long.matches("\"/long-path").count(), 1, "{long}");
    for line in service.said().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert!(record["timestamp"].is_string() && record["level"].is_string(), "{line}");
        assert!(record["message"].is_string() && record["target"].is_string(), "{line}");
    }
}

/// Requests with the secret in every place a client can put one.
fn places() -> Vec<String> {
    let names = ["password", "token", "sid", "api_key", "session", "secret", "csrf_token", "pwd"];
    let mut places = Vec::new();
    for name in names {
        places.push(format!("GET /public?{name}={CANARY} HTTP/1.1\r\n\r\n"));
        places.push(format!("GET /{name}={CANARY} HTTP/1.1\r\n\r\n"));
        places.push(format!("GET /public HTTP/1.1\r\nReferer: http://h/?{name}={CANARY}\r\n\r\n"));
        places.push(format!("GET /public HTTP/1.1\r\nUser-Agent: x {name}={CANARY}\r\n\r\n"));
    }
    let header = |header: &str| format!("GET /public HTTP/1.1\r\n{header}\r\n\r\n");
    places.extend([
        header(&format!("Authorization: Bearer {CANARY}")),
        header(&format!("Authorization: Basic {CANARY}==")),
        header(&format!("Cookie: session={CANARY}; other={CANARY}")),
        header(&format!("Referer: http://user:{CANARY}@host/")),
        header(&format!("X-Api-Key: {CANARY}")),
        header(&format!("User-Agent: curl Bearer {CANARY}1")),
        header(&format!("Proxy-Authorization: Basic {CANARY}")),
    ]);
    let post = |path: &str, kind: &str, body: String| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let form = "application/x-www-form-urlencoded";
    places.extend([
        post("/login", form, format!("username=nobody&password={CANARY}")),
        post("/register", form, format!("username=&email=a@b&password={CANARY}&password2=x")),
        post(
            "/register",
            form,
            format!("username=a&email=bad&password={CANARY}&password2={CANARY}"),
        ),
    ]);
    places
}

/// Every file below that has the secret.
fn holders(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holders(&path));
        } else if let Ok(bytes) = fs::read(&path)
            && bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn a_secret_in_forty_places_reaches_no_sink() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("text.log");
    let args = ["--log-file", file.to_str().unwrap(), "--log-index", "debug", "--log", "debug"];
    let mut service = Service::start(dir.path(), &args).await;
    let places = places();
    assert!(places.len() >= 40, "{}", places.len());
    for place in &places {
        let request = place.replacen("\r\n", "\r\nHost: localhost\r\nConnection: close\r\n", 1);
        // The headers of one request in 64 are kept.
        let times = if place.starts_with("GET /public HTTP") { 65 } else { 1 };
        for _ in 0..times {
            raw(service.site.unwrap(), request.as_bytes()).await;
        }
    }
    let body = format!("{{\"username\":\"a\",\"email\":\"bad\",\"pwd\":\"{CANARY}\"}}");
    let request = format!(
        "POST /register HTTP/1.1\r\nHost: localhost\r\nAuthorization: {SIMULATOR}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    raw(service.api(), request.as_bytes()).await;
    service.signal(Signal::TERM);
    assert!(service.ended(DEADLINE).await.success());
    let said = service.said();
    assert!(said.contains("[redacted]"), "nothing was redacted");
    let line = said.lines().find(|line| line.contains(CANARY));
    assert!(line.is_none(), "{line:?}");
    // Rows are compressed, so that files alone prove nothing.
    let exported = succeeds(logs(dir.path(), &["export"])).await;
    let line = exported.lines().find(|line| line.contains(CANARY));
    assert!(line.is_none() && exported.lines().count() > places.len(), "{line:?}");
    assert_eq!(holders(dir.path()), Vec::<String>::new());
}

#[tokio::test]
async fn start_up_errors_tell_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    for (name, value) in [
        ("MINITWIT_DATABASE_URL", format!("mysql://user:{CANARY}@host/name")),
        (
            "MINITWIT_DATABASE_URL",
            format!("postgres://user:{CANARY}@127.0.0.1:1/name?bad={CANARY}"),
        ),
        ("MINITWIT_SIMULATOR_AUTH", CANARY.to_owned()),
    ] {
        let mut command = minitwit();
        command.env(name, &value).arg("migrate").arg("--data-dir").arg(dir.path());
        if name != "MINITWIT_DATABASE_URL" {
            command = minitwit();
            let port = "127.0.0.1:0";
            command.env(name, &value).args(["--site", port, "--api", port, "--ops", port]);
            command.arg("--data-dir").arg(dir.path());
        }
        let output = run(command, "").await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{name}: {text}");
        assert!(!text.contains(CANARY), "{name}: {text}");
    }
}

#[tokio::test]
async fn a_command_right_after_a_request_finds_its_record() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &[]).await;
    let mut late = 0;
    for number in 0..20 {
        assert_eq!(get(service.site.unwrap(), &format!("/own-{number}")).await.0, 404);
        let path = format!("path:/own-{number}");
        late += 1 - succeeds(logs(dir.path(), &["search", &path])).await.lines().count();
    }
    // The wait is bounded, and a machine may be too busy to run the thread that writes for so long.
    assert!(late <= 1, "{late} of 20 were not there");
}

/// Starts the panel over the logs of a directory; where it is.
fn panel(dir: &Path) -> (Killed, SocketAddr) {
    let mut command = minitwit();
    command.args(["panel", "--ops", "127.0.0.1:0", "--data-dir"]).arg(dir);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.split_once("http://").and_then(|(_, url)| url.split_once('/'));
    let address = address.unwrap_or_else(|| panic!("{line}")).0.parse().unwrap();
    (Killed(child), address)
}

#[tokio::test]
async fn a_killed_service_is_read_by_commands_and_the_panel_and_starts_again() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &[]).await;
    for number in 0..30 {
        assert_eq!(get(service.site.unwrap(), &format!("/before-{number}")).await.0, 404);
    }
    let all = ["search", "path:/before-*", "-n", "100"];
    assert_eq!(succeeds(logs(dir.path(), &all)).await.lines().count(), 30);
    // Beside the running service.
    let (beside, address) = panel(dir.path());
    assert!(get(address, "/admin/logs?q=path:/before-29").await.1.contains("/before-29"));
    drop(beside);
    service.kill();

    assert_eq!(succeeds(logs(dir.path(), &all)).await.lines().count(), 30);
    let export = succeeds(logs(dir.path(), &["export", "path:/before-*"])).await;
    assert_eq!(export.lines().count(), 30);
    assert!(succeeds(logs(dir.path(), &["stats"])).await.contains("records"));
    let (_panel, address) = panel(dir.path());
    for path in [
        "",
        "/logs",
        "/logs/patterns",
        "/requests",
        "/requests/sql",
        "/errors",
        "/compare",
        "/system",
    ] {
        let (status, page) = get(address, &format!("/admin{path}")).await;
        assert_eq!(status, 200, "{path}: {page}");
    }
    assert!(get(address, "/admin/logs?q=path:/before-0").await.1.contains("/before-0"));
    let again = Service::start(dir.path(), &[]).await;
    assert_eq!(succeeds(logs(dir.path(), &all)).await.lines().count(), 30);
    drop(again);
}

#[tokio::test]
async fn the_panel_of_files_is_for_this_machine_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = minitwit();
    command.args(["panel", "--ops", "0.0.0.0:0", "--data-dir"]).arg(dir.path());
    assert!(fails(command).await.contains("no loopback address"));
    let mut command = minitwit();
    command.args(["panel", "--ops", "127.0.0.1:0", "--data-dir"]).arg(dir.path());
    assert!(fails(command).await.contains("no logs found in"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "looking leaves nothing behind");
}

#[tokio::test]
async fn levels_that_would_do_nothing_are_refused_everywhere() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &[]).await;
    for levels in
        ["info,[http.server.request]=debug", "*=debug", "info;minitwit=debug", "minitwit:db=debug"]
    {
        let error = fails(logs(dir.path(), &["levels", levels])).await;
        assert!(error.contains("`target=level`"), "{error}");
        for flag in ["--log", "--log-index"] {
            let mut command = minitwit();
            command.args([flag, levels]);
            let output = run(command, "").await;
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{text}");
            assert!(text.contains("`target=level`"), "{text}");
        }
    }
    let changed = succeeds(logs(dir.path(), &["levels", "info,minitwit::db=debug"])).await;
    assert_eq!(changed.trim(), "info,minitwit::db=debug");
    drop(service);
}

#[tokio::test]
async fn nothing_misplaced_in_the_data_directory_stops_the_service() {
    for (place, is_directory) in
        [("logs", false), ("logs/index", false), ("logs/wal", false), ("alert-token", true)]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(place);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if is_directory {
            fs::create_dir(&path).unwrap();
        } else {
            fs::write(&path, "").unwrap();
        }
        let mut service = Service::start(dir.path(), &[]).await;
        assert_eq!(get(service.site.unwrap(), "/public").await.0, 200);
        if !is_directory {
            let stats = succeeds(logs(dir.path(), &["stats"])).await;
            assert!(stats.contains("notice"), "{place}: {stats}");
        }
        service.signal(Signal::TERM);
        assert!(service.ended(DEADLINE).await.success(), "{place}");
    }
}
