//! The first rows of an order, at the source and here.

use crate::context;
use crate::rows::{read, select, text};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::{SortColumn, SortOptions, lexsort_to_indices, take_record_batch};
use naru_connector::{ColumnPath, KeyExpr, ScanRequest, SortKey, Table, TopN};
use std::sync::Arc;

/// Compares the first rows by one column, both directions, NULLs at both ends. Gives how many orders the source took over.
pub async fn agree(table: &dyn Table, column: &str, limit: usize) -> usize {
    let all = select(table, &[]).await.expect("the whole table");
    let mut taken = 0;
    for (descending, nulls_first) in [(false, false), (false, true), (true, false), (true, true)] {
        let key = KeyExpr::Column(ColumnPath::column(column));
        let topn = TopN { keys: vec![SortKey { key, descending, nulls_first }], limit };
        let projection = (0..table.columns().len()).collect();
        let request = ScanRequest { projection, ..ScanRequest::default() };
        let scan = table.plan(&context(), request).await.expect("a scan");
        let Some(scan) = scan.with_topn(&topn) else { continue };
        taken += 1;
        let pushed = read(scan.as_ref()).await.expect("the first rows of each split");
        assert!(pushed.num_rows() <= limit * scan.splits().len(), "{column}: more rows than were asked for");
        let options = SortOptions { descending, nulls_first };
        // Rows that tie at the end may be any of them: the keys alone must agree.
        let keys = |batch| text(&first(batch, column, options, limit).project(&[0]).expect("the key column"));
        assert_eq!(keys(&pushed), keys(&all), "{column} {options:?}");
    }
    taken
}

fn first(batch: &RecordBatch, column: &str, options: SortOptions, limit: usize) -> RecordBatch {
    let position = batch.schema().index_of(column).expect("the key column");
    let batch = batch.project(&[position]).expect("the key column");
    let key = SortColumn { values: Arc::clone(batch.column(0)), options: Some(options) };
    let order = lexsort_to_indices(&[key], Some(limit)).expect("a column that sorts");
    take_record_batch(&batch, &order).expect("positions of rows")
}
