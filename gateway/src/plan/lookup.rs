//! Correlated scalar subqueries over system tables, as clients write them to look up one row:
//! `(SELECT d.description FROM pg_description d WHERE d.objoid = c.oid AND d.objsubid = 0)`.
//!
//! DataFusion plans such a subquery only if it aggregates, because it might give several rows. A look-up in a system table goes by
//! a key of that table, so it becomes a left join here. Over any other table the subquery is left as it is, and refused by
//! DataFusion. A workaround that may go when DataFusion checks for a second row at run time
//! (`ScalarSubqueryToJoin`, apache/datafusion).

use crate::catalog::SystemTable;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::functions_table::generate_series::GenerateSeriesTable;
use datafusion::logical_expr::utils::{conjunction, find_out_reference_exprs, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, Expr, Filter, JoinType, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Subquery, binary_expr,
    lit, when,
};
use std::any::Any;
use std::sync::Arc;

/// Joins what can be looked up; the plan's schema stays as it is.
pub(super) fn join_lookups(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut lookups = Lookups { count: 0 };
    plan.transform_up_with_subqueries(|node| lookups.rewrite(node)).data()
}

struct Lookups {
    count: usize,
}

/// A subquery taken apart.
struct Lookup {
    /// What it reads, as the join's right side.
    relation: LogicalPlan,
    /// How it goes with a row of the left side.
    on: Vec<Expr>,
    /// Its value, over the joined row.
    value: Expr,
}

impl Lookups {
    fn rewrite(&mut self, node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        match node {
            LogicalPlan::Projection(projection) => {
                let (input, exprs) = self.join_all(&projection.input, projection.expr.clone())?;
                let Some(input) = input else { return Ok(Transformed::no(LogicalPlan::Projection(projection))) };
                let exprs = named_as(exprs, &projection.expr);
                let joined = Projection::try_new(exprs, Arc::new(input))?;
                Ok(Transformed::yes(LogicalPlan::Projection(joined)))
            }
            LogicalPlan::Filter(filter) => {
                let (input, mut exprs) = self.join_all(&filter.input, vec![filter.predicate.clone()])?;
                let (Some(input), Some(predicate)) = (input, exprs.pop()) else {
                    return Ok(Transformed::no(LogicalPlan::Filter(filter)));
                };
                let columns = filter.input.schema().columns().into_iter().map(Expr::Column);
                let filtered = LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(input))?);
                LogicalPlanBuilder::from(filtered).project(columns)?.build().map(Transformed::yes)
            }
            LogicalPlan::Aggregate(aggregate) => {
                let (input, exprs) = self.join_all(&aggregate.input, aggregate.aggr_expr.clone())?;
                let Some(input) = input else { return Ok(Transformed::no(LogicalPlan::Aggregate(aggregate))) };
                let exprs = named_as(exprs, &aggregate.aggr_expr);
                let joined = Aggregate::try_new(Arc::new(input), aggregate.group_expr, exprs)?;
                Ok(Transformed::yes(LogicalPlan::Aggregate(joined)))
            }
            other => Ok(Transformed::no(other)),
        }
    }

    /// Joins the look-ups of some expressions to their input; no input when there were none. Filters of the input come after the
    /// joins, which keep its rows: so a filter that is itself correlated stays where an enclosing look-up finds it.
    fn join_all(&mut self, input: &LogicalPlan, exprs: Vec<Expr>) -> Result<(Option<LogicalPlan>, Vec<Expr>)> {
        let (mut relation, mut filters) = (input, Vec::new());
        while let LogicalPlan::Filter(filter) = relation {
            filters.push(filter.predicate.clone());
            relation = filter.input.as_ref();
        }
        let mut joined: Option<LogicalPlan> = None;
        let mut rewritten = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let replace = |expr: Expr| {
                let Expr::ScalarSubquery(subquery) = &expr else { return Ok(Transformed::no(expr)) };
                let Some(lookup) = self.lookup(subquery, relation)? else { return Ok(Transformed::no(expr)) };
                let left = joined.take().unwrap_or_else(|| relation.clone());
                let builder = LogicalPlanBuilder::from(left).join_on(lookup.relation, JoinType::Left, lookup.on)?;
                joined = Some(builder.build()?);
                Ok(Transformed::yes(lookup.value))
            };
            rewritten.push(expr.transform_up(replace).data()?);
        }
        for predicate in filters.into_iter().rev() {
            joined = match joined {
                Some(joined) => Some(LogicalPlan::Filter(Filter::try_new(predicate, Arc::new(joined))?)),
                None => break,
            };
        }
        Ok((joined, rewritten))
    }

    fn lookup(&mut self, subquery: &Subquery, input: &LogicalPlan) -> Result<Option<Lookup>> {
        let outer = input.schema();
        let known = |expr: &Expr| matches!(expr, Expr::OuterReferenceColumn(_, column) if outer.has_column(column));
        let correlated = !subquery.outer_ref_columns.is_empty() && subquery.outer_ref_columns.iter().all(known);
        if !correlated || !reads_system_tables_only(&subquery.subquery)? {
            return Ok(None);
        }
        let LogicalPlan::Projection(projection) = subquery.subquery.as_ref() else { return Ok(None) };
        let [value] = projection.expr.as_slice() else { return Ok(None) };
        self.count += 1;
        let name = format!("__lookup_{}", self.count);
        match projection.input.as_ref() {
            LogicalPlan::Aggregate(aggregate) if reads_system_tables_only(input)? => {
                aggregated(aggregate, value, input, &name)
            }
            relation => single_row(relation, value, &name),
        }
    }
}

