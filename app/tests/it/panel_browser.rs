//! The panel in a real browser, over a service with real faults: what an operator finds and in how many
//! clicks, what the keys do, and what the content policy lets happen.

use std::sync::{Arc, Once};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::header::{REFERER, USER_AGENT};
use http::{Method, StatusCode};
use logsearch::layer::chain_panic_hook;
use logsearch::logs::Logs;
use minitwit::db::Role;
use minitwit::error::AppError;
use minitwit::listen::Listener;
use minitwit::metrics::Surface;
use minitwit::routes;
use minitwit::state::AppState;
use percent_encoding::NON_ALPHANUMERIC;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::harness::{Answer, Backend, TestApp, eventually, request, send};
use crate::panel::{Panel, Somebody};
use crate::raw_sql::Raw;
use crate::webdriver::{Driver, ENTER, skipped};

/// What attackers write where it is logged. Each would call `canary` if it ran.
const PAYLOADS: [&str; 5] = [
    "<script>canary()</script>",
    "\"><img src=x onerror=canary()>",
    "'><svg onload=canary()>",
    "</title></textarea></script><iframe srcdoc='<script>parent.canary()</script>'>",
    "{{constructor.constructor('canary()')()}}",
];
/// How often the seeded route repeats its statement.
const REPEATS: usize = 36;
/// How long the seeded statement waits for a lock; longer than what is called slow.
const SLOW: Duration = Duration::from_millis(400);

/// The ops listener of a service with faults, and a browser in which an operator is logged in.
struct Ops {
    app: TestApp,
    seeded: Router,
    operator: Somebody,
    logs: Arc<Logs>,
    driver: Driver,
    base: String,
    _stop: DropGuard,
    _subscriber: tracing::subscriber::DefaultGuard,
    _panel: Panel,
}

/// As the program has it; on threads of other tests it finds nobody to tell.
static HOOK: Once = Once::new();

impl Ops {
    /// `None` when there is no browser, or no PostgreSQL where that is asked for.
    async fn start(backend: Backend) -> Option<Self> {
        let driver = Driver::start().await?;
        let app = TestApp::start(backend).await?;
        let (panel, layer) = Panel::with_layer(&app).await;
        let recorded = tracing_subscriber::registry()
            .with(app.records().clone())
            .with(layer.with_filter(LevelFilter::INFO));
        let subscriber = tracing::subscriber::set_default(recorded);
        HOOK.call_once(chain_panic_hook);
        let operator = panel.log_in(&app, "octavia", Role::Operator).await;
        let stop = CancellationToken::new();
        let address = ([127, 0, 0, 1], 0).into();
        let listener = Listener::bind("ops", address, panel.router.clone()).await.unwrap();
        let base = format!("http://{}", listener.address);
        tokio::spawn(listener.serve(stop.clone(), Duration::from_secs(1)));
        let (name, value) = operator.cookie.split_once('=').unwrap();
        let cookie = json!({ "url": base, "name": name, "value": value });
        driver.devtools("Network.setCookie", cookie).await;
        let seeded = routes::observed(seeds(&app.state), &app.state, Surface::Web);
        Some(Self {
            seeded,
            operator,
            logs: Arc::clone(&panel.logs),
            driver,
            base,
            app,
            _stop: stop.drop_guard(),
            _subscriber: subscriber,
            _panel: panel,
        })
    }

    async fn open(&self, path: &str) {
        self.driver.open(&format!("{}{path}", self.base)).await;
    }

    async fn path(&self) -> String {
        self.driver.url().await.trim_start_matches(&self.base).to_owned()
    }

    /// Clicks the first link or button of the page for which a JavaScript condition on `e` holds, and
    /// waits for the next page.
    async fn follow(&self, condition: &str) {
        let before = self.path().await;
        let click = format!(
            "(e => e ? (e.click(), true) : false)([...document.querySelectorAll('main a, main button')]\
             .find(e => {condition}))"
        );
        assert_eq!(self.driver.eval(&click).await, true, "{before} has nothing where {condition}");
        eventually("the next page", async || self.path().await != before).await;
    }

