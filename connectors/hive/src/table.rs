//! A Hive table: its columns and what its files promise of them. How it is read lives in `read`.

use crate::footer::{Footer, Footers, check_fits};
use crate::listing::{DataFile, TableFiles, blocking, table_files};
use crate::partition;
use crate::table_file::TableFile;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, Fields, Schema, TimeUnit};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::scalar::ScalarValue;
use naru_connector::{
    Column, ConnectorError, DerivedFrom, ErrorKind, PlanSource, Predicate, QueryContext, Result, Scan, ScanRequest,
    Support, Table, TableName, TableStatistics,
};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One table as its files were when it was looked up. Files that came or went since are seen when it is read; columns
/// are not.
#[derive(Debug)]
pub(crate) struct HiveTable {
    pub(crate) catalog: Arc<str>,
    pub(crate) footers: Arc<Footers>,
    pub(crate) name: TableName,
    dir: PathBuf,
    comment: Option<String>,
    columns: Vec<Column>,
    /// File columns, then what is constant in a file: partition columns and hidden ones.
    pub(crate) schema: TableSchema,
    keys: Vec<String>,
    statistics: TableStatistics,
    fingerprint: u64,
}

impl HiveTable {
    /// Looks at a table's folder, its `.naru.toml` and the footer of its first file; at the footer only if `before`, what an earlier
    /// look gave, is not the same.
    pub(crate) async fn open(
        ctx: &QueryContext,
        catalog: Arc<str>,
        footers: Arc<Footers>,
        name: TableName,
        dir: &Path,
        before: Option<Arc<Self>>,
    ) -> Result<Arc<Self>> {
        let shown = shown(&name);
        let (files, described) = {
            let (dir, cancel) = (dir.to_owned(), ctx.cancel.clone());
            let (shown, below_root) = (shown.clone(), format!("{}/{}", name.schema, name.table));
            blocking(&ctx.io, move || {
                let files = table_files(&dir, &shown, &cancel)?;
                let described = TableFile::read(&dir, &below_root, &files.keys)?;
                Ok((files, described))
            })
            .await?
        };
        let fingerprint = fingerprint(dir, &files, &described);
        if let Some(before) = before.filter(|before| before.fingerprint == fingerprint) {
            return Ok(before);
        }
        let Some(first) = files.files.first() else {
            let message = format!("{shown} has no data files yet, so its columns are not known");
            return Err(ConnectorError::new(ErrorKind::Unsupported, message));
        };
        let read = footers.read(&ctx.io, &shown, &[first]).await?;
        let Some(footer) = read.first() else { return Err(ConnectorError::internal("a footer went missing")) };
        let statistics = estimate(&footers, footer, &files);
        let columns = columns(footer, &files.keys, &described);
        check_names(&shown, &columns)?;
        let constants = columns.iter().skip(footer.fields.len()).map(|column| Arc::clone(&column.field));
        let schema = TableSchema::builder(Arc::new(Schema::new(footer.fields.clone())))
            .with_table_partition_cols(constants.collect::<Fields>())
            .build();
        Ok(Arc::new(Self {
            catalog,
            footers,
            name,
            dir: dir.to_owned(),
            comment: described.comment,
            columns,
            schema,
            keys: files.keys,
            statistics,
            fingerprint,
        }))
    }

    /// The table's files now: listed once per query, so that a self-join reads one set.
    pub(crate) async fn list(&self, ctx: &QueryContext) -> Result<Arc<TableFiles>> {
        let shown = shown(&self.name);
        let key = format!("hive files of {}.{shown}", self.catalog);
        let listed: Arc<TableFiles> = ctx
            .once
            .get_or_try_init(&key, || {
                let (dir, cancel, shown) = (self.dir.clone(), ctx.cancel.clone(), shown.clone());
                blocking(&ctx.io, move || table_files(&dir, &shown, &cancel))
            })
            .await?;
        if !listed.files.is_empty() && listed.keys != self.keys {
            let message = format!("{shown}: the partition keys changed while the table was in use; try again");
            return Err(ConnectorError::new(ErrorKind::ObjectChanged, message));
        }
        Ok(listed)
    }

    /// The footers of `files`, each checked against the table's columns.
    pub(crate) async fn footers_of(&self, ctx: &QueryContext, files: &[&DataFile]) -> Result<Vec<Arc<Footer>>> {
        let shown = shown(&self.name);
        let footers = self.footers.read(&ctx.io, &shown, files).await?;
        for (footer, file) in footers.iter().zip(files) {
            check_fits(footer, &shown, &self.schema, file)?;
        }
        Ok(footers)
    }

