//! What PostgreSQL's clients write and DataFusion can't plan, rewritten: syntax tree to syntax tree, never text.
//!
//! Every rewriting is of one construct, wherever it stands, and keeps its meaning; none knows a client's query. It knows names of
//! functions and types but resolves none: [`crate::functions::pg`] has the functions that it calls.

mod array;
mod cast;
mod dates;
mod interval;
mod series;

use crate::error::{Error, ErrorCode, Result};
use crate::plan::folded;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, OrderByKind, Query, Select, SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor,
    Value, ValueWithSpan, VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

pub(super) use array::LiteralsBesideArrays;
pub(super) use interval::IntervalArithmetic;

/// The one function that is a relation of rows of its own.
pub(super) const GENERATE_SERIES: &str = "generate_series";

/// Rewrites a query.
///
/// # Errors
/// `FeatureNotSupported` for a collation or an operator that is not there, `InvalidTextRepresentation` for a bad array literal.
pub(super) fn rewrite(query: &mut Query) -> Result<()> {
    if let ControlFlow::Break(error) = query.visit(&mut Rewriter) {
        return Err(error);
    }
    show_objects_by_name(&mut query.body);
    Ok(())
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        series::bound_by_condition(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match table_function(factor) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match expression(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

fn expression(expr: &mut Expr) -> Result<()> {
    match expr {
        Expr::Collate { expr: inner, collation } => {
            check_collation(collation)?;
            *expr = take(inner);
        }
        Expr::BinaryOp { op, .. } => {
            if let BinaryOperator::PGCustomBinaryOperator(parts) = op {
                *op = operator(parts)?;
            }
        }
        Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
            if let Some(elements) = string_literal(right).map(array::elements).transpose()? {
                **right = elements;
            }
        }
        Expr::Cast { .. } => cast::rewrite(expr)?,
        Expr::Identifier(ident) if ident.quote_style.is_none() => {
            if let Some(name) = keyword_function(&ident.value) {
                *expr = call(name, Vec::new());
            }
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            if let Some(field) = field_of_row(root, access_chain) {
                *expr = field;
            }
        }
        Expr::Function(_) => {
            function(expr);
            dates::rewrite(expr)?;
        }
        Expr::Interval(_) => dates::interval(expr),
        // DataFusion has the backslash only.
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            if let Some(escape) = escape_char.take() {
                **pattern = call("like_escape", vec![take(pattern), Expr::Value(escape)]);
            }
        }
        _ => {}
    }
    Ok(())
}

pub(super) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.into()))
}

/// Text is compared by bytes; a collation that does the same may be asked for.
fn check_collation(collation: &ObjectName) -> Result<()> {
    let name = last(collation).unwrap_or_default();
    if matches!(name.as_str(), "default" | "c" | "C" | "POSIX" | "posix" | "ucs_basic") {
        return Ok(());
    }
    Err(Error::new(ErrorCode::FeatureNotSupported, format!("collation \"{name}\" is not supported"))
        .with_hint("text is compared by bytes, as collation \"C\" does"))
}

/// `OPERATOR(pg_catalog.~)`
fn operator(parts: &[String]) -> Result<BinaryOperator> {
    let schema_known = matches!(parts, [_] | [_, _]) && (parts.len() == 1 || parts[0] == "pg_catalog");
    let operator = match parts.last().map(String::as_str) {
        Some("=") => BinaryOperator::Eq,
        Some("<>" | "!=") => BinaryOperator::NotEq,
        Some("<") => BinaryOperator::Lt,
        Some("<=") => BinaryOperator::LtEq,
        Some(">") => BinaryOperator::Gt,
        Some(">=") => BinaryOperator::GtEq,
        Some("+") => BinaryOperator::Plus,
        Some("-") => BinaryOperator::Minus,
        Some("*") => BinaryOperator::Multiply,
        Some("/") => BinaryOperator::Divide,
        Some("%") => BinaryOperator::Modulo,
        Some("||") => BinaryOperator::StringConcat,
        Some("~") => BinaryOperator::PGRegexMatch,
        Some("~*") => BinaryOperator::PGRegexIMatch,
        Some("!~") => BinaryOperator::PGRegexNotMatch,
        Some("!~*") => BinaryOperator::PGRegexNotIMatch,
        Some("~~") => BinaryOperator::PGLikeMatch,
        Some("~~*") => BinaryOperator::PGILikeMatch,
        Some("!~~") => BinaryOperator::PGNotLikeMatch,
        Some("!~~*") => BinaryOperator::PGNotILikeMatch,
        _ => return Err(Error::unsupported(format!("operator {}", parts.join(".")))),
    };
    if schema_known { Ok(operator) } else { Err(Error::unsupported(format!("operator {}", parts.join(".")))) }
}

/// Functions that are called without parentheses; all are reserved words, so none is a column.
fn keyword_function(word: &str) -> Option<&'static str> {
    const WORDS: &[&str] =
        &["current_catalog", "current_role", "current_schema", "current_user", "session_user", "user"];
    WORDS.iter().copied().find(|known| word.eq_ignore_ascii_case(known))
}

