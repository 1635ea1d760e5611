//! The way of whoever is woken: a notification leads in one click to the offending line, opened on the
//! screen, and in a second one to its request with the SQL. In a real browser, on the built service,
//! with a fault that is real: another process holds the database.

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http_body_util::Full;
use minitwit::client;
use minitwit::clock::Clock;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::harness::{DEADLINE, eventually};
use crate::service::{Service, minitwit, post};
use crate::webdriver::Driver;

const PASSWORD: &str = "password of the test";
const TOKEN: &str = "token of the test";
const RULE: &str = "MiniTwitErrorLogs";
/// The line that is opened, and the link in it that leads on.
const LINE: &str = "tr.record:first-of-type details[open], tr.day + tr.record details[open]";
const REQUEST: &str = ".message details[open] a[data-request]";

struct Incident {
    service: Service,
    driver: Driver,
    _dir: tempfile::TempDir,
}

impl Incident {
    /// A service on which a post failed, and which was told that an alert fires.
    async fn start() -> Option<Self> {
        let driver = Driver::start().await?;
        let dir = tempfile::tempdir().unwrap();
        let mut command = minitwit();
        command.env("MINITWIT_ADMIN_PASSWORD", PASSWORD).env("MINITWIT_ALERT_TOKEN", TOKEN);
        let service = Service::start_command(command, dir.path(), &[]).await;
        let api = service.api();
        let anna = json!({ "username": "anna", "email": "anna@example.com", "pwd": "secret" });
        assert_eq!(post(api, "/register", anna).await.unwrap(), 204);

        let url = format!("sqlite:{}", dir.path().join("minitwit.sqlite").display());
        let mut other = SqliteConnection::connect(&url).await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
        assert_eq!(post(api, "/msgs/anna", json!({ "content": "hello" })).await.unwrap(), 503);
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();

        let incident = Self { service, driver, _dir: dir };
        incident.notify().await;
        Some(incident)
    }

    /// What Grafana sends a minute after the rule began to fire.
    async fn notify(&self) {
        let started = jiff::Timestamp::from_microsecond(Clock::default().now() - 60_000_000);
        let body = json!({ "version": "1", "status": "firing", "alerts": [{
            "status": "firing", "fingerprint": "c6eadffa33fcdf37",
            "labels": { "alertname": RULE, "severity": "warning" },
            "annotations": { "summary": "Errors are logged", "logs_query": "level:error" },
            "startsAt": started.unwrap().to_string(), "endsAt": "0001-01-01T00:00:00Z",
            "values": { "A": 0.5 }, "generatorURL": "http://grafana:3000/alerting",
        }] });
        let request = http::Request::post("/admin/api/alerts")
            .header(HOST, "localhost")
            .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
            .body(Full::<Bytes>::from(body.to_string()))
            .unwrap();
        let answer = client::send(self.service.ops, request, DEADLINE).await.unwrap();
        assert_eq!(answer.status.as_u16(), 200);
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.service.ops)
    }

    async fn log_in(&self) {
        for (field, text) in [("username", "admin"), ("password", PASSWORD)] {
            let field = self.driver.find(&format!("input[name={field}]")).await;
            self.driver.type_into(&field, text).await;
        }
        self.driver.click("button.main").await;
    }

    /// The line is opened, and on the screen without scrolling, down to the message of its error.
    async fn sees_the_line(&self) {
        self.driver.find(LINE).await;
        let chain = self.driver.text(&format!(":is({LINE}) .chain")).await;
        assert!(chain.contains("database is locked"), "{chain}");
        let seen = "(box => [box.top >= 0, box.bottom <= innerHeight])\
            (document.querySelector('.message details[open] .chain').getBoundingClientRect())";
        assert_eq!(self.driver.eval(seen).await, json!([true, true]));
    }

    /// The request's page has the statement that failed, with its SQL.
    async fn sees_the_sql(&self) {
        eventually("the page of the request", async || {
            self.driver.url().await.contains("/admin/requests/")
        })
        .await;
        let page = self.driver.text("main").await;
        assert!(page.contains("/msgs/{username}") && page.contains("503"), "{page}");
        let sql = self.driver.eval("document.querySelector('main').textContent").await;
        let sql = sql.as_str().unwrap();
        assert!(sql.contains("INSERT INTO messages") && sql.contains("failed"), "{sql}");
    }
}

#[tokio::test]
async fn a_notification_leads_to_the_line_in_one_click_and_to_its_sql_in_two() {
    let Some(incident) = Incident::start().await else { return };
    let driver = &incident.driver;
    // Click 1, on the link of the notification. Who is not logged in is led back after it.
    driver.open(&incident.url(&format!("/admin/alerts/{RULE}"))).await;
    incident.log_in().await;
    eventually("back on the page of the alert", async || {
        driver.url().await == incident.url(&format!("/admin/alerts/{RULE}"))
    })
    .await;
    incident.sees_the_line().await;
    // Click 2.
    driver.click(REQUEST).await;
    incident.sees_the_sql().await;

    // The same from Now and from the inbox: one click more.
    for (start, link) in [
        ("/admin", format!(".status a[href='/admin/alerts/{RULE}']")),
        ("/admin/alerts", format!(".alerts a[href^='/admin/alerts/{RULE}']")),
    ] {
        driver.open(&incident.url(start)).await;
        driver.click(&link).await;
        incident.sees_the_line().await;
        driver.click(REQUEST).await;
        incident.sees_the_sql().await;
    }
    assert_eq!(driver.complaints().await, [""; 0]);
}

#[tokio::test]
async fn the_way_works_without_scripts() {
    let Some(incident) = Incident::start().await else { return };
    incident.driver.open(&incident.url("/admin")).await;
    incident.log_in().await;
    incident.driver.find(".status").await;
    incident.driver.without_scripts().await;
    incident.driver.open(&incident.url(&format!("/admin/alerts/{RULE}"))).await;
    incident.driver.find(LINE).await;
    incident.driver.click(REQUEST).await;
    incident.sees_the_sql().await;
}
