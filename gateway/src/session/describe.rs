//! What a client may know of a statement before it runs.

use super::api::{Described, Parsed};
use super::plan_cache::KeptPlan;
use super::query::Session;
use crate::audit::Asked;
use crate::error::{Error, ErrorCode, Result};
use crate::exec::within;
use crate::plan::{self, Kind};
use datafusion::arrow::datatypes::DataType;
use std::sync::Arc;

impl Session {
    /// What a client may know of a statement before it runs: bound with the same checks as when it runs.
    pub async fn describe(&mut self, parsed: &Parsed, parameter_types: &[Option<DataType>]) -> Result<Described> {
        let mut asked = self.asked(parsed);
        let described = self.described(parsed, parameter_types, &mut asked).await;
        if parsed.statement.is_some() {
            self.audit_moment("describe", asked, described.as_ref().err())?;
        }
        described
    }

    async fn described(
        &mut self,
        parsed: &Parsed,
        parameter_types: &[Option<DataType>],
        asked: &mut Asked,
    ) -> Result<Described> {
        let nothing = Described { parameters: Vec::new(), schema: None };
        let Some(statement) = &parsed.statement else { return Ok(nothing) };
        match plan::classify(statement)? {
            Kind::Query(_) => {
                let (kept, parameters) = self.bind_typed(parsed, parameter_types).await?;
                let bound = &kept.bound;
                asked.tables.clone_from(&bound.tables);
                Ok(Described { parameters, schema: Some(bound.schema()) })
            }
            Kind::Explain { query, .. } => {
                let (kept, parameters) = self.bind_typed(parsed, parameter_types).await?;
                let bound = &kept.bound;
                asked.tables.clone_from(&bound.tables);
                let schema = super::statement::schema_of(&Kind::Explain { query, analyze: false, verbose: false });
                Ok(Described { parameters, schema })
            }
            Kind::Execute { name, .. } => {
                let inner = self.prepared_named(name)?;
                let described = Box::pin(self.described(&inner, &[], asked)).await?;
                Ok(Described { parameters: Vec::new(), ..described })
            }
            Kind::Copy { .. } => {
                self.needs_connection("COPY")?;
                let kept = self.bind(parsed, Vec::new()).await?;
                let bound = &kept.bound;
                asked.tables.clone_from(&bound.tables);
                if bound.parameter_types()?.is_empty() {
                    return Ok(nothing);
                }
                Err(Error::new(ErrorCode::UndefinedParameter, "there is no parameter $1"))
            }
            Kind::Declare { .. } => {
                self.needs_connection("DECLARE")?;
                let (kept, parameters) = self.bind_typed(parsed, parameter_types).await?;
                asked.tables.clone_from(&kept.bound.tables);
                Ok(Described { parameters, schema: None })
            }
            Kind::Fetch { .. } => Ok(Described { schema: self.fetched(parsed).flatten(), ..nothing }),
            other => Ok(Described { schema: super::statement::schema_of(&other), ..nothing }),
        }
    }

    pub(super) async fn bind(&self, parsed: &Parsed, parameter_types: Vec<Option<DataType>>) -> Result<Arc<KeptPlan>> {
        let scope = self.scope();
        let state = self.state(&scope.ctx);
        let wanted = self.wanted(parsed, parameter_types, &scope)?;
        let (cancel, deadline) = (scope.ctx.cancel.clone(), scope.ctx.deadline);
        let id = Arc::clone(&scope.ctx.query_id.0);
        let work = async move { wanted.bound(&state, &scope.resolver()).await };
        let bound = within(&cancel, deadline, self.gateway.executor().plan(work)).await;
        bound.map_err(|error| error.in_query(&id))
    }
}
