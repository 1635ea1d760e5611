//! The site in a real browser: what a reader sees, hears and can reach, and what the content policy
//! lets happen. What a page says without a browser is tested elsewhere.

use serde_json::json;

use crate::accessibility::Axe;
use crate::harness::{Backend, Served, TestApp, eventually};
use crate::webdriver::{Driver, ENTER, Element, TAB};

/// Names that break layouts: no place to wrap, other directions, stacked accents, markup, a route.
const NAMES: [&str; 8] = [
    "Wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww",
    "نور الدين",
    "a\u{5d0}\u{5d1}1\u{5d2}",
    "H\u{316}\u{317}\u{318}\u{319}\u{310}\u{311}\u{312}\u{313}\u{314}\u{315}e",
    "<b onclick=alert(1)>",
    "public",
    "Roger Histand",
    "\u{3bb}",
];
/// Widths of a small telephone, a usual one, and a desktop, in pixels.
const WIDTHS: [u32; 3] = [320, 390, 1280];
/// What all of a first visit may weigh, in bytes as transferred.
const MAX_WEIGHT: u64 = 30 * 1024;

struct Site {
    app: TestApp,
    served: Served,
    driver: Driver,
}

impl Site {
    /// A site without users; `None` when there is no browser.
    async fn start() -> Option<Self> {
        let driver = Driver::start().await?;
        let app = TestApp::start(Backend::Sqlite).await?;
        let served = app.serve().await;
        Some(Self { app, served, driver })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.served.site)
    }

    async fn open(&self, path: &str) {
        self.driver.open(&self.url(path)).await;
    }

    /// Fills in the form of the page that is open and sends it.
    async fn submit(&self, fields: &[(&str, &str)]) {
        for (name, text) in fields {
            let field = self.driver.find(&format!("form.account [name={name}]")).await;
            self.driver.type_into(&field, text).await;
        }
        self.driver.click("form.account [type=submit]").await;
    }

    /// Makes the browser the one in which a user is logged in.
    async fn sign_in(&self, name: &str) {
        let browser = self.app.browser_of(name).await;
        let (name, value) = (browser.cookies[0].0.as_str(), browser.cookies[0].1.as_str());
        let cookie = json!({ "url": self.url("/"), "name": name, "value": value });
        self.driver.devtools("Network.setCookie", cookie).await;
    }

    /// Users and messages that try a layout, and one that follows them.
    async fn with_hostile_users(&self) {
        self.app.user("reader").await;
        for name in NAMES {
            self.app.user(name).await;
            self.app.message(name, &"W".repeat(280)).await;
            self.app
                .message(name, "<img src=x onerror=\"window.broken=1\"><script>broken=1</script>")
                .await;
            self.app.message(name, "مرحبا, both \u{202e}directions שלום").await;
            self.app.state.db.follow("reader", name, self.app.clock.now()).await.unwrap();
        }
        self.app.message("reader", "@public see https://a.test/?b=\"c\"&d").await;
    }

    async fn with_messages(&self, number: usize) {
        self.app.user("author").await;
        for at in 0..number {
            self.app.message("author", &format!("message {at}")).await;
        }
    }

    async fn texts(&self) -> Vec<String> {
        let texts =
            "[...document.querySelectorAll('.messages .text')].map(text => text.textContent)";
        serde_json::from_value(self.driver.eval(texts).await).unwrap()
    }

    async fn spoken(&self) -> String {
        let spoken = self.driver.eval("document.getElementById('spoken').textContent").await;
        spoken.as_str().unwrap().to_owned()
    }
}

/// Every kind of page: path, and whether it is an error, of which the browser tells.
fn pages() -> Vec<(String, bool)> {
    let users = NAMES.iter().map(|name| (minitwit::links::user(name), false));
    let fixed = [
        ("/public", false),
        ("/public?before=9", false),
        ("/", false),
        ("/reader", false),
        ("/?to=Roger%20Histand", false),
        ("/-/people?q=w", false),
        ("/-/people", false),
        ("/-/user/reader/following", false),
        ("/-/user/public/followers", false),
        ("/-/message/1", false),
        ("/-/message/25/delete", false),
        ("/login", false),
        ("/register", false),
        ("/nobody", true),
        ("/add_message", true),
    ];
    fixed.into_iter().map(|(path, is_error)| (path.to_owned(), is_error)).chain(users).collect()
}

