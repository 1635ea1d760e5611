//! The page Metrics and its data in a foreign service: what is drawn, what a gap is, where a click leads.

use std::fmt::Write;

use admin::metrics::{Chart, Metrics, Set, select};
use serde_json::Value;

use crate::harness::App;

const SECOND: i64 = 1_000_000;

logsearch::catalogue! {
    /// Resident <b>memory</b>.
    MEMORY: Gauge("process_resident_memory_bytes", Bytes);
    /// Time of the processors.
    CPU: Counter("process_cpu_seconds_total", Seconds);
    /// Orders taken.
    ORDERS: Counter("shop_orders_total", Count, "country");
    /// Time to pack an order.
    PACKING: Histogram("shop_packing_seconds", Seconds, [0.1, 1.0, 10.0]);
    /// Customers there are.
    CUSTOMERS: Gauge("shop_customers", Count);
}

/// Half an hour of a process, until a second before this time, with six minutes in which nobody watched
/// and a country that orders only in the end.
pub fn watched_until(now: i64) -> Metrics {
    let metrics = Metrics::new(CATALOGUE).of("shop-1").charts([
        Chart::new(Set::Business, "orders", "Orders")
            .rate("", select(ORDERS.name).by("country"))
            .logs("route:/orders"),
        Chart::new(Set::Business, "packing", "Packing").percentiles(&select(PACKING.name)),
        Chart::new(Set::Business, "customers", "Customers")
            .total("customers", select(CUSTOMERS.name))
            .on_now("customers"),
    ]);
    for look in 0..180_i64 {
        let at = now - SECOND - (179 - look) * 10 * SECOND;
        if (60..96).contains(&look) {
            continue;
        }
        let mut text = String::new();
        writeln!(text, "process_resident_memory_bytes {}", 50_000_000 + look * 1_000).unwrap();
        writeln!(text, "process_cpu_seconds_total {}\nshop_customers {}", look * 5, 1_000 + look)
            .unwrap();
        writeln!(text, "shop_orders_total{{country=\"<i>dk\"}} {}", look * 20).unwrap();
        if look >= 150 {
            writeln!(text, "shop_orders_total{{country=\"se\"}} {}", (look - 150) * 10).unwrap();
        }
        for (bound, count) in [("0.1", look), ("1", look * 3), ("10", look * 4), ("+Inf", look * 4)]
        {
            writeln!(text, "shop_packing_seconds_bucket{{le=\"{bound}\"}} {count}").unwrap();
        }
        metrics.observe(&text, at);
    }
    metrics
}

async fn data(app: &App, window: &str) -> Value {
    let answer = app.get(&format!("/ops/metrics/data.json?{window}")).await;
    assert_eq!(answer.status, 200, "{window}");
    serde_json::from_str(&answer.text).unwrap()
}

fn trace<'a>(data: &'a Value, chart: &str, name: &str) -> Vec<Option<f64>> {
    let of = |value: &'a Value, key: &str, wanted: &str| {
        value.as_array().unwrap().iter().find(|one| one[key] == wanted).unwrap()
    };
    let values = &of(&of(&data["plots"], "id", chart)["series"], "name", name)["values"];
    values.as_array().unwrap().iter().map(Value::as_f64).collect()
}

fn known(values: &[Option<f64>]) -> Vec<f64> {
    values.iter().copied().flatten().collect()
}

#[tokio::test]
async fn what_the_service_exposes_is_drawn_with_its_help_and_a_table() {
    let app = App::with_log(400).await;
    let page = app.get("/ops/metrics?from=30m").await.page();
    assert_eq!(page.one("#memory > p").text(), "Resident <b>memory</b>.");
    assert!(page.one(".metrics-head > p.hint").text().starts_with("shop-1"));
    assert!(page.one("#customers svg").attr("aria-label").contains("customers 1,179"));
    assert!(page.has("#customers rect.gap"));
    let elsewhere = page.one(".metrics-head a[rel='noopener noreferrer']");
    assert_eq!(elsewhere.attr("href"), "https://grafana.example/?a=b&c=d");
    // What it does not expose has no chart.
    assert!(!page.has("#threads") && page.has("#rate"));
    assert!(!page.has("[style]"));
    let chart = page.one("#business #orders");
    assert_eq!(chart.attr("data-logs"), "/ops/logs?q=route:/orders&from={from}&to={to}");
    assert!(chart.texts(".legend li").iter().any(|name| name.starts_with("<i>dk ")));
    let rows = chart.all("tbody td a[href^='/ops/logs?q=route:/orders']").len();
    assert!((20..=30).contains(&rows), "{rows}");
}

