//! Barriers for people who read pages with other eyes or hands: axe-core, the checker of Deque, runs on
//! pages that the browser shows. It comes from npm in the version of `.github/npm/package-lock.json`;
//! `.github/scripts/test-programs.sh` fetches it, and a machine without it leaves the checks out, except
//! in CI.

use std::path::Path;

use serde_json::json;

use crate::webdriver::{Driver, skipped};

/// What people look through: the size of a phone and of a desktop, in both themes.
const LOOKS: [(u32, &str); 4] = [(390, "light"), (390, "dark"), (1280, "dark"), (1280, "light")];

/// Tags of the rules: WCAG 2.2 to AA, and what is good practice.
const ALL: &[&str] = &["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/// Rules whose answer depends on colors and sizes.
const LOOKED_AT: &[&str] =
    &["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"];

/// The checker.
pub struct Axe(String);

impl Axe {
    /// `None` when it was not fetched.
    pub fn load() -> Option<Self> {
        let fetched = "../.github/npm/node_modules/axe-core/axe.min.js";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(fetched);
        let Ok(script) = std::fs::read_to_string(&path) else {
            assert!(std::env::var_os("CI").is_none(), "axe-core is missing at {}", path.display());
            skipped("axe-core is not there; .github/scripts/test-programs.sh fetches it");
            return None;
        };
        Some(Self(script))
    }

    /// The barriers of these impacts on the whole page.
    pub async fn barriers(&self, driver: &Driver, page: &str, impacts: &[&str]) -> Vec<String> {
        self.barriers_in("html", driver, page, impacts).await
    }

    /// The barriers of these impacts in a part of the page that the browser shows, in every look. The
    /// first look is checked in full, the others by the rules whose answer depends on sizes and colors.
    pub async fn barriers_in(
        &self,
        part: &str,
        driver: &Driver,
        page: &str,
        impacts: &[&str],
    ) -> Vec<String> {
        driver.devtools("Runtime.evaluate", json!({ "expression": self.0 })).await;
        let mut found = Vec::new();
        for (number, (width, theme)) in LOOKS.into_iter().enumerate() {
            driver.look(width, theme).await;
            let rules = if number == 0 { ALL } else { LOOKED_AT };
            let run = format!(
                "axe.run({part:?}, {{ runOnly: {rules:?} }}).then(result => result.violations\
                    .filter(one => {impacts:?}.includes(one.impact)).map(one => \
                    `${{one.id}}: ${{one.nodes.slice(0, 3).map(node => node.html).join(' ')}}`))"
            );
            let violations = driver.eval_promise(&run).await;
            let violations: Vec<String> = serde_json::from_value(violations).unwrap();
            let place = |violation| format!("{page}, {width} {theme}, {violation}");
            found.extend(violations.into_iter().map(place));
        }
        found
    }
}
