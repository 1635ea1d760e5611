//! A stream that lets only requests through whose head reads one way. In the place of another it puts
//! one that the routers refuse, so that a refusal has the same headers, body, record and metrics as
//! every other answer; behind it nothing comes any more.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::head::{self, Body, Refused};
use crate::middleware::strict::Refusal;

/// Bytes taken from the client at a time.
const PIECE: usize = 8 * 1024;
/// What a client still sends after it was refused is taken and dropped for this long, and to this
/// many bytes: closing at once would reset the connection, and with it the answer on its way.
const DRAIN: (Duration, u64) = (Duration::from_secs(2), 16 * 1024 * 1024);

/// Which request of a connection was refused, for who answers it.
#[derive(Debug, Default)]
pub struct Verdict {
    refused: OnceLock<(u64, Refusal)>,
    answered: AtomicU64,
}

impl Verdict {
    /// Why the next request of the connection is refused, if it is.
    pub fn next(&self) -> Option<Refusal> {
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        self.refused.get().filter(|(refused, _)| *refused == number).map(|(_, refusal)| *refusal)
    }
}

/// The stream.
pub struct Strict<S> {
    stream: S,
    /// From the client, not yet passed on.
    input: BytesMut,
    /// Bytes of the input that are known to hold no end of a head.
    seen: usize,
    expected: Expected,
    requests: u64,
    verdict: Arc<Verdict>,
    drain: Option<Drain>,
}

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The head of a request.
    Head,
    /// So many bytes of what was vetted, or of the body behind it.
    Bytes(u64),
    /// The rest of the connection: a body in chunks, which is the last that is read.
    Rest,
    /// What is in the input, and then nothing.
    End,
}

struct Drain {
    until: Pin<Box<Sleep>>,
    left: u64,
}

impl<S> Strict<S> {
    /// Around the stream of a new connection.
    pub fn new(stream: S) -> (Self, Arc<Verdict>) {
        let verdict = Arc::<Verdict>::default();
        let strict = Self {
            stream,
            input: BytesMut::new(),
            seen: 0,
            expected: Expected::Head,
            requests: 0,
            verdict: Arc::clone(&verdict),
            drain: None,
        };
        (strict, verdict)
    }
}

impl<S: AsyncRead + Unpin> Strict<S> {
    /// Takes another piece from the client; how many bytes, 0 at the end of the stream.
    fn poll_take(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [0; PIECE];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut piece))?;
        self.input.extend_from_slice(piece.filled());
        Poll::Ready(Ok(piece.filled().len()))
    }

    /// Looks at the head at the beginning of the input; whether there is a whole one, good or bad.
    fn vet(&mut self) -> bool {
        // Empty lines in front of a request are left over from the body before it.
        while self.input.starts_with(b"\r\n") {
            self.input.advance(2);
            self.seen = 0;
        }
        match head::read(&self.input, self.seen) {
            Ok(None) => {
                self.seen = self.input.len();
                return false;
            }
            Ok(Some(head)) => {
                self.requests += 1;
                self.expected = match head.body {
                    Body::Length(body) => Expected::Bytes(body.saturating_add(head.length as u64)),
                    Body::Chunked => Expected::Rest,
                };
            }
            Err(refused) => self.refuse(&refused),
        }
        self.seen = 0;
        true
    }

    fn refuse(&mut self, Refused { refusal, method, target }: &Refused) {
        // The first refusal is the last request.
        let _first = self.verdict.refused.set((self.requests, *refusal));
        let head =
            format!("{method} {target} HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n");
        self.input = BytesMut::from(head.as_bytes());
        self.expected = Expected::End;
    }

    /// How many bytes of the input may pass.
    fn passing(&self) -> usize {
        match self.expected {
            Expected::Head => 0,
            Expected::Bytes(bytes) => {
                usize::try_from(bytes).unwrap_or(usize::MAX).min(self.input.len())
            }
            Expected::Rest | Expected::End => self.input.len(),
        }
    }

    /// Passes on what may pass; whether that was anything.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let length = self.passing().min(buffer.remaining());
        buffer.put_slice(&self.input[..length]);
        self.input.advance(length);
        // Idle connections hold no memory here.
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
        if let Expected::Bytes(left) = &mut self.expected {
            *left -= length as u64;
            if *left == 0 {
                self.expected = Expected::Head;
            }
        }
        length > 0
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.pass(buffer) && buffer.remaining() > 0 {
            // Not the end of the stream, which would mean that nobody waits for the answer.
            if self.expected == Expected::End {
                return Poll::Pending;
            }
            if self.expected == Expected::Head && !self.input.is_empty() && self.vet() {
                continue;
            }
            if ready!(self.poll_take(context))? == 0 {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Strict<S> {
    /// Takes and drops what a client still sends that was answered before it had ended.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (time, bytes) = DRAIN;
        loop {
            let drain = self
                .drain
                .get_or_insert_with(|| Drain { until: Box::pin(sleep(time)), left: bytes });
            if drain.left == 0 || drain.until.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            match ready!(self.poll_take(context)) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(taken) => {
                    self.input.clear();
                    if let Some(drain) = &mut self.drain {
                        drain.left = drain.left.saturating_sub(taken as u64);
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.drain.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.expected != Expected::Head {
            ready!(self.poll_drain(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// What passes of these bytes, in pieces of this size, and which request was refused.
    async fn pass(bytes: &[u8], piece: usize) -> (String, Option<u64>) {
        let (mut client, server) = duplex(64 * 1024);
        let (mut server, verdict) = Strict::new(server);
        let mut passed = Vec::new();
        for piece in bytes.chunks(piece) {
            client.write_all(piece).await.unwrap();
            while let Some(read) = server.read_buf(&mut passed).now_or_never() {
                assert!(read.unwrap() > 0, "the stream ended");
            }
        }
        let refused = verdict.refused.get().map(|(number, _)| *number);
        (String::from_utf8(passed).unwrap(), refused)
    }

    const GOOD: &str = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n\n\n\r\n\r\nabc";
    const CHUNKED: &str =
        "POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    const BOTH: &str =
        "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[tokio::test]
    async fn good_requests_pass_unchanged_whatever_their_bodies_look_like() {
        let requests = [GOOD, GOOD, CHUNKED].concat();
        for piece in [1, 7, 1024] {
            assert_eq!(pass(requests.as_bytes(), piece).await, (requests.clone(), None));
        }
    }

    #[tokio::test]
    async fn a_bad_request_becomes_one_to_refuse_and_nothing_follows_it() {
        let requests = [GOOD, BOTH, GOOD].concat();
        for piece in [1, 7, 1024] {
            let (passed, refused) = pass(requests.as_bytes(), piece).await;
            let expected = "POST /c HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";
            assert_eq!(passed, format!("{GOOD}{expected}"));
            assert_eq!(refused, Some(1));
        }
    }

    #[tokio::test]
    async fn a_head_that_never_ends_is_refused_at_its_limit() {
        let endless = vec![b'a'; head::MAX_HEAD + PIECE];
        let (passed, refused) = pass(&endless, 1024).await;
        assert!(passed.starts_with("GET * HTTP/1.1\r\n"), "{passed}");
        assert_eq!(refused, Some(0));
    }
}
