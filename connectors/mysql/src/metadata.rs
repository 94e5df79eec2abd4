//! What a server says of its own tables, by `information_schema`.

use crate::config::TypeOptions;
use crate::error::from_driver;
use crate::kind::{SourceType, TypeDescription};
use crate::pool::Servers;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use naru_connector::{ConnectorError, Result};
use std::collections::BTreeMap;

/// Schemas that servers keep for themselves.
const SYSTEM: &[&str] = &["information_schema", "mysql", "performance_schema", "sys", "ndbinfo"];

/// A physical table's column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PhysicalColumn {
    /// As the server writes it.
    pub(crate) name: String,
    pub(crate) source: SourceType,
    pub(crate) nullable: bool,
    pub(crate) comment: Option<String>,
}

/// A physical table.
#[derive(Debug, Clone, Default)]
pub(crate) struct PhysicalTable {
    /// As the server writes it.
    pub(crate) name: String,
    pub(crate) comment: Option<String>,
    pub(crate) rows: Option<u64>,
    pub(crate) bytes: Option<u64>,
    pub(crate) columns: Vec<PhysicalColumn>,
    /// The column that is the primary key alone.
    pub(crate) primary_key: Option<String>,
    /// Sets of column names that identify a row, primary key first.
    pub(crate) unique_keys: Vec<Vec<String>>,
}

