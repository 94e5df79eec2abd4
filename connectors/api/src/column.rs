//! What a table says of its columns and of its size.

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use std::sync::Arc;

/// Which columns' contents a column reveals. The policy barrier denies a column when anything it reveals is masked or
/// denied, so err on the side of naming too much.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum DerivedFrom {
    /// A column of its own: it reveals only itself.
    #[default]
    Itself,
    /// Computed from, or naming values of, these columns (a file path names partition values).
    Columns(Vec<String>),
    /// May reveal any column of the row (a raw Kafka message).
    AllColumns,
}

/// One column of a table as its source describes it.
#[derive(Debug, Clone)]
pub struct Column {
    /// Name, Arrow type and nullability; the name is the canonical one that policies and SQL use.
    pub field: FieldRef,
    /// The source's own comment.
    pub comment: Option<String>,
    /// Hidden columns are left out of `SELECT *` and of every list, and are reached by name.
    pub hidden: bool,
    /// What reading this column reveals.
    pub derived_from: DerivedFrom,
}

impl Column {
    /// A plain visible column.
    #[must_use]
    pub fn new(name: &str, data_type: DataType, nullable: bool) -> Self {
        Self::from_field(Arc::new(Field::new(name, data_type, nullable)))
    }

    /// A plain visible column over an existing Arrow field.
    #[must_use]
    pub fn from_field(field: FieldRef) -> Self {
        Self { field, comment: None, hidden: false, derived_from: DerivedFrom::Itself }
    }

    /// The same column, hidden and revealing `derived_from`.
    #[must_use]
    pub fn hidden(mut self, derived_from: DerivedFrom) -> Self {
        self.hidden = true;
        self.derived_from = derived_from;
        self
    }

    /// The same column with a comment.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// The canonical name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.field.name()
    }
}

/// What a source knows of a table's size, for the planner. Never exact: the planner must not answer from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableStatistics {
    /// Estimated number of rows.
    pub rows: Option<u64>,
    /// Estimated size in bytes.
    pub bytes: Option<u64>,
}
