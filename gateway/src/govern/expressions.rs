//! Row filters and custom masks: from the policy's text to an expression over the raw table.
//!
//! Policy text is parsed once, as an expression, and planned from its syntax tree. It is data of an administrator, yet it is
//! never pasted into a statement.

use super::mask;
use super::rights::{ColumnRight, MaskRule, RowFilter, TableRights};
use crate::error::{Error, ErrorCode, Result};
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::{DFSchema, TableReference};
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use datafusion::prelude::{cast, col};
use datafusion::sql::planner::{PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Ident, visit_expressions_mut};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use std::ops::ControlFlow;

/// What restricts a table, as expressions over its raw columns.
#[derive(Debug, Clone, Default)]
pub(super) struct Restrictions {
    /// Rows for which this is true may be seen.
    pub(super) filter: Option<Expr>,
    /// By column position; `None` is the column as it is.
    pub(super) masks: Vec<Option<Expr>>,
}

/// Plans the expressions of a table's rights. `planner` is the fixed policy session: it resolves functions, and no tables.
pub(super) fn restrictions<P: ContextProvider>(
    planner: &P,
    table: &TableReference,
    schema: &Schema,
    rights: &TableRights,
) -> Result<Restrictions> {
    let columns = DFSchema::try_from_qualified_schema(table.clone(), schema)?;
    let filter = match &rights.row_filter {
        RowFilter::None => None,
        RowFilter::NoRows => Some(lit(false)),
        RowFilter::Where(text) => Some(condition(planner, text, &columns)?),
    };
    let masks = schema
        .fields()
        .iter()
        .zip(&rights.columns)
        .map(|(field, right)| match right {
            ColumnRight::Allowed | ColumnRight::Denied => Ok(None),
            ColumnRight::Masked(rule) => masked(planner, rule, field.name(), field.data_type(), &columns).map(Some),
        })
        .collect::<Result<_>>()?;
    Ok(Restrictions { filter, masks })
}

fn masked<P: ContextProvider>(
    planner: &P,
    rule: &MaskRule,
    name: &str,
    data_type: &DataType,
    columns: &DFSchema,
) -> Result<Expr> {
    match rule {
        MaskRule::Null => Ok(mask::null_of(data_type)),
        MaskRule::Stock(mask_type) => Ok(mask::stock(mask_type, raw_column(name), data_type)),
        MaskRule::Custom(text) => {
            let expr = plan(planner, with_column(parse(text)?, name), columns)?;
            let same_type = expr.get_type(columns)? == *data_type;
            Ok(if same_type { expr } else { cast(expr, data_type.clone()) })
        }
    }
}

fn condition<P: ContextProvider>(planner: &P, text: &str, columns: &DFSchema) -> Result<Expr> {
    let expr = plan(planner, parse(text)?, columns)?;
    if expr.get_type(columns)? != DataType::Boolean {
        return Err(broken("its row filter is not a condition"));
    }
    Ok(expr)
}

fn raw_column(name: &str) -> Expr {
    col(datafusion::common::Column::new_unqualified(name))
}

/// `{col}` is not an identifier that the parser knows, so it travels as a name nobody would use.
const COLUMN_MARK: &str = "naru column of this mask";

fn parse(text: &str) -> Result<SqlExpr> {
    let text = text.replace("{col}", &format!("\"{COLUMN_MARK}\""));
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(&text)
        .map_err(|error| broken("its expression can't be parsed").with_detail(error))?;
    let expr = parser.parse_expr().map_err(|error| broken("its expression can't be parsed").with_detail(error))?;
    if parser.peek_token().token != Token::EOF {
        return Err(broken("its expression goes on after its end"));
    }
    Ok(expr)
}

fn with_column(mut expr: SqlExpr, column: &str) -> SqlExpr {
    let _: ControlFlow<()> = visit_expressions_mut(&mut expr, |part| {
        if let SqlExpr::Identifier(ident) = part
            && ident.value == COLUMN_MARK
        {
            *ident = Ident::with_quote('"', column);
        }
        ControlFlow::Continue(())
    });
    expr
}

fn plan<P: ContextProvider>(planner: &P, expr: SqlExpr, columns: &DFSchema) -> Result<Expr> {
    SqlToRel::new(planner)
        .sql_to_expr(expr, columns, &mut PlannerContext::new())
        .map_err(|error| broken("its expression can't be planned").with_detail(error))
}

/// The user learns that the table can't be read, not what the policy says.
fn broken(what: &str) -> Error {
    Error::new(ErrorCode::RestrictedTable, "a policy of this table can't be evaluated; ask an administrator")
        .with_detail(what)
}