#[tokio::test]
async fn a_user_registers_as_in_the_course_test() {
    let Some(Site { app, served, driver }) = Site::start().await else { return };
    assert!(app.state.db.credentials("Me").await.unwrap().is_none());

    driver.open(&format!("http://{}/register", served.site)).await;
    driver.find(".actions").await;
    let fields: Vec<Element> = driver.find_all("input").await;
    for (field, text) in fields.iter().zip(["Me", "me@some.where", "secure123", "secure123"]) {
        driver.type_into(field, text).await;
    }
    driver.type_into(&fields[4], ENTER).await;

    assert_eq!(driver.text(".flashes").await, "You were successfully registered and can login now");
    assert_eq!(driver.find_all("ul.flashes > li").await.len(), 1);
    assert_eq!(app.state.db.credentials("Me").await.unwrap().unwrap().user.username, "Me");
}

/// Browsers trust localhost as they do TLS; from any other name, forms over plain HTTP come without
/// `Sec-Fetch-Site`, and the referrer policy decides whether they come with an `Origin`.
#[tokio::test]
async fn forms_are_accepted_over_plain_http_under_any_name() {
    let Some(site) = Site::start().await else { return };
    let base = format!("http://minitwit.test:{}", site.served.site.port());
    site.driver.open(&format!("{base}/register")).await;
    let registration = [
        ("username", "dora"),
        ("email", "dora@example.com"),
        ("password", "s"),
        ("password2", "s"),
    ];
    site.submit(&registration).await;
    assert_eq!(site.driver.url().await, format!("{base}/login"));
    // The name is there already.
    site.submit(&[("password", "s")]).await;
    assert_eq!(site.driver.url().await, format!("{base}/"));
}

#[tokio::test]
async fn the_field_at_fault_has_the_focus_and_the_typed_is_kept() {
    let Some(site) = Site::start().await else { return };
    site.open("/register").await;
    let fields = site.driver.find_all("input").await;
    site.driver.type_into(&fields[0], "Me").await;
    site.driver.type_into(&fields[1], "broken").await;
    site.driver.click(".actions input").await;

    let text = "Error: You have to enter a valid email address";
    assert_eq!(site.driver.text("div.error").await, text);
    let active =
        site.driver.eval("[document.activeElement.id, document.activeElement.value]").await;
    assert_eq!(active, json!(["email", "broken"]));
    let described =
        "document.getElementById(document.activeElement.getAttribute('aria-describedby'))";
    let described = site.driver.eval(&format!("{described}.textContent")).await;
    assert_eq!(described.as_str().unwrap().trim(), text);
}

#[tokio::test]
async fn view_more_shows_every_message_once_with_scripts_and_without() {
    let Some(site) = Site::start().await else { return };
    site.with_messages(70).await;
    let newest_first: Vec<_> = (0..70).rev().map(|at| format!("message {at}")).collect();

    site.open("/public").await;
    assert_eq!(site.texts().await, newest_first[..30]);
    let steps =
        [(30, 60, "30 more messages loaded"), (60, 70, "10 more messages loaded, end of timeline")];
    for (before, shown, spoken) in steps {
        site.driver.click(".more [rel=next]").await;
        eventually("more messages", async || site.texts().await.len() == shown).await;
        assert_eq!(site.spoken().await, spoken);
        let focused = "document.activeElement.querySelector('.text').textContent";
        assert_eq!(site.driver.eval(focused).await, newest_first[before]);
    }
    assert_eq!(site.texts().await, newest_first);
    assert!(site.driver.find_all(".more [rel=next]").await.is_empty());
    assert_eq!(site.driver.url().await, site.url("/public"));

    // Who comes back finds as much as was there.
    site.driver.click(".messages li:last-child strong a").await;
    eventually("the author's page", async || site.driver.url().await.ends_with("/author")).await;
    site.driver.back().await;
    eventually("all messages again", async || site.texts().await == newest_first).await;

    site.driver.without_scripts().await;
    site.open("/public").await;
    let mut read = site.texts().await;
    while !site.driver.find_all(".more [rel=next]").await.is_empty() {
        let before = site.driver.url().await;
        site.driver.click(".more [rel=next]").await;
        eventually("the next page", async || site.driver.url().await != before).await;
        read.extend(site.texts().await);
    }
    assert_eq!(read, newest_first);
    site.driver.click(".more [rel=first]").await;
    eventually("the first page", async || site.driver.url().await == site.url("/public")).await;
}

