//! What PostgreSQL's syntax means and DataFusion's planner takes otherwise: put right in the syntax tree, or refused where a
//! wrong result would be the alternative. docs/sql.md lists what is left.

use crate::error::{Error, Result};
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, Join, JoinConstraint,
    JoinOperator, LimitClause, ObjectName, Query, Select, SetExpr, SetOperator, SetQuantifier, TableWithJoins, Value,
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

fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
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
    let args = [zone, moment].map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
    let list = FunctionArgumentList { duplicate_treatment: None, args: args.into(), clauses: Vec::new() };
    Expr::Function(datafusion::sql::sqlparser::ast::Function {
        name: ObjectName::from(vec![Ident::new("timezone")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
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
