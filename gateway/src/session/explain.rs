//! EXPLAIN: the same planning and the same checks as the query itself; ANALYZE runs it too.

use super::api::{Outcome, Parsed};
use super::query::Session;
use super::running::Work;
use super::statement::rows_of;
use crate::error::{Error, Result};
use crate::plan::{self, Detail};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::Query;
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::Instant;

impl Session {
    pub(super) async fn explain(
        &self,
        parsed: &Parsed,
        query: &Query,
        (analyze, verbose): (bool, bool),
        parameters: Vec<ScalarValue>,
    ) -> Result<Outcome> {
        let planned = self.planned(parsed, query, parameters).await?;
        let Work::Run { physical, .. } = &planned.ready.work else {
            return Err(Error::internal("a plan to explain was left out"));
        };
        let physical = Arc::clone(physical);
        let system_information = planned.ready.rights.reads_system_information();
        let mut detail = Detail { verbose, system_information, ran: None };
        let mut running = self.start(planned)?;
        if analyze {
            let started = Instant::now();
            let mut stream = running.stream()?;
            let mut rows = 0;
            while let Some(batch) = stream.try_next().await? {
                rows += batch.num_rows() as u64;
            }
            detail.ran = Some((rows, started.elapsed()));
        } else {
            running.finish();
        }
        rows_of("QUERY PLAN", plan::explain(&physical, detail), "EXPLAIN")
    }
}
