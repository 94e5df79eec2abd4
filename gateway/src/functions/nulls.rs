//! NULL where DataFusion 55.2 loses it while it simplifies a plan.
//!
//! - `s ~ '.*'` becomes true, also of a NULL `s` (apache/datafusion#24380).
//! - A scalar subquery counts as never NULL when its column is never NULL, although it may have no row (#24516).
//! - `count(a ORDER BY b)` counts wrongly or fails (#24997); the order of what is counted changes nothing.
//!
//! `sql-tests/guards` has a file for each; when they hold without this rule, it may go.

use super::rewrite::rewrite_typed;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// The rule; before anything is simplified.
#[derive(Debug)]
pub(super) struct KeepNulls;

impl AnalyzerRule for KeepNulls {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_typed(plan, kept)
    }

    fn name(&self) -> &'static str {
        "keep_nulls"
    }
}

fn kept(expr: Expr, _schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::RegexMatch | Operator::RegexIMatch, right })
            if matches_all(&right) =>
        {
            let matches = left.is_not_null().or(lit(ScalarValue::Boolean(None)));
            Ok(Transformed::yes(matches))
        }
        Expr::ScalarSubquery(subquery) if !subquery.subquery.schema().field(0).is_nullable() => {
            // A global aggregate has its row always.
            if has_one_row(&subquery.subquery) {
                return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
            }
            let function = ScalarUDF::from(MaybeNull::default());
            Ok(Transformed::yes(function.call(vec![Expr::ScalarSubquery(subquery)])))
        }
        Expr::AggregateFunction(call) if call.func.name() == "count" && !call.params.order_by.is_empty() => {
            let AggregateFunction { func, params } = call;
            let params = AggregateFunctionParams { order_by: Vec::new(), ..params };
            Ok(Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params })))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn matches_all(pattern: &Expr) -> bool {
    let Expr::Literal(pattern, _) = pattern else { return false };
    pattern.try_as_str().flatten() == Some(".*")
}

fn has_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(projection) => has_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_one_row(&alias.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        _ => false,
    }
}

/// Its argument, which may be NULL whatever its type says.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct MaybeNull(Signature);

impl Default for MaybeNull {
    fn default() -> Self {
        Self(Signature::any(1, Volatility::Immutable))
    }
}

impl MaybeNull {
    /// For the function registry: plans are sent and kept by name.
    pub(super) fn function() -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Self::default()))
    }
}

impl ScalarUDFImpl for MaybeNull {
    fn name(&self) -> &'static str {
        "naru_maybe_null"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let data_type = args.arg_fields.first().map_or(DataType::Null, |field| field.data_type().clone());
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match <[_; 1]>::try_from(args.args) {
            Ok([value]) => Ok(value),
            Err(_) => internal_err!("naru_maybe_null takes one argument"),
        }
    }
}
