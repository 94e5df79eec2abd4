//! The grammar of COPY (PostgreSQL manual, COPY), with its options old and new.
//!
//! sqlparser's own reading knows neither `FORCE_QUOTE *` nor the words and numbers that PostgreSQL takes for true, and takes
//! Redshift's options for ours. The options come out as sqlparser's, each at most once.

use super::not_supported;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::folded;
use crate::plan::parse::Refused;
use datafusion::sql::sqlparser::ast::{
    CopyOption, CopySource, CopyTarget, Expr, Ident, ObjectName, Query, SelectItem, SetExpr, Statement, TableFactor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{IsOptional, Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// What an option is given.
enum Argument {
    Nothing,
    Text(String),
    All,
    Columns(Vec<Ident>),
}

/// Reads a COPY; its keyword is the next token. `COPY t (a, b) TO` becomes `COPY (SELECT a, b FROM t) TO`.
pub(in crate::plan) fn parse(parser: &mut Parser<'_>) -> Result<Statement, Refused> {
    parser.expect_keyword_is(Keyword::COPY)?;
    let binary = parser.parse_keyword(Keyword::BINARY);
    let mut given: Vec<(String, Argument)> = Vec::new();
    if binary {
        given.push(("format".to_owned(), Argument::Text("binary".to_owned())));
    }
    let mut source = if !binary && parser.consume_token(&Token::LParen) {
        let query = parser.parse_query()?;
        parser.expect_token(&Token::RParen)?;
        CopySource::Query(query)
    } else {
        let table_name = parser.parse_object_name(false)?;
        let columns = parser.parse_parenthesized_column_list(IsOptional::Optional, false)?;
        CopySource::Table { table_name, columns }
    };
    let to = parser.expect_one_of_keywords(&[Keyword::FROM, Keyword::TO])? == Keyword::TO;
    let target = target(parser, to)?;
    if parser.parse_keyword(Keyword::USING) && !next_is(parser, "delimiters") {
        return parser.expected_ref("DELIMITERS", parser.peek_token_ref()).map_err(Refused::from);
    }
    if next_is(parser, "delimiters") {
        let _ = parser.next_token();
        given.push(("delimiter".to_owned(), Argument::Text(text(parser)?)));
    }
    let _ = parser.parse_keyword(Keyword::WITH);
    if parser.consume_token(&Token::LParen) {
        given.extend(parser.parse_comma_separated(new_option)?);
        parser.expect_token(&Token::RParen)?;
    } else {
        while let Some(option) = old_option(parser)? {
            given.push(option);
        }
    }
    let options = options(given).map_err(Refused::Option)?;
    if let (true, CopySource::Table { table_name, columns }) = (to, &source) {
        source = CopySource::Query(select_from(table_name, columns)?);
    }
    Ok(Statement::Copy { source, to, target, options, legacy_options: Vec::new(), values: Vec::new() })
}

/// The query that a table's COPY stands for.
fn select_from(table: &ObjectName, columns: &[Ident]) -> Result<Box<Query>, ParserError> {
    let mut query = Parser::new(&PostgreSqlDialect {}).try_with_sql("SELECT * FROM t")?.parse_query()?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        for from in &mut select.from {
            if let TableFactor::Table { name, .. } = &mut from.relation {
                name.clone_from(table);
            }
        }
        if !columns.is_empty() {
            let column = |column: &Ident| SelectItem::UnnamedExpr(Expr::Identifier(column.clone()));
            select.projection = columns.iter().map(column).collect();
        }
    }
    Ok(query)
}

fn target(parser: &mut Parser<'_>, to: bool) -> Result<CopyTarget, ParserError> {
    match parser.parse_one_of_keywords(&[Keyword::STDIN, Keyword::STDOUT, Keyword::PROGRAM]) {
        // PostgreSQL takes either word for either direction.
        Some(Keyword::STDIN | Keyword::STDOUT) => Ok(if to { CopyTarget::Stdout } else { CopyTarget::Stdin }),
        Some(_) => Ok(CopyTarget::Program { command: text(parser)? }),
        None => Ok(CopyTarget::File { filename: text(parser)? }),
    }
}

fn next_is(parser: &Parser<'_>, word: &str) -> bool {
    matches!(&parser.peek_token_ref().token, Token::Word(next) if next.quote_style.is_none() && next.value.eq_ignore_ascii_case(word))
}

/// A text in quotes.
fn text(parser: &mut Parser<'_>) -> Result<String, ParserError> {
    let token = parser.next_token();
    match token.token {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) | Token::UnicodeStringLiteral(text) => {
            Ok(text)
        }
        Token::DollarQuotedString(text) => Ok(text.value),
        _ => parser.expected("a text in quotes", token),
    }
}

/// One of `(FORMAT csv, HEADER, ...)`.
fn new_option(parser: &mut Parser<'_>) -> Result<(String, Argument), ParserError> {
    let name = parser.parse_identifier()?;
    let argument = match &parser.peek_token_ref().token {
        Token::Comma | Token::RParen => Argument::Nothing,
        Token::Mul => {
            let _ = parser.next_token();
            Argument::All
        }
        Token::LParen => Argument::Columns(parser.parse_parenthesized_column_list(IsOptional::Mandatory, false)?),
        Token::Word(_) => Argument::Text(folded(&parser.parse_identifier()?)),
        Token::Number(..) => Argument::Text(parser.next_token().token.to_string()),
        _ => Argument::Text(text(parser)?),
    };
    Ok((folded(&name), argument))
}

