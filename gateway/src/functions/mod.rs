//! SQL functions that DataFusion lacks or means differently. They replace functions and aliases of the same names.

mod arithmetic;
mod bounded;
mod casts;
mod column_function;
pub(crate) mod dates;
mod nulls;
pub(crate) mod pg;
mod quantified;
mod rewrite;
mod round_cast;
mod sum;

pub(crate) use quantified::is_quantified;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// Scalar functions that depend on nothing but their arguments and the session's zone.
#[must_use]
pub fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let own = arithmetic::Checked::all().into_iter().chain([nulls::MaybeNull::function()]);
    dates::functions().into_iter().chain(own).chain(quantified::Quantified::functions()).collect()
}

/// The engine's own function within a bound, where its result may be far larger than its arguments.
#[must_use]
pub fn bounded(function: &Arc<ScalarUDF>) -> Option<Arc<ScalarUDF>> {
    bounded::bounded(function)
}

/// Aggregate functions.
#[must_use]
pub fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    vec![Arc::new(AggregateUDF::from(sum::CheckedSum::default()))]
}

/// What changes the meaning of a plan's expressions, after types are settled.
#[must_use]
pub fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    vec![Arc::new(casts::Casts), Arc::new(arithmetic::CheckArithmetic), Arc::new(nulls::KeepNulls)]
}
