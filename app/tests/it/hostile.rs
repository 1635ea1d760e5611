//! Bad requests of every kind for every route, over a socket: the answer is a refusal in the
//! contract's shape, never a 500, and the service lives on.

use std::net::SocketAddr;

use crate::harness::{SIMULATOR, TestApp, on_both_databases, raw, raw_and_end};
use crate::known_routes::{API_ROUTES, SITE_ROUTES, addresses};

on_both_databases!(
    bad_requests_are_refused_on_every_route,
    control_characters_in_every_input_are_refused_or_unknown,
);

/// The status of a raw answer; 0 when the connection was closed without one.
pub fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(answer);
    text.strip_prefix("HTTP/1.1 ")
        .or(text.strip_prefix("HTTP/1.0 "))
        .map_or(0, |rest| rest[..3].parse().unwrap())
}

/// A bad request to a path, and the statuses it may get.
type Attack = (&'static str, fn(&str) -> Vec<u8>, &'static [u16]);

/// What may refuse any method at any path, or serve it when the method fits.
const ANY: &[u16] = &[200, 302, 400, 401, 403, 404, 405, 408, 411, 413, 429];

fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {SIMULATOR}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// A request as bytes.
pub fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n").into_bytes()
}

const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const MULTIPART: &str = "Content-Type: multipart/form-data; boundary=b\r\n";

