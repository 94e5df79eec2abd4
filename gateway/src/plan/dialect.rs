//! What PostgreSQL's syntax means and DataFusion's planner takes otherwise: put right in the syntax tree, or refused where a
//! wrong result would be the alternative. docs/sql.md lists what is left.

use super::pg_compat::{function_call, take};
use crate::error::{Error, Result};
use crate::functions::is_quantified;
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Distinct, Expr, FunctionArg, FunctionArgExpr, FunctionArguments,
    GroupByExpr, Ident, LimitClause, ObjectName, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, SetOperator,
    SetQuantifier, TableFactor, Value, Values, Visit, VisitMut, Visitor, VisitorMut, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
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
        flow(fetch_is_limit(query).and_then(|()| rows_are_selects(&mut query.body)))
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                VisitMut::visit(expr, &mut CountInsteadOfExists { depth: 0 })?;
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match expr {
            Expr::Cast { data_type, .. } => microseconds(data_type),
            Expr::TypedString(typed) => microseconds(&mut typed.data_type),
            Expr::AtTimeZone { timestamp, time_zone } => {
                let (timestamp, zone) = (take(timestamp), take(time_zone));
                *expr = timezone(zone, timestamp);
            }
            Expr::AnyOp { .. } | Expr::AllOp { .. } | Expr::Like { .. } | Expr::ILike { .. } => quantified(expr),
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
    type Break = Error;

    // What stands inside of a subquery is that one's own.
    fn pre_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &mut Query) -> ControlFlow<Error> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if self.depth == 0
            && let Expr::Exists { subquery, negated } = expr
        {
            let count = match counting(subquery) {
                Ok(count) => Expr::Subquery(Box::new(count)),
                Err(error) => return ControlFlow::Break(error),
            };
            let op = if *negated { BinaryOperator::Eq } else { BinaryOperator::Gt };
            let zero = Expr::Value(Value::Number("0".to_owned(), false).into());
            *expr = Expr::Nested(Box::new(binary(count, op, zero)));
        }
        ControlFlow::Continue(())
    }
}

/// The query that counts the rows of another one, or of what has as many.
fn counting(subquery: &Query) -> Result<Query> {
    let mut query = subquery.clone();
    leave_out_what_leaves_rows(&mut query);
    if counts_as_exists(&query) {
        if let SetExpr::Select(select) = query.body.as_mut() {
            let named = std::mem::take(&mut select.projection);
            select.projection = vec![SelectItem::UnnamedExpr(count_of_rows(named))];
        }
        return Ok(query);
    }
    let mut counting = template("SELECT count(*) FROM t")?;
    if let SetExpr::Select(select) = counting.body.as_mut()
        && let [from] = select.from.as_mut_slice()
    {
        from.relation = TableFactor::Derived { lateral: false, subquery: Box::new(query), alias: None, sample: None };
    }
    Ok(counting)
}

/// Leaves out the parts that change nothing as to whether there are rows.
fn leave_out_what_leaves_rows(query: &mut Query) {
    if let Some(LimitClause::LimitOffset { limit: Some(Expr::Value(limit)), offset: None, limit_by }) =
        &query.limit_clause
        && limit_by.is_empty()
        && matches!(&limit.value, Value::Number(count, _) if count.parse::<u64>().is_ok_and(|count| count > 0))
    {
        query.limit_clause = None;
    }
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return;
    }
    if matches!(select.distinct, Some(Distinct::Distinct | Distinct::All)) {
        select.distinct = None;
    }
    if let Some(OrderBy { kind: OrderByKind::Expressions(sorts), .. }) = query.order_by.take() {
        // What is sorted by is still named.
        let results = select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.clone()),
            _ => None,
        });
        let results: Vec<Ident> = results.collect();
        let is_result = |expr: &Expr| match expr {
            Expr::Identifier(ident) => results.contains(ident),
            other => matches!(other, Expr::Value(_)),
        };
        let sorts = sorts.into_iter().map(|sort| sort.expr).filter(|expr| !is_result(expr));
        select.projection.extend(sorts.map(SelectItem::UnnamedExpr));
    }
}

/// `count(*)`. What the list named is still named, in a condition that changes nothing: an unknown or a denied column is one here too.
fn count_of_rows(named: Vec<SelectItem>) -> Expr {
    let mut count = function_call("count", Vec::new());
    if let FunctionArguments::List(list) = &mut count.args {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Wildcard));
    }
    let or = |left, right| binary(left, BinaryOperator::Or, right);
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
        _ => false,
    };
    query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.order_by.is_none()
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
        DataType::Array(ArrayElemTypeDef::SquareBracket(inner, _) | ArrayElemTypeDef::AngleBracket(inner)) => {
            microseconds(inner)
        }
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

