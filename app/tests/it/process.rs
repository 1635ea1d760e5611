//! The service as a process: how it starts, refuses to start, serves bad clients, and ends.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use minitwit::client;
use minitwit::db::{DatabaseUrl, Db, PoolSizes};
use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

use crate::harness::{DEADLINE, eventually};
use crate::service::{Service, fails, minitwit, post, succeeds};

/// Supervisors kill what does not end in this time.
const STOP: Duration = Duration::from_secs(10);

/// A request whose body has not come whole, so that it keeps running.
async fn unfinished_request(api: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(api).await.unwrap();
    let head =
        "POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 52\r\n\r\n{\"username\":\"slow\",";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_signal_drains_what_runs_and_then_ends_with_success() {
    for signal in [Signal::TERM, Signal::HUP, Signal::QUIT] {
        drains(signal).await;
    }
}

async fn drains(signal: Signal) {
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(dir.path(), &[]).await;
    // Answered, so the next connection is accepted too.
    assert_eq!(post(service.api(), "/register", json!({})).await.unwrap(), 400);
    let mut running = unfinished_request(service.api()).await;
    assert_eq!(post(service.api(), "/register", json!({})).await.unwrap(), 400);

    service.signal(signal);
    let started = Instant::now();
    eventually("readiness is refused", async || service.readiness().await == Some(503)).await;
    eventually("nobody is let in any more", async || {
        TcpStream::connect(service.api()).await.is_err()
    })
    .await;
    running.write_all(b"\"email\":\"a@b\",\"pwd\":\"password\"  }").await.unwrap();
    let mut answer = String::new();
    running.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let status = service.ended(STOP.saturating_sub(started.elapsed())).await;
    assert!(status.success(), "{status}");
    assert!(service.said().contains("\"stopped\""), "{}", service.said());
}

const MEANINGLESS: [Signal; 7] = [
    Signal::USR1,
    Signal::USR2,
    Signal::ALARM,
    Signal::VTALARM,
    Signal::PROF,
    Signal::IO,
    Signal::XFSZ,
];

#[tokio::test]
async fn signals_that_mean_nothing_here_end_neither_the_service_nor_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(dir.path(), &[]).await;
    let mut tail = minitwit();
    tail.args(["logs", "tail", "--data-dir"]).arg(dir.path()).stdout(std::process::Stdio::null());
    let mut tail = tail.spawn().unwrap();
    let of_tail = Pid::from_child(&tail);
    eventually("the command watches for signals", async || watches(tail.id())).await;
    for signal in MEANINGLESS {
        service.signal(signal);
        kill_process(of_tail, signal).unwrap();
        assert_eq!(post(service.api(), "/register", json!({})).await.unwrap(), 400, "{signal:?}");
    }
    kill_process(of_tail, Signal::HUP).unwrap();
    let mut ended = None;
    eventually("the command ends", async || {
        ended = tail.try_wait().unwrap();
        ended.is_some()
    })
    .await;
    assert_eq!(ended.unwrap().code(), Some(129));
    assert!(!service.said().contains("stopping"), "{}", service.said());
}

/// Whether a process has a handler for the last of the signals.
fn watches(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
    let has = |signal: Signal| caught & (1 << (signal.as_raw() - 1)) != 0;
    MEANINGLESS.into_iter().chain([Signal::HUP, Signal::TERM, Signal::QUIT]).all(has)
}

#[tokio::test]
async fn what_does_not_end_is_cut_off_before_a_supervisor_kills() {
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(dir.path(), &["--shutdown-grace", "500ms"]).await;
    let _running = unfinished_request(service.api()).await;
    assert_eq!(post(service.api(), "/register", json!({})).await.unwrap(), 400);
    service.signal(Signal::INT);
    assert!(service.ended(STOP).await.success());
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(dir.path(), &[]).await;
    let _running = unfinished_request(service.api()).await;
    assert_eq!(post(service.api(), "/register", json!({})).await.unwrap(), 400);
    service.signal(Signal::TERM);
    eventually("readiness is refused", async || service.readiness().await == Some(503)).await;
    service.signal(Signal::TERM);
    assert_eq!(service.ended(Duration::from_secs(3)).await.code(), Some(130));
}

fn serve(dir: &std::path::Path, args: &[&str]) -> std::process::Command {
    let mut command = minitwit();
    let port = "127.0.0.1:0";
    command.args(["--api", port, "--ops", port, "--log-format", "json"]);
    command.arg("--data-dir").arg(dir).args(args);
    command
}

#[tokio::test]
async fn a_busy_port_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let line = fails(serve(dir.path(), &["--site", &address])).await;
    assert!(line.contains(&address) && line.contains("--site"), "{line}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_used_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("data");
    let line = fails(serve(&below, &["--site", "127.0.0.1:0"])).await;
    assert!(line.contains(below.to_str().unwrap()), "{line}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("minitwit.sqlite");
    let sizes = PoolSizes { sqlite_readers: 1, postgres: 1 };
    let db = Db::open(&DatabaseUrl::Sqlite(path.clone()), sizes).await.unwrap();
    db.migrate().await.unwrap();
    db.close().await;
    crate::backup::pretend_newer(&path).await;
    let line = fails(serve(dir.path(), &["--site", "127.0.0.1:0"])).await;
    assert!(line.contains("schema version 9999") && line.contains("newer version"), "{line}");
}

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let _first = Service::start(dir.path(), &[]).await;
    let line = fails(serve(dir.path(), &["--site", "127.0.0.1:0"])).await;
    assert!(line.contains("another minitwit process is using"), "{line}");
}

