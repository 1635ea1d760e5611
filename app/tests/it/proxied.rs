//! nginx with the configuration that is deployed, in front of two replicas of the program on one
//! PostgreSQL. Debian's nginx and `curl`, each client with a loopback address of its own, because nginx
//! limits by address. What is asked of them is in the tests.

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::harness::DEADLINE;
use crate::installed::installed;
use crate::notice::root;
use crate::postgres;

pub const HOST: &str = "minitwit.test";
pub const API_HOST: &str = "api.minitwit.test";
pub const OPS_HOST: &str = "ops.minitwit.test";
/// Who may use the door.
pub const OPERATOR: &str = "127.0.9.1";
/// A proxy in front of nginx.
pub const FRONT_PROXY: &str = "127.0.8.1";

/// nginx and the replicas behind it.
pub struct Site {
    pub ports: Ports,
    pub replicas: [Replica; 2],
    nginx: Child,
    database: postgres::Database,
    dir: TempDir,
}

pub struct Ports {
    pub http: u16,
    pub https: u16,
    health: u16,
}

impl Site {
    /// `None` when nginx or PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let nginx = installed("nginx")?;
        installed("curl")?;
        installed("openssl")?;
        let database = postgres::shared()?.create_database();
        let dir = tempfile::tempdir().unwrap();
        make_certificate(dir.path());
        let [http, https, health] = free_ports();
        let ports = Ports { http, https, health };
        let replicas =
            [1, 2].map(|number| Replica::new(&dir.path().join(format!("replica{number}")), https));
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

    pub fn database_url(&self) -> String {
        self.database.url()
    }

