//! Resident memory of the whole process while a client reads slowly, through each way out.
//!
//! `NARU_SLOW_ROWS` says how many rows each reads: ten million in `make test-heavy`.

use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use naru_sql_tests::configuration::Configuration;
use naru_sql_tests::naru::Naru;
use naru_sql_tests::pg_wire::{PgWire, execute, query, sync, texts, typed};
use std::time::Duration;
use tonic::transport::Endpoint;

/// What one reader may add to what the process holds: a small part of what its result takes. (Before it come the texts that TPC-H
/// data is made of, some 300 MB, and the pages of a binary that is not optimised.)
const MOST_MORE: u64 = 200 << 20;
/// What a release build may hold in all, the texts included, whoever reads ten million rows.
const MOST: u64 = 600 << 20;
/// Rows of one Execute of the reader with a fetch size.
const FETCH: i32 = 10_000;

fn wanted() -> usize {
    std::env::var("NARU_SLOW_ROWS").map_or(400_000, |rows| rows.parse().expect("NARU_SLOW_ROWS is a number"))
}

/// About a kilobyte a row where there are few of them, so that the whole result never fits.
fn sql() -> String {
    let (rows, times) = (wanted(), if wanted() < 1_000_000 { 40 } else { 1 });
    format!(
        "select a.l_orderkey, a.l_extendedprice, a.l_shipdate, repeat(a.l_comment, {times}) \
         from lineitem a, nation b, nation c limit {rows}"
    )
}

/// A server of its own: what it held most is this reader's doing.
struct Measured {
    naru: Naru,
    _configuration: Configuration,
    before: u64,
}

impl Measured {
    async fn new() -> Self {
        let configuration = Configuration::new().with("postgresql", "login = \"password\"");
        let naru = Naru::serve(configuration.folder());
        // What a first query leaves behind is no result.
        let (mut wire, _) = PgWire::login(naru.pg(), "alice").await;
        wire.query("select count(*) from lineitem a, nation b").await;
        let before = naru.resident();
        Self { naru, _configuration: configuration, before }
    }

    /// The reader has read so many rows, and stops here and there: then the server stops, too, instead of reading ahead.
    async fn pause(&self, rows: usize) {
        if rows == 1 || rows == wanted() / 2 {
            self.naru.idle_within(Duration::from_secs(60)).await;
        }
    }

    #[allow(clippy::print_stdout, reason = "the figure, for who asks for it")]
    fn check(&self, rows: usize) {
        assert_eq!(rows, wanted());
        let most = self.naru.peak_resident();
        println!("{} MiB before, {} MiB at most, {rows} rows", self.before >> 20, most >> 20);
        assert!(most - self.before < MOST_MORE, "{} MiB more than before", (most - self.before) >> 20);
        if rows >= 10_000_000 {
            assert!(most < MOST, "{} MiB", most >> 20);
        }
    }

    /// Sends `first` and reads to the end; `more` is sent when the server suspends a portal.
    async fn read_pg(&self, first: &[u8], more: &[u8]) {
        let (mut wire, _) = PgWire::login(self.naru.pg(), "alice").await;
        wire.send(first).await;
        let mut rows = 0;
        loop {
            let reply = wire.reply().await.expect("the server answers");
            match reply.kind {
                b'D' | b'd' => {
                    rows += 1;
                    self.pause(rows).await;
                }
                b's' => wire.send(more).await,
                b'Z' => break,
                b'E' => panic!("{:?}: {:?}", reply.sqlstate(), reply.field(b'M')),
                b'C' if !more.is_empty() => wire.send(&sync()).await,
                _ => {}
            }
        }
        self.check(rows);
    }
}

#[tokio::test]
async fn a_slow_reader_of_the_simple_protocol_costs_little_memory() {
    Measured::new().await.read_pg(&query(&sql()), &[]).await;
}

#[tokio::test]
async fn a_slow_reader_of_the_extended_protocol_costs_little_memory() {
    let all = [execute(&sql(), 0), sync()].concat();
    Measured::new().await.read_pg(&all, &[]).await;
}

#[tokio::test]
async fn a_slow_reader_with_a_fetch_size_costs_little_memory() {
    let flush = typed(b'H', &[]);
    let more = [typed(b'E', &[texts(&[""]), FETCH.to_be_bytes().to_vec()].concat()), flush.clone()].concat();
    Measured::new().await.read_pg(&[execute(&sql(), FETCH), flush].concat(), &more).await;
}

#[tokio::test]
async fn a_slow_reader_of_copy_costs_little_memory() {
    let copy = format!("copy ({}) to stdout", sql());
    Measured::new().await.read_pg(&query(&copy), &[]).await;
}

#[tokio::test]
async fn a_slow_reader_of_flight_costs_little_memory() {
    let measured = Measured::new().await;
    let door = Endpoint::from_shared(format!("http://127.0.0.1:{}", measured.naru.flight())).unwrap();
    let mut client = FlightSqlServiceClient::new(door.connect().await.unwrap());
    client.handshake("alice", "demo").await.unwrap();
    let info = client.execute(sql(), None).await.unwrap();
    let mut rows = 0;
    let mut paused = false;
    for endpoint in info.endpoint {
        let mut batches = client.do_get(endpoint.ticket.unwrap()).await.unwrap();
        while let Some(batch) = batches.try_next().await.unwrap() {
            rows += batch.num_rows();
            if !paused {
                measured.pause(1).await;
                paused = true;
            }
        }
    }
    measured.check(rows);
}
