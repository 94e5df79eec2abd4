//! `date_format`, `date_parse`, `date_add`, `date_diff`: what analysts bring from MySQL and Trino, with Trino's argument order; and
//! PostgreSQL's own texts, casts, intervals and functions of them.
//!
//! A `timestamp with time zone` is taken in the session's zone; days and longer units are counted on its calendar.

mod add;
mod cast;
mod diff;
mod format;
mod interval;
mod moment;
mod parse;
mod pattern;
pub(crate) mod span;
mod template;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod unit;
mod zone;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::ScalarUDF;
use std::sync::Arc;

pub(super) use cast::replaced as our_cast;
pub(crate) use cast::with_our_casts;
pub(crate) use interval::read as read_interval;
pub(super) use moment::session_zone;
pub(crate) use template::date_format_of;

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let ours = [
        Arc::new(ScalarUDF::from(format::DateFormat::default())),
        Arc::new(ScalarUDF::from(parse::DateParse::default())),
        Arc::new(ScalarUDF::from(add::DateAdd::default())),
        Arc::new(ScalarUDF::from(diff::DateDiff::default())),
        Arc::new(ScalarUDF::from(zone::TimeZone::default())),
    ];
    ours.into_iter().chain(cast::functions()).chain(span::functions()).chain(template::functions()).collect()
}

/// An argument that must be text.
fn text_type(function: &str, data_type: &DataType) -> Result<DataType> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Ok(DataType::Utf8),
        other => Err(wrong_type(function, other)),
    }
}

fn wrong_type(function: &str, data_type: &DataType) -> DataFusionError {
    DataFusionError::Plan(format!("function {function} does not take {}", crate::catalog::type_text(data_type)))
}

fn wrong_count(function: &str, takes: usize) -> DataFusionError {
    DataFusionError::Plan(format!("function {function} takes {takes} arguments"))
}

fn out_of_range() -> DataFusionError {
    crate::error::Error::new(crate::error::ErrorCode::DatetimeOutOfRange, "date or timestamp out of range").into()
}

fn invalid(message: String) -> DataFusionError {
    crate::error::Error::new(crate::error::ErrorCode::InvalidDatetime, message).into()
}

fn defect(what: &str) -> DataFusionError {
    exec_datafusion_err!("{what}")
}
