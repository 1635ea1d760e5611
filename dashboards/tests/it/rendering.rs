//! Rules about how the generated JSON renders, each for a way in which a panel misled somebody: axes, bars,
//! legends, colors during an outage, lists of variables, and places.

use provisioning::dashboards::build::{Kind, Panel};
use provisioning::dashboards::{ALL, panels};
use serde_json::Value;

/// Columns of the grid.
const COLUMNS: u64 = 24;

/// The panels of a dashboard as Grafana reads them, rows left out.
fn written(dashboard: &Value) -> Vec<&Value> {
    let open = dashboard["panels"].as_array().unwrap().iter();
    let inside = open.clone().flat_map(|row| row["panels"].as_array().into_iter().flatten());
    open.chain(inside).filter(|panel| panel["type"] != "row").collect()
}

/// Complaints about every panel of every file, with their places.
fn complaints(rule: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, dashboard) in ALL.iter() {
        let json = dashboard.json();
        for panel in written(&json) {
            wrong.extend(rule(panel).map(|what| format!("{file}: {}: {what}", panel["title"])));
        }
    }
    wrong
}

#[test]
fn an_axis_of_noise_does_not_fill_its_panel() {
    let wrong = complaints(|panel| {
        let defaults = &panel["fieldConfig"]["defaults"];
        let has_end = defaults["max"].is_number() || defaults["custom"]["axisSoftMax"].is_number();
        (panel["type"] == "timeseries" && !has_end).then(|| "no axisSoftMax".to_owned())
    });
    assert_eq!(wrong, Vec::<String>::new());
    let burn = panels().filter(|(_, panel)| panel.title.contains("burn rate"));
    let ends: Vec<_> = burn.map(|(_, panel)| panel.soft_max).collect();
    assert!(ends.len() >= 3 && ends.iter().all(|end| *end == Some(15.0)), "{ends:?}");
}

