//! A PostgreSQL client of bytes: it sends what a test tells it, right or wrong, and takes messages apart.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Protocol 3.0.
pub const PROTOCOL_3_0: i32 = 3 << 16;
/// Protocol 3.2.
pub const PROTOCOL_3_2: i32 = 3 << 16 | 2;
/// The code of an SSLRequest.
pub const SSL_REQUEST: i32 = 80_877_103;
/// The code of a CancelRequest.
pub const CANCEL_REQUEST: i32 = 80_877_102;

/// An answer that takes longer than this is none.
const PATIENCE: Duration = Duration::from_secs(60);

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// A connection.
pub struct PgWire {
    socket: Box<dyn Socket>,
    input: BytesMut,
}

impl std::fmt::Debug for PgWire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PgWire")
    }
}

/// One message of the server.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its type.
    pub kind: u8,
    /// What follows the length.
    pub body: Bytes,
}

/// What a server says at the end of a login.
#[derive(Debug, Clone, Default)]
pub struct Greeting {
    /// For cancel requests.
    pub process_id: i32,
    /// For cancel requests.
    pub secret: Bytes,
    /// The version that was settled, if the server said one, and the options it does not know.
    pub negotiated: Option<(i32, Vec<String>)>,
}

impl Reply {
    /// A field of an ErrorResponse or NoticeResponse.
    #[must_use]
    pub fn field(&self, code: u8) -> Option<String> {
        let mut fields = self.body.split(|byte| *byte == 0);
        let field = fields.find(|field| field.first() == Some(&code))?;
        Some(String::from_utf8_lossy(&field[1..]).into_owned())
    }

    /// An error's SQLSTATE.
    #[must_use]
    pub fn sqlstate(&self) -> Option<String> {
        matches!(self.kind, b'E' | b'N').then(|| self.field(b'C'))?
    }

    /// The values of a DataRow in text form.
    #[must_use]
    pub fn row(&self) -> Vec<Option<String>> {
        let mut body = self.body.clone();
        let columns = body.get_u16();
        let value = |_| match usize::try_from(body.get_i32()) {
            Ok(length) => Some(String::from_utf8_lossy(&body.split_to(length)).into_owned()),
            Err(_) => None,
        };
        (0..columns).map(value).collect()
    }
}

/// A message without a type: a length and the rest.
#[must_use]
pub fn untyped(body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(body.len() + 4);
    message.put_i32(i32::try_from(body.len() + 4).expect("a small message"));
    message.extend_from_slice(body);
    message
}

/// A message.
#[must_use]
pub fn typed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend_from_slice(&untyped(body));
    message
}

/// Texts, each with its zero.
#[must_use]
pub fn texts(texts: &[&str]) -> Vec<u8> {
    texts.iter().flat_map(|text| text.bytes().chain([0])).collect()
}

/// A start-up packet.
#[must_use]
pub fn startup(version: i32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (name, value) in parameters {
        body.extend(texts(&[name, value]));
    }
    body.push(0);
    untyped(&body)
}

/// A CancelRequest.
#[must_use]
pub fn cancel_request(greeting: &Greeting) -> Vec<u8> {
    untyped(&[&CANCEL_REQUEST.to_be_bytes(), &greeting.process_id.to_be_bytes(), &greeting.secret[..]].concat())
}

/// A Query.
#[must_use]
pub fn query(sql: &str) -> Vec<u8> {
    typed(b'Q', &texts(&[sql]))
}

/// Parse without types, Bind without parameters, Execute of so many rows: of unnamed objects.
#[must_use]
pub fn execute(sql: &str, most: i32) -> Vec<u8> {
    let parse = typed(b'P', &[texts(&["", sql]), vec![0, 0]].concat());
    let bind = typed(b'B', &[texts(&["", ""]), vec![0; 6]].concat());
    let execute = typed(b'E', &[texts(&[""]), most.to_be_bytes().to_vec()].concat());
    [parse, bind, execute].concat()
}

/// The message that closes a group.
#[must_use]
pub fn sync() -> Vec<u8> {
    typed(b'S', &[])
}

