//! What the engine's errors mean: DataFusion and Arrow say most things in words, so their texts are matched here, and nowhere
//! else, and become a code with PostgreSQL's words. A text that nothing matches keeps its first line; Rust's debug text goes to
//! the log.

use super::{Error, ErrorCode};
use crate::catalog::pg_type_name;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use naru_connector::ConnectorError;

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        from_datafusion(&error)
    }
}

/// A text of the engine, what it means, and the words for the client.
struct Meaning {
    says: &'static str,
    code: ErrorCode,
    message: &'static str,
}

const fn meaning(says: &'static str, code: ErrorCode, message: &'static str) -> Meaning {
    Meaning { says, code, message }
}

/// Texts whose own words are replaced.
const MEANINGS: &[Meaning] = &[
    meaning(
        "Aggregate function calls cannot be nested",
        ErrorCode::GroupingError,
        "aggregate function calls cannot be nested",
    ),
    meaning(
        "Window function calls cannot be nested",
        ErrorCode::WindowingError,
        "window function calls cannot be nested",
    ),
    meaning(
        "Aggregate functions are not allowed in the WHERE",
        ErrorCode::GroupingError,
        "aggregate functions are not allowed in WHERE",
    ),
    meaning(
        "does not support logical expression WindowFunction",
        ErrorCode::WindowingError,
        "window functions are not allowed in WHERE, GROUP BY or HAVING",
    ),
    meaning("LIMIT must be >= 0", ErrorCode::InvalidLimit, "LIMIT must not be negative"),
    meaning("OFFSET must be >=0", ErrorCode::InvalidOffset, "OFFSET must not be negative"),
    meaning(
        "UNION queries have different number of columns",
        ErrorCode::SyntaxError,
        "each UNION query must have the same number of columns",
    ),
    meaning(
        "INTERSECT queries have different number of columns",
        ErrorCode::SyntaxError,
        "each INTERSECT query must have the same number of columns",
    ),
    meaning(
        "EXCEPT queries have different number of columns",
        ErrorCode::SyntaxError,
        "each EXCEPT query must have the same number of columns",
    ),
    meaning(
        "Scalar subquery returned more than one row",
        ErrorCode::Cardinality,
        "more than one row returned by a subquery used as an expression",
    ),
    meaning(
        "Substring without for/from is not valid",
        ErrorCode::UndefinedFunction,
        "function substring(text) does not exist",
    ),
    meaning(
        "cannot take square root of a negative number",
        ErrorCode::InvalidPowerArgument,
        "cannot take square root of a negative number",
    ),
    meaning("negative count not allowed", ErrorCode::InvalidSubstring, "negative substring length not allowed"),
    meaning("invalid Unicode scalar value", ErrorCode::InvalidParameter, "requested character not valid"),
    meaning("of precision", ErrorCode::NumericOutOfRange, "numeric field overflow"),
];

/// Texts that keep their own words: what is said in them, in lower case, and the code.
const CODES: &[(&str, ErrorCode)] = &[
    ("overflow", ErrorCode::NumericOutOfRange),
    ("out of range", ErrorCode::NumericOutOfRange),
    ("divide by zero", ErrorCode::DivisionByZero),
    ("division by zero", ErrorCode::DivisionByZero),
    ("regex", ErrorCode::InvalidRegularExpression),
    ("regular expression", ErrorCode::InvalidRegularExpression),
    ("date part", ErrorCode::InvalidParameter),
    ("granularity", ErrorCode::InvalidParameter),
    ("timestamp", ErrorCode::InvalidDatetime),
    ("date", ErrorCode::InvalidDatetime),
    ("interval", ErrorCode::InvalidDatetime),
];

/// Finds our own error inside DataFusion's wrappers, or gives DataFusion's a code and a text without its internals.
fn from_datafusion(error: &DataFusionError) -> Error {
    match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_datafusion(inner),
        DataFusionError::Shared(inner) => from_datafusion(inner),
        DataFusionError::Collection(all) => {
            all.first().map_or_else(|| Error::internal("empty error list"), from_datafusion)
        }
        DataFusionError::External(inner) => from_external(inner.as_ref()),
        DataFusionError::ArrowError(inner, _) => from_arrow(inner),
        DataFusionError::SQL(inner, _) => Error::from((**inner).clone()),
        DataFusionError::SchemaError(inner, _) => from_schema(inner),
        DataFusionError::Plan(text) => from_plan_text(text),
        DataFusionError::NotImplemented(text) => from_missing(text),
        DataFusionError::ResourcesExhausted(text) if text.contains(OVER_SPILL_CAP) => disk_full(text),
        DataFusionError::ResourcesExhausted(text) => {
            Error::new(ErrorCode::OutOfMemory, "the query needs more memory than it may use")
                .with_hint("reduce the rows it joins, sorts or groups, or ask for a higher query_memory")
                .with_detail(text)
        }
        DataFusionError::Execution(text) => from_execution_text(text),
        other => Error::internal(other),
    }
}

/// The engine's own words for a spill over its cap; they come as they are, or inside an error of the file's writer.
const OVER_SPILL_CAP: &str = "disk space";

