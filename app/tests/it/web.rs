//! The site: every route for everybody, sentences shown once, the cross-site rule, and pages without
//! gaps or repetitions.

use http::{HeaderName, HeaderValue, Method};

use crate::harness::{Answer, Browser, TestApp, on_both_databases, request};
use crate::html::Page;

on_both_databases!(
    every_route_answers_as_the_contract_says,
    sentences_queue_up_and_show_once,
    forms_keep_what_was_entered_and_say_what_is_wrong,
    registration_errors_come_in_the_course_order,
    an_empty_message_says_nothing_and_a_missing_one_is_refused,
    requests_of_other_sites_change_nothing,
    the_follow_box_says_how_the_visitor_stands,
    pages_leave_nothing_out_and_repeat_nothing,
    page_numbers_count_from_zero,
    addresses_of_an_older_version_lead_to_the_page,
    pages_run_at_most_two_statements,
    what_was_written_is_kept_when_it_cannot_be_posted,
    a_page_past_the_end_says_so,
    registering_leaves_only_the_password_to_type,
);

/// A route, and what `GET` and `POST` answer to anybody and to a user.
type Row = (&'static str, [u16; 2], [u16; 2]);

const ROUTES: &[Row] = &[
    ("/", [302, 405], [200, 405]),
    ("/public", [200, 405], [200, 405]),
    ("/public/", [404, 404], [404, 404]),
    ("/a", [200, 405], [200, 405]),
    ("/b", [200, 405], [200, 405]),
    ("/nobody", [404, 405], [404, 405]),
    ("/b/follow", [401, 401], [302, 302]),
    ("/nobody/follow", [401, 401], [404, 404]),
    ("/b/unfollow", [401, 401], [302, 302]),
    ("/nobody/unfollow", [401, 401], [404, 404]),
    ("/add_message", [404, 401], [404, 400]),
    ("/login", [200, 200], [302, 302]),
    ("/register", [200, 200], [302, 302]),
    ("/logout", [302, 302], [302, 302]),
    ("/-/logout-everywhere", [405, 401], [405, 302]),
    ("/-/people", [200, 405], [200, 405]),
    ("/-/newer", [200, 405], [200, 405]),
    ("/-/message/1", [404, 405], [404, 405]),
    ("/-/message/1/delete", [401, 401], [404, 404]),
    ("/-/user/a/followers", [200, 405], [200, 405]),
    ("/-/user/nobody/followers", [404, 405], [404, 405]),
    ("/-/user/a/following", [200, 405], [200, 405]),
    ("/-/user/nobody/following", [404, 405], [404, 405]),
    ("/static/style.css", [200, 405], [200, 405]),
    ("/static/nothing.css", [404, 405], [404, 405]),
    ("/static/..%2FCargo.toml", [404, 405], [404, 405]),
    ("/favicon.ico", [200, 405], [200, 405]),
    ("/robots.txt", [200, 405], [200, 405]),
    ("/-/user/a", [200, 405], [200, 405]),
    ("/-/user/b/follow", [401, 401], [302, 302]),
    ("/-/user/b/unfollow", [401, 401], [302, 302]),
    ("/a/40", [302, 405], [302, 405]),
    ("/a/forty", [404, 405], [404, 405]),
    ("/nowhere/at/all", [404, 404], [404, 404]),
    ("/admin", [404, 405], [404, 405]),
    ("/metrics", [404, 405], [404, 405]),
    ("/readyz", [404, 405], [404, 405]),
];

async fn every_route_answers_as_the_contract_says(app: TestApp) {
    app.user("a").await;
    app.user("b").await;
    for (path, anybody, user) in ROUTES {
        for (method, status) in [Method::GET, Method::POST].into_iter().zip(anybody) {
            let answer = app.browser().send(request(method.clone(), path), "".into()).await;
            assert_eq!(answer.status.as_u16(), *status, "{method} {path} by anybody");
        }
        for (method, status) in [Method::GET, Method::POST].into_iter().zip(user) {
            let mut browser = app.browser_of("a").await;
            let answer = browser.send(request(method.clone(), path), "".into()).await;
            assert_eq!(answer.status.as_u16(), *status, "{method} {path} by a user");
        }
    }
    app.browser().get("/").await.goes_to("/public");
    app.browser().get("/logout").await.goes_to("/public");
    let mut browser = app.browser_of("a").await;
    browser.get("/login").await.goes_to("/");
    browser.get("/register").await.goes_to("/");
    browser.get("/b/follow").await.goes_to("/b");
    browser.get("/b/unfollow").await.goes_to("/b");
    browser.post("/add_message", &[("text", "x")]).await.goes_to("/");
}

async fn sentences_queue_up_and_show_once(app: TestApp) {
    app.user("a").await;
    app.user("b").await;
    let mut browser = app.browser_of("a").await;
    browser.get("/b/follow").await.is(302);
    browser.post("/add_message", &[("text", "x")]).await.is(302);
    browser.get("/static/style.css").await.is(200);
    let page = browser.get("/public").await;
    page.shows("You are now following &#34;b&#34;").shows("Your message was recorded");
    let text = page.text();
    assert!(text.find("now following").unwrap() < text.find("was recorded").unwrap());
    assert_eq!(text.matches("class=\"flashes\"").count(), 1);
    browser.get("/public").await.hides("You are now").hides("was recorded").hides("flashes");
    browser.visit("/logout").await.shows("You were logged out");
    browser.visit("/logout").await.shows("You were logged out");
    // A forged cookie shows no sentence of its own making.
    browser.cookies = vec![("flash".to_owned(), "xHello.f%3Cb%3E.i".to_owned())];
    browser.get("/public").await.hides("Hello").hides("<b>").shows("You were logged in");
}

async fn forms_keep_what_was_entered_and_say_what_is_wrong(app: TestApp) {
    let mut browser = app.browser();
    let form = [("username", "<me>"), ("email", "x"), ("password", "canary"), ("password2", "")];
    let page = browser.post("/register", &form).await;
    page.is(200).shows("Error:").shows("You have to enter a valid email address");
    page.shows("value=\"&lt;me&gt;\"").shows("value=\"x\"").hides("canary").hides("<me>");
    let page = browser.post("/login", &[("username", "\"me\""), ("password", "canary")]).await;
    page.is(200).shows("Invalid username").shows("value=\"&#34;me&#34;\"").hides("canary");
    // The course's browser test fills inputs by position.
    let names = |page: &Answer| page.page().values("input[name]", "name");
    let register = browser.get("/register").await;
    assert_eq!(names(&register), ["username", "email", "password", "password2"]);
    assert_eq!(names(&browser.get("/login").await), ["username", "password"]);
    register.shows("class=\"actions\"").shows("<title>Sign Up | MiniTwit</title>");
}

async fn registration_errors_come_in_the_course_order(app: TestApp) {
    let mut browser = app.browser();
    let form = [("username", ""), ("email", "x"), ("password", ""), ("password2", "y")];
    browser.post("/register", &form).await.shows("You have to enter a username");
    let form = [("username", "a"), ("email", "x"), ("password", ""), ("password2", "y")];
    browser.post("/register", &form).await.shows("You have to enter a valid email address");
    let form = [("username", "a"), ("email", "@"), ("password", ""), ("password2", "y")];
    browser.post("/register", &form).await.shows("You have to enter a password");
    let form = [("username", "a"), ("email", "@"), ("password", "x"), ("password2", "y")];
    browser.post("/register", &form).await.shows("The two passwords do not match");
    let form = [("username", "a"), ("email", "@"), ("password", "x"), ("password2", "x")];
    browser.post("/register", &form).await.goes_to("/login");
    browser.get("/").await.goes_to("/public");
    browser.post("/register", &form).await.shows("The username is already taken");
    let app = app.with(&["--min-password", "8"]).await;
    let form =
        [("username", "b"), ("email", "@"), ("password", "1234567"), ("password2", "1234567")];
    app.browser().post("/register", &form).await.shows("at least 8 characters");
}

async fn an_empty_message_says_nothing_and_a_missing_one_is_refused(app: TestApp) {
    app.user("a").await;
    let mut browser = app.browser_of("a").await;
    browser.submit("/add_message", &[("text", "")]).await.hides("was recorded");
    browser.post("/add_message", &[("other", "x")]).await.is(400);
    browser.post("/add_message", &[("text", &"x".repeat(281))]).await.is(400);
    browser.post("/add_message", &[("text", "a\0b")]).await.is(400);
    browser.get("/").await.shows("There's no message so far.");
    browser.submit("/add_message", &[("text", "<b> & \"c\" 'd'")]).await;
    let page = app.browser().get("/public").await;
    page.shows("&lt;b&gt; &amp; &#34;c&#34; &#39;d&#39;").hides("<b>");
}

async fn requests_of_other_sites_change_nothing(app: TestApp) {
    app.user("a").await;
    app.user("b").await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "http://elsewhere.example"),
        ("origin", "null"),
    ] {
        let mut browser = app.browser_of("a").await;
        browser.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        for path in ["/b/follow", "/b/unfollow", "/-/user/b/follow", "/logout"] {
            browser.get(path).await.is(403);
            browser.post(path, &[]).await.is(403);
        }
        for path in
            ["/add_message", "/login", "/register", "/api/add_message", "/-/message/1/delete"]
        {
            browser.post(path, &[("text", "x")]).await.is(403);
        }
        browser.get("/public").await.is(200);
        browser.get("/b").await.is(200).shows("not yet following");
        browser.get("/").await.is(200).shows("no message");
    }
    for (name, value) in [
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
        ("origin", "http://localhost"),
    ] {
        let mut browser = app.browser_of("a").await;
        browser.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        browser.get("/b/follow").await.goes_to("/b");
        browser.post("/add_message", &[("text", "x")]).await.goes_to("/");
    }
    assert!(app.metric("minitwit_http_rejected_total", &[("reason", "csrf")]) > 51.0);
}