#[tokio::test]
async fn the_first_page_says_how_many_there_are_and_how_many_more() {
    let app = App::with_log(400).await;
    let page = app.get("/ops?from=15m").await.page();
    assert!(page.one(".totals li").text().starts_with("customers 1,179 +8"));
    let memory = page.one(".vitals div:has(a[href='/ops/metrics?from=15m#memory'])");
    assert_eq!(memory.one("dd").text(), "47.9 MiB");
}

#[tokio::test]
async fn rates_and_percentiles_are_right_and_gaps_are_gaps() {
    let app = App::with_log(400).await;
    let data = data(&app, "from=30m").await;
    let step = data["step"].as_f64().unwrap();
    assert!((step - 10.0).abs() < 1e-9);
    let orders = trace(&data, "orders", "<i>dk");
    assert!(known(&orders).iter().all(|rate| (rate - 2.0).abs() < 1e-6), "{orders:?}");
    assert!(known(&orders).len() > 130, "{}", known(&orders).len());
    let longest = orders.split(Option::is_some).map(<[_]>::len).max().unwrap();
    assert!((36..=38).contains(&longest), "{longest}");
    let gap = &data["gaps"][0];
    let length = gap[1].as_f64().unwrap() - gap[0].as_f64().unwrap();
    assert!((length - 360.0).abs() <= 20.0, "{length}");
    // Half a processor, and of packing a quarter each below 0.1 s, and 0.1 to 1 s twice as much.
    assert!(known(&trace(&data, "cpu", "this process")).iter().all(|cpu| (cpu - 0.5).abs() < 1e-6));
    let median = known(&trace(&data, "packing", "p50"));
    assert!(median.iter().all(|median| (median - 0.55).abs() < 1e-6), "{median:?}");
    // A line begins when its series does: not with zeros.
    let late = known(&trace(&data, "orders", "se"));
    assert!(late.len() < 40, "{}", late.len());
}

#[tokio::test]
async fn requests_of_a_chart_are_those_of_the_log() {
    let app = App::with_log(2_000).await;
    let page = app.get("/ops/metrics?from=24h").await.page();
    let day = data(&app, "from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z").await;
    let sum = |name| known(&trace(&day, "rate", name)).iter().sum::<f64>();
    let step = day["step"].as_f64().unwrap();
    let exported = async |q: &str| {
        let url = format!("/ops/logs/export.ndjson?from=1000d&q={q}");
        app.get(&url).await.text.lines().filter(|line| line.contains("\"duration_us\"")).count()
    };
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let all = exported("status:*").await as f64;
    assert!(
        all > 100.0 && (sum("all") * step / all - 1.0).abs() < 1e-3,
        "{all} {}",
        sum("all") * step
    );
    let logs = page.values("#rate tbody a", "href").swap_remove(0);
    assert!(app.get(&logs).await.page().has("tr.record"), "{logs}");
}

#[tokio::test]
async fn every_window_has_a_bounded_answer() {
    let app = App::with_log(100).await;
    for window in [
        "",
        "from=1s",
        "from=5m",
        "from=30d",
        "from=3650d",
        "from=0&to=9e9",
        "from=x&to=y",
        "from=1&to=4102444800",
        "from=9223372036854775807",
        "from=now&to=now",
        "from=99999999999d&to=-1",
        "from=-9999-01-01T00:00:00Z&to=9999-12-30T00:00:00Z",
    ] {
        let data = data(&app, window).await;
        let times = data["times"].as_array().unwrap().len();
        assert!((1..=242).contains(&times), "{window}: {times}");
        for plot in data["plots"].as_array().unwrap() {
            for series in plot["series"].as_array().unwrap() {
                for of_each in ["values", "texts"] {
                    assert_eq!(series[of_each].as_array().unwrap().len(), times, "{window}");
                }
            }
        }
        assert_eq!(app.get(&format!("/ops/metrics?{window}")).await.status, 200, "{window}");
        assert_eq!(app.get(&format!("/ops?{window}")).await.status, 200, "{window}");
    }
}