fn disk_full(text: &str) -> Error {
    Error::new(ErrorCode::DiskFull, "the query needs more room for spilled data than there is")
        .with_hint("reduce the rows it joins, sorts or groups, try again later, or ask for a higher spill limit")
        .with_detail(text)
}

fn from_external(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Error {
    if let Some(ours) = error.downcast_ref::<Error>() {
        return ours.clone();
    }
    if let Some(connector) = error.downcast_ref::<ConnectorError>() {
        return connector.clone().into();
    }
    if let Some(inner) = error.downcast_ref::<DataFusionError>() {
        return from_datafusion(inner);
    }
    if let Some(arrow) = error.downcast_ref::<ArrowError>() {
        return from_arrow(arrow);
    }
    match error.to_string() {
        text if text.starts_with("regex parse error") => invalid_regex(&text),
        text => Error::internal(text),
    }
}

fn from_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => Error::new(ErrorCode::DivisionByZero, "division by zero"),
        ArrowError::ArithmeticOverflow(_) => Error::new(ErrorCode::NumericOutOfRange, "value out of range"),
        ArrowError::CastError(text) | ArrowError::ParseError(text) => from_cast_text(text),
        ArrowError::ComputeError(text) => from_execution_text(text),
        // A decimal that its type can't hold.
        ArrowError::InvalidArgumentError(text) if text.contains("to store in a Decimal") => {
            from_execution_text(text).with_detail(text)
        }
        ArrowError::ExternalError(inner) => from_external(inner.as_ref()),
        other => match other.to_string() {
            text if text.contains("regex parse error") => invalid_regex(&text),
            text if text.contains(OVER_SPILL_CAP) => disk_full(&text),
            text => Error::internal(text),
        },
    }
}

fn from_schema(error: &SchemaError) -> Error {
    match error {
        // DataFusion's own text lists the columns that do exist: that list is not the user's to see.
        SchemaError::FieldNotFound { field, .. } => {
            Error::new(ErrorCode::UndefinedColumn, format!("column \"{}\" does not exist", field.flat_name()))
        }
        SchemaError::AmbiguousReference { field } => {
            Error::new(ErrorCode::AmbiguousColumn, format!("column reference \"{}\" is ambiguous", field.name))
        }
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            Error::new(ErrorCode::DuplicateAlias, format!("column name \"{name}\" appears twice; give one an alias"))
        }
    }
}

fn from_plan_text(text: &str) -> Error {
    // `No function matches the given name and argument types 'f(Utf8, Int64)'`, after other words; `Invalid function 'f'`.
    let quoted = |after: &str| Some(text.split_once(after)?.1.split_once('\'')?.0);
    if let Some(call) = quoted("the given name and argument types '").or_else(|| quoted("Invalid function '")) {
        return Error::new(ErrorCode::UndefinedFunction, format!("function {} does not exist", in_our_types(call)))
            .with_hint("no function matches the given name and argument types; you might need to add type casts")
            .with_detail(text);
    }
    if let Some(operation) = text
        .split_once("Cannot coerce arithmetic expression ")
        .and_then(|(_, rest)| rest.strip_suffix(" to valid types"))
        .or_else(|| text.split_once("Cannot infer common ")?.1.split_once(" operation ").map(|(_, rest)| rest))
    {
        return Error::new(
            ErrorCode::UndefinedFunction,
            format!("operator does not exist: {}", in_our_types(operation.lines().next().unwrap_or(operation))),
        )
        .with_hint("no operator matches the given types; you might need to add type casts");
    }
    if let Some(position) = quoted_number(text, "Order by column out of bounds, specified: ") {
        return Error::new(
            ErrorCode::InvalidColumnReference,
            format!("ORDER BY position {position} is not in select list"),
        );
    }
    if let Some(known) = known(text) {
        return known;
    }
    let code = if text.contains("must appear in the GROUP BY clause") || text.contains("must be an aggregate function")
    {
        ErrorCode::GroupingError
    } else if text.contains("specified more than once") {
        ErrorCode::DuplicateAlias
    } else {
        ErrorCode::DatatypeMismatch
    };
    in_first_line(code, text)
}

fn from_missing(text: &str) -> Error {
    if let Some(name) = text.strip_prefix("Unsupported SQL type ") {
        let name = name.to_lowercase();
        // Types that PostgreSQL has.
        if ["json", "jsonb", "uuid", "xml", "money", "inet", "cidr", "bit"].iter().any(|known| name.starts_with(known))
        {
            return Error::unsupported(format!("type {name}"));
        }
        return Error::new(ErrorCode::UndefinedObject, format!("type \"{name}\" does not exist"));
    }
    known(text).unwrap_or_else(|| in_first_line(ErrorCode::FeatureNotSupported, text))
}

