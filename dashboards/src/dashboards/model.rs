//! The classic JSON model of Grafana, which every version since 9 loads and later ones migrate.
//!
//! Panels get their ids and places in the order they were added. Never `__inputs`, which file
//! provisioning does not fill in.

use serde_json::{Value, json};

use super::build::{Dashboard, Kind, Panel, SELECTION};

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
fn datasource() -> Value {
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

impl Panel {
    fn json(&self, id: u32, place: &Value) -> Value {
        let mut panel = json!({
            "id": id,
            "type": self.plugin(),
            "title": self.title,
            "description": self.description,
            "datasource": datasource(),
            "gridPos": place,
            "targets": self.targets(),
            "fieldConfig": {"defaults": self.defaults(), "overrides": self.overrides()},
            "options": self.options(),
        });
        if self.kind == Kind::Table {
            panel["transformations"] = self.columns();
        }
        panel
    }

    fn plugin(&self) -> &'static str {
        match self.kind {
            Kind::Stat | Kind::Trend | Kind::Text => "stat",
            Kind::Lines | Kind::Stacked | Kind::Bars => "timeseries",
            Kind::Gauge => "gauge",
            Kind::BarGauge => "bargauge",
            Kind::Table => "table",
            Kind::Heatmap => "heatmap",
            Kind::Timeline => "state-timeline",
        }
    }

    fn targets(&self) -> Vec<Value> {
        let format = match self.kind {
            Kind::Table => "table",
            Kind::Heatmap => "heatmap",
            _ => "time_series",
        };
        let target = |(target, id): (&super::build::Target, char)| {
            json!({
                "refId": id.to_string(),
                "datasource": datasource(),
                "editorMode": "code",
                "expr": target.expr,
                "legendFormat": target.legend,
                "format": format,
                "instant": self.is_instant(),
                "range": !self.is_instant(),
            })
        };
        self.targets.iter().zip('A'..='Z').map(target).collect()
    }

    /// Whether only the last value is of interest: what sums up 30 days is not asked for each pixel.
    pub fn is_instant(&self) -> bool {
        matches!(self.kind, Kind::Stat | Kind::Text | Kind::Gauge | Kind::BarGauge | Kind::Table)
    }

    fn is_graph(&self) -> bool {
        self.plugin() == "timeseries"
    }

    fn defaults(&self) -> Value {
        let color = if self.is_graph() { "palette-classic" } else { "thresholds" };
        let mut defaults = json!({
            "unit": self.unit,
            "color": {"mode": color},
            "thresholds": {"mode": "absolute", "steps": self.steps()},
            "mappings": self.mappings(),
            "links": self.links.iter().map(|link| json!({
                "title": link.title, "url": link.url, "targetBlank": true,
            })).collect::<Vec<_>>(),
            "custom": self.custom(),
        });
        for (key, value) in [("min", self.range.0), ("max", self.range.1)] {
            if let Some(value) = value {
                defaults[key] = json!(value);
            }
        }
        if let Some(decimals) = self.decimals {
            defaults["decimals"] = json!(decimals);
        }
        if let Some(text) = self.no_value {
            defaults["noValue"] = json!(text);
        }
        defaults
    }

    fn steps(&self) -> Vec<Value> {
        // What says nothing of good or bad is not painted as if it did.
        let base = match (self.is_graph(), self.thresholds.is_empty()) {
            (true, _) => "transparent",
            (false, true) => "blue",
            (false, false) => self.base_color,
        };
        let steps =
            self.thresholds.iter().map(|(from, color)| json!({"color": color, "value": from}));
        std::iter::once(json!({"color": base, "value": null})).chain(steps).collect()
    }

    fn mappings(&self) -> Value {
        if let Some(text) = self.no_value {
            // A share or a quantile of nothing is a value to Prometheus.
            let options = json!({"match": "null+nan", "result": {"text": text, "index": 0}});
            return json!([{"type": "special", "options": options}]);
        }
        if self.kind != Kind::Timeline {
            return json!([]);
        }
        let options = json!({
            "0": {"text": "down", "color": "red", "index": 0},
            "1": {"text": "up", "color": "green", "index": 1},
        });
        json!([{"type": "value", "options": options}])
    }

    fn custom(&self) -> Value {
        let (style, fill, stacking) = match self.kind {
            Kind::Lines => ("line", 10, "none"),
            Kind::Stacked => ("line", 40, "normal"),
            Kind::Bars => ("bars", 70, "normal"),
            Kind::Table => {
                return json!({
                    "align": "auto", "cellOptions": {"type": "auto"}, "inspect": false,
                });
            }
            Kind::Timeline => return json!({"lineWidth": 0, "fillOpacity": 80}),
            _ => return json!({}),
        };
        let has_thresholds = !self.thresholds.is_empty();
        json!({
            "drawStyle": style,
            "lineInterpolation": "linear",
            "lineWidth": 1,
            "fillOpacity": fill,
            "gradientMode": "none",
            "showPoints": "never",
            "spanNulls": false,
            "stacking": {"mode": stacking, "group": "A"},
            "axisPlacement": "auto",
            "axisLabel": "",
            "thresholdsStyle": {"mode": if has_thresholds { "dashed" } else { "off" }},
        })
    }

    fn overrides(&self) -> Vec<Value> {
        let given = self.overrides.iter().map(|given| {
            let properties = given.properties.iter();
            let properties = properties.map(|(id, value)| json!({"id": id, "value": value}));
            json!({
                "matcher": {"id": "byRegexp", "options": given.series},
                "properties": properties.collect::<Vec<_>>(),
            })
        });
        given.collect()
    }

    fn options(&self) -> Value {
        let reduced = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
        match self.kind {
            Kind::Stat | Kind::Trend | Kind::Text => json!({
                "reduceOptions": reduced,
                "colorMode": "value",
                "graphMode": if self.kind == Kind::Trend { "area" } else { "none" },
                "justifyMode": "auto",
                "orientation": "auto",
                "textMode": if self.kind == Kind::Text { "name" } else { "auto" },
                "wideLayout": true,
                "showPercentChange": false,
                "percentChangeColorMode": "standard",
            }),
            Kind::Lines | Kind::Stacked | Kind::Bars => json!({
                "legend": self.legend(),
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
            Kind::Gauge => json!({
                "reduceOptions": reduced,
                "orientation": "auto",
                "showThresholdLabels": false,
                "showThresholdMarkers": true,
                "sizing": "auto",
                "minVizWidth": 75,
                "minVizHeight": 75,
            }),
            Kind::BarGauge => json!({
                "reduceOptions": reduced,
                "displayMode": "gradient",
                "orientation": "horizontal",
                "showUnfilled": true,
                "valueMode": "color",
                "namePlacement": "auto",
                "sizing": "auto",
                "minVizWidth": 8,
                "minVizHeight": 16,
                "maxVizHeight": 300,
                "legend": {"showLegend": false, "displayMode": "list", "placement": "bottom", "calcs": []},
            }),
            Kind::Table => json!({
                "showHeader": true,
                "frameIndex": 0,
                "cellHeight": "sm",
                "footer": {"show": false, "reducer": ["sum"], "countRows": false, "fields": ""},
                "sortBy": [{"displayName": self.targets[0].legend, "desc": true}],
            }),
            Kind::Heatmap => json!({
                "calculate": false,
                "cellGap": 1,
                "showValue": "never",
                "color": {
                    "mode": "scheme", "scheme": "Oranges", "steps": 64, "exponent": 0.5,
                    "fill": "dark-orange", "reverse": false,
                },
                "exemplars": {"color": "rgba(255,0,255,0.7)"},
                "filterValues": {"le": 1e-9},
                "legend": {"show": true},
                "rowsFrame": {"layout": "auto"},
                "tooltip": {"mode": "single", "yHistogram": false, "showColorScale": false},
                "yAxis": {"axisPlacement": "left", "reverse": false, "unit": self.unit},
            }),
            Kind::Timeline => json!({
                "mergeValues": true,
                "showValue": "never",
                "alignValue": "left",
                "rowHeight": 0.8,
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
                "tooltip": {"mode": "single", "sort": "none"},
            }),
        }
    }

    /// One line needs no name beside the title; several are compared by their figures.
    fn legend(&self) -> Value {
        let is_one = self.targets.len() == 1 && !self.targets[0].legend.contains("{{");
        json!({
            "showLegend": !is_one,
            "displayMode": "table",
            "placement": "bottom",
            "calcs": ["mean", "max", "lastNotNull"],
        })
    }

    /// One row for each label set, under the names of the queries.
    fn columns(&self) -> Value {
        let column = |(target, id): (&super::build::Target, char)| {
            (format!("Value #{id}"), json!(target.legend))
        };
        let mut names: serde_json::Map<_, _> =
            self.targets.iter().zip('A'..='Z').map(column).collect();
        names.insert("http_route".to_owned(), json!("Route"));
        let names = Value::Object(names);
        json!([
            {"id": "merge", "options": {}},
            {"id": "organize", "options": {
                "excludeByName": {"Time": true}, "indexByName": {}, "renameByName": names,
            }},
        ])
    }
}
