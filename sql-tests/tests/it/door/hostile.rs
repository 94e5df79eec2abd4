//! Bytes that no client should send, drawn from a seed. The connection dies, the server lives, memory stays.
//!
//! `NARU_HOSTILE_ROUNDS` draws more of them (`make test-heavy`), `NARU_HOSTILE_SEED` others; a failure names its seed.

use super::{configuration, serve};
use naru_sql_tests::naru::Naru;
use naru_sql_tests::pg_wire::{
    PROTOCOL_3_0, PgWire, cancel_request, execute, query, startup, sync, texts, typed, untyped,
};
use naru_sql_tests::vitals::eventually;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(30);
/// Growth of the resident memory that says nothing: buffers and an allocator's habits.
const KEPT_MEMORY: u64 = 128 << 20;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

/// A small generator (splitmix64): the same seed draws the same bytes everywhere.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// What somebody may say before anybody knows them.
fn before_login(draw: &mut Draw) -> Vec<Vec<u8>> {
    let packet = startup(PROTOCOL_3_0, &[("user", "bob"), ("database", "tpch"), ("options", "-c TimeZone=UTC")]);
    let sasl = typed(b'p', &[texts(&["SCRAM-SHA-256"]), vec![0, 0, 0, 9], b"n,,n=,r=x".to_vec()].concat());
    let all = [
        vec![packet.clone(), typed(b'p', b"demo\0")],
        vec![packet.clone(), sasl],
        vec![untyped(&80_877_103_i32.to_be_bytes()), packet.clone()],
        vec![untyped(&80_877_104_i32.to_be_bytes()), packet.clone()],
        vec![untyped(&[&80_877_102_i32.to_be_bytes()[..], &[0, 0, 0, 1, 1, 2, 3, 4]].concat())],
        vec![packet, query("select 1")],
        vec![b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), draw.bytes(200)],
    ];
    draw.of(&all).clone()
}

/// What somebody may say who is logged in.
fn after_login(draw: &mut Draw) -> Vec<Vec<u8>> {
    let formats = [texts(&["", "s"]), vec![0, 2, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, b'5', 0, 1, 0, 1]].concat();
    let parse = typed(b'P', &[texts(&["s", "select $1::int, 'x' from nation"]), vec![0, 1, 0, 0, 0, 23]].concat());
    let all = [
        vec![query("select n_name from nation")],
        vec![parse, typed(b'D', b"Ss\0"), typed(b'B', &formats), typed(b'E', &[0, 0, 0, 0, 2]), sync()],
        vec![execute("select l_orderkey from lineitem", 3), typed(b'E', &[0, 0xff, 0xff, 0xff, 0xff]), sync()],
        vec![execute("select 1", i32::MAX), typed(b'C', b"Snothing\0"), typed(b'H', &[]), sync()],
        vec![typed(b'd', b"rows"), typed(b'c', &[]), typed(b'f', b"no\0"), query("copy nation to stdout"), sync()],
        vec![typed(b'F', &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]), sync(), query(";;;/* */"), query("begin;select 1;commit")],
    ];
    draw.of(&all).clone()
}

const NUMBERS: [i32; 12] = [0, -1, 1, 3, 4, 5, i32::MIN, i32::MAX, i32::MAX - 4, 1 << 30, 65_536, -2_000_000_000];

/// Breaks a message, or a whole conversation, in one to four places.
fn mutated(draw: &mut Draw, mut messages: Vec<Vec<u8>>) -> Vec<u8> {
    for _ in 0..=draw.below(4) {
        let index = draw.below(messages.len());
        let length = messages[index].len();
        match draw.below(9) {
            // A length, the message's own or one inside, that is negative, giant, or off by a little.
            0 | 1 if length >= 4 => {
                let at = if draw.below(2) == 0 { length.min(5) - 4 } else { draw.below(length - 3) };
                let number = draw.of(&NUMBERS).to_be_bytes();
                messages[index][at..at + 4].copy_from_slice(&number);
            }
            2 if length > 0 => {
                let at = draw.below(length);
                messages[index][at] ^= 1 << draw.below(8);
            }
            3 => messages[index].truncate(draw.below(length + 1)),
            4 => {
                let at = draw.below(length + 1);
                let count = draw.below(64);
                let more = draw.bytes(count);
                messages[index].splice(at..at, more);
            }
            5 => messages.insert(index, messages[index].clone()),
            6 if messages.len() > 1 => drop(messages.remove(index)),
            7 => {
                let count = 1 + draw.below(300);
                messages.insert(index, draw.bytes(count));
            }
            _ => {
                let (kind, count) = (draw.next() as u8, draw.below(40));
                let body = draw.bytes(count);
                messages.insert(index, typed(kind, &body));
            }
        }
    }
    messages.concat()
}