    /// The value of every constant column in `file`, in the order of the schema.
    pub(crate) fn constants(&self, file: &DataFile) -> Result<Vec<ScalarValue>> {
        let mut values = Vec::with_capacity(self.schema.table_partition_cols().len());
        for (field, text) in self.schema.table_partition_cols().iter().zip(&file.values) {
            let value = partition::value(text.as_deref(), field.data_type()).ok_or_else(|| {
                let (shown, name, data_type) = (shown(&self.name), field.name(), field.data_type());
                let message = format!("{shown}: a folder's value of partition \"{name}\" is not of type {data_type}");
                ConnectorError::new(ErrorKind::Data, message).with_detail(&file.relative)
            })?;
            values.push(value);
        }
        let size = i64::try_from(file.size).map_err(|_| ConnectorError::internal("a file is too large"))?;
        let modified = DateTime::<Utc>::from(file.modified).timestamp_millis();
        values.push(ScalarValue::Utf8View(Some(file.path.to_string_lossy().into_owned())));
        values.push(ScalarValue::Int64(Some(size)));
        values.push(ScalarValue::TimestampMillisecond(Some(modified), Some("UTC".into())));
        Ok(values)
    }

    /// Is the column the same in all rows of a file?
    pub(crate) fn is_constant(&self, column: &str) -> bool {
        self.schema.table_partition_cols().iter().any(|field| field.name() == column)
    }
}

/// Of all that a table is made from: where it is, its files, what describes it. (A footer is its file's.)
fn fingerprint(dir: &Path, files: &TableFiles, described: &TableFile) -> u64 {
    let mut hasher = DefaultHasher::new();
    (dir, &files.keys, &described.comment, &described.types).hash(&mut hasher);
    for file in &files.files {
        (&file.relative, file.size, file.modified).hash(&mut hasher);
    }
    hasher.finish()
}

/// `schema.table` for messages.
pub(crate) fn shown(name: &TableName) -> String {
    format!("{}.{}", name.schema, name.table)
}

/// File columns, partition columns in folder order, hidden columns.
fn columns(footer: &Footer, keys: &[String], described: &TableFile) -> Vec<Column> {
    let in_files = footer.fields.iter().map(|field| Column::from_field(Arc::clone(field)));
    let partitions = keys.iter().map(|key| {
        let data_type = described.types.get(key).cloned().unwrap_or(DataType::Utf8View);
        Column::new(key, data_type, true)
    });
    let utc = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let hidden = [
        Column::new("$path", DataType::Utf8View, false).hidden(DerivedFrom::Columns(keys.to_vec())),
        Column::new("$file_size", DataType::Int64, false).hidden(DerivedFrom::AllColumns),
        Column::new("$file_modified_time", utc, false).hidden(DerivedFrom::AllColumns),
    ];
    in_files.chain(partitions).chain(hidden).collect()
}

fn check_names(shown: &str, columns: &[Column]) -> Result<()> {
    let mut seen = HashSet::new();
    for column in columns {
        if !seen.insert(column.name().to_lowercase()) {
            let message = format!("{shown}: two columns have the name \"{}\", ignoring case", column.name());
            return Err(ConnectorError::configuration(message));
        }
    }
    Ok(())
}

/// Rows as far as footers are known; other files are taken to be as dense as the first.
fn estimate(footers: &Footers, first: &Footer, files: &TableFiles) -> TableStatistics {
    let first_size = files.files.first().map_or(1, |file| file.size.max(1));
    let rows = files.files.iter().map(|file| match footers.known(file) {
        Some(known) => u128::from(known.rows),
        None => u128::from(first.rows) * u128::from(file.size) / u128::from(first_size),
    });
    let rows = u64::try_from(rows.sum::<u128>()).ok();
    TableStatistics { rows, bytes: Some(files.files.iter().map(|file| file.size).sum()) }
}

#[async_trait]
impl Table for HiveTable {
    fn columns(&self) -> &[Column] {
        &self.columns
    }

    fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    fn statistics(&self) -> TableStatistics {
        self.statistics
    }

    // Asked of tables that are read in splits; this one answers `supports_expr`.
    fn supports(&self, _predicate: &Predicate) -> Support {
        Support::Unsupported
    }

    async fn plan(&self, _ctx: &QueryContext, _request: ScanRequest) -> Result<Arc<dyn Scan>> {
        Err(ConnectorError::internal("a Hive table is read through its plan source"))
    }

    fn plan_source(&self) -> Option<&dyn PlanSource> {
        Some(self)
    }
}
