//! The command line: what it shows, what it refuses, and the commands that use a database.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use admin::Role;
use clap::{Arg, CommandFactory};
use minitwit::auth::{PasswordCheck, Passwords};
use minitwit::commands::Cli;
use minitwit::db::DatabaseUrl;

use crate::harness::{TestApp, on_both_databases};
use crate::service::{fails, minitwit, run, succeeds};

fn command(words: &str) -> Command {
    let mut command = minitwit();
    command.args(words.split_whitespace());
    command
}

/// A command on the database of a test.
fn on(app: &TestApp, words: &str) -> Command {
    let mut command = command(words);
    command.arg("--data-dir").arg(app.dir());
    if let DatabaseUrl::Postgres(url) = app.database_url() {
        // Not an argument: the test would then show it on the machine.
        command.env("MINITWIT_DATABASE_URL", url);
    }
    command
}

#[test]
fn every_setting_has_a_variable_and_a_description() {
    let described = |arg: &Arg| arg.get_help().is_some_and(|help| !help.to_string().is_empty());
    let cli = Cli::command();
    for command in cli.get_subcommands().chain([&cli]) {
        // A one-time look at the logs is no setting.
        if ["logs", "panel"].contains(&command.get_name()) {
            continue;
        }
        for arg in command.get_arguments() {
            let name = arg.get_id().as_str();
            assert!(described(arg), "{name} of {} has no description", command.get_name());
            let is_setting = arg.get_long().is_some() && !["help", "version", "to"].contains(&name);
            let variable = arg.get_env().map(|variable| variable.to_string_lossy().into_owned());
            assert!(
                !is_setting || variable.is_some_and(|name| name.starts_with("MINITWIT_")),
                "{name} of {} has no variable",
                command.get_name()
            );
        }
    }
}

#[test]
fn every_secret_can_stand_in_a_file() {
    let cli = Cli::command();
    let mut secrets = 0;
    for command in cli.get_subcommands().chain([&cli]) {
        for arg in command.get_arguments().filter(|arg| arg.is_hide_env_values_set()) {
            let (flag, variable) = (arg.get_long().unwrap(), arg.get_env().unwrap());
            let file = command.get_arguments().find(|other| {
                other.get_long() == Some(&format!("{flag}-file"))
                    && other.get_env().unwrap().to_str()
                        == Some(&format!("{}_FILE", variable.to_str().unwrap()))
            });
            assert!(file.is_some(), "{flag} of {} has no file", command.get_name());
            secrets += 1;
        }
    }
    assert!(secrets >= 7, "{secrets}");
}

#[tokio::test]
async fn help_without_a_command_shows_commands_and_settings_of_the_service() {
    let help = succeeds(command("--help")).await;
    for word in ["simulate", "restore", "--data-dir", "[env: MINITWIT_SITE=]", "127.0.0.1:5000"] {
        assert!(help.contains(word), "{word} is missing in {help}");
    }
}

#[tokio::test]
async fn a_wrong_value_names_the_setting_and_what_it_accepts() {
    for (words, setting, accepts) in [
        ("--site localhost", "--site", "<ip>:<port>"),
        ("--request-timeout soon", "--request-timeout", "300ms, 30s, 12h or 7d"),
        ("--database-url mysql://x", "--database-url", "sqlite:<path>"),
        ("--trusted-proxies ten", "--trusted-proxies", "10.0.0.0/8"),
        ("--role both", "--role", "all, site, api, ops"),
        ("--sqlite-readers 0", "--sqlite-readers", "1..=64"),
        ("flag 0", "<ID>", "1.."),
        ("simulate --url https://x", "--url", "http://<host>:<port>"),
        ("simulate --rate 0", "--rate", "greater than 0"),
        ("--simulator-auth word", "--simulator-auth", "<user>:<password>"),
        ("--simulator-auth-file /nowhere", "--simulator-auth-file", "could not read the file"),
        ("--log-max-size 5GB", "--log-max-size", "512MiB or 2GiB"),
        ("--log loud", "--log", "loud"),
        ("--backups many", "--backups", "many"),
        ("--min-password 0", "--min-password", "1..=128"),
        ("--gravatar maybe", "--gravatar", "maybe"),
    ] {
        let output = run(command(words), "").await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {text}");
        assert!(text.contains(setting) && text.contains(accepts), "{words}: {text}");
    }
}

