//! A real browser: Chromium behind chromedriver, spoken to in the `WebDriver` protocol over plain HTTP.
//! Only what the tests of the site need. A machine without the two programs skips those tests, except
//! in CI.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::harness::{DEADLINE, eventually};

/// The name by which the protocol wraps an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Sentence in which chromedriver says its port.
const STARTED: &str = "was started successfully on port ";

/// Keys that are no characters, as the protocol writes them.
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";

/// One browser with a profile of its own, in which nothing was ever visited.
pub struct Driver {
    process: Child,
    address: SocketAddr,
    session: String,
}

/// Something on the page.
#[derive(Clone, Debug)]
pub struct Element(String);

impl Driver {
    /// Starts the browser; `None` when it is not installed.
    pub async fn start() -> Option<Self> {
        let Some((process, port)) = spawn() else {
            assert!(std::env::var_os("CI").is_none(), "chromium and chromedriver are missing");
            skipped("chromium and chromedriver are not installed");
            return None;
        };
        let mut driver =
            Self { process, address: ([127, 0, 0, 1], port).into(), session: String::new() };
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "args": [
                // Root, as in containers, has no sandbox; the only pages are the site's own.
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--no-first-run", "--window-size=1280,900",
                "--host-resolver-rules=MAP *.test 127.0.0.1",
            ] },
        });
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let created = driver.send(Method::POST, "/session", Some(body)).await;
        created["sessionId"].as_str().unwrap().clone_into(&mut driver.session);
        Some(driver)
    }

    /// Goes to a page and waits until it is loaded.
    pub async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// Back in the history.
    pub async fn back(&self) {
        self.post("/back", json!({})).await;
    }

    /// Where the browser is.
    pub async fn url(&self) -> String {
        self.get("/url").await.as_str().unwrap().to_owned()
    }

    /// Everything that matches a CSS selector, in document order.
    pub async fn find_all(&self, selector: &str) -> Vec<Element> {
        let body = json!({ "using": "css selector", "value": selector });
        let found = self.post("/elements", body).await;
        let id = |element: &Value| Element(element[ELEMENT].as_str().unwrap().to_owned());
        found.as_array().unwrap().iter().map(id).collect()
    }

    /// The first that matches a CSS selector, waiting for it to appear.
    pub async fn find(&self, selector: &str) -> Element {
        eventually(selector, async || !self.find_all(selector).await.is_empty()).await;
        self.find_all(selector).await.swap_remove(0)
    }

    /// The text a reader sees.
    pub async fn text(&self, selector: &str) -> String {
        // In one step: the next page would take away an element that was found before.
        let script =
            format!("document.querySelector({})?.innerText ?? null", Value::from(selector));
        let mut text = None;
        eventually("an element to read", async || {
            text = self.eval(&script).await.as_str().map(|text| text.trim().to_owned());
            text.is_some()
        })
        .await;
        text.unwrap()
    }

    /// Types into an element.
    pub async fn type_into(&self, Element(id): &Element, text: &str) {
        self.post(&format!("/element/{id}/value"), json!({ "text": text })).await;
    }

    /// Clicks the first that matches a CSS selector.
    pub async fn click(&self, selector: &str) {
        let Element(id) = self.find(selector).await;
        self.post(&format!("/element/{id}/click"), json!({})).await;
    }

    /// Presses keys wherever the focus is.
    pub async fn press(&self, keys: &str) {
        let actions = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })));
        let actions = actions.collect::<Vec<_>>();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.post("/actions", json!({ "actions": [keyboard] })).await;
    }

    /// The value of an expression on the page.
    pub async fn eval(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// The value of a promise on the page.
    pub async fn eval_promise(&self, expression: &str) -> Value {
        let script =
            format!("const done = arguments[0]; Promise.resolve({expression}).then(done, done);");
        self.post("/execute/async", json!({ "script": script, "args": [] })).await
    }

    /// A command of the browser's own protocol.
    pub async fn devtools(&self, command: &str, params: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": params })).await
    }

    /// The size of the window, and whether the reader wants it dark.
    pub async fn look(&self, width: u32, theme: &str) {
        let size =
            json!({ "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let features = json!([
            { "name": "prefers-color-scheme", "value": theme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// From now on pages run no script.
    pub async fn without_scripts(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": true })).await;
    }

    /// What the browser complained about since the last call: violated policies, failed loads,
    /// exceptions.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", json!({ "type": "browser" })).await;
        let message = |entry: &Value| entry["message"].as_str().unwrap().to_owned();
        log.as_array().unwrap().iter().map(message).collect()
    }

    /// The address of every request since the last call.
    pub async fn requests(&self) -> Vec<String> {
        let log = self.post("/se/log", json!({ "type": "performance" })).await;
        let url = |entry: &Value| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            (event["method"] == "Network.requestWillBeSent")
                .then(|| event["params"]["request"]["url"].as_str().unwrap().to_owned())
        };
        log.as_array().unwrap().iter().filter_map(url).collect()
    }

    async fn get(&self, command: &str) -> Value {
        self.send(Method::GET, &format!("/session/{}{command}", self.session), None).await
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        self.send(Method::POST, &format!("/session/{}{command}", self.session), Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let sending = self.send_and_wait(method, path, body);
        let Ok(answer) = tokio::time::timeout(2 * DEADLINE, sending).await else {
            panic!("the browser does not answer to {path}")
        };
        answer
    }

    async fn send_and_wait(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let body = body.map_or_else(String::new, |body| body.to_string());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
            .body(Full::new(bytes::Bytes::from(body)))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let mut answer: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(status.is_success(), "{path}: {}", answer["value"]["message"]);
        answer["value"].take()
    }
}

impl Drop for Driver {
    /// The browser goes with its session; chromedriver alone would leave it behind.
    fn drop(&mut self) {
        if !self.session.is_empty()
            && let Ok(mut stream) = std::net::TcpStream::connect(self.address)
        {
            let request = format!(
                "DELETE /session/{} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
                self.session, self.address
            );
            // The answer comes when the browser has gone; the connection may stay open behind it.
            let _bounded = stream.set_read_timeout(Some(DEADLINE));
            let _gone_either_way = stream.write_all(request.as_bytes());
            let _answered = stream.read(&mut [0]);
        }
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// Says why a test did nothing. Not by `eprintln!`, which the test harness keeps to itself.
pub fn skipped(why: &str) {
    std::io::stderr().write_all(format!("skipped: {why}\n").as_bytes()).unwrap();
}

/// chromedriver, and the port it has chosen.
fn spawn() -> Option<(Child, u16)> {
    let is_there = |program| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    if !is_there("chromium") {
        return None;
    }
    let mut process = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        let line = line.ok()?;
        let (_, port) = line.split_once(STARTED)?;
        port.trim_end_matches('.').parse().ok()
    });
    // Without a reader the pipe would fill.
    std::thread::spawn(move || lines.for_each(drop));
    Some((process, port.unwrap()))
}