fn function(expr: &mut Expr) {
    let Expr::Function(function) = expr else { return };
    unqualify(&mut function.name);
    // `current_user` and its kin come without an argument list.
    if matches!(function.args, FunctionArguments::None) && keyword_function(&function.name.to_string()).is_some() {
        function.args = arguments(Vec::new());
    }
    match last(&function.name).as_deref() {
        Some("array") => {
            if let FunctionArguments::Subquery(query) = &mut function.args {
                *expr = series::mapped_array(query).unwrap_or_else(|| {
                    aggregate_to_array(query);
                    Expr::Subquery(query.clone())
                });
            }
        }
        // In a SELECT list they give a row per element.
        Some("_pg_expandarray" | "generate_subscripts") => *expr = call("unnest", vec![take(expr)]),
        _ => {}
    }
}

/// Our functions live in no schema: `pg_catalog.version` is `version`, `"substring"` is `substring`.
fn unqualify(name: &mut ObjectName) {
    let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
    match parts.as_slice() {
        [schema, function] if schema == "pg_catalog" || schema == "information_schema" => *name = object(function),
        [function] if name.0.iter().any(|part| part.as_ident().is_some_and(|ident| ident.quote_style.is_some())) => {
            *name = object(function);
        }
        _ => {}
    }
}

/// `ARRAY(SELECT x ... ORDER BY y)` collects its one column.
fn aggregate_to_array(query: &mut Query) {
    let order_by = query.order_by.take().and_then(|order_by| match order_by.kind {
        OrderByKind::Expressions(expressions) => Some(expressions),
        OrderByKind::All(_) => None,
    });
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    for item in &mut select.projection {
        let (SelectItem::UnnamedExpr(collected) | SelectItem::ExprWithAlias { expr: collected, .. }) = item else {
            return;
        };
        let mut aggregate = function_call("array_agg", vec![take(collected)]);
        // Positions and output names mean the collected column itself here, which has one order only.
        let sorts = order_by.iter().flatten().filter(|sort| !matches!(sort.expr, Expr::Value(_)));
        let sorts: Vec<_> = sorts.cloned().collect();
        if let (FunctionArguments::List(list), false) = (&mut aggregate.args, sorts.is_empty()) {
            list.clauses.push(datafusion::sql::sqlparser::ast::FunctionArgumentClause::OrderBy(sorts));
        }
        *item = SelectItem::UnnamedExpr(Expr::Function(aggregate));
    }
}

/// `(row).field`: a field of a composite value; the parentheses tell it from a column of a table.
fn field_of_row(root: &mut Expr, chain: &[AccessExpr]) -> Option<Expr> {
    let [AccessExpr::Dot(Expr::Identifier(field))] = chain else { return None };
    let Expr::Nested(inner) = root else { return None };
    Some(call("get_field", vec![take(inner), text(&folded(field))]))
}

/// A function in FROM. `generate_series(1, 3) s` is a relation `s` with a column `s`; `unnest(a) s(x)` is DataFusion's own; any
/// other function without arguments is a relation of `pg_catalog` with the function's name.
fn table_function(factor: &mut TableFactor) -> Result<()> {
    if let TableFactor::UNNEST { alias, .. } = factor {
        name_single_column(alias, "unnest");
        return Ok(());
    }
    let TableFactor::Table { name, args, alias, .. } = factor else { return Ok(()) };
    let Some(list) = args else { return Ok(()) };
    unqualify(name);
    match last(name).as_deref() {
        Some("unnest") => {
            let mut alias = alias.take();
            name_single_column(&mut alias, "unnest");
            let argument = |arg: &FunctionArg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                _ => None,
            };
            let array_exprs = list.args.iter().filter_map(argument).collect();
            let (with_offset, with_offset_alias, with_ordinality) = (false, None, false);
            *factor = TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality };
        }
        Some(GENERATE_SERIES) => name_single_column(alias, GENERATE_SERIES),
        Some(function) if list.args.is_empty() => {
            *name = ObjectName::from(vec![Ident::new("pg_catalog"), Ident::new(function)]);
            *args = None;
        }
        // Any other would read who knows what.
        _ => return Err(Error::new(ErrorCode::UndefinedFunction, format!("function {name} does not exist"))),
    }
    Ok(())
}

fn name_single_column(alias: &mut Option<TableAlias>, function: &str) {
    let alias = alias.get_or_insert_with(|| TableAlias {
        explicit: true,
        name: Ident::new(function),
        columns: Vec::new(),
        at: None,
    });
    if alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef { name: alias.name.clone(), data_type: None });
    }
}

/// A `regclass` and its kin are OIDs to every expression, and names to whoever reads the result.
fn show_objects_by_name(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => {
            for item in &mut select.projection {
                if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                    cast::show_by_name(expr);
                }
            }
        }
        SetExpr::Query(query) => show_objects_by_name(&mut query.body),
        SetExpr::SetOperation { left, right, .. } => {
            show_objects_by_name(left);
            show_objects_by_name(right);
        }
        _ => {}
    }
}

fn string_literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) => Some(text),
        Expr::Nested(inner) => string_literal(inner),
        _ => None,
    }
}

fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_owned()).into())
}

pub(super) fn last(name: &ObjectName) -> Option<String> {
    name.0.last()?.as_ident().map(folded)
}

fn object(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new(name)])
}

fn arguments(args: Vec<Expr>) -> FunctionArguments {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() })
}

pub(super) fn function_call(name: &str, args: Vec<Expr>) -> Function {
    Function {
        name: object(name),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: arguments(args),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    }
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(function_call(name, args))
}

#[cfg(test)]
mod tests;
