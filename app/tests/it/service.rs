//! The service as a process of its own: the built binary, on free ports, in a directory of the test's.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http_body_util::Full;
use minitwit::client::{self, Failure};
use rustix::process::{
    Pid, PidfdFlags, PidfdGetfdFlags, Signal, kill_process, pidfd_getfd, pidfd_open,
};

use crate::harness::{DEADLINE, SIMULATOR, eventually};
pub use crate::program::minitwit;
use crate::program::{Program, serve};

/// Runs a command of the binary to its end, with this on its standard input, and without holding up
/// what the test serves meanwhile.
pub async fn run(mut command: Command, input: &str) -> Output {
    let input = input.to_owned();
    let running = tokio::task::spawn_blocking(move || {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that reads nothing may have ended already.
        let _unread = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    });
    running.await.unwrap()
}

/// Standard output of a command that has to succeed.
pub async fn succeeds(command: Command) -> String {
    let output = run(command, "").await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{}: {text}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Standard error of a command that has to fail with code 1 in one line.
pub async fn fails(command: Command) -> String {
    let output = run(command, "").await;
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    let own = text.lines().filter(|line| line.starts_with("minitwit: ")).collect::<Vec<_>>();
    let [line] = own[..] else { panic!("not one line: {text}") };
    line.to_owned()
}

/// A running service; killed when dropped.
pub struct Service {
    program: Program,
    pub site: Option<SocketAddr>,
    pub api: Option<SocketAddr>,
    pub ops: SocketAddr,
}

impl Service {
    /// Starts it in a directory and waits until it is ready.
    pub async fn start(dir: &Path, args: &[&str]) -> Self {
        Self::start_command(minitwit(), dir, args).await
    }

    /// The same through a command that ends in the binary.
    pub async fn start_command(command: Command, dir: &Path, args: &[&str]) -> Self {
        let (program, addresses) = serve(command, dir, args, DEADLINE);
        let at = |name: &str| addresses.get(name).copied();
        let service = Self { program, site: at("site"), api: at("api"), ops: at("ops").unwrap() };
        eventually("the service is ready", async || service.readiness().await == Some(200)).await;
        service
    }

    /// The address of the API.
    pub fn api(&self) -> SocketAddr {
        self.api.unwrap()
    }

    /// The status of `/readyz`; `None` when nobody answers.
    pub async fn readiness(&self) -> Option<u16> {
        let request = http::Request::get("/readyz").header(HOST, "localhost");
        let request = request.body(Full::default()).unwrap();
        client::send(self.ops, request, DEADLINE).await.ok().map(|answer| answer.status.as_u16())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.program.child), signal).unwrap();
    }

    /// Ends it without any warning.
    pub fn kill(mut self) {
        self.program.child.kill().unwrap();
        self.program.child.wait().unwrap();
    }

    /// The processor time it has used so far.
    pub fn cpu_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.program.child.id()));
        let stat = stat.unwrap();
        // Behind the name: state, and the 12th and 13th are the ticks of user and kernel.
        let fields = stat.rsplit_once(") ").unwrap().1.split(' ').collect::<Vec<_>>();
        let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
        let per_second = u32::try_from(rustix::param::clock_ticks_per_second()).unwrap();
        Duration::from_secs(ticks) / per_second
    }

    /// Ends the listening of a socket from outside, as no request can.
    pub fn shut_listener(&self, address: SocketAddr) {
        let pid = Pid::from_child(&self.program.child);
        let process = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let mut files = std::fs::read_dir(format!("/proc/{}/fd", self.program.child.id())).unwrap();
        let listener = files.find_map(|file| {
            let number = file.unwrap().file_name().to_str().unwrap().parse().unwrap();
            let file = pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).ok()?;
            // Of any socket; the connections of the listener have its address, too, and a peer.
            let socket = TcpStream::from(file);
            let is_listener =
                socket.local_addr().ok() == Some(address) && socket.peer_addr().is_err();
            is_listener.then_some(socket)
        });
        listener.expect("no such listener").shutdown(Shutdown::Both).unwrap();
    }

    /// Waits until it has ended by itself.
    pub async fn ended(&mut self, within: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.program.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < within, "still running after {within:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Everything it has said so far.
    pub fn said(&mut self) -> String {
        self.program.said()
    }
}

/// A command to an API, as the simulator sends it; the status of the answer.
pub async fn post(api: SocketAddr, path: &str, body: serde_json::Value) -> Result<u16, Failure> {
    let request = http::Request::post(path).header(HOST, "localhost");
    let request = request.header(AUTHORIZATION, SIMULATOR);
    let request = request.body(Full::<Bytes>::from(body.to_string())).unwrap();
    client::send(api, request, DEADLINE).await.map(|answer| answer.status.as_u16())
}

/// The texts of the newest messages, newest first.
pub async fn messages(api: SocketAddr) -> Vec<String> {
    let request = http::Request::get("/msgs?no=10000").header(HOST, "localhost");
    let request = request.header(AUTHORIZATION, SIMULATOR).body(Full::default()).unwrap();
    let answer = client::send(api, request, DEADLINE).await.unwrap();
    let list: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let texts = list.as_array().unwrap().iter();
    texts.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}
