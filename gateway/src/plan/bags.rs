//! `EXCEPT ALL` and `INTERSECT ALL`, which count how often a row occurs.
//!
//! DataFusion 55.2 plans them as joins that only ask whether it does. Here equal rows are numbered on both sides, so that the second
//! of a kind is joined with the second. NULL equals NULL, and both sides have one type, as in UNION (PostgreSQL manual, 7.4, 10.5).

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use datafusion::logical_expr::{
    Distinct, Expr, ExprFunctionExt, Join, JoinConstraint, LogicalPlan, LogicalPlanBuilder, cast,
};
use std::sync::Arc;

/// What tells equal rows of one side from each other: nothing that a statement can name.
const NUMBERS: [&str; 2] = ["naru number of a row on the left", "naru number of a row on the right"];

/// Rewrites the joins that stand for these operations; no other join of a bound plan takes NULL for equal to NULL.
pub(super) fn count_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Join(join) if is_bag_operation(join));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !found {
        return Ok(plan);
    }
    let rewrite = |node| match node {
        LogicalPlan::Join(join) if is_bag_operation(&join) => Ok(Transformed::yes(counted(join)?)),
        // The types of what it reads may have changed.
        other => other.recompute_schema().map(Transformed::yes),
    };
    plan.transform_up_with_subqueries(rewrite).data()
}

fn is_bag_operation(join: &Join) -> bool {
    // Without ALL the left side is made distinct; over rows that are distinct anyway, both are the same.
    join.null_equality == NullEquality::NullEqualsNull
        && matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti)
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(Distinct::All(_)))
}

fn counted(join: Join) -> Result<LogicalPlan> {
    let schemas = (Arc::clone(join.left.schema()), Arc::clone(join.right.schema()));
    let types = schemas.0.fields().iter().zip(schemas.1.fields());
    let types = types.map(|(left, right)| type_union_coercion(left.data_type(), right.data_type()));
    let types: Vec<_> = types.collect();
    let numbered = |side: Arc<LogicalPlan>, number: &str| {
        let (columns, schema) = (side.schema().columns(), Arc::clone(side.schema()));
        let typed = columns.iter().zip(schema.fields()).zip(&types).map(|((column, field), common)| match common {
            Some(common) if common != field.data_type() => cast(Expr::Column(column.clone()), common.clone())
                .alias_qualified(column.relation.clone(), column.name.clone()),
            _ => Expr::Column(column.clone()),
        });
        let number =
            row_number().partition_by(columns.iter().cloned().map(Expr::Column).collect()).build()?.alias(number);
        LogicalPlanBuilder::new_from_arc(side).project(typed)?.window([number])?.build()
    };
    let columns = schemas.0.columns();
    let left = numbered(join.left, NUMBERS[0])?;
    let right = numbered(join.right, NUMBERS[1])?;
    let [ours, theirs] = NUMBERS.map(|number| Expr::Column(Column::new_unqualified(number)));
    let on = join.on.into_iter().chain([(ours, theirs)]).collect();
    let joined = Join::try_new(
        Arc::new(left),
        Arc::new(right),
        on,
        join.filter,
        join.join_type,
        JoinConstraint::On,
        NullEquality::NullEqualsNull,
        false,
    )?;
    LogicalPlanBuilder::from(LogicalPlan::Join(joined)).project(columns.into_iter().map(Expr::Column))?.build()
}
