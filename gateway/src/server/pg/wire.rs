//! A connection's bytes: a socket, what came in and is not read yet, what goes out and is not sent yet. No meaning.
//!
//! Every waiting function here may be dropped at any point without losing a byte, so that callers can `select!` over it.

use super::frontend::{Phase, check_header};
use crate::error::Error;
use bytes::{Buf, Bytes, BytesMut};
use pgwire::messages::Message;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Bytes to gather before they are sent.
pub(super) const FLUSH_AT: usize = 64 * 1024;
/// Bytes to take in ahead of their turn while a statement runs; beyond it the client has to wait.
const READ_AHEAD: usize = 64 * 1024;
/// A buffer that grew beyond this for one large message or row is given back.
const KEEP: usize = 1024 * 1024;

/// What a connection runs over: TCP, or TLS over it.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Socket for T {}

/// Why no message came.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The client is gone.
    Gone(io::Error),
    /// The client broke the framing: tell it, then close.
    Protocol(Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// One connection's socket and buffers.
pub(super) struct Wire {
    socket: Box<dyn Socket>,
    input: BytesMut,
    /// What is to be sent; call [`flush`](Self::flush) when it is over [`FLUSH_AT`] or the client waits for it.
    pub(super) out: BytesMut,
}

impl Wire {
    pub(super) fn new(socket: Box<dyn Socket>) -> Self {
        Self { socket, input: BytesMut::new(), out: BytesMut::new() }
    }

    /// The next message's type and body; `None` when the client closed the connection between two messages.
    pub(super) async fn read(&mut self, phase: Phase) -> Result<Option<(u8, Bytes)>, ReadError> {
        loop {
            if let Some(header) = self.input.first_chunk::<5>() {
                let (kind, length) = check_header(phase, *header).map_err(ReadError::Protocol)?;
                if self.input.len() >= 5 + length {
                    self.input.advance(5);
                    return Ok(Some((kind, self.take(length))));
                }
            }
            if self.fill().await? == 0 {
                return if self.input.is_empty() { Ok(None) } else { Err(cut_off().into()) };
            }
        }
    }

    /// The next message of the start, which has no type: its body. Reads not a byte beyond it.
    pub(super) async fn read_untyped(&mut self, limit: usize) -> Result<Option<Bytes>, ReadError> {
        use super::frontend::violation;
        loop {
            if let Some(header) = self.input.first_chunk::<4>() {
                let length = usize::try_from(i32::from_be_bytes(*header)).unwrap_or(0);
                // The code that follows is always there.
                if length < 8 || length > limit {
                    return Err(ReadError::Protocol(violation("invalid length of startup packet")));
                }
                if self.input.len() >= length {
                    self.input.advance(4);
                    return Ok(Some(self.take(length - 4)));
                }
            }
            if self.fill().await? == 0 {
                return if self.input.is_empty() { Ok(None) } else { Err(cut_off().into()) };
            }
        }
    }

    fn take(&mut self, length: usize) -> Bytes {
        let taken = self.input.split_to(length).freeze();
        if self.input.is_empty() {
            // The bytes taken keep the old block alive only as long as they are used.
            self.input = BytesMut::new();
        }
        taken
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.input.reserve(8 * 1024);
        self.socket.read_buf(&mut self.input).await
    }

    /// Is there something that the client sent already?
    pub(super) fn has_input(&self) -> bool {
        !self.input.is_empty()
    }

    /// Gives the socket back, for TLS to take over; `None` when bytes came that nobody asked for yet.
    pub(super) fn into_socket(self) -> Option<Box<dyn Socket>> {
        if self.input.is_empty() { Some(self.socket) } else { None }
    }

    /// Returns when the client is gone. What it sends in the meantime is kept for later.
    pub(super) async fn gone(&mut self) {
        while self.input.len() < READ_AHEAD {
            match self.fill().await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Adds a message to what is to be sent.
    pub(super) fn put<M: Message>(&mut self, message: &M) {
        let start = self.out.len();
        if let Err(error) = message.encode(&mut self.out) {
            // Longer than the protocol's own limits; nothing of it may stay behind.
            self.out.truncate(start);
            tracing::error!(%error, "a message for a client was left out");
        }
    }

    /// Adds what `write` writes to what is to be sent: all of it, or nothing when it fails or panics.
    pub(super) fn append<E>(&mut self, write: impl FnOnce(&mut BytesMut) -> Result<(), E>) -> Result<(), E> {
        struct Whole<'a> {
            out: &'a mut BytesMut,
            end: usize,
        }
        impl Drop for Whole<'_> {
            fn drop(&mut self) {
                self.out.truncate(self.end);
            }
        }
        let end = self.out.len();
        let mut whole = Whole { out: &mut self.out, end };
        write(whole.out)?;
        whole.end = whole.out.len();
        Ok(())
    }

    /// Sends all there is, waiting as long as the client does not take it.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.out.is_empty() {
            let sent = self.socket.write(&self.out).await?;
            if sent == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.out.advance(sent);
        }
        if self.out.capacity() > KEEP {
            self.out = BytesMut::new();
        }
        self.socket.flush().await
    }

    /// Sends what there is and says goodbye.
    pub(super) async fn close(mut self) {
        if self.flush().await.is_ok() {
            let _ = self.socket.shutdown().await;
        }
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended inside a message")
}