    pub fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.ports.https)
    }

    /// Runs `curl` from an address.
    pub fn curl(&self, from: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("curl");
        command.args(["--silent", "--max-time", "15", "--interface", from]);
        command.arg("--cacert").arg(self.dir.path().join("fullchain.pem"));
        for host in [HOST, API_HOST, OPS_HOST, "stranger.test"] {
            for port in [self.ports.http, self.ports.https] {
                command.args(["--resolve", &format!("{host}:{port}:127.0.0.1")]);
            }
        }
        command.args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Status and version of the answer.
    pub fn status(&self, from: &str, arguments: &[&str]) -> String {
        let fixed = ["-o", "/dev/null", "-w", "%{http_code} %{http_version}"];
        text(&self.curl(from, &[&fixed, arguments].concat()))
    }

    pub fn post(&self, from: &str, path: &str, body: &str) -> String {
        let url = self.url(API_HOST, path);
        let kind = "Content-Type: application/json";
        self.status(from, &["-u", "simulator:super_safe!", "-H", kind, "-d", body, &url])
    }

    pub fn register(&self, name: &str) {
        let body =
            format!(r#"{{"username":"{name}","email":"{name}@example.com","pwd":"secret"}}"#);
        assert_eq!(self.post("127.0.1.9", "/register", &body), "204 2");
    }

    /// A file with the cookies of a browser that is logged in.
    pub fn log_in(&self, name: &str) -> PathBuf {
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

    pub fn is_logged_in(&self, name: &str, jar: &Path) -> bool {
        let page = self.curl("127.0.1.9", &["-b", jar.to_str().unwrap(), &self.url(HOST, "/")]);
        let page = text(&page);
        page.contains("action=\"/logout\"") && page.contains(&format!("[{name}]"))
    }

    pub fn messages_of(&self, name: &str) -> Vec<String> {
        let url = self.url(API_HOST, &format!("/msgs/{name}?no=1000"));
        let answer = self.curl("127.0.1.9", &["-u", "simulator:super_safe!", &url]);
        let messages: Vec<serde_json::Value> = serde_json::from_slice(&answer.stdout).unwrap();
        assert!(messages.len() < 1000, "more messages than one answer holds");
        messages.iter().map(|message| message["content"].as_str().unwrap().to_owned()).collect()
    }

    /// A file with the cookies of an operator who is signed in at the panel, by the door.
    pub fn sign_in_as_operator(&self) -> PathBuf {
        let jar = self.dir.path().join("operator-cookies");
        let (jar_name, url) = (jar.to_str().unwrap(), self.url(OPS_HOST, "/admin/login"));
        let form = "username=admin&password=not+guessable";
        assert_eq!(self.status(OPERATOR, &["-c", jar_name, "-d", form, &url]), "303 2");
        jar
    }

    /// Sends bytes as they are to nginx, and waits for its answer or for the end of the connection.
    pub fn send_raw(&self, bytes: &[u8]) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports.http)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        // Refused while it is sent, when the first bytes are no request.
        let _sent = stream.write_all(bytes);
        let _answered = stream.read(&mut [0; 512]);
    }

    /// The lines that nginx logged, as bytes.
    pub fn access_log_lines(&self) -> Vec<Vec<u8>> {
        let log = fs::read(self.dir.path().join("access.log")).unwrap_or_default();
        let lines = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(<[u8]>::to_vec).collect()
    }

    /// When the certificate of nginx ends, in seconds since the Unix epoch.
    pub fn certificate_ends(&self) -> String {
        let file = self.dir.path().join("fullchain.pem");
        let script = "date --date \"$(openssl x509 -in \"$0\" -noout -enddate | cut -d= -f2)\" +%s";
        text(&Command::new("sh").args(["-c", script]).arg(file).output().unwrap()).trim().to_owned()
    }

    /// What nginx logged.
    pub fn access_log(&self) -> String {
        let log = fs::read(self.dir.path().join("access.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// What both replicas logged.
    pub fn records(&self) -> String {
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
pub struct Replica {
    dir: PathBuf,
    log: PathBuf,
    ports: [u16; 3],
    /// Of nginx, whose certificate it watches.
    https: u16,
    process: parking_lot::Mutex<Option<Child>>,
}

impl Replica {
    fn new(dir: &Path, https: u16) -> Self {
        let log = dir.with_extension("log");
        Self { dir: dir.to_owned(), log, ports: free_ports(), https, process: None.into() }
    }

    /// Returns when it is ready.
    pub fn start(&self, database_url: &str) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let address = |port: u16| format!("127.0.0.1:{port}");
        let [site, api, ops] = self.ports.map(address);
        let child = Command::new(env!("CARGO_BIN_EXE_minitwit"))
            .env("MINITWIT_DATABASE_URL", database_url)
            .arg("--data-dir")
            .arg(&self.dir)
            .args(["--site", &site, "--api", &api, "--ops", &ops, "--log-format", "json"])
            .args(["--trusted-proxies", "127.0.0.1/32", "--admin-password", "not guessable"])
            .arg("--replica")
            .arg(self.name())
            .args(["--certificate-endpoint", &address(self.https), "--certificate-name", HOST])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        *self.process.lock() = Some(child);
        wait("the replica is ready", || self.is_ready());
    }

    /// What the panel calls it.
    pub fn name(&self) -> &str {
        self.dir.file_name().unwrap().to_str().unwrap()
    }

    /// The value of a metric without labels.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let url = format!("http://127.0.0.1:{}/metrics", self.ports[2]);
        let output = Command::new("curl").args(["--silent", "--fail", &url]).output().unwrap();
        let start = format!("{name} ");
        text(&output).lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
    }

    fn is_ready(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/readyz", self.ports[2]);
        let output = Command::new("curl").args(["--silent", "--fail", &url]).output();
        output.is_ok_and(|output| output.status.success())
    }

    pub fn log_bytes(&self) -> usize {
        fs::read(&self.log).map_or(0, |log| log.len())
    }

    /// Whether there are requests to the site and to the API behind this place in its log.
    pub fn has_served_since(&self, bytes: usize) -> bool {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(log.get(bytes..).unwrap_or_default());
        [r#""surface":"web""#, r#""surface":"api""#].iter().all(|surface| log.contains(surface))
    }

    /// Returns when it has ended.
    pub fn end(&self, signal: Signal) -> std::process::ExitStatus {
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
    for (index, port) in [(0, "5000"), (1, "5001"), (2, "5002")] {
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
    // Of one family: the ports are free on the address of this test alone.
    let listens_on_ipv6 = |line: &&str| line.trim_start().starts_with("listen [::]");
    text = text.lines().filter(|line| !listens_on_ipv6(line)).collect::<Vec<_>>().join("\n");
    let replacements = [
        ("${MINITWIT_HOST}", HOST.to_owned()),
        ("${MINITWIT_EDGE}", "127.0.0.0/8".to_owned()),
        ("${MINITWIT_SIMULATOR}", STANDARD.encode("simulator:super_safe!")),
        ("${MINITWIT_OPS_HOST}", OPS_HOST.to_owned()),
        ("${MINITWIT_OPERATORS}", format!("{OPERATOR} 1;")),
        ("${MINITWIT_FRONT_PROXIES}", format!("set_real_ip_from {FRONT_PROXY};")),
        ("${MINITWIT_ACME}:80 resolve", format!("127.0.0.1:{}", ports.health)),
        ("${MINITWIT_GRAFANA}:3000 resolve", format!("127.0.0.1:{}", ports.health)),
        ("${MINITWIT_PROMETHEUS}:9090 resolve", format!("127.0.0.1:{}", ports.health)),
        // Before 1.25.1 it is a word of `listen`.
        ("    http2 on;\n", String::new()),
        ("listen 443 ssl", "listen 443 ssl http2".to_owned()),
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
    let names = format!("subjectAltName=DNS:{HOST},DNS:{API_HOST},DNS:{OPS_HOST}");
    let output = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=minitwit.test", "-addext", &names])
        .args(["-keyout", "privkey.pem", "-out", "fullchain.pem"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// Ports that were free a moment ago, from below those that the system gives to outgoing connections and
/// to servers that ask for any: nobody gets one of these by chance until its server takes it.
fn free_ports() -> [u16; 3] {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let first = 20_000 + u16::try_from(RandomState::new().hash_one(0) % 12_000).unwrap();
    let mut free = (first..).filter(is_free);
    [(); 3].map(|()| free.next().unwrap())
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until a condition holds.
pub fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "never: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
