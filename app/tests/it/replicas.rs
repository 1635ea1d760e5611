//! Restarts and crashes of replicas under load that nobody notices, and what nginx lets through: TLS,
//! hosts, limits, client addresses.
//!
//! What a second replica means for single statements is tested with the database, not here.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::proxied::{API_HOST, FRONT_PROXY, HOST, OPERATOR, OPS_HOST, Site, text, wait};

#[test]
fn restarts_and_crashes_of_replicas_go_unnoticed_behind_nginx() {
    let Some(site) = Site::start() else { return };
    site.register("reader");
    site.register("writer1");
    site.register("writer2");
    let session = site.log_in("reader");

    let (site, load) = (&site, &Load::default());
    let (reads, writes) = thread::scope(|scope| {
        let readers = [1, 2].map(|client| scope.spawn(move || load.read(site, client)));
        let writers = [1, 2].map(|writer| scope.spawn(move || load.write(site, writer)));
        let stop = StopOnDrop(&load.stop);
        restart_each(site, &session, load, Signal::TERM);
        let failed = load.failed_writes.lock().unwrap().clone();
        assert!(failed.is_empty(), "a replica that was asked to end cut off writes: {failed:?}");
        restart_each(site, &session, load, Signal::KILL);
        drop(stop);
        let reads = readers.map(|reader| reader.join().unwrap()).concat();
        (reads, writers.map(|writer| writer.join().unwrap()))
    });

    let failed: Vec<_> = reads.iter().filter(|status| *status != "200 2").collect();
    assert!(failed.is_empty(), "of {} reads failed {failed:?}", reads.len());
    assert!(reads.len() > 50, "only {} reads", reads.len());
    for (acknowledged, writer) in writes.iter().zip(["writer1", "writer2"]) {
        assert!(acknowledged.len() > 10, "only {} writes", acknowledged.len());
        let stored = site.messages_of(writer);
        for text in acknowledged {
            let copies = stored.iter().filter(|stored| *stored == text).count();
            assert_eq!(copies, 1, "{text} was acknowledged");
        }
    }
}

/// Ends each replica in turn and starts it again, each time under load.
fn restart_each(site: &Site, session: &Path, load: &Load, signal: Signal) {
    for replica in &site.replicas {
        load.wait_for_more(10);
        let status = replica.end(signal);
        assert!(status.success() || signal == Signal::KILL, "{status}");
        load.wait_for_more(10);
        assert!(site.is_logged_in("reader", session), "the session ended with a replica");
        let before = replica.log_bytes();
        replica.start(&site.database_url());
        // nginx leaves a replica that failed alone for a second; an update pauses longer than that.
        wait("nginx asks the replica again", || replica.has_served_since(before));
        assert!(site.is_logged_in("reader", session), "the session ended with a restart");
    }
}

/// One test for what needs no restarts: starting nginx and two replicas is the slow part.
#[test]
fn nginx_lets_through_what_is_public_and_nothing_else() {
    let Some(site) = Site::start() else { return };
    site_and_api_are_public_and_ops_is_not(&site);
    names_nobody_asked_for_are_refused(&site);
    the_address_of_a_client_is_its_own(&site);
    who_asks_too_often_is_slowed_down(&site);
    what_another_proxy_says_of_clients_is_believed_of_that_one(&site);
    the_door_is_for_operators(&site);
    a_log_line_stays_short(&site);
    strangers_register_slowly(&site);
    the_panel_names_its_replica_and_offers_the_others(&site);
    the_end_of_the_certificate_is_watched(&site);
    every_log_line_is_json(&site);
    // Ends the replicas.
    who_meets_no_replica_gets_a_page(&site);
}

fn site_and_api_are_public_and_ops_is_not(site: &Site) {
    let curl = |arguments: &[&str]| site.status("127.0.2.1", arguments);

    let plain = format!("http://{HOST}:{}/public?a=b", site.ports.http);
    let redirect =
        site.curl("127.0.2.1", &["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", &plain]);
    assert_eq!(text(&redirect), format!("308 https://{HOST}/public?a=b"));

    // Nobody answers a challenge.
    let challenge = format!("http://{HOST}:{}/.well-known/acme-challenge/x", site.ports.http);
    assert_eq!(curl(&[&challenge]), "404 1.1");

    for (host, page) in [(HOST, "/public"), (API_HOST, "/latest")] {
        assert_eq!(curl(&[&site.url(host, page)]), "200 2");
        let hidden =
            ["/metrics", "/admin", "/admin/logs", "/livez", "/readyz", "//metrics", "/%6detrics"];
        for path in hidden {
            assert_eq!(curl(&["--path-as-is", &site.url(host, path)]), "404 2", "{host}{path}");
        }
    }
    let headers =
        text(&site.curl("127.0.2.1", &["-D", "-", "-o", "/dev/null", &site.url(HOST, "/public")]));
    assert!(headers.to_lowercase().contains("strict-transport-security: max-age="), "{headers}");
    assert!(!headers.to_lowercase().contains("server: nginx/"), "{headers}");
}

