//! The page Metrics in a real browser, over a real log index: charts under the strict policy, and the way
//! from a point of a chart to the logs of its minute, with scripts and without.

use std::fmt::Write;
use std::time::Duration;

use admin::Role;
use logsearch::record::{Level, LogRecord, Value};
use minitwit::listen::Listener;
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::harness::{Backend, TestApp, eventually};
use crate::panel::Panel;
use crate::webdriver::Driver;

const SECOND: i64 = 1_000_000;
/// Where the page is, in a window whose middle has records.
const PAGE: &str = "/admin/metrics?from=15m";

struct Site {
    driver: Driver,
    base: String,
    app: TestApp,
    panel: Panel,
    // The service goes with this.
    _stop: DropGuard,
}

/// A quarter of an hour of requests, in the index and in the metrics.
async fn past(panel: &Panel, now: i64) {
    let record = |look: i64| LogRecord {
        timestamp: now - look * 10 * SECOND,
        sequence: u64::try_from(1_000 - look).unwrap(),
        level: Level::Info,
        target: "minitwit::middleware::observe".to_owned(),
        message: "GET /public 200".to_owned(),
        fields: vec![
            ("http.response.status_code".to_owned(), Value::Int(200)),
            ("duration_us".to_owned(), Value::Int(1_000)),
        ],
    };
    panel.record((1..90).rev().map(record).collect()).await;
    for look in (1..90).rev() {
        let mut text = String::new();
        writeln!(text, "process_cpu_seconds_total {}", 90 - look).unwrap();
        writeln!(text, "process_resident_memory_bytes {}", 40_000_000 + look).unwrap();
        writeln!(text, "logsearch_events_total{{level=\"ERROR\"}} {}", 90 - look).unwrap();
        panel.metrics.observe(&text, now - look * 10 * SECOND);
    }
}

impl Site {
    /// `None` when there is no browser.
    async fn start() -> Option<Self> {
        let driver = Driver::start().await?;
        let app = TestApp::start(Backend::Sqlite).await?;
        let panel = Panel::of(&app).await;
        past(&panel, app.clock.now()).await;
        let somebody = panel.log_in(&app, "octavia", Role::Viewer).await;
        let stop = CancellationToken::new();
        let listener = Listener::bind("ops", ([127, 0, 0, 1], 0).into(), panel.router.clone());
        let listener = listener.await.unwrap();
        let base = format!("http://{}", listener.address);
        tokio::spawn(listener.serve(stop.clone(), Duration::from_secs(1)));
        let (name, value) = somebody.cookie.split_once('=').unwrap();
        let cookie = json!({ "url": base, "name": name, "value": value });
        driver.devtools("Network.setCookie", cookie).await;
        Some(Self { driver, base, app, panel, _stop: stop.drop_guard() })
    }

    async fn open(&self) {
        self.driver.open(&format!("{}{PAGE}", self.base)).await;
    }

    /// The script of the page has begun.
    async fn is_ready(&self) {
        let state = async || !self.driver.text("[data-state]").await.is_empty();
        eventually("a page that is followed", state).await;
    }

    async fn count(&self, selector: &str) -> usize {
        self.driver.find_all(selector).await.len()
    }

    async fn leads_to_records(&self) {
        eventually("the logs", async || self.driver.url().await.contains("/admin/logs?")).await;
        let url = self.driver.url().await;
        assert!(url.contains("from=") && url.contains("to="), "{url}");
        assert!(self.count("tr.record").await > 0, "{url}");
    }

    /// The next look of the sampler: memory in bytes.
    fn observe(&self, memory: u64) {
        let text = format!("process_resident_memory_bytes {memory}\n");
        self.panel.metrics.observe(&text, self.app.clock.now());
    }

    /// Where a chart is on the screen, scrolled there: left, top, width and height.
    async fn place(&self, chart: &str) -> [f64; 4] {
        let place = format!(
            "(over => {{ over.scrollIntoView({{ block: 'center' }}); \
                const box = over.getBoundingClientRect(); \
                return [box.left, box.top, box.width, box.height]; }})\
             (document.querySelector('{chart} .area svg'))"
        );
        serde_json::from_value(self.driver.eval(&place).await).unwrap()
    }

    async fn memory(&self) -> String {
        // In one step: the page may swap the legend between finding and reading an element.
        let text = "document.querySelector('#memory .legend b').textContent";
        self.driver.eval(text).await.as_str().unwrap().to_owned()
    }

    async fn mouse(&self, kind: &str, x: f64, y: f64) {
        let event = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
        self.driver.devtools("Input.dispatchMouseEvent", event).await;
    }
}

#[tokio::test]
async fn charts_are_drawn_under_the_policy_and_a_click_leads_to_the_logs_of_the_minute() {
    let Some(site) = Site::start().await else { return };
    for theme in ["light", "dark"] {
        site.driver.look(1280, theme).await;
        site.open().await;
        let all = site.count(".plot[data-chart]").await;
        assert!(all >= 4, "{all} charts");
        eventually("lines", async || site.count(".plot svg path[data-line]").await >= all).await;
        assert_eq!(site.driver.complaints().await, [""; 0]);
    }
    assert_eq!(site.driver.text("#memory .legend b").await, "38.1 MiB");
    site.driver.click("#rate .area svg").await;
    site.leads_to_records().await;
    let url = site.driver.url().await;
    assert!(url.contains("q=status:"), "{url}");
    assert_eq!(site.driver.complaints().await, [""; 0]);
}

