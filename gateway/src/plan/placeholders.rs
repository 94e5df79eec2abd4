//! Parameters as JDBC and ADBC programs write them: `?`, numbered from left to right, in place of `$1`, `$2`, ...
//!
//! Done on tokens, so that a question mark in a literal, a quoted name or a comment stays what it is.

use crate::error::{Error, ErrorCode, Result};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// How a client writes the parameters of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholders {
    /// `$1`, `$2`: PostgreSQL's own. A `?` is an operator.
    Numbered,
    /// `?` in order, or `$1`, `$2`, not both in one text. PostgreSQL's JSON operators with a `?` can't be written so.
    QuestionMarks,
}

/// Numbers the question marks.
pub(super) fn number(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let numbered = tokens.iter().any(|token| matches!(token.token, Token::Placeholder(_)));
    let mut count = 0_usize;
    let mut result = Vec::with_capacity(tokens.len());
    for token in tokens {
        let Some(rest) = behind_question_mark(&token.token) else {
            result.push(token);
            continue;
        };
        if numbered {
            return Err(Error::new(ErrorCode::SyntaxError, "a statement takes ? or $1 for its parameters, not both"));
        }
        count += 1;
        result.push(TokenWithSpan { token: Token::Placeholder(format!("${count}")), span: token.span });
        result.extend(rest.map(|rest| TokenWithSpan { token: rest, span: token.span }));
    }
    Ok(result)
}

/// For a token that begins with a question mark: the operator that the tokenizer took it together with.
fn behind_question_mark(token: &Token) -> Option<Option<Token>> {
    match token {
        Token::Question => Some(None),
        Token::QuestionMarkDash => Some(Some(Token::Minus)),
        Token::QuestionMarkDoubleVerticalBar => Some(Some(Token::StringConcat)),
        Token::QuestionMarkSharp => Some(Some(Token::Sharp)),
        Token::QuestionAnd => Some(Some(Token::Ampersand)),
        Token::QuestionPipe => Some(Some(Token::Pipe)),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::parse_with;
    use super::*;

    fn read(sql: &str) -> Result<String> {
        let parsed = parse_with(sql, Placeholders::QuestionMarks)?;
        Ok(parsed[0].statement.as_ref().unwrap().to_string())
    }

    #[test]
    fn question_marks_are_numbered_from_left_to_right() {
        assert_eq!(read("select ? + ?, a from t where b=?").unwrap(), "SELECT $1 + $2, a FROM t WHERE b = $3");
        assert_eq!(read("select ?-1, ?||'x', $$?$$, '?', \"?\" /* ? */ -- ?").unwrap(), {
            "SELECT $1 - 1, $2 || 'x', $$?$$, '?', \"?\""
        });
        assert_eq!(read("select $1, $2").unwrap(), "SELECT $1, $2");
    }

    #[test]
    fn two_ways_at_once_are_refused() {
        assert_eq!(read("select ?, $1").unwrap_err().code, ErrorCode::SyntaxError);
    }
}