    /// Whether the page shows this text, also in what is folded.
    async fn says(&self, text: &str) -> bool {
        let text = Value::from(text);
        let says = format!("document.querySelector('main').textContent.includes({text})");
        self.driver.eval(&says).await == true
    }

    /// A request to a seeded route or the site, as an attacker would send it.
    async fn visit(&self, router: &Router, path: &str, header: &str) -> Answer {
        let header = http::HeaderValue::from_bytes(header.as_bytes()).unwrap();
        let request = request(Method::GET, path)
            .header(USER_AGENT, header.clone())
            .header(REFERER, header)
            .body(Body::empty());
        send(router, request.unwrap()).await
    }

    /// Waits until everything recorded can be found.
    async fn recorded(&self) {
        let logs = Arc::clone(&self.logs);
        let flushed = tokio::task::spawn_blocking(move || logs.flush(Duration::from_secs(20)));
        assert!(flushed.await.unwrap());
    }

    /// Every fault once: a statement that repeats itself, one that waits for a lock, a panic, and a
    /// burst of errors while a table is gone.
    async fn break_everything(&self) {
        let visit = async |path: &str| self.visit(&self.seeded, path, "a client").await.status;
        assert_eq!(visit("/seeded/n-plus-1").await, StatusCode::OK);
        assert_eq!(visit("/seeded/panic/one").await, StatusCode::INTERNAL_SERVER_ERROR);

        self.app.state.db.set_latest(1).await.unwrap();
        let mut raw = Raw::connect(&self.app).await;
        raw.execute("BEGIN").await.unwrap();
        raw.execute("UPDATE simulator_latest SET value = value").await.unwrap();
        let mut slow = Box::pin(visit("/seeded/slow"));
        let blocked = tokio::time::timeout(SLOW, &mut slow).await;
        assert!(blocked.is_err(), "the lock does not hold");
        raw.execute("COMMIT").await.unwrap();
        assert_eq!(slow.await, StatusCode::OK);

        raw.execute("ALTER TABLE messages RENAME TO gone").await.unwrap();
        for _ in 0..40 {
            let status = self.visit(&self.app.site, "/public", "a client").await.status;
            assert!(status.is_server_error(), "{status}");
        }
        raw.execute("ALTER TABLE gone RENAME TO messages").await.unwrap();
        self.recorded().await;
    }
}

/// Routes with the faults that a service should not have, under the layers of the service.
fn seeds(state: &AppState) -> Router {
    async fn repeat(State(state): State<AppState>) -> Result<&'static str, AppError> {
        for number in 0..REPEATS {
            state.db.user_exists(&format!("user {number}")).await?;
        }
        Ok("done")
    }
    async fn slow(State(state): State<AppState>) -> Result<&'static str, AppError> {
        state.db.set_latest(7).await?;
        Ok("done")
    }
    async fn panic(path: axum::extract::Path<String>) -> &'static str {
        panic!("the seeded panic says {}", path.0)
    }
    Router::new()
        .route("/seeded/n-plus-1", get(repeat))
        .route("/seeded/slow", get(slow))
        .route("/seeded/panic/{text}", get(panic))
        .with_state(state.clone())
}

/// Every page of the panel: those of the navigation, and one of each kind behind them.
async fn pages(ops: &Ops) -> Vec<String> {
    let mut pages: Vec<String> = [
        "/admin",
        "/admin/logs",
        "/admin/logs?q=level%3E%3Dwarn+usr:x&cols=route,user,error,user_agent",
        "/admin/logs?q=nothing_has_this&from=5m",
        "/admin/logs?tail=1",
        "/admin/logs?fields=db&refresh=10",
        "/admin/logs/patterns",
        "/admin/requests?sort=queries",
        "/admin/requests/sql",
        "/admin/errors",
        "/admin/metrics",
        "/admin/system",
        "/admin/messages",
        "/admin/users",
    ]
    .map(str::to_owned)
    .to_vec();
    let logs = ops.operator.get("/admin/logs?q=level:error").await.text();
    for kind in ["/admin/events/", "/admin/requests/0"] {
        let start = logs.find(kind).unwrap_or_else(|| panic!("no link to {kind}"));
        let link = logs[start..].split(['"', '#']).next().unwrap();
        pages.push(link.split("/context").next().unwrap().to_owned());
    }
    pages.push(format!("{}/context", pages[pages.len() - 2]));
    let mut there = Vec::new();
    for page in pages {
        match ops.operator.get(&page).await.status {
            StatusCode::OK => there.push(page),
            status => assert_eq!(status, StatusCode::NOT_FOUND, "{page}"),
        }
    }
    assert!(there.len() >= 14, "{there:?}");
    there
}