#[test]
fn bars_stand_as_far_apart_as_what_they_sum_up() {
    for (_, panel) in panels().filter(|(_, panel)| panel.kind == Kind::Bars) {
        let window = panel.interval().unwrap();
        for target in &panel.targets {
            let other = target
                .expr
                .match_indices('[')
                .any(|(at, _)| !target.expr[at + 1..].starts_with(&format!("{window}]")));
            assert!(!other, "{}: {} every {window}", panel.title, target.expr);
        }
    }
    let wrong = complaints(|panel| {
        let is_bars = panel["fieldConfig"]["defaults"]["custom"]["drawStyle"] == "bars";
        (is_bars && !panel["interval"].is_string()).then(|| "bars without an interval".to_owned())
    });
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn legends_begin_with_the_largest_and_have_one_figure() {
    let wrong = complaints(|panel| {
        let legend = &panel["options"]["legend"];
        let is_shown = panel["type"] == "timeseries" && legend["showLegend"] == true;
        let is_right = legend["sortBy"] == "Last *"
            && legend["sortDesc"] == true
            && legend["calcs"].as_array().unwrap().len() == 1;
        (is_shown && !is_right).then(|| format!("legend {legend}"))
    });
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn what_is_zero_all_the_time_is_not_stacked() {
    let wrong = complaints(|panel| {
        let is_stack = panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal";
        let targets = panel["targets"].as_array().into_iter().flatten();
        let is_of_many =
            targets.clone().any(|target| target["legendFormat"].as_str().unwrap().contains("{{"));
        let overrides = panel["fieldConfig"]["overrides"].as_array().into_iter().flatten();
        let is_hidden =
            overrides.clone().any(|given| given["matcher"]["options"]["reducer"] == "allIsZero");
        (is_stack && is_of_many && !is_hidden).then(|| "draws series of zeros".to_owned())
    });
    assert_eq!(wrong, Vec::<String>::new());
}

/// Whether a color says that all is well.
fn may_be_green(panel: &Panel) -> bool {
    let is_instant = panel.is_instant() || panel.kind == Kind::Trend;
    let mut colors = panel.thresholds.iter().map(|(_, color)| *color).chain([panel.base_color]);
    is_instant && !panel.thresholds.is_empty() && colors.any(|color| color == "green")
}

#[test]
fn nothing_is_green_while_the_service_is_down() {
    let mut guarded = 0;
    for (dashboard, panel) in panels().filter(|(_, panel)| may_be_green(panel)) {
        if panel.title == "Instances up" {
            assert_eq!(panel.base_color, "red", "0 instances");
            assert!(panel.targets[0].expr.ends_with("or vector(0)"), "none is a value too");
            continue;
        }
        for target in &panel.targets {
            let is_guarded =
                target.expr.ends_with("> 0)") && target.expr.contains("and on () (max(up{");
            assert!(is_guarded, "{} / {}: {}", dashboard.title, panel.title, target.expr);
            guarded += 1;
        }
    }
    assert!(guarded > 15, "{guarded}");
    let wrong = complaints(|panel| {
        let is_stat = ["stat", "gauge", "bargauge"].iter().any(|kind| panel["type"] == *kind);
        let defaults = &panel["fieldConfig"]["defaults"];
        let nothing = &defaults["mappings"][0]["options"]["result"];
        let is_said = defaults["noValue"].is_string() && nothing["color"] == "text";
        (is_stat && !is_said).then(|| "does not say that it has no data".to_owned())
    });
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn states_are_words_in_the_colors_of_their_meaning() {
    let mut timelines = 0;
    for (_, dashboard) in ALL.iter() {
        let json = dashboard.json();
        for panel in written(&json).into_iter().filter(|panel| panel["type"] == "state-timeline") {
            let defaults = &panel["fieldConfig"]["defaults"];
            // Legends of thresholds name thresholds: "-∞+".
            assert_ne!(defaults["color"]["mode"], "thresholds");
            let states = &defaults["mappings"][0]["options"];
            for (value, text, color) in [("0", "down", "red"), ("1", "up", "green")] {
                assert_eq!(states[value]["text"], text);
                assert_eq!(states[value]["color"], color);
            }
            timelines += 1;
        }
    }
    assert!(timelines > 0);
}

#[test]
fn variables_stand_for_minitwit_alone() {
    for (file, dashboard) in ALL.iter() {
        let json = dashboard.json();
        let variables = json["templating"]["list"].as_array().unwrap();
        let variable = |name: &str| variables.iter().find(|given| given["name"] == name).unwrap();
        assert_eq!(variable("job")["allValue"], "minitwit", "{file}");
        assert!(variable("job")["definition"].as_str().unwrap().contains("minitwit_build_info"));
        let instances = variable("instance")["definition"].as_str().unwrap();
        assert!(instances.contains(r#"{job=~"$job"}"#), "{file}: {instances}");
    }
}

#[test]
fn lines_are_full_and_titles_fit() {
    // Of a screen of 1,440 pixels a column has 57, a letter 8, and the icon of the description 28.
    let wrong = complaints(|panel| {
        let columns = usize::try_from(panel["gridPos"]["w"].as_u64().unwrap()).unwrap();
        let title = panel["title"].as_str().unwrap().chars().count();
        (title * 8 + 28 > columns * 57).then(|| "its title is cut".to_owned())
    });
    assert_eq!(wrong, Vec::<String>::new());
    for (file, dashboard) in ALL.iter() {
        let json = dashboard.json();
        let panels = written(&json);
        let side = |panel: &Value, name: &str| panel["gridPos"][name].as_u64().unwrap();
        for panel in &panels {
            let (top, height) = (side(panel, "y"), side(panel, "h"));
            let beside = panels.iter().filter(|other| side(other, "y") == top);
            // Rows that are closed lie on each other, each in its own list.
            let width: u64 = beside.map(|other| side(other, "w")).sum();
            assert!(
                width >= COLUMNS && height > 0,
                "{file}: {} has empty space beside",
                panel["title"]
            );
        }
    }
}

#[test]
fn axes_on_the_right_have_names() {
    let wrong = complaints(|panel| {
        let overrides = panel["fieldConfig"]["overrides"].as_array()?;
        let has = |given: &Value, id: &str| {
            given["properties"].as_array().unwrap().iter().any(|property| property["id"] == id)
        };
        let unnamed = overrides
            .iter()
            .find(|given| has(given, "custom.axisPlacement") && !has(given, "custom.axisLabel"))?;
        Some(format!("an axis without a name: {unnamed}"))
    });
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_first_row_of_on_call_answers_who_was_woken() {
    let (_, dashboard) = ALL.iter().find(|(file, _)| *file == "oncall.json").unwrap();
    let json = dashboard.json();
    let first: Vec<_> =
        written(&json).into_iter().filter(|panel| panel["gridPos"]["y"] == 1).collect();
    let kinds: Vec<_> = first.iter().map(|panel| panel["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["alertlist", "stat", "text"]);
    assert_eq!(first[0]["options"]["stateFilter"]["firing"], true);
    assert_eq!(first[1]["title"], "Instances up");
    assert!(first[2]["options"]["content"].as_str().unwrap().contains("alerts/runbooks/"));
}
