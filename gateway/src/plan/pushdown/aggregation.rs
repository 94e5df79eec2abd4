//! Partial aggregation at the source: `AggregateExec(Partial)` over a scan becomes a scan of partial states.
//!
//! The states have DataFusion's own schema, so its final stage merges them as it would have merged its own. Expressions are
//! inlined through projections down to the scan's columns: what a policy masks is an expression there (or a constant) and no
//! bare column, so an aggregate over it is never the source's.
//!
//! Declined: FILTER, DISTINCT, ORDER BY inside an aggregate, grouping sets, limits, several arguments, and whatever stands
//! between the aggregate and the scan but projections, round-robin repartitioning and nodes that only pass rows on. Filters stay
//! in the way as well: one that the source did not take over exactly. The source declines what it would compute otherwise.

use super::source::{Expression, Found, descend};
use crate::functions::dates::date_format_of;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use naru_connector::{AggregateCall, AggregateFunction, Aggregation, Column as SourceColumn, KeyExpr, KeyFunction};
use std::sync::Arc;

/// The rule.
#[derive(Debug)]
pub(super) struct PushAggregation;

impl PhysicalOptimizerRule for PushAggregation {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let zone = config.execution.time_zone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC);
        let push = |node: Arc<dyn ExecutionPlan>| match pushed(&node, zone)? {
            Some(pushed) => Ok(Transformed::yes(pushed)),
            None => Ok(Transformed::no(node)),
        };
        plan.transform_down(push).map(|changed| changed.data)
    }

    fn name(&self) -> &'static str {
        "PushAggregation"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The node in whose place the source works, if it takes the work.
fn pushed(node: &Arc<dyn ExecutionPlan>, zone: Tz) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(aggregate) = node.downcast_ref::<AggregateExec>() else { return Ok(None) };
    match aggregate.mode() {
        AggregateMode::Partial => Ok(states(aggregate, zone)),
        AggregateMode::Single | AggregateMode::SinglePartitioned => in_two_stages(aggregate, zone),
        _ => Ok(None),
    }
}

/// One stage that reads and finishes as two: the source's states, and a final stage.
fn in_two_stages(single: &AggregateExec, zone: Tz) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let (groups, calls, filters) = (single.group_expr(), single.aggr_expr(), single.filter_expr());
    if single.limit_options().is_some() {
        return Ok(None);
    }
    let input = Arc::clone(single.input());
    let partial = AggregateExec::try_new(
        AggregateMode::Partial,
        groups.clone(),
        calls.to_vec(),
        filters.to_vec(),
        input,
        single.input_schema(),
    )?;
    let Some(states) = states(&partial, zone) else { return Ok(None) };
    let merged = Arc::new(CoalescePartitionsExec::new(states));
    let finished = AggregateExec::try_new(
        AggregateMode::Final,
        groups.as_final(),
        calls.to_vec(),
        vec![None; calls.len()],
        merged,
        single.input_schema(),
    )?;
    // A single stage over several partitions keeps them apart by its keys, which a merged one does not.
    let same = finished.schema() == single.schema() && single.properties().output_partitioning().partition_count() == 1;
    Ok(same.then(|| Arc::new(finished) as Arc<dyn ExecutionPlan>))
}

