//! `minitwit logs`: what its commands answer over a running service and over the files one left, what they
//! refuse, and with which exit codes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use bytes::Bytes;
use clap::CommandFactory;
use http::header::HOST;
use http_body_util::Full;
use minitwit::client;
use minitwit::commands::Cli;
use rustix::process::Signal;

use crate::harness::{DEADLINE, eventually};
use crate::service::{Service, fails, minitwit, run, succeeds};

/// A command of the logs of a data directory.
fn logs(dir: &Path, args: &[&str]) -> Command {
    let mut command = minitwit();
    command.arg("logs").args(args).arg("--data-dir").arg(dir);
    command
}

async fn get(service: &Service, path: &str) -> u16 {
    let request = http::Request::get(path).header(HOST, "localhost");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    client::send(service.site.unwrap(), request, DEADLINE).await.unwrap().status.as_u16()
}

/// A directory in which a service answered a few requests, and ended.
async fn left_behind() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut service = Service::start(dir.path(), &[]).await;
    for _ in 0..3 {
        assert_eq!(get(&service, "/public").await, 200);
    }
    assert_eq!(get(&service, "/nobody").await, 404);
    service.signal(Signal::TERM);
    assert!(service.ended(DEADLINE).await.success());
    dir
}

/// The first file of this name somewhere below.
fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    let mut entries: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    let file = entries.iter().find(|path| path.is_file() && path.ends_with(name));
    let below = || entries.iter().filter(|path| path.is_dir()).find_map(|path| find(path, name));
    file.cloned().or_else(below)
}

#[tokio::test]
async fn every_command_explains_itself_and_its_arguments() {
    let cli = Cli::command();
    let all = cli.find_subcommand("logs").unwrap();
    let names: Vec<_> =
        all.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    assert_eq!(names, ["search", "tail", "export", "stats", "levels", "verify", "reindex"]);
    for command in all.get_subcommands() {
        assert!(command.get_about().is_some(), "{} says not what it does", command.get_name());
        for argument in command.get_arguments().filter(|arg| arg.get_id() != "format") {
            let name = argument.get_id();
            assert!(argument.get_help().is_some(), "{name} of {}", command.get_name());
        }
        let mut help = minitwit();
        help.args(["logs", command.get_name(), "--help"]);
        let help = succeeds(help).await;
        assert!(help.contains("Usage: minitwit logs") && help.contains("--data-dir"), "{help}");
    }
}

#[tokio::test]
async fn wrong_arguments_are_named_with_what_would_do() {
    for (words, setting, accepts) in [
        ("search --last soon", "--last", "300ms, 30s, 12h or 7d"),
        ("search --from someday", "--from", "yesterday"),
        ("search -n 0", "--limit", "greater than 0"),
        ("search --last 1h --from 2026-01-01T00:00:00Z", "--last", "--from"),
        ("search --format xml", "--format", "pretty, ndjson, csv"),
        ("export --limit 3", "--limit", "unexpected"),
        ("search -n many", "--limit", "many"),
        ("levels --for 5m", "LEVELS", "required"),
        ("dig", "dig", "unrecognized"),
    ] {
        let mut command = minitwit();
        command.arg("logs").args(words.split(' '));
        let output = run(command, "").await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {text}");
        assert!(text.contains(setting) && text.contains(accepts), "{words}: {text}");
    }
}

