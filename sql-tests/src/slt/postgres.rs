//! The two query protocols of PostgreSQL.

use super::{Protocol, Rows, SqlError, form};
use bytes::Bytes;
use std::error::Error;
use tokio::task::JoinSet;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// One connection.
pub(super) struct Session {
    client: Client,
    protocol: Protocol,
    /// The task that reads and writes the socket: it ends with the session.
    _connection: JoinSet<Result<(), tokio_postgres::Error>>,
}

impl Session {
    pub(super) async fn connect(address: &str, protocol: Protocol) -> Result<Self, SqlError> {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await?;
        // What it fails with, the client's next call tells.
        let mut task = JoinSet::new();
        task.spawn(connection);
        client.batch_execute("SET TimeZone = 'UTC'").await?;
        Ok(Self { client, protocol, _connection: task })
    }

    /// The number of columns and the rows of a statement.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(usize, Rows), SqlError> {
        match self.protocol {
            Protocol::Simple => self.simple(sql).await,
            _ => self.extended(sql).await,
        }
    }

    /// Parse and Describe, without Execute.
    pub(super) async fn describe(&mut self, sql: &str) -> Result<usize, SqlError> {
        Ok(self.client.prepare(sql).await?.columns().len())
    }

    async fn simple(&mut self, sql: &str) -> Result<(usize, Rows), SqlError> {
        let (mut columns, mut rows) = (0, Rows::new());
        for message in self.client.simple_query(sql).await? {
            match message {
                SimpleQueryMessage::RowDescription(description) => columns = description.len(),
                SimpleQueryMessage::Row(row) => rows.push((0..row.len()).map(|i| form::cell(row.get(i))).collect()),
                _ => {}
            }
        }
        Ok((columns, rows))
    }

    async fn extended(&mut self, sql: &str) -> Result<(usize, Rows), SqlError> {
        let statement = self.client.prepare(sql).await?;
        let mut rows = Rows::new();
        for row in self.client.query(&statement, &[]).await? {
            let cell = |index| {
                let value: Option<Cell> = row.try_get(index)?;
                Ok::<_, SqlError>(form::cell(value.map(|cell| cell.0).as_deref()))
            };
            rows.push((0..row.len()).map(cell).collect::<Result<_, _>>()?);
        }
        Ok((statement.columns().len(), rows))
    }
}

/// A value in binary form, as text.
struct Cell(String);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(data_type: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        form::binary::text(data_type, Bytes::copy_from_slice(raw)).map(Self)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl From<tokio_postgres::Error> for SqlError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(from_server) => {
                Self { sqlstate: Some(from_server.code().code().to_owned()), message: from_server.to_string() }
            }
            None => {
                let cause = error.source().map(ToString::to_string).unwrap_or_default();
                Self { sqlstate: None, message: format!("{error}: {cause}") }
            }
        }
    }
}
