//! sqllogictest files over every protocol. Whatever carries a value, the same value must become the same text (PostgreSQL's
//! own text form, instants in UTC): so one file of expectations holds for all of them.
//!
//! In a file: cells of a row are separated by `|`; NULL is `NULL`, an empty text `(empty)`; `~1.25` is a number that may
//! differ by a millionth. `connection bob` logs in as bob. Labels for `onlyif` and `skipif`: `naru` or
//! `postgresql`, and `simple`, `extended` or `flight`. A record that is skipped for `naru` is a known difference from the
//! oracle (docs/sql.md): it is run all the same, and must still differ.

mod flight;
mod form;
mod postgres;

use crate::naru::Naru;
use crate::postgresql::Postgresql;
use async_trait::async_trait;
use sqllogictest::{AsyncDB, Condition, Connection, DBOutput, DefaultColumnType, Record, RecordOutput, Runner};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// How a file's statements reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// PostgreSQL's simple query protocol: texts.
    Simple,
    /// PostgreSQL's extended query protocol with results in binary form.
    Extended,
    /// Arrow Flight SQL.
    Flight,
}

impl Protocol {
    fn label(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Extended => "extended",
            Self::Flight => "flight",
        }
    }
}

/// The server that a file runs against.
#[derive(Debug, Clone, Copy)]
pub enum Server<'a> {
    /// A running demo.
    Naru(&'a Naru),
    /// The oracle.
    Postgresql(&'a Postgresql),
}

impl Server<'_> {
    fn label(self) -> &'static str {
        match self {
            Self::Naru(_) => "naru",
            Self::Postgresql(_) => "postgresql",
        }
    }

    async fn connect(self, protocol: Protocol, user: &str) -> Result<Session, SqlError> {
        match (self, protocol) {
            (Self::Naru(naru), Protocol::Flight) => {
                flight::Session::connect(naru.flight(), user, "demo").await.map(Session::Flight)
            }
            (Self::Naru(naru), _) => {
                let address = format!("host=127.0.0.1 port={} user={user} password=demo", naru.pg());
                postgres::Session::connect(&address, protocol).await.map(Session::Postgres)
            }
            (Self::Postgresql(oracle), _) => {
                let address = format!("host=127.0.0.1 port={} user=postgres", oracle.port());
                postgres::Session::connect(&address, protocol).await.map(Session::Postgres)
            }
        }
    }
}

/// A failed statement, as every protocol can tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlError {
    /// The SQLSTATE; none when the failure is not the server's.
    pub sqlstate: Option<String>,
    /// The server's text.
    pub message: String,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SqlError {}

pub use form::cell;

/// Rows as text, each value in the form of [`cell`].
pub type Rows = Vec<Vec<String>>;

/// The rows of one statement, in a session of its own, as text.
///
/// # Errors
/// The statement's.
pub async fn query(server: Server<'_>, protocol: Protocol, user: &str, sql: &str) -> Result<Rows, SqlError> {
    let (_, rows) = server.connect(protocol, user).await?.rows(sql).await?;
    Ok(rows)
}

/// One connection.
enum Session {
    Postgres(postgres::Session),
    Flight(flight::Session),
}

impl Session {
    /// The number of columns and the rows of a statement.
    async fn rows(&mut self, sql: &str) -> Result<(usize, Rows), SqlError> {
        match self {
            Self::Postgres(session) => session.run(sql).await,
            Self::Flight(session) => session.run(sql).await,
        }
    }
}

#[async_trait]
impl AsyncDB for Session {
    type Error = SqlError;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, SqlError> {
        let (columns, rows) = self.rows(sql).await?;
        if columns == 0 {
            return Ok(DBOutput::StatementComplete(0));
        }
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Any; columns], rows })
    }

    async fn shutdown(&mut self) {}

    fn error_sql_state(error: &SqlError) -> Option<String> {
        error.sqlstate.clone()
    }
}

/// Runs a file: every record that fails is part of the error, not the first one only.
///
/// # Errors
/// What differs, record by record.
pub async fn run(file: &Path, server: Server<'_>, protocol: Protocol) -> Result<(), String> {
    let records = sqllogictest::parse_file::<DefaultColumnType>(file).map_err(|error| error.to_string())?;
    let user = Arc::new(Mutex::new(DEFAULT_USER.to_owned()));
    let mut runner = runner(server, protocol, Arc::clone(&user));
    let mut failures = Vec::new();
    for record in records {
        if matches!(record, Record::Halt { .. }) {
            break;
        }
        *user.lock().expect("no holder panics") = user_of(&record);
        let (record, differs) = known_difference(record, server);
        let place = place_of(&record);
        match (runner.run_async(record).await, differs) {
            (Err(error), false) => failures.push(error.to_string()),
            (Ok(_), true) => failures.push(format!("{place}: no longer differs, remove its `skipif naru`\n")),
            _ => {}
        }
    }
    runner.shutdown_async().await;
    if failures.is_empty() {
        return Ok(());
    }
    let (count, name) = (failures.len(), file.display());
    Err(format!("{count} records of {name} fail over {}:\n\n{}", protocol.label(), failures.join("\n")))
}

