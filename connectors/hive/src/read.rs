//! How a Hive table is read: filters on what is constant in a file choose the files, DataFusion's Parquet reader does the
//! rest.

use crate::footer::{Footer, INT96_UNIT};
use crate::listing::DataFile;
use crate::nan::NanSafeAdapterFactory;
use crate::table::HiveTable;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Schema;
use datafusion::catalog::Session;
use datafusion::common::config::TableParquetOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Statistics, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::scalar::ScalarValue;
use naru_connector::{
    Column, ConnectorError, ErrorKind, PlanSource, PlannedFiles, QueryContext, Support, Table, translate,
};
use object_store::ObjectMeta;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A file that is read, with the values of the constant columns.
struct ChosenFile<'a> {
    file: &'a DataFile,
    constants: Vec<ScalarValue>,
}

#[async_trait]
impl PlanSource for HiveTable {
    async fn plan(
        &self,
        session: &dyn Session,
        ctx: &QueryContext,
        projection: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<PlannedFiles> {
        let listed = self.list(ctx).await?;
        let filters: Vec<_> = filters.iter().cloned().map(unnormalize_col).collect();
        let (exact, inexact): (Vec<_>, Vec<_>) =
            filters.into_iter().partition(|filter| self.supports_expr(filter) == Support::Exact);

        let chosen = self.prune(session, &listed.files, &exact)?;
        let files: Vec<_> = chosen.iter().map(|chosen| chosen.file).collect();
        let footers = self.footers_of(ctx, &files).await?;
        let statistics = self.statistics_of(&chosen, &footers);
        let splits = chosen.len();

        let mut remote = format!("files={splits}/{}", listed.files.len());
        if splits < listed.files.len() {
            remote.push_str(" pruned by ");
            remote.push_str(&columns_of(&exact, self.columns()).join(", "));
        }
        // A row that the reader gives may still be refused above when a filter is only a reduction.
        let limit = limit.filter(|_| inexact.is_empty());
        let plan = self.read(session, chosen, statistics, projection, inexact, limit)?;
        Ok(PlannedFiles { plan, splits, remote })
    }

    fn supports_expr(&self, filter: &Expr) -> Support {
        let Some(predicate) = translate::predicate(filter, self.columns()) else { return Support::Unsupported };
        let mut constant = true;
        predicate.for_each_column(&mut |column| constant &= self.is_constant(column.root()));
        if constant { Support::Exact } else { Support::Inexact }
    }
}

impl HiveTable {
    /// The files whose constants pass all `filters`, decided by the engine's own evaluation.
    fn prune<'a>(&self, session: &dyn Session, files: &'a [DataFile], filters: &[Expr]) -> Result<Vec<ChosenFile<'a>>> {
        let chosen = files.iter().map(|file| Ok(ChosenFile { file, constants: self.constants(file)? }));
        let chosen = chosen.collect::<Result<Vec<_>, ConnectorError>>()?;
        let Some(filter) = conjunction(filters.iter().cloned()).filter(|_| !chosen.is_empty()) else {
            return Ok(chosen);
        };
        let schema = Arc::new(Schema::new(self.schema.table_partition_cols().clone()));
        let column = |i: usize| ScalarValue::iter_to_array(chosen.iter().map(|chosen| chosen.constants[i].clone()));
        let columns = (0..schema.fields().len()).map(column).collect::<Result<_>>()?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let filter = session.create_physical_expr(filter, &DFSchema::try_from(schema)?)?;
        let passed = filter.evaluate(&batch)?.into_array(batch.num_rows())?;
        let passed = passed.as_boolean();
        let kept = chosen.into_iter().enumerate();
        Ok(kept.filter(|(i, _)| passed.is_valid(*i) && passed.value(*i)).map(|(_, chosen)| chosen).collect())
    }

    /// What is known of the chosen files together: estimates, for the order of joins. Columns' are left out where one file has
    /// none, or other columns than the table.
    fn statistics_of(&self, chosen: &[ChosenFile<'_>], footers: &[Arc<Footer>]) -> Statistics {
        let file_schema = self.schema.file_schema();
        let alike = |footer: &&Arc<Footer>| &footer.fields == file_schema.fields();
        let known: Option<Vec<_>> =
            footers.iter().map(|footer| Some(footer).filter(alike)?.statistics.as_ref()).collect();
        let merged = known.and_then(|known| Statistics::try_merge_iter(known, file_schema).ok());
        let mut statistics = Statistics::new_unknown(self.schema.table_schema());
        statistics.num_rows = inexact(footers.iter().map(|footer| footer.rows).sum());
        statistics.total_byte_size = inexact(chosen.iter().map(|chosen| chosen.file.size).sum());
        if let Some(merged) = merged.map(Statistics::to_inexact) {
            for (column, of_files) in statistics.column_statistics.iter_mut().zip(merged.column_statistics) {
                *column = of_files;
            }
            statistics.total_byte_size = merged.total_byte_size;
        }
        statistics
    }

    /// A plan over the chosen files.
    fn read(
        &self,
        session: &dyn Session,
        chosen: Vec<ChosenFile<'_>>,
        statistics: Statistics,
        projection: &[usize],
        filters: Vec<Expr>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema.table_schema();
        if chosen.is_empty() {
            return Ok(Arc::new(EmptyExec::new(Arc::new(schema.project(projection)?))));
        }
        let url = ObjectStoreUrl::local_filesystem();
        let reader = reader(session.runtime_env(), &url)?;
        let global = session.config_options().execution.parquet.clone();
        let mut options = TableParquetOptions { global, ..TableParquetOptions::default() };
        options.global.coerce_int96 = Some(INT96_UNIT.1.to_owned());
        let mut source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(reader);
        if let Some(filter) = conjunction(filters) {
            let filter = session.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(schema))?)?;
            source = source.with_predicate(filter);
        }

        let files = chosen.into_iter().map(partitioned_file).collect::<Result<Vec<_>, ConnectorError>>()?;
        let config = FileScanConfigBuilder::new(url, Arc::new(source))
            .with_file_groups(FileGroup::new(files).split_files(session.config().target_partitions()))
            .with_statistics(statistics)
            .with_limit(limit)
            .with_expr_adapter(Some(Arc::new(NanSafeAdapterFactory)))
            .with_projection_indices(Some(projection.to_vec()))?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// What a decoded leaf lacks: the reader with this process's cache, and the shield of floating-point bounds.
