//! The programs of the gate: the service with its faults, Prometheus, Alertmanager. Each ends with the
//! value that holds it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use minitwit::client::{self, Answer};
use serde_json::Value;

/// What is waited for comes within this.
pub const TIMEOUT: Duration = Duration::from_mins(1);
/// Who breaks a service has the machine for itself.
pub static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// The most files the service may open: so few that it cannot bound its connections below them.
const FILES: u32 = 480;
/// The most label sets of requests it measures apart: fewer than usual, so that a test finds more.
const LABEL_SETS: &str = "100";
/// Of `admin`.
pub const PASSWORD: &str = "a password of the gate";
/// What Alertmanager shows to the inbox.
const TOKEN: &str = "a token of the gate, long enough";

/// A child process, killed with the value.
struct Process(Child);

impl Process {
    fn start(command: &mut Command, log: &Path) -> Self {
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Waits until a condition holds; its last answer says why it does not.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let started = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(why) => assert!(started.elapsed() < TIMEOUT, "never: {what}: {why}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Sends a request; what came back, if something did.
pub async fn ask(
    address: SocketAddr,
    request: http::request::Builder,
    body: &str,
) -> Result<Answer, String> {
    let request = request.header("host", "localhost");
    let request: Request<Full<Bytes>> = request.body(Full::from(body.to_owned())).unwrap();
    client::send(address, request, Duration::from_secs(10)).await.map_err(|error| error.to_string())
}

fn free_port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// The service, built to fail.
pub struct Service {
    program: PathBuf,
    dir: PathBuf,
    /// What it logs; less than usual, where nobody looks.
    pub levels: &'static str,
    process: Option<Process>,
    pub site: SocketAddr,
    pub api: SocketAddr,
    pub ops: SocketAddr,
}

impl Service {
    pub fn new(dir: &Path) -> Self {
        let [site, api, ops] = [(); 3].map(|()| free_port());
        let (program, dir) = (build(), dir.to_owned());
        Self { program, dir, levels: "error", process: None, site, api, ops }
    }

    /// Starts it, for the first time or again, and waits until it is ready.
    pub async fn start(&mut self) {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {FILES} && exec \"$0\" \"$@\"")]);
        command.arg(&self.program).arg("--data-dir").arg(self.dir.join("data"));
        for (flag, address) in [("--site", self.site), ("--api", self.api), ("--ops", self.ops)] {
            command.args([flag, &address.to_string()]);
        }
        command.args(["--log", self.levels, "--log-format", "json", "--admin-password", PASSWORD]);
        command.args(["--metrics-label-sets", LABEL_SETS]);
        command.env("MINITWIT_ALERT_TOKEN", TOKEN);
        self.process = Some(Process::start(&mut command, &self.dir.join("service.log")));
        until("the service is ready", async || {
            let answer = ask(self.ops, Request::get("/readyz"), "").await?;
            answer.status.is_success().then_some(()).ok_or_else(|| answer.status.to_string())
        })
        .await;
    }

    /// Ends it without any warning.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Breaks something, or with `off` mends everything.
    pub async fn chaos(&self, fault: &str) {
        until(&format!("chaos {fault}"), async || {
            let answer = ask(self.ops, Request::post(format!("/chaos/{fault}")), "").await?;
            answer.status.is_success().then_some(()).ok_or_else(|| answer.status.to_string())
        })
        .await;
    }
}

