//! What a client may send: frames by type, length and phase, then bodies read with checked bounds.
//!
//! The bodies are read here and not by pgwire's decoder, because that one (0.42.1) panics on a body that ends too early
//! (`Buf::get_*`, `split_to`), takes a text without its terminator for an empty one, and replaces invalid UTF-8.

use crate::error::{Error, ErrorCode, Result};
use bytes::{Buf, Bytes};

/// The most that a client may make us hold before we know who it is, and for every message that carries only names.
pub(super) const SMALL_MESSAGE: usize = 64 * 1024;

/// What may come at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Answers to an authentication request.
    Login,
    /// Everything else, the large ones up to this many bytes.
    Session {
        /// Limit of Query, Parse, Bind and the like.
        max_message: usize,
    },
}

impl Phase {
    /// The most bytes a message of this type may have; `None` when it may not come at all.
    fn limit(self, kind: u8) -> Option<usize> {
        match (self, kind) {
            (Self::Login, b'p') => Some(SMALL_MESSAGE),
            (Self::Session { max_message }, b'Q' | b'P' | b'B' | b'F' | b'd') => Some(max_message.max(SMALL_MESSAGE)),
            (Self::Session { .. }, b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f') => Some(SMALL_MESSAGE),
            _ => None,
        }
    }
}

/// Checks a message's five-byte header; gives its type and the length of its body.
///
/// # Errors
/// `ProtocolViolation`, after which the stream of bytes can't be trusted any more.
pub(super) fn check_header(phase: Phase, header: [u8; 5]) -> Result<(u8, usize)> {
    let [kind, length @ ..] = header;
    let length = i32::from_be_bytes(length);
    let Some(limit) = phase.limit(kind) else {
        let shown = if kind.is_ascii_graphic() { char::from(kind).to_string() } else { kind.to_string() };
        let what = if phase == Phase::Login { "expected a password response, got" } else { "invalid frontend" };
        return Err(violation(format!("{what} message type {shown}")));
    };
    match usize::try_from(length).ok().and_then(|length| length.checked_sub(4)) {
        Some(body) if body <= limit => Ok((kind, body)),
        Some(body) => Err(violation(format!("message of {body} bytes is over the limit of {limit}"))),
        None => Err(violation(format!("invalid message length {length}"))),
    }
}

/// A message of a logged-in client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Query(String),
    Parse {
        name: String,
        sql: String,
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target),
    Execute {
        portal: String,
        max_rows: i32,
    },
    Close(Target),
    Flush,
    Sync,
    Terminate,
    /// Part of a COPY that does not run (any more): PostgreSQL ignores it.
    Copy,
    /// The function call of protocol 2, which nobody needs.
    FunctionCall,
}

/// Bind's body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bind {
    pub(super) portal: String,
    pub(super) statement: String,
    pub(super) parameter_formats: Vec<i16>,
    pub(super) parameters: Vec<Option<Bytes>>,
    pub(super) result_formats: Vec<i16>,
}

/// What Describe and Close speak of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Statement(String),
    Portal(String),
}

impl Message {
    /// Is it answered as part of a group that ends with Sync?
    pub(super) fn is_extended(kind: u8) -> bool {
        matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H')
    }

    /// Reads a body whose header was checked.
    ///
    /// # Errors
    /// `ProtocolViolation` for a body that does not end where it should; the next message is still found.
    pub(super) fn decode(kind: u8, body: Bytes) -> Result<Self> {
        let mut body = Body(body);
        let message = match kind {
            b'Q' => Self::Query(body.text()?),
            b'P' => {
                Self::Parse { name: body.text()?, sql: body.text()?, types: body.list(4, |rest| Ok(rest.0.get_u32()))? }
            }
            b'B' => Self::Bind(Bind {
                portal: body.text()?,
                statement: body.text()?,
                parameter_formats: body.list(2, |rest| Ok(rest.0.get_i16()))?,
                parameters: body.list(4, Body::parameter)?,
                result_formats: body.list(2, |rest| Ok(rest.0.get_i16()))?,
            }),
            b'D' => Self::Describe(body.target()?),
            b'C' => Self::Close(body.target()?),
            b'E' => Self::Execute { portal: body.text()?, max_rows: body.integer()? },
            b'H' => Self::Flush,
            b'S' => Self::Sync,
            b'X' => Self::Terminate,
            b'F' => return Ok(Self::FunctionCall),
            _ => return Ok(Self::Copy),
        };
        if body.0.has_remaining() { Err(violation("invalid message format")) } else { Ok(message) }
    }
}

/// What is left of a body.
pub(super) struct Body(pub(super) Bytes);

impl Body {
    /// A zero-terminated text.
    pub(super) fn text(&mut self) -> Result<String> {
        let end = self.0.iter().position(|&byte| byte == 0).ok_or_else(|| violation("invalid string in message"))?;
        let text = self.0.split_to(end);
        self.0.advance(1);
        let text = std::str::from_utf8(&text).map_err(|_| {
            Error::new(ErrorCode::InvalidTextRepresentation, "invalid byte sequence for encoding \"UTF8\"")
        })?;
        Ok(text.to_owned())
    }

    fn need(&self, bytes: usize) -> Result<()> {
        if self.0.remaining() >= bytes { Ok(()) } else { Err(violation("insufficient data left in message")) }
    }

    /// A signed 32-bit number.
    pub(super) fn integer(&mut self) -> Result<i32> {
        self.need(4)?;
        Ok(self.0.get_i32())
    }

    /// So many bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Result<Bytes> {
        self.need(length)?;
        Ok(self.0.split_to(length))
    }

    /// A 16-bit count and so many items of at least `size` bytes each.
    fn list<T>(&mut self, size: usize, item: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.need(2)?;
        let count = usize::from(self.0.get_u16());
        self.need(count * size)?;
        (0..count).map(|_| item(self)).collect()
    }

    /// A length (-1 for NULL) and so many bytes.
    fn parameter(&mut self) -> Result<Option<Bytes>> {
        match self.integer()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| violation("invalid parameter length"))?;
                self.bytes(length).map(Some)
            }
        }
    }

    fn target(&mut self) -> Result<Target> {
        self.need(1)?;
        match self.0.get_u8() {
            b'S' => Ok(Target::Statement(self.text()?)),
            b'P' => Ok(Target::Portal(self.text()?)),
            other => Err(violation(format!("invalid message subtype {other}"))),
        }
    }
}

/// The client broke the protocol.
pub(super) fn violation(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::ProtocolViolation, message)
}

#[cfg(test)]
#[path = "frontend_tests.rs"]
mod tests;