async fn the_follow_box_says_how_the_visitor_stands(app: TestApp) {
    app.user("a").await;
    app.user("b").await;
    let mut browser = app.browser_of("a").await;
    browser.get("/a").await.shows("This is you!").shows("a&#39;s Timeline | MiniTwit");
    browser.get("/b").await.shows("You are not yet following this user.").shows("Follow user");
    browser.visit("/b/follow").await.shows("You are currently following this user.");
    browser.visit("/b/follow").await.shows("You are now following").shows("Unfollow user");
    browser.visit("/b/unfollow").await.shows("You are not yet following this user.");
    browser.visit("/b/unfollow").await.shows("You are no longer following &#34;b&#34;");
    app.browser().get("/b").await.hides("following this user").hides("This is you");
    browser.get("/").await.shows("on your mind a?").shows("My Timeline | MiniTwit");
    browser.get("/public").await.hides("on your mind").shows("Public Timeline | MiniTwit");
}

/// The texts of the messages on a page.
fn shown(page: &Page) -> Vec<String> {
    page.texts(".messages .text")
}

/// Every text of a timeline, page by page, by the links of the pages.
async fn walk(browser: &mut Browser, path: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = browser.get(&path).await.is(200).page();
        let shown = shown(&page);
        assert!(shown.len() <= 30, "{} messages on {path}", shown.len());
        texts.extend(shown);
        assert!(texts.len() < 1000, "the pages do not end");
        next = page.values("a[rel=next]", "href").pop();
    }
    texts
}

