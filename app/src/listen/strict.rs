//! A stream that lets only requests through whose head reads one way. At the first of another kind it
//! ends, for the server as if the client had: but not before the requests in front of it are answered, and
//! their answers sent. When the server then shuts the stream down, the refusal is written, and what the
//! client still sends is dropped.
//!
//! A client that ends its side together with its request still reads: that end is held back from the server,
//! which would give up the answer, until that is sent. Not for an event stream, which would go on for nobody. An
//! end that comes later is of a client that waited and gave up.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::answering::Answering;
use super::head::{self, Body, Refused};

/// Maximum number of bytes read from the client at once.
const PIECE: usize = 8 * 1024;
/// What a client still sends after it was refused is taken and dropped for this long, and to this
/// many bytes: closing at once would reset the connection, and with it the answer on its way.
const DRAIN: (Duration, u64) = (Duration::from_secs(2), 16 * 1024 * 1024);

/// An end this soon behind the last byte of a request came with it.
const TOGETHER: Duration = Duration::from_millis(100);

/// Makes the bytes that answer a refused request.
pub type Refuse = Box<dyn FnOnce(Box<Refused>) -> BoxFuture<'static, Bytes> + Send>;

/// The stream.
pub struct Strict<S> {
    stream: S,
    /// Bytes read from the client but not yet passed on.
    input: BytesMut,
    /// Bytes of the input that are known to hold no end of a head.
    seen: usize,
    expected: Expected,
    answering: Answering,
    /// Whether everything that was let through has its answer, sent to the last byte.
    is_settled: bool,
    /// Who waits for that.
    reader: Option<Waker>,
    /// The last bytes of a body in chunks, which tell whether it is whole.
    chunks_end: [u8; 5],
    /// When bytes of the client were passed on last.
    passed: Instant,
    /// Whether the client ended its side with its request, and still reads.
    is_reader: bool,
    refused: Option<Box<Refused>>,
    refuse: Option<Refuse>,
    /// The answer to the refused request in the making, and what is not yet written of it.
    refusal: Option<BoxFuture<'static, Bytes>>,
    output: Bytes,
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
    /// Nothing that is let through: a request was refused.
    End,
}

struct Drain {
    until: Pin<Box<Sleep>>,
    left: u64,
}

impl<S> Strict<S> {
    /// Around the stream of a new connection. The bodies of its answers have to come from `answering`.
    pub fn new(stream: S, answering: Answering, refuse: Refuse) -> Self {
        Self {
            stream,
            input: BytesMut::new(),
            seen: 0,
            expected: Expected::Head,
            answering,
            is_settled: true,
            reader: None,
            chunks_end: [0; 5],
            passed: Instant::now(),
            is_reader: false,
            refused: None,
            refuse: Some(refuse),
            refusal: None,
            output: Bytes::new(),
            drain: None,
        }
    }

    /// The end of the stream, once the server is idle: in the middle of an answer it would mean that
    /// nobody waits for it. From here on the server closes, and the refusal may be written.
    fn poll_end(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_settled {
            self.reader = Some(context.waker().clone());
            return Poll::Pending;
        }
        if let Some((refuse, refused)) = self.refuse.take().zip(self.refused.take()) {
            self.refusal = Some(refuse(refused));
        }
        Poll::Ready(Ok(()))
    }