#[tokio::test]
async fn variables_of_the_service_do_not_disturb_other_commands() {
    let dir = tempfile::tempdir().unwrap();
    let with_variables = |words: &str| {
        let mut command = command(words);
        command.env("MINITWIT_SITE", "127.0.0.1:0").env("MINITWIT_GRAVATAR", "1");
        command.env("MINITWIT_BACKUPS", "3").env("MINITWIT_DATA_DIR", dir.path());
        command
    };
    assert!(succeeds(with_variables("init")).await.contains("schema version"));
    assert_eq!(succeeds(with_variables("messages")).await, "");
    assert!(fails(with_variables("flag 7")).await.contains("no such message: 7"));
}

#[tokio::test]
async fn a_command_that_needs_a_database_does_not_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut messages = command("messages --data-dir");
    messages.arg(dir.path());
    let line = fails(messages).await;
    assert!(line.contains("no database found") && line.contains("minitwit init"), "{line}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

async fn messages_are_listed_hidden_and_shown(app: TestApp) {
    let author = app.user("A B").await;
    app.message("A B", "first, \"quoted\"").await;
    app.message("A B", "second").await;
    let id = app.state.db.dump_messages(0, 1).await.unwrap()[0].id;
    let listed = |flagged: u8| {
        let next = id + 1;
        format!("{id},{author},\"first, \"\"quoted\"\"\",{flagged}\n{next},{author},second,0\n")
    };
    assert_eq!(succeeds(on(&app, "messages")).await, listed(0));
    let said = succeeds(on(&app, &format!("flag {id}"))).await;
    assert_eq!(said, format!("message {id} is hidden\n"));
    assert_eq!(succeeds(on(&app, "messages")).await, listed(1));
    app.browser().get("/public").await.shows("second").hides("first");
    let line = fails(on(&app, &format!("unflag {id} 999 998"))).await;
    assert!(line.contains("no such message: 999, 998"), "{line}");
    assert_eq!(succeeds(on(&app, "messages")).await, listed(0));
}

async fn an_operator_gets_a_password_from_standard_input(app: TestApp) {
    let output = run(on(&app, "admin passwd --name eva --role viewer"), "correct horse\n").await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let eva = app.state.db.operator("eva").await.unwrap().unwrap();
    assert_eq!(eva.role, Role::Viewer);
    let check = Passwords::default().verify("correct horse", Some(&eva.pw_hash)).await;
    assert_eq!(check.unwrap(), PasswordCheck::Match { outdated: false });
    let again = run(on(&app, "admin passwd --name eva"), "another one\n").await;
    assert!(again.status.success());
    assert_eq!(app.state.db.operator("eva").await.unwrap().unwrap().role, Role::Viewer);
    for (password, says) in [("", "no password"), ("short\n", "at least 8 characters")] {
        let output = run(on(&app, "admin passwd --name eva"), password).await;
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && text.contains(says), "{text}");
    }
}

async fn a_deployment_is_marked_by_hand(app: TestApp) {
    let said =
        succeeds(on(&app, "deploy-mark --version 7 --revision abc --note certificate")).await;
    assert_eq!(said, "marked deployment of 7 abc\n");
    let deploy = app.state.db.latest_deploy().await.unwrap().unwrap();
    let marked = (&*deploy.version, &*deploy.revision, &*deploy.note, &*deploy.how);
    assert_eq!(marked, ("7", "abc", "certificate", "command"));
    let mut two_lines = on(&app, "deploy-mark");
    two_lines.args(["--note", "one\ntwo"]);
    let output = run(two_lines, "").await;
    assert!(String::from_utf8(output.stderr).unwrap().contains("200 characters on one line"));
    assert_eq!(app.state.db.latest_deploy().await.unwrap().unwrap().at, deploy.at);
}

on_both_databases!(
    a_deployment_is_marked_by_hand,
    messages_are_listed_hidden_and_shown,
    an_operator_gets_a_password_from_standard_input,
);

fn simulate(app: &str, words: &str, file: Option<&Path>) -> Command {
    let mut command = command("simulate --json --timeout 10s");
    command.args(words.split_whitespace()).args(["--url", app]);
    if let Some(file) = file {
        command.arg("--file").arg(file);
    }
    command
}

const SCENARIO: &str = "0\t0\t1\tregister\tRoger Histand\tr@x\t]=)[X{Km{z\n\
    1\t5\t1\tregister\tA/B\ta@x\tp\n\
    2\t5\t1\tregister\tJörg\tj@x\tp\\\"\n\
    3\t5\t1\ttweet\tRoger Histand\t\"Quoted\" – and <b>tags</b>\n\
    4\t5\t1\tfollow\tJörg\tRoger Histand\n\
    5\t5\t1\tunfollow\tRoger Histand\tJörg\n\
    6\t5\t1\tunfollow\tJörg\tRoger Histand\n";

