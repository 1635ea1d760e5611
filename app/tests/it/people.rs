//! People and single messages: finding users, followers, permalinks, deleting, links in texts, and answers.

use minitwit::metrics::Surface;

use crate::harness::{Backend, TestApp, on, on_both_databases};
use crate::raw_sql::{Raw, texts};

on_both_databases!(
    people_are_found_by_the_beginning_of_a_name_in_any_spelling,
    a_search_is_bounded_and_ordered,
    followers_are_counted_and_listed_page_by_page,
    a_message_has_a_page_of_its_own,
    deleting_is_for_the_author_alone_and_asked_about,
    a_deleted_message_is_gone_everywhere_and_leaves_its_row,
    what_operators_hid_its_author_cannot_delete,
    links_and_names_in_texts_lead_there_and_nothing_else_does,
    an_answer_begins_with_the_name,
    a_reader_learns_how_many_messages_came,
);

/// The names that a list shows.
async fn names(app: &TestApp, path: &str) -> Vec<String> {
    app.browser().get(path).await.is(200).page().texts(".people strong a")
}

async fn people_are_found_by_the_beginning_of_a_name_in_any_spelling(app: TestApp) {
    for name in ["grace", "Grady", "Ian", "lana", "æon", "public", "100%", "_x"] {
        app.user(name).await;
    }
    for (text, found) in [
        ("gra", vec!["grace", "Grady"]),
        ("GRACE", vec!["grace"]),
        ("%20ian%20", vec!["Ian"]),
        ("IA", vec!["Ian"]),
        ("%C3%86O", vec!["æon"]),
        ("race", vec![]),
        ("%25", vec![]),
        ("_", vec!["_x"]),
        ("%00", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(names(&app, &format!("/-/people?q={text}")).await, found, "{text}");
    }
    let page = app.browser().get("/-/people?q=pub").await;
    page.has(".people a[href='/-/user/public']").has("input[name=q][value=pub]");
    page.has("meta[name=robots][content^=noindex]");
    app.browser().get("/-/people?q=%22%3E%3Cb").await.has(".people .empty").hides("\"><b");
    app.browser().get("/public").await.has("form[action='/-/people'] input[name=q]");
}

async fn a_search_is_bounded_and_ordered(app: TestApp) {
    let ends = ('a'..='e').flat_map(|one| ('a'..='h').map(move |two| format!("user {one}{two}")));
    let all: Vec<_> = ends.collect();
    for name in all.iter().rev() {
        app.user(name).await;
    }
    let page = app.browser().get("/-/people?q=user").await;
    let expected = &all[..30];
    assert_eq!(page.page().texts(".people strong a"), expected);
    page.has(".refine").lacks("a[rel=next]");
    app.browser().get("/-/people?q=user%20b").await.lacks(".refine");
    // Of accounts from before names had keys one of two that read the same has none.
    let mut raw = Raw::connect(&app).await;
    raw.execute("UPDATE users SET name_skeleton = 'x' WHERE username = 'user eh'").await.unwrap();
    assert_eq!(names(&app, "/-/people?q=user%20eh").await, ["user eh"]);
}

async fn followers_are_counted_and_listed_page_by_page(app: TestApp) {
    app.user("star").await;
    for number in 0..35 {
        let fan = format!("fan {number}");
        app.user(&fan).await;
        app.state.db.follow(&fan, "star", 0).await.unwrap();
    }
    app.state.db.follow("star", "fan 3", 0).await.unwrap();
    let profile = app.browser_of("fan 3").await.get("/star").await.page();
    let counts: Vec<_> = profile.texts(".counts a");
    assert_eq!(counts, ["35 followers", "1 following"]);
    let links = profile.values(".counts a", "href");
    assert_eq!(links, ["/-/user/star/followers", "/-/user/star/following"]);

    let first = app.browser().get(&links[0]).await.is(200).page();
    let mut fans = first.texts(".people strong a");
    assert_eq!((fans.len(), fans[0].as_str()), (30, "fan 34"), "the newest first");
    let rest = app.browser().get(first.one("a[rel=next]").attr("href")).await.is(200).page();
    assert!(rest.has("a[rel=first]") && !rest.has("a[rel=next]"));
    fans.extend(rest.texts(".people strong a"));
    assert_eq!(fans, (0..35).rev().map(|number| format!("fan {number}")).collect::<Vec<_>>());
    assert_eq!(names(&app, &links[1]).await, ["fan 3"]);
    app.browser().get("/-/user/fan%209/followers").await.is(200).has(".people .empty");
    app.browser().get("/-/user/star/followers?before=1").await.is(200).shows("past the end");
}

async fn a_message_has_a_page_of_its_own(app: TestApp) {
    app.user("a").await;
    app.message("a", "one <b>").await;
    app.message("a", "two").await;
    let link = app.browser().get("/a").await.page().values(".messages small a", "href").pop();
    assert_eq!(link.as_deref(), Some("/-/message/1"));
    let page = app.browser().get("/-/message/1").await.is(200).page();
    assert_eq!(page.texts(".messages .text"), ["one <b>"]);
    assert!(page.has("#m1 time[datetime]") && page.has("#m1 strong a[href='/a']"));
    for path in ["/-/message/3", "/-/message/x", "/-/message/-1", "/-/message/99999999999999999999"]
    {
        app.browser().get(path).await.is(404);
    }
    app.state.db.set_flagged(1, true).await.unwrap();
    app.browser().get("/-/message/1").await.is(404);
}

async fn deleting_is_for_the_author_alone_and_asked_about(app: TestApp) {
    app.user("a").await;
    app.user("b").await;
    app.message("a", "mine").await;
    let delete = "/-/message/1/delete";
    let (mut author, mut other) = (app.browser_of("a").await, app.browser_of("b").await);
    let has_delete = format!("#m1 a[href='{delete}']");
    author.get("/public").await.has(&has_delete);
    other.get("/public").await.lacks(&has_delete);
    app.browser().get("/public").await.lacks(&has_delete).lacks("a[href^='/?to=']");
    for who in [&mut other, &mut app.browser()] {
        let status = if who.cookies.is_empty() { 401 } else { 404 };
        who.get(delete).await.is(status);
        who.post(delete, &[]).await.is(status);
    }
    // Asking changes nothing.
    let question = author.get(delete).await;
    question.has(&format!("form[action='{delete}'][method=post] button"));
    assert_eq!(question.page().texts("blockquote"), ["mine"]);
    author.get("/-/message/1").await.is(200);
    let deleted = author.submit(delete, &[]).await;
    deleted.is(200).has(".flashes li").has(".messages .empty").lacks("#m1");
    author.post(delete, &[]).await.is(404);
}

async fn a_deleted_message_is_gone_everywhere_and_leaves_its_row(app: TestApp) {
    app.user("a").await;
    for number in 0..40 {
        app.message_at("a", &format!("text {number}"), number).await;
    }
    let before = app.state.db.totals().await.unwrap();
    let next = app.browser().get("/public").await.page().one("a[rel=next]").attr("href").to_owned();
    // The last one of the first page, behind which the next page continues.
    app.browser_of("a").await.post("/-/message/11/delete", &[]).await.goes_to("/a");
    let rest = app.browser().get(&next).await.page().texts(".messages .text");
    assert_eq!((rest.len(), rest[0].as_str()), (10, "text 9"), "no page begins anew");
    for path in ["/public", "/a"] {
        app.browser().get(path).await.hides("text 10");
    }
    let listed = app.simulator().get("/msgs?no=100").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 39);
    let of_author = app.simulator().get("/msgs/a?no=100").await.json();
    assert_eq!(of_author, listed);
    assert_eq!(app.state.db.totals().await.unwrap(), before, "the total counts what was posted");
    let left = texts(&app, "SELECT text FROM messages WHERE deleted_at IS NOT NULL").await;
    assert_eq!(left, [""], "the text is gone");
    assert!(!app.state.db.set_flagged(11, false).await.unwrap(), "nothing is left to show again");
    app.browser().get("/-/message/11").await.is(404);
    let labels = [("model", "message"), ("surface", Surface::Web.label())];
    assert!((app.metric("minitwit_deletes_total", &labels) - 1.0).abs() < 0.1);
    let records = app.records().all();
    let audit = records.iter().find(|one| one.message.starts_with("message 11 deleted")).unwrap();
    for (field, value) in [
        ("event.action", "message.delete"),
        ("user.name", "a"),
        ("message.id", "11"),
        ("message.author", "a"),
    ] {
        assert_eq!(audit.field(field), value, "{field}");
    }
}

