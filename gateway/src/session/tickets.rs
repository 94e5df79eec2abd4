//! What a door without connections asks besides statements: into how many streams a result may be split before it is run, and
//! records about tickets of earlier calls.

use super::api::Parsed;
use super::query::Session;
use super::running::types_of;
use crate::audit::Asked;
use crate::error::{Error, Result};
use crate::exec::within;
use crate::plan::{self, Kind};
use datafusion::physical_plan::ExecutionPlanProperties;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

impl Session {
    /// How many partitions the rows of a statement come in. One for rows that have an order, and for all but queries. What
    /// runs later is planned again, under the policies of then.
    pub async fn partitions(&self, parsed: &Parsed, values: Vec<ScalarValue>) -> Result<usize> {
        let Some(statement) = &parsed.statement else { return Ok(1) };
        let Kind::Query(_) = plan::classify(statement)? else { return Ok(1) };
        let scope = self.scope();
        let state = self.state(&scope.ctx);
        let (cancel, deadline) = (scope.ctx.cancel.clone(), scope.ctx.deadline);
        let wanted = self.wanted(parsed, types_of(&values), &scope)?;
        let planning = self.gateway.executor().plan(async move {
            let resolver = scope.resolver();
            let optimised = wanted.bound(&state, &resolver).await?.optimised(&state, &resolver, values)?;
            let physical = plan::physical_plan(&state, &optimised, &resolver.stamp()).await?;
            Ok(physical.output_partitioning().partition_count())
        });
        within(&cancel, deadline, planning).await
    }

    /// Writes the record of a request about a ticket, such as `cancel`. Of a ticket that is refused nobody knows the statement.
    pub fn audit_ticket(&self, event: &'static str, statement: Option<&Parsed>, error: Option<&Error>) -> Result<()> {
        let audit = Arc::clone(self.gateway.audit());
        let sql = statement.map_or_else(String::new, |parsed| audit.text(parsed));
        audit.moment(event, None, &Asked::new(&self.identity, &self.client, sql), error)
    }
}