async fn pages_leave_nothing_out_and_repeat_nothing(app: TestApp) {
    for name in ["a", "b", "c"] {
        app.user(name).await;
    }
    app.state.db.follow("a", "b", 0).await.unwrap();
    // Few times and many messages: most neighbors share their time.
    let mut expected = Vec::new();
    for n in 0_i64..100 {
        let author = ["a", "b", "c"][usize::try_from(n % 3).unwrap()];
        let at = 1_600_000_000_000_000 + n / 40;
        app.message_at(author, &n.to_string(), at).await;
        expected.push((at, n, author));
    }
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let texts = |authors: &[&str]| {
        let wanted = expected.iter().filter(|(.., author)| authors.contains(author));
        wanted.map(|(_, n, _)| n.to_string()).collect::<Vec<_>>()
    };
    let mut browser = app.browser_of("a").await;
    assert_eq!(walk(&mut browser, "/public").await, texts(&["a", "b", "c"]));
    assert_eq!(walk(&mut browser, "/").await, texts(&["a", "b"]));
    assert_eq!(walk(&mut browser, "/c").await, texts(&["c"]));
    assert_eq!(walk(&mut app.browser(), "/public?before=nonsense").await, texts(&["a", "b", "c"]));
    // A message that comes while somebody pages moves nothing.
    let first = browser.get("/public").await.page();
    app.message("c", "late").await;
    let rest = walk(&mut browser, first.one("a[rel=next]").attr("href")).await;
    assert_eq!(rest, texts(&["a", "b", "c"])[30..]);
    // Behind the last message, and behind one that never was.
    browser.get("/public?before=1").await.is(200).has(".messages .empty");
    let newest = shown(&browser.get("/public?before=9223372036854775807").await.is(200).page());
    assert_eq!(newest[0], "late");
}