async fn what_operators_hid_its_author_cannot_delete(app: TestApp) {
    app.user("a").await;
    app.message("a", "evidence").await;
    app.state.db.set_flagged(1, true).await.unwrap();
    app.browser_of("a").await.post("/-/message/1/delete", &[]).await.is(404);
    assert_eq!(texts(&app, "SELECT text FROM messages").await, ["evidence"]);
}

async fn links_and_names_in_texts_lead_there_and_nothing_else_does(app: TestApp) {
    app.user("a").await;
    let text =
        "hi @Bob-2, see https://a.test/?b=1&c=\"2\". javascript:alert(1) <i>\n@public x@y.test";
    app.message("a", text).await;
    let page = app.browser().get("/-/message/1").await.page();
    let links = page.values(".messages .text a", "href");
    assert_eq!(links, ["/Bob-2", "https://a.test/?b=1&c=", "/-/user/public"]);
    let rel = page.values(".messages .text a[href^=http]", "rel");
    assert!(rel[0].contains("nofollow") && rel[0].contains("noreferrer"), "{rel:?}");
    let whole: String = page.one(".messages .text").0.text().collect();
    assert_eq!(whole, text, "the text itself is unchanged, line breaks too");
    // The job that compares site and API reads through the links.
    app.simulator().get("/msgs").await.shows("hi @Bob-2");
}

