//! A panel in the classic JSON model of Grafana, by its kind.

use serde_json::{Value, json};

use super::build::{Kind, Panel, Target};
use super::model::datasource;

impl Panel {
    /// The panel with this id at this place of the grid.
    pub fn json(&self, id: u32, place: &Value) -> Value {
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
        let target = |(target, id): (&Target, char)| {
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
        match self.kind {
            Kind::Stat | Kind::Trend | Kind::Text => self.stat_options(),
            Kind::Lines | Kind::Stacked | Kind::Bars => json!({
                "legend": self.legend(),
                "tooltip": {"mode": "multi", "sort": "desc"},
            }),
            Kind::Gauge => gauge_options(),
            Kind::BarGauge => bar_gauge_options(),
            Kind::Table => json!({
                "showHeader": true,
                "frameIndex": 0,
                "cellHeight": "sm",
                "footer": {"show": false, "reducer": ["sum"], "countRows": false, "fields": ""},
                "sortBy": [{"displayName": self.targets[0].legend, "desc": true}],
            }),
            Kind::Heatmap => self.heatmap_options(),
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

    fn stat_options(&self) -> Value {
        json!({
            "reduceOptions": last_value(),
            "colorMode": "value",
            "graphMode": if self.kind == Kind::Trend { "area" } else { "none" },
            "justifyMode": "auto",
            "orientation": "auto",
            "textMode": if self.kind == Kind::Text { "name" } else { "auto" },
            "wideLayout": true,
            "showPercentChange": false,
            "percentChangeColorMode": "standard",
        })
    }

    fn heatmap_options(&self) -> Value {
        json!({
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
        })
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
        let column = |(target, id): (&Target, char)| (format!("Value #{id}"), json!(target.legend));
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

/// Of a series its last value.
fn last_value() -> Value {
    json!({"calcs": ["lastNotNull"], "fields": "", "values": false})
}

fn gauge_options() -> Value {
    json!({
        "reduceOptions": last_value(),
        "orientation": "auto",
        "showThresholdLabels": false,
        "showThresholdMarkers": true,
        "sizing": "auto",
        "minVizWidth": 75,
        "minVizHeight": 75,
    })
}

fn bar_gauge_options() -> Value {
    json!({
        "reduceOptions": last_value(),
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
    })
}
