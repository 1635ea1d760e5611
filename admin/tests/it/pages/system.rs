//! The service itself: store, levels, jobs, audit, and the accounts of operators.

use admin::{BackupStatus, Backups, Host, Replica, Replicas};
use logsearch::Counts;
use logsearch::fields;

use crate::harness::App;
use crate::lines::{Line, START, line, log};

fn audited(action: &str, by: &str, second: i64) -> Line {
    line(&format!("{action} done"))
        .at(second)
        .text("event.action", action)
        .text(fields::USER_NAME, by)
}

async fn app() -> App {
    let jobs = (0..3).map(|n| line("job ran").at(n).text(fields::JOB, "tidy"));
    let lines = jobs.chain([audited("levels.set", "octavia", 5), audited("job.run", "oscar", 6)]);
    App::start(log(lines)).await
}

#[tokio::test]
async fn operators_are_offered_what_viewers_only_see() {
    let app = app().await;
    let forms = ["form[action='/ops/system/levels']", "form[action='/ops/system/jobs/tidy']"];
    let page = app.get("/ops/system").await.page();
    assert!(forms.iter().all(|form| page.has(form)));
    let page = app.get_as("viewer", "/ops/system").await.page();
    assert!(!forms.iter().any(|form| page.has(form)));
    for section in ["levels", "jobs", "store", "build", "audit"] {
        assert!(page.has(&format!("[data-section={section}]")), "{section}");
    }
}

#[tokio::test]
async fn levels_are_shown_with_the_time_they_hold() {
    let app = app().await;
    let levels = async || {
        app.get("/ops/system").await.page().one("[data-section=levels] > p:first-of-type").text()
    };
    assert_eq!(levels().await, "info");
    for (body, status, shown) in [
        ("levels=loud&minutes=5", 400, "info"),
        ("levels=debug&minutes=15", 303, "debug"),
        ("levels=warn,shop::cart%3Dtrace&minutes=60", 303, "shop::cart=trace"),
        // What is not offered is the shortest.
        ("levels=trace&minutes=99999", 303, "trace"),
    ] {
        let answer = app.post("/ops/system/levels", "operator", body, "same-origin").await;
        assert_eq!(answer.status, status, "{body}");
        let levels = levels().await;
        assert!(levels.contains(shown), "{body}: {levels}");
    }
    let remaining = app.levels.remaining().unwrap();
    assert!(remaining.as_secs() <= 300, "{remaining:?}");
}

#[tokio::test]
async fn a_job_says_when_it_ran_how_it_ended_and_leads_to_its_records() {
    let page = app().await;
    let system = page.get("/ops/system").await.page();
    let job = system.one("[data-job=tidy]");
    let cells = job.texts("td");
    assert!(cells[1].contains("every hour") && cells[2].contains("1 min ago"), "{cells:?}");
    assert!(cells[3].starts_with("failure") && job.has("td .error"), "{cells:?}");
    let logs = page.get(job.one("a").attr("href")).await.page();
    assert_eq!(logs.one("[data-total]").text(), "3 records");
}

#[tokio::test]
async fn who_did_what_is_listed_newest_first_and_leads_to_all_of_it() {
    let app = app().await;
    let page = app.get("/ops/system?from=1h").await.page();
    let audit = page.one("[data-section=audit]");
    assert_eq!(audit.texts("tr.record summary"), ["job.run done", "levels.set done"]);
    let cells = audit.texts("tr.record td[data-title]");
    assert_eq!(cells, ["oscar", "job.run", "octavia", "levels.set"]);
    let logs = app.get(audit.one("p a").attr("href")).await.page();
    assert_eq!(logs.one("[data-total]").text(), "2 records");
    let quiet =
        app.get("/ops/system?from=2026-10-01T00:00:00Z&to=2026-10-02T00:00:00Z").await.page();
    assert!(quiet.has("[data-section=audit] [data-empty=audit]"));
}

#[tokio::test]
async fn losses_before_the_store_are_counted_by_level_and_reason() {
    let records = || log([line("anything")]);
    let none = App::start_with(records(), |panel| panel.pipeline_counts(Counts::default)).await;
    let page = none.get("/ops/system").await.page();
    assert!(page.has("[data-section=losses] [data-empty=losses]"));
    let lost = App::start_with(records(), |panel| {
        panel.pipeline_counts(|| {
            let mut counts = Counts::default();
            counts.dropped[0][0] = 3;
            counts.dropped[2][0] = 1_000;
            counts
        })
    })
    .await;
    let page = lost.get("/ops/system").await.page();
    let losses = page.one("[data-section=losses]");
    assert!(losses.one("strong.warn").text().starts_with("1,003"));
    let rows = losses.all("tbody tr");
    let sums: Vec<_> = rows.iter().map(|row| row.texts("td").pop().unwrap()).collect();
    assert_eq!(sums, ["3", "1,000"]);
    // Without a pipeline nothing is said of one.
    assert!(!app().await.get("/ops/system").await.page().has("[data-section=losses]"));
}

