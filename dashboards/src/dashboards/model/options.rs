//! How each kind of panel draws, in the words of its plugin.

use serde_json::{Value, json};

use super::super::build::{Kind, Panel, Target};

/// From this width on a legend stands beside the graph and not below.
const WIDE: u32 = 12;

impl Panel {
    pub(super) fn options(&self) -> Value {
        match self.kind {
            Kind::Stat | Kind::Trend | Kind::Text => self.stat(),
            Kind::Lines | Kind::Stacked | Kind::Bars => json!({
                "legend": self.legend(),
                "tooltip": {"mode": "multi", "sort": "desc", "hideZeros": true},
            }),
            Kind::Gauge => gauge(),
            Kind::BarGauge => bar_gauge(),
            Kind::Table => self.table(),
            Kind::Heatmap => self.heatmap(),
            Kind::Timeline => json!({
                "mergeValues": true,
                "showValue": "never",
                "alignValue": "left",
                "rowHeight": 0.8,
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
                "tooltip": {"mode": "single", "sort": "none"},
            }),
            Kind::Alerts => alerts(),
            Kind::Notes => json!({"mode": "markdown", "content": self.text}),
        }
    }

    fn stat(&self) -> Value {
        json!({
            "reduceOptions": reduced(),
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

    fn table(&self) -> Value {
        json!({
            "showHeader": true,
            "frameIndex": 0,
            "cellHeight": "sm",
            "footer": {"show": false, "reducer": ["sum"], "countRows": false, "fields": ""},
            "sortBy": [{"displayName": self.targets[0].legend, "desc": true}],
        })
    }

    fn heatmap(&self) -> Value {
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

    /// One line needs no name beside the title. Of many the largest now come first; other figures would
    /// take the place of series.
    fn legend(&self) -> Value {
        let is_one = self.targets.len() == 1 && !self.is_of_many();
        let is_beside = self.is_of_many() && self.size.0 >= WIDE;
        json!({
            "showLegend": !is_one,
            "displayMode": "table",
            "placement": if is_beside { "right" } else { "bottom" },
            "calcs": ["lastNotNull"],
            "sortBy": "Last *",
            "sortDesc": true,
        })
    }

    /// One row for each label set, under the names of the queries.
    pub(super) fn columns(&self) -> Value {
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

fn reduced() -> Value {
    json!({"calcs": ["lastNotNull"], "fields": "", "values": false})
}

fn gauge() -> Value {
    json!({
        "reduceOptions": reduced(),
        "orientation": "auto",
        "showThresholdLabels": false,
        "showThresholdMarkers": true,
        "sizing": "auto",
        "minVizWidth": 75,
        "minVizHeight": 75,
    })
}

fn bar_gauge() -> Value {
    json!({
        "reduceOptions": reduced(),
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

/// What fires or is about to, the gravest first, with the time since when. The heartbeat always fires.
fn alerts() -> Value {
    json!({
        "viewMode": "list",
        "groupMode": "default",
        "groupBy": [],
        "maxItems": 20,
        "sortOrder": 3,
        "dashboardAlerts": false,
        "alertName": "",
        "alertInstanceLabelFilter": "{service=\"minitwit\",severity!=\"none\"}",
        "showInactiveAlerts": false,
        "stateFilter": {
            "firing": true, "pending": true, "recovering": true, "error": true, "noData": false,
            "normal": false,
        },
    })
}
