//! What a passive scan of ZAP looks for, asked of every page that links lead to, of errors and of nginx's
//! own answers, over TLS through the deployed configuration: rules by the numbers they have there.
//!
//! The scan itself runs each day against the deployed site; this one runs where no container does. Left
//! out are rules about what is not here: view states, other people's scripts, upload.

use std::collections::{BTreeSet, VecDeque};

use crate::proxied::{API_HOST, HOST, Site};

/// More than the pages of a small site; a crawl that does not end is a failure.
const MOST_PAGES: usize = 300;

#[test]
fn a_passive_scan_of_the_site_finds_nothing() {
    let Some(site) = Site::start() else { return };
    site.register("walker");
    for number in 0..60 {
        let body = format!(r#"{{"content":"message {number} for the crawl"}}"#);
        assert_eq!(site.post("127.0.6.1", "/msgs/walker", &body), "204 2");
    }
    let session = site.log_in("walker");
    let mut scan = Scan { site: &site, answers: Vec::new() };
    scan.crawl(&[]);
    scan.crawl(&["-b", session.to_str().unwrap()]);
    scan.ask_for_errors();
    scan.ask_the_api();

    let statuses: BTreeSet<_> = scan.answers.iter().map(|answer| answer.status).collect();
    for status in [200, 302, 308, 401, 403, 404, 405, 414, 421] {
        assert!(statuses.contains(&status), "no answer with {status} was looked at: {statuses:?}");
    }
    assert!(scan.answers.len() > 25, "only {} answers were looked at", scan.answers.len());
    let mut found = Vec::new();
    for answer in &scan.answers {
        for (id, wanted, holds) in RULES {
            if !holds(answer) {
                found.push(format!(
                    "{id} {wanted}: {} {}\n{}",
                    answer.status, answer.url, answer.head
                ));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A rule: its number in ZAP, what it wants, and whether an answer has it.
type Rule = (u32, &'static str, fn(&Answer) -> bool);

const RULES: &[Rule] = &[
    (2, "no private address", |answer| {
        !answer.body.contains("192.168.") && !answer.body.contains("127.0.0.1")
    }),
    (3, "no session in an address", |answer| !answer.links().any(|link| link.contains("sid="))),
    (10010, "HttpOnly", |answer| answer.cookies_have("HttpOnly")),
    (10011, "Secure", |answer| answer.cookies_have("Secure")),
    (10054, "SameSite", |answer| answer.cookies_have("SameSite=")),
    (90033, "no cookie for a whole domain", |answer| {
        answer.cookies().all(|cookie| !cookie.contains("Domain="))
    }),
    (10015, "pages are not stored", |answer| {
        !answer.is_page() || answer.header("cache-control").contains("no-store")
    }),
    (10017, "scripts of our own", |answer| answer.links().all(|link| !link.contains("//"))),
    (10019, "a content type", |answer| {
        answer.body.is_empty() || !answer.header("content-type").is_empty()
    }),
    (90011, "UTF-8", |answer| {
        !answer.is_page() || answer.header("content-type").contains("charset=utf-8")
    }),
    (10020, "not in a frame", |answer| answer.header("x-frame-options") == "DENY"),
    (10021, "nosniff", |answer| answer.header("x-content-type-options") == "nosniff"),
    (10023, "no cause of an error", |answer| {
        ["panicked", "stack backtrace", "SQLSTATE", "sqlx"]
            .iter()
            .all(|word| !answer.body.contains(word))
    }),
    (10033, "no list of a folder", |answer| !answer.body.contains("Index of /")),
    (10035, "HSTS over TLS alone", |answer| {
        let years = answer.header("strict-transport-security").starts_with("max-age=63072000");
        years == answer.url.starts_with("https:")
    }),
    (10036, "no version of the server", |answer| {
        !answer.header("server").contains(|c: char| c.is_ascii_digit())
    }),
    (10037, "no name of a framework", |answer| answer.header("x-powered-by").is_empty()),
    (10038, "a content security policy", |answer| {
        answer.header("content-security-policy").starts_with("default-src 'none'")
    }),
    (10055, "a strict one", |answer| {
        let policy = answer.header("content-security-policy");
        !policy.contains(['*'])
            && !policy.contains("unsafe")
            && policy.contains("form-action ")
            && policy.contains("frame-ancestors ")
            && policy.contains("base-uri ")
    }),
    (10040, "nothing over plain HTTP", |answer| {
        answer.links().all(|link| !link.starts_with("http:"))
    }),
    (10044, "a redirect with little text", |answer| {
        !(300..400).contains(&answer.status) || answer.body.len() < 400
    }),
    (10063, "a permissions policy", |answer| !answer.header("permissions-policy").is_empty()),
    // The description of the API shows an answer of the API, whose `pub_date` is the course's contract.
    (10096, "no Unix time", |answer| {
        !answer.is_page() || answer.url.ends_with("/docs") || !has_unix_time(&answer.body)
    }),
    (10098, "no other origin", |answer| answer.header("access-control-allow-origin").is_empty()),
    (10108, "no page that opens another", |answer| !answer.body.contains("target=")),
    (90004, "isolation from other sites", |answer| {
        let has = |name: &str, value: &str| answer.header(name) == value;
        has("cross-origin-opener-policy", "same-origin")
            && has("cross-origin-embedder-policy", "require-corp")
            && has("cross-origin-resource-policy", "same-origin")
    }),
    (90022, "no error of the server", |answer| answer.status < 500),
];

/// Whether there is a number by itself that reads as a time of 2001 to 2040.
fn has_unix_time(text: &str) -> bool {
    let numbers = text.split(|c: char| !c.is_ascii_alphanumeric());
    numbers
        .filter(|word| word.len() == 10)
        .any(|word| word.parse::<u32>().is_ok_and(|time| time < 2_208_988_800))
}

struct Answer {
    url: String,
    status: u16,
    /// Status line and headers as they came.
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers(name).next().unwrap_or_default()
    }

    fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn cookies(&self) -> impl Iterator<Item = &str> {
        self.headers("set-cookie")
    }

    fn cookies_have(&self, attribute: &str) -> bool {
        self.cookies().all(|cookie| cookie.contains(attribute))
    }

    fn is_page(&self) -> bool {
        // nginx's own pages name no character set; they are ASCII.
        self.header("content-type").starts_with("text/html")
            && !self.body.contains("<center>nginx</center>")
    }

    /// The targets of links, images, styles, scripts and forms.
    fn links(&self) -> impl Iterator<Item = &str> {
        let parts = [" href=\"", " src=\"", " action=\""]
            .map(|attribute| self.body.split(attribute).skip(1));
        let targets = parts.into_iter().flatten().filter_map(|rest| rest.split('"').next());
        targets.filter(|_| self.is_page())
    }
}

struct Scan<'a> {
    site: &'a Site,
    answers: Vec<Answer>,
}

impl Scan<'_> {
    /// Asks for an address and keeps the answer; a client's address of its own each few times.
    fn ask(&mut self, url: &str, arguments: &[&str]) -> &Answer {
        let from = format!("127.0.6.{}", 2 + self.answers.len() / 20);
        let output = self.site.curl(&from, &[&["--path-as-is", "-i", url], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let (url, head, body) = (url.to_owned(), head.to_owned(), body.to_owned());
        self.answers.push(Answer { url, status, head, body });
        self.answers.last().unwrap()
    }

    /// Follows each link once, from the start page.
    fn crawl(&mut self, arguments: &[&str]) {
        let mut known = BTreeSet::new();
        let mut waiting = VecDeque::from(["/".to_owned(), "/public".to_owned()]);
        while let Some(path) = waiting.pop_front() {
            if !known.insert(path.clone()) {
                continue;
            }
            assert!(known.len() < MOST_PAGES, "the crawl goes on at {path}");
            let answer = self.ask(&self.site.url(HOST, &path), arguments);
            let links = answer.links().filter(|link| link.starts_with('/'));
            waiting.extend(links.map(|link| link.replace("&amp;", "&").replace("&#38;", "&")));
        }
        assert!(known.len() > 5, "only {known:?}");
    }

    fn ask_for_errors(&mut self) {
        let long = format!("/{}", "x".repeat(9000));
        for path in ["/nobody", "/%FF", "/a/follow", "/metrics", "/admin", &long] {
            self.ask(&self.site.url(HOST, path), &[]);
        }
        let url = self.site.url(HOST, "/public");
        self.ask(&url, &["-X", "DELETE"]);
        self.ask(&url, &["-H", "Host: stranger.test"]);
        for path in ["/login", "/register", "/add_message"] {
            self.ask(&self.site.url(HOST, path), &["-d", "username=walker&password=wrong"]);
        }
        for host in [HOST, "stranger.test"] {
            self.ask(&format!("http://{host}:{}/public", self.site.ports.http), &[]);
        }
    }

    fn ask_the_api(&mut self) {
        for path in
            ["/latest", "/msgs", "/msgs/walker", "/docs", "/openapi.json", "/nowhere", "/livez"]
        {
            self.ask(&self.site.url(API_HOST, path), &[]);
        }
        let known = ["-u", "simulator:super_safe!"];
        for path in ["/msgs?no=3", "/msgs/walker?no=3", "/fllws/walker", "/fllws/nobody"] {
            self.ask(&self.site.url(API_HOST, path), &known);
        }
    }
}
