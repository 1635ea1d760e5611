//! The classic JSON model of Grafana, which every version since 9 loads and later ones migrate.
//!
//! Panels get their ids and places in the order they were added. Never `__inputs`, which file
//! provisioning does not fill in.

mod controls;
mod options;

use serde_json::{Value, json};

use super::build::{Dashboard, Kind, NO_DATA, Panel};
use controls::{datasource, links, variables};

pub use controls::ANNOTATIONS;

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
            "annotations": {"list": controls::annotations()},
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

impl Panel {
    fn json(&self, id: u32, place: &Value) -> Value {
        let mut panel = json!({
            "id": id,
            "type": self.plugin(),
            "title": self.title,
            "description": self.description,
            "gridPos": place,
            "options": self.options(),
        });
        if !self.kind.has_queries() {
            return panel;
        }
        panel["datasource"] = datasource();
        panel["targets"] = self.targets().into();
        panel["fieldConfig"] = json!({"defaults": self.defaults(), "overrides": self.overrides()});
        if let Some(interval) = self.interval() {
            panel["interval"] = json!(interval);
        }
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
            Kind::Alerts => "alertlist",
            Kind::Notes => "text",
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
        // The legend of states in the colors of thresholds would name thresholds, not states.
        let is_palette = self.is_graph() || self.kind == Kind::Timeline;
        let color = if is_palette { "palette-classic" } else { "thresholds" };
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
        if self.is_instant() || self.kind == Kind::Trend {
            defaults["noValue"] = json!(self.no_value.unwrap_or(NO_DATA));
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
        if self.kind != Kind::Timeline {
            // A share or a quantile of nothing is a value to Prometheus, and no color is right for it.
            let text = self.no_value.unwrap_or(NO_DATA);
            let result = json!({"text": text, "color": "text", "index": 0});
            let options = json!({"match": "null+nan", "result": result});
            return json!([{"type": "special", "options": options}]);
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
        let soft_max = self.soft_max.filter(|_| self.range.1.is_none());
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
            "axisSoftMax": soft_max,
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
        given.chain(self.is_stack_of_many().then(hidden_zeros)).collect()
    }

    /// Whether series lie on each other, where those that are 0 draw a line on top in their color.
    fn is_stack_of_many(&self) -> bool {
        matches!(self.kind, Kind::Stacked | Kind::Bars) && self.is_of_many()
    }
}

/// Hides series that are 0 all the time.
fn hidden_zeros() -> Value {
    json!({
        "matcher": {
            "id": "byValue",
            "options": {"reducer": "allIsZero", "op": "gte", "value": 0},
        },
        "properties": [
            {"id": "custom.hideFrom", "value": {"legend": true, "tooltip": true, "viz": true}},
        ],
    })
}
