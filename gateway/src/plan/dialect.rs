//! What PostgreSQL's syntax means and DataFusion's planner takes otherwise: put right in the syntax tree, or refused where a
//! wrong result would be the alternative. docs/sql.md lists what is left.

use super::pg_compat::{function_call, take};
use crate::error::{Error, Result};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Join, JoinConstraint,
    JoinOperator, LimitClause, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, TableWithJoins, Value,
    VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

/// Rewrites a query, subqueries too.
pub(crate) fn to_datafusion(query: &mut Query) -> Result<()> {
    match VisitMut::visit(query, &mut Dialect) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Dialect;

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl VisitorMut for Dialect {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        flow(fetch_is_limit(query).and_then(|()| check_set_operations(&query.body)))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                let _: ControlFlow<()> = VisitMut::visit(expr, &mut CountInsteadOfExists { depth: 0 });
            }
        }
        flow(select.from.iter().try_for_each(check_joins))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Cast { data_type, .. } => microseconds(data_type),
            Expr::TypedString(typed) => microseconds(&mut typed.data_type),
            Expr::AtTimeZone { timestamp, time_zone } => {
                let (timestamp, zone) = (take(timestamp), take(time_zone));
                *expr = timezone(zone, timestamp);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `EXISTS (SELECT ...)` in a SELECT list is `(SELECT count(*) ...) > 0`: DataFusion joins by EXISTS in conditions only.
struct CountInsteadOfExists {
    depth: usize,
}

impl VisitorMut for CountInsteadOfExists {
    type Break = ();

    // What stands inside of a subquery is that one's own.
    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Exists { subquery, negated } = expr
            && counts_as_exists(subquery)
        {
            let mut counting = subquery.clone();
            if let SetExpr::Select(select) = counting.body.as_mut() {
                let named = std::mem::take(&mut select.projection);
                select.projection = vec![SelectItem::UnnamedExpr(count_of_rows(named))];
            }
            let op = if *negated { BinaryOperator::Eq } else { BinaryOperator::Gt };
            let zero = Expr::Value(Value::Number("0".to_owned(), false).into());
            *expr = Expr::Nested(Box::new(Expr::BinaryOp {
                left: Box::new(Expr::Subquery(counting)),
                op,
                right: Box::new(zero),
            }));
        }
        ControlFlow::Continue(())
    }
}

/// `count(*)`. What the list named is still named, in a condition that changes nothing: an unknown or a denied column is one here too.
fn count_of_rows(named: Vec<SelectItem>) -> Expr {
    let mut count = function_call("count", Vec::new());
    if let FunctionArguments::List(list) = &mut count.args {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
    }
    let or = |left: Expr, right: Expr| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Or,
        right: Box::new(right),
    };
    let always = Expr::Value(Value::Boolean(true).into());
    let names = named.into_iter().filter_map(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(Expr::IsNull(Box::new(expr))),
        _ => None,
    });
    count.filter = Some(Box::new(names.fold(always, or)));
    Expr::Function(count)
}

/// Does the query give a row for each that it reads, so that counting those tells whether there is one?
fn counts_as_exists(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(keys, _) if keys.is_empty());
    let plain = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            matches!(expr, Expr::Value(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        }
        // `*` may hold a denied column, which only binding knows.
        _ => false,
    };
    query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && !grouped
        && select.having.is_none()
        && select.distinct.is_none()
        && select.qualify.is_none()
        && select.projection.iter().all(plain)
}

/// `timestamp` has six digits here, as in PostgreSQL; DataFusion's nine end in the year 2262.
fn microseconds(data_type: &mut DataType) {
    match data_type {
        DataType::Timestamp(digits @ None, _) => *digits = Some(6),
        DataType::Array(
            datafusion::sql::sqlparser::ast::ArrayElemTypeDef::SquareBracket(inner, _)
            | datafusion::sql::sqlparser::ast::ArrayElemTypeDef::AngleBracket(inner),
        ) => microseconds(inner),
        _ => {}
    }
}

/// `x AT TIME ZONE z` is `timezone(z, x)`: from an instant to a wall clock, or back.
fn timezone(zone: Expr, moment: Expr) -> Expr {
    Expr::Function(function_call("timezone", vec![zone, moment]))
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn fetch_is_limit(query: &mut Query) -> Result<()> {
    let Some(fetch) = query.fetch.take() else { return Ok(()) };
    if fetch.with_ties || fetch.percent {
        return Err(Error::unsupported("FETCH with ties or percent"));
    }
    let count = fetch.quantity.unwrap_or_else(|| Expr::Value(Value::Number("1".to_owned(), false).into()));
    match &mut query.limit_clause {
        None => {
            let clause = LimitClause::LimitOffset { limit: Some(count), offset: None, limit_by: Vec::new() };
            query.limit_clause = Some(clause);
        }
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(count),
        Some(_) => return Err(Error::unsupported("LIMIT beside FETCH")),
    }
    Ok(())
}

/// DataFusion gives sets, not bags, for these.
fn check_set_operations(body: &SetExpr) -> Result<()> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return Ok(()) };
    let bag = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    if bag && !matches!(op, SetOperator::Union) {
        return Err(Error::unsupported(format!("{op} ALL")).with_hint("number the rows of both sides by row_number()"));
    }
    check_set_operations(left)?;
    check_set_operations(right)
}

/// The joined column of `RIGHT` and `FULL JOIN ... USING` is the right side's, or either's: DataFusion takes the left one's.
fn check_joins(from: &TableWithJoins) -> Result<()> {
    from.joins.iter().try_for_each(|Join { join_operator, .. }| {
        let (JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)) = join_operator
        else {
            return Ok(());
        };
        match constraint {
            JoinConstraint::Using(_) | JoinConstraint::Natural => {
                Err(Error::unsupported("RIGHT or FULL JOIN with USING or NATURAL").with_hint("join ON the columns"))
            }
            JoinConstraint::On(_) | JoinConstraint::None => Ok(()),
        }
    })
}
