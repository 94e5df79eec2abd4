//! EXPLAIN: the same planning and the same checks as the query itself; ANALYZE runs it too.

use super::api::{Outcome, Parsed};
use super::query::Session;
use super::statement::rows_of;
use crate::error::Result;
use crate::plan::{self, Detail};
use datafusion::scalar::ScalarValue;
use futures::TryStreamExt;
use std::sync::Arc;
use std::time::Instant;

impl Session {
    pub(super) async fn explain(
        &self,
        parsed: &Parsed,
        (analyze, verbose): (bool, bool),
        parameters: Vec<ScalarValue>,
    ) -> Result<Outcome> {
        let (explained, system_information) = self.explained(parsed, parameters).await?;
        let physical = Arc::clone(&explained.physical);
        let mut detail = Detail { verbose, system_information, ran: None };
        if analyze {
            let started = Instant::now();
            let mut stream = explained.stream().await?;
            let mut rows = 0;
            while let Some(batch) = stream.try_next().await? {
                rows += batch.num_rows() as u64;
            }
            detail.ran = Some((rows, started.elapsed()));
        } else {
            explained.finish();
        }
        rows_of("QUERY PLAN", plan::explain(&physical, detail), "EXPLAIN")
    }
}
