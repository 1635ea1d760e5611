//! Pages that say why not, of the panel and of the site, each provoked as a person with a browser would
//! meet it: no status without a page, no page that somebody cannot read.

use serde_json::{Value, json};

use admin::Role;

use crate::accessibility::Axe;
use crate::harness::{Backend, Served, eventually};
use crate::ops_browser::Ops;
use crate::raw_sql::Raw;

/// More attempts than a throttle lets through.
const ATTEMPTS: usize = 8;

struct Errors {
    ops: Ops,
    axe: Axe,
    served: Served,
    /// What is wrong with the pages seen so far.
    found: Vec<String>,
}

impl Errors {
    async fn start() -> Option<Self> {
        let axe = Axe::load()?;
        let ops = Ops::start(Backend::Sqlite).await?;
        let served = ops.app.serve().await;
        let pw_hash = ops.app.state.passwords.hash("correct horse").await.unwrap();
        ops.app.state.db.set_operator_password("octavia", &pw_hash).await.unwrap();
        Some(Self { ops, axe, served, found: Vec::new() })
    }

    fn panel(&self, path: &str) -> String {
        format!("{}/admin{path}", self.ops.base)
    }

    fn site(&self, path: &str) -> String {
        format!("http://{}{path}", self.served.site)
    }

    /// Opens an address that answers with this status, and looks at the page.
    async fn open(&mut self, url: &str, status: u16) {
        self.ops.driver.open(url).await;
        self.look(url, status).await;
    }

    /// Sends a form there from the page that is shown, as often as it takes.
    async fn send(&mut self, url: &str, form: &[(&str, &str)], status: u16) {
        for _ in 0..ATTEMPTS {
            self.submit(url, form).await;
            if self.status().await == status {
                break;
            }
        }
        self.look(url, status).await;
    }

    async fn submit(&self, url: &str, form: &[(&str, &str)]) {
        let submit = format!(
            "(form => {{ window.before = true; form.method = 'post'; form.action = {url};\
                for (const [name, value] of {form}) {{ const field = document.createElement('input');\
                    field.name = name; field.value = value; form.append(field); }}\
                document.body.append(form); HTMLFormElement.prototype.submit.call(form);\
             }})(document.createElement('form'))",
            url = Value::from(url),
            form = json!(form),
        );
        self.ops.driver.eval(&submit).await;
        let arrived = "!window.before && document.readyState === 'complete'";
        eventually(url, async || self.ops.driver.eval(arrived).await == true).await;
    }

    async fn status(&self) -> u16 {
        let status = "performance.getEntriesByType('navigation')[0].responseStatus";
        self.ops.driver.eval(status).await.as_u64().unwrap().try_into().unwrap()
    }

    async fn look(&mut self, url: &str, status: u16) {
        let driver = &self.ops.driver;
        assert_eq!(self.status().await, status, "{url}");
        assert_eq!(driver.eval("document.contentType").await, "text/html", "{url}");
        let all = ["minor", "moderate", "serious", "critical"];
        let page = format!("{status} of {url}");
        self.found.extend(self.axe.barriers(driver, &page, &all).await);
        driver.look(390, "light").await;
        let hidden = "(root => root.scrollWidth - root.clientWidth)(document.documentElement)";
        assert_eq!(driver.eval(hidden).await, 0, "{page}");
        // A way on, by a link or a form.
        let ways = "document.querySelectorAll('main a, main form').length";
        assert_ne!(driver.eval(ways).await, 0, "{page}");
    }

    /// From now on the browser is somebody else's.
    async fn become_viewer(&self) {
        let viewer = self.ops.panel.log_in(&self.ops.app, "vera", Role::Viewer).await;
        let (name, value) = viewer.cookie.split_once('=').unwrap();
        let cookie = json!({ "url": self.ops.base, "name": name, "value": value });
        self.ops.driver.devtools("Network.setCookie", cookie).await;
    }

    async fn become_nobody(&self) {
        self.ops.driver.devtools("Network.clearBrowserCookies", json!({})).await;
    }

    fn nothing_is_wrong(self) {
        assert_eq!(self.found, [""; 0]);
    }
}