    /// The end of the client: at once in the middle of a request or when it gave up, else once it is answered.
    fn poll_client_end(&mut self, context: &Context<'_>) -> Poll<io::Result<()>> {
        let is_whole = match self.expected {
            Expected::Head => self.input.is_empty(),
            Expected::Rest => self.chunks_end == *b"0\r\n\r\n",
            Expected::Bytes(_) | Expected::End => false,
        };
        self.is_reader |= self.passed.elapsed() < TOGETHER;
        if !is_whole || self.is_settled || self.answering.is_endless() || !self.is_reader {
            return Poll::Ready(Ok(()));
        }
        self.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// The server has written all it had; whether that was the whole answer.
    fn settle(&mut self) {
        self.is_settled = !self.answering.is_on();
        if (self.is_settled || self.answering.is_endless())
            && let Some(reader) = self.reader.take()
        {
            reader.wake();
        }
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
                self.answering.begin();
                self.is_settled = false;
                self.expected = match head.body {
                    Body::Length(body) => Expected::Bytes(body.saturating_add(head.length as u64)),
                    Body::Chunked => Expected::Rest,
                };
            }
            Err(refused) => {
                self.refused = Some(refused);
                self.expected = Expected::End;
            }
        }
        self.seen = 0;
        true
    }

    /// Number of input bytes that may be passed on.
    fn passing(&self) -> usize {
        match self.expected {
            Expected::Head | Expected::End => 0,
            Expected::Bytes(bytes) => {
                usize::try_from(bytes).unwrap_or(usize::MAX).min(self.input.len())
            }
            Expected::Rest => self.input.len(),
        }
    }

    /// Passes on what may pass; whether that was anything.
    fn pass(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let length = self.passing().min(buffer.remaining());
        buffer.put_slice(&self.input[..length]);
        if length > 0 {
            self.passed = Instant::now();
        }
        if self.expected == Expected::Rest {
            for byte in &self.input[length.saturating_sub(5)..length] {
                self.chunks_end.rotate_left(1);
                self.chunks_end[4] = *byte;
            }
        }
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
            if self.expected == Expected::End {
                return self.poll_end(context);
            }
            if self.expected == Expected::Head && !self.input.is_empty() && self.vet() {
                continue;
            }
            if ready!(self.poll_take(context))? == 0 {
                return self.poll_client_end(context);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Strict<S> {
    /// Writes the refusal, if there is one.
    fn poll_refuse(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(refusal) = &mut self.refusal {
            self.output = ready!(refusal.as_mut().poll(context));
            self.refusal = None;
        }
        while !self.output.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.output))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.output.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }

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
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.settle();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.drain.is_none() {
            ready!(self.poll_refuse(context))?;
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
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    /// A stream whose refusals are the target of the request.
    fn strict(server: DuplexStream) -> (Strict<DuplexStream>, Answering) {
        let answering = Answering::default();
        let refuse = |refused: Box<Refused>| {
            async move { Bytes::from(format!("refused {}", refused.target)) }.boxed()
        };
        (Strict::new(server, answering.clone(), Box::new(refuse)), answering)
    }

    /// What a server reads of these bytes, sent in pieces of this size, and whether the stream ends. The
    /// requests of which there are as many are answered before that.
    async fn pass(bytes: &[u8], piece: usize, requests: usize) -> (String, bool) {
        let (mut client, server) = duplex(64 * 1024);
        let (mut server, answering) = strict(server);
        let mut passed = Vec::new();
        for piece in bytes.chunks(piece) {
            client.write_all(piece).await.unwrap();
            while let Some(read) = server.read_buf(&mut passed).now_or_never() {
                if read.unwrap() == 0 {
                    return (String::from_utf8(passed).unwrap(), true);
                }
            }
        }
        for _ in 0..requests {
            assert!(server.read_u8().now_or_never().is_none(), "a request has no answer");
            drop(answering.body(axum::body::Body::empty()));
            server.flush().await.unwrap();
        }
        let has_ended = server.read_u8().now_or_never().is_some();
        (String::from_utf8(passed).unwrap(), has_ended)
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
            assert_eq!(pass(requests.as_bytes(), piece, 3).await, (requests.clone(), false));
        }
    }

    #[tokio::test]
    async fn the_stream_ends_before_a_bad_request() {
        let requests = [GOOD, GOOD, BOTH, GOOD].concat();
        for piece in [1, 7, 1024] {
            let passed = pass(requests.as_bytes(), piece, 2).await;
            assert_eq!(passed, ([GOOD, GOOD].concat(), true));
        }
    }

    #[tokio::test]
    async fn the_stream_ends_at_the_limit_of_a_head_that_never_does() {
        let endless = vec![b'a'; head::MAX_HEAD + PIECE];
        assert_eq!(pass(&endless, 1024, 0).await, (String::new(), true));
    }

    #[tokio::test]
    async fn a_refusal_waits_for_the_answer_in_front_of_it() {
        let (mut client, server) = duplex(64 * 1024);
        let (mut server, answering) = strict(server);
        client.write_all([GOOD, BOTH].concat().as_bytes()).await.unwrap();
        let mut passed = [0; GOOD.len()];
        server.read_exact(&mut passed).await.unwrap();

        let mut body = answering.body("the answer".into());
        assert!(server.read_u8().now_or_never().is_none(), "it ends under the answer");
        let part = body.frame().await.unwrap().unwrap().into_data().unwrap();
        server.write_all(&part).await.unwrap();
        server.flush().await.unwrap();
        assert!(server.read_u8().now_or_never().is_none(), "it ends before the end of the answer");
        drop(body);
        assert!(server.read_u8().now_or_never().is_none(), "it ends before the answer is sent");
        server.flush().await.unwrap();
        assert!(server.read_u8().await.is_err(), "it does not end");

        let mut seen = vec![0; b"the answerrefused /c".len()];
        let (read, ended) = tokio::join!(client.read_exact(&mut seen), server.shutdown());
        read.unwrap();
        ended.unwrap();
        assert_eq!(seen, b"the answerrefused /c");
    }

    #[tokio::test]
    async fn a_server_that_closes_by_itself_refuses_nothing() {
        let (mut client, server) = duplex(64 * 1024);
        let (mut server, _answering) = strict(server);
        client.write_all([GOOD, BOTH].concat().as_bytes()).await.unwrap();
        let mut passed = [0; GOOD.len()];
        server.read_exact(&mut passed).await.unwrap();
        assert!(server.read_u8().now_or_never().is_none());
        client.shutdown().await.unwrap();
        server.shutdown().await.unwrap();
        drop(server);
        let mut seen = Vec::new();
        client.read_to_end(&mut seen).await.unwrap();
        assert_eq!(seen, b"");
    }
}