const ATTACKS: &[Attack] = &[
    ("no JSON", |path| post(path, JSON, b"{"), ANY),
    ("an empty body", |path| post(path, JSON, b""), ANY),
    ("a list", |path| post(path, JSON, br#"["a","a@a","p"]"#), ANY),
    ("wrong types", |path| post(path, JSON, br#"{"username":1,"content":{},"follow":[]}"#), ANY),
    (
        "huge numbers",
        |path| post(path, JSON, br#"{"content":1e999,"follow":99999999999999999999}"#),
        ANY,
    ),
    ("deep JSON", |path| post(path, JSON, "[".repeat(60_000).as_bytes()), ANY),
    ("deep objects", |path| post(path, JSON, r#"{"a":"#.repeat(12_000).as_bytes()), ANY),
    (
        "a lone surrogate",
        |path| post(path, JSON, br#"{"content":"\ud800","follow":"\udfff"}"#),
        ANY,
    ),
    ("JSON that is not UTF-8", |path| post(path, JSON, b"{\"content\":\"\xff\xfe\"}"), ANY),
    ("a huge body", |path| post(path, JSON, &vec![b' '; 300_000]), ANY),
    (
        "a form that is not UTF-8",
        |path| post(path, FORM, b"username=%ff%fe&text=\xff&password=%"),
        ANY,
    ),
    ("repeated fields", |path| post(path, FORM, b"text=a&text=b&username=a&username=b"), ANY),
    ("many fields", |path| post(path, FORM, "a=b&".repeat(15_000).as_bytes()), ANY),
    (
        "multipart",
        |path| {
            post(
                path,
                MULTIPART,
                b"--b\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nx\r\n--b--\r\n",
            )
        },
        ANY,
    ),
    ("no content type", |path| post(path, "", b"text=x"), ANY),
    (
        "an encoding it does not read",
        |path| post(path, "Content-Encoding: gzip\r\n", b"\x1f\x8b\x08junk"),
        ANY,
    ),
    (
        "bad percent-encoding",
        |path| get(&format!("{path}?p=%&before=%zz&no=%ff&latest=%00"), ""),
        ANY,
    ),
    (
        "repeated parameters",
        |path| get(&format!("{path}?p=1&p=2&no=1&no=2&before=1&before=2"), ""),
        ANY,
    ),
    (
        "numbers out of range",
        |path| {
            get(
                &format!(
                    "{path}?p=99999999999999999999&before=9223372036854775808&no=-9223372036854775809&latest=9223372036854775808"
                ),
                "",
            )
        },
        ANY,
    ),
    ("a long query", |path| get(&format!("{path}?{}", "x".repeat(20_000)), ""), &[414]),
    ("100 headers", |path| get(path, &"X-A: b\r\n".repeat(100)), &[431]),
    ("a huge header", |path| get(path, &format!("X-A: {}\r\n", "b".repeat(100_000))), &[431]),
    (
        "10 MB of headers",
        |path| get(path, &format!("X-A: {}\r\n", "b".repeat(1_000)).repeat(10_000)),
        &[431],
    ),
    (
        "a huge cookie",
        |path| {
            get(
                path,
                &format!("Cookie: sid={}; flash={}\r\n", "A".repeat(9_000), "f%41.".repeat(3_000)),
            )
        },
        ANY,
    ),
    (
        "a cookie of control bytes",
        |path| get(path, "Cookie: sid=\x01\x02; flash=f%00.u%ff\r\n"),
        ANY,
    ),
    (
        "length and chunks",
        |path| {
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").into_bytes()
        },
        &[400],
    ),
    (
        "two lengths",
        |path| {
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde").into_bytes()
        },
        &[400],
    ),
    (
        "a signed length",
        |path| {
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: +4\r\n\r\nabcd").into_bytes()
        },
        &[400],
    ),
    (
        "a strange coding",
        |path| {
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n").into_bytes()
        },
        &[400],
    ),
    (
        "bad chunks",
        |path| {
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n").into_bytes()
        },
        ANY,
    ),
    (
        "two hosts",
        |path| {
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n")
                .into_bytes()
        },
        &[400],
    ),
    (
        "no host",
        |path| format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n").into_bytes(),
        &[400],
    ),
    (
        "another host in the address",
        |path| {
            format!("GET http://y{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .into_bytes()
        },
        &[400],
    ),
    (
        "a folded header",
        |path| {
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\nConnection: close\r\n\r\n")
                .into_bytes()
        },
        &[400],
    ),
    (
        "a bare CR in a header",
        |path| {
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-A: b\rc\r\nConnection: close\r\n\r\n")
                .into_bytes()
        },
        &[400],
    ),
    (
        "a NUL in a header",
        |path| {
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nX-A: b\0c\r\nConnection: close\r\n\r\n")
                .into_bytes()
        },
        &[400],
    ),
    (
        "a space before the colon",
        |path| format!("GET {path} HTTP/1.1\r\nHost : x\r\nConnection: close\r\n\r\n").into_bytes(),
        &[400],
    ),
    (
        "a control byte in the address",
        |path| format!("GET {path}\x01 HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes(),
        &[400],
    ),
    ("another protocol", |_| b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[400]),
    ("HTTP/2 at once", |_| b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[505]),
    (
        "an unknown version",
        |path| format!("GET {path} HTTP/9.9\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes(),
        &[505],
    ),
    (
        "TRACE",
        |path| {
            format!("TRACE {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
        },
        &[404, 405],
    ),
    (
        "OPTIONS",
        |path| {
            format!("OPTIONS {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
        },
        &[404, 405],
    ),
    (
        "an invented method",
        |path| format!("BREW {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes(),
        &[404, 405],
    ),
    (
        "CONNECT",
        |_| {
            b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\nConnection: close\r\n\r\n"
                .to_vec()
        },
        &[400, 404, 405],
    ),
    (
        "OPTIONS *",
        |_| b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_vec(),
        &[400, 404, 405],
    ),
    (
        "a body that ends early",
        |path| {
            let mut request = post(path, FORM, b"text=x&username=a&email=a@b&password=x");
            request.truncate(request.len() - 5);
            request
        },
        ANY,
    ),
];

/// Headers of every answer, refusals before any route included.
const EVERY_ANSWER: &[&str] = &[
    "x-content-type-options: nosniff\r\n",
    "x-frame-options: DENY\r\n",
    "content-security-policy: default-src 'none'",
    "cache-control: ",
    "x-request-id: ",
    "traceparent: ",
];

async fn bad_requests_are_refused_on_every_route(app: TestApp) {
    app.user("a").await;
    let served = app.serve().await;
    for (address, table) in [(served.site, SITE_ROUTES), (served.api, API_ROUTES)] {
        let paths = addresses(table);
        for (name, attack, statuses) in ATTACKS {
            // What is large is sent once.
            let paths = if name.contains("MB") { &paths[..1] } else { &paths[..] };
            for path in paths {
                let request = attack(path);
                let ends = name.ends_with("early");
                let answer = if ends {
                    raw_and_end(address, &request).await
                } else {
                    raw(address, &request).await
                };
                let status = status(&answer);
                let seen = String::from_utf8_lossy(&answer[..answer.len().min(2_000)]).into_owned();
                let may_close = status == 0 && ends;
                assert!(
                    statuses.contains(&status) || may_close,
                    "{name} at {path}: {status} {seen}"
                );
                for header in EVERY_ANSWER {
                    assert!(seen.contains(header) || status == 0, "{name} at {path}: {seen}");
                }
            }
        }
        assert!(is_alive(address).await, "the service is gone");
    }
    assert!(app.metric("minitwit_panics_total", &[]).abs() < 0.1);
    let answers = "http_server_request_duration_seconds_count";
    assert!(app.metric(answers, &[("http_response_status_code", "500")]).abs() < 0.1);
    assert!(app.metric(answers, &[("http_response_status_code", "400")]) > 50.0);
}

async fn is_alive(address: SocketAddr) -> bool {
    [200, 404].contains(&status(&raw(address, &get("/latest", "")).await))
}

/// What no name and no message holds, or what databases and logs stumble over.
const ODD: &[&str] = &[
    "\\u0000",
    "a\\u0000b",
    "\\u0001",
    "\\u001b[31m",
    "\\r\\nSet-Cookie: x=y",
    "\\u007f",
    "\\u0085",
    "\\u2028",
    "\\u202e",
    "\\ufeff",
    "\\uffff",
    "\\ud83d\\ude00",
    "%s%n",
    "${jndi:x}",
    "'; DROP TABLE users; --",
    "../../etc/passwd",
    "{{7*7}}",
    "\\\\",
    "\\\"",
];

async fn control_characters_in_every_input_are_refused_or_unknown(app: TestApp) {
    app.user("a").await;
    let served = app.serve().await;
    let mut browser = app.browser_of("a").await;
    for odd in ODD {
        let text: String = serde_json::from_str(&format!("\"{odd}\"")).unwrap();
        let encoded =
            percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
        for body in [
            format!(r#"{{"username":"{odd}","email":"{odd}@x","pwd":"{odd}"}}"#),
            format!(r#"{{"content":"{odd}"}}"#),
            format!(r#"{{"follow":"{odd}"}}"#),
            format!(r#"{{"unfollow":"{odd}"}}"#),
        ] {
            let user = format!("/msgs/{encoded}");
            let follows = format!("/fllws/{encoded}");
            for path in ["/register", "/msgs/a", "/fllws/a", &user, &follows] {
                let answer = raw(served.api, &post(path, JSON, body.as_bytes())).await;
                assert!([204, 400, 404].contains(&status(&answer)), "{odd} to {path}: {answer:?}");
            }
        }
        for path in ["/msgs", "/msgs/", "/fllws/", "/latest"] {
            let path = format!(
                "{path}{}?no={encoded}&latest={encoded}",
                if path.ends_with('/') { encoded.to_string() } else { String::new() }
            );
            let answer =
                raw(served.api, &get(&path, &format!("Authorization: {SIMULATOR}\r\n"))).await;
            assert!([200, 404].contains(&status(&answer)), "{path}: {answer:?}");
        }
        for path in [
            format!("/{encoded}"),
            format!("/public?before={encoded}&p={encoded}"),
            format!("/?p={encoded}"),
        ] {
            let answer = browser.get(&path).await.status.as_u16();
            assert!([200, 404].contains(&answer), "{path}: {answer}");
        }
        for action in ["follow", "unfollow"] {
            let answer = browser.get(&format!("/{encoded}/{action}")).await.status.as_u16();
            assert!([302, 404].contains(&answer), "{action} {odd}: {answer}");
        }
        let answer = browser.post("/add_message", &[("text", &text)]).await.status.as_u16();
        assert!([302, 400].contains(&answer), "{odd}: {answer}");
        let form = [
            ("username", text.as_str()),
            ("email", &text),
            ("password", &text),
            ("password2", &text),
        ];
        app.browser().post("/register", &form).await.is(200);
        let answer = app.browser().post("/login", &form).await.status.as_u16();
        assert!([200, 302, 429].contains(&answer), "{odd}: {answer}");
        for cookie in ["sid", "flash"] {
            let mut forged = app.browser();
            forged.cookies.push((cookie.to_owned(), format!("f{encoded}.i")));
            forged.get("/public").await.is(200);
        }
    }
    for page in ["/public", "/a", "/"] {
        browser.get(page).await.is(200).hides("\u{1b}[31m<").hides("<script>alert");
    }
}
