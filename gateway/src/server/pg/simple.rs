//! Query: the statements of one text, one after the other, until one of them fails.

use super::backend::BackendSession;
use super::connection::{Connection, Failure, Stop};
use super::respond;
use super::rows::{Rows, Sent};
use super::types::row_description;
use crate::error::{Error, ErrorCode};
use crate::session::api::{Outcome, Parsed};
use pgwire::messages::response::EmptyQueryResponse;

/// As many columns as a row's 16-bit count allows.
const MAX_COLUMNS: usize = i16::MAX as usize;

impl<S: BackendSession> Connection<S> {
    pub(super) async fn query(&mut self, sql: &str) -> Result<(), Failure> {
        self.objects.drop_unnamed();
        let stop = Stop { statement: self.begin(), session: self.session.cancel_token() };
        let statements = stop.attend(&mut self.wire, self.session.parse(sql)).await??;
        let mut empty = true;
        for parsed in statements.iter().filter(|parsed| parsed.statement.is_some()) {
            empty = false;
            self.statement(parsed).await?;
        }
        if empty {
            self.wire.put(&EmptyQueryResponse::new());
        }
        Ok(())
    }

    async fn statement(&mut self, parsed: &Parsed) -> Result<(), Failure> {
        let stop = Stop { statement: self.begin(), session: self.session.cancel_token() };
        let outcome = stop.attend(&mut self.wire, self.session.execute(parsed, Vec::new())).await??;
        match outcome {
            Outcome::Rows { schema, stream, verb, counted } => {
                check_width(schema.fields().len())?;
                self.wire.put(&row_description(&schema, &[]));
                let zone = self.session.time_zone();
                let mut rows = Rows::new(stream, schema, Vec::new(), zone, stop);
                let sent = match rows.send(&mut self.wire, None).await? {
                    Sent::All(sent) => sent,
                    Sent::Suspended => 0,
                };
                drop(rows);
                self.settle();
                respond::complete(&mut self.wire, tag(verb, counted, sent));
            }
            Outcome::Done { tag } => {
                self.settle();
                respond::complete(&mut self.wire, tag);
            }
            Outcome::Empty => {
                self.settle();
                self.wire.put(&EmptyQueryResponse::new());
            }
        }
        Ok(())
    }
}

/// The command tag of a statement that returned rows.
pub(super) fn tag(verb: &str, counted: bool, rows: u64) -> String {
    if counted { format!("{verb} {rows}") } else { verb.to_owned() }
}

/// Does a row's count of columns fit?
pub(super) fn check_width(columns: usize) -> Result<(), Error> {
    if columns <= MAX_COLUMNS {
        return Ok(());
    }
    let message = format!("a result can have at most {MAX_COLUMNS} columns, this one has {columns}");
    Err(Error::new(ErrorCode::FeatureNotSupported, message))
}
