//! SQL functions that DataFusion lacks.

pub(crate) mod pg;