/// Writes the rows that the oracle answers into the file, as expectations. Expected errors stay as a person wrote them.
///
/// # Errors
/// What the file or the server made impossible.
pub async fn write_expectations(file: &Path, oracle: &Postgresql) -> Result<(), String> {
    let records = sqllogictest::parse_file::<DefaultColumnType>(file).map_err(|error| error.to_string())?;
    let user = Arc::new(Mutex::new(DEFAULT_USER.to_owned()));
    let mut runner = runner(Server::Postgresql(oracle), Protocol::Simple, user);
    let mut text = String::new();
    for record in records {
        let output = runner.apply_record(record.clone()).await;
        let answered =
            matches!(record, Record::Query { .. }) && matches!(output, RecordOutput::Query { error: None, .. });
        let updated = answered.then(|| {
            let columns = sqllogictest::strict_column_validator;
            let normalizer = sqllogictest::default_normalizer;
            sqllogictest::update_record_with_output(&record, &output, SEPARATOR, same_rows, normalizer, columns)
        });
        text.push_str(&updated.flatten().unwrap_or(record).to_string());
        text.push('\n');
    }
    runner.shutdown_async().await;
    std::fs::write(file, text.trim_end().to_owned() + "\n").map_err(|error| error.to_string())
}

const DEFAULT_USER: &str = "alice";
const SEPARATOR: &str = "|";

fn user_of(record: &Record<DefaultColumnType>) -> String {
    let (Record::Statement { connection, .. } | Record::Query { connection, .. }) = record else {
        return DEFAULT_USER.to_owned();
    };
    match connection {
        Connection::Default => DEFAULT_USER.to_owned(),
        // `bob2` is bob's second session.
        Connection::Named(name) => name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned(),
    }
}

/// A record that `naru` skips, made to run, and whether it was one.
fn known_difference(mut record: Record<DefaultColumnType>, server: Server<'_>) -> (Record<DefaultColumnType>, bool) {
    let (Record::Statement { conditions, .. } | Record::Query { conditions, .. }) = &mut record else {
        return (record, false);
    };
    let before = conditions.len();
    if matches!(server, Server::Naru(_)) {
        conditions.retain(|condition| *condition != Condition::SkipIf { label: "naru".to_owned() });
    }
    let differs = conditions.len() < before;
    (record, differs)
}

fn place_of(record: &Record<DefaultColumnType>) -> String {
    match record {
        Record::Statement { loc, .. } | Record::Query { loc, .. } => loc.to_string(),
        _ => String::new(),
    }
}

/// The runner asks for a connection without saying whose: `user` is that of the record under way.
fn runner<'a>(
    server: Server<'a>,
    protocol: Protocol,
    user: Arc<Mutex<String>>,
) -> Runner<Session, impl sqllogictest::MakeConnection<Conn = Session> + 'a> {
    let mut runner = Runner::new(move || {
        let user = user.lock().expect("no holder panics").clone();
        async move { server.connect(protocol, &user).await }
    });
    runner.add_label(server.label());
    runner.add_label(protocol.label());
    runner.with_validator(same_rows);
    runner
}

fn same_rows(_: sqllogictest::Normalizer, actual: &[Vec<String>], expected: &[String]) -> bool {
    actual.len() == expected.len()
        && actual.iter().zip(expected).all(|(row, line)| {
            let cells: Vec<&str> = line.split(SEPARATOR).collect();
            cells.len() == row.len() && row.iter().zip(cells).all(|(actual, expected)| same_cell(actual, expected))
        })
}

fn same_cell(actual: &str, expected: &str) -> bool {
    let Some(number) = expected.strip_prefix('~') else { return actual == expected };
    let (Ok(actual), Ok(expected)) = (actual.parse::<f64>(), number.parse::<f64>()) else { return false };
    (actual - expected).abs() <= (expected.abs() * 1e-6).max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_equal_or_within_a_millionth_where_it_may_be() {
        assert!(same_cell("25.52", "25.52") && !same_cell("25.520", "25.52"));
        assert!(same_cell("25.522006", "~25.5220058532573") && !same_cell("25.5221", "~25.522005853"));
        assert!(!same_cell("NULL", "~0"));
    }

    #[test]
    fn rows_are_compared_cell_by_cell() {
        let row = |cells: &[&str]| cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        let expected = ["a b|1".to_owned()];
        let normalizer = sqllogictest::default_normalizer;
        assert!(same_rows(normalizer, &[row(&["a b", "1"])], &expected));
        assert!(!same_rows(normalizer, &[row(&["a", "b", "1"])], &expected));
        assert!(!same_rows(normalizer, &[], &expected));
    }
}
