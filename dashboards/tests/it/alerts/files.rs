//! What Grafana asks of the files of alerting, checked on the committed ones. With a file that it does not
//! take it refuses to start; a key that it does not know, and a variable that is not set, it leaves out
//! without a word.

use std::collections::BTreeSet;

use provisioning::alerts::grafana::{FILES, FOLDER};
use provisioning::alerts::source::SERVICE;
use regex::Regex;
use serde_json::Value;

use crate::committed::{SOURCE, read, yaml};

/// Most characters of a uid.
const UID: usize = 40;
/// Most characters of the name of a rule, and of a group.
const NAME: usize = 190;
/// Seconds between two looks of the scheduler: intervals are multiples of it.
const TICK: u64 = 10;
/// What a rule may become when there is nothing, or when the question fails.
const NO_DATA: [&str; 4] = ["NoData", "Alerting", "OK", "KeepLast"];
const FAILURE: [&str; 4] = ["Error", "Alerting", "OK", "KeepLast"];
const OPERATORS: [&str; 4] = ["=", "!=", "=~", "!~"];
/// The keys that Grafana reads.
const OF_A_GROUP: [&str; 5] = ["folder", "interval", "name", "orgId", "rules"];
const OF_A_RULE: [&str; 14] = [
    "annotations",
    "condition",
    "dashboardUid",
    "data",
    "execErrState",
    "for",
    "isPaused",
    "keepFiringFor",
    "labels",
    "missing_series_evals_to_resolve",
    "noDataState",
    "panelId",
    "title",
    "uid",
];
const OF_A_NODE: [&str; 4] = ["datasourceUid", "model", "refId", "relativeTimeRange"];
const OF_A_RECEIVER: [&str; 4] = ["disableResolveMessage", "settings", "type", "uid"];
const OF_A_POLICY: [&str; 10] = [
    "continue",
    "group_by",
    "group_interval",
    "group_wait",
    "mute_time_intervals",
    "object_matchers",
    "orgId",
    "receiver",
    "repeat_interval",
    "routes",
];

/// The files, each with the key under which its things are.
struct Files {
    rules: Value,
    points: Value,
    policies: Value,
    timings: Value,
    templates: Value,
}

