//! Row filters and custom masks: from the policy's text to an expression over the raw table.
//!
//! Policy text is parsed once, as an expression, and planned from its syntax tree. It is data of an administrator, yet it is
//! never pasted into a statement. Subqueries in it read the tables of the asking user, under that user's own policies: a filter
//! can't show more than its reader may see.

use super::mask;
use super::rights::{ColumnRight, MaskRule, RowFilter, TableRights};
use crate::error::{Error, ErrorCode, Result};
use crate::plan::{by_condition, refuse_bags, tables_of, to_datafusion};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::{DFSchema, TableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::logical_expr::{Expr, ExprSchemable, lit};
use datafusion::prelude::{cast, col};
use datafusion::sql::planner::{PlannerContext, SqlToRel};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Function, FunctionArguments, Ident, Query, SelectItem, SetExpr, Value, visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

/// How policy expressions are planned: with the functions of every query, under settings that no session can change, so that
/// a policy means the same to everybody.
#[derive(Debug, Clone)]
pub struct PolicySession<'a> {
    session: &'a SessionState,
    fixed: Arc<OnceLock<Arc<SessionState>>>,
    /// The tables whose policies are being planned, outermost first.
    inside: Vec<TableReference>,
}

impl<'a> PolicySession<'a> {
    /// For the policies of one statement.
    #[must_use]
    pub fn new(session: &'a SessionState) -> Self {
        Self { session, fixed: Arc::default(), inside: Vec::new() }
    }

    /// For the tables that the policies of `table` read.
    ///
    /// # Errors
    /// The policies of `table` need what they decide about.
    pub fn entering(&self, table: &TableReference) -> Result<Self> {
        if self.inside.contains(table) {
            return Err(broken("its policies refer to each other in a circle"));
        }
        let mut entered = self.clone();
        entered.inside.push(table.clone());
        Ok(entered)
    }

    /// The settings: made when the first restricted table needs them.
    #[must_use]
    pub fn state(&self) -> &Arc<SessionState> {
        self.fixed.get_or_init(|| Arc::new(policy_state(self.session)))
    }
}

/// The session as policies are planned and run with it.
pub(super) fn policy_state(session: &SessionState) -> SessionState {
    let mut state = session.clone();
    state.config_mut().options_mut().execution.time_zone = Some("UTC".to_owned());
    state.mark_start_execution();
    state
}

/// What the policies of one table say, parsed.
#[derive(Debug)]
pub struct PolicyExpressions {
    filter: Option<Filter>,
    /// By column position; `None` is the column as it is.
    masks: Vec<Option<Mask>>,
}

#[derive(Debug)]
enum Filter {
    NoRows,
    Where(Box<SqlExpr>),
}

#[derive(Debug)]
enum Mask {
    Null,
    Stock(String),
    Custom(Box<SqlExpr>),
}

/// What restricts a table, as expressions over its raw columns.
#[derive(Debug, Clone)]
pub struct Restrictions {
    /// Rows for which this is true may be seen.
    pub(super) filter: Option<Expr>,
    /// By column position; `None` is the column as it is.
    pub(super) masks: Vec<Option<Expr>>,
    /// Do they read tables?
    pub(super) read_tables: bool,
}

impl Restrictions {
    /// Of a table from which nothing is withheld.
    #[must_use]
    pub fn none() -> Self {
        Self { filter: None, masks: Vec::new(), read_tables: false }
    }
}

impl PolicyExpressions {
    /// Parses what the rights of a table say. `current_user` in it is `user`.
    pub fn parse(rights: &TableRights, schema: &Schema, user: &str) -> Result<Self> {
        let filter = match &rights.row_filter {
            RowFilter::None => None,
            RowFilter::NoRows => Some(Filter::NoRows),
            RowFilter::Where(text) => Some(Filter::Where(Box::new(parse(text, None, user)?))),
        };
        let mask = |(field, right): (&FieldRef, &ColumnRight)| match right {
            ColumnRight::Allowed | ColumnRight::Denied => Ok(None),
            ColumnRight::Masked(MaskRule::Null) => Ok(Some(Mask::Null)),
            ColumnRight::Masked(MaskRule::Stock(mask_type)) => Ok(Some(Mask::Stock(mask_type.clone()))),
            ColumnRight::Masked(MaskRule::Custom(text)) => {
                parse(text, Some((field.name().as_str(), field.data_type())), user)
                    .map(|expr| Some(Mask::Custom(Box::new(expr))))
            }
        };
        let masks = schema.fields().iter().zip(&rights.columns).map(mask).collect::<Result<_>>()?;
        Ok(Self { filter, masks })
    }

    fn custom(&self) -> impl Iterator<Item = &SqlExpr> {
        let filter = self.filter.iter().filter_map(|filter| match filter {
            Filter::Where(expr) => Some(expr.as_ref()),
            Filter::NoRows => None,
        });
        filter.chain(self.masks.iter().flatten().filter_map(|mask| match mask {
            Mask::Custom(expr) => Some(expr.as_ref()),
            Mask::Null | Mask::Stock(_) => None,
        }))
    }

    /// The subqueries' tables, as the policies name them.
    pub fn tables(&self) -> Result<Vec<TableReference>> {
        let mut tables = Vec::new();
        for expr in self.custom() {
            let found = tables_of(&query_of(expr.clone())?);
            tables.extend(found.map_err(|error| broken("its subqueries can't be resolved").with_detail(error))?);
        }
        Ok(tables)
    }

