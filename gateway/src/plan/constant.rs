//! Values and types that stand in statements which are no queries: the arguments of EXECUTE, the types of PREPARE.

use super::bind::{Bound, bind};
use crate::catalog::Resolver;
use crate::error::{Error, ErrorCode, Result};
use datafusion::arrow::datatypes::DataType;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{self, CastKind, Query, SelectItem, SetExpr, Statement, Value};

/// The values of constant expressions.
pub async fn constants(state: &SessionState, resolver: &Resolver<'_>, exprs: &[ast::Expr]) -> Result<Vec<ScalarValue>> {
    if exprs.is_empty() {
        return Ok(Vec::new());
    }
    let bound = select(state, resolver, exprs.to_vec()).await?;
    let LogicalPlan::Projection(projection) = state.optimize(&bound.plan)? else { return Err(not_constant()) };
    projection.expr.into_iter().map(|expr| value(expr.unalias_nested().data)).collect()
}

fn value(expr: Expr) -> Result<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Ok(value),
        _ => Err(not_constant()),
    }
}

fn not_constant() -> Error {
    Error::new(ErrorCode::FeatureNotSupported, "EXECUTE takes constants and expressions of constants")
}

/// The types that SQL names mean.
pub async fn types(state: &SessionState, resolver: &Resolver<'_>, names: &[ast::DataType]) -> Result<Vec<DataType>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let null = || Box::new(ast::Expr::Value(Value::Null.into()));
    let cast = |data_type: &ast::DataType| ast::Expr::Cast {
        kind: CastKind::Cast,
        expr: null(),
        data_type: data_type.clone(),
        array: false,
        format: None,
    };
    let bound = select(state, resolver, names.iter().map(cast).collect()).await?;
    Ok(bound.plan.schema().fields().iter().map(|field| field.data_type().clone()).collect())
}

async fn select(state: &SessionState, resolver: &Resolver<'_>, exprs: Vec<ast::Expr>) -> Result<Bound> {
    let items = exprs
        .into_iter()
        .enumerate()
        .map(|(i, expr)| SelectItem::ExprWithAlias { expr, alias: ast::Ident::new(format!("value{i}")) });
    let mut query = select_one()?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = items.collect();
    }
    bind(state, resolver, &query, &[]).await
}

/// `SELECT 1`, to put other expressions in.
fn select_one() -> Result<Query> {
    let parsed = super::parse("SELECT 1")?;
    match parsed.first().and_then(|parsed| parsed.statement.as_deref()) {
        Some(Statement::Query(query)) => Ok(query.as_ref().clone()),
        _ => Err(Error::internal("SELECT 1 is not a query")),
    }
}