/// What is wrong, in words.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn unless(&mut self, holds: bool, place: &str, what: &str) {
        if !holds {
            self.0.push(format!("{place}: {what}"));
        }
    }

    /// Every key is one that Grafana reads.
    fn unless_known(&mut self, place: &str, value: &Value, keys: &[&str]) {
        for key in value.as_object().unwrap().keys() {
            self.unless(keys.contains(&key.as_str()), place, &format!("Grafana knows no {key}"));
        }
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn is_a_uid(uid: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    (1..=UID).contains(&uid.len()) && uid.chars().all(is_plain)
}

/// Whole seconds of a duration with one unit.
fn seconds(duration: &str) -> Option<u64> {
    let (number, unit) = duration.split_at_checked(duration.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(number.parse::<u64>().ok()? * unit)
}

impl Files {
    fn committed() -> Self {
        let [rules, points, policies, timings, templates] =
            ["rules", "contact-points", "policies", "mute-timings", "templates"]
                .map(|name| yaml(&format!("{FILES}/{name}.yaml")));
        Self { rules, points, policies, timings, templates }
    }

    fn wrong(&self) -> Vec<String> {
        let mut wrong = Wrong::default();
        let Self { rules, points, policies, timings, templates } = self;
        for (file, key) in [
            (rules, "groups"),
            (points, "contactPoints"),
            (policies, "policies"),
            (timings, "muteTimes"),
            (templates, "templates"),
        ] {
            wrong.unless_known(key, file, &["apiVersion", "deleteRules", key]);
            wrong.unless(file["apiVersion"] == 1, key, "apiVersion");
            wrong.unless(!list(file, key).is_empty(), key, "nothing in it");
            wrong.unless(list(file, key).iter().all(|item| item["orgId"] == 1), key, "orgId");
        }
        self.groups(&mut wrong);
        self.points(&mut wrong);
        self.timings(&mut wrong);
        for policy in list(policies, "policies") {
            self.policy(policy, &mut wrong);
        }
        wrong.0
    }

    fn groups(&self, wrong: &mut Wrong) {
        let (mut uids, mut names) = (BTreeSet::new(), BTreeSet::new());
        for group in list(&self.rules, "groups") {
            let name = text(group, "name");
            wrong.unless_known(name, group, &OF_A_GROUP);
            wrong.unless((1..=NAME).contains(&name.len()), name, "the length of a group's name");
            wrong.unless(names.insert(name), name, "two groups of this name");
            wrong.unless(text(group, "folder") == FOLDER, name, "another folder than dashboards");
            let interval = seconds(text(group, "interval")).unwrap_or_default();
            let is_a_multiple = interval > 0 && interval.is_multiple_of(TICK);
            wrong.unless(is_a_multiple, name, "the scheduler does not look at this interval");
            for rule in list(group, "rules") {
                let (uid, title) = (text(rule, "uid"), text(rule, "title"));
                wrong.unless(
                    uids.insert(uid) && names.insert(title),
                    uid,
                    "two rules of this name",
                );
                rule_of(rule, wrong);
            }
        }
    }

    fn points(&self, wrong: &mut Wrong) {
        let mut uids = BTreeSet::new();
        let templates = list(&self.templates, "templates").iter();
        let templates: String = templates.map(|template| text(template, "template")).collect();
        let pairs = |open: &str, close: &str| {
            templates.matches(open).count() == templates.matches(close).count()
        };
        wrong.unless(pairs("{{", "}}"), "templates", "a brace that does not end");
        let used = Regex::new(r#"\{\{ template "([^"]+)" \. \}\}"#).unwrap();
        for receiver in
            list(&self.points, "contactPoints").iter().flat_map(|p| list(p, "receivers"))
        {
            let uid = text(receiver, "uid");
            wrong.unless_known(uid, receiver, &OF_A_RECEIVER);
            wrong.unless(is_a_uid(uid) && uids.insert(uid), uid, "the uid");
            let settings = receiver["settings"].as_object().unwrap();
            for (name, value) in settings.iter().filter_map(|(n, v)| Some((n, v.as_str()?))) {
                // Without this one Grafana sends no header, and the inbox refuses.
                let may_be_empty = name == "authorization_credentials";
                let is_empty = without_variables(value).is_none_or(|left| left.is_empty());
                wrong.unless(may_be_empty || !is_empty, uid, &format!("{name} may become empty"));
                for found in used.captures_iter(value) {
                    let is_there = templates.contains(&format!("{{{{ define \"{}\"", &found[1]));
                    wrong.unless(is_there, uid, &format!("no template {}", &found[1]));
                }
            }
        }
    }

    /// The tree is one thing: a receiver or a time that does not exist fails all of it.
    fn policy(&self, policy: &Value, wrong: &mut Wrong) {
        let receiver = text(policy, "receiver");
        wrong.unless_known(receiver, policy, &OF_A_POLICY);
        let is_named = |file: &Value, key: &str, name: &str| {
            list(file, key).iter().any(|thing| text(thing, "name") == name)
        };
        wrong.unless(
            is_named(&self.points, "contactPoints", receiver),
            receiver,
            "no such receiver",
        );
        for time in list(policy, "mute_time_intervals") {
            let is_known = is_named(&self.timings, "muteTimes", time.as_str().unwrap());
            wrong.unless(is_known, receiver, "no such mute timing");
        }
        let labels = list(policy, "group_by");
        let different: BTreeSet<_> = labels.iter().map(Value::as_str).collect();
        wrong.unless(different.len() == labels.len(), receiver, "grouped by a label twice");
        let [wait, interval, repeat] = ["group_wait", "group_interval", "repeat_interval"]
            .map(|key| seconds(text(policy, key)));
        wrong.unless(wait.is_some(), receiver, "group_wait");
        wrong.unless(interval > Some(0), receiver, "group_interval");
        wrong.unless(repeat >= interval, receiver, "repeated more often than looked at");
        for matcher in list(policy, "object_matchers") {
            let part = |index: usize| matcher[index].as_str().unwrap_or_default();
            wrong.unless(OPERATORS.contains(&part(1)), receiver, "an operator of a matcher");
            wrong.unless(Regex::new(part(2)).is_ok(), receiver, "a pattern of a matcher");
        }
        for route in list(policy, "routes") {
            self.policy(route, wrong);
        }
    }

    fn timings(&self, wrong: &mut Wrong) {
        let time = Regex::new("^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$").unwrap();
        for timing in list(&self.timings, "muteTimes") {
            let name = text(timing, "name");
            for interval in list(timing, "time_intervals") {
                wrong.unless(text(interval, "location").contains('/'), name, "no time zone");
                for times in list(interval, "times") {
                    let (start, end) = (text(times, "start_time"), text(times, "end_time"));
                    let are_times = time.is_match(start) && time.is_match(end);
                    wrong.unless(
                        are_times && start < end,
                        name,
                        "a time that ends before it begins",
                    );
                }
            }
        }
    }
}

/// A rule by itself.
fn rule_of(rule: &Value, wrong: &mut Wrong) {
    let uid = text(rule, "uid");
    wrong.unless_known(uid, rule, &OF_A_RULE);
    wrong.unless(is_a_uid(uid), uid, "the uid");
    wrong.unless((1..=NAME).contains(&text(rule, "title").len()), uid, "the length of the title");
    let nodes = list(rule, "data");
    let ids: BTreeSet<_> = nodes.iter().map(|node| text(node, "refId")).collect();
    wrong.unless(ids.len() == nodes.len() && !ids.contains(""), uid, "two queries of a refId");
    wrong.unless(ids.contains(text(rule, "condition")), uid, "the condition is no query");
    for node in nodes {
        node_of(uid, node, &ids, wrong);
    }
    let is_one_of = |key: &str, known: &[&str]| known.contains(&text(rule, key));
    wrong.unless(is_one_of("noDataState", &NO_DATA), uid, "noDataState");
    // Where it is left out, a question that fails would be an alert of its own.
    wrong.unless(is_one_of("execErrState", &FAILURE), uid, "execErrState");
    let evaluations = rule["missing_series_evals_to_resolve"].as_u64();
    wrong.unless(evaluations.is_some_and(|n| n > 0), uid, "it never ends without its series");
    for key in ["for", "keepFiringFor"].iter().filter(|key| rule.get(**key).is_some()) {
        wrong.unless(seconds(text(rule, key)).is_some(), uid, key);
    }
    words_of(uid, rule, wrong);
}

/// A query, or what is computed of one.
fn node_of(uid: &str, node: &Value, ids: &BTreeSet<&str>, wrong: &mut Wrong) {
    wrong.unless_known(uid, node, &OF_A_NODE);
    let model = &node["model"];
    wrong.unless(node["refId"] == model["refId"], uid, "a model of another refId");
    if node["datasourceUid"] == "__expr__" {
        let expression = text(model, "expression");
        let named = Regex::new(r"\$(\w+)").unwrap();
        let named: Vec<_> =
            named.captures_iter(expression).map(|found| found.extract().1).collect();
        let is_known = match text(model, "type") {
            "math" => !named.is_empty() && named.iter().all(|[id]| ids.contains(id)),
            _ => ids.contains(expression),
        };
        wrong.unless(is_known, uid, "computed of a query that is not there");
        return;
    }
    let end = |end: &str| node["relativeTimeRange"][end].as_u64();
    wrong.unless(end("from") > end("to"), uid, "an empty range");
    let is_instant = model["instant"] == true && model["range"] == false;
    wrong.unless(is_instant, uid, "a range would need a reduction");
}

/// Labels and annotations. Grafana puts variables of its environment into labels; into annotations newer
/// versions put those in braces.
fn words_of(uid: &str, rule: &Value, wrong: &mut Wrong) {
    let strings = |key: &str| {
        let object = rule[key].as_object().unwrap();
        object
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
    };
    let name_of_label = Regex::new("^[a-zA-Z_][a-zA-Z0-9_]*$").unwrap();
    for (name, value) in strings("labels") {
        let is_own = !name.starts_with("__") && !["alertname", "grafana_folder"].contains(&&*name);
        wrong.unless(is_own && name_of_label.is_match(&name), uid, "a label of another's");
        wrong.unless(!value.contains('$') && !value.is_empty(), uid, "a label with a variable");
    }
    wrong.unless(rule["labels"]["service"] == SERVICE, uid, "no service");
    let annotations: Vec<_> = strings("annotations").collect();
    for (_, value) in &annotations {
        wrong.unless(!value.contains("${"), uid, "an annotation with a variable");
    }
    let wanted =
        ["summary", "description", "title", "resolved", "runbook_url", "logs_query", "dashboard"];
    for wanted in wanted {
        let is_there = annotations.iter().any(|(name, value)| name == wanted && !value.is_empty());
        wrong.unless(is_there, uid, &format!("no {wanted}"));
    }
    let marks = &rule["annotations"];
    let is_linked = marks["__dashboardUid__"] == rule["dashboardUid"]
        && text(marks, "__panelId__").parse().ok() == rule["panelId"].as_u64();
    wrong.unless(is_linked, uid, "its annotations name another panel");
    let panel = text(marks, "runbook_url").rsplit_once("viewPanel=").map_or("", |(_, id)| id);
    let runbooks: Value = serde_json::from_str(&read("dashboards/runbooks.json")).unwrap();
    let own = list(&runbooks, "panels").iter().find(|panel| panel["title"] == uid);
    wrong.unless(
        own.is_some_and(|own| own["id"].as_u64() == panel.parse().ok()),
        uid,
        "another's runbook",
    );
}

/// A text as Grafana has it when none of its variables is set; `None` with a variable without braces.
fn without_variables(text: &str) -> Option<String> {
    let mut parts = text.split("${");
    let first = parts.next()?.to_owned();
    let rest = parts.try_fold(first, |text, part| Some(text + part.split_once('}')?.1))?;
    (!rest.contains('$')).then_some(rest)
}

#[test]
fn grafana_takes_the_files_of_alerting() {
    let files = Files::committed();
    assert_eq!(files.wrong(), Vec::<String>::new());
    let rules = list(&files.rules, "groups").iter().flat_map(|group| list(group, "rules"));
    assert_eq!(rules.count(), SOURCE.alerts().count());
    let first = &files.policies["policies"][0]["routes"][0]["object_matchers"][0];
    assert_eq!(*first, serde_json::json!(["alertname", "=~", "Datasource.*"]), "those come first");
}

#[test]
fn what_grafana_would_not_take_is_found() {
    type Change = fn(&mut Files);
    fn rule(files: &mut Files) -> &mut Value {
        &mut files.rules["groups"][0]["rules"][0]
    }
    fn policy(files: &mut Files) -> &mut Value {
        &mut files.policies["policies"][0]["routes"][5]
    }
    let cases: [(Change, &str); 38] = [
        (|f| f.rules["apiVersion"] = 2.into(), "apiVersion"),
        (|f| f.points["contactPoints"][0]["orgId"] = Value::Null, "orgId"),
        (|f| f.timings["muteTimings"] = f.timings["muteTimes"].clone(), "knows no muteTimings"),
        (|f| f.templates["templates"] = Value::Array(Vec::new()), "nothing in it"),
        (|f| f.rules["groups"][0]["interval"] = "15s".into(), "this interval"),
        (|f| f.rules["groups"][0]["folder"] = "Other".into(), "another folder"),
        (|f| f.rules["groups"][0]["name"] = "x".repeat(191).into(), "a group's name"),
        (|f| f.rules["groups"][1] = f.rules["groups"][0].clone(), "two groups"),
        (|f| rule(f)["uid"] = "x".repeat(41).into(), "the uid"),
        (|f| rule(f)["title"] = "".into(), "the title"),
        (|f| rule(f)["keepFiringFor"] = "long".into(), "keepFiringFor"),
        (|f| rule(f)["keep_firing_for"] = "5m".into(), "knows no keep_firing_for"),
        (|f| rule(f)["condition"] = "C".into(), "the condition"),
        (|f| rule(f)["data"][1]["refId"] = "query".into(), "of a refId"),
        (|f| rule(f)["data"][0]["model"]["refId"] = "A".into(), "another refId"),
        (|f| rule(f)["data"][0]["relativeTimeRange"]["from"] = 0.into(), "an empty range"),
        (|f| rule(f)["data"][0]["model"]["instant"] = false.into(), "a reduction"),
        (|f| rule(f)["data"][1]["model"]["expression"] = "$A > 0".into(), "not there"),
        (|f| rule(f)["data"][2]["model"]["expression"] = "B".into(), "not there"),
        (|f| rule(f)["noDataState"] = "Ok".into(), "noDataState"),
        (|f| rule(f)["execErrState"] = Value::Null, "execErrState"),
        (|f| rule(f)["missing_series_evals_to_resolve"] = 0.into(), "never ends"),
        (|f| rule(f)["labels"]["severity"] = "$SEVERITY".into(), "a label with a variable"),
        (|f| rule(f)["labels"]["a.b"] = "c".into(), "a label of another's"),
        (|f| rule(f)["annotations"]["summary"] = "${HOME}".into(), "an annotation with"),
        (|f| rule(f)["annotations"]["title"] = "".into(), "no title"),
        (|f| rule(f)["panelId"] = 1.into(), "another panel"),
        (|f| f.points["contactPoints"][2]["receivers"][0]["uid"] = "a b".into(), "the uid"),
        (
            |f| f.points["contactPoints"][2]["receivers"][1]["settings"]["url"] = "${URL}".into(),
            "url may become empty",
        ),
        (
            |f| f.points["contactPoints"][2]["receivers"][1]["settings"]["url"] = "$URL#".into(),
            "url may become empty",
        ),
        (
            |f| {
                f.points["contactPoints"][2]["receivers"][1]["settings"]["title"] =
                    r#"{{ template "other" . }}"#.into();
            },
            "no template other",
        ),
        (|f| policy(f)["receiver"] = "nobody".into(), "no such receiver"),
        (|f| policy(f)["mute_time_intervals"][0] = "days".into(), "no such mute timing"),
        (|f| policy(f)["group_interval"] = "0s".into(), "group_interval"),
        (|f| policy(f)["repeat_interval"] = "1m".into(), "more often"),
        (|f| policy(f)["group_by"][1] = policy(f)["group_by"][0].clone(), "a label twice"),
        (|f| policy(f)["object_matchers"][0][1] = "~".into(), "an operator"),
        (
            |f| {
                f.timings["muteTimes"][0]["time_intervals"][0]["times"][0]["end_time"] =
                    "8:00".into();
            },
            "ends before",
        ),
    ];
    for (change, complaint) in cases {
        let mut files = Files::committed();
        change(&mut files);
        let wrong = files.wrong().join("\n");
        assert!(wrong.contains(complaint), "{complaint}: {wrong:?}");
    }
}