async fn each_fault_is_found(backend: Backend) {
    let Some(ops) = Ops::start(backend).await else { return };
    ops.break_everything().await;

    // N+1: one click, and the page says how often and from where.
    ops.open("/admin").await;
    ops.follow("e.pathname?.startsWith('/admin/requests/0') && e.textContent.includes('n-plus-1')")
        .await;
    assert!(ops.says("N+1").await && ops.says(&format!("{REPEATS} times")).await);
    assert!(ops.says("app/src/db/users.rs").await && ops.says("SELECT").await);

    // A slow statement: one click.
    ops.open("/admin").await;
    ops.follow(
        "e.pathname?.startsWith('/admin/requests/0') && e.textContent.includes('/seeded/slow')",
    )
    .await;
    assert!(ops.says("simulator_latest.set").await && ops.says("slow statement").await);

    // A panic: its group, and its request behind it.
    ops.open("/admin").await;
    let row = "e.closest('tr')?.textContent.includes('the seeded panic says one')";
    ops.follow(&format!("{row} && e.pathname?.startsWith('/admin/requests/0')")).await;
    assert!(ops.says("the seeded panic says one").await && ops.says("panel_browser.rs").await);

    // A burst of errors: its group, its request, and there the statement that failed.
    ops.open("/admin").await;
    let row = "e.closest('tr')?.textContent.includes('no such table') || \
        e.closest('tr')?.textContent.includes('does not exist')";
    ops.follow(&format!("({row}) && e.pathname?.startsWith('/admin/requests/0')")).await;
    assert!(ops.says("/public").await && ops.says("FROM messages").await);
}

#[tokio::test]
async fn each_fault_is_found_from_now_in_at_most_three_clicks() {
    each_fault_is_found(Backend::Sqlite).await;
}

#[tokio::test]
async fn each_fault_is_found_from_now_on_postgres_too() {
    each_fault_is_found(Backend::Postgres).await;
}

#[tokio::test]
async fn hostile_texts_run_on_no_page_and_no_page_breaks_its_policy_or_width() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    for payload in PAYLOADS {
        let encoded = percent_encoding::utf8_percent_encode(payload, NON_ALPHANUMERIC).to_string();
        let path = format!("/seeded/panic/{encoded}");
        let status = ops.visit(&ops.seeded, &path, payload).await.status;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        // Names with a slash are refused at the registration.
        if !payload.contains('/') {
            ops.app.user(payload).await;
            ops.app.message(payload, payload).await;
            ops.app.browser_of(payload).await.get(&format!("/{encoded}")).await.is(200);
        }
        tracing::error!(
            error.message = payload,
            user.name = payload,
            event.action = payload,
            "{payload}"
        );
    }
    ops.break_everything().await;
    let axe = std::env::var_os("AXE_CORE").map(|path| std::fs::read_to_string(path).unwrap());
    if axe.is_none() {
        skipped("AXE_CORE does not name an axe.min.js, so barriers are not looked for");
    }
    ops.driver
        .devtools(
            "Page.addScriptToEvaluateOnNewDocument",
            json!({ "source": "window.ran = 0; window.canary = () => { window.ran += 1; }" }),
        )
        .await;
    for page in pages(&ops).await {
        ops.open(&page).await;
        // What is folded is read as well.
        ops.driver
            .eval("document.querySelectorAll('details').forEach(e => { e.open = true; })")
            .await;
        assert_eq!(ops.driver.eval("window.ran").await, 0, "{page}");
        let foreign = "document.querySelectorAll('main iframe, main img, main script, main [onload], \
            main [onerror], style').length";
        assert_eq!(ops.driver.eval(foreign).await, 0, "{page}");
        if page != "/admin/metrics" {
            assert_eq!(ops.driver.complaints().await, Vec::<String>::new(), "{page}");
        }
        for url in ops.driver.requests().await {
            assert!(url.starts_with(&ops.base), "{page} asks {url}");
        }
        if let Some(axe) = &axe {
            ops.driver.devtools("Runtime.evaluate", json!({ "expression": axe })).await;
        }
        for (width, theme) in [(390, "light"), (1280, "dark")] {
            ops.driver.look(width, theme).await;
            let hidden = "(root => root.scrollWidth - root.clientWidth)(document.documentElement)";
            assert_eq!(ops.driver.eval(hidden).await, 0, "{page} at {width}");
            if axe.is_some() {
                let found = "axe.run().then(result => result.violations\
                    .filter(one => ['serious', 'critical'].includes(one.impact))\
                    .map(one => one.id + ': ' + one.nodes[0].html))";
                assert_eq!(
                    ops.driver.eval_promise(found).await,
                    json!([]),
                    "{page}, {width}, {theme}"
                );
            }
        }
    }
}

