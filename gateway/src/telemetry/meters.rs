//! What is counted, and under which names. Labels hold the door and the outcome, never a user, a table or a statement: whoever
//! reads `/metrics` has no rights on either.

use crate::error::{Error, ErrorCode, Result};
use crate::session::api::Door;
use metrics::{Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::Instant;

const CONNECTIONS: &str = "naru_connections";
const LOGIN_FAILURES: &str = "naru_login_failures_total";
const QUERIES_STARTED: &str = "naru_queries_started_total";
const QUERIES_FINISHED: &str = "naru_queries_finished_total";
const QUERIES_FAILED: &str = "naru_queries_failed_total";
const QUERIES_CANCELLED: &str = "naru_queries_cancelled_total";
const QUERIES_RUNNING: &str = "naru_queries_running";
const QUERY_DURATION: &str = "naru_query_duration_seconds";
const ROWS: &str = "naru_rows_total";
const RESERVED_MEMORY: &str = "naru_reserved_memory_bytes";
const PLANS_REUSED: &str = "naru_plans_reused_total";

/// Upper bounds of the duration's buckets, in seconds.
const DURATIONS: [f64; 12] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// Starts counting, once a process; what was counted is rendered through the handle.
pub fn install() -> Result<PrometheusHandle> {
    static INSTALLED: OnceLock<std::result::Result<PrometheusHandle, String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(QUERY_DURATION.to_owned()), &DURATIONS)
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|error| error.to_string())?;
        describe();
        Ok(recorder)
    });
    installed.clone().map_err(|error| Error::internal(format!("metrics can't be counted: {error}")))
}

fn describe() {
    describe_gauge!(CONNECTIONS, "Open connections");
    describe_counter!(LOGIN_FAILURES, "Refused logins");
    describe_counter!(QUERIES_STARTED, "Queries that passed planning");
    describe_counter!(QUERIES_FINISHED, "Queries that gave all their rows");
    describe_counter!(QUERIES_FAILED, "Queries that ended with an error while they ran");
    describe_counter!(QUERIES_CANCELLED, "Queries that their client cancelled or left");
    describe_gauge!(QUERIES_RUNNING, "Queries that run now");
    describe_histogram!(QUERY_DURATION, Unit::Seconds, "Time from a query's start to its end");
    describe_counter!(ROWS, "Rows given to clients");
    describe_gauge!(RESERVED_MEMORY, Unit::Bytes, "Memory that running queries hold");
    describe_counter!(PLANS_REUSED, "Statements that ran with a plan that an earlier one left");
}

/// What running queries hold in memory, in bytes.
#[must_use]
pub fn reserved_memory() -> Gauge {
    gauge!(RESERVED_MEMORY)
}

/// A statement ran with a plan that an earlier one left.
pub fn plan_reused() {
    counter!(PLANS_REUSED).increment(1);
}

/// A login was refused.
pub fn login_failed(door: Door) {
    counter!(LOGIN_FAILURES, "door" => door.as_str()).increment(1);
}

/// An open connection, counted until it is dropped.
#[derive(Debug)]
pub struct OpenConnection(Door);

impl OpenConnection {
    /// Counts a connection of this door.
    #[must_use]
    pub fn new(door: Door) -> Self {
        gauge!(CONNECTIONS, "door" => door.as_str()).increment(1.0);
        Self(door)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!(CONNECTIONS, "door" => self.0.as_str()).decrement(1.0);
    }
}

/// One query, counted from its start to its end. Dropped before its end, it was cancelled.
#[derive(Debug)]
pub struct QueryMeter {
    door: Door,
    started: Instant,
    rows: u64,
    ended: bool,
}

impl QueryMeter {
    /// A query of this door begins to run.
    #[must_use]
    pub fn start(door: Door) -> Self {
        counter!(QUERIES_STARTED, "door" => door.as_str()).increment(1);
        gauge!(QUERIES_RUNNING, "door" => door.as_str()).increment(1.0);
        Self { door, started: Instant::now(), rows: 0, ended: false }
    }

    /// Rows that left.
    pub fn count(&mut self, rows: usize) {
        self.rows += rows as u64;
    }

    /// The query gave all its rows.
    pub fn finished(&mut self) {
        self.end(QUERIES_FINISHED);
    }

    /// The query ended with an error.
    pub fn failed(&mut self, error: &Error) {
        let cancelled = error.code == ErrorCode::QueryCancelled;
        self.end(if cancelled { QUERIES_CANCELLED } else { QUERIES_FAILED });
    }

    fn end(&mut self, outcome: &'static str) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let door = self.door.as_str();
        counter!(outcome, "door" => door).increment(1);
        gauge!(QUERIES_RUNNING, "door" => door).decrement(1.0);
        counter!(ROWS, "door" => door).increment(self.rows);
        histogram!(QUERY_DURATION, "door" => door).record(self.started.elapsed().as_secs_f64());
    }
}

impl Drop for QueryMeter {
    fn drop(&mut self) {
        self.end(QUERIES_CANCELLED);
    }
}
