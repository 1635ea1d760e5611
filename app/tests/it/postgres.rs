//! A PostgreSQL cluster of the tests' own, in a temporary directory, reached by a socket in it.
//!
//! Not one that is installed and running: tests must not need a password, nor touch anybody's data.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

/// A running cluster. The server ends with this value, or with the test process however that ends.
pub struct Cluster {
    /// Holds the data and the socket.
    dir: PathBuf,
    bin: PathBuf,
    /// Stops the server when its standard input closes.
    _watchdog: Child,
}

/// A database for one test, dropped with it.
pub struct Database {
    cluster: &'static Cluster,
    name: String,
}

/// Nothing is kept, so nothing has to be safe from a power cut.
const OPTIONS: &str = "-c listen_addresses= -c dynamic_shared_memory_type=mmap -c fsync=off \
    -c full_page_writes=off -c max_connections=300 -c shared_buffers=32MB";

/// The cluster that the tests of this binary share, started by the first that asks. `None` when there
/// are no server binaries; then one line says so, and in CI the test fails.
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(Cluster::start).as_ref()
}

impl Cluster {
    /// Starts a cluster, or says why tests on PostgreSQL are left out.
    pub fn start() -> Option<Self> {
        let Some(bin) = binaries() else {
            assert!(std::env::var_os("CI").is_none(), "there are no PostgreSQL server binaries");
            // Not `eprintln!`, which the test harness keeps to itself when a test passes.
            let line = "skipped: tests on PostgreSQL, for want of /usr/lib/postgresql/*/bin\n";
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        };
        let dir = tempfile::Builder::new().prefix("minitwit-pg-").tempdir().unwrap().keep();
        if is_root() {
            run(Command::new("chown").arg(server_user()).arg(&dir));
        }
        let data = dir.join("data");
        let initdb =
            ["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"];
        run(as_server_user(&bin.join("initdb")).args(initdb).arg("-D").arg(&data));
        let watchdog = watchdog(&bin, &dir);
        let cluster = Self { dir, bin, _watchdog: watchdog };
        cluster.pg_ctl("start");
        Some(cluster)
    }

    /// Crashes the server and starts it again.
    pub fn restart_immediately(&self) {
        self.pg_ctl("restart");
    }

    /// Ends the server and leaves it so.
    pub fn stop(&self) {
        self.pg_ctl("stop");
    }

    /// Starts the server again.
    pub fn start_again(&self) {
        self.pg_ctl("start");
    }

    /// Stops every process of the server in its tracks, until the value is dropped: connections stay open, and
    /// nobody answers.
    pub fn freeze(&self) -> Frozen {
        let pid = fs::read_to_string(self.dir.join("data/postmaster.pid")).unwrap();
        let postmaster: i32 = pid.lines().next().unwrap().parse().unwrap();
        // The first stops, so that no others begin meanwhile.
        signal(postmaster, Signal::STOP);
        let processes: Vec<i32> = [vec![postmaster], children(postmaster)].concat();
        for pid in &processes {
            signal(*pid, Signal::STOP);
        }
        Frozen(processes)
    }

    fn pg_ctl(&self, action: &str) {
        let mut command = as_server_user(&self.bin.join("pg_ctl"));
        command.args(["-w", "-D"]).arg(self.dir.join("data"));
        if action != "start" {
            command.args(["-m", "immediate"]);
        }
        if action != "stop" {
            let options = format!("-k {} {OPTIONS}", self.dir.display());
            command.arg("-l").arg(self.dir.join("data/server.log")).args(["-o", &options]);
        }
        run(command.arg(action));
    }

    /// A new, empty database.
    pub fn create_database(&'static self) -> Database {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNTER.fetch_add(1, Ordering::Relaxed));
        run(&mut self.client("createdb", &name));
        Database { cluster: self, name }
    }

    fn client(&self, program: &str, database: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command.arg("-h").arg(&self.dir).args(["-U", "postgres", database]);
        command
    }

    /// Where a database of this cluster is.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost/{database}?host={}", self.dir.display())
    }
}

impl Database {
    /// Where it is.
    pub fn url(&self) -> String {
        self.cluster.url(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut command = self.cluster.client("dropdb", &self.name);
        let dropped = command.arg("--force").output();
        // A test that failed should report its own failure.
        assert!(dropped.is_ok_and(|out| out.status.success()) || std::thread::panicking());
    }
}

/// A server that does not run until this is dropped.
pub struct Frozen(Vec<i32>);

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.iter().for_each(|pid| signal(*pid, Signal::CONT));
    }
}

/// Of the processes of the server alone, some of which may have ended.
fn signal(pid: i32, signal: Signal) {
    let _ended = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

fn children(parent: i32) -> Vec<i32> {
    let is_child = |stat: &str| {
        let (_, rest) = stat.rsplit_once(") ")?;
        (rest.split(' ').nth(1)?.parse() == Ok(parent)).then_some(())
    };
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        is_child(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        Some(pid)
    });
    processes.collect()
}

/// The newest installed server.
fn binaries() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let bins = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    let version = |bin: &PathBuf| bin.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    bins.filter(|bin| bin.join("initdb").exists()).max_by_key(version)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The server refuses to run as root.
fn server_user() -> &'static str {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    if passwd.lines().any(|line| line.starts_with("postgres:")) { "postgres" } else { "nobody" }
}

fn as_server_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let user = server_user();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--clear-groups", "--"]).arg(program).current_dir("/");
    command
}

/// A shell that waits for the end of its input, which the kernel closes when this process is gone.
fn watchdog(bin: &Path, dir: &Path) -> Child {
    let stop = as_server_user(&bin.join("pg_ctl"));
    let script = r#"dir=$1; shift; cat; "$@" -D "$dir/data" -m immediate stop; rm -rf "$dir""#;
    Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(dir)
        .arg(stop.get_program())
        .args(stop.get_args())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs a command to its end.
fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}
