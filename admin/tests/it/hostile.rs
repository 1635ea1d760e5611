//! Log content is written by attackers: whatever stands in a record, no page has it as markup.

use admin::{Alert, Deploy, Rule};
use logsearch::record::{Level, LogRecord, Value};

use crate::harness::App;
use crate::host::Host;

pub const PAYLOADS: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "'><svg/onload=alert(1)>",
    "</title></textarea><iframe src=javascript:alert(1)>",
    "{{7*7}}<!--{%",
    "\u{1b}[2Ja\u{202e}b\u{0}c\u{200b}d",
];

/// Payloads in message, target, every kind of field and the names of fields.
fn records() -> Vec<LogRecord> {
    let text = |payload: &str| Value::Str(payload.to_owned());
    let record = |(n, payload): (usize, &&str)| {
        let names = [
            "http.request.id",
            "http.route",
            "url.path",
            "user.name",
            "user_agent.original",
            "error.message",
            "db.query.text",
            "db.operation.name",
            "code.callsite",
            "event.action",
        ];
        let mut fields: Vec<(String, Value)> =
            names.iter().map(|name| ((*name).to_owned(), text(payload))).collect();
        fields.push((format!("x.{payload}"), text(payload)));
        fields.push(("http.response.status_code".to_owned(), Value::Int(500)));
        fields.push(("duration_us".to_owned(), Value::Int(1_000)));
        LogRecord {
            timestamp: 1_793_491_200_000_000 + i64::try_from(n).unwrap(),
            sequence: n as u64 + 1,
            level: Level::Error,
            target: (*payload).to_owned(),
            message: (*payload).to_owned(),
            fields,
        }
    };
    PAYLOADS.iter().enumerate().map(record).collect()
}

/// The same in every text that a notification or a deployment has.
fn host() -> Host {
    let at = 1_793_491_200_000_000;
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let alert = |(n, payload): (usize, &&str)| Alert {
        id: i64::try_from(n).unwrap(),
        rule: (*payload).to_owned(),
        fingerprint: String::new(),
        labels: [pair("severity", payload), pair(payload, payload)].into(),
        annotations: [
            pair("summary", payload),
            pair("description", payload),
            pair("logs_query", payload),
            pair("runbook_url", "javascript:alert(1)"),
        ]
        .into(),
        values: [pair(payload, payload)].into(),
        links: [pair("panel", "javascript:alert(1)"), pair(payload, "https://x/\"><img>")].into(),
        started: at - 1,
        ended: (n % 2 == 0).then_some(at),
        last_received: at,
        sender: (*payload).to_owned(),
        from_end: false,
        acknowledged: None,
    };
    let deploy = |payload: &&str| Deploy {
        at,
        version: (*payload).to_owned(),
        revision: (*payload).to_owned(),
        note: (*payload).to_owned(),
    };
    let rule = |payload: &&str| Rule {
        name: format!("rule {payload}"),
        severity: (*payload).to_owned(),
        summary: (*payload).to_owned(),
        description: (*payload).to_owned(),
        logs_query: (*payload).to_owned(),
        runbook: (*payload).to_owned(),
    };
    Host {
        alerts: PAYLOADS.iter().enumerate().map(alert).collect(),
        deploys: PAYLOADS.iter().map(deploy).collect(),
        rules: PAYLOADS.iter().map(rule).collect(),
        is_away: false,
        runbook: None,
        outages: Vec::new(),
    }
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn no_page_has_a_payload_as_markup_or_shows_hidden_characters() {
    let app = App::start_in(host(), records()).await;
    let event = "/ops/events/1793491200000000-1";
    let mut pages: Vec<String> = [
        "/ops/logs?from=1h&cols=user,route,error,sql,user_agent,x.a",
        "/ops/logs?from=1h&tail=1",
        "/ops/requests",
        "/ops/requests/sql",
        "/ops/errors",
        "/ops/compare",
        "/ops/metrics",
        "/ops/system",
        "/ops/operators",
        "/ops/orders",
        "/ops/logs/searches",
        "/ops",
        "/ops/alerts",
        event,
        &format!("{event}/context?scope=user"),
    ]
    .iter()
    .map(|path| (*path).to_owned())
    .collect();
    for payload in PAYLOADS {
        let payload = encoded(payload);
        pages.push(format!("/ops/logs?q={payload}&from={payload}&cols={payload}&sort={payload}"));
        pages.push(format!("/ops/compare?q={payload}&before-from={payload}"));
        pages.push(format!("/ops/requests/{payload}"));
        pages.push(format!("/ops/{payload}"));
        pages.push(format!("/ops/orders?q={payload}&from={payload}"));
        pages.push(format!("/ops/alerts/{payload}"));
        pages.push(format!("/ops/alerts/rule%20{payload}?at={payload}"));
        pages.push(format!("{event}/context?q={payload}&scope={payload}"));
    }
    for path in pages {
        let answer = app.get(&path).await;
        assert!(answer.status.as_u16() != 500, "{path}");
        assert!(
            answer.headers["content-type"].to_str().unwrap().starts_with("text/html"),
            "{path}"
        );
        let html = answer.text.to_lowercase();
        for markup in
            ["<script>", "<img", "<iframe", "<svg/", "<!--", "onerror=\"", "javascript:\""]
        {
            assert!(!html.contains(markup), "{path} has {markup}");
        }
        let hidden = answer.text.chars().find(|c| {
            matches!(c, '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        });
        assert_eq!(hidden, None, "{path}");
    }
}

#[tokio::test]
async fn scripts_build_texts_and_not_markup() {
    for name in ["admin.js", "complete.js", "metrics.js", "page.js", "tail.js"] {
        let path = format!("{}/assets/{name}", env!("CARGO_MANIFEST_DIR"));
        let script = std::fs::read_to_string(path).unwrap();
        for sink in [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "setHTML",
            "DOMParser",
        ] {
            assert!(!script.contains(sink), "{name} has {sink}");
        }
    }
}

#[tokio::test]
async fn json_of_a_record_is_the_record() {
    let app = App::start(records()).await;
    let answer = app.get("/ops/events/1793491200000005-6.json").await;
    let value: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(value["message"], PAYLOADS[5]);
    assert!(!answer.text.contains('\u{202e}'));
}
