//! Changes in a window in one timeline: deployments, alerts, and operator actions. Sign-ins are not
//! changes; System lists them.

use std::sync::LazyLock;

use logsearch::fields;
use logsearch::query::{Query, parse};
use logsearch::record::LogRecord;
use logsearch::store::{LogStore, Search, StoreError, TimeRange};

use crate::context::links::{Links, View, cursor};
use crate::context::panel::Panel;
use crate::data::record::text_of;
use crate::data::timeline::WindowEvents;
use crate::format;
use crate::host::{Alert, Deploy};
use crate::pages::alerts::severity_class;
use crate::ui::table::{Column, Table, figure, number, text};

/// Maximum length of the list.
const LINES: usize = 20;
/// Query for operator actions.
static DONE: LazyLock<Query> =
    LazyLock::new(|| parse("event.action:* -event.action:operator.*").query);
/// Fields of an audit record that say what it was about, besides its sentence.
const ABOUT: [&str; 4] = ["logs.levels", fields::JOB, "message.id", "url.query"];

/// A row of the list.
pub struct Change {
    pub at: i64,
    pub time: String,
    pub time_full: String,
    /// `deploy`, `alert`, `ended`, or what an operator did.
    pub kind: String,
    pub class: &'static str,
    pub text: String,
    /// About what.
    pub about: String,
    pub who: String,
    pub url: String,
    /// Of a deployment: URL of the comparison of before and after.
    pub compare: String,
}

/// The columns of the list.
const COLUMNS: [Column<Change>; 4] = [
    figure("time", |change| number(Some(change.at))),
    text("event", |change| change.kind.clone()),
    text("details", |change| format!("{} {}", change.text, change.about)),
    text("by", |change| change.who.clone()),
];

/// The list of these changes.
pub fn table(changes: Vec<Change>, at: (&View, &Links, &str)) -> Table<Change> {
    Table::new("changes", &COLUMNS, changes, at, |change| change)
}

/// The newest changes of a range, the newest first, and what could not be read.
pub async fn changes(
    panel: &Panel,
    range: TimeRange,
) -> Result<(Vec<Change>, Vec<String>), StoreError> {
    let (events, done) = tokio::try_join!(
        async { Ok(WindowEvents::within(panel, range).await) },
        done(panel.store.as_ref(), range),
    )?;
    let links = &panel.links;
    let mut changes: Vec<Change> =
        events.deploys.iter().map(|deploy| of_deploy(deploy, panel.now(), links)).collect();
    let is_shown = |alert: &&Alert| !alert.is_heartbeat() && !alert.is_evaluation_failure();
    for alert in events.alerts.iter().filter(is_shown) {
        let ends = alert.ended.map(|ended| of_alert(alert, ended, true, links));
        let began = of_alert(alert, alert.started, false, links);
        changes.extend([Some(began), ends].into_iter().flatten());
    }
    changes.extend(done.iter().map(|record| of_record(record, links)));
    changes.retain(|change| range.contains(change.at));
    changes.sort_by_key(|change| std::cmp::Reverse(change.at));
    changes.truncate(LINES);
    Ok((changes, events.notices))
}

async fn done(store: &dyn LogStore, range: TimeRange) -> Result<Vec<LogRecord>, StoreError> {
    let search = Search::new(DONE.clone()).within(range).limit(LINES);
    Ok(store.search(&search).await?.records)
}

fn change(at: i64, kind: &str, class: &'static str) -> Change {
    Change {
        at,
        time: format::time(at)[..8].to_owned(),
        time_full: format::rfc3339(at),
        kind: kind.to_owned(),
        class,
        text: String::new(),
        about: String::new(),
        who: String::new(),
        url: String::new(),
        compare: String::new(),
    }
}

fn of_deploy(deploy: &Deploy, now: i64, links: &Links) -> Change {
    Change {
        text: deploy.label(),
        about: deploy.note.clone(),
        compare: links.compare_since(deploy.at, now),
        ..change(deploy.at, "deploy", "info")
    }
}

fn of_alert(alert: &Alert, at: i64, has_ended: bool, links: &Links) -> Change {
    let class = severity_class(alert.label("severity"));
    let line =
        if has_ended { change(at, "alert resolved", "info") } else { change(at, "alert", class) };
    Change {
        text: alert.rule.clone(),
        about: if has_ended { String::new() } else { alert.annotation("summary").to_owned() },
        url: links.alert(&alert.rule, Some(alert.id)),
        ..line
    }
}

fn of_record(record: &LogRecord, links: &Links) -> Change {
    let about: Vec<String> = ABOUT.iter().filter_map(|name| text_of(record, name)).collect();
    let action = text_of(record, "event.action").unwrap_or_default();
    Change {
        text: record.message.clone(),
        about: about.join(", "),
        who: text_of(record, fields::USER_NAME).unwrap_or_default(),
        url: links.event(cursor(record)),
        ..change(record.timestamp, &action, "debug")
    }
}