fn names_nobody_asked_for_are_refused(site: &Site) {
    let stranger = site.curl("127.0.3.1", &[&site.url("stranger.test", "/public")]);
    assert_eq!(stranger.status.code(), Some(35), "a certificate was shown: {stranger:?}");
    let other_host = ["-H", "Host: stranger.test", &site.url(HOST, "/public")];
    assert_eq!(site.status("127.0.3.1", &other_host), "421 2");
    let plain = format!("http://127.0.0.1:{}/public", site.ports.http);
    assert_eq!(site.status("127.0.3.1", &[&plain]), "421 1.1");
}

fn the_address_of_a_client_is_its_own(site: &Site) {
    let forged = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Host"];
    let forged = forged.map(|name| format!("{name}: 203.0.113.9"));
    let mut arguments: Vec<_> = forged.iter().flat_map(|header| ["-H", header]).collect();
    let url = site.url(HOST, "/nobody-of-this-name");
    arguments.push(&url);
    assert_eq!(site.status("127.0.4.1", &arguments), "404 2");
    let is_recorded = || site.records().lines().any(|line| line.contains("/nobody-of-this-name"));
    wait("the request is recorded", is_recorded);
    let records = site.records();
    let record = records.lines().find(|line| line.contains("/nobody-of-this-name")).unwrap();
    assert!(record.contains("\"client.address\":\"127.0.4.1\""), "{record}");
    assert!(!records.contains("203.0.113.9"), "{records}");
}

fn what_another_proxy_says_of_clients_is_believed_of_that_one(site: &Site) {
    let url = site.url(HOST, "/nobody-behind-a-proxy");
    let said = ["-H", "X-Forwarded-For: 203.0.113.77", &url];
    assert_eq!(site.status(FRONT_PROXY, &said), "404 2");
    let is_recorded = || {
        let records = site.records();
        records.lines().any(|line| {
            line.contains("/nobody-behind-a-proxy") && line.contains("\"203.0.113.77\"")
        })
    };
    wait("the client's address is recorded", is_recorded);
}

fn the_door_is_for_operators(site: &Site) {
    for path in ["/", "/admin", "/grafana/", "/prometheus/", "/runbooks/MiniTwitDown"] {
        let url = site.url(OPS_HOST, path);
        assert_eq!(site.status("127.0.3.1", &[&url]), "403 2", "{path} is open to everybody");
    }
    // Stands in for Grafana and Prometheus.
    let tool = site.url(OPS_HOST, "/grafana/nginx-health");
    assert_eq!(site.status(OPERATOR, &[&tool]), "302 2");
    let jar = site.sign_in_as_operator();
    let jar = jar.to_str().unwrap();
    assert_eq!(site.status(OPERATOR, &["-b", jar, &tool]), "204 2");
    let panel = site.url(OPS_HOST, "/admin/system");
    assert_eq!(site.status(OPERATOR, &["-b", jar, &panel]), "200 2");
    for hidden in ["/metrics", "/livez", "/readyz", "/session", "/admin/api/alerts"] {
        let url = site.url(OPS_HOST, hidden);
        assert_eq!(site.status(OPERATOR, &["-b", jar, &url]), "404 2", "{hidden}");
    }
}

/// The log driver of the engine cuts at 16 KiB.
fn a_log_line_stays_short(site: &Site) {
    let long = format!("/nobody-{}", "%01".repeat(5_000));
    let agent = "\u{1}ø".repeat(2_000);
    let status = site.status("127.0.6.1", &["-A", &agent, &site.url(HOST, &long)]);
    assert_eq!(status, "400 2");
    let line = || {
        let lines = site.access_log();
        lines.lines().find(|line| line.contains("GET /nobody-\\u0001")).map(str::to_owned)
    };
    wait("nginx logs the request", || line().is_some());
    let line = line().unwrap();
    assert!(line.len() < 16_000, "{} bytes", line.len());
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert!(record["url.path"].as_str().unwrap().len() > 900, "{line}");
    assert!(record["user_agent.original"].as_str().unwrap().ends_with(['ø', '\u{1}']), "{line}");
}

