//! The classic JSON model of Grafana, which every version since 9 loads and later ones migrate.
//!
//! Panels get their ids and places in the order they were added. Never `__inputs`, which file
//! provisioning does not fill in.

use serde_json::{Value, json};

use super::build::{Dashboard, SELECTION};

/// Columns of the grid.
const COLUMNS: u32 = 24;

impl Dashboard {
    /// The file that Grafana reads.
    pub fn json(&self) -> Value {
        json!({
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["minitwit"],
            "schemaVersion": 41,
            "version": 1,
            "editable": false,
            "graphTooltip": 1,
            "fiscalYearStartMonth": 0,
            "timezone": "browser",
            "weekStart": "",
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "timepicker": {},
            "annotations": {"list": annotations()},
            "links": links(),
            "templating": {"list": variables()},
            "panels": self.grid(),
        })
    }

    /// Panels and rows with their places.
    fn grid(&self) -> Vec<Value> {
        let mut grid = Vec::new();
        let (mut id, mut line) = (0, 0);
        for row in &self.rows {
            id += 1;
            let mut heading = json!({
                "id": id,
                "type": "row",
                "title": row.title,
                "collapsed": !row.is_open,
                "gridPos": {"x": 0, "y": line, "w": COLUMNS, "h": 1},
                "panels": [],
            });
            line += 1;
            let below_heading = line;
            let (mut column, mut below) = (0, 0);
            let mut panels = Vec::new();
            for panel in &row.panels {
                let (width, height) = panel.size;
                if column + width > COLUMNS {
                    line += below;
                    (column, below) = (0, 0);
                }
                let place = json!({"x": column, "y": line, "w": width, "h": height});
                id += 1;
                panels.push(panel.json(id, &place));
                column += width;
                below = below.max(height);
            }
            line += below;
            if row.is_open {
                grid.push(heading);
                grid.extend(panels);
            } else {
                // A closed row is one line; its panels stand where they will be when it opens.
                line = below_heading;
                heading["panels"] = panels.into();
                grid.push(heading);
            }
        }
        grid
    }
}

/// The uid of the data source that `compose/grafana/datasources.yaml` provisions; where there is none,
/// Grafana takes its first Prometheus.
const DATASOURCE: &str = "prometheus";

/// The data source that the variable of that name chooses.
pub fn datasource() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn variables() -> Value {
    json!([
        {
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "current": {"text": "Prometheus", "value": DATASOURCE},
            "hide": 0,
            "includeAll": false,
            "multi": false,
            "options": [],
            "refresh": 1,
            "regex": "",
        },
        query_variable("job", "Job", "label_values(minitwit_build_info, job)"),
        query_variable("instance", "Instance",
            r#"label_values(minitwit_build_info{job=~"$job"}, instance)"#),
        {
            "name": "admin_url",
            "label": "Address of the panel",
            "type": "textbox",
            "query": ADMIN_URL,
            "current": {"text": ADMIN_URL, "value": ADMIN_URL},
            "options": [{"text": ADMIN_URL, "value": ADMIN_URL, "selected": true}],
            "hide": 2,
        },
    ])
}

/// Where the panel is through the tunnel of the operations guide.
const ADMIN_URL: &str = "http://localhost:5002";

fn query_variable(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name,
        "label": label,
        "type": "query",
        "datasource": datasource(),
        "definition": query,
        "query": {"query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "current": {"text": ["All"], "value": ["$__all"]},
        "allValue": ".+",
        "includeAll": true,
        "multi": true,
        "hide": 0,
        "options": [],
        "refresh": 2,
        "regex": "",
        "sort": 1,
    })
}

fn links() -> Value {
    json!([
        {
            "title": "MiniTwit",
            "type": "dashboards",
            "tags": ["minitwit"],
            "asDropdown": false,
            "includeVars": true,
            "keepTime": true,
            "targetBlank": false,
            "icon": "external link",
            "tooltip": "",
            "url": "",
        },
        panel_link("Logs", "/admin/logs", "doc"),
        panel_link("Requests", "/admin/requests", "bolt"),
    ])
}

fn panel_link(title: &str, path: &str, icon: &str) -> Value {
    json!({
        "title": title,
        "type": "link",
        "tags": [],
        "asDropdown": false,
        "includeVars": false,
        "keepTime": false,
        "targetBlank": true,
        "icon": icon,
        "tooltip": "The panel, in the time that is shown",
        "url": format!("${{admin_url}}{path}?from=${{__from}}&to=${{__to}}"),
    })
}

/// What is marked on every panel: titles, colors, queries and words. `%J` stands for the selection.
pub const ANNOTATIONS: [(&str, &str, &str, &str); 3] = [
    (
        "Restarts",
        "blue",
        "changes(process_start_time_seconds{%J}[$__rate_interval]) > 0",
        "{{instance}} restarted",
    ),
    (
        "Deploys",
        "purple",
        "count by (version, revision) (minitwit_build_info{%J}) unless \
         count by (version, revision) (minitwit_build_info{%J} offset $__rate_interval)",
        "{{version}} {{revision}} runs",
    ),
    (
        "Alerts of Prometheus",
        "red",
        r#"ALERTS{alertname=~"MiniTwit.+",alertstate="firing",severity!="none"}"#,
        "{{alertname}}",
    ),
];

/// Between two moments for which an annotation is asked: that of the scrapes.
const STEP: &str = "15s";

fn annotations() -> Vec<Value> {
    // Alerts are Grafana's; it marks them itself on the panel that their rule names.
    let own = json!({
        "name": "Annotations & Alerts",
        "builtIn": 1,
        "type": "dashboard",
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": true,
        "hide": true,
        "iconColor": "red",
    });
    let queries = ANNOTATIONS.iter().map(|(name, color, expr, title)| {
        let expr = expr.replace("%J", SELECTION);
        json!({
            "name": name,
            "datasource": datasource(),
            "enable": true,
            "hide": false,
            "iconColor": color,
            // Versions differ in where they look for the query; none minds the other place.
            "expr": expr,
            "step": STEP,
            "target": {"refId": "Anno", "expr": expr, "interval": STEP},
            "titleFormat": title,
            "tagKeys": "instance",
            "textFormat": "",
            "useValueForTime": false,
        })
    });
    std::iter::once(own).chain(queries).collect()
}
