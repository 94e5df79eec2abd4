//! `IN (subquery)` where the engine's joins forget NULL.
//!
//! `x IN S` is true when a row of S equals x, else unknown when x or a row of S is NULL (and S has rows), else false. DataFusion
//! 55.2 plans it as a semi or anti join that knows the third answer only for `column NOT IN (uncorrelated)` that stands alone in a
//! WHERE: elsewhere rows come that should not, or go missing, without a word (apache/datafusion#25336, #25347, #25348, #25474,
//! #25480). Here such conditions are put in terms of EXISTS, which has two answers and which it gets right; outside of conditions,
//! where it joins by no EXISTS, in terms of counts. `sql-tests/guards/not_in_*.slt` hold the answers; when they hold without this
//! rule, it may go.

use crate::error::Error;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, disjunction, merge_schema, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Subquery, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// The name of a subquery's row inside what is made of it: nothing that a statement can name.
const ROW: &str = "naru row of a subquery";

/// The rule; after types are settled.
#[derive(Debug)]
pub struct NullAwareIn;

impl AnalyzerRule for NullAwareIn {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(rewritten).data()
    }

    fn name(&self) -> &'static str {
        "null_aware_in"
    }
}

fn rewritten(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    match node {
        LogicalPlan::Filter(filter) => {
            let outer = Arc::clone(filter.input.schema());
            let conjuncts = split_conjunction_owned(filter.predicate);
            let conjuncts = conjuncts.into_iter().map(|conjunct| condition(conjunct, &outer));
            let predicate = conjunction(conjuncts.collect::<Result<Vec<_>>>()?).unwrap_or_else(|| lit(true));
            Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, filter.input)?)))
        }
        // The engine joins by no subquery in these.
        LogicalPlan::Join(_) | LogicalPlan::TableScan(_) => Ok(Transformed::no(node)),
        other => {
            let outer = merge_schema(&other.inputs());
            let names = NamePreserver::new(&other);
            other.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(|expr| value(expr, &outer, By::Count))?.update_data(|expr| name.restore(expr)))
            })
        }
    }
}

/// A condition of a WHERE, or a part of one joined by AND and OR: unknown is as good as false.
fn condition(expr: Expr, outer: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let in_or = |side: Expr| if op == Operator::Or { alternative(side, outer) } else { condition(side, outer) };
            Ok(Expr::BinaryExpr(BinaryExpr { left: Box::new(in_or(*left)?), op, right: Box::new(in_or(*right)?) }))
        }
        Expr::Not(inner) => match *inner {
            Expr::InSubquery(call) => condition(negation(call), outer),
            other => three_valued(Expr::Not(Box::new(other)), outer),
        },
        Expr::InSubquery(call) if !call.negated && scalar(&call).is_none() => Ok(Expr::InSubquery(call)),
        Expr::InSubquery(call) if call.negated && engine_knows(&call, outer)? => Ok(Expr::InSubquery(call)),
        Expr::InSubquery(call) => match Parts::of(call, outer)? {
            Ok(parts) => parts.certain(),
            Err(other) => Ok(other),
        },
        other => three_valued(other, outer),
    }
}

/// A side of an OR: there the engine knows no NULL at all.
fn alternative(expr: Expr, outer: &DFSchema) -> Result<Expr> {
    match expr {
        Expr::Not(inner) if matches!(*inner, Expr::InSubquery(_)) => match *inner {
            Expr::InSubquery(call) => alternative(negation(call), outer),
            other => Ok(Expr::Not(Box::new(other))),
        },
        Expr::InSubquery(call) if call.negated => match Parts::of(call, outer)? {
            Ok(parts) => parts.certain(),
            Err(other) => Ok(other),
        },
        other => condition(other, outer),
    }
}

fn negation(call: InSubquery) -> Expr {
    Expr::InSubquery(InSubquery { negated: !call.negated, ..call })
}

/// Inside of anything else all three answers count.
fn three_valued(expr: Expr, outer: &DFSchema) -> Result<Expr> {
    expr.transform_up(|expr| value(expr, outer, By::Exists)).data()
}