async fn an_answer_begins_with_the_name(app: TestApp) {
    app.user("me").await;
    app.user("Roger Histand").await;
    app.message("Roger Histand", "hello").await;
    let mut browser = app.browser_of("me").await;
    let page = browser.get("/public").await.page();
    let reply = page.one("#m1 a[href^='/?to=']").attr("href").to_owned();
    let home = browser.get(&reply).await.page();
    let field = home.one("input[name=text]");
    assert!(field.find("autofocus").is_some());
    let answer = format!("{}hello", field.attr("value"));
    browser.submit("/add_message", &[("text", &answer)]).await;
    let mention = browser.get("/-/message/2").await.page();
    assert_eq!(mention.values(".text a", "href"), ["/Roger%20Histand"]);
    browser.get("/?to=%22%3E%3Cb%3E").await.is(200).hides("<b>");
    browser.get("/").await.has("input[name=text]:not([autofocus]):not([value])");
    let long = format!("/?to={}", "x".repeat(2_000));
    browser.get(&long).await.is(200).has("input[name=text]:not([value])");
}

async fn a_reader_learns_how_many_messages_came(app: TestApp) {
    app.user("a").await;
    app.browser().get("/public").await.lacks("[data-newer]");
    app.message("a", "one").await;
    let page = app.browser().get("/public").await.page();
    let newer = page.one(".messages[data-newer]").attr("data-newer").to_owned();
    assert_eq!(newer, "/-/newer?after=1");
    app.browser().get("/a").await.lacks("[data-newer]");
    app.browser().get("/public?before=9").await.lacks("[data-newer]");
    let count = async |path: &str| app.browser().get(path).await.is(200).json()["count"].clone();
    assert_eq!(count(&newer).await, 0);
    for _ in 0..40 {
        app.message("a", "x").await;
    }
    app.state.db.set_flagged(2, true).await.unwrap();
    assert_eq!(count("/-/newer?after=39").await, 2);
    assert_eq!(count(&newer).await, 30, "no more than a page");
    assert_eq!(count("/-/newer?after=x").await, 0);
}

#[tokio::test]
async fn a_long_list_of_follows_is_counted_to_a_limit() {
    on(Backend::Sqlite, async |app| {
        app.user("star").await;
        let mut raw = Raw::connect(&app).await;
        let numbers = "(WITH RECURSIVE n(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM n WHERE n < 10102) SELECT n FROM n)";
        for sql in [
            format!("INSERT INTO users (id, username, email, pw_hash, created_at) SELECT n, 'u' || n, '', '', 0 FROM {numbers}"),
            format!("INSERT INTO followers (who_id, whom_id, created_at) SELECT n, 1, 0 FROM {numbers}"),
        ] {
            raw.execute(&sql).await.unwrap();
        }
        let counts = app.browser().get("/star").await.page().texts(".counts b");
        assert_eq!(counts, ["10000+", "0"]);
    })
    .await;
}
