//! The programs that are watched and that watch: the service and Prometheus, each on a port of the
//! system's choosing.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, HOST};
use http_body_util::Full;
use minitwit::client::{self, Answer, Failure};
use serde_json::Value;

use crate::program::{Program, minitwit, serve};

/// A wait for an answer or a line gives up after this long.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// Where the ops listener exposes metrics.
pub const METRICS: &str = "/metrics";

/// A running service.
pub struct Service {
    _program: Program,
    /// Where the site listens.
    pub site: SocketAddr,
    /// Where the simulator API listens.
    pub api: SocketAddr,
    /// Where ops listens.
    pub ops: SocketAddr,
}

impl Service {
    /// Starts it in a directory, with further arguments.
    pub fn start(dir: &Path, args: &[&str]) -> Self {
        let (program, addresses) = serve(minitwit(), dir, args, TIMEOUT);
        let [site, api, ops] = ["site", "api", "ops"].map(|name| addresses[name]);
        Self { _program: program, site, api, ops }
    }

    /// What it exposes.
    pub async fn metrics(&self) -> String {
        let answer = get(self.ops, METRICS).await.unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    }
}

/// A running Prometheus.
pub struct Prometheus {
    _program: Program,
    address: SocketAddr,
}

impl Prometheus {
    /// Watches a service every second, with data in a directory.
    pub fn start(dir: &Path, target: SocketAddr) -> Self {
        let text = format!(
            "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: minitwit\n    \
             static_configs: [{{targets: [\"{target}\"]}}]\n"
        );
        Self::configured(dir, &text)
    }

    /// Evaluates the rules of a file in a directory every second.
    pub fn evaluating(dir: &Path, rules: &str) -> Self {
        let text = format!("global: {{evaluation_interval: 1s}}\nrule_files: [{rules}]\n");
        Self::configured(dir, &text)
    }

    fn configured(dir: &Path, text: &str) -> Self {
        let config = dir.join("prometheus.yml");
        fs::write(&config, text).unwrap();
        let mut command = Command::new("prometheus");
        command.arg("--web.listen-address=127.0.0.1:0");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", dir.join("prometheus").display()));
        let mut program = Program::start(&mut command);
        let address = program.wait_for(TIMEOUT, |line| {
            let (_, rest) = line.split_once("msg=\"Listening on\" address=")?;
            rest.split_whitespace().next()?.parse().ok()
        });
        Self { _program: program, address }
    }

    /// The alerts that are pending or fire, as its API lists them.
    pub async fn alerts(&self) -> Vec<Value> {
        let answer = get(self.address, "/api/v1/alerts").await.unwrap();
        // While it starts it answers in words.
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        answer["data"]["alerts"].as_array().cloned().unwrap_or_default()
    }

    /// The samples of an expression now; an error in it fails.
    pub async fn samples(&self, expr: &str) -> Vec<Sample> {
        let answer = post_form(self.address, "/api/v1/query", &[("query", expr)]).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer["status"], "success", "{expr}: {answer}");
        let result = &answer["data"]["result"];
        let samples = result.as_array().unwrap_or_else(|| panic!("{expr}: {answer}"));
        samples.iter().map(Sample::of).collect()
    }
}

/// A series at one moment.
#[derive(Clone, Debug)]
pub struct Sample {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Sample {
    fn of(json: &Value) -> Self {
        let labels = serde_json::from_value(json["metric"].clone()).unwrap();
        Self { labels, value: json["value"][1].as_str().unwrap().parse().unwrap() }
    }
}

/// A request without a body.
pub async fn get(address: SocketAddr, path: &str) -> Result<Answer, Failure> {
    get_as("", address, path).await
}

/// The same of who has a cookie.
pub async fn get_as(cookie: &str, address: SocketAddr, path: &str) -> Result<Answer, Failure> {
    let request = http::Request::get(path).header(HOST, "localhost").header(COOKIE, cookie);
    client::send(address, request.body(Full::default()).unwrap(), TIMEOUT).await
}

/// A request with a form.
pub async fn post_form(
    address: SocketAddr,
    path: &str,
    form: &[(&str, &str)],
) -> Result<Answer, Failure> {
    let body: Bytes = serde_urlencoded::to_string(form).unwrap().into();
    let request = http::Request::post(path)
        .header(HOST, "localhost")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    client::send(address, request.body(Full::new(body)).unwrap(), TIMEOUT).await
}