#[tokio::test]
async fn where_there_are_no_logs_each_command_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&["search"][..], &["tail"], &["export"], &["stats"], &["verify"], &["reindex"]] {
        let error = fails(logs(dir.path(), args)).await;
        assert!(error.contains("no logs found in"), "{args:?}: {error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "looking leaves nothing behind");
}

#[tokio::test]
async fn a_running_service_is_searched_exported_watched_and_told_about() {
    let dir = tempfile::tempdir().unwrap();
    let service = Service::start(dir.path(), &[]).await;
    assert_eq!(get(&service, "/public").await, 200);
    assert_eq!(get(&service, "/nobody").await, 404);
    let at = dir.path();

    let query = "status:200 route:/public OR status:404";
    eventually("both requests are found", async || {
        succeeds(logs(at, &["search", query])).await.lines().count() == 2
    })
    .await;
    let words: Vec<_> = ["search"].into_iter().chain(query.split(' ')).collect();
    assert_eq!(succeeds(logs(at, &words)).await.lines().count(), 2, "words need no quotes");
    let since = ["search", query, "--from", "10 min ago", "--format", "pretty"];
    let lines = succeeds(logs(at, &since)).await;
    let shown =
        lines.lines().filter(|line| line.contains(" GET /public 200  ") && line.contains(" ms"));
    assert_eq!((shown.count(), lines.lines().count()), (1, 2), "{lines}");
    assert!(!lines.contains("code.callsite") && !lines.contains('\u{1b}'), "{lines}");
    let verbose = succeeds(logs(at, &["search", query, "--format", "pretty", "-v"])).await;
    assert!(verbose.contains("code.callsite=") || verbose.contains("http.route="), "{verbose}");
    let before = ["search", query, "--to", "yesterday", "--last", "1h"];
    let error = run(logs(at, &before), "").await;
    assert_eq!(error.status.code(), Some(2), "a window has one length");
    assert_eq!(succeeds(logs(at, &["search", query, "--to", "yesterday"])).await, "");
    let newest = succeeds(logs(at, &["search", query, "-n", "1", "--format", "ndjson"])).await;
    let record: serde_json::Value = serde_json::from_str(newest.trim_end()).unwrap();
    assert_eq!(record["http.response.status_code"], 404, "{newest}");
    let oldest = succeeds(logs(at, &["search", query, "-n", "1", "--ascending"])).await;
    assert!(serde_json::from_str::<serde_json::Value>(oldest.trim_end()).is_ok(), "{oldest}");
    assert!(oldest.contains("/public") && oldest.lines().count() == 1, "{oldest}");
    let csv = succeeds(logs(at, &["export", query, "--format", "csv"])).await;
    let rows: Vec<_> = csv.lines().collect();
    assert!(rows.len() == 3 && rows[0].starts_with("timestamp,"), "{csv}");

    let odd = run(logs(at, &["search", "statsu:404"]), "").await;
    let said = String::from_utf8(odd.stderr).unwrap();
    assert!(odd.status.success() && said.contains("did you mean"), "{said}");
    assert!(said.contains("no matching records in this window"), "{said}");
    let window = ["search", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"];
    assert!(fails(logs(at, &window)).await.contains("must end after it starts"));

    let stats = succeeds(logs(at, &["stats"])).await;
    for fact in
        ["retention 14 days", "of max. 2048.0 MiB", "not fsynced", " emitted, 0 dropped", "queue"]
    {
        assert!(stats.contains(fact), "{fact} is missing in {stats}");
    }
    let busy = fails(logs(at, &["reindex"])).await;
    assert!(busy.contains("in use") || busy.contains("another"), "{busy}");

    watch(&service, at).await;
}

/// A tail shows what matches and nothing else, and ends with the service.
async fn watch(service: &Service, dir: &Path) {
    let mut command = logs(dir, &["tail", "status:404 route:*", "--format", "ndjson"]);
    let mut tail = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (sender, lines) = channel();
    let shown = BufReader::new(tail.stdout.take().unwrap());
    std::thread::spawn(move || {
        shown.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
    });
    let mut seen = None;
    eventually("the tail shows a record", async || {
        get(service, "/public").await;
        get(service, "/watched").await;
        seen = lines.recv_timeout(Duration::from_millis(100)).ok();
        seen.is_some()
    })
    .await;
    let record: serde_json::Value = serde_json::from_str(&seen.unwrap()).unwrap();
    assert_eq!(record["http.response.status_code"], 404, "{record}");
    service.signal(Signal::TERM);
    let ended = tokio::task::spawn_blocking(move || tail.wait_with_output().unwrap());
    let ended = ended.await.unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.starts_with("minitwit: the service closed the connection"), "{said}");
}

#[tokio::test]
async fn the_files_a_service_left_are_searched_and_told_about_and_nothing_is_removed() {
    let dir = left_behind().await;
    let found = succeeds(logs(dir.path(), &["search", "status:200 route:/public"])).await;
    assert_eq!(found.lines().count(), 3, "{found}");
    let exported = succeeds(logs(dir.path(), &["export"])).await;
    let stats = succeeds(logs(dir.path(), &["stats"])).await;
    let records = format!("{:<18}{}", "records", exported.lines().count());
    assert!(stats.lines().any(|line| line == records), "{records} in {stats}");
    let partition = stats.lines().find(|line| line.starts_with("partition "));
    assert!(partition.is_some_and(|line| line.contains(" records ")), "{stats}");
    assert!(!stats.contains("emitted"), "{stats}");
    let alone = fails(logs(dir.path(), &["tail"])).await;
    assert!(alone.contains("no service is running on"), "{alone}");
}

#[tokio::test]
async fn damage_is_found_by_verifying_and_an_index_is_built_anew() {
    let dir = left_behind().await;
    let exported = succeeds(logs(dir.path(), &["export"])).await;
    let sound = succeeds(logs(dir.path(), &["verify"])).await;
    assert!(sound.contains("write-ahead log") && sound.contains("p-"), "{sound}");

    let index = find(&dir.path().join("logs"), "meta.json").expect("an index");
    fs::write(&index, "{").unwrap();
    let output = run(logs(dir.path(), &["verify"]), "").await;
    let (out, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{out}{error}");
    assert!(out.contains("damaged: ") && error.contains("log files are damaged"), "{out}{error}");

    let built = succeeds(logs(dir.path(), &["reindex"])).await;
    assert!(built.contains("p-") && built.contains(" records"), "{built}");
    succeeds(logs(dir.path(), &["verify"])).await;
    assert_eq!(succeeds(logs(dir.path(), &["export"])).await, exported, "no record is lost");
}
