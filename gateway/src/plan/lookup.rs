//! Correlated scalar subqueries over system tables, as clients write them to look up one row:
//! `(SELECT d.description FROM pg_description d WHERE d.objoid = c.oid AND d.objsubid = 0)`.
//!
//! DataFusion plans such a subquery only if it aggregates, because it might give several rows. A look-up in a system table goes by
//! a key of that table, so it becomes a left join here. Over any other table the subquery is left as it is, and refused by
//! DataFusion. A workaround that may go when DataFusion checks for a second row at run time
//! (`ScalarSubqueryToJoin`, apache/datafusion).

use crate::catalog::SystemTable;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Expr, Filter, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, lit, when,
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
                let names: Vec<String> = projection.expr.iter().map(|expr| expr.schema_name().to_string()).collect();
                let (input, exprs) = self.join_all(&projection.input, projection.expr.clone())?;
                let Some(input) = input else { return Ok(Transformed::no(LogicalPlan::Projection(projection))) };
                let named = exprs
                    .into_iter()
                    .zip(names)
                    .map(|(expr, name)| if expr.schema_name().to_string() == name { expr } else { expr.alias(name) });
                let joined = Projection::try_new(named.collect(), Arc::new(input))?;
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
            other => Ok(Transformed::no(other)),
        }
    }

    /// Joins the look-ups of some expressions to their input; no input when there were none.
    fn join_all(&mut self, input: &LogicalPlan, exprs: Vec<Expr>) -> Result<(Option<LogicalPlan>, Vec<Expr>)> {
        let mut joined: Option<LogicalPlan> = None;
        let mut rewritten = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let replace = |expr: Expr| {
                let Expr::ScalarSubquery(subquery) = &expr else { return Ok(Transformed::no(expr)) };
                let Some(lookup) = self.lookup(subquery, input.schema())? else { return Ok(Transformed::no(expr)) };
                let left = joined.take().unwrap_or_else(|| input.clone());
                let builder = LogicalPlanBuilder::from(left).join_on(lookup.relation, JoinType::Left, lookup.on)?;
                joined = Some(builder.build()?);
                Ok(Transformed::yes(lookup.value))
            };
            rewritten.push(expr.transform_up(replace).data()?);
        }
        Ok((joined, rewritten))
    }

    fn lookup(&mut self, subquery: &Subquery, outer: &DFSchema) -> Result<Option<Lookup>> {
        if subquery.outer_ref_columns.is_empty() || !reads_system_tables_only(&subquery.subquery)? {
            return Ok(None);
        }
        let LogicalPlan::Projection(projection) = subquery.subquery.as_ref() else { return Ok(None) };
        let [value] = projection.expr.as_slice() else { return Ok(None) };
        let mut relation = Arc::clone(&projection.input);
        let mut predicates = Vec::new();
        while let LogicalPlan::Filter(filter) = relation.as_ref() {
            predicates.extend(split_conjunction_owned(filter.predicate.clone()));
            relation = Arc::clone(&filter.input);
        }
        let known = |expr: &&Expr| match expr {
            Expr::OuterReferenceColumn(_, column) => outer.has_column(column),
            _ => true,
        };
        if relation.contains_outer_reference() || !subquery.outer_ref_columns.iter().all(|expr| known(&expr)) {
            return Ok(None);
        }
        self.count += 1;
        let name = format!("__lookup_{}", self.count);
        let (correlated, own): (Vec<_>, Vec<_>) = predicates.into_iter().partition(Expr::contains_outer);
        let columns = relation.schema().columns();
        let own_columns = columns.iter().enumerate().map(|(i, column)| Expr::Column(column.clone()).alias(position(i)));
        let mut builder = LogicalPlanBuilder::from(relation.as_ref().clone());
        if let Some(own) = conjunction(own) {
            builder = builder.filter(own)?;
        }
        let found = Column::new(Some(name.clone()), "found");
        let relation = builder.project(own_columns.chain([lit(true).alias("found")]))?.alias(name.clone())?.build()?;
        let joined = |expr: Expr| over_joined_row(expr, &columns, &name);
        let on = correlated.into_iter().map(joined).collect::<Result<Vec<_>>>()?;
        // Without a row there is no value, whatever the expression makes of NULL.
        let value = when(Expr::Column(found).is_true(), joined(value.clone().unalias())?).end()?;
        Ok(Some(Lookup { relation, on, value }))
    }
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
            only &= provider.is::<SystemTable>();
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(only)
}