#[tokio::test]
async fn a_scenario_file_is_played_from_any_row_and_leaves_its_latest() {
    let app = TestApp::start(crate::harness::Backend::Sqlite).await.unwrap();
    let served = app.serve().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), SCENARIO).unwrap();
    let url = format!("http://{}", served.api);
    let report = succeeds(simulate(&url, "", Some(file.path()))).await;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!((&report["all"]["requests"], &report["all"]["errors"]), (&7.into(), &0.into()));
    // Row 1 has a name that no link reaches: 400, which the course's client takes for "known".
    assert_eq!(report["actions"]["register"]["requests"], 3);
    assert_eq!(app.simulator().latest().await, 6);
    let again = succeeds(simulate(&url, "--start-at 4 --clients 3 --no-wait", Some(file.path())));
    let again: serde_json::Value = serde_json::from_str(&again.await).unwrap();
    assert_eq!(again["all"]["requests"], 3);
    app.browser().get("/public").await.shows("&#34;Quoted&#34; – and &lt;b&gt;tags");
}

#[tokio::test]
async fn errors_of_a_simulation_are_counted_by_kind_and_fail_it() {
    let app = TestApp::start(crate::harness::Backend::Sqlite).await.unwrap();
    let served = app.serve().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "7\t0\t1\ttweet\tNobody\tx\n8\t0\t1\tfollow\tNobody\tx\n").unwrap();
    let url = format!("http://{}", served.api);
    let output = run(simulate(&url, "", Some(file.path())), "").await;
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["errors"][0]["kind"], "status 404");
    assert_eq!(report["all"]["errors"], 2);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(",7,404,tweet\n") && text.contains("2 of 2 commands"), "{text}");

    let nobody = run(simulate("http://127.0.0.1:9", "", Some(file.path())), "").await;
    let report: serde_json::Value = serde_json::from_slice(&nobody.stdout).unwrap();
    assert_eq!(report["errors"][0]["kind"], "connection error");
}

#[tokio::test]
async fn an_invented_scenario_has_no_errors() {
    let app = TestApp::start(crate::harness::Backend::Sqlite).await.unwrap();
    let served = app.serve().await;
    let url = format!("http://{}", served.api);
    let words = "--rate 200 --users 2 --duration 2s --clients 2";
    let report = succeeds(simulate(&url, words, None)).await;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report["all"]["requests"].as_u64().unwrap() > 2, "more than registrations: {report}");
}

#[tokio::test]
async fn a_health_check_says_by_its_exit_code_whether_the_service_lives() {
    let app = TestApp::start(crate::harness::Backend::Sqlite).await.unwrap();
    let served = app.serve().await;
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let check = |ops, site, rest: &str| {
        let api = served.api;
        command(&format!("healthcheck --timeout 10s --ops {ops} --site {site} --api {api} {rest}"))
    };
    assert_eq!(succeeds(check(served.ops, served.site, "")).await, "ok\n");
    // Who goes down is not ready; that is for who sends it requests.
    app.state.draining.set(true);
    assert_eq!(succeeds(check(served.ops, served.site, "")).await, "ok\n");
    assert!(fails(check(nobody, served.site, "")).await.contains("not healthy"));
    // What the role does not serve is not asked.
    assert!(fails(check(served.ops, nobody, "--role site")).await.contains("not healthy"));
    assert_eq!(succeeds(check(served.ops, nobody, "--role api")).await, "ok\n");
}

#[tokio::test]
async fn a_health_check_of_listeners_that_hang_ends_within_its_time() {
    // Connections to them are made, and never answered.
    let silent = [(); 3].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [ops, site, api] = silent.each_ref().map(|one| one.local_addr().unwrap());
    let words = format!("healthcheck --timeout 1s --ops {ops} --site {site} --api {api}");
    let started = Instant::now();
    assert!(fails(command(&words)).await.contains("not healthy"));
    assert!(started.elapsed() < Duration::from_millis(2_900), "one after the other");
    // An ops listener that answers does not give the others more time.
    let app = TestApp::start(crate::harness::Backend::Sqlite).await.unwrap();
    let served = app.serve().await;
    let words = format!("healthcheck --timeout 1s --ops {} --site {site} --api {api}", served.ops);
    let started = Instant::now();
    assert!(fails(command(&words)).await.contains("read timeout"));
    assert!(started.elapsed() < Duration::from_millis(1_900), "one after the other");
}
