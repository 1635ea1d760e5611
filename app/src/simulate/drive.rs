//! Sends commands at their pace through one or more clients.
//!
//! One client keeps the order of the scenario. Several keep the order of each user's commands, and
//! register everybody first: a name has to exist before somebody follows it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::progress::{End, Progress};
use super::report::Report;
use super::scenario::{Action, Command};
use super::target::Target;
use crate::clock::Clock;

/// Maximum number of commands waiting for a client.
const QUEUE: usize = 64;
/// The course's client sleeps milliseconds as hundred-millionths of a second.
const MILLIS_PER_SECOND: f64 = 1e3;

/// When the next command is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Without a pause between commands.
    NoWait,
    /// So many a second.
    Rate(f64),
    /// After the pause of the scenario, so many times as fast.
    Speed(f64),
}

/// Parameters of a simulation.
#[derive(Clone, Debug)]
pub struct Drive {
    /// Where to.
    pub target: Target,
    /// Pace of the commands.
    pub pace: Pace,
    /// Number of concurrent clients.
    pub clients: usize,
    /// When it ends at the latest.
    pub duration: Option<Duration>,
    /// Stops the simulation early.
    pub stop: CancellationToken,
}

/// Sends all commands; `total` is their number, if they end.
pub async fn run(
    drive: &Drive,
    commands: impl Iterator<Item = Command>,
    total: Option<u64>,
) -> Report {
    let shared = Arc::new(Mutex::new(Shared {
        report: Report::default(),
        progress: Progress::new(End { total, duration: drive.duration }, drive.target.host()),
    }));
    let started = Instant::now();
    let mut pacer = Pacer::new(drive, started);
    if drive.clients <= 1 {
        pass(drive, &mut pacer, commands, &shared).await;
    } else {
        let (first, then) = registrations_first(commands, total.is_some());
        if pass(drive, &mut pacer, first.into_iter(), &shared).await {
            pass(drive, &mut pacer, then, &shared).await;
        }
    }
    let mut shared = Arc::into_inner(shared).map_or_else(Shared::nothing, Mutex::into_inner);
    shared.progress.end();
    shared.report.took(started.elapsed());
    shared.report
}

/// What the clients write to.
struct Shared {
    report: Report,
    progress: Progress,
}

impl Shared {
    fn nothing() -> Self {
        Self { report: Report::default(), progress: Progress::new(End::default(), "") }
    }
}

/// An endless scenario for several clients registers at its start and nowhere else.
fn registrations_first(
    commands: impl Iterator<Item = Command>,
    ends: bool,
) -> (Vec<Command>, impl Iterator<Item = Command>) {
    let is_registration = |command: &Command| command.action() == Action::Register;
    let mut commands = commands.peekable();
    let mut first = Vec::new();
    let mut then = Vec::new();
    if ends {
        (first, then) = commands.by_ref().partition(is_registration);
    } else {
        first.extend(std::iter::from_fn(|| commands.next_if(is_registration)));
    }
    (first, then.into_iter().chain(commands))
}

/// Sends commands until they, the time or the patience of the user end, and waits for the answers.
/// Whether all were sent.
async fn pass(
    drive: &Drive,
    pacer: &mut Pacer,
    commands: impl Iterator<Item = Command>,
    shared: &Arc<Mutex<Shared>>,
) -> bool {
    let mut clients = JoinSet::new();
    let mut queues = Vec::new();
    for _ in 0..drive.clients.max(1) {
        // One client alone is never ahead of its answers.
        let (queue, mut waiting) = mpsc::channel(if drive.clients <= 1 { 1 } else { QUEUE });
        queues.push(queue);
        let (target, shared) = (drive.target.clone(), Arc::clone(shared));
        clients.spawn(async move {
            while let Some(command) = waiting.recv().await {
                send(&target, &command, &shared).await;
            }
        });
    }
    let sending = async {
        for command in commands {
            if !pacer.wait(command.pause_ms).await {
                return false;
            }
            let queue = &queues[client_of(&command.user, queues.len())];
            if queue.send(command).await.is_err() {
                return false;
            }
        }
        true
    };
    let all_sent = drive.stop.run_until_cancelled(sending).await.unwrap_or(false);
    drop(queues);
    while clients.join_next().await.is_some() {}
    all_sent
}

fn client_of(user: &str, clients: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    usize::try_from(hasher.finish() % clients as u64).unwrap_or(0)
}

async fn send(target: &Target, command: &Command, shared: &Mutex<Shared>) {
    let (outcome, latency) = target.send(command).await;
    let mut shared = shared.lock();
    let Shared { report, progress } = &mut *shared;
    if !report.add(command.action(), &outcome, latency) {
        let now = jiff::Timestamp::from_microsecond(Clock::default().now()).unwrap_or_default();
        progress.error(now, command, &outcome);
    }
    progress.tick(report);
}

/// Waits until the next command is due.
struct Pacer {
    pace: Pace,
    due: Instant,
    end: Option<Instant>,
}

impl Pacer {
    fn new(drive: &Drive, now: Instant) -> Self {
        let end = drive.duration.map(|duration| now + duration);
        Self { pace: drive.pace, due: now, end }
    }

    /// `false` when the time is up.
    async fn wait(&mut self, pause_ms: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a pause is far below 2^52 milliseconds")]
        let pause = match self.pace {
            Pace::NoWait => 0.0,
            Pace::Rate(rate) => 1.0 / rate,
            Pace::Speed(speed) => pause_ms as f64 / MILLIS_PER_SECOND / speed,
        };
        if self.end.is_some_and(|end| end <= self.due.max(Instant::now())) {
            return false;
        }
        tokio::time::sleep_until(self.due).await;
        // A rate is kept over the whole; pauses of a scenario are between commands.
        let from = if matches!(self.pace, Pace::Rate(_)) { self.due } else { Instant::now() };
        self.due = from + Duration::try_from_secs_f64(pause).unwrap_or(Duration::MAX / 4);
        true
    }
}
