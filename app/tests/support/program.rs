//! A program as a process of its own: ended with its value, and read line by line of what it says on
//! standard error, whether somebody wants the lines or not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A process that was started, killed when this is dropped.
pub struct Program {
    /// The process.
    pub child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Program {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            // To the end, whoever still wants it: a full pipe would stop the process.
            for line in errors.lines().map_while(Result::ok) {
                let _nobody_listens = sender.send(line);
            }
        });
        Self { child, lines, seen: Vec::new() }
    }

    /// The next line that this makes something of.
    pub fn wait_for<T>(&mut self, within: Duration, find: impl Fn(&str) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            let line = self.lines.recv_timeout(within.saturating_sub(started.elapsed()));
            let line = line.unwrap_or_else(|error| panic!("{error}: {}", self.said()));
            let found = find(&line);
            self.seen.push(line);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Everything it has said so far.
    pub fn said(&mut self) -> String {
        self.seen.extend(self.lines.try_iter());
        self.seen.join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The binary under test, as the root of the test says where it is, without the settings of whoever runs the tests.
pub fn minitwit() -> Command {
    let mut command = Command::new(crate::binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MINITWIT_") {
            command.env_remove(name);
        }
    }
    command
}

/// Starts the service by a command that ends in the binary, in a directory and with further arguments;
/// where each of its listeners is, by name.
pub fn serve(
    mut command: Command,
    dir: &Path,
    args: &[&str],
    within: Duration,
) -> (Program, BTreeMap<String, SocketAddr>) {
    let port = "127.0.0.1:0";
    command.args(["--site", port, "--api", port, "--ops", port, "--log-format", "json"]);
    let mut program = Program::start(command.arg("--data-dir").arg(dir).args(args));
    let mut addresses = BTreeMap::new();
    let role = args.iter().skip_while(|arg| **arg != "--role").nth(1);
    let listeners = match role.copied() {
        None | Some("all") => 3,
        Some("ops") => 1,
        Some(_) => 2,
    };
    while addresses.len() < listeners {
        addresses.extend(program.wait_for(within, |line| {
            let record: Value = serde_json::from_str(line).ok()?;
            let (name, address) =
                (record["listener.name"].as_str()?, record["listener.address"].as_str()?);
            (record["message"] == "listening")
                .then(|| [(name.to_owned(), address.parse().unwrap())])
        }));
    }
    (program, addresses)
}