/// The links of the page the browser shows, inside the panel, without what only logs out.
async fn links(ops: &Ops) -> Vec<String> {
    let links = "[...document.links].filter(a => a.origin === location.origin)\
        .map(a => [a.pathname + a.search, a.matches('.facet li:not(.hint) .value, .patterns td > a')])";
    let links: Vec<(String, bool)> = serde_json::from_value(ops.driver.eval(links).await).unwrap();
    for (link, promises_records) in &links {
        // A click on a value that was counted shows records; one on a value that is on changes nothing.
        if *promises_records && link.starts_with("/admin/logs?") {
            let page = ops.operator.get(link).await.text();
            assert!(page.contains("<tr class=\"record "), "{link} is empty");
        }
    }
    links.into_iter().map(|(link, _)| link).collect()
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere_with_scripts_and_without() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    ops.app.user("reader").await;
    ops.app.message("reader", "a message").await;
    ops.break_everything().await;
    let mut seen = std::collections::BTreeSet::new();
    for with_scripts in [true, false] {
        if !with_scripts {
            ops.driver.without_scripts().await;
        }
        let mut found = 0;
        for page in pages(&ops).await {
            ops.open(&page).await;
            for link in links(&ops).await {
                found += 1;
                if seen.insert(link.clone()) {
                    let status = ops.operator.get(&link).await.status;
                    let fine = status == StatusCode::OK || status.is_redirection();
                    assert!(fine, "{page} leads to {link}: {status}");
                }
            }
        }
        assert!(found > 500, "{found} links, scripts: {with_scripts}");
    }
}

#[tokio::test]
async fn the_keys_go_where_the_sheet_says() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    ops.break_everything().await;
    let driver = &ops.driver;
    ops.open("/admin/logs?q=level:error").await;
    driver.find(".over").await;

    driver.press("jjk").await;
    let first = "document.querySelector('tr.record').matches('.cursor')";
    assert_eq!(driver.eval(first).await, true);
    driver.press("o").await;
    assert_eq!(driver.eval("document.querySelector('tr.cursor details').open").await, true);
    // The first `f` chooses a field, the second one filters by it.
    driver.press("f").await;
    assert_eq!(driver.eval("document.activeElement.name").await, "add");
    driver.press("?").await;
    assert_eq!(driver.eval("document.querySelector('#help').open").await, true);
    driver.press("\u{e00c}").await;
    driver.press("ff").await;
    eventually("filtered", async || ops.path().await.contains("q=level:error")).await;

    driver.press("gr").await;
    eventually("requests", async || ops.path().await.starts_with("/admin/requests")).await;
    driver.press("gl").await;
    eventually("logs", async || ops.path().await == "/admin/logs").await;
    driver.press("z").await;
    eventually("zoomed out", async || ops.path().await == "/admin/logs?from=3h").await;

    // Typing offers names, then values; Enter takes one, and Enter runs the query.
    driver.press("/lev").await;
    driver.find("#choices li").await;
    assert_eq!(driver.eval("document.activeElement.getAttribute('aria-expanded')").await, "true");
    let (down, up) = ("\u{e015}", "\u{e013}");
    driver.press(&format!("{down}{up}{down}{ENTER}")).await;
    assert_eq!(driver.eval("document.querySelector('#q').value").await, "level:");
    let offers_error =
        "[...document.querySelectorAll('#choices li')].some(e => e.firstChild.data === 'error')";
    eventually("values", async || driver.eval(offers_error).await == true).await;
    driver.press(&format!("error{ENTER}")).await;
    let q = "new URLSearchParams(location.search).get('q')";
    eventually("the query ran", async || driver.eval(q).await == "level:error").await;
    assert!(ops.path().await.contains("from=3h"), "the window was lost");
}

