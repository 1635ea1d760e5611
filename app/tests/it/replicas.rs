//! Two replicas of the program on one PostgreSQL behind Debian's nginx, which runs the configuration
//! that is deployed: TLS, hosts, limits, client addresses, and restarts under load that nobody notices.
//!
//! Clients are `curl`, each with a loopback address of its own, because nginx limits by address. What a
//! second replica means for single statements is tested with the database, not here.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::DEADLINE;
use crate::installed::installed;
use crate::notice::root;
use crate::postgres;

const HOST: &str = "minitwit.test";
const API_HOST: &str = "api.minitwit.test";

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
}

fn site_and_api_are_public_and_ops_is_not(site: &Site) {
    let curl = |arguments: &[&str]| site.status("127.0.2.1", arguments);

    let plain = format!("http://{HOST}:{}/public?a=b", site.ports.http);
    let redirect =
        site.curl("127.0.2.1", &["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", &plain]);
    assert_eq!(text(&redirect), format!("308 https://{HOST}/public?a=b"));

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

/// nginx and the replicas behind it.
struct Site {
    ports: Ports,
    replicas: [Replica; 2],
    nginx: Child,
    database: postgres::Database,
    dir: TempDir,
}

struct Ports {
    http: u16,
    https: u16,
    health: u16,
}

impl Site {
    /// `None` when nginx or PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let nginx = installed("nginx")?;
        installed("curl")?;
        installed("openssl")?;
        let database = postgres::shared()?.create_database();
        let dir = tempfile::tempdir().unwrap();
        make_certificate(dir.path());
        let [http, https, health] = free_ports();
        let ports = Ports { http, https, health };
        let replicas =
            [1, 2].map(|number| Replica::new(&dir.path().join(format!("replica{number}"))));
        let configuration = dir.path().join("nginx.conf");
        fs::write(&configuration, configure(dir.path(), &ports, &replicas)).unwrap();
        let nginx = Command::new(nginx)
            .arg("-c")
            .arg(&configuration)
            .args(["-g", "daemon off;"])
            .stdin(Stdio::null())
            .stderr(File::create(dir.path().join("start.log")).unwrap())
            .spawn()
            .unwrap();
        let site = Self { ports, replicas, nginx, database, dir };
        for replica in &site.replicas {
            replica.start(&site.database_url());
        }
        let is_up = || TcpStream::connect((Ipv4Addr::LOCALHOST, site.ports.https)).is_ok();
        wait("nginx listens", is_up);
        Some(site)
    }

    fn database_url(&self) -> String {
        self.database.url()
    }

    fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.ports.https)
    }

    /// Runs `curl` from an address.
    fn curl(&self, from: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("curl");
        command.args(["--silent", "--max-time", "15", "--interface", from]);
        command.arg("--cacert").arg(self.dir.path().join("fullchain.pem"));
        for host in [HOST, API_HOST, "stranger.test"] {
            for port in [self.ports.http, self.ports.https] {
                command.args(["--resolve", &format!("{host}:{port}:127.0.0.1")]);
            }
        }
        command.args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Status and version of the answer.
    fn status(&self, from: &str, arguments: &[&str]) -> String {
        let fixed = ["-o", "/dev/null", "-w", "%{http_code} %{http_version}"];
        text(&self.curl(from, &[&fixed, arguments].concat()))
    }

    fn post(&self, from: &str, path: &str, body: &str) -> String {
        let url = self.url(API_HOST, path);
        let kind = "Content-Type: application/json";
        self.status(from, &["-u", "simulator:super_safe!", "-H", kind, "-d", body, &url])
    }

    fn register(&self, name: &str) {
        let body =
            format!(r#"{{"username":"{name}","email":"{name}@example.com","pwd":"secret"}}"#);
        assert_eq!(self.post("127.0.1.9", "/register", &body), "204 2");
    }

    /// A file with the cookies of a browser that is logged in.
    fn log_in(&self, name: &str) -> PathBuf {
        let jar = self.dir.path().join("cookies");
        let (jar_name, url) = (jar.to_str().unwrap(), self.url(HOST, "/login"));
        let form = format!("username={name}&password=secret");
        assert_eq!(self.status("127.0.1.9", &["-c", jar_name, "-d", &form, &url]), "302 2");
        let cookies = fs::read_to_string(&jar).unwrap();
        let is_secure =
            |line: &str| line.contains("sid") && line.split('\t').nth(3) == Some("TRUE");
        assert!(cookies.lines().any(is_secure), "{cookies}");
        jar
    }

    fn is_logged_in(&self, name: &str, jar: &Path) -> bool {
        let page = self.curl("127.0.1.9", &["-b", jar.to_str().unwrap(), &self.url(HOST, "/")]);
        let page = text(&page);
        page.contains("sign out [") && page.contains(name)
    }

    fn messages_of(&self, name: &str) -> Vec<String> {
        let url = self.url(API_HOST, &format!("/msgs/{name}?no=1000"));
        let answer = self.curl("127.0.1.9", &["-u", "simulator:super_safe!", &url]);
        let messages: Vec<serde_json::Value> = serde_json::from_slice(&answer.stdout).unwrap();
        assert!(messages.len() < 1000, "more messages than one answer holds");
        messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    }

    /// What both replicas logged.
    fn records(&self) -> String {
        self.replicas.iter().map(|replica| fs::read_to_string(&replica.log).unwrap()).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        send(&self.nginx, Signal::TERM);
        let ended = self.nginx.wait();
        assert!(ended.is_ok() || thread::panicking());
        if thread::panicking() {
            let log = fs::read_to_string(self.dir.path().join("error.log")).unwrap_or_default();
            let start = fs::read_to_string(self.dir.path().join("start.log")).unwrap_or_default();
            let report = format!("nginx: {start}{log}\nreplicas: {}\n", self.records());
            std::io::stderr().write_all(report.as_bytes()).unwrap();
        }
    }
}

/// One process of the program; its addresses outlive it, as nginx knows them.
struct Replica {
    dir: PathBuf,
    log: PathBuf,
    ports: [u16; 3],
    process: parking_lot::Mutex<Option<Child>>,
}

impl Replica {
    fn new(dir: &Path) -> Self {
        let log = dir.with_extension("log");
        Self { dir: dir.to_owned(), log, ports: free_ports(), process: None.into() }
    }

    /// Returns when it is ready.
    fn start(&self, database_url: &str) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let address = |port: u16| format!("127.0.0.1:{port}");
        let [site, api, ops] = self.ports.map(address);
        let child = Command::new(env!("CARGO_BIN_EXE_minitwit"))
            .env("MINITWIT_DATABASE_URL", database_url)
            .arg("--data-dir")
            .arg(&self.dir)
            .args(["--site", &site, "--api", &api, "--ops", &ops, "--log-format", "json"])
            .args(["--trusted-proxies", "127.0.0.1/32", "--admin-password", "not guessable"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.process.lock() = Some(child);
        wait("the replica is ready", || self.is_ready());
    }

    fn is_ready(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/readyz", self.ports[2]);
        let output = Command::new("curl").args(["--silent", "--fail", &url]).output();
        output.is_ok_and(|output| output.status.success())
    }

    fn log_bytes(&self) -> usize {
        fs::read(&self.log).map_or(0, |log| log.len())
    }

    /// Whether there are requests to the site and to the API behind this place in its log.
    fn has_served_since(&self, bytes: usize) -> bool {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(log.get(bytes..).unwrap_or_default());
        [r#""surface":"web""#, r#""surface":"api""#].iter().all(|surface| log.contains(surface))
    }

    /// Returns when it has ended.
    fn end(&self, signal: Signal) -> std::process::ExitStatus {
        let mut child = self.process.lock().take().unwrap();
        send(&child, signal);
        child.wait().unwrap()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if self.process.lock().is_some() {
            self.end(Signal::KILL);
        }
    }
}

/// The deployed configuration with the addresses and files of this test. Debian's nginx is older than
/// the deployed one: it cannot follow a name's addresses, so each replica is named.
fn configure(dir: &Path, ports: &Ports, replicas: &[Replica; 2]) -> String {
    let dir = dir.display();
    let mut text = fs::read_to_string(root().join("compose/nginx.conf")).unwrap();
    for (index, port) in [(0, "5000"), (1, "5001")] {
        let name = format!("server ${{MINITWIT_BACKEND}}:{port} resolve");
        let line = text.lines().find(|line| line.contains(&name)).unwrap().to_owned();
        let servers = replicas.each_ref().map(|replica| {
            line.replace(&name, &format!("server 127.0.0.1:{}", replica.ports[index]))
        });
        text = text.replace(&line, &servers.join("\n"));
    }
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {dir}/{kind};\n"))
        .concat();
    let replacements = [
        ("${MINITWIT_HOST}", HOST.to_owned()),
        ("listen 80", format!("listen 127.0.0.1:{}", ports.http)),
        ("listen 443", format!("listen 127.0.0.1:{}", ports.https)),
        ("127.0.0.1:8081", format!("127.0.0.1:{}", ports.health)),
        ("/etc/nginx/tls/", format!("{dir}/")),
        ("/run/nginx/", format!("{dir}/")),
        ("/dev/stdout", format!("{dir}/access.log")),
        ("/dev/stderr", format!("{dir}/error.log")),
        ("server_tokens off;", format!("server_tokens off;\n{temporary}")),
    ];
    for (from, to) in replacements {
        assert!(text.contains(from), "nginx.conf has no {from}");
        text = text.replace(from, &to);
    }
    assert!(!text.contains("${"), "{text}");
    text
}

fn make_certificate(dir: &Path) {
    let names = format!("subjectAltName=DNS:{HOST},DNS:{API_HOST}");
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=minitwit.test", "-addext", &names])
        .args(["-keyout", "privkey.pem", "-out", "fullchain.pem"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Ports that were free a moment ago.
fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a condition holds.
fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
