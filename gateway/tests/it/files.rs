//! Parquet tables of a test's own, in catalog `lake`.

use crate::world::World;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::parquet::arrow::ArrowWriter;
use std::fs::File;

/// Writes table `lake.SCHEMA.TABLE`: a file for each `(folder below the table, rows)`, read in the order of their names.
pub(crate) fn write_table(world: &World, table: &str, files: Vec<(String, Vec<(&str, ArrayRef)>)>) {
    for (number, (folder, columns)) in files.into_iter().enumerate() {
        let folder = world.folder().join(table.replace('.', "/")).join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let rows = columns.into_iter().map(|(name, values)| (name, values, true));
        let rows = RecordBatch::try_from_iter_with_nullable(rows).unwrap();
        let file = File::create(folder.join(format!("part-{number:03}.parquet"))).unwrap();
        let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
    }
}
