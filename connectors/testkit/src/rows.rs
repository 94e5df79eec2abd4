//! Reading a table and comparing what came.

use crate::context;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use naru_connector::{Predicate, Result, Scan, ScanRequest, Table};

/// Reads every split of a scan to its end, in order.
pub async fn read(scan: &dyn Scan) -> Result<RecordBatch> {
    let mut batches = Vec::new();
    for split in scan.splits() {
        let stream = scan.open(&context(), split, &[]).await?;
        batches.extend(stream.try_collect::<Vec<_>>().await?);
    }
    for batch in &batches {
        assert_eq!(batch.schema().fields(), scan.schema().fields(), "a batch of another shape than promised");
    }
    Ok(concat_batches(&scan.schema(), &batches).expect("batches of one schema"))
}

/// All columns of the rows that the source gives for these predicates.
pub async fn select(table: &dyn Table, predicates: &[Predicate]) -> Result<RecordBatch> {
    let projection = (0..table.columns().len()).collect();
    let request = ScanRequest { projection, predicates: predicates.to_vec(), limit: None };
    read(table.plan(&context(), request).await?.as_ref()).await
}

/// Each row in a form that is equal exactly when the rows are, sorted: a multiset.
#[must_use]
pub fn multiset(batch: &RecordBatch) -> Vec<Vec<u8>> {
    let fields = batch.columns().iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields).expect("columns that compare");
    let rows = converter.convert_columns(batch.columns()).expect("columns of the announced types");
    let mut rows: Vec<_> = rows.iter().map(|row| row.as_ref().to_vec()).collect();
    rows.sort_unstable();
    rows
}

/// Rows as text, for messages and for expectations written by hand.
#[must_use]
pub fn text(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("NULL");
    let format = |column: &ArrayRef, row| {
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options).expect("a column that can be shown");
        formatter.value(row).to_string()
    };
    let columns = batch.columns();
    (0..batch.num_rows()).map(|row| columns.iter().map(|c| format(c, row)).collect::<Vec<_>>().join("|")).collect()
}

/// Asserts that two results are equal row by row: exactly, floating-point numbers within 1e-12 of their size.
pub fn assert_close(left: &RecordBatch, right: &RecordBatch, what: &str) {
    assert_eq!(left.num_rows(), right.num_rows(), "{what}:\n{:?}\n{:?}", text(left), text(right));
    for (a, b) in left.columns().iter().zip(right.columns()) {
        if a.data_type() != &DataType::Float64 {
            assert_eq!(a, b, "{what}:\n{:?}\n{:?}", text(left), text(right));
            continue;
        }
        let (a, b) = (a.as_primitive::<Float64Type>(), b.as_primitive::<Float64Type>());
        for (a, b) in a.iter().zip(b.iter()) {
            let close = match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1.0),
                (a, b) => a == b,
            };
            assert!(close, "{what}: {a:?} is not {b:?}");
        }
    }
}