fn value(expr: Expr, outer: &DFSchema, by: By) -> Result<Transformed<Expr>> {
    match expr {
        Expr::InSubquery(call) => Ok(Transformed::yes(match Parts::of(call, outer)? {
            Ok(parts) => parts.value(by)?,
            Err(other) => other,
        })),
        other => Ok(Transformed::no(other)),
    }
}

/// A bare `column NOT IN (uncorrelated)` it plans as a join that knows NULL; provided that it sees that there may be one.
fn engine_knows(call: &InSubquery, outer: &DFSchema) -> Result<bool> {
    let columns = call.expr.column_refs();
    let sees_null = columns.iter().any(|column| outer.nullable(column).unwrap_or(true));
    let plain = call.subquery.outer_ref_columns.is_empty() && !columns.is_empty();
    Ok(plain && (sees_null || !call.expr.nullable(outer)?))
}

/// A subquery that aggregates without groups has one row always: it is a value.
fn scalar(call: &InSubquery) -> Option<Expr> {
    let mut plan = call.subquery.subquery.as_ref();
    loop {
        match plan {
            LogicalPlan::Projection(projection) => plan = projection.input.as_ref(),
            LogicalPlan::SubqueryAlias(alias) => plan = alias.input.as_ref(),
            LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => break,
            _ => return None,
        }
    }
    let correlated = !call.subquery.outer_ref_columns.is_empty();
    let op = if call.negated { Operator::NotEq } else { Operator::Eq };
    let right = Box::new(Expr::ScalarSubquery(call.subquery.clone()));
    correlated.then(|| Expr::BinaryExpr(BinaryExpr { left: call.expr.clone(), op, right }))
}

/// How to ask whether a subquery has rows.
#[derive(Clone, Copy)]
enum By {
    Exists,
    Count,
}

/// Where conditions on the rows of a subquery go.
enum Rows {
    /// Above all of it, under the name [`ROW`]: its own names could be those of the outer query.
    Named(Arc<LogicalPlan>),
    /// Below its list: what it reads of the outer row must stay in sight of the engine's rules.
    Listed(Projection),
}

impl Rows {
    fn of(plan: &LogicalPlan, correlated: bool, outer: &DFSchema) -> Result<(Self, Expr)> {
        if !correlated {
            let named = LogicalPlanBuilder::from(plan.clone()).alias(ROW)?.build()?;
            let row = Expr::Column(Column::new(Some(ROW), named.schema().field(0).name()));
            return Ok((Self::Named(Arc::new(named)), row));
        }
        let unsupported = || Error::unsupported("IN with a subquery of this form that reads the outer row");
        let LogicalPlan::Projection(list) = plan else { return Err(unsupported().into()) };
        let shadows = list.input.schema().columns().iter().any(|column| outer.has_column(column));
        let (Some(row), false) = (list.expr.first(), shadows) else { return Err(unsupported().into()) };
        Ok((Self::Listed(list.clone()), row.clone().unalias()))
    }

    fn that(&self, predicate: Option<Expr>) -> Result<LogicalPlan> {
        let filtered = |input: &Arc<LogicalPlan>, predicate| match predicate {
            Some(predicate) => Ok(Arc::new(LogicalPlan::Filter(Filter::try_new(predicate, Arc::clone(input))?))),
            None => Result::Ok(Arc::clone(input)),
        };
        match self {
            Self::Named(named) => filtered(named, predicate).map(Arc::unwrap_or_clone),
            // Whether there are rows does not depend on the list, and below it the engine finds all that its joins need.
            Self::Listed(list) => match (list.input.as_ref(), predicate) {
                (LogicalPlan::Filter(below), Some(predicate)) => {
                    let both = below.predicate.clone().and(predicate);
                    Ok(LogicalPlan::Filter(Filter::try_new(both, Arc::clone(&below.input))?))
                }
                (_, predicate) => filtered(&list.input, predicate).map(Arc::unwrap_or_clone),
            },
        }
    }
}