#[tokio::test]
async fn no_error_page_of_the_panel_has_a_barrier() {
    let Some(mut errors) = Errors::start().await else { return };
    let long = "x".repeat(40 * 1024);
    let [start, logs, message, malformed, searches, own, password] = [
        "",
        "/logs",
        "/moderation/1",
        "/moderation/one",
        "/logs/searches",
        "/operators/octavia",
        "/operators/octavia/password",
    ]
    .map(|path| errors.panel(path));
    errors.open(&errors.panel("/nothing"), 404).await;
    errors.open(&format!("{}/nothing", errors.ops.base), 404).await;
    // Somebody searched for a whole file.
    errors.open(&errors.panel(&format!("/logs?q={}", &long[..9_000])), 414).await;
    errors.send(&logs, &[], 405).await;
    errors.send(&message, &[("set", "nonsense")], 400).await;
    errors.send(&malformed, &[("set", "flagged")], 400).await;
    errors.send(&searches, &[("name", &long)], 413).await;
    errors.send(&own, &[("set", "disabled")], 409).await;
    let wrong = [("old", "wrong one"), ("new", "another one"), ("again", "another one")];
    errors.send(&password, &wrong, 400).await;
    errors.send(&password, &wrong, 429).await;

    let mut raw = Raw::connect(&errors.ops.app).await;
    raw.execute("ALTER TABLE messages RENAME TO gone").await.unwrap();
    errors.open(&errors.panel("/moderation"), 503).await;
    raw.execute("ALTER TABLE gone RENAME TO messages").await.unwrap();

    errors.open(&start, 200).await;
    errors.become_viewer().await;
    errors.send(&message, &[("set", "flagged")], 403).await;

    errors.open(&start, 200).await;
    raw.execute("ALTER TABLE operator_sessions RENAME TO gone").await.unwrap();
    errors.open(&start, 200).await;
    raw.execute("ALTER TABLE gone RENAME TO operator_sessions").await.unwrap();

    errors.open(&start, 200).await;
    errors.become_nobody().await;
    errors.send(&message, &[("set", "flagged")], 401).await;
    errors.nothing_is_wrong();
}

#[tokio::test]
async fn no_error_of_the_log_in_is_without_a_page_or_has_a_barrier() {
    let Some(mut errors) = Errors::start().await else { return };
    errors.become_nobody().await;
    let login = errors.panel("/login");
    let wrong = [("username", "octavia"), ("password", "wrong one")];
    errors.open(&errors.panel("/system"), 200).await;
    errors.send(&login, &wrong, 401).await;
    errors.send(&login, &wrong, 429).await;
    let mut raw = Raw::connect(&errors.ops.app).await;
    raw.execute("BEGIN IMMEDIATE").await.unwrap();
    errors.send(&login, &[("username", "vera"), ("password", "wrong one")], 401).await;
    raw.execute("ROLLBACK").await.unwrap();
    errors.nothing_is_wrong();
}

#[tokio::test]
async fn no_error_page_of_the_site_has_a_barrier() {
    let Some(mut errors) = Errors::start().await else { return };
    let long = "x".repeat(70 * 1024);
    let [public, login, add] = ["/public", "/login", "/add_message"].map(|path| errors.site(path));
    errors.open(&errors.site("/nobody"), 404).await;
    errors.send(&public, &[], 405).await;
    errors.send(&add, &[("text", "a message")], 401).await;
    errors.send(&login, &[("username", &long)], 413).await;
    let wrong = [("username", "nobody"), ("password", "wrong one")];
    errors.send(&login, &wrong, 429).await;

    let mut raw = Raw::connect(&errors.ops.app).await;
    raw.execute("BEGIN IMMEDIATE").await.unwrap();
    let newcomer =
        [("username", "somebody"), ("email", "a@b"), ("password", "x"), ("password2", "x")];
    errors.send(&errors.site("/register"), &newcomer, 503).await;
    raw.execute("ROLLBACK").await.unwrap();
    raw.execute("ALTER TABLE messages RENAME TO gone").await.unwrap();
    errors.open(&public, 500).await;

    // A page of nobody's: what it sends comes from another site.
    errors.ops.driver.open("about:blank").await;
    errors.send(&login, &wrong, 403).await;
    errors.nothing_is_wrong();
}