/// Hashing a password is what costs. Who has the simulator's credentials may register as often as it does.
fn strangers_register_slowly(site: &Site) {
    let paths = [
        (API_HOST, "/register"),
        (API_HOST, "/register/"),
        (API_HOST, "//register"),
        (API_HOST, "/%72egister"),
        (HOST, "/api/register"),
        (HOST, "/sim/register"),
    ];
    for (index, (host, path)) in paths.into_iter().enumerate() {
        let url = site.url(host, &format!("{path}?n=[1-40]"));
        let ask = |from: &str, credentials: &[&str]| {
            // Refused by the service without a hash, which is enough to be counted.
            let fixed = ["-w", "%{http_code}\n", "-o", "/dev/null", "--path-as-is", "-d", "{}"];
            let arguments = [&fixed, credentials, &[url.as_str()]].concat();
            let statuses = text(&site.curl(from, &arguments));
            statuses.lines().filter(|status| *status == "429").count()
        };
        let stranger = ask(&format!("127.0.10.{index}"), &[]);
        assert!(stranger > 20, "{host}{path}: only {stranger} of 40 were refused");
        let wrong = ask(&format!("127.0.11.{index}"), &["-u", "simulator:guessed"]);
        assert!(wrong > 20, "{host}{path}: only {wrong} of 40 with wrong credentials were refused");
        let simulator = ask(&format!("127.0.12.{index}"), &["-u", "simulator:super_safe!"]);
        assert_eq!(simulator, 0, "{host}{path}: the simulator was refused");
    }
}

fn the_panel_names_its_replica_and_offers_the_others(site: &Site) {
    let jar = site.sign_in_as_operator();
    let url = site.url(OPS_HOST, "/admin/system");
    let page = |cookie: &str| {
        let arguments = ["-b", jar.to_str().unwrap(), "-H", cookie, &url];
        text(&site.curl(OPERATOR, &arguments))
    };
    let names = site.replicas.each_ref().map(super::proxied::Replica::name);
    let lists_both = || {
        let page = page("X-Nothing: 1");
        names.iter().all(|name| page.contains(&format!("<tr data-replica=\"{name}\"")))
    };
    wait("each replica knows the other", lists_both);
    let shown = page("X-Nothing: 1");
    let here = names.iter().filter(|name| shown.contains(&format!(" shown\">{name}</a>"))).count();
    assert_eq!(here, 1, "{shown}");
    assert_eq!(shown.matches("<button name=\"replica\"").count(), 1, "{shown}");
    // Addresses that are no replica's: of strangers, of names, of other ports. The panel is shown all the same.
    for odd in ["203.0.113.9", "stranger.test", "127.0.0.1:22", "127.0.0.77", "", "%00", "::1", "1"]
    {
        let cookie = format!("Cookie: minitwit_replica={odd}");
        let url = site.url(OPS_HOST, "/admin/login");
        let status = site.status(OPERATOR, &["-H", &cookie, &url]);
        assert_eq!(status, "200 2", "{odd}");
    }
}

fn the_end_of_the_certificate_is_watched(site: &Site) {
    let wanted: f64 = site.certificate_ends().parse().unwrap();
    for replica in &site.replicas {
        let seen = || replica.metric("minitwit_certificate_expiry_timestamp_seconds");
        wait("the certificate is looked at", || seen().is_some());
        assert_eq!(seen(), Some(wanted));
    }
}

/// Any bytes in any field that a client fills.
fn every_log_line_is_json(site: &Site) {
    let before = site.access_log_lines().len();
    let rest = b" HTTP/1.1\r\nHost: minitwit.test\r\nConnection: close\r\n\r\n";
    let with_path = |path: &[u8]| [b"GET ", path, rest].concat();
    let with_header = |name: &[u8], value: &[u8]| {
        [b"GET /x HTTP/1.1\r\nConnection: close\r\n", name, b": ", value, b"\r\n\r\n"].concat()
    };
    let mut requests = vec![
        with_path(b"/%ff%fe"),
        with_path(b"/%ed%a0%80"),
        with_path(b"/%f5%80%80%80"),
        with_path(b"/\xff\xfe"),
        with_path(b"http://\xff\xfe/x"),
        with_path(&[b"/", b"%e2%82%ac".repeat(1_500).as_slice(), b"%ff"].concat()),
        with_path(&[b"/", b"\xe2\x82\xac".repeat(2_000).as_slice()].concat()),
        b"\xff\xfe /x HTTP/1.1\r\n\r\n".to_vec(),
        b"GET /x HTTP/\xff\r\n\r\n".to_vec(),
    ];
    for byte in (0x01..=0xff).filter(|byte| ![b'\r', b'\n'].contains(byte)) {
        requests.push(with_path(&[b'/', byte, b'x']));
        requests.push(with_path(format!("/%{byte:02x}x").as_bytes()));
        requests.push(with_header(b"Host: minitwit.test\r\nUser-Agent", &[b'a', byte, b'"', 0xc3]));
        requests.push(with_header(b"Host", &[b'a', byte]));
        requests.push(with_header(b"Host: minitwit.test\r\nX-Forwarded-For", &[byte, b'1']));
    }
    for request in &requests {
        site.send_raw(request);
    }
    let has_all = || site.access_log_lines().len() >= before + requests.len();
    wait("nginx logs every request", has_all);
    for line in site.access_log_lines() {
        let record = serde_json::from_slice::<serde_json::Value>(&line);
        assert!(
            record.is_ok_and(|record| record["http.response.status_code"].is_string()),
            "{}",
            String::from_utf8_lossy(&line)
        );
        assert!(line.len() < 16_000, "{} bytes", line.len());
    }
    let log = site.access_log();
    for kept in ["\"url.path\":\"/%ff%fe\"", "\"url.path\":\"/%ed%a0%80\""] {
        assert!(log.contains(kept), "nothing tells what was asked: {kept}");
    }
}