/// A scan of the partial states that this aggregate would compute.
fn states(partial: &AggregateExec, zone: Tz) -> Option<Arc<dyn ExecutionPlan>> {
    let groups = partial.group_expr();
    let plain = groups.is_single() || groups.is_true_no_grouping();
    let filtered = partial.filter_expr().iter().any(Option::is_some);
    if !plain || groups.has_grouping_set() || filtered || partial.limit_options().is_some() {
        return None;
    }
    let calls = partial.aggr_expr();
    let mut arguments = groups.input_exprs();
    arguments.extend(calls.iter().map(|call| argument(call)).collect::<Option<Vec<_>>>()?);
    let found = descend(partial.input(), arguments)?;

    let (keys, arguments) = found.expressions.split_at(groups.num_group_exprs());
    let aggregation = Aggregation {
        keys: keys.iter().map(|key| key_of(key, &found, zone)).collect::<Option<_>>()?,
        calls: calls
            .iter()
            .zip(arguments)
            .map(|(call, argument)| call_of(call, argument, &found))
            .collect::<Option<_>>()?,
        schema: partial.schema(),
    };
    let scan = found.scan.scan().with_aggregation(&aggregation)?;
    // The final stage trusts the shape of what it merges.
    if scan.schema().fields() != aggregation.schema.fields() {
        return None;
    }
    // A key that is a column of the source stays that, whatever it is called here: late filters name it so.
    let sources: Vec<_> = keys.iter().map(|key| found.source(key)).collect();
    let fields = scan.schema();
    let columns = fields.fields().iter().enumerate().map(|(position, field)| match sources.get(position) {
        Some(Some(source)) => (*source).clone(),
        _ => SourceColumn::from_field(Arc::clone(field)),
    });
    let scan: Arc<dyn ExecutionPlan> = Arc::new(found.scan.with_scan(scan, columns.collect()));
    Some(match found.barrier {
        Some(barrier) => Arc::new(barrier.over_states(scan, sources.iter().map(Option::is_some).collect())),
        None => scan,
    })
}

/// An aggregate's one argument; a constant for `COUNT(*)`.
fn argument(call: &AggregateFunctionExpr) -> Option<Expression> {
    let plain = !call.is_distinct() && !call.ignore_nulls() && call.order_bys().is_empty();
    let mut arguments = call.expressions();
    (plain && arguments.len() == 1).then(|| arguments.pop()).flatten()
}

fn call_of(call: &AggregateFunctionExpr, argument: &Expression, found: &Found<'_>) -> Option<AggregateCall> {
    let function = match call.fun().name() {
        "count" => AggregateFunction::Count,
        "sum" => AggregateFunction::Sum,
        "min" => AggregateFunction::Min,
        "max" => AggregateFunction::Max,
        "avg" => AggregateFunction::Avg,
        "var" | "var_pop" | "stddev" | "stddev_pop" => AggregateFunction::Variance,
        _ => return None,
    };
    if let Some(literal) = argument.downcast_ref::<Literal>() {
        let counts_rows = function == AggregateFunction::Count && !literal.value().is_null();
        return counts_rows.then_some(AggregateCall { function, argument: None, cast: None });
    }
    let (column, cast) = match argument.downcast_ref::<CastExpr>() {
        Some(cast) => (found.column(cast.expr())?, Some(cast.cast_type().clone())),
        None => (found.column(argument)?, None),
    };
    Some(AggregateCall { function, argument: Some(column), cast })
}

fn key_of(key: &Expression, found: &Found<'_>, zone: Tz) -> Option<KeyExpr> {
    if let Some(column) = found.column(key) {
        return Some(KeyExpr::Column(column));
    }
    let (function, column) = function_of(key)?;
    // DataFusion's own functions take a timestamp with a zone in that zone, ours in the session's: with UTC they agree.
    let instant = matches!(
        found.scan.schema().field(column.downcast_ref::<Column>()?.index()).data_type(),
        DataType::Timestamp(_, Some(_))
    );
    (!instant || zone == Tz::UTC).then_some(())?;
    Some(KeyExpr::Function { function, column: found.column(column)?, zone })
}

fn function_of(key: &Expression) -> Option<(KeyFunction, &Expression)> {
    if let Some(cast) = key.downcast_ref::<CastExpr>() {
        return (cast.cast_type() == &DataType::Date32).then_some((KeyFunction::Date, cast.expr()));
    }
    let function = key.downcast_ref::<ScalarFunctionExpr>()?;
    let [first, second] = function.args() else { return None };
    Some(match function.name() {
        "date_format" => (KeyFunction::DateFormat(text(second)?), first),
        "to_char" => (KeyFunction::DateFormat(date_format_of(&text(second)?)?), first),
        "date_trunc" => (KeyFunction::DateTrunc(text(first)?), second),
        "date_part" => (KeyFunction::DatePart(text(first)?), second),
        _ => return None,
    })
}

fn text(expression: &Expression) -> Option<String> {
    match expression.downcast_ref::<Literal>()?.value() {
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            Some(text.clone())
        }
        _ => None,
    }
}