/// One of `CSV HEADER DELIMITER AS ';' ...`, as before PostgreSQL 9.
fn old_option(parser: &mut Parser<'_>) -> Result<Option<(String, Argument)>, ParserError> {
    let Token::Word(word) = &parser.peek_token_ref().token else { return Ok(None) };
    let word = word.value.to_lowercase();
    let named = |name: &str, argument| Ok(Some((name.to_owned(), argument)));
    match word.as_str() {
        "binary" | "csv" => {
            let _ = parser.next_token();
            named("format", Argument::Text(word))
        }
        "header" | "freeze" => {
            let _ = parser.next_token();
            named(&word, Argument::Nothing)
        }
        "delimiter" | "null" | "quote" | "escape" => {
            let _ = parser.next_token();
            let _ = parser.parse_keyword(Keyword::AS);
            named(&word, Argument::Text(text(parser)?))
        }
        "encoding" => {
            let _ = parser.next_token();
            named(&word, Argument::Text(text(parser)?))
        }
        "force" => {
            let _ = parser.next_token();
            let name = if parser.parse_keywords(&[Keyword::NOT, Keyword::NULL]) {
                "force_not_null"
            } else if parser.parse_keyword(Keyword::NULL) {
                "force_null"
            } else if next_is(parser, "quote") {
                let _ = parser.next_token();
                "force_quote"
            } else {
                return parser.expected_ref("QUOTE, NULL or NOT NULL", parser.peek_token_ref());
            };
            if name == "force_quote" && parser.consume_token(&Token::Mul) {
                return named(name, Argument::All);
            }
            let columns = parser.parse_comma_separated(Parser::parse_identifier)?;
            named(name, Argument::Columns(columns))
        }
        _ => Ok(None),
    }
}

/// The options in sqlparser's words, each once.
fn options(given: Vec<(String, Argument)>) -> Result<Vec<CopyOption>> {
    let mut seen: Vec<String> = Vec::new();
    let mut options = Vec::with_capacity(given.len());
    for (name, argument) in given {
        let option = option(&name, argument)?;
        if seen.contains(&name) {
            return Err(Error::new(ErrorCode::SyntaxError, "conflicting or redundant options"));
        }
        seen.push(name);
        options.push(option);
    }
    Ok(options)
}

fn option(name: &str, argument: Argument) -> Result<CopyOption> {
    Ok(match (name, argument) {
        ("format", Argument::Text(format)) => CopyOption::Format(Ident::new(format)),
        ("freeze", argument) => CopyOption::Freeze(boolean(name, argument)?),
        ("header", Argument::Text(word)) if word.eq_ignore_ascii_case("match") => {
            return Err(not_supported("cannot use \"match\" with HEADER in COPY TO"));
        }
        ("header", argument) => CopyOption::Header(boolean(name, argument)?),
        ("delimiter", Argument::Text(text)) => CopyOption::Delimiter(one_byte("COPY delimiter", &text)?),
        ("quote", Argument::Text(text)) => CopyOption::Quote(one_byte("COPY quote", &text)?),
        ("escape", Argument::Text(text)) => CopyOption::Escape(one_byte("COPY escape", &text)?),
        ("null", Argument::Text(text)) => CopyOption::Null(text),
        ("encoding", Argument::Text(text)) => CopyOption::Encoding(text),
        ("force_quote", Argument::All) => CopyOption::ForceQuote(vec![Ident::new("*")]),
        ("force_quote", Argument::Columns(columns)) => CopyOption::ForceQuote(columns),
        ("force_not_null", Argument::Columns(columns)) => CopyOption::ForceNotNull(columns),
        ("force_null", Argument::Columns(columns)) => CopyOption::ForceNull(columns),
        ("format" | "delimiter" | "quote" | "escape" | "null" | "encoding", _) => {
            return Err(Error::new(ErrorCode::SyntaxError, format!("{name} requires a parameter")));
        }
        ("force_quote" | "force_not_null" | "force_null", _) => {
            let message = format!("argument to option \"{name}\" must be a list of column names");
            return Err(Error::new(ErrorCode::InvalidParameter, message));
        }
        _ => return Err(Error::new(ErrorCode::SyntaxError, format!("option \"{name}\" not recognized"))),
    })
}

fn boolean(name: &str, argument: Argument) -> Result<bool> {
    let word = match argument {
        Argument::Nothing => return Ok(true),
        Argument::Text(word) => word.to_lowercase(),
        Argument::All | Argument::Columns(_) => String::new(),
    };
    match word.as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::new(ErrorCode::SyntaxError, format!("{name} requires a Boolean value"))),
    }
}

fn one_byte(what: &str, text: &str) -> Result<char> {
    match text.as_bytes() {
        [byte] => Ok(char::from(*byte)),
        _ => Err(Error::new(ErrorCode::FeatureNotSupported, format!("{what} must be a single one-byte character"))),
    }
}