    /// Plans them over the raw table. `planner` knows the subqueries' tables and nothing else.
    pub fn plan<P: ContextProvider>(
        self,
        planner: &P,
        table: &TableReference,
        schema: &Schema,
    ) -> Result<Restrictions> {
        let read_tables = !self.tables()?.is_empty();
        let columns = DFSchema::try_from_qualified_schema(table.clone(), schema)?;
        let filter = match self.filter {
            None => None,
            Some(Filter::NoRows) => Some(lit(false)),
            Some(Filter::Where(expr)) => Some(condition(planner, *expr, &columns)?),
        };
        let masked = |(mask, field): (Option<Mask>, &FieldRef)| {
            mask.map(|mask| masked(planner, mask, field.name(), field.data_type(), &columns)).transpose()
        };
        let masks = self.masks.into_iter().zip(schema.fields()).map(masked).collect::<Result<_>>()?;
        Ok(Restrictions { filter, masks, read_tables })
    }
}

fn masked<P: ContextProvider>(
    planner: &P,
    rule: Mask,
    name: &str,
    data_type: &DataType,
    columns: &DFSchema,
) -> Result<Expr> {
    match rule {
        Mask::Null => Ok(mask::null_of(data_type)),
        Mask::Stock(mask_type) => {
            let column = col(datafusion::common::Column::new_unqualified(name));
            Ok(mask::stock(&mask_type, column, data_type))
        }
        Mask::Custom(expr) => {
            let expr = plan(planner, *expr, columns)?;
            let same_type = expr.get_type(columns)? == *data_type;
            Ok(if same_type { expr } else { cast(expr, data_type.clone()) })
        }
    }
}

fn condition<P: ContextProvider>(planner: &P, expr: SqlExpr, columns: &DFSchema) -> Result<Expr> {
    let expr = plan(planner, expr, columns)?;
    if expr.get_type(columns)? != DataType::Boolean {
        return Err(broken("its row filter is not a condition"));
    }
    Ok(expr)
}

/// `{col}` is not an identifier that the parser knows, so it travels as a name nobody would use.
const COLUMN_MARK: &str = "naru column of this mask";

/// Parses one expression; `column` is what `{col}` and `{type}` stand for.
pub(super) fn parse(text: &str, column: Option<(&str, &DataType)>, user: &str) -> Result<SqlExpr> {
    let mut text = text.replace("{col}", &format!("\"{COLUMN_MARK}\""));
    if let Some((_, data_type)) = column {
        text = text.replace("{type}", &crate::catalog::type_text(data_type));
    }
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .try_with_sql(&text)
        .map_err(|error| broken("its expression can't be parsed").with_detail(error))?;
    let expr = parser.parse_expr().map_err(|error| broken("its expression can't be parsed").with_detail(error))?;
    if parser.peek_token().token != Token::EOF {
        return Err(broken("its expression goes on after its end"));
    }
    let mut query = query_of(expr)?;
    let unplanned = |error| broken("its expression can't be planned").with_detail(error);
    to_datafusion(&mut query).and_then(|()| refuse_bags(&query)).map_err(unplanned)?;
    let mut expr = expr_of(query)?;
    let _: ControlFlow<()> = visit_expressions_mut(&mut expr, |part| {
        match (&*part, column) {
            (SqlExpr::Identifier(ident), Some((name, _))) if ident.value == COLUMN_MARK => {
                *part = SqlExpr::Identifier(Ident::with_quote('"', name));
            }
            (SqlExpr::Function(function), _) if names_the_user(function) => {
                *part = SqlExpr::Value(Value::SingleQuotedString(user.to_owned()).into());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    Ok(expr)
}

/// `current_user` and its kin: whoever asks, never an owner of the policy.
fn names_the_user(function: &Function) -> bool {
    let name = function.name.to_string().to_lowercase();
    let no_arguments = match &function.args {
        FunctionArguments::None => true,
        FunctionArguments::List(list) => list.args.is_empty(),
        FunctionArguments::Subquery(_) => false,
    };
    no_arguments && matches!(name.as_str(), "current_user" | "session_user" | "user")
}

/// `SELECT expression`: the form in which rewriting and name resolution take one.
pub(super) fn query_of(expr: SqlExpr) -> Result<Query> {
    let one = Parser::new(&PostgreSqlDialect {}).try_with_sql("SELECT 1").and_then(|mut parser| parser.parse_query());
    let mut query = *one.map_err(Error::internal)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![SelectItem::UnnamedExpr(expr)];
    }
    Ok(query)
}

fn expr_of(query: Query) -> Result<SqlExpr> {
    if let SetExpr::Select(select) = *query.body
        && let Some(SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) =
            select.projection.into_iter().next()
    {
        return Ok(expr);
    }
    Err(broken("its expression can't be planned"))
}

fn plan<P: ContextProvider>(planner: &P, expr: SqlExpr, columns: &DFSchema) -> Result<Expr> {
    let mut query = query_of(expr)?;
    by_condition(&mut query, planner).map_err(|error| broken("its expression can't be planned").with_detail(error))?;
    SqlToRel::new(planner)
        .sql_to_expr(expr_of(query)?, columns, &mut PlannerContext::new())
        .map_err(|error| broken("its expression can't be planned").with_detail(error))
}

/// The user learns that the table can't be read, not what the policy says.
pub(crate) fn broken(what: &str) -> Error {
    Error::new(ErrorCode::RestrictedTable, "a policy of this table can't be evaluated; ask an administrator")
        .with_detail(what)
}