/// Refuses `EXCEPT ALL` and `INTERSECT ALL`: where a plan is not gone through after it is made.
pub(crate) fn refuse_bags(query: &Query) -> Result<()> {
    struct Search;
    impl Visitor for Search {
        type Break = Error;

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Error> {
            flow(check_set_operations(&query.body))
        }
    }
    match Visit::visit(query, &mut Search) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn check_set_operations(body: &SetExpr) -> Result<()> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return Ok(()) };
    let bag = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    if bag && !matches!(op, SetOperator::Union) {
        return Err(Error::unsupported(format!("{op} ALL")).with_hint("number the rows of both sides by row_number()"));
    }
    check_set_operations(left)?;
    check_set_operations(right)
}

/// `VALUES` with a subquery in it becomes a UNION ALL of its rows: DataFusion optimises no subquery in VALUES, which then reads every
/// column of its table.
fn rows_are_selects(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::Values(values) if has_subquery(values) => {
            let rows = std::mem::take(&mut values.rows);
            let rows = rows.into_iter().map(|row| select_of(row.content)).collect::<Result<Vec<_>>>()?;
            if let Some(union) = union_of(rows) {
                *body = union;
            }
            Ok(())
        }
        SetExpr::SetOperation { left, right, .. } => {
            rows_are_selects(left)?;
            rows_are_selects(right)
        }
        _ => Ok(()),
    }
}

fn has_subquery(values: &Values) -> bool {
    let found = visit_expressions(values, |expr| match expr {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// A row of VALUES, with its names.
fn select_of(row: Vec<Expr>) -> Result<SetExpr> {
    let mut query = template("SELECT 1")?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        let item =
            |(position, expr)| SelectItem::ExprWithAlias { expr, alias: Ident::new(format!("column{position}")) };
        select.projection = (1..).zip(row).map(item).collect();
    }
    Ok(*query.body)
}

/// Halves of halves, so that many rows are not nested as deep as they are many.
fn union_of(mut rows: Vec<SetExpr>) -> Option<SetExpr> {
    if rows.len() < 2 {
        return rows.pop();
    }
    let (later, op, set_quantifier) = (rows.split_off(rows.len() / 2), SetOperator::Union, SetQuantifier::All);
    let (left, right) = (Box::new(union_of(rows)?), Box::new(union_of(later)?));
    Some(SetExpr::SetOperation { op, set_quantifier, left, right })
}

/// A query to be filled in.
fn template(sql: &str) -> Result<Query> {
    let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).and_then(|mut parser| parser.parse_query());
    parsed.map(|query| *query).map_err(Error::internal)
}

/// `x op ANY (array)` and `ALL` are functions of ours; an operator that they do not know is applied to each element that is written.
fn quantified(expr: &mut Expr) {
    let (left, op, right, all) = match expr {
        Expr::AnyOp { left, compare_op, right, .. } => (left, compare_op.clone(), right, false),
        Expr::AllOp { left, compare_op, right } => (left, compare_op.clone(), right, true),
        Expr::Like { negated, any: true, expr, pattern, escape_char: None } => {
            let op = if *negated { BinaryOperator::PGNotLikeMatch } else { BinaryOperator::PGLikeMatch };
            (expr, op, pattern, false)
        }
        Expr::ILike { negated, any: true, expr, pattern, escape_char: None } => {
            let op = if *negated { BinaryOperator::PGNotILikeMatch } else { BinaryOperator::PGILikeMatch };
            (expr, op, pattern, false)
        }
        _ => return,
    };
    if matches!(right.as_ref(), Expr::Subquery(_)) {
        return;
    }
    let name = format!("{op} {}", if all { "all" } else { "any" });
    if is_quantified(&name) {
        let (array, x) = (take(right), take(left));
        let mut call = function_call(&name, vec![array, x]);
        call.name = ObjectName::from(vec![Ident::with_quote('"', name)]);
        *expr = Expr::Function(call);
        return;
    }
    let mut elements = right.as_mut();
    while let Expr::Nested(inner) = elements {
        elements = inner.as_mut();
    }
    let Expr::Array(array) = elements else { return };
    let compared = |element| binary(left.as_ref().clone(), op.clone(), element);
    let connective = if all { BinaryOperator::And } else { BinaryOperator::Or };
    let each = std::mem::take(&mut array.elem).into_iter().map(compared);
    let joined = each.reduce(|one, other| binary(one, connective.clone(), other));
    *expr = Expr::Nested(Box::new(joined.unwrap_or_else(|| Expr::Value(Value::Boolean(all).into()))));
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}
