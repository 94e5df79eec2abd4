//! SQL text to syntax trees, once. PostgreSQL's dialect.

use super::placeholders::{self, Placeholders};
use super::{copy, cursor};
use crate::error::{Error, ErrorCode, Result};
use crate::session::api::Parsed;
use datafusion::sql::sqlparser::ast::{Ident, Statement};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::sync::Arc;

/// Expressions nested deeper than this are refused rather than risked on the stack.
const NESTING_LIMIT: usize = 128;

/// The statements of a text, in order. A text without any gives one empty statement.
pub fn parse(sql: &str) -> Result<Vec<Parsed>> {
    parse_with(sql, Placeholders::Numbered)
}

/// The same, of a client that writes its parameters so.
pub fn parse_with(sql: &str, placeholders: Placeholders) -> Result<Vec<Parsed>> {
    let dialect = PostgreSqlDialect {};
    let text: Arc<str> = sql.into();
    let tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|error| syntax_error(ParserError::TokenizerError(error.to_string()), sql))?;
    let tokens = match placeholders {
        Placeholders::Numbered => tokens,
        Placeholders::QuestionMarks => placeholders::number(tokens)?,
    };
    let tokens = spell_out_table(tokens);
    let mut parser = Parser::new(&dialect).with_recursion_limit(NESTING_LIMIT).with_tokens_with_locations(tokens);
    let mut statements = Vec::new();
    loop {
        while parser.consume_token(&Token::SemiColon) {}
        if parser.peek_token().token == Token::EOF {
            break;
        }
        let statement = statement(&mut parser).map_err(|refused| match refused {
            Refused::Syntax(error) => syntax_error(error, sql),
            Refused::Option(error) => error,
        })?;
        statements.push(Parsed { sql: Arc::clone(&text), statement: Some(Arc::new(statement)) });
        let next = parser.peek_token();
        if next.token != Token::EOF && next.token != Token::SemiColon {
            let error = ParserError::ParserError(format!("at or near \"{}\"{}", next.token, next.span.start));
            return Err(syntax_error(error, sql));
        }
    }
    if statements.is_empty() {
        statements.push(Parsed { sql: text, statement: None });
    }
    Ok(statements)
}

/// Why a statement was not read.
pub(super) enum Refused {
    /// It is not what the grammar knows.
    Syntax(ParserError),
    /// An option has a value that it can't have.
    Option(Error),
}

impl From<ParserError> for Refused {
    fn from(error: ParserError) -> Self {
        Self::Syntax(error)
    }
}

fn statement(parser: &mut Parser<'_>) -> Result<Statement, Refused> {
    let first = parser.peek_token_ref();
    match &first.token {
        Token::Word(word) if word.keyword == Keyword::COPY => copy::parse(parser),
        Token::Word(word) if word.keyword == Keyword::FETCH => Ok(cursor::parse(parser)?),
        token if cursor::is_move(token) => Ok(cursor::parse(parser)?),
        _ => Ok(parser.parse_statement()?),
    }
}

/// `TABLE name` is `SELECT * FROM name`. sqlparser's own reading of it loses quotes and knows no three-part names.
fn spell_out_table(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut result = Vec::with_capacity(tokens.len() + 2);
    let mut before = Token::SemiColon;
    for token in tokens {
        let begins = match &before {
            Token::SemiColon | Token::LParen | Token::RParen => true,
            Token::Word(word) => matches!(
                word.keyword,
                Keyword::UNION
                    | Keyword::ALL
                    | Keyword::DISTINCT
                    | Keyword::EXCEPT
                    | Keyword::INTERSECT
                    | Keyword::EXPLAIN
                    | Keyword::ANALYZE
                    | Keyword::VERBOSE
            ),
            _ => false,
        };
        let is_table = matches!(&token.token, Token::Word(word) if word.keyword == Keyword::TABLE);
        if !matches!(token.token, Token::Whitespace(_)) {
            before = token.token.clone();
        }
        if begins && is_table {
            let spelled = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
            result.extend(spelled.into_iter().map(|word| TokenWithSpan { token: word, span: token.span }));
        } else {
            result.push(token);
        }
    }
    result
}

/// The parser names line and column in its text; clients want a character position in a field of its own.
fn syntax_error(error: ParserError, sql: &str) -> Error {
    let (ParserError::ParserError(text) | ParserError::TokenizerError(text)) = &error else { return error.into() };
    let (text, place) = text.split_once(" at Line: ").unwrap_or((text, ""));
    let mut result = Error::new(ErrorCode::SyntaxError, format!("syntax error: {}", text.trim()));
    result.position = position(place, sql);
    result
}

/// `3, Column: 7` as a 1-based character position.
fn position(place: &str, sql: &str) -> Option<usize> {
    let (line, column) = place.split_once(", Column: ")?;
    let line: usize = line.trim().parse().ok()?;
    let column: usize = column.trim().parse().ok()?;
    let before: usize = sql.split_inclusive('\n').take(line.checked_sub(1)?).map(|line| line.chars().count()).sum();
    Some(before + column)
}

/// A name as PostgreSQL folds it: what is not quoted is lower case.
#[must_use]
pub fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn statements_are_split_at_semicolons_outside_of_literals() {
        let parsed = parse("select ';' ; ; select 2;").unwrap();
        assert_eq!(parsed.len(), 2);
    }

    #[test]
    fn white_space_and_comments_are_one_empty_statement() {
        for empty in ["", "  ", ";;", "-- nothing", "/* nothing */ ;"] {
            let parsed = parse(empty).unwrap();
            assert!(parsed.len() == 1 && parsed[0].statement.is_none(), "{empty:?}");
        }
    }

    #[test]
    fn a_syntax_error_has_its_position_in_characters() {
        let error = parse("select 'é',\n  from from t").unwrap_err();
        assert_eq!(error.code, ErrorCode::SyntaxError);
        assert!(error.position.is_some_and(|p| p > 12), "{error:?}");
        assert!(!error.message.contains("Line"), "{error}");
    }

    #[test]
    fn table_is_a_query_wherever_a_query_begins() {
        for (sql, means) in [
            ("TABLE t", "SELECT * FROM t"),
            ("table a.\"B\".c", "SELECT * FROM a.\"B\".c"),
            ("select 1 union all table t", "SELECT 1 UNION ALL SELECT * FROM t"),
            ("select (table t)", "SELECT (SELECT * FROM t)"),
            ("with x as (table t) table x", "WITH x AS (SELECT * FROM t) SELECT * FROM x"),
        ] {
            assert_eq!(parse(sql).unwrap()[0].statement.as_ref().unwrap().to_string(), means, "{sql}");
        }
        assert!(parse("drop table t").unwrap()[0].statement.as_ref().unwrap().to_string().starts_with("DROP"));
    }

    #[test]
    fn deep_nesting_is_refused_not_overflowed() {
        let sql = format!("select {}1{}", "(".repeat(5000), ")".repeat(5000));
        assert_eq!(parse(&sql).unwrap_err().code, ErrorCode::SyntaxError);
    }
}
