//! Signals: those that ask a process to end let it finish its work, a second one does not wait, and those
//! that mean nothing here are ignored instead of killing it.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal as Number;
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// A signal that asks the process to end.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Its name.
    pub name: &'static str,
    signal: Number,
}

impl Ending {
    /// The exit code of a command that it ended, as shells have it.
    pub fn exit_code(self) -> i32 {
        128 + self.signal.as_raw()
    }
}

/// What supervisors, closed terminals and people send. SIGQUIT ends gracefully, as it does nginx: a core
/// dump could hold secrets.
const ENDING: [Ending; 4] = [
    Ending { name: "SIGTERM", signal: Number::TERM },
    Ending { name: "SIGINT", signal: Number::INT },
    Ending { name: "SIGHUP", signal: Number::HUP },
    Ending { name: "SIGQUIT", signal: Number::QUIT },
];

/// Signals that end a process by default and ask for nothing here. `logrotate` sends SIGUSR1 to reopen
/// files, timers of a parent may leave the alarms behind, and where a limit of file sizes sends SIGXFSZ the
/// write fails with an error as well.
const IGNORED: [Number; 7] = [
    Number::USR1,
    Number::USR2,
    Number::ALARM,
    Number::VTALARM,
    Number::PROF,
    Number::IO,
    Number::XFSZ,
];

/// Time for a command to clean up after a signal before the process ends anyway.
const CLEAN_UP: Duration = Duration::from_secs(1);

/// The signals that end the process.
pub struct Signals(Vec<(Ending, Signal)>);

impl Signals {
    /// From now on no signal but SIGKILL and those of faults ends the process by itself.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |number: Number| {
            signal(SignalKind::from_raw(number.as_raw()))
                .context("could not install signal handlers")
        };
        // A handler stays installed when its stream is dropped, so that nothing happens.
        IGNORED.into_iter().try_for_each(|number| listen(number).map(drop))?;
        let ending = ENDING.into_iter().map(|ending| Ok((ending, listen(ending.signal)?)));
        Ok(Self(ending.collect::<anyhow::Result<_>>()?))
    }

    /// The next one.
    pub async fn wait(&mut self) -> Ending {
        poll_fn(|context| {
            let mut caught = self.0.iter_mut().filter_map(|(ending, signal)| {
                signal.poll_recv(context).is_ready().then_some(*ending)
            });
            caught.next().map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Ends the process at the next one: who asks twice does not want to wait.
    pub async fn exit_on_second(mut self) -> ! {
        let name = self.wait().await.name;
        tracing::warn!(process.signal = name, "second signal, exiting immediately");
        std::process::exit(130);
    }
}

/// Watches for signals on a thread of its own while a command runs, which may block. The first one is
/// handed over, so that the command can clean up; the process ends after a second, or at another signal.
///
/// # Errors
/// When the system refuses a handler or a thread.
pub fn watch_command() -> anyhow::Result<oneshot::Receiver<Ending>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        Signals::listen()?
    };
    let (first, caught) = oneshot::channel();
    let watch = move || {
        runtime.block_on(async {
            let ending = signals.wait().await;
            let _command_has_ended = first.send(ending);
            let _second = tokio::time::timeout(CLEAN_UP, signals.wait()).await;
            std::process::exit(ending.exit_code());
        });
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(watch)?;
    Ok(caught)
}