/// The expressions under the names of those they replace.
fn named_as(exprs: Vec<Expr>, replaced: &[Expr]) -> Vec<Expr> {
    let named = |(expr, replaced): (Expr, &Expr)| {
        let name = replaced.schema_name().to_string();
        if expr.schema_name().to_string() == name { expr } else { expr.alias(name) }
    };
    exprs.into_iter().zip(replaced).map(named).collect()
}

/// The relation below the filters of a subquery, and what the filters demand; `None` when more than they is correlated.
fn below_filters(plan: &LogicalPlan) -> Option<(LogicalPlan, Vec<Expr>)> {
    let (mut relation, mut predicates) = (plan, Vec::new());
    while let LogicalPlan::Filter(filter) = relation {
        predicates.extend(split_conjunction_owned(filter.predicate.clone()));
        relation = filter.input.as_ref();
    }
    relation.all_out_ref_exprs().is_empty().then(|| (relation.clone(), predicates))
}

/// `SELECT value FROM relation WHERE ...`: the relation is joined, and the value computed over the joined row.
fn single_row(plan: &LogicalPlan, value: &Expr, name: &str) -> Result<Option<Lookup>> {
    let Some((relation, predicates)) = below_filters(plan) else { return Ok(None) };
    let (correlated, own): (Vec<_>, Vec<_>) = predicates.into_iter().partition(Expr::contains_outer);
    if correlated.is_empty() {
        return Ok(None);
    }
    let columns = relation.schema().columns();
    let own_columns = columns.iter().enumerate().map(|(i, column)| Expr::Column(column.clone()).alias(position(i)));
    let mut builder = LogicalPlanBuilder::from(relation);
    if let Some(own) = conjunction(own) {
        builder = builder.filter(own)?;
    }
    let found = Column::new(Some(name), "found");
    let relation = builder.project(own_columns.chain([lit(true).alias("found")]))?.alias(name)?.build()?;
    let joined = |expr: Expr| over_joined_row(expr, &columns, name);
    let on = correlated.into_iter().map(joined).collect::<Result<Vec<_>>>()?;
    // Without a row there is no value, whatever the expression makes of NULL.
    let value = when(Expr::Column(found).is_true(), joined(value.clone().unalias())?).end()?;
    Ok(Some(Lookup { relation, on, value }))
}