/// Builds the service with its faults into the directory the tests were built in, as they were built:
/// only its own code is compiled once more.
fn build() -> PathBuf {
    let profile = Path::new(env!("CARGO_BIN_EXE_minitwit")).parent().unwrap();
    let name = match profile.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        name => name,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--workspace", "--locked", "--example", "chaos"]);
    cargo.args(["--features", "minitwit/chaos", "--profile", name, "--target-dir"]);
    cargo.arg(profile.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    profile.join("examples/chaos")
}

/// Prometheus with the scaled rules, and Alertmanager behind it.
pub struct Watch {
    prometheus: SocketAddr,
    alertmanager: SocketAddr,
    dir: PathBuf,
    targets: PathBuf,
    processes: [Option<Process>; 2],
}

impl Watch {
    /// Watches a service by these rules.
    pub fn start(dir: &Path, ops: SocketAddr, rules: &str) -> Self {
        let [prometheus, alertmanager] = [(); 2].map(|()| free_port());
        let targets = dir.join("targets.json");
        let write = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
        write("alerts.rules.yml", rules);
        write("alert-token", TOKEN);
        write("alertmanager.yml", &routing(ops, &dir.join("alert-token")));
        write(
            "prometheus.yml",
            &format!(
                "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: [alerts.rules.yml]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}\n\
             scrape_configs:\n\
             - {{job_name: minitwit, file_sd_configs: [{{files: [targets.json], refresh_interval: 1s}}]}}\n"
            ),
        );
        let processes = [None, None];
        let mut watch = Self { prometheus, alertmanager, dir: dir.to_owned(), targets, processes };
        watch.targets(&[ops]);
        watch.start_prometheus();
        watch.start_alertmanager();
        watch
    }

    fn run(&self, program: &str, arguments: &[&str], address: SocketAddr) -> Process {
        let mut command = Command::new(program);
        command.args(arguments).arg(format!("--web.listen-address={address}"));
        command.current_dir(&self.dir);
        Process::start(&mut command, &self.dir.join(format!("{program}.log")))
    }

    /// Starts Prometheus, for the first time or again with what it has stored.
    pub fn start_prometheus(&mut self) {
        let arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=tsdb"];
        self.processes[0] = Some(self.run("prometheus", &arguments, self.prometheus));
    }

    /// Ends Prometheus without any warning.
    pub fn stop_prometheus(&mut self) {
        self.processes[0] = None;
    }

    fn start_alertmanager(&mut self) {
        let arguments = [
            "--config.file=alertmanager.yml",
            "--storage.path=alertmanager",
            "--cluster.listen-address=",
        ];
        let process = self.run("prometheus-alertmanager", &arguments, self.alertmanager);
        self.processes[1] = Some(process);
    }

    /// From now on, scrapes these.
    pub fn targets(&self, targets: &[SocketAddr]) {
        let list: Vec<_> = targets.iter().map(ToString::to_string).collect();
        let new = self.targets.with_extension("new");
        fs::write(&new, serde_json::json!([{"targets": list}]).to_string()).unwrap();
        fs::rename(new, &self.targets).unwrap();
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        let answer = ask(self.prometheus, Request::get(path), "").await?;
        let json: Value = serde_json::from_slice(&answer.body).map_err(|e| e.to_string())?;
        Ok(json["data"].clone())
    }

    /// The names of the alerts that fire.
    pub async fn firing(&self) -> Result<Vec<String>, String> {
        let data = self.get("/api/v1/alerts").await?;
        let alerts = data["alerts"].as_array().ok_or("no alerts")?.iter();
        let firing = alerts.filter(|alert| alert["state"] == "firing");
        let mut names: Vec<_> =
            firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The value of an expression of one series.
    pub async fn value(&self, expr: &str) -> Result<f64, String> {
        self.values(expr).await?.first().copied().ok_or_else(|| "no sample".to_owned())
    }

    /// The values of an expression, without those of nothing.
    pub async fn values(&self, expr: &str) -> Result<Vec<f64>, String> {
        let query = serde_urlencoded::to_string([("query", expr)]).unwrap();
        let data = self.get(&format!("/api/v1/query?{query}")).await?;
        let result = data["result"].as_array().ok_or_else(|| format!("{expr}: {data}"))?;
        let value = |sample: &Value| sample["value"][1].as_str()?.parse::<f64>().ok();
        Ok(result.iter().filter_map(value).filter(|value| !value.is_nan()).collect())
    }
}

/// The routing of the repository, faster, and to the service of the test.
fn routing(ops: SocketAddr, token: &Path) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../alerts/alertmanager.yml");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| match line.trim_start().split_once(": ") {
        Some((key @ ("group_wait" | "group_interval"), _)) => {
            format!("{}{key}: 1s\n", &line[..line.len() - line.trim_start().len()])
        }
        _ => format!("{line}\n"),
    });
    let text: String = lines.collect();
    text.replace("http://app:5002", &format!("http://{ops}"))
        .replace("/run/secrets/alert_token", token.to_str().unwrap())
}
