//! The signals that end the service: the first asks it to stop, a second one does not wait.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on neither ends the process by itself.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("could not install signal handlers");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// The name of the next one.
    pub async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Ends the process at the next one: who asks twice does not want to wait.
    pub async fn exit_on_second(mut self) -> ! {
        let name = self.wait().await;
        tracing::warn!(process.signal = name, "second signal, exiting immediately");
        std::process::exit(130);
    }
}
