//! The types of a statement's parameters.

use super::query::Session;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::Bound;
use datafusion::arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::Query;

impl Session {
    /// Binds a query under the types that the client gave its parameters, and those that the statement implies for the others.
    ///
    /// # Errors
    /// `IndeterminateDatatype` for a parameter of which neither says anything.
    pub(super) async fn bind_typed(&self, query: &Query, given: &[Option<DataType>]) -> Result<(Bound, Vec<DataType>)> {
        let bound = self.bind(query, given.to_vec()).await?;
        let implied = bound.parameter_types()?.into_iter().enumerate();
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
            return Ok((bound, types));
        }
        // What the columns are may depend on what the parameters are.
        let unused = given.iter().skip(types.len()).cloned();
        let all = types.iter().cloned().map(Some).chain(unused).collect();
        Ok((self.bind(query, all).await?, types))
    }
}
