//! Casts that mean something else to PostgreSQL than to DataFusion, in one walk: those that round, and those of dates and times.

use super::dates::{our_cast, session_zone};
use super::rewrite::rewrite_typed;
use super::round_cast::rounded;
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;

/// The rule.
#[derive(Debug)]
pub(super) struct Casts;

impl AnalyzerRule for Casts {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let zone = session_zone(config);
        rewrite_typed(plan, |expr, schema| rounded(expr, schema)?.transform_data(|expr| our_cast(expr, schema, zone)))
    }

    fn name(&self) -> &'static str {
        "casts"
    }
}