/// The databases of a server, its own ones left out, as the server writes them.
pub(crate) async fn databases(servers: &Servers, server: usize) -> Result<Vec<String>> {
    let mut names = names(servers, server, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA", Vec::new()).await?;
    names.retain(|name| !SYSTEM.contains(&name.to_lowercase().as_str()));
    Ok(names)
}

/// The names of a database's tables and views, as the server writes them.
pub(crate) async fn table_names(servers: &Servers, server: usize, database: &str) -> Result<Vec<String>> {
    let text = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?";
    names(servers, server, text, vec![database]).await
}

async fn names(servers: &Servers, server: usize, text: &str, values: Vec<&str>) -> Result<Vec<String>> {
    let what = format!("server {server}");
    let mut lease = servers.lease(server, &what).await?;
    let rows = query(lease.conn()?, text, values, &what).await?;
    lease.finish();
    rows.into_iter().map(|row| Fields(row).required_text(0)).collect()
}

/// Tables of a database with everything known of them: all, or the one of this name.
pub(crate) async fn tables(
    servers: &Servers,
    server: usize,
    database: &str,
    table: Option<&str>,
    options: &TypeOptions,
) -> Result<Vec<PhysicalTable>> {
    let what = match table {
        Some(table) => format!("{database}.{table} on server {server}"),
        None => format!("{database} on server {server}"),
    };
    let mut lease = servers.lease(server, &what).await?;
    let described = describe(lease.conn()?, database, table, options, &what).await?;
    lease.finish();
    Ok(described)
}

async fn describe(
    conn: &mut Conn,
    database: &str,
    table: Option<&str>,
    options: &TypeOptions,
    what: &str,
) -> Result<Vec<PhysicalTable>> {
    let narrowed = |text: &str, order: &str| match table {
        Some(_) => format!("{text} WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? {order}"),
        None => format!("{text} WHERE TABLE_SCHEMA = ? {order}"),
    };
    let values: Vec<&str> = [database].into_iter().chain(table).collect();

    let text = "SELECT TABLE_NAME, TABLE_TYPE, TABLE_ROWS, DATA_LENGTH, TABLE_COMMENT FROM information_schema.TABLES";
    let mut tables = BTreeMap::new();
    for row in query(conn, &narrowed(text, ""), values.clone(), what).await? {
        let row = Fields(row);
        let name = row.required_text(0)?;
        // A view's comment is the word VIEW.
        let is_view = row.text(1)?.is_some_and(|kind| kind.contains("VIEW"));
        let comment = row.text(4)?.filter(|comment| !comment.is_empty() && !is_view);
        let table = PhysicalTable {
            name: name.clone(),
            comment,
            rows: row.number(2)?,
            bytes: row.number(3)?,
            ..PhysicalTable::default()
        };
        tables.insert(name, table);
    }

    let text = "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, NUMERIC_PRECISION, NUMERIC_SCALE, \
                CHARACTER_SET_NAME, COLUMN_COMMENT FROM information_schema.COLUMNS";
    for row in query(conn, &narrowed(text, "ORDER BY TABLE_NAME, ORDINAL_POSITION"), values.clone(), what).await? {
        let row = Fields(row);
        let Some(table) = tables.get_mut(&row.required_text(0)?) else { continue };
        if let Some(column) = column(&row, options)? {
            table.columns.push(column);
        }
    }

    // Keys over parts of a column's text say nothing about whole values.
    let text = "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, SUB_PART, NULLABLE FROM information_schema.STATISTICS";
    let order = "AND NON_UNIQUE = 0 ORDER BY TABLE_NAME, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX";
    let mut keys: Vec<(String, String, Vec<String>, bool)> = Vec::new();
    for row in query(conn, &narrowed(text, order), values, what).await? {
        let row = Fields(row);
        let (table, index, column) = (row.required_text(0)?, row.required_text(1)?, row.required_text(2)?);
        let usable = row.number(3)?.is_none() && row.text(4)?.is_none_or(|nullable| nullable != "YES");
        match keys.last_mut() {
            Some((of, name, columns, all)) if *of == table && *name == index => {
                columns.push(column);
                *all &= usable;
            }
            _ => keys.push((table, index, vec![column], usable)),
        }
    }
    for (table, index, columns, usable) in keys {
        if let Some(table) = tables.get_mut(&table).filter(|_| usable) {
            if let ("PRIMARY", [column]) = (index.as_str(), columns.as_slice()) {
                table.primary_key = Some(column.clone());
            }
            table.unique_keys.push(columns);
        }
    }
    Ok(tables.into_values().collect())
}

/// One column, unless its type hides it.
fn column(row: &Fields, options: &TypeOptions) -> Result<Option<PhysicalColumn>> {
    let description = TypeDescription {
        name: row.required_text(2)?.to_lowercase(),
        full: row.required_text(3)?.to_lowercase(),
        precision: row.number(5)?,
        scale: row.number(6)?,
        charset: row.text(7)?,
    };
    let Some(source) = description.source_type(options) else { return Ok(None) };
    let may_be_zero = options.zero_dates_are_null && source.kind.is_dated();
    Ok(Some(PhysicalColumn {
        name: row.required_text(1)?,
        source,
        nullable: may_be_zero || row.required_text(4)? != "NO",
        comment: row.text(8)?.filter(|comment| !comment.is_empty()),
    }))
}

/// Runs one of the statements above.
async fn query(conn: &mut Conn, text: &str, values: Vec<&str>, what: &str) -> Result<Vec<Row>> {
    let parameters = mysql_async::Params::Positional(values.into_iter().map(Into::into).collect());
    conn.exec(text, parameters).await.map_err(|error| from_driver(&error, what))
}

/// A row's fields by position. Servers differ in the types of these columns, so each is asked for what it holds.
struct Fields(Row);

impl Fields {
    fn text(&self, position: usize) -> Result<Option<String>> {
        match self.0.get_opt::<Option<String>, _>(position) {
            Some(Ok(text)) => Ok(text),
            _ => Err(odd()),
        }
    }

    fn required_text(&self, position: usize) -> Result<String> {
        self.text(position)?.ok_or_else(odd)
    }

    fn number(&self, position: usize) -> Result<Option<u64>> {
        match self.0.get_opt::<Option<u64>, _>(position) {
            Some(Ok(number)) => Ok(number),
            _ => Err(odd()),
        }
    }
}

fn odd() -> ConnectorError {
    ConnectorError::internal("a server describes its tables in an unknown way")
}