#[tokio::test]
async fn one_cursor_is_over_all_charts_and_a_drag_zooms_the_page() {
    let Some(site) = Site::start().await else { return };
    site.driver.look(1280, "light").await;
    site.open().await;
    site.is_ready().await;
    let [left, top, width, height] = site.place("#rate").await;
    let y = top + height / 2.0;
    site.mouse("mouseMoved", left + width * 0.25, y).await;
    // One cursor is over all charts.
    let all = site.count(".plot[data-chart]").await;
    eventually("a cursor in each chart", async || site.count("path.hair").await == all).await;
    assert!(site.count("path.dot").await >= 3, "dots on the lines");
    eventually("values", async || site.memory().await == "38.1 MiB").await;
    assert_ne!(site.driver.text("[data-at]").await, "");
    site.mouse("mousePressed", left + width * 0.25, y).await;
    site.mouse("mouseMoved", left + width * 0.5, y).await;
    assert_eq!(site.count("#rate rect.select").await, 1);
    site.mouse("mouseReleased", left + width * 0.5, y).await;
    eventually("a shorter window", async || site.driver.url().await.contains("&to=")).await;
    assert!(site.driver.url().await.contains("/admin/metrics?from="));
    assert!(site.driver.complaints().await.is_empty());
}

#[tokio::test]
async fn without_scripts_the_charts_of_the_server_and_their_tables_lead_there_too() {
    let Some(site) = Site::start().await else { return };
    site.driver.without_scripts().await;
    site.driver.look(390, "dark").await;
    site.open().await;
    assert!(site.count(".plot svg path.c1").await >= 3);
    assert_eq!(site.count(".cursor").await, 0);
    site.driver.click("#memory summary").await;
    site.driver.click("#memory tbody tr:nth-child(4) a").await;
    site.leads_to_records().await;
}

/// The page looks for new figures every few seconds. Here its seconds are short, and they are counted.
const HURRY: &str = "window.looks = 0; const every = window.setInterval;
    window.setInterval = (work, time) => every(() => { window.looks += 1; work(); }, time / 50);";

#[tokio::test]
async fn new_figures_come_by_themselves_and_wait_while_a_chart_is_read() {
    let Some(site) = Site::start().await else { return };
    let hurry = json!({ "source": HURRY });
    site.driver.devtools("Page.addScriptToEvaluateOnNewDocument", hurry).await;
    site.driver.look(1280, "light").await;
    site.open().await;
    site.is_ready().await;
    site.driver.eval("window.isTheSamePage = true").await;
    let [left, top, width, height] = site.place("#memory").await;
    let scrolled = site.driver.eval("scrollY").await;
    site.observe(80 << 20);
    eventually("the new figure", async || site.memory().await == "80 MiB").await;

    // Whoever reads a point sees that point, however often the page would have looked.
    site.mouse("mouseMoved", left + width * 0.5, top + height * 0.5).await;
    eventually("a point", async || site.memory().await.starts_with("38.1")).await;
    let read = site.driver.text("[data-at]").await;
    site.observe(120 << 20);
    let looks = site.driver.eval("looks").await.as_u64().unwrap();
    eventually("looks", async || site.driver.eval("looks").await.as_u64() > Some(looks + 5)).await;
    assert_eq!(site.driver.text("[data-at]").await, read);
    assert!(site.memory().await.starts_with("38.1"));
    assert_eq!(site.driver.eval("scrollY").await, scrolled);

    site.mouse("mouseMoved", 1.0, 1.0).await;
    eventually("what came meanwhile", async || site.memory().await == "120 MiB").await;
    assert_eq!(site.driver.eval("window.isTheSamePage").await, true);
    assert!(site.driver.complaints().await.is_empty());
}

#[tokio::test]
async fn a_tap_shows_the_values_of_a_point_and_a_second_one_leads_to_its_logs() {
    let Some(site) = Site::start().await else { return };
    site.driver.look(390, "dark").await;
    let touch = json!({ "enabled": true, "maxTouchPoints": 1 });
    site.driver.devtools("Emulation.setTouchEmulationEnabled", touch).await;
    site.open().await;
    site.is_ready().await;
    let [left, top, width, height] = site.place("#memory").await;
    let (x, y) = (left + width * 0.5, top + height * 0.5);
    let tap = async || {
        for (kind, points) in [("touchStart", json!([{ "x": x, "y": y }])), ("touchEnd", json!([]))]
        {
            let event = json!({ "type": kind, "touchPoints": points });
            site.driver.devtools("Input.dispatchTouchEvent", event).await;
        }
    };
    let page = site.driver.url().await;
    tap().await;
    eventually("the time", async || !site.driver.text("[data-at]").await.is_empty()).await;
    assert!(site.memory().await.starts_with("38.1"));
    assert_eq!(site.driver.url().await, page);
    tap().await;
    site.leads_to_records().await;
    assert!(site.driver.complaints().await.is_empty());
}
