//! Accepting connections from any kind of socket: so many at once, and without a loop that spins when the
//! system has no more to give.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::net::Listener;

/// Pause after the system refused a connection, for instance for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);
/// Shortest time between two records of failures.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// A bound socket, and how many connections it may still serve.
pub struct Acceptor<L> {
    name: &'static str,
    socket: L,
    permits: Arc<Semaphore>,
    /// When a failure was logged last.
    warned: Option<Instant>,
}

impl<L: Listener> Acceptor<L> {
    /// Accepts at most so many connections at once; others wait in the system's queue.
    pub fn new(name: &'static str, socket: L, max_connections: usize) -> Self {
        let permits = Arc::new(Semaphore::new(max_connections));
        Self { name, socket, permits, warned: None }
    }

    /// The next connection, who is on its other end, and the permit to be held until it has ended.
    ///
    /// Each error is followed by a pause, and logged unless another was shortly before: at the limit of
    /// file descriptors accepting works and fails in turn.
    ///
    /// # Errors
    /// When the socket does not listen any more, and never will.
    pub async fn next(&mut self) -> io::Result<(L::Io, L::Addr, OwnedSemaphorePermit)> {
        // Nobody closes the semaphore.
        let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else {
            return std::future::pending().await;
        };
        loop {
            match self.socket.accept().await {
                Ok((stream, peer)) => return Ok((stream, peer, permit)),
                Err(error) if is_the_clients(&error) => {}
                // What `accept` says of a socket that does not listen.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
                Err(error) => {
                    if self.warned.is_none_or(|at| at.elapsed() >= WARN_INTERVAL) {
                        tracing::warn!(error.message = %error, listener.name = self.name, "could not accept");
                        self.warned = Some(Instant::now());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// Whether a connection failed before it was accepted: the next one has nothing to do with it.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use tokio::io::{DuplexStream, duplex};

    use super::*;

    /// Out of file descriptors so often, then good.
    struct Exhausted(u32);

    impl Listener for Exhausted {
        type Io = DuplexStream;
        type Addr = ();

        fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<(DuplexStream, ())>> {
            self.0 = self.0.saturating_sub(1);
            Poll::Ready(match self.0 {
                0 => Ok((duplex(1).0, ())),
                _ => Err(io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error())),
            })
        }

        fn local_addr(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn accepting_pauses_while_the_system_refuses_and_then_goes_on() {
        let (started, failures) = (Instant::now(), 3);
        let mut acceptor = Acceptor::new("test", Exhausted(failures + 1), 2);
        let _accepted = acceptor.next().await.unwrap();
        assert!(started.elapsed() >= failures * PAUSE, "it spins");
        assert!(acceptor.warned.is_some(), "nobody is told");
    }
}