/// `SELECT value FROM relation WHERE ...` with aggregates that are NULL over no rows: grouped by the outer columns it depends on,
/// which come from the outer relation itself, each combination once.
fn aggregated(aggregate: &Aggregate, value: &Expr, outer: &LogicalPlan, name: &str) -> Result<Option<Lookup>> {
    let null_over_nothing = |expr: &Expr| match expr.clone().unalias() {
        Expr::AggregateFunction(call) => matches!(call.func.name(), "array_agg" | "string_agg" | "min" | "max"),
        _ => false,
    };
    if !aggregate.group_expr.is_empty() || !aggregate.aggr_expr.iter().all(null_over_nothing) {
        return Ok(None);
    }
    let Some((relation, predicates)) = below_filters(&aggregate.input) else { return Ok(None) };
    let mut depends_on: Vec<Column> = Vec::new();
    for expr in predicates.iter().chain(&aggregate.aggr_expr).chain([value]).flat_map(find_out_reference_exprs) {
        if let Expr::OuterReferenceColumn(_, column) = expr
            && !depends_on.contains(&column)
        {
            depends_on.push(column);
        }
    }
    let keys_name = format!("{name}_keys");
    let keys = depends_on.iter().enumerate().map(|(i, column)| Expr::Column(column.clone()).alias(position(i)));
    let keys = LogicalPlanBuilder::from(outer.clone()).project(keys)?.distinct()?.alias(keys_name.as_str())?.build()?;
    let key = |qualifier: &str, index| Expr::Column(Column::new(Some(qualifier), position(index)));
    let with_keys = |expr: Expr| {
        let replace = |expr: Expr| match &expr {
            Expr::OuterReferenceColumn(_, column) => {
                let index = depends_on.iter().position(|known| known == column);
                Ok(index.map_or_else(|| Transformed::no(expr.clone()), |i| Transformed::yes(key(&keys_name, i))))
            }
            _ => Ok(Transformed::no(expr)),
        };
        expr.transform_up(replace).data()
    };
    let all_with_keys = |exprs: Vec<Expr>| exprs.into_iter().map(with_keys).collect::<Result<Vec<_>>>();
    let group: Vec<Expr> = (0..depends_on.len()).map(|index| key(&keys_name, index)).collect();
    let outputs = group.clone().into_iter().enumerate().map(|(i, key)| key.alias(position(i)));
    let relation = LogicalPlanBuilder::from(keys)
        .join_on(relation, JoinType::Inner, all_with_keys(predicates)?)?
        .aggregate(group, all_with_keys(aggregate.aggr_expr.clone())?)?
        .project(outputs.chain([with_keys(value.clone().unalias())?.alias("value")]))?
        .alias(name)?
        .build()?;
    let same = |(index, column): (usize, &Column)| {
        binary_expr(Expr::Column(column.clone()), Operator::IsNotDistinctFrom, key(name, index))
    };
    let on = depends_on.iter().enumerate().map(same).collect();
    Ok(Some(Lookup { relation, on, value: Expr::Column(Column::new(Some(name), "value")) }))
}

fn position(index: usize) -> String {
    format!("c{index}")
}

/// The subquery's own columns under their new names; those of the outer query as plain columns.
fn over_joined_row(expr: Expr, columns: &[Column], name: &str) -> Result<Expr> {
    let replace = |expr: Expr| match expr {
        Expr::OuterReferenceColumn(_, column) => Ok(Transformed::yes(Expr::Column(column))),
        Expr::Column(column) => Ok(match columns.iter().position(|own| *own == column) {
            Some(index) => Transformed::yes(Expr::Column(Column::new(Some(name), position(index)))),
            None => Transformed::no(Expr::Column(column)),
        }),
        other => Ok(Transformed::no(other)),
    };
    expr.transform_up(replace).data()
}

fn reads_system_tables_only(plan: &LogicalPlan) -> Result<bool> {
    let mut only = true;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = source_as_provider(&scan.source)?;
            let provider: &dyn Any = provider.as_ref();
            only &= provider.is::<SystemTable>() || provider.is::<GenerateSeriesTable>();
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(only)
}
