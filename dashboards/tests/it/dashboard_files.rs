//! What Grafana asks of the files of dashboards, checked on the committed ones.

use std::collections::BTreeSet;

use provisioning::dashboards::{ALL, panel_id};
use serde_json::Value;

use crate::committed;

/// The variable of the data source, and what Grafana marks by itself.
const DATASOURCES: [&str; 2] = ["${datasource}", "-- Grafana --"];
/// What an export for other people's Grafana has, and file provisioning does not fill in.
const OF_AN_EXPORT: [&str; 3] = ["__inputs", "__requires", "__elements"];

/// What is wrong with a file.
fn wrong_with(file: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut check = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let uid = file["uid"].as_str().unwrap_or_default();
    check((1..=40).contains(&uid.len()) && uid.chars().all(is_of_a_uid), "the uid");
    check(file["title"].as_str().is_some_and(|title| !title.is_empty()), "the title");
    // Version 2 is another format, and 42 came with Grafana 12.2.
    check(file["schemaVersion"].as_u64().is_some_and(|v| (39..=41).contains(&v)), "schemaVersion");
    check(file.get("id").is_none(), "an id, which only the database gives");
    check(file["editable"] == false, "it can be edited, and what is provisioned cannot");
    check(OF_AN_EXPORT.iter().all(|name| file.get(name).is_none()), "it was exported");
    check(sources(file).iter().all(|s| DATASOURCES.contains(&s.as_str())), "a data source");
    let panels = panels(file);
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64()).collect();
    check(ids.len() == panels.len() && !ids.contains(&None), "two panels of an id, or one without");
    check(panels.iter().all(|panel| has_targets_of_its_own(panel)), "two queries of a refId");
    let open = file["panels"].as_array().unwrap();
    let closed = open.iter().filter_map(|row| row["panels"].as_array());
    for grid in closed.chain([open]) {
        check(overlap(grid).is_empty(), &format!("panels lie on each other: {:?}", overlap(grid)));
    }
    wrong
}

fn is_of_a_uid(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-".contains(c)
}

/// The panels, rows and what is in them included.
fn panels(file: &Value) -> Vec<&Value> {
    let open = file["panels"].as_array().unwrap().iter();
    let inside = open.clone().flat_map(|row| row["panels"].as_array().into_iter().flatten());
    open.chain(inside).collect()
}

fn has_targets_of_its_own(panel: &Value) -> bool {
    let targets = panel["targets"].as_array().map_or(&[][..], Vec::as_slice);
    let ids: BTreeSet<_> = targets.iter().map(|target| target["refId"].as_str()).collect();
    ids.len() == targets.len() && !ids.contains(&None)
}

/// The uid of every data source in a file.
fn sources(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().flat_map(sources).collect(),
        Value::Object(object) => {
            let own = object.get("datasource").map(|source| source["uid"].as_str());
            let own = own.map(|uid| uid.unwrap_or("(none)").to_owned());
            own.into_iter().chain(object.values().flat_map(sources)).collect()
        }
        _ => Vec::new(),
    }
}

/// Pairs of panels of which one covers a part of the other, and panels beside the grid of 24 columns.
fn overlap(panels: &[Value]) -> Vec<String> {
    let place = |panel: &Value| {
        let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        (side("x"), side("y"), side("x") + side("w"), side("y") + side("h"))
    };
    let mut wrong = Vec::new();
    for (at, one) in panels.iter().enumerate() {
        let (left, top, right, bottom) = place(one);
        let covers = |other: &&Value| {
            let (other_left, other_top, other_right, other_bottom) = place(other);
            left < other_right && other_left < right && top < other_bottom && other_top < bottom
        };
        let covered = panels[at + 1..].iter().filter(covers);
        wrong.extend(covered.map(|other| format!("{} and {}", one["title"], other["title"])));
        if right > 24 {
            wrong.push(format!("{} is too wide", one["title"]));
        }
    }
    wrong
}

fn committed_files() -> Vec<Value> {
    let text = |(file, _): &(&str, _)| committed::read(&format!("dashboards/{file}"));
    ALL.iter().map(|file| serde_json::from_str(&text(file)).unwrap()).collect()
}

#[test]
fn grafana_takes_the_files_of_dashboards() {
    let files = committed_files();
    for file in &files {
        assert_eq!(wrong_with(file), Vec::<String>::new(), "{}", file["title"]);
    }
    for key in ["uid", "title"] {
        let known: BTreeSet<_> = files.iter().map(|file| file[key].as_str()).collect();
        assert_eq!(known.len(), files.len(), "two dashboards of one {key}");
    }
}

#[test]
fn what_grafana_refuses_is_found() {
    let good = committed_files().remove(0);
    for (change, complaint) in [
        ((|file| file["uid"] = "a b".into()) as fn(&mut Value), "the uid"),
        (|file| file["title"] = "".into(), "the title"),
        (|file| file["schemaVersion"] = 2.into(), "schemaVersion"),
        (|file| file["id"] = 7.into(), "an id"),
        (|file| file["editable"] = true.into(), "edited"),
        (|file| file["__inputs"] = Value::Array(Vec::new()), "exported"),
        (
            |file| file["panels"][1]["datasource"]["uid"] = "${DS_PROMETHEUS}".into(),
            "a data source",
        ),
        (|file| file["panels"][2]["id"] = file["panels"][1]["id"].clone(), "two panels"),
        (|file| file["panels"][1]["targets"][0]["refId"] = Value::Null, "refId"),
        (
            |file| file["panels"][2]["gridPos"] = file["panels"][1]["gridPos"].clone(),
            "on each other",
        ),
    ] {
        let mut file = good.clone();
        change(&mut file);
        let wrong = wrong_with(&file);
        assert!(wrong.len() == 1 && wrong[0].contains(complaint), "{complaint}: {wrong:?}");
    }
}

#[test]
fn panels_are_found_by_their_titles() {
    for (_, dashboard) in ALL.iter() {
        let json = dashboard.json();
        let written: Vec<_> =
            panels(&json).into_iter().filter(|panel| panel["type"] != "row").collect();
        assert_eq!(written.len(), dashboard.panels().count());
        for panel in written {
            let title = panel["title"].as_str().unwrap();
            assert_eq!(panel["id"], panel_id(dashboard.uid, title).unwrap(), "{title}");
        }
    }
    assert!(panel_id("minitwit-oncall", "of nobody").is_err());
    assert!(panel_id("of-nobody", "Processors").is_err());
}
