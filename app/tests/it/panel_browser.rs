//! The panel in a real browser: what an operator finds and in how many clicks, what the keys do, what is
//! dragged, and what comes by itself.

use serde_json::json;

use crate::harness::{Backend, eventually};
use crate::ops_browser::{Ops, REPEATS};
use crate::webdriver::ENTER;

async fn each_fault_is_found(backend: Backend) {
    let Some(ops) = Ops::start(backend).await else { return };
    ops.break_everything().await;

    // N+1: one click, and the page says how often and from where.
    ops.open("/admin").await;
    ops.follow("e.pathname?.startsWith('/admin/requests/0') && e.textContent.includes('n-plus-1')")
        .await;
    assert!(ops.says("N+1").await && ops.says(&format!("ran {REPEATS} times")).await);
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
    assert!(ops.says("the seeded panic says one").await && ops.says("ops_browser.rs").await);

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
async fn the_window_before_is_chosen_by_dragging_and_the_other_one_stays() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    ops.open("/admin/compare?from=2026-11-30T10:00:00Z&to=2026-11-30T11:00:00Z").await;
    let place = "(box => [box.left, box.top, box.width])(document.querySelector('[data-side=Before] svg').getBoundingClientRect())";
    let [left, top, width]: [f64; 3] =
        serde_json::from_value(ops.driver.eval(place).await).unwrap();
    for (kind, share) in [("mousePressed", 0.25), ("mouseMoved", 0.75), ("mouseReleased", 0.75)] {
        let event = json!({ "type": kind, "x": left + width * share, "y": top + 20.0,
            "button": "left", "buttons": 1, "clickCount": 1 });
        ops.driver.devtools("Input.dispatchMouseEvent", event).await;
    }
    eventually("chosen", async || ops.path().await.contains("before-to=2026-11-30T09")).await;
    let path = ops.path().await;
    for end in ["?from=2026-11-30T10", "&to=2026-11-30T11", "&before-from=2026-11-30T09"] {
        assert!(path.contains(end), "{path}");
    }
}

#[tokio::test]
async fn local_time_is_that_of_the_browser() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    let zone = json!({ "timezoneId": "Europe/Copenhagen" });
    ops.driver.devtools("Emulation.setTimezoneOverride", zone).await;
    ops.open("/admin/system").await;
    ops.driver.eval("document.querySelector('[data-local-zone]').click()").await;
    let shown = "document.querySelector('header [data-zone=\"Europe/Copenhagen\"]') !== null";
    eventually("local time", async || ops.driver.eval(shown).await == true).await;
    assert_eq!(ops.path().await, "/admin/system");
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

#[tokio::test]
async fn a_page_loads_anew_by_itself_except_what_is_read() {
    let Some(ops) = Ops::start(Backend::Sqlite).await else { return };
    ops.recorded().await;
    ops.open("/admin/errors?refresh=5").await;
    let driver = &ops.driver;
    // In one step: what was found may be replaced before it is read.
    let counted = async || driver.eval("document.querySelector('.sum strong').textContent").await;
    assert_eq!(counted().await, "0 errors");
    // Somebody marks the name of the page's box, as a reader would a message.
    let select =
        |what: &str| format!("getSelection().selectAllChildren(document.querySelector('{what}'))");
    driver.eval(&select(".empty h2")).await;
    tracing::error!("the lamp is out");
    ops.recorded().await;
    let waits = async || driver.text("[data-fresh]").await.contains("paused");
    eventually("it waits", waits).await;
    assert_eq!(counted().await, "0 errors");
    driver.eval("getSelection().removeAllRanges()").await;
    eventually("the error", async || counted().await == "1 error").await;
    assert_eq!(driver.eval("document.querySelector('#counted').textContent").await, "1 error");
    assert!(ops.says("the lamp is out").await);
}
