//! FETCH and MOVE: their grammar (PostgreSQL manual, FETCH), and what a direction asks of a cursor.
//!
//! sqlparser knows no MOVE, and of FETCH not the forms that leave a part out. A MOVE comes out as a FETCH into nowhere.

use datafusion::sql::sqlparser::ast::{FetchDirection, FetchPosition, ObjectName, Statement, Value, ValueWithSpan};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Span, Token};

/// Where to go in a cursor, and which rows to bring. Rows count from 1; before the first is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// The next rows, all of them for `None`.
    Forward(Option<u64>),
    /// The rows before, the nearest first; all of them for `None`.
    Backward(Option<u64>),
    /// The row this many steps ahead, or behind.
    Relative(i64),
    /// The row of this number; from the end where it is negative.
    Absolute(i64),
    /// The row the cursor is on, once more.
    Current,
}

/// Does a MOVE begin here? It is no keyword of sqlparser's.
pub(super) fn is_move(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("move"))
}

/// Reads a FETCH or MOVE; its first word is the next token.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Statement, ParserError> {
    let moves = is_move(&parser.next_token().token);
    let direction = if names_cursor(parser) { FetchDirection::Next } else { direction(parser)? };
    let position = match parser.parse_one_of_keywords(&[Keyword::FROM, Keyword::IN]) {
        Some(Keyword::IN) => FetchPosition::In,
        _ => FetchPosition::From,
    };
    let name = parser.parse_identifier()?;
    Ok(Statement::Fetch { name, direction, position, into: moves.then(|| ObjectName(Vec::new())) })
}

/// Is what follows a cursor's name already, whatever word that is?
fn names_cursor(parser: &Parser<'_>) -> bool {
    matches!(parser.peek_nth_token(1).token, Token::EOF | Token::SemiColon)
        || parser.peek_keyword(Keyword::FROM)
        || parser.peek_keyword(Keyword::IN)
}

fn direction(parser: &mut Parser<'_>) -> Result<FetchDirection, ParserError> {
    const WORDS: &[Keyword] = &[
        Keyword::NEXT,
        Keyword::PRIOR,
        Keyword::FIRST,
        Keyword::LAST,
        Keyword::ABSOLUTE,
        Keyword::RELATIVE,
        Keyword::FORWARD,
        Keyword::BACKWARD,
        Keyword::ALL,
    ];
    Ok(match parser.parse_one_of_keywords(WORDS) {
        Some(Keyword::NEXT) => FetchDirection::Next,
        Some(Keyword::PRIOR) => FetchDirection::Prior,
        Some(Keyword::FIRST) => FetchDirection::First,
        Some(Keyword::LAST) => FetchDirection::Last,
        Some(Keyword::ALL) => FetchDirection::All,
        Some(Keyword::ABSOLUTE) => FetchDirection::Absolute { limit: required(parser)? },
        Some(Keyword::RELATIVE) => FetchDirection::Relative { limit: required(parser)? },
        Some(Keyword::FORWARD) if parser.parse_keyword(Keyword::ALL) => FetchDirection::ForwardAll,
        Some(Keyword::FORWARD) => FetchDirection::Forward { limit: number(parser)? },
        Some(_) if parser.parse_keyword(Keyword::ALL) => FetchDirection::BackwardAll,
        Some(_) => FetchDirection::Backward { limit: number(parser)? },
        None => match number(parser)? {
            Some(limit) => FetchDirection::Count { limit },
            None => FetchDirection::Next,
        },
    })
}

fn required(parser: &mut Parser<'_>) -> Result<ValueWithSpan, ParserError> {
    match number(parser)? {
        Some(number) => Ok(number),
        None => parser.expected_ref("a number", parser.peek_token_ref()),
    }
}

/// A number with its sign.
fn number(parser: &mut Parser<'_>) -> Result<Option<ValueWithSpan>, ParserError> {
    let negative = parser.consume_token(&Token::Minus);
    let signed = negative || parser.consume_token(&Token::Plus);
    let token = parser.peek_token_ref().clone();
    match token.token {
        Token::Number(digits, long) if digits.parse::<i32>().is_ok() => {
            let _ = parser.next_token();
            let digits = if negative { format!("-{digits}") } else { digits };
            Ok(Some(ValueWithSpan { value: Value::Number(digits, long), span: Span::empty() }))
        }
        _ if signed || matches!(token.token, Token::Number(..)) => parser.expected("a whole number", token),
        _ => Ok(None),
    }
}

impl Fetch {
    /// What a direction asks for.
    pub(super) fn new(direction: &FetchDirection) -> Self {
        use FetchDirection as D;
        let steps = |limit: &ValueWithSpan| limit.value.to_string().parse::<i64>().unwrap_or(0);
        let by = |steps: i64| match steps {
            0 => Self::Current,
            1.. => Self::Forward(Some(steps.unsigned_abs())),
            _ => Self::Backward(Some(steps.unsigned_abs())),
        };
        match direction {
            D::Next | D::Forward { limit: None } => Self::Forward(Some(1)),
            D::All | D::ForwardAll => Self::Forward(None),
            D::Count { limit } | D::Forward { limit: Some(limit) } => by(steps(limit)),
            D::Prior | D::Backward { limit: None } => Self::Backward(Some(1)),
            D::BackwardAll => Self::Backward(None),
            D::Backward { limit: Some(limit) } => by(-steps(limit)),
            D::First => Self::Absolute(1),
            D::Last => Self::Absolute(-1),
            D::Absolute { limit } => Self::Absolute(steps(limit)),
            D::Relative { limit } => match steps(limit) {
                0 => Self::Current,
                steps => Self::Relative(steps),
            },
        }
    }
}