/// Says it, hangs up the sending half, and listens until the server hangs up too.
async fn say(mut socket: TcpStream, bytes: &[u8]) {
    let talk = async {
        let _ = socket.write_all(bytes).await;
        let _ = socket.shutdown().await;
        let mut sink = vec![0; 64 * 1024];
        while matches!(socket.read(&mut sink).await, Ok(1..)) {}
    };
    timeout(PATIENCE, talk).await.expect("the server hangs up");
}

async fn logged_in(port: u16) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let packet = startup(PROTOCOL_3_0, &[("user", "alice"), ("database", "tpch")]);
    socket.write_all(&[packet, typed(b'p', b"demo\0")].concat()).await.unwrap();
    // ReadyForQuery is the last thing said.
    let mut heard = Vec::new();
    while !heard.ends_with(&[b'Z', 0, 0, 0, 5, b'I']) {
        assert!(timeout(PATIENCE, socket.read_buf(&mut heard)).await.unwrap().unwrap() > 0, "refused");
    }
    socket
}

async fn lives(naru: &Naru) {
    let (mut wire, _) = PgWire::login(naru.pg(), "bob").await;
    assert_eq!(wire.value("select count(*) from nation").await, "25");
}

#[tokio::test(flavor = "multi_thread")]
async fn mutated_conversations_end_their_connection_only() {
    let (rounds, seed) = (setting("NARU_HOSTILE_ROUNDS", 300), setting("NARU_HOSTILE_SEED", 1));
    let naru = serve(
        &configuration().with("postgresql", "startup_timeout = \"5s\"").with("limits", "statement_timeout = \"5s\""),
    );
    lives(&naru).await;
    let (mut witness, _) = PgWire::login(naru.pg(), "alice").await;
    let (descriptors, resident) = (naru.descriptors(), naru.resident());
    for round in 0..rounds {
        let round_seed = seed.wrapping_mul(1_000_003).wrapping_add(round);
        let mut draw = Draw(round_seed);
        let talk = async {
            if draw.below(2) == 0 {
                let conversation = before_login(&mut draw);
                let bytes = mutated(&mut draw, conversation);
                say(TcpStream::connect(("127.0.0.1", naru.pg())).await.unwrap(), &bytes).await;
            } else {
                let conversation = after_login(&mut draw);
                let bytes = mutated(&mut draw, conversation);
                say(logged_in(naru.pg()).await, &bytes).await;
            }
            assert_eq!(witness.value("select 1").await, "1");
        };
        let done = futures::FutureExt::catch_unwind(AssertUnwindSafe(talk)).await;
        assert!(done.is_ok(), "NARU_HOSTILE_SEED={seed}: round {round}");
    }
    lives(&naru).await;
    eventually("descriptors return", PATIENCE, async || naru.descriptors() <= descriptors + 8).await;
    let now = naru.resident();
    assert!(now < resident + KEPT_MEMORY, "resident memory went from {resident} to {now} bytes (seed {seed})");
    let output = naru.process().output();
    assert!(!output.contains("panicked"), "seed {seed}: {output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_and_half_open_connections_leave_room_for_others() {
    let naru = serve(&configuration().with("postgresql", "startup_timeout = \"2s\"\nmax_connections = 20"));
    lives(&naru).await;
    let (descriptors, resident) = (naru.descriptors(), naru.resident());
    // More sockets than are heard at all, all silent: they are gone after the time limit of the login.
    let mut silent = Vec::new();
    for _ in 0..250 {
        silent.push(TcpStream::connect(("127.0.0.1", naru.pg())).await.unwrap());
    }
    eventually("the silent ones are dropped", PATIENCE, async || naru.descriptors() <= descriptors + 8).await;
    lives(&naru).await;
    drop(silent);
    // A logged-in client that asks much and reads nothing waits, and the server keeps little of it.
    let mut deaf = logged_in(naru.pg()).await;
    let flood = query("select repeat('x', 1000) from lineitem").repeat(2_000);
    let sent = timeout(Duration::from_secs(3), deaf.write_all(&flood)).await;
    let cancel_flood = cancel_request(&naru_sql_tests::pg_wire::Greeting::default());
    for _ in 0..200 {
        say(TcpStream::connect(("127.0.0.1", naru.pg())).await.unwrap(), &cancel_flood).await;
    }
    assert!(naru.resident() < resident + KEPT_MEMORY, "{resident} -> {} (taken: {sent:?})", naru.resident());
    lives(&naru).await;
    // Flushes without a Sync, and a group that never ends.
    let mut group = logged_in(naru.pg()).await;
    let _ = timeout(Duration::from_secs(3), group.write_all(&execute("select 1", 0).repeat(20_000))).await;
    assert!(naru.resident() < resident + KEPT_MEMORY, "{resident} -> {}", naru.resident());
    lives(&naru).await;
    drop((deaf, group));
    eventually("descriptors return", PATIENCE, async || naru.descriptors() <= descriptors + 8).await;
}

/// The Flight SQL door speaks HTTP/2: frames are a 24-bit length, type, flags, 31-bit stream.
fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), body].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async fn flight_lives(naru: &Naru) {
    let mut socket = TcpStream::connect(("127.0.0.1", naru.flight())).await.unwrap();
    socket.write_all(&[PREFACE, &frame(4, 0, 0, &[])].concat()).await.unwrap();
    let mut header = [0; 9];
    timeout(PATIENCE, socket.read_exact(&mut header)).await.expect("the door answers").expect("with a frame");
    assert_eq!(header[3], 4, "SETTINGS come first: {header:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_at_the_flight_door_ends_its_connection_only() {
    let (rounds, seed) = (setting("NARU_HOSTILE_ROUNDS", 300), setting("NARU_HOSTILE_SEED", 1));
    let naru = serve(&configuration());
    flight_lives(&naru).await;
    // The first query of `tpch` makes what its generator keeps, some hundred megabytes.
    lives(&naru).await;
    let (descriptors, resident) = (naru.descriptors(), naru.resident());
    for round in 0..rounds {
        let mut draw = Draw(seed.wrapping_mul(7_777_777).wrapping_add(round));
        let mut messages = vec![PREFACE.to_vec(), frame(4, 0, 0, &[])];
        for _ in 0..draw.below(6) {
            let (kind, flags, stream) = (draw.below(12) as u8, draw.next() as u8, draw.below(8) as u32);
            let count = draw.below(400);
            messages.push(frame(kind, flags, stream, &draw.bytes(count)));
        }
        // A header block that claims to be a gigabyte, a settings flood, a rapid reset.
        match draw.below(4) {
            0 => messages.push(frame(1, 4, 1, &[0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0x03])),
            1 => messages.push(frame(4, 0, 0, &[]).repeat(5_000)),
            2 => messages.push(
                (0..2_000_u32)
                    .flat_map(|i| [frame(1, 5, 2 * i + 1, &[0x82]), frame(3, 0, 2 * i + 1, &[0, 0, 0, 8])].concat())
                    .collect(),
            ),
            _ => {}
        }
        let bytes = if draw.below(3) == 0 { mutated(&mut draw, messages) } else { messages.concat() };
        let socket = TcpStream::connect(("127.0.0.1", naru.flight())).await.unwrap();
        say(socket, &bytes).await;
    }
    flight_lives(&naru).await;
    lives(&naru).await;
    eventually("descriptors return", PATIENCE, async || naru.descriptors() <= descriptors + 8).await;
    let now = naru.resident();
    assert!(now < resident + KEPT_MEMORY, "resident memory went from {resident} to {now} bytes (seed {seed})");
    assert!(!naru.process().output().contains("panicked"), "seed {seed}");
}