/// `x [NOT] IN S` taken apart.
struct Parts {
    /// x as the outer query sees it, and as S does.
    value: Expr,
    value_inside: Expr,
    /// S, and what its column is in terms of the rows that conditions are put on.
    rows: Rows,
    row: Expr,
    negated: bool,
    value_may_be_null: bool,
    row_may_be_null: bool,
}

impl Parts {
    /// The parts, or what the condition is instead.
    fn of(call: InSubquery, outer: &DFSchema) -> Result<std::result::Result<Self, Expr>> {
        if let Some(comparison) = scalar(&call) {
            return Ok(Err(comparison));
        }
        let takes_apart = call.expr.exists(|part| {
            Ok(matches!(
                part,
                Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::OuterReferenceColumn(..)
            ))
        })?;
        if takes_apart || call.expr.is_volatile() {
            return Ok(Err(Expr::InSubquery(call)));
        }
        let InSubquery { expr: value, subquery, negated } = call;
        let seen_inside = |expr: Expr| match expr {
            Expr::Column(column) => {
                let field = outer.field_from_column(&column)?;
                Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::clone(field), column)))
            }
            other => Ok(Transformed::no(other)),
        };
        let value_inside = value.clone().transform_up(seen_inside).data()?;
        let correlated = !subquery.outer_ref_columns.is_empty();
        let (rows, row) = Rows::of(&subquery.subquery, correlated, outer)?;
        let row_may_be_null = subquery.subquery.schema().field(0).is_nullable();
        let value_may_be_null = value.nullable(outer)?;
        Ok(Ok(Self { value: *value, value_inside, rows, row, negated, value_may_be_null, row_may_be_null }))
    }

    /// True where the condition is true, false where it is false or unknown.
    fn certain(&self) -> Result<Expr> {
        let equal = self.exists(Some(self.equality()))?;
        if !self.negated {
            return Ok(equal);
        }
        let mut all = negated(equal);
        if self.row_may_be_null {
            all = all.and(negated(self.exists(Some(self.row.clone().is_null()))?));
        }
        if self.value_may_be_null {
            all = all.and(self.value.clone().is_not_null().or(negated(self.exists(None)?)));
        }
        Ok(all)
    }

    /// All three answers.
    fn value(&self, by: By) -> Result<Expr> {
        let ask = |predicate| match by {
            By::Exists => self.exists(predicate),
            By::Count => self.counted(predicate),
        };
        let mut unknown = Vec::new();
        if self.row_may_be_null {
            unknown.push(ask(Some(self.row.clone().is_null()))?);
        }
        if self.value_may_be_null {
            unknown.push(self.value.clone().is_null().and(ask(None)?));
        }
        let equal = ask(Some(self.equality()))?;
        // Not unknown: false. Unknown: NULL.
        let unknown = disjunction(unknown).map(|unknown| unknown.and(lit(ScalarValue::Boolean(None))));
        let found = unknown.map_or(equal.clone(), |unknown| equal.or(unknown));
        Ok(if self.negated { Expr::Not(Box::new(found)) } else { found })
    }

    fn equality(&self) -> Expr {
        self.value_inside.clone().eq(self.row.clone())
    }

    fn exists(&self, predicate: Option<Expr>) -> Result<Expr> {
        Ok(Expr::Exists(Exists { subquery: subquery(self.rows.that(predicate)?), negated: false }))
    }

    fn counted(&self, predicate: Option<Expr>) -> Result<Expr> {
        let rows = LogicalPlanBuilder::from(self.rows.that(predicate)?);
        let counted = rows.aggregate(Vec::<Expr>::new(), [count(lit(1_i64))])?.build()?;
        Ok(Expr::ScalarSubquery(subquery(counted)).gt(lit(0_i64)))
    }
}

fn negated(expr: Expr) -> Expr {
    match expr {
        Expr::Exists(exists) => Expr::Exists(Exists { negated: !exists.negated, ..exists }),
        other => Expr::Not(Box::new(other)),
    }
}

fn subquery(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: datafusion::common::Spans::new() }
}
