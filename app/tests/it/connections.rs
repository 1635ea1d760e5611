//! Connections as clients really use them: slowly, one request behind the other, and refused halfway.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Backend, DEADLINE, eventually, on, raw, raw_and_end};
use crate::hostile::{get, status};

/// Reads until the server closes; how long that took.
async fn closed_after(mut stream: TcpStream) -> (Vec<u8>, Duration) {
    let started = std::time::Instant::now();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the connection stays open");
    (answer, started.elapsed())
}

#[tokio::test]
async fn slow_clients_are_closed_and_others_are_served() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let served = app.serve().await;
        let mut slow = Vec::new();
        for start in [
            "",
            "G",
            "GET /public HTTP/1.1\r\nHost: x\r\n",
            "POST /login HTTP/1.1\r\nHost: x\r\nX-A: ",
        ] {
            for _ in 0..250 {
                let mut stream = TcpStream::connect(served.site).await.unwrap();
                stream.write_all(start.as_bytes()).await.unwrap();
                slow.push(closed_after(stream));
            }
        }
        let slow_body = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nusername=";
        let mut stream = TcpStream::connect(served.site).await.unwrap();
        stream.write_all(slow_body).await.unwrap();
        let slow_body = async {
            let mut answer = [0; 12];
            let read = tokio::time::timeout(DEADLINE, stream.read_exact(&mut answer)).await;
            read.unwrap().unwrap();
            assert_eq!(&answer, b"HTTP/1.1 408");
        };
        let served_meanwhile = async {
            for _ in 0..20 {
                assert_eq!(status(&raw(served.site, &get("/public", "")).await), 200);
            }
        };
        let all = futures_util::future::join_all(slow);
        let (closed, (), ()) = tokio::join!(all, slow_body, served_meanwhile);
        for (_, after) in closed {
            assert!(after < Duration::from_secs(7), "closed after {after:?}");
        }
    })
    .await;
}