async fn page_numbers_count_from_zero(app: TestApp) {
    app.user("a").await;
    for n in 0..65 {
        app.message_at("a", &n.to_string(), n).await;
    }
    let mut browser = app.browser_of("a").await;
    for path in ["/", "/public", "/a"] {
        for (p, newest) in [("0", "64"), ("1", "34"), ("2", "4"), ("-1", "64"), ("x", "64")] {
            let page = browser.get(&format!("{path}?p={p}")).await;
            assert_eq!(shown(&page.is(200).page())[0], newest, "{path}?p={p}");
        }
        for beyond in ["3", "5000", "9223372036854775807", "99999999999999999999"] {
            let page = browser.visit(&format!("{path}?p={beyond}")).await;
            page.is(200);
        }
    }
}

async fn addresses_of_an_older_version_lead_to_the_page(app: TestApp) {
    let mut browser = app.browser();
    browser.get("/public/20").await.goes_to("/public");
    browser.get("/timeline/20").await.goes_to("/");
    browser.get("/Roger%20Histand/20").await.goes_to("/Roger%20Histand");
    browser.get("/Roger%20Histand/20x").await.is(404);
}

async fn pages_run_at_most_two_statements(app: TestApp) {
    for name in ["a", "b"] {
        app.user(name).await;
        app.message(name, "x").await;
    }
    let mut browser = app.browser_of("a").await;
    for path in [
        "/",
        "/public",
        "/a",
        "/b",
        "/nobody",
        "/login",
        "/b/follow",
        "/b",
        "/-/message/1",
        "/-/newer?after=1",
        "/-/user/b/followers",
    ] {
        app.records().take();
        browser.get(path).await;
        app.browser().get(path).await;
        for record in app.records().requests() {
            let count: u32 = record.field("db.count").parse().unwrap();
            assert!(count <= 2, "{path}: {record:?}");
        }
    }
    browser.post("/add_message", &[("text", "x")]).await.is(302);
    assert_eq!(app.records().requests().last().unwrap().field("db.count"), "2");
}

async fn what_was_written_is_kept_when_it_cannot_be_posted(app: TestApp) {
    app.user("a").await;
    let long = format!("<b>{}", "W".repeat(300));
    let kept = |text: &str| format!("{}</textarea>", minitwit::escape::escaped(text));
    let again = "form[action='/add_message'][method=post] input[type=submit][value='Try again']";
    let mut browser = app.browser_of("a").await;
    browser.post("/add_message", &[("text", &long)]).await.is(400).shows(&kept(&long)).has(again);
    let text = "a < b & c";
    app.browser()
        .post("/add_message", &[("text", text)])
        .await
        .is(401)
        .shows(&kept(text))
        .has(again);
    let mut forged = browser.clone();
    forged.headers.insert("origin", "http://other.example".parse().unwrap());
    forged.post("/add_message", &[("text", text)]).await.is(403).shows(&kept(text)).has(again);
    app.state.db.close().await;
    browser.post("/add_message", &[("text", text)]).await.is(503).shows(&kept(text)).has(again);
    browser.get("/public").await.is(503).lacks("textarea");
}

async fn a_page_past_the_end_says_so(app: TestApp) {
    app.browser().get("/public").await.shows("There's no message so far.");
    app.user("a").await;
    app.message("a", "the only one").await;
    for path in ["/public?p=7", "/public?before=1", "/a?p=7", "/a?before=1"] {
        app.browser().get(path).await.is(200).shows("past the end").hides("no message so far");
    }
    app.browser().get("/nobody?p=7").await.is(404);
}

async fn registering_leaves_only_the_password_to_type(app: TestApp) {
    let mut browser = app.browser();
    browser.get("/login").await.has("[name=username][value=''][autofocus]");
    let form = [("username", " <b>ee "), ("email", "@"), ("password", "x"), ("password2", "x")];
    browser.post("/register", &form).await.goes_to("/login");
    let page = browser.get("/login").await;
    page.has("[name=username][value='<b>ee']:not([autofocus])").has("[name=password][autofocus]");
    page.hides("<b>ee").shows("successfully registered");
    browser.get("/login").await.has("[name=username][value=''][autofocus]");
}
