//! One record at its own address, and what surrounds it.

use logsearch::fields;
use logsearch::record::Level;

use crate::harness::App;
use crate::html::Page;
use crate::lines::{Line, START, line, log};

/// A hundred and forty records a second apart: of two requests and two targets in turn; the one in the
/// middle has a user and a chain of errors.
async fn app() -> App {
    let one = |n: i64| -> Line {
        let one = line(&format!("line {n}"))
            .at(n)
            .target(if n % 2 == 0 { "shop::even" } else { "shop::odd" })
            .text(fields::REQUEST_ID, if n % 5 == 0 { "r5" } else { "r1" });
        if n == 70 { one.level(Level::Error).text(fields::USER_NAME, "anna") } else { one }
    };
    let middle = |n: i64| {
        let one = one(n);
        if n == 70 { one.text(fields::ERROR_MESSAGE, "could not store: disk is full") } else { one }
    };
    App::start(log((0..140).map(middle))).await
}

/// The id of the record in the middle.
fn id() -> String {
    format!("{}-71", START + 70_000_000)
}

async fn context(app: &App, query: &str) -> Page {
    let answer = app.get(&format!("/ops/events/{}/context{query}", id())).await;
    assert_eq!(answer.status, 200, "{query}");
    answer.page()
}

fn messages(page: &Page) -> Vec<String> {
    page.texts("tr.record summary")
        .iter()
        .map(|text| text.replace(" could not store: disk is full", ""))
        .collect()
}

#[tokio::test]
async fn a_record_has_a_page_and_is_json_at_the_same_address() {
    let app = app().await;
    let page = app.get(&format!("/ops/events/{}", id())).await.page();
    assert!(page.one("main h1").text().ends_with("line 70"));
    assert_eq!(page.texts(".chain li"), ["could not store", "disk is full"]);
    let fields = page.texts(".fields th");
    assert!(
        ["user", "error", "request_id"].iter().all(|name| fields.contains(&(*name).to_owned()))
    );
    let json: serde_json::Value =
        serde_json::from_str(&app.get(&format!("/ops/events/{}.json", id())).await.text).unwrap();
    assert_eq!(json["message"], "line 70");
    assert_eq!(json["user.name"], "anna");
    let shown: serde_json::Value =
        serde_json::from_str(&page.one("main > details pre").text()).unwrap();
    assert_eq!(shown, json);
    let around = page.one(".sum a").attr("href");
    assert_eq!(app.get(around).await.page().one("[data-total]").text(), "140 records");
}

#[tokio::test]
async fn what_surrounds_a_record_is_shown_on_both_sides() {
    let app = app().await;
    let page = context(&app, "").await;
    let messages = messages(&page);
    assert_eq!(messages.len(), 101);
    assert_eq!(
        (&*messages[0], &*messages[50], &*messages[100]),
        ("line 120", "line 70", "line 20")
    );
    let here = page.one("tr.record[aria-current=true]");
    assert_eq!(here.attr("id"), format!("e{}", id()));
    // The next records on either side, in the logs.
    for (direction, first) in [("older", "line 19"), ("newer", "line 139")] {
        let link = page.one(&format!("[data-page={direction}]")).attr("href").to_owned();
        let logs = app.get(&link).await.page();
        assert_eq!(logs.texts("tr.record summary")[0], first, "{link}");
    }
}

#[tokio::test]
async fn records_of_the_same_request_user_or_target_alone_can_be_shown() {
    let app = app().await;
    for (scope, count, newest) in [
        ("request", 28, "line 135"),
        ("user", 1, "line 70"),
        ("target", 70, "line 138"),
        ("all", 101, "line 120"),
        ("nonsense", 101, "line 120"),
    ] {
        let page = context(&app, &format!("?scope={scope}")).await;
        let messages = messages(&page);
        assert_eq!((messages.len(), &*messages[0]), (count, newest), "{scope}");
        assert_eq!(page.all("nav [aria-current=true]").len(), 1, "{scope}");
    }
    // Who has no user is not asked about one.
    let other = format!("/ops/events/{START}-1/context?scope=user");
    let page = app.get(&other).await.page();
    assert!(!page.has("nav a[href*='scope=user']"));
    assert_eq!(page.all("tr.record").len(), 51);
}

#[tokio::test]
async fn a_filter_marks_and_hides_nothing() {
    let app = app().await;
    let page = context(&app, "?q=target:shop::odd").await;
    assert_eq!((page.all("tr.record").len(), page.all("tr.match").len()), (101, 50));
    let first = page.values(".sum a[href^='#e']", "href").swap_remove(0);
    assert_eq!(first, format!("#{}", page.all("tr.match")[0].attr("id")));
    assert!(page.one(".sum strong").text().starts_with("50 of 101"));
    let none = context(&app, "?q=nothing_has_this").await;
    assert_eq!((none.all("tr.record").len(), none.all("tr.match").len()), (101, 0));
    assert!(context(&app, "?q=usr:anna").await.has(".notice"));
}

#[tokio::test]
async fn columns_go_along_and_the_filter_keeps_them() {
    let page = context(&app().await, "?cols=target,user&scope=target").await;
    let heads = page.texts("thead th");
    assert_eq!(heads[3..], ["target".to_owned(), "user".to_owned()]);
    let hidden = page.all("form.query input[type=hidden]");
    let hidden: Vec<_> = hidden.iter().map(|one| (one.attr("name"), one.attr("value"))).collect();
    assert_eq!(hidden, [("scope", "target"), ("cols", "target,user")]);
}

#[tokio::test]
async fn an_address_of_no_record_leads_nowhere() {
    let app = app().await;
    for id in ["0-1", "x", "1-", "-1", "99999999999999999999-1", "1793491200000000-2", "%00"] {
        for path in [format!("/ops/events/{id}"), format!("/ops/events/{id}/context")] {
            assert_eq!(app.get(&path).await.status, 404, "{path}");
        }
    }
}