fn from_execution_text(text: &str) -> Error {
    if text.contains("regex parse error") {
        return invalid_regex(text);
    }
    if let Some((parameter, "' was not provided a value for execution.")) =
        text.strip_prefix("Placeholder '").and_then(|rest| rest.split_at_checked(rest.find('\'')?))
    {
        return Error::new(ErrorCode::UndefinedParameter, format!("there is no parameter {parameter}"));
    }
    if let Some(known) = known(text) {
        return known;
    }
    let lower = text.to_lowercase();
    let code = CODES.iter().find(|(says, _)| lower.contains(says)).map(|(_, code)| *code);
    in_first_line(code.unwrap_or(ErrorCode::InvalidTextRepresentation), text)
}

/// `Cannot cast string 'x' to value of Int32 type`, `Can't cast value 300 to type Int8`, and what parsers of times say.
fn from_cast_text(text: &str) -> Error {
    if let Some((value, rest)) =
        text.strip_prefix("Cannot cast string '").and_then(|rest| rest.rsplit_once("' to value of "))
    {
        let data_type = rest.trim_end_matches(" type").parse::<DataType>().unwrap_or(DataType::Utf8);
        return invalid_text(value, &data_type).with_detail(text);
    }
    if let Some((_, data_type)) = text.strip_prefix("Can't cast value ").and_then(|rest| rest.split_once(" to type ")) {
        let name = data_type.parse::<DataType>().map_or_else(|_| "value".to_owned(), |t| pg_type_name(&t));
        return Error::new(ErrorCode::NumericOutOfRange, format!("{name} out of range")).with_detail(text);
    }
    if let Some(value) = text.strip_prefix("Error parsing timestamp from '").and_then(|rest| rest.split_once('\'')) {
        return invalid_text(value.0, &DataType::Timestamp(datafusion::arrow::datatypes::TimeUnit::Microsecond, None))
            .with_detail(text);
    }
    from_execution_text(text)
}

/// PostgreSQL's words for a text that is none of a type. A date whose form is right, such as February 30th, is out of range.
fn invalid_text(value: &str, data_type: &DataType) -> Error {
    let name = pg_type_name(data_type);
    match data_type {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) if has_the_form_of_a_date(value) => {
            Error::new(ErrorCode::DatetimeOutOfRange, format!("date/time field value out of range: \"{value}\""))
        }
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) | DataType::Time32(_) | DataType::Time64(_) => {
            Error::new(ErrorCode::InvalidDatetime, format!("invalid input syntax for type {name}: \"{value}\""))
        }
        integer if integer.is_integer() && value.trim().parse::<i128>().is_ok() => {
            Error::new(ErrorCode::NumericOutOfRange, format!("value \"{value}\" is out of range for type {name}"))
        }
        _ => Error::new(
            ErrorCode::InvalidTextRepresentation,
            format!("invalid input syntax for type {name}: \"{value}\""),
        ),
    }
}

/// `YYYY-MM-DD`, alone or before a time.
fn has_the_form_of_a_date(value: &str) -> bool {
    let date = value.trim().split([' ', 'T']).next().unwrap_or_default();
    let parts: Vec<_> = date.split('-').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

fn invalid_regex(text: &str) -> Error {
    let why = text.lines().filter_map(|line| line.strip_prefix("error: ")).next().unwrap_or("syntax error");
    Error::new(ErrorCode::InvalidRegularExpression, format!("invalid regular expression: {why}")).with_detail(text)
}

fn known(text: &str) -> Option<Error> {
    let found = MEANINGS.iter().find(|meaning| text.contains(meaning.says))?;
    Some(Error::new(found.code, found.message).with_detail(text))
}

/// The first line is the finding; DataFusion adds candidates below it. What looks like Rust's debug text is cut off.
fn in_first_line(code: ErrorCode, text: &str) -> Error {
    let finding = text.lines().next().unwrap_or(text);
    let finding = finding.trim_start_matches("Execution error: ").trim_start_matches("Error during planning: ");
    match finding.split_once(" { ") {
        Some((before, _)) => {
            let words = before.rsplit_once([' ', '(']).map_or(before, |(words, _)| words);
            Error::new(code, words.trim_end_matches([':', '(', ' '])).with_detail(text)
        }
        None => Error::new(code, finding),
    }
}

fn quoted_number<'a>(text: &'a str, after: &str) -> Option<&'a str> {
    let rest = text.split_once(after)?.1;
    Some(rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or(rest))
}

/// Arrow's names of types, where they stand alone between other signs, as PostgreSQL's.
fn in_our_types(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = end_of_type(from);
        let (word, after) = from.split_at(end);
        match word.parse::<DataType>() {
            Ok(data_type) if word.starts_with(|c: char| c.is_ascii_uppercase()) => {
                out.push_str(&pg_type_name(&data_type))
            }
            _ => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where a word ends, with the brackets of a type such as `Decimal128(10, 2)`; a function's own brackets are left alone.
fn end_of_type(text: &str) -> usize {
    let word = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let has_arguments = ["Decimal", "Timestamp", "Time", "Interval", "Duration", "List", "Dictionary", "LargeList"]
        .iter()
        .any(|name| text[..word].starts_with(name));
    if !has_arguments || !text[word..].starts_with('(') {
        return word;
    }
    let mut depth = 0_usize;
    for (at, c) in text[word..].char_indices() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return word + at + 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    word
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
