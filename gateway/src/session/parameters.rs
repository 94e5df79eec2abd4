//! The types of a statement's parameters.

use super::api::Parsed;
use super::plan_cache::KeptPlan;
use super::query::Session;
use crate::error::{Error, ErrorCode, Result};
use datafusion::arrow::datatypes::DataType;
use std::sync::Arc;

impl Session {
    /// Binds a query under the types that the client gave its parameters, and those that the statement implies for the others.
    ///
    /// # Errors
    /// `IndeterminateDatatype` for a parameter of which neither says anything.
    pub(super) async fn bind_typed(
        &self,
        parsed: &Parsed,
        given: &[Option<DataType>],
    ) -> Result<(Arc<KeptPlan>, Vec<DataType>)> {
        let kept = self.bind(parsed, given.to_vec()).await?;
        let implied = kept.bound.parameter_types()?.into_iter().enumerate();
        let known = implied.map(|(index, implied)| {
            let given = given.get(index).cloned().flatten();
            given.or(implied).ok_or_else(|| {
                let message = format!("could not determine data type of parameter ${}", index + 1);
                Error::new(ErrorCode::IndeterminateDatatype, message)
            })
        });
        let types = known.collect::<Result<Vec<_>>>()?;
        if types
            .iter()
            .zip(given.iter().chain(std::iter::repeat(&None)))
            .all(|(known, given)| given.as_ref() == Some(known))
        {
            return Ok((kept, types));
        }
        // What the columns are may depend on what the parameters are.
        let unused = given.iter().skip(types.len()).cloned();
        let all = types.iter().cloned().map(Some).chain(unused).collect();
        Ok((self.bind(parsed, all).await?, types))
    }
}
