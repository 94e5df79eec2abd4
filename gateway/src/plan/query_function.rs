//! `mysql_query('catalog', 'selector', 'statement')` in FROM: calls of a connector's query function, taken out of the syntax tree and
//! replaced by the names of the tables that they give.

use super::pg_compat::last;
use crate::error::{Error, ErrorCode, Result};
use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::ast::{
    FunctionArg, FunctionArgExpr, Ident, ObjectName, Query, TableAlias, TableFactor, Value, VisitMut, VisitorMut,
};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// Begins the name of such a table: a character of the private use area, which no tool types.
const MARK: char = '\u{f8ff}';

/// One call.
#[derive(Debug)]
pub(super) struct Call {
    /// The table's name in the rewritten query.
    pub(super) reference: TableReference,
    pub(super) function: String,
    pub(super) catalog: String,
    pub(super) selector: String,
    pub(super) statement: String,
}

/// Takes the calls of these functions out of a query.
pub(super) fn take(query: &mut Query, functions: HashSet<&'static str>) -> Result<Vec<Call>> {
    if functions.is_empty() {
        return Ok(Vec::new());
    }
    let mut taker = Taker { functions, calls: Vec::new() };
    match query.visit(&mut taker) {
        ControlFlow::Continue(()) => Ok(taker.calls),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Taker {
    functions: HashSet<&'static str>,
    calls: Vec<Call>,
}

impl VisitorMut for Taker {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        let TableFactor::Table { name, args: args @ Some(_), alias, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let Some(function) = last(name).filter(|function| self.functions.contains(function.as_str())) else {
            return ControlFlow::Continue(());
        };
        let given = args.take().map(|args| args.args).unwrap_or_default();
        let texts: Option<Vec<String>> = given.iter().map(text).collect();
        let Some(Ok([catalog, selector, statement])) = texts.map(<[String; 3]>::try_from) else {
            let text =
                format!("{function} takes three constant texts: a catalog, which of its servers, and a statement");
            return ControlFlow::Break(Error::new(ErrorCode::InvalidParameter, text));
        };
        let table = format!("{MARK}{}", self.calls.len());
        *name = ObjectName::from(vec![Ident::with_quote('"', &table)]);
        alias.get_or_insert_with(|| TableAlias {
            explicit: false,
            name: Ident::with_quote('"', &function),
            columns: Vec::new(),
            at: None,
        });
        let reference = TableReference::bare(table);
        self.calls.push(Call { reference, function, catalog, selector, statement });
        ControlFlow::Continue(())
    }
}

fn text(arg: &FunctionArg) -> Option<String> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = arg else { return None };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        Value::DollarQuotedString(text) => Some(text.value.clone()),
        _ => None,
    }
}