#[tokio::test]
async fn a_part_of_the_histogram_is_opened_by_dragging_and_without_scripts_by_a_bar() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    ops.break_everything().await;
    ops.open("/admin/logs?q=seeded").await;
    ops.driver.find(".over svg a").await;
    let place = "(box => [box.left, box.top, box.width])(document.querySelector('.histogram svg').getBoundingClientRect())";
    let [left, top, width]: [f64; 3] =
        serde_json::from_value(ops.driver.eval(place).await).unwrap();
    let mouse = async |kind: &str, share: f64| {
        let event = json!({ "type": kind, "x": left + width * share, "y": top + 20.0,
            "button": "left", "buttons": 1, "clickCount": 1 });
        ops.driver.devtools("Input.dispatchMouseEvent", event).await;
    };
    mouse("mousePressed", 0.5).await;
    mouse("mouseMoved", 0.8).await;
    mouse("mouseMoved", 1.0).await;
    mouse("mouseReleased", 1.0).await;
    eventually("zoomed", async || ops.path().await.contains("from=20")).await;
    eventually("its records", async || ops.says("the seeded panic says one").await).await;

    ops.driver.without_scripts().await;
    ops.open("/admin/logs?q=level:error").await;
    let bar = ops.driver.eval("document.querySelector('.histogram svg a title').textContent").await;
    let counted = bar.as_str().unwrap().rsplit(": ").next().unwrap().to_owned();
    let href = "document.querySelector('.histogram svg a').getAttribute('href')";
    let href = ops.driver.eval(href).await.as_str().unwrap().to_owned();
    ops.open(&href).await;
    let rows = ops.driver.find_all("tr.record").await.len();
    assert_eq!(counted, format!("{rows} error"));
}

#[tokio::test]
async fn new_records_come_by_themselves_and_move_nothing_that_is_read() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    ops.open("/admin/logs?tail=1&q=lighthouse").await;
    let driver = &ops.driver;
    let state = async || driver.text("[data-state]").await;
    eventually("following", async || state().await.contains("following")).await;
    let rows = async || driver.find_all("[data-live] tr.record").await.len();
    tracing::info!("lighthouse one");
    eventually("the first", async || rows().await == 1).await;

    driver.click("[data-pause]").await;
    tracing::info!("lighthouse two");
    tracing::warn!("lighthouse three");
    tracing::info!("something else");
    eventually("waiting ones", async || driver.text("[data-show]").await == "2 new").await;
    assert_eq!(rows().await, 1);
    driver.click("[data-show]").await;
    assert_eq!(rows().await, 3);
    let newest = driver.text("[data-live] tr.record .message").await;
    assert!(newest.contains("lighthouse three"), "{newest}");
    assert_eq!(driver.find_all("[data-live] mark").await.len(), 3);

    // The fields of a record that came live are fetched when it is opened.
    driver.click("[data-live] tr.record summary").await;
    assert!(driver.text("[data-live] .fields").await.contains("callsite"));
    assert_eq!(driver.complaints().await, Vec::<String>::new());
}
