//! An allow-list of statement kinds. What isn't named here is refused: it never reaches DataFusion.

use crate::error::{Error, ErrorCode, Result};
use datafusion::sql::sqlparser::ast::{Query, Set, SetExpr, ShowStatementFilter, ShowStatementIn, Statement, Use};

/// What a statement asks for.
#[derive(Debug)]
pub enum Kind<'a> {
    /// SELECT, VALUES, TABLE, WITH.
    Query(&'a Query),
    /// EXPLAIN of a query.
    Explain {
        /// The query.
        query: &'a Query,
        /// Run it and show metrics?
        analyze: bool,
        /// Show the plan's nodes?
        verbose: bool,
    },
    /// SHOW CATALOGS (or DATABASES).
    ShowCatalogs,
    /// SHOW SCHEMAS.
    ShowSchemas(Option<&'a ShowStatementIn>),
    /// SHOW TABLES.
    ShowTables(Option<&'a ShowStatementIn>, Option<&'a ShowStatementFilter>),
    /// SHOW name
    ShowVariable(String),
    /// SET name = value, or TO DEFAULT.
    Set(&'a Set),
    /// RESET name or ALL.
    Reset(&'a Statement),
    /// USE [catalog.]schema
    Use(&'a Use),
    /// BEGIN
    Begin,
    /// COMMIT
    Commit,
    /// ROLLBACK
    Rollback,
    /// A kind of its own that the session handles: savepoints, DISCARD.
    NoOp(&'static str),
}

/// Which kind a statement is, or why it is refused.
pub fn classify(statement: &Statement) -> Result<Kind<'_>> {
    match statement {
        Statement::Query(query) => read_only(query).map(Kind::Query),
        Statement::Explain { analyze, verbose, statement, format: None, options: None, .. } => {
            match statement.as_ref() {
                Statement::Query(query) => {
                    Ok(Kind::Explain { query: read_only(query)?, analyze: *analyze, verbose: *verbose })
                }
                _ => Err(Error::unsupported("EXPLAIN of anything but a query")),
            }
        }
        Statement::ShowCatalogs { .. } | Statement::ShowDatabases { .. } => Ok(Kind::ShowCatalogs),
        Statement::ShowSchemas { show_options, .. } => Ok(Kind::ShowSchemas(show_options.show_in.as_ref())),
        Statement::ShowTables { show_options, .. } => {
            let filter = show_options.filter_position.as_ref().map(|position| match position {
                datafusion::sql::sqlparser::ast::ShowStatementFilterPosition::Infix(filter)
                | datafusion::sql::sqlparser::ast::ShowStatementFilterPosition::Suffix(filter) => filter,
            });
            Ok(Kind::ShowTables(show_options.show_in.as_ref(), filter))
        }
        Statement::ShowVariable { variable } => {
            let name = variable.iter().map(|part| part.value.to_lowercase()).collect::<Vec<_>>().join(" ");
            Ok(Kind::ShowVariable(name))
        }
        Statement::Set(set) => Ok(Kind::Set(set)),
        Statement::Reset(_) => Ok(Kind::Reset(statement)),
        Statement::Use(target) => Ok(Kind::Use(target)),
        Statement::StartTransaction { .. } => Ok(Kind::Begin),
        Statement::Commit { .. } => Ok(Kind::Commit),
        Statement::Rollback { savepoint: None, .. } => Ok(Kind::Rollback),
        Statement::Rollback { savepoint: Some(_), .. } => Ok(Kind::NoOp("ROLLBACK")),
        Statement::Savepoint { .. } => Ok(Kind::NoOp("SAVEPOINT")),
        Statement::ReleaseSavepoint { .. } => Ok(Kind::NoOp("RELEASE")),
        Statement::Discard { .. } => Ok(Kind::NoOp("DISCARD ALL")),
        Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Truncate(_)
        | Statement::CreateTable(_)
        | Statement::CreateView(_)
        | Statement::CreateSchema { .. }
        | Statement::CreateDatabase { .. }
        | Statement::CreateIndex(_)
        | Statement::CreateRole(_)
        | Statement::AlterTable(_)
        | Statement::Drop { .. } => {
            Err(Error::new(ErrorCode::ReadOnly, "Naru is read-only: it changes nothing in its sources"))
        }
        _ => Err(Error::unsupported("this statement")),
    }
}

/// A query may hide a write (`SELECT ... INTO`, a data-modifying CTE) or a lock.
fn read_only(query: &Query) -> Result<&Query> {
    if !query.locks.is_empty() {
        return Err(Error::new(ErrorCode::ReadOnly, "Naru is read-only: it locks no rows"));
    }
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        read_only(&cte.query)?;
    }
    read_only_body(&query.body)?;
    Ok(query)
}

fn read_only_body(body: &SetExpr) -> Result<()> {
    let write = || Err(Error::new(ErrorCode::ReadOnly, "Naru is read-only: it changes nothing in its sources"));
    match body {
        SetExpr::Select(select) if select.into.is_some() => write(),
        SetExpr::Select(_) | SetExpr::Values(_) | SetExpr::Table(_) => Ok(()),
        SetExpr::Query(query) => read_only(query).map(drop),
        SetExpr::SetOperation { left, right, .. } => {
            read_only_body(left)?;
            read_only_body(right)
        }
        _ => write(),
    }
}