#[tokio::test]
async fn what_runs_and_where_else_to_look_is_shown_as_the_service_says() {
    let app = App::start_with(log([line("anything")]), |panel| {
        panel.build_info("compiler", "rustc 1.95 <b>").build_info("database", "sqlite")
    })
    .await;
    let page = app.get("/ops/system").await.page();
    let build = page.one("[data-section=build]");
    assert_eq!(build.texts("dt"), ["compiler", "database"]);
    assert_eq!(build.texts("dd"), ["rustc 1.95 <b>", "sqlite"]);
    assert_eq!(build.one("p a").attr("href"), "https://grafana.example/?a=b&c=d");
}

#[tokio::test]
async fn operators_see_every_account_and_viewers_their_own() {
    let app = app().await;
    let page = app.get("/ops/operators").await.page();
    let accounts = page.values("[data-account]", "data-account");
    assert!(accounts.len() > 5 && page.has("[data-account=octavia][data-own]"), "{accounts:?}");
    assert!(page.has("[data-section=add]") && page.has("[data-section=password]"));
    for account in page.all("[data-account]") {
        assert_eq!(account.all("[data-session]").len(), 1);
        assert!(account.has("button[value=role]") && account.has("button[value=disabled]"));
        assert!(account.has("button[name=which][value=all]"));
    }
}

/// A host with three replicas, of which one is gone, and a backup that is too old.
struct Deployment;

impl Host for Deployment {
    fn replicas(&self) -> Option<&dyn Replicas> {
        Some(self)
    }

    fn backups(&self) -> Option<&dyn Backups> {
        Some(self)
    }
}

impl Replicas for Deployment {
    fn list(&self) -> Vec<Replica> {
        let replica = |id: &str, name: &str, is_ready, is_current| Replica {
            id: id.to_owned(),
            name: name.to_owned(),
            version: "1.4.2".to_owned(),
            revision: "1a2b3c".to_owned(),
            started: START,
            seen: START,
            is_ready,
            records: 1_234,
            is_current,
            can_be_chosen: !is_current && is_ready == Some(true),
        };
        vec![
            replica("a", "one.1", Some(true), true),
            replica("b", "<b>two</b>", Some(true), false),
            replica("c", "three.3", None, false),
        ]
    }

    fn choose(&self, id: &str) -> Option<String> {
        (id == "b").then(|| "replica=b; Path=/".to_owned())
    }
}

impl Backups for Deployment {
    fn status(&self) -> Option<BackupStatus> {
        Some(BackupStatus { newest: Some((START, 4 << 20)), is_overdue: true })
    }
}

#[tokio::test]
async fn replicas_are_listed_and_another_one_can_be_chosen() {
    let app = App::start_with(log([line("ran")]), |panel| panel.host(Deployment)).await;
    let page = app.get_as("viewer", "/ops/system").await.page();
    let rows = page.all("[data-section=replicas] tbody tr");
    let states: Vec<_> = rows.iter().map(|row| row.one("[data-title=state]").text()).collect();
    assert_eq!(states[..2], ["ready", "ready"]);
    assert!(states[2].starts_with("last heard from "), "{states:?}");
    assert!(rows[0].text().contains("shown here") && rows[1].text().contains("<b>two</b>"));
    assert!(rows.iter().all(|row| row.text().contains("1.4.2 (1a2b3c)")));
    assert_eq!(page.values("[data-section=replicas] button", "value"), ["b"]);
    // Every page names the replica whose logs it shows.
    assert_eq!(app.get("/ops/logs").await.page().one("header [data-replica]").text(), "one.1");

    let chosen = app.post("/ops/system/replica", "viewer", "replica=b", "same-origin").await;
    assert_eq!(chosen.status, 303);
    assert_eq!(chosen.headers["set-cookie"], "replica=b; Path=/");
    let gone = app.post("/ops/system/replica", "viewer", "replica=c", "same-origin").await;
    assert_eq!(gone.status, 409);
    let foreign = app.post("/ops/system/replica", "viewer", "replica=b", "cross-site").await;
    assert_eq!(foreign.status, 403);
}

#[tokio::test]
async fn the_newest_backup_is_shown_with_age_and_size() {
    let app = App::start_with(log([line("ran")]), |panel| panel.host(Deployment)).await;
    let page = app.get("/ops/system").await.page();
    let backups = page.one("[data-section=backups]");
    assert!(backups.text().contains("4 MiB"), "{}", backups.text());
    assert!(backups.has("dd .error"), "an old backup is not marked");
    // A host that knows neither.
    let page = self::app().await.get("/ops/system").await.page();
    assert!(!page.has("[data-section=replicas]") && !page.has("[data-section=backups]"));
}
