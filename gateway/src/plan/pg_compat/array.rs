//! Array literals: `'{a,"b c",NULL}'` (PostgreSQL manual, 8.15.2), of one dimension.

use crate::error::{Error, ErrorCode, Result};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{self, ExprSchemable, lit};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{Array, Expr, Value};
use std::iter::Peekable;
use std::str::Chars;

/// The literal as an array of texts.
pub(super) fn elements(literal: &str) -> Result<Expr> {
    let value = |value: Option<String>| Expr::Value(value.map_or(Value::Null, Value::SingleQuotedString).into());
    Ok(Expr::Array(Array { elem: parse(literal)?.into_iter().map(value).collect(), named: true }))
}

/// The elements of a literal; `None` is NULL.
fn parse(literal: &str) -> Result<Vec<Option<String>>> {
    let malformed = || {
        Error::new(ErrorCode::InvalidTextRepresentation, format!("malformed array literal: \"{literal}\""))
            .with_hint("an array of one dimension is written {a,b,c}")
    };
    let inside = literal.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(malformed)?;
    let mut chars = inside.chars().peekable();
    let mut elements = Vec::new();
    if !inside.trim().is_empty() {
        loop {
            elements.push(element(&mut chars).ok_or_else(malformed)?);
            match chars.next() {
                Some(',') => {}
                None => break,
                Some(_) => return Err(malformed()),
            }
        }
    }
    Ok(elements)
}

/// Beside an array, a text is an array literal: `roles = '{0}'`. Types are known only once names are resolved, so this is not
/// done in the syntax tree.
#[derive(Debug)]
pub(in crate::plan) struct LiteralsBesideArrays;

impl ExprPlanner for LiteralsBesideArrays {
    fn plan_binary_op(
        &self,
        mut expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> datafusion::error::Result<PlannerResult<RawBinaryExpr>> {
        if let Some(array) = literal_like(&expr.left, &expr.right, schema)? {
            expr.left = array;
        } else if let Some(array) = literal_like(&expr.right, &expr.left, schema)? {
            expr.right = array;
        }
        Ok(PlannerResult::Original(expr))
    }
}

/// A text literal as a list of the other operand's type, if that is one.
fn literal_like(
    literal: &logical_expr::Expr,
    other: &logical_expr::Expr,
    schema: &DFSchema,
) -> datafusion::error::Result<Option<logical_expr::Expr>> {
    let logical_expr::Expr::Literal(ScalarValue::Utf8(Some(text)), _) = literal else { return Ok(None) };
    let Ok(DataType::List(item)) = other.get_type(schema) else { return Ok(None) };
    let element = |text: Option<String>| ScalarValue::Utf8(text).cast_to(item.data_type());
    let elements = parse(text)?.into_iter().map(element).collect::<datafusion::error::Result<Vec<_>>>()?;
    Ok(Some(lit(ScalarValue::List(ScalarValue::new_list_nullable(&elements, item.data_type())))))
}

/// One element up to the next comma: `Some(None)` is NULL, `None` is no element.
fn element(chars: &mut Peekable<Chars<'_>>) -> Option<Option<String>> {
    let mut value = String::new();
    let mut quoted = false;
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
    while let Some(&next) = chars.peek() {
        match next {
            ',' => break,
            '{' | '}' => return None,
            '"' => {
                chars.next();
                quoted = true;
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => value.push(chars.next()?),
                        other => value.push(other),
                    }
                }
            }
            '\\' => {
                chars.next();
                value.push(chars.next()?);
            }
            other => {
                chars.next();
                value.push(other);
            }
        }
    }
    if quoted {
        return Some(Some(value));
    }
    let value = value.trim_end();
    match value {
        "" => None,
        null if null.eq_ignore_ascii_case("null") => Some(None),
        text => Some(Some(text.to_owned())),
    }
}
