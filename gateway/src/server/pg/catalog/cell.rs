//! Rust values of a row struct as columns, and the macro that declares such a struct.

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Int16Array, Int32Array, Int64Array, ListBuilder, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use std::sync::Arc;

/// A value that a column of `pg_catalog` can hold.
pub(super) trait Cell: Sized {
    /// The column of these values.
    fn column(values: impl Iterator<Item = Self>) -> ArrayRef;
}

macro_rules! cells {
    ($($rust:ty => $array:ty, $value:ident -> $stored:expr;)*) => {
        $(impl Cell for $rust {
            fn column(values: impl Iterator<Item = Self>) -> ArrayRef {
                Arc::new(values.map(|$value| $stored).collect::<$array>())
            }
        })*
    };
}

cells! {
    // OIDs are 64 bits wide in a plan: comparisons with integers need no cast, and nothing is negative.
    u32 => Int64Array, value -> Some(i64::from(value));
    Option<u32> => Int64Array, value -> value.map(i64::from);
    i64 => Int64Array, value -> Some(value);
    i32 => Int32Array, value -> Some(value);
    i16 => Int16Array, value -> Some(value);
    f32 => Float32Array, value -> Some(value);
    bool => BooleanArray, value -> Some(value);
    &'static str => StringArray, value -> Some(value);
    String => StringArray, value -> Some(value);
    Option<String> => StringArray, value -> value;
    char => StringArray, value -> Some(value.to_string());
}

impl Cell for DateTime<Utc> {
    fn column(values: impl Iterator<Item = Self>) -> ArrayRef {
        let micros: TimestampMicrosecondArray = values.map(|value| Some(value.timestamp_micros())).collect();
        Arc::new(micros.with_timezone("UTC"))
    }
}

impl Cell for Option<Vec<String>> {
    fn column(values: impl Iterator<Item = Self>) -> ArrayRef {
        let mut list = ListBuilder::new(StringBuilder::new());
        for value in values {
            list.append_option(value.map(|items| items.into_iter().map(Some)));
        }
        Arc::new(list.finish())
    }
}

/// Declares the row struct of a relation. It has those columns that can hold more than a default; [`definition`](super::definition)
/// knows the others.
macro_rules! row {
    ($(#[$meta:meta])* $relation:literal { $($(#[$column_meta:meta])* $column:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub(super) struct Row { $($(#[$column_meta])* pub(super) $column: $type,)* }

        impl Row {
            /// The relation with these rows.
            pub(super) fn batch(rows: &[Self]) -> $crate::error::Result<datafusion::arrow::array::RecordBatch> {
                use $crate::server::pg::catalog::cell::Cell;
                let columns = vec![
                    $((stringify!($column), <$type as Cell>::column(rows.iter().map(|row| row.$column.clone()))),)*
                ];
                $crate::server::pg::catalog::definition::fill($relation, rows.len(), columns)
            }
        }
    };
}

pub(super) use row;
