//! COPY out (PostgreSQL manual, 55.2.6): CopyOutResponse, a CopyData for each row, CopyDone.

use super::backend::BackendSession;
use super::connection::{Connection, Failure, Stop};
use super::encode::CopyRows;
use super::respond;
use super::rows::{Rows, Sent};
use super::simple::{check_width, tag};
use crate::session::api::{CopyFormat, QueryStream};
use datafusion::arrow::datatypes::SchemaRef;
use pgwire::messages::copy::{CopyDone, CopyOutResponse};

impl<S: BackendSession> Connection<S> {
    /// Sends a query's rows in a COPY's form. An error in the middle ends it as it ends any statement.
    pub(super) async fn copy_out(
        &mut self,
        stream: QueryStream,
        schema: SchemaRef,
        format: CopyFormat,
        stop: Stop,
    ) -> Result<(), Failure> {
        check_width(schema.fields().len())?;
        let code = i8::from(format == CopyFormat::Binary);
        let codes = vec![i16::from(code); schema.fields().len()];
        self.wire.put(&CopyOutResponse::new(code, codes.len() as i16, codes));
        let mut form = CopyRows::new(format, &schema);
        form.begin(&schema, &mut self.wire.out)?;
        let mut rows = Rows::copy(stream, schema, form, self.session.time_zone(), stop);
        let sent = match rows.send(&mut self.wire, None).await? {
            Sent::All(sent) => sent,
            Sent::Suspended => 0,
        };
        rows.end_copy(&mut self.wire)?;
        drop(rows);
        self.wire.put(&CopyDone::new());
        self.settle();
        respond::complete(&mut self.wire, tag("COPY", true, sent));
        Ok(())
    }
}
