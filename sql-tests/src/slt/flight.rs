//! Arrow Flight SQL.

use super::{Rows, SqlError, form};
use arrow_array::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_schema::ArrowError;
use futures::TryStreamExt;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

/// Where the door puts a SQLSTATE.
const SQLSTATE_HEADER: &str = "x-naru-sqlstate";

/// One connection, logged in.
pub(super) struct Session {
    client: FlightSqlServiceClient<Channel>,
}

impl Session {
    pub(super) async fn connect(port: u16, user: &str, password: &str) -> Result<Self, SqlError> {
        let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).expect("an address");
        let channel = endpoint.connect().await.map_err(|error| SqlError::plain(&error))?;
        let mut client = FlightSqlServiceClient::new(channel);
        client.handshake(user, password).await?;
        Ok(Self { client })
    }

    /// A prepared statement that is never executed.
    pub(super) async fn describe(&mut self, sql: &str) -> Result<usize, SqlError> {
        let statement = self.client.prepare(sql.to_owned(), None).await?;
        Ok(statement.dataset_schema()?.fields().len())
    }

    /// The number of columns and the rows of a statement.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(usize, Rows), SqlError> {
        let info = self.client.execute(sql.to_owned(), None).await?;
        let columns = info.clone().try_decode_schema()?.fields().len();
        let mut rows = Rows::new();
        for endpoint in info.endpoint {
            let ticket = endpoint.ticket.ok_or_else(|| SqlError::plain(&"an endpoint without a ticket"))?;
            let stream = self.client.do_get(ticket).await?;
            let batches: Vec<RecordBatch> = stream.try_collect().await?;
            for batch in &batches {
                let row = |row| batch.columns().iter().map(|column| cell(form::arrow::text(column, row))).collect();
                rows.extend((0..batch.num_rows()).map(row));
            }
        }
        Ok((columns, rows))
    }
}

fn cell(text: Option<String>) -> String {
    form::cell(text.as_deref())
}

impl SqlError {
    fn plain(error: &dyn std::fmt::Display) -> Self {
        Self { sqlstate: None, message: error.to_string() }
    }
}

impl From<Status> for SqlError {
    fn from(status: Status) -> Self {
        let sqlstate = status.metadata().get(SQLSTATE_HEADER).and_then(|value| value.to_str().ok());
        Self { sqlstate: sqlstate.map(str::to_owned), message: status.message().to_owned() }
    }
}

impl From<FlightError> for SqlError {
    fn from(error: FlightError) -> Self {
        match error {
            FlightError::Tonic(status) => (*status).into(),
            other => Self::plain(&other),
        }
    }
}

impl From<ArrowError> for SqlError {
    fn from(error: ArrowError) -> Self {
        match error {
            ArrowError::ExternalError(inner) => match inner.downcast::<Status>() {
                Ok(status) => (*status).into(),
                Err(other) => Self::plain(&other),
            },
            other => Self::plain(&other),
        }
    }
}
