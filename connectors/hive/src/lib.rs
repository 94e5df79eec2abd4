//! Hive tables: folders of partitions, Parquet files.
