//! Array literals: `'{a,"b c",NULL}'` (PostgreSQL manual, 8.15.2), of one dimension.

use crate::error::{Error, ErrorCode, Result};
use datafusion::sql::sqlparser::ast::{Array, Expr, Value};
use std::iter::Peekable;
use std::str::Chars;

/// The literal as an array of texts.
pub(super) fn elements(literal: &str) -> Result<Expr> {
    let malformed = || {
        Error::new(ErrorCode::InvalidTextRepresentation, format!("malformed array literal: \"{literal}\""))
            .with_hint("an array of one dimension is written {a,b,c}")
    };
    let inside = literal.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or_else(malformed)?;
    let mut chars = inside.chars().peekable();
    let mut elem = Vec::new();
    if !inside.trim().is_empty() {
        loop {
            let value = element(&mut chars).ok_or_else(malformed)?;
            elem.push(Expr::Value(value.map_or(Value::Null, Value::SingleQuotedString).into()));
            match chars.next() {
                Some(',') => {}
                None => break,
                Some(_) => return Err(malformed()),
            }
        }
    }
    Ok(Expr::Array(Array { elem, named: true }))
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