pub(crate) fn restored(leaf: Arc<dyn ExecutionPlan>, runtime: &RuntimeEnv) -> Result<Arc<dyn ExecutionPlan>> {
    let Some((config, source)) =
        leaf.downcast_ref::<DataSourceExec>().and_then(|leaf| leaf.downcast_to_file_source::<ParquetSource>())
    else {
        return internal_err!("a Hive table's leaf reads Parquet files");
    };
    let source = source.clone().with_parquet_file_reader_factory(reader(runtime, &config.object_store_url)?);
    let config = FileScanConfigBuilder::from(config.clone())
        .with_source(Arc::new(source))
        .with_expr_adapter(Some(Arc::new(NanSafeAdapterFactory)))
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

fn reader(runtime: &RuntimeEnv, url: &ObjectStoreUrl) -> Result<Arc<CachedParquetFileReaderFactory>> {
    let cache = runtime.cache_manager.get_file_metadata_cache();
    Ok(Arc::new(CachedParquetFileReaderFactory::new(runtime.object_store(url)?, cache)))
}

/// A file for DataFusion's reader, which takes every constant column for a partition column.
fn partitioned_file(chosen: ChosenFile<'_>) -> Result<PartitionedFile, ConnectorError> {
    let ChosenFile { file, constants } = chosen;
    let location = object_store::path::Path::from_absolute_path(&file.path).map_err(|error| {
        let message = format!("file \"{}\" has a name that can't be read", file.relative);
        ConnectorError::new(ErrorKind::Unsupported, message).with_detail(error)
    })?;
    let meta = ObjectMeta {
        location,
        last_modified: DateTime::<Utc>::from(file.modified),
        size: file.size,
        e_tag: None,
        version: None,
    };
    Ok(PartitionedFile::new_from_meta(meta).with_partition_values(constants))
}

fn inexact(n: u64) -> Precision<usize> {
    usize::try_from(n).map_or(Precision::Absent, Precision::Inexact)
}

/// The columns that filters read, sorted.
fn columns_of(filters: &[Expr], columns: &[Column]) -> Vec<String> {
    let mut names = BTreeSet::new();
    for predicate in filters.iter().filter_map(|filter| translate::predicate(filter, columns)) {
        predicate.for_each_column(&mut |column| {
            names.insert(column.root().to_owned());
        });
    }
    names.into_iter().collect()
}
