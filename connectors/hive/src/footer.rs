//! Parquet footers: which columns a file has and how many rows, kept per file as long as its size and time stay. Also the
//! rule when a file fits its table.

use crate::listing::{DataFile, blocking, io_error};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, TimeUnit};
use datafusion::common::Statistics;
use datafusion::datasource::physical_plan::parquet::Int96Coercer;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaDataReader;
use futures::{StreamExt, TryStreamExt, stream};
use naru_connector::{ConnectorError, ErrorKind, Result};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::runtime::Handle;

/// Footers read at the same time for one query.
const READS_IN_FLIGHT: usize = 16;

/// Footers kept; when there are more the cache starts again.
const MOST_KEPT: usize = 200_000;

/// Columns of files whose statistics are kept: those of one take some 400 bytes. Further files go without.
const MOST_COLUMNS: usize = 100_000;

/// What a table wants to know of one file.
#[derive(Debug)]
pub(crate) struct Footer {
    /// The columns as DataFusion's reader will give them; equal for most files of a table, so shared.
    pub(crate) fields: Fields,
    pub(crate) rows: u64,
    /// Bounds, NULLs and sizes of `fields`: what joins are ordered by. Not for deciding which rows there are, see [`crate::nan`].
    pub(crate) statistics: Option<Statistics>,
}

/// A file's identity: the same path with other content has another size or time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key(PathBuf, u64, SystemTime);

impl Key {
    fn of(file: &DataFile) -> Self {
        Self(file.path.clone(), file.size, file.modified)
    }
}

/// The footers of one catalog.
#[derive(Debug, Default)]
pub(crate) struct Footers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    footers: HashMap<Key, Arc<Footer>>,
    /// One copy of each list of columns.
    fields: HashSet<Fields>,
    /// How many columns have statistics here.
    columns: usize,
}

impl Kept {
    fn keep(&mut self, key: Key, mut footer: Footer) -> Arc<Footer> {
        if self.footers.len() >= MOST_KEPT {
            *self = Self::default();
        }
        match self.fields.get(&footer.fields) {
            Some(shared) => footer.fields = shared.clone(),
            None => drop(self.fields.replace(footer.fields.clone())),
        }
        match self.columns + footer.fields.len() {
            columns if columns <= MOST_COLUMNS => self.columns = columns,
            _ => footer.statistics = None,
        }
        let footer = Arc::new(footer);
        self.footers.insert(key, Arc::clone(&footer));
        footer
    }
}

impl Footers {
    /// The footer of `file` if it was read before.
    pub(crate) fn known(&self, file: &DataFile) -> Option<Arc<Footer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).footers.get(&Key::of(file)).cloned()
    }

    /// The footers of `files`, in their order. Failures are not kept.
    pub(crate) async fn read(&self, io: &Handle, table: &str, files: &[&DataFile]) -> Result<Vec<Arc<Footer>>> {
        // Collected first: a closure over borrowed files inside the stream would not be general enough for async_trait.
        let reads: Vec<_> = files.iter().map(|file| self.read_one(io, table, file)).collect();
        stream::iter(reads).buffered(READS_IN_FLIGHT).try_collect().await
    }

    async fn read_one(&self, io: &Handle, table: &str, file: &DataFile) -> Result<Arc<Footer>> {
        if let Some(known) = self.known(file) {
            return Ok(known);
        }
        let (path, what) = (file.path.clone(), format!("{table}: file \"{}\"", file.relative));
        let footer = blocking(io, move || {
            let opened = File::open(path).map_err(|error| io_error(&what, &error))?;
            read_footer(&opened).map_err(|error| {
                ConnectorError::new(ErrorKind::Data, format!("{what} is not a readable Parquet file"))
                    .with_detail(error)
            })
        })
        .await?;
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).keep(Key::of(file), footer))
    }
}

/// INT96, which Hive and Spark write for timestamps, is read as microseconds: nanoseconds end in 2262. The reader is set
/// to the same.
pub(crate) const INT96_UNIT: (TimeUnit, &str) = (TimeUnit::Microsecond, "us");

fn read_footer(file: &File) -> ParquetResult<Footer> {
    let metadata = ParquetMetaDataReader::new().parse_and_finish(file)?;
    let file_metadata = metadata.file_metadata();
    let parquet = file_metadata.schema_descr();
    let schema = parquet_to_arrow_schema(parquet, file_metadata.key_value_metadata())?;
    let schema = Int96Coercer::new(parquet, &schema, &INT96_UNIT.0).coerce().unwrap_or(schema);
    let rows = u64::try_from(file_metadata.num_rows())
        .map_err(|_| ParquetError::General("negative number of rows".to_owned()))?;
    let fields: Fields = schema.fields().iter().map(|field| table_field(field)).collect();
    let described = Arc::new(Schema::new(fields.clone()));
    let statistics = DFParquetMetadata::statistics_from_parquet_metadata(&metadata, &described).ok();
    Ok(Footer { fields, rows, statistics })
}

/// A file's field as a table has it: nullable, since another file may lack it, without the writer's annotations, and of
/// the one Arrow type that all encodings of a text or of bytes are read as.
fn table_field(field: &Field) -> Field {
    Field::new(field.name(), table_type(field.data_type()), true)
}

fn table_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8View,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::BinaryView,
        DataType::Dictionary(_, values) => table_type(values),
        other => other.clone(),
    }
}

/// Does a file fit its table? Columns that only one of them has are fine: the file's are not read, the table's are NULL.
/// A column of another type, or of a name that differs only by case (it would silently read as NULL), is not.
pub(crate) fn check_fits(footer: &Footer, table: &str, schema: &TableSchema, file: &DataFile) -> Result<()> {
    let wrong = |text: String| {
        let message = format!("{table}: file \"{}\": {text}", file.relative);
        Err(ConnectorError::new(ErrorKind::Data, message))
    };
    if &footer.fields == schema.file_schema().fields() {
        return Ok(());
    }
    for field in &footer.fields {
        let name = field.name();
        let Some(expected) =
            schema.table_schema().fields().iter().find(|f| f.name().to_lowercase() == name.to_lowercase())
        else {
            continue;
        };
        if expected.name() != name {
            return wrong(format!("column \"{name}\" differs from column \"{}\" only by case", expected.name()));
        }
        if !expected.data_type().equals_datatype(field.data_type()) {
            let (here, there) = (field.data_type(), expected.data_type());
            return wrong(format!("column \"{name}\" is {here}, the table's is {there}"));
        }
    }
    Ok(())
}
