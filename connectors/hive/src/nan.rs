//! Keeps Parquet's bounds of floating-point columns out of pruning.
//!
//! Parquet leaves NaN out of a column's minimum and maximum, DataFusion compares NaN as greater than every number, and its
//! pruning trusts the bounds all the same: `x > 5` loses the NaN rows of a row group whose maximum is 1
//! (<https://github.com/apache/datafusion/issues/15812>). Filters reach the reader by several ways (the table's own
//! predicate, pushdown of a filter above, dynamic filters), and all pass the scan's expression adapter: here a
//! floating-point column inside a filter becomes a [`Shielded`] one, which pruning doesn't know and leaves alone.
//!
//! May go when DataFusion knows of it; the test `nan_is_greater_than_every_number_in_files_too` says when.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// DataFusion's own adapter, and then the shield.
#[derive(Debug)]
pub(crate) struct NanSafeAdapterFactory;

impl PhysicalExprAdapterFactory for NanSafeAdapterFactory {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let inner = DefaultPhysicalExprAdapterFactory.create(logical, Arc::clone(&physical))?;
        Ok(Arc::new(NanSafeAdapter { inner, physical }))
    }
}

#[derive(Debug)]
struct NanSafeAdapter {
    inner: Arc<dyn PhysicalExprAdapter>,
    physical: SchemaRef,
}

impl PhysicalExprAdapter for NanSafeAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let adapted = self.inner.rewrite(expr)?;
        // Only a condition can prune; what is projected stays as the reader likes it.
        if adapted.data_type(&self.physical)? != DataType::Boolean {
            return Ok(adapted);
        }
        let shield = |expr: Arc<dyn PhysicalExpr>| {
            let floating = expr.is::<Column>() && expr.data_type(&self.physical)?.is_floating();
            Ok(if floating { Transformed::yes(Arc::new(Shielded(expr)) as _) } else { Transformed::no(expr) })
        };
        Ok(adapted.transform_up(shield)?.data)
    }
}

/// An expression as it is, that no statistics are asked about.
#[derive(Debug, Eq)]
struct Shielded(Arc<dyn PhysicalExpr>);

// By hand, as DataFusion's own expressions do it: the derived ones don't compile (rust-lang/rust#78808).
impl PartialEq for Shielded {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq(&other.0)
    }
}

impl Hash for Shielded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl fmt::Display for Shielded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PhysicalExpr for Shielded {
    fn data_type(&self, schema: &Schema) -> Result<DataType> {
        self.0.data_type(schema)
    }

    fn nullable(&self, schema: &Schema) -> Result<bool> {
        self.0.nullable(schema)
    }

    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.0.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.0.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.0]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        let Ok([inner]) = <[_; 1]>::try_from(children) else {
            return internal_err!("a shielded expression has one child");
        };
        Ok(Arc::new(Self(inner)))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_sql(f)
    }
}
