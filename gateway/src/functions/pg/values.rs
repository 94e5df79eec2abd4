//! Functions over plain values that catalogs' clients use: types, quoting, encodings, arrays.

use super::row_function::{RowFunction, integer, oid, text};
use crate::error::{Error, ErrorCode};
use crate::server::pg::catalog::type_display;
use crate::server::pg::types;
use datafusion::arrow::array::{Array, ArrayRef, Int32Array, Int64Array, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(super) fn functions() -> Vec<RowFunction> {
    vec![
        RowFunction::text("format_type", 2..=2, |args| {
            let modifier = integer(args, 1).and_then(|modifier| i32::try_from(modifier).ok());
            let display = |oid: u32| {
                if oid == 0 { "-".to_owned() } else { type_display(oid, modifier).unwrap_or_else(|| "???".to_owned()) }
            };
            Ok(oid(args, 0).map(display))
        }),
        RowFunction::text("pg_typeof", 1..=1, |args| {
            let data_type = args.first().map_or(DataType::Null, ScalarValue::data_type);
            Ok(type_display(types::of_data_type(&data_type).oid(), None))
        }),
        RowFunction::text("quote_ident", 1..=1, |args| Ok(text(args, 0).map(quote_ident))),
        RowFunction::text("quote_literal", 1..=1, |args| Ok(text(args, 0).map(quote_literal))),
        RowFunction::text("pg_encoding_to_char", 1..=1, |args| {
            Ok(integer(args, 0).map(|encoding| if encoding == UTF8 { "UTF8".to_owned() } else { String::new() }))
        }),
        RowFunction::new("pg_char_to_encoding", 1..=1, (DataType::Int32, "int4"), |args| {
            let known = |name: &str| {
                if name.eq_ignore_ascii_case("utf8") || name.eq_ignore_ascii_case("utf-8") { 6 } else { -1 }
            };
            Ok(ScalarValue::Int32(text(args, 0).map(known)))
        }),
        RowFunction::new("array_upper", 2..=2, (DataType::Int32, "int4"), |args| bound(args, |length| length)),
        RowFunction::new("array_lower", 2..=2, (DataType::Int32, "int4"), |args| bound(args, |_| 1)),
        RowFunction::text("like_escape", 2..=2, |args| match (text(args, 0), text(args, 1)) {
            (Some(pattern), Some(escape)) => like_escape(pattern, escape).map(Some),
            _ => Ok(None),
        }),
        RowFunction::new("generate_subscripts", 2..=2, (subscripts_type(), "int4"), subscripts),
        RowFunction::new("_pg_expandarray", 1..=1, (expanded_type(), "text"), |args| expand(args.first())),
    ]
}

const UTF8: i64 = 6;

/// An identifier as SQL would have to write it: in quotes unless it is plain. Every word may be a keyword somewhere, but PostgreSQL
/// quotes only reserved ones.
pub(super) fn quote_ident(name: &str) -> String {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let plain = starts && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if plain && !RESERVED_WORDS.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

fn quote_literal(value: &str) -> String {
    let prefix = if value.contains('\\') { "E" } else { "" };
    format!("{prefix}'{}'", value.replace('\'', "''").replace('\\', "\\\\"))
}

/// The reserved words that occur as names of tables and columns.
pub(crate) const RESERVED_WORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "between",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_time",
    "current_user",
    "default",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "in",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "position",
    "precision",
    "primary",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "similar",
    "some",
    "substring",
    "table",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "when",
    "where",
    "window",
    "with",
];

/// A pattern of LIKE written anew so that the backslash escapes, and nothing else.
fn like_escape(pattern: &str, escape: &str) -> Result<String> {
    let mut escape = escape.chars();
    let (by, None) = (escape.next(), escape.next()) else {
        let error = Error::new(ErrorCode::InvalidParameter, "invalid escape string");
        return Err(error.with_hint("it must be empty or one character").into());
    };
    let mut result = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(next) = characters.next() {
        match next {
            next if Some(next) == by => {
                result.push('\\');
                result.extend(characters.next());
            }
            '\\' => result.push_str("\\\\"),
            other => result.push(other),
        }
    }
    Ok(result)
}

/// A list's elements, in one dimension.
fn items(value: Option<&ScalarValue>) -> Option<ArrayRef> {
    match value? {
        ScalarValue::List(list) if !list.is_null(0) => Some(list.value(0)),
        ScalarValue::LargeList(list) if !list.is_null(0) => Some(list.value(0)),
        _ => None,
    }
}

fn bound(args: &[ScalarValue], of: fn(i32) -> i32) -> Result<ScalarValue> {
    let length = items(args.first()).and_then(|items| i32::try_from(items.len()).ok());
    let in_first_dimension = integer(args, 1) == Some(1);
    Ok(ScalarValue::Int32(length.filter(|length| *length > 0 && in_first_dimension).map(of)))
}

fn subscripts_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)))
}

/// 1 to the array's length, as a list.
fn subscripts(args: &[ScalarValue]) -> Result<ScalarValue> {
    let length = items(args.first()).map_or(0, |items| items.len());
    let positions: Int32Array = (1..).take(length).map(Some).collect();
    Ok(SingleRowListArrayBuilder::new(Arc::new(positions)).build_list_scalar())
}

fn expanded_fields() -> Fields {
    Fields::from(vec![Field::new("x", DataType::Int64, true), Field::new("n", DataType::Int64, true)])
}

fn expanded_type() -> DataType {
    DataType::List(Arc::new(Field::new_list_field(DataType::Struct(expanded_fields()), true)))
}

/// A vector of column numbers as rows of element and position.
fn expand(value: Option<&ScalarValue>) -> Result<ScalarValue> {
    let Some(items) = items(value) else { return ScalarValue::try_from(&expanded_type()) };
    let elements = datafusion::arrow::compute::cast(&items, &DataType::Int64)?;
    let positions: Int64Array = (1..).take(items.len()).map(Some).collect();
    let rows = StructArray::try_new(expanded_fields(), vec![elements, Arc::new(positions)], None)?;
    Ok(SingleRowListArrayBuilder::new(Arc::new(rows)).build_list_scalar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meaning_of_a_pattern_stays() {
        for (pattern, escape, result) in
            [("pg/_%", "/", "pg\\_%"), ("a//b\\c", "/", "a\\/b\\\\c"), ("a\\_", "", "a\\\\_")]
        {
            assert_eq!(like_escape(pattern, escape).ok().as_deref(), Some(result));
        }
        assert!(like_escape("a", "ab").is_err());
    }

    #[test]
    fn names_are_quoted_where_sql_needs_it() {
        for (name, quoted) in [
            ("abc_1", "abc_1"),
            ("Abc", "\"Abc\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("1a", "\"1a\""),
            ("user", "\"user\""),
        ] {
            assert_eq!(quote_ident(name), quoted);
        }
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\b"), "E'a\\\\b'");
    }
}
