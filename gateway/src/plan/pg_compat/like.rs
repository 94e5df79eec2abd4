//! LIKE with an escape character of its own choice: DataFusion has the backslash only.

use super::{string_literal, text};
use crate::error::{Error, ErrorCode, Result};
use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, Expr, Value, ValueWithSpan};

/// Writes a constant pattern anew so that the backslash escapes. Any other pattern is left, and refused by DataFusion.
pub(super) fn escape_by_backslash(pattern: &mut Expr, escape: &mut Option<ValueWithSpan>) -> Result<()> {
    let Some(ValueWithSpan { value: Value::SingleQuotedString(character), .. }) = escape else { return Ok(()) };
    let Some(written) = constant_text(pattern) else { return Ok(()) };
    let mut characters = character.chars();
    let (by, None) = (characters.next(), characters.next()) else {
        let message = "invalid escape string";
        return Err(Error::new(ErrorCode::InvalidParameter, message).with_hint("it must be empty or one character"));
    };
    *pattern = text(&escaped(&written, by));
    *escape = None;
    Ok(())
}

fn escaped(pattern: &str, by: Option<char>) -> String {
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
    result
}

/// The text of literals, casts of them to text, and their concatenation.
fn constant_text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => constant_text(inner),
        Expr::Cast { expr, data_type, kind: CastKind::Cast | CastKind::DoubleColon, .. }
            if super::cast::is_text(data_type) =>
        {
            constant_text(expr)
        }
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
            Some(constant_text(left)? + &constant_text(right)?)
        }
        literal => string_literal(literal).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meaning_of_a_pattern_stays() {
        assert_eq!(escaped("pg/_%", Some('/')), "pg\\_%");
        assert_eq!(escaped("a//b\\c", Some('/')), "a\\/b\\\\c");
        assert_eq!(escaped("a\\_", None), "a\\\\_");
    }
}