#[tokio::test]
async fn characters_are_counted_as_the_service_counts_them() {
    let Some(site) = Site::start().await else { return };
    site.app.user("reader").await;
    site.sign_in("reader").await;
    site.open("/").await;
    assert_eq!(site.driver.text("#left").await, "280 left");

    let set = |value: &str| {
        format!(
            "(text.value = {value}, text.dispatchEvent(new Event('input')), \
             [left.textContent, text.checkValidity()])"
        )
    };
    let counted = async |value: &str| site.driver.eval(&set(value)).await;
    assert_eq!(counted("'Hello'").await, json!(["275 left", true]));
    assert_eq!(counted("'🎉'.repeat(281)").await, json!(["1 over the limit", false]));
    assert_eq!(counted("'🎉'.repeat(280)").await, json!(["0 left", true]));
    site.driver.click(".twitbox input[type=submit]").await;
    assert_eq!(site.driver.text(".flashes").await, "Your message was recorded");
    eventually("the flash", async || site.spoken().await == "Your message was recorded").await;
    assert_eq!(site.texts().await, ["🎉".repeat(280)]);

    // Without scripts the field itself keeps to the limit, and says it.
    site.driver.without_scripts().await;
    site.open("/").await;
    assert_eq!(site.driver.text("#left").await, "Up to 280 characters");
    assert_eq!(site.driver.eval("document.getElementById('text').maxLength").await, 280);
}

#[tokio::test]
async fn no_page_breaks_its_policy_leaves_the_site_or_its_width() {
    let Some(site) = Site::start().await else { return };
    site.with_hostile_users().await;
    site.sign_in("reader").await;
    for (path, is_error) in pages() {
        site.open(&path).await;
        let complaints = site.driver.complaints().await;
        let expected = |complaint: &String| is_error && complaint.contains("status of 404");
        let unexpected: Vec<_> = complaints.iter().filter(|c| !expected(c)).collect();
        assert!(unexpected.is_empty(), "{path}: {unexpected:?}");
        let inside = site.url("/");
        for url in site.driver.requests().await {
            assert!(url.starts_with(&inside), "{path} asks {url}");
        }
        let inline = "document.querySelectorAll('[style], style, script:not([src]), .text > :not(a)').length";
        assert_eq!(site.driver.eval(inline).await, 0, "{path}");
        assert_eq!(site.driver.eval("typeof window.broken").await, "undefined", "{path}");
        for width in WIDTHS {
            site.driver.look(width, "light").await;
            let hidden = "(root => root.scrollWidth - root.clientWidth)(document.documentElement)";
            assert_eq!(site.driver.eval(hidden).await, 0, "{path} at {width}");
        }
    }
}

#[tokio::test]
async fn a_first_visit_is_light() {
    let Some(site) = Site::start().await else { return };
    for author in 0..30 {
        let author = format!("Firstname Lastname{author}");
        site.app.user(&author).await;
        let text = format!(
            "Message of {author}, about as long as those of the course: {}",
            "æ – ".repeat(15)
        );
        site.app.message(&author, &text).await;
    }
    site.open("/public").await;
    let entries = "[...performance.getEntriesByType('navigation'), \
        ...performance.getEntriesByType('resource')].map(entry => [entry.name, entry.transferSize])";
    let entries: Vec<(String, u64)> =
        serde_json::from_value(site.driver.eval(entries).await).unwrap();
    let loaded = |end: &str| entries.iter().any(|(name, size)| name.contains(end) && *size > 0);
    assert!(["/public", ".css", ".js", ".svg"].into_iter().all(loaded), "{entries:?}");
    let weight: u64 = entries.iter().map(|(_, size)| size).sum();
    assert!(weight <= MAX_WEIGHT, "{weight} bytes: {entries:?}");
}

#[tokio::test]
async fn the_keyboard_reaches_everything_in_reading_order_and_shows_where_it_is() {
    let Some(site) = Site::start().await else { return };
    site.with_messages(31).await;
    site.sign_in("author").await;
    site.open("/").await;
    let expected = [
        "Skip to content",
        "MiniTwit",
        "my timeline",
        "public timeline",
        "author",
        "sign out [author]",
        "text",
        "Share",
        "author",
    ];
    for name in expected {
        site.driver.press(TAB).await;
        let here = "(here => [here.name || here.value || here.textContent, \
            getComputedStyle(here).outlineStyle])(document.activeElement)";
        assert_eq!(site.driver.eval(here).await, json!([name, "solid"]));
    }

    // Keys alone skip to the content, pass the search, and load more.
    site.open("/public").await;
    site.driver.press(&format!("{TAB}{ENTER}{TAB}")).await;
    assert_eq!(site.driver.eval("document.activeElement.name").await, "q");
    site.driver.press(&format!("{TAB}{TAB}")).await;
    let href = site.driver.eval("document.activeElement.getAttribute('href')").await;
    assert_eq!(href, "/author");
    site.driver.eval("document.querySelector('.more a').focus()").await;
    site.driver.press(ENTER).await;
    eventually("more messages", async || site.texts().await.len() == 31).await;
    site.driver.press(TAB).await;
    let item = site.driver.eval("document.activeElement.closest('li').id").await;
    assert_eq!(
        item,
        site.driver.eval("document.querySelector('.messages li:last-child').id").await
    );
}