impl PgWire {
    /// A connection over which nothing was said.
    pub async fn connect(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).await.expect("the door is open");
        Self { socket: Box::new(socket), input: BytesMut::new() }
    }

    /// The same that begins with TLS at once, or fails as the handshake does.
    pub async fn connect_tls(port: u16, config: rustls::ClientConfig) -> std::io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port)).await?;
        Self { socket: Box::new(socket), input: BytesMut::new() }.into_tls(config).await
    }

    /// Goes on inside TLS.
    pub async fn into_tls(self, config: rustls::ClientConfig) -> std::io::Result<Self> {
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a host name");
        let socket = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, self.socket).await?;
        Ok(Self { socket: Box::new(socket), input: BytesMut::new() })
    }

    /// Logs in with the password `demo` at a door with `login = "password"`.
    pub async fn login(port: u16, user: &str) -> (Self, Greeting) {
        let mut wire = Self::connect(port).await;
        let greeting = wire.enter(user, PROTOCOL_3_0, &[]).await.expect("the login succeeds");
        (wire, greeting)
    }

    /// The same over this connection; the error that refuses it.
    pub async fn enter(&mut self, user: &str, version: i32, more: &[(&str, &str)]) -> Result<Greeting, Reply> {
        let parameters = [&[("user", user), ("database", "tpch")], more].concat();
        self.send(&startup(version, &parameters)).await;
        let mut greeting = Greeting::default();
        loop {
            let mut reply = self.reply().await.expect("the server answers");
            match reply.kind {
                b'R' if reply.body.get_i32() == 3 => self.send(&typed(b'p', b"demo\0")).await,
                b'K' => {
                    greeting.process_id = reply.body.get_i32();
                    greeting.secret = reply.body;
                }
                b'v' => {
                    let version = reply.body.get_i32();
                    let count = reply.body.get_i32();
                    let names =
                        reply.body.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned());
                    let names = names.take(usize::try_from(count).expect("a count")).collect();
                    greeting.negotiated = Some((version, names));
                }
                b'Z' => return Ok(greeting),
                b'E' => return Err(reply),
                _ => {}
            }
        }
    }

    /// Sends bytes; a server that is gone does not mind.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = timeout(PATIENCE, self.socket.write_all(bytes)).await.expect("the server reads in time");
        let _ = self.socket.flush().await;
    }

    /// One byte that is no message: the answer to an SSLRequest.
    pub async fn byte(&mut self) -> Option<u8> {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.socket.read(&mut byte)).await.expect("the server answers in time");
        matches!(read, Ok(1)).then_some(byte[0])
    }

    /// The next message; `None` when the server closed the connection.
    pub async fn reply(&mut self) -> Option<Reply> {
        loop {
            if let Some(&[kind, a, b, c, d]) = self.input.first_chunk() {
                let length = usize::try_from(i32::from_be_bytes([a, b, c, d])).expect("a length") - 4;
                if self.input.len() >= 5 + length {
                    self.input.advance(5);
                    return Some(Reply { kind, body: self.input.split_to(length).freeze() });
                }
            }
            self.input.reserve(64 * 1024);
            let read = timeout(PATIENCE, self.socket.read_buf(&mut self.input)).await.expect("an answer in time");
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }

    /// All messages up to ReadyForQuery, or to the end of the connection; of rows only the first hundred.
    pub async fn until_ready(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        let mut rows = 0;
        while let Some(reply) = self.reply().await {
            rows += usize::from(reply.kind == b'D');
            let last = reply.kind == b'Z';
            if reply.kind != b'D' || rows <= 100 {
                replies.push(reply);
            }
            if last {
                break;
            }
        }
        replies
    }

    /// Runs a Query: its messages.
    pub async fn query(&mut self, sql: &str) -> Vec<Reply> {
        self.send(&query(sql)).await;
        self.until_ready().await
    }

    /// The only value of a Query's only row.
    pub async fn value(&mut self, sql: &str) -> String {
        let replies = self.query(sql).await;
        let row = replies.iter().find(|reply| reply.kind == b'D');
        row.unwrap_or_else(|| panic!("{sql} gave {replies:?}")).row().remove(0).expect("a value")
    }

    /// Reads to the end of the connection: the last error, if there was one.
    pub async fn last_error(&mut self) -> Option<Reply> {
        let mut last = None;
        while let Some(reply) = self.reply().await {
            if reply.kind == b'E' {
                last = Some(reply);
            }
        }
        last
    }
}

/// The types of messages, as one text.
#[must_use]
pub fn kinds(replies: &[Reply]) -> String {
    replies.iter().map(|reply| char::from(reply.kind)).collect()
}

/// The SQLSTATEs of errors.
#[must_use]
pub fn sqlstates(replies: &[Reply]) -> Vec<String> {
    replies.iter().filter(|reply| reply.kind == b'E').filter_map(Reply::sqlstate).collect()
}