fn who_meets_no_replica_gets_a_page(site: &Site) {
    for replica in &site.replicas {
        replica.end(Signal::KILL);
    }
    let ask = |arguments: &[&str]| {
        let fixed = ["-D", "-", "-w", "%{http_code}"];
        text(&site.curl("127.0.7.1", &[&fixed, arguments].concat()))
    };
    for (host, kind, said) in [
        (HOST, "text/html", "cannot answer right now"),
        (API_HOST, "application/json", "\"error_msg\""),
    ] {
        let url = site.url(host, "/public");
        for arguments in [&[url.as_str()][..], &["-d", "a=b", &url]] {
            let answer = ask(arguments);
            assert!(answer.ends_with("503") && answer.contains(said), "{answer}");
            let headers = answer.to_lowercase();
            assert!(headers.contains("retry-after: 5") && headers.contains(kind), "{answer}");
            assert_eq!(headers.matches("content-security-policy").count(), 1, "{answer}");
        }
    }
}

fn who_asks_too_often_is_slowed_down(site: &Site) {
    let url = site.url(HOST, "/favicon.ico?[1-120]");
    let output = site.curl("127.0.5.1", &["-w", "%{http_code}\n", "-o", "/dev/null", &url]);
    let text = text(&output);
    let statuses: Vec<_> = text.lines().collect();
    assert!(statuses[..40].iter().all(|status| *status == "200"), "{statuses:?}");
    assert!(statuses.contains(&"429"), "{statuses:?}");
    assert_eq!(site.status("127.0.5.2", &[&site.url(HOST, "/favicon.ico")]), "200 2");
}

/// Ends the clients, also when an assertion fails: their threads are waited for.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Clients that go on until they are told to stop.
#[derive(Default)]
struct Load {
    stop: AtomicBool,
    answers: AtomicU32,
    /// The statuses of writes that failed.
    failed_writes: Mutex<Vec<String>>,
}

impl Load {
    /// Reads pages, several over one connection; the status and HTTP version of each answer.
    fn read(&self, site: &Site, client: u8) -> Vec<String> {
        let mut statuses = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let pages =
                ["/public", "/writer1", "/static/style.css"].map(|page| site.url(HOST, page));
            let address = format!("127.0.1.{client}");
            let mut arguments = vec!["-w", "%{http_code} %{http_version}\n"];
            for page in &pages {
                arguments.extend(["-o", "/dev/null", page]);
            }
            let output = site.curl(&address, &arguments);
            statuses.extend(text(&output).lines().map(str::to_owned));
            self.answers.fetch_add(1, Ordering::Relaxed);
            // nginx lets one address have 20 pages a second.
            thread::sleep(Duration::from_millis(100));
        }
        statuses
    }

    /// Posts messages; the texts of those that were acknowledged.
    fn write(&self, site: &Site, writer: u8) -> Vec<String> {
        let mut acknowledged = Vec::new();
        for number in 0_u32.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let message = format!("message {number} of {writer}");
            let body = format!(r#"{{"content":"{message}"}}"#);
            let path = format!("/msgs/writer{writer}?latest={number}");
            match site.post(&format!("127.0.1.{}", 10 + writer), &path, &body) {
                status if status == "204 2" => acknowledged.push(message),
                status => self.failed_writes.lock().unwrap().push(status),
            }
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        acknowledged
    }

    /// Waits until the clients got so many more answers.
    fn wait_for_more(&self, answers: u32) {
        let goal = self.answers.load(Ordering::Relaxed) + answers;
        wait("the clients get answers", || self.answers.load(Ordering::Relaxed) >= goal);
    }
}
