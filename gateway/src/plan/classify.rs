//! An allow-list of statement kinds. What isn't named here is refused: it never reaches DataFusion.

use super::{CopyFormat, Fetch};
use crate::error::{Error, ErrorCode, Result};
use datafusion::sql::sqlparser::ast::{
    CloseCursor, CopySource, CopyTarget, DataType, Declare, DiscardObject, Expr, Ident, ObjectName, Query, Set,
    SetExpr, ShowStatementFilter, ShowStatementIn, ShowStatementOptions, Statement, Use, UtilityOption,
};

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
    /// COPY of a query, or of a table, to the client.
    Copy {
        /// The query.
        query: &'a Query,
        /// How its rows are written.
        format: CopyFormat,
    },
    /// DECLARE name CURSOR FOR query
    Declare {
        /// Its name.
        name: &'a Ident,
        /// The query.
        query: &'a Query,
        /// BINARY?
        binary: bool,
        /// WITH HOLD?
        hold: bool,
        /// SCROLL?
        scroll: bool,
    },
    /// FETCH or MOVE
    Fetch {
        /// The cursor.
        name: &'a Ident,
        /// Which rows.
        rows: Fetch,
        /// Is it a MOVE, which passes over them?
        moves: bool,
    },
    /// CLOSE name, or ALL for `None`.
    Close(Option<&'a Ident>),
    /// SHOW CATALOGS (or DATABASES).
    ShowCatalogs,
    /// SHOW SCHEMAS.
    ShowSchemas(Option<&'a ShowStatementIn>),
    /// SHOW TABLES.
    ShowTables(Option<&'a ShowStatementIn>, Option<&'a ShowStatementFilter>),
    /// SHOW COLUMNS and DESCRIBE.
    ShowColumns(&'a ObjectName),
    /// PREPARE name [(types)] AS statement
    Prepare {
        /// Its name.
        name: &'a Ident,
        /// The types of `$1`, `$2`, ... as far as they are given.
        types: &'a [DataType],
        /// What it prepares.
        statement: &'a Statement,
    },
    /// EXECUTE name [(values)]
    Execute {
        /// The name of a prepared statement.
        name: &'a ObjectName,
        /// The values of `$1`, `$2`, ...
        values: &'a [Expr],
    },
    /// DEALLOCATE name, or ALL.
    Deallocate(&'a Ident),
    /// DISCARD ALL, or a part of it.
    Discard(&'a DiscardObject),
    /// SHOW name
    ShowVariable(String),
    /// SHOW ALL
    ShowAll,
    /// SHOW SESSION
    ShowSession,
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
    /// Savepoints: a transaction that only reads has nothing to roll back to.
    NoOp(&'static str),
}

impl Kind<'_> {
    /// The query that it runs or describes, if it does.
    #[must_use]
    pub fn query(&self) -> Option<&Query> {
        match self {
            Self::Query(query)
            | Self::Explain { query, .. }
            | Self::Copy { query, .. }
            | Self::Declare { query, .. } => Some(query),
            _ => None,
        }
    }

    /// Does it tell what exists?
    #[must_use]
    pub fn reads_metadata(&self) -> bool {
        matches!(
            self,
            Self::ShowCatalogs
                | Self::ShowSchemas(_)
                | Self::ShowTables(..)
                | Self::ShowColumns(_)
                | Self::ShowAll
                | Self::ShowSession
                | Self::Use(_)
        )
    }
}

/// Which kind a statement is, or why it is refused.
pub fn classify(statement: &Statement) -> Result<Kind<'_>> {
    match statement {
        Statement::Query(query) => read_only(query).map(Kind::Query),
        Statement::Explain { analyze, verbose, statement, format: None, options, .. } => {
            let (mut analyze, mut verbose) = (*analyze, *verbose);
            for option in options.iter().flatten() {
                explain_option(option, &mut analyze, &mut verbose)?;
            }
            match statement.as_ref() {
                Statement::Query(query) => Ok(Kind::Explain { query: read_only(query)?, analyze, verbose }),
                _ => Err(Error::unsupported("EXPLAIN of anything but a query")),
            }
        }
        Statement::Copy { source, to, target, options, .. } => match (to, target, source) {
            (true, CopyTarget::Stdout, CopySource::Query(query)) => {
                Ok(Kind::Copy { query: read_only(query)?, format: CopyFormat::new(options)? })
            }
            (true, CopyTarget::File { .. } | CopyTarget::Program { .. }, _) => Err(copy_on_the_server()),
            _ => Err(Error::new(ErrorCode::ReadOnly, "Naru is read-only: it changes nothing in its sources")),
        },
        Statement::Declare { stmts } => match stmts.as_slice() {
            [declare] => cursor(declare),
            _ => Err(Error::unsupported("this form of DECLARE")),
        },
        Statement::Fetch { name, direction, into, .. } => {
            Ok(Kind::Fetch { name, rows: Fetch::new(direction), moves: into.is_some() })
        }
        Statement::Close { cursor } => Ok(Kind::Close(match cursor {
            CloseCursor::All => None,
            CloseCursor::Specific { name } => Some(name),
        })),
        Statement::ExplainTable { table_name, .. } => Ok(Kind::ShowColumns(table_name)),
        Statement::ShowColumns { show_options: ShowStatementOptions { show_in: Some(place), .. }, .. } => {
            place.parent_name.as_ref().map(Kind::ShowColumns).ok_or_else(|| Error::unsupported("this form of SHOW"))
        }
        Statement::Prepare { name, data_types, statement } => match classify(statement)? {
            Kind::Query(_) => Ok(Kind::Prepare { name, types: data_types, statement }),
            _ => Err(Error::unsupported("PREPARE of anything but a query")),
        },
        Statement::Execute { name: Some(name), parameters, immediate: false, using, into, .. }
            if using.is_empty() && into.is_empty() =>
        {
            Ok(Kind::Execute { name, values: parameters })
        }
        Statement::Deallocate { name, .. } => Ok(Kind::Deallocate(name)),
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
            Ok(match name.as_str() {
                // The parser has taken the word SESSION.
                "" => Kind::ShowSession,
                "all" => Kind::ShowAll,
                _ => Kind::ShowVariable(name),
            })
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
        // Nobody can listen, so there is nothing to end: pools say it to put a connection back.
        Statement::UNLISTEN { .. } => Ok(Kind::NoOp("UNLISTEN")),
        Statement::Discard { object_type } => Ok(Kind::Discard(object_type)),
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

fn copy_on_the_server() -> Error {
    let message = "permission denied to COPY to a file or a program of the server";
    let hint = "Anyone can COPY to stdout. psql's \\copy command also works for anyone.";
    Error::new(ErrorCode::InsufficientPrivilege, message).with_hint(hint)
}

fn cursor(declare: &Declare) -> Result<Kind<'_>> {
    let (Some(query), [name]) = (&declare.for_query, declare.names.as_slice()) else {
        return Err(Error::unsupported("this form of DECLARE"));
    };
    let [binary, hold, scroll] = [declare.binary, declare.hold, declare.scroll].map(|given| given == Some(true));
    Ok(Kind::Declare { name, query: read_only(query)?, binary, hold, scroll })
}

/// PostgreSQL's options in parentheses; those that only choose what is printed change nothing here.
fn explain_option(option: &UtilityOption, analyze: &mut bool, verbose: &mut bool) -> Result<()> {
    let on = match option.arg.as_ref().map(|arg| arg.to_string().to_lowercase()) {
        None => true,
        Some(word) => match word.trim_matches('\'') {
            "true" | "on" | "1" => true,
            "false" | "off" | "0" => false,
            "text" if option.name.value.eq_ignore_ascii_case("format") => true,
            _ => return Err(Error::unsupported(format!("EXPLAIN option {}", option.name.value.to_uppercase()))),
        },
    };
    match option.name.value.to_lowercase().as_str() {
        "analyze" => *analyze = on,
        "verbose" => *verbose = on,
        "costs" | "settings" | "buffers" | "wal" | "timing" | "summary" | "format" => {}
        other => {
            let message = format!("unrecognized EXPLAIN option \"{other}\"");
            return Err(Error::new(ErrorCode::SyntaxError, message));
        }
    }
    Ok(())
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