#[tokio::test]
async fn an_error_page_keeps_the_navigation_and_gives_a_number_to_report() {
    let Some(site) = Site::start().await else { return };
    site.app.user("reader").await;
    site.sign_in("reader").await;
    site.open("/nobody").await;
    assert_eq!(site.driver.text("main h2").await, "Not found");
    let button = "document.querySelector('.navigation button').textContent";
    assert_eq!(site.driver.eval(button).await, "sign out [reader]");
    let id = site.driver.text(".request code").await;
    let known = site
        .app
        .records()
        .all()
        .iter()
        .any(|record| record.fields.values().any(|value| value.contains(&id)));
    assert!(known, "{id}");
    assert_eq!(site.driver.text(".copy").await, "Copy");
}

#[tokio::test]
async fn no_page_has_a_known_barrier_in_any_look() {
    let Some(axe) = Axe::load() else { return };
    let Some(site) = Site::start().await else { return };
    site.with_hostile_users().await;
    site.sign_in("reader").await;
    for (path, _) in pages() {
        site.open(&path).await;
        let all = ["minor", "moderate", "serious", "critical"];
        assert_eq!(axe.barriers(&site.driver, &path, &all).await, [""; 0]);
    }
}

#[tokio::test]
async fn times_are_those_of_the_reader_and_utc_without_scripts() {
    let Some(site) = Site::start().await else { return };
    site.app.user("author").await;
    site.app.message_at("author", "x", 1_582_246_860_000_000).await;
    let zone = json!({ "timezoneId": "Asia/Tokyo" });
    site.driver.devtools("Emulation.setTimezoneOverride", zone).await;
    site.open("/public").await;
    assert_eq!(site.driver.text(".messages time").await, "2020-02-21 @ 10:01");
    assert_eq!(site.driver.text("#zone").await, "Asia/Tokyo");

    site.driver.without_scripts().await;
    site.open("/public").await;
    assert_eq!(site.driver.text(".messages time").await, "2020-02-21 @ 01:01");
    assert_eq!(site.driver.text("#zone").await, "UTC");
}

#[tokio::test]
async fn new_messages_are_announced_and_not_pushed() {
    let Some(site) = Site::start().await else { return };
    site.with_messages(1).await;
    site.open("/public").await;
    site.app.message("author", "new").await;
    // As if the reader came back to the page.
    site.driver.eval("document.dispatchEvent(new Event('visibilitychange'))").await;
    eventually("a sign", async || site.driver.find_all(".newer a").await.len() == 1).await;
    assert_eq!(site.driver.text(".newer a").await, "1 new message");
    assert_eq!(site.spoken().await, "1 new message");
    assert_eq!(site.texts().await, ["message 0"], "nothing moves under the reader");
    site.driver.click(".newer a").await;
    eventually("the new one", async || site.texts().await == ["new", "message 0"]).await;
}

/// Words in which scanners see a slip of the tongue.
#[test]
fn the_script_holds_no_word_that_scanners_take_for_a_leak() {
    const WORDS: [&str; 16] = [
        "todo",
        "fixme",
        "bug",
        "bugs",
        "xxx",
        "query",
        "db",
        "admin",
        "administrator",
        "user",
        "username",
        "password",
        "select",
        "where",
        "from",
        "debug",
    ];
    let script = include_str!("../../assets/minitwit.js").to_lowercase();
    let words = script.split(|c: char| !c.is_alphanumeric() && c != '_');
    let found: Vec<_> = words.filter(|word| WORDS.contains(word) || *word == "later").collect();
    assert!(found.is_empty(), "{found:?}");
    let sinks =
        ["innerhtml", "outerhtml", "insertadjacenthtml", "document.write", "eval(", "cookie"];
    assert!(!sinks.iter().any(|sink| script.contains(sink)));
}