#[tokio::test]
async fn a_role_opens_its_listeners_alone() {
    let dir = tempfile::tempdir().unwrap();
    for (role, site, api) in
        [("site", true, false), ("api", false, true), ("ops", false, false), ("all", true, true)]
    {
        let service = Service::start(dir.path(), &["--role", role]).await;
        assert_eq!((service.site.is_some(), service.api.is_some()), (site, api), "{role}");
    }
}

/// Waits until the server has closed, whatever it says before.
async fn closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // A reset is a close as well.
    let _closed = stream.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_all_closed_by_second_seven() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &[]).await;
    let address = service.api();
    let mut connections = JoinSet::new();
    for number in 0..1_000 {
        let text = match number % 4 {
            0 => "",
            1 => "GET /latest HT",
            2 => "GET /latest HTTP/1.1\r\nHost: x\r\nX-Slow: ",
            _ => "GET /latest HTTP/1.1\r\nHost: x\r\n\r\n",
        };
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let opened = Instant::now();
        connections.spawn(async move {
            closed(stream).await;
            opened.elapsed()
        });
    }
    // The service answers others meanwhile.
    assert_eq!(post(address, "/register", json!({})).await.unwrap(), 400);
    let all = tokio::time::timeout(DEADLINE, connections.join_all()).await.unwrap();
    let longest = all.into_iter().max().unwrap();
    assert!(longest < Duration::from_secs(7), "{longest:?}");
}

#[tokio::test]
async fn a_service_out_of_files_recovers_by_itself_and_burns_no_time_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -n 160 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_minitwit")]);
    let mut service = Service::start_command(shell, dir.path(), &[]).await;
    let mut held = Vec::new();
    for _ in 0..200 {
        held.push(TcpStream::connect(service.api()).await.unwrap());
    }
    let mut control = Vec::new();
    for listener in ["api", "control"] {
        let failure = format!("\"listener.name\":\"{listener}\"");
        eventually("accepting fails", async || {
            // The service closes who sends nothing, so that there would be room again.
            held.push(TcpStream::connect(service.api()).await.unwrap());
            control.push(UnixStream::connect(dir.path().join("control.sock")).await.unwrap());
            let said = service.said();
            said.lines().any(|line| line.contains("could not accept") && line.contains(&failure))
        })
        .await;
    }
    let (started, busy) = (Instant::now(), service.cpu_time());
    eventually("a second has passed", async || started.elapsed() > Duration::from_secs(1)).await;
    let (busy, time) = (service.cpu_time().saturating_sub(busy), started.elapsed());
    assert!(busy < time / 2, "{busy:?} of {time:?}");
    drop((held, control));
    assert_eq!(post(service.api(), "/register", json!({})).await.unwrap(), 400);
    // Not ten lines a second, nor one for each connection that ends: a few of each listener.
    assert!(service.said().matches("could not accept").count() < 10, "{}", service.said());
}

#[tokio::test]
async fn a_listener_that_ends_by_itself_ends_the_service_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(dir.path(), &[]).await;
    service.shut_listener(service.api());
    let status = service.ended(STOP).await;
    assert_eq!(status.code(), Some(1), "{status}");
    let said = service.said();
    for line in ["the task api returned", "\"stopped\"", "minitwit: the task api returned"] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
}

#[tokio::test]
async fn what_an_operator_did_is_on_the_disk_before_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let mut command = minitwit();
        command.env("MINITWIT_ADMIN_PASSWORD", "correct horse");
        let service = Service::start_command(command, dir.path(), &[]).await;
        let request = http::Request::post("/admin/login").header("host", "localhost");
        let form = Full::<Bytes>::from("username=admin&password=wrong");
        let answer =
            client::send(service.ops, request.body(form).unwrap(), DEADLINE).await.unwrap();
        assert_eq!(answer.status, 401);
        service.kill();
        let mut search = minitwit();
        search.args(["logs", "search", "action:* user:admin", "--data-dir"]);
        let found = succeeds({
            search.arg(dir.path());
            search
        })
        .await;
        assert_eq!(found.lines().count(), round, "{found}");
    }
}

#[tokio::test]
async fn levels_changed_by_a_command_and_their_end_leave_audit_records() {
    let dir = tempfile::tempdir().unwrap();
    let _service = Service::start(dir.path(), &[]).await;
    let run = async |args: &[&str]| {
        let mut command = minitwit();
        command.arg("logs").args(args).arg("--data-dir").arg(dir.path());
        succeeds(command).await
    };
    run(&["levels", "debug", "--for", "1s"]).await;
    let by = format!("user:\"uid {}\"", rustix::process::getuid().as_raw());
    let set = run(&["search", &format!("action:levels.set {by}")]).await;
    assert!(set.contains("\"logs.levels\":\"debug\""), "{set}");
    eventually("the usual levels hold again, and a record says so", async || {
        let reverted = run(&["search", "action:levels.revert user:system"]).await;
        reverted.contains("restored the configured log levels")
    })
    .await;
}

#[tokio::test]
async fn a_made_up_password_is_in_a_file_and_in_no_log() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(dir.path(), &[]).await;
    let file = dir.path().join("admin-password");
    let password = std::fs::read_to_string(&file).unwrap();
    assert_eq!(password.trim().len(), 16, "{password}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let said = service.said();
    assert!(said.contains("made up a password") && !said.contains(password.trim()), "{said}");
    let is_record = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(said.lines().all(is_record), "{said}");
}