/// Every way a request can end: without a body, with a length, in chunks, one behind the other, refused.
#[tokio::test]
async fn a_client_that_sends_no_more_is_answered_and_recorded() {
    on(Backend::Sqlite, async |app| {
        app.user("a").await;
        let served = app.serve().await;
        let form = "Content-Length: 21\r\n\r\nusername=a&password=b";
        let chunks = "Transfer-Encoding: chunked\r\n\r\n15\r\nusername=a&password=b\r\n0\r\n\r\n";
        let json = "Content-Length: 2\r\n\r\n{}";
        let two = "\r\nGET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n";
        let requests = [
            (served.site, "GET /public", "\r\n", 200),
            (served.site, "GET /a", "\r\n", 200),
            (served.site, "HEAD /public", "\r\n", 200),
            (served.site, "GET /nobody", "\r\n", 404),
            (served.site, "GET /static/none", two, 404),
            (served.site, "GET /register", "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            (served.site, "POST /register", form, 200),
            (served.site, "POST /register", chunks, 200),
            (served.api, "GET /latest", "\r\n", 200),
            (served.api, "GET /msgs", "\r\n", 403),
            (served.api, "POST /register", json, 400),
            (served.ops, "GET /readyz", "\r\n", 200),
            (served.ops, "GET /metrics", "\r\n", 200),
        ];
        for (address, line, rest, expected) in requests {
            let request = format!("{line} HTTP/1.1\r\nHost: x\r\n{rest}");
            let before = app.records().requests().len();
            for _ in 0..20 {
                let answer = raw_and_end(address, request.as_bytes()).await;
                assert_eq!(status(&answer), expected, "{line} {rest}");
            }
            if address != served.ops {
                let more = app.records().requests().len() - before;
                assert_eq!(more, if rest == two { 40 } else { 20 }, "{line} {rest}");
            }
        }
        // Half a request is no request.
        for start in [
            "GET /public HTTP/1.1\r\n",
            "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nuse",
        ] {
            let started = std::time::Instant::now();
            raw_and_end(served.site, start.as_bytes()).await;
            assert!(started.elapsed() < Duration::from_secs(3), "{start}");
        }
    })
    .await;
}

/// A body that never ends, one byte at a time: 408 by the end of its time, and no failure of the service.
#[tokio::test]
async fn a_body_that_trickles_is_refused_in_time_and_logged_as_the_clients() {
    on(Backend::Sqlite, async |app| {
        let served = app.serve().await;
        let mut stream = TcpStream::connect(served.api).await.unwrap();
        let head = b"POST /register HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let (mut reader, mut writer) = stream.into_split();
        let started = std::time::Instant::now();
        let trickle = async {
            while writer.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            std::future::pending::<()>().await;
        };
        let mut answer = [0; 12];
        let read = async { reader.read_exact(&mut answer).await.map(drop) };
        tokio::select! {
            read = read => read.unwrap(),
            () = trickle => {}
        }
        assert_eq!(&answer, b"HTTP/1.1 408");
        assert!(started.elapsed() < Duration::from_secs(13), "{:?}", started.elapsed());
        eventually("the request is recorded", async || !app.records().requests().is_empty()).await;
        let record = app.records().requests().pop().unwrap();
        assert_eq!(record.level, tracing::Level::INFO);
        assert_eq!(record.field("error.type"), "timeout");
        assert!(app.records().all().iter().all(|record| record.level != tracing::Level::ERROR));
    })
    .await;
}

#[tokio::test]
async fn a_refused_body_does_not_confuse_the_connection() {
    on(Backend::Sqlite, async |app| {
        let served = app.serve().await;
        // The second request must not be read out of the refused body of the first.
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
        let body = format!("{}{smuggled}", " ".repeat(70_000));
        let first = format!(
            "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let second = "GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let answer = raw(served.site, format!("{first}{second}").as_bytes()).await;
        assert_eq!(status(&answer), 413);
        let records = app.records().requests();
        assert!(records.iter().all(|record| record.field("url.path") != "/smuggled"));
        assert_eq!(status(&raw(served.site, &get("/public", "")).await), 200);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_read_behind_a_body_in_chunks() {
    on(Backend::Sqlite, async |app| {
        let served = app.serve().await;
        let chunked = "POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
            a\r\nusername=a\r\n0\r\n\r\n";
        let second = "GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n";
        let answer = raw(served.site, format!("{chunked}{second}").as_bytes()).await;
        let text = String::from_utf8_lossy(&answer);
        assert_eq!((status(&answer), text.matches("HTTP/1.1 ").count()), (200, 1), "{text}");
        assert!(text.contains("connection: close\r\n") && text.contains("Invalid username"));
    })
    .await;
}

#[tokio::test]
async fn requests_in_one_piece_are_answered_in_order_up_to_a_bad_one() {
    on(Backend::Sqlite, async |app| {
        let served = app.serve().await;
        let good = "GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n";
        let bad = "POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\
            Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        let answer = raw(served.site, format!("{good}{good}{bad}{good}").as_bytes()).await;
        let text = String::from_utf8_lossy(&answer);
        let statuses: Vec<_> = text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
        assert_eq!(statuses, ["200", "200", "400"], "{text}");
        assert!(text.contains("both Content-Length and Transfer-Encoding"), "{text}");
        let records = app.records().requests();
        assert_eq!(records.last().unwrap().field("url.path"), "/login");
    })
    .await;
}

#[tokio::test]
async fn a_refusal_is_an_answer_like_every_other_and_the_last() {
    on(Backend::Sqlite, async |app| {
        let served = app.serve().await;
        let both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        for (address, line, kind) in [
            (served.site, "POST /login", "text/html"),
            (served.site, "HEAD /public", "text/html"),
            (served.site, "POST /api/register", "application/json"),
            (served.api, "POST /register", "application/json"),
            (served.ops, "POST /admin/login", "application/json"),
        ] {
            app.records().take();
            let rejected =
                || app.metric("minitwit_http_rejected_total", &[("reason", "bad_request")]);
            let before = rejected();
            let request = format!("{line} HTTP/1.1\r\nHost: x\r\n{both}");
            let answer = raw(address, request.as_bytes()).await;
            let text = String::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{line}: {text}");
            let header = |name: &str| {
                let value =
                    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                value.unwrap_or_else(|| panic!("{line} has no {name}: {text}"))
            };
            assert!(header("content-type").starts_with(kind), "{line}: {text}");
            assert!(header("date").ends_with(" GMT") && header("connection") == "close", "{text}");
            let length: usize = header("content-length").parse().unwrap();
            let is_head = line.starts_with("HEAD");
            assert!(length > 0 && body.len() == if is_head { 0 } else { length }, "{line}: {text}");
            assert_eq!(is_head, !body.contains("both Content-Length and Transfer-Encoding"));
            assert!((rejected() - before - 1.0).abs() < 0.1, "{line}");
            let records = app.records().requests();
            let [record] = &records[..] else { panic!("{line}: {records:?}") };
            assert_eq!(record.field("error.type"), "bad_request");
            // Under `/api` without that.
            assert!(line.ends_with(record.field("url.path")), "{line}: {record:?}");
            assert_eq!(record.field("http.request.id"), header("x-request-id"));
        }
    })
    .await;
}
