//! COPY to the client: a query like any other, whose rows go out in another form.

use super::api::{Door, Outcome, Parsed};
use super::query::Session;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::{CopyFormat, ForceQuote};
use datafusion::arrow::datatypes::Schema;

impl Session {
    pub(super) async fn copy(&self, parsed: &Parsed, format: CopyFormat) -> Result<Outcome> {
        self.needs_connection("COPY")?;
        match self.run(parsed, Vec::new()).await? {
            Outcome::Rows { schema, stream, .. } => {
                force_quote_is_known(&format, &schema)?;
                Ok(Outcome::Copy { schema, stream, format })
            }
            _ => Err(Error::internal("a query gave no rows")),
        }
    }

    /// Some statements mean something only where a connection keeps what they leave behind.
    pub(super) fn needs_connection(&self, what: &str) -> Result<()> {
        match self.client.door {
            Door::Postgres => Ok(()),
            Door::Flight => Err(Error::unsupported(format!("{what} over Flight SQL"))),
        }
    }
}

fn force_quote_is_known(format: &CopyFormat, schema: &Schema) -> Result<()> {
    let CopyFormat::Csv { force_quote: ForceQuote::Columns(columns), .. } = format else { return Ok(()) };
    let unknown = columns.iter().find(|name| schema.fields().iter().all(|field| field.name() != *name));
    match unknown {
        Some(name) => Err(Error::new(ErrorCode::UndefinedColumn, format!("column \"{name}\" does not exist"))),
        None => Ok(()),
    }
}
