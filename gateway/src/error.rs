//! One enum of error codes, one error type: what every protocol maps to its own form in one file of its own.
//!
//! The text for the client (`message`, `hint`) says what failed, on which object, and what to do. Everything else, such as a
//! driver's own words, goes to `detail`, which only the log sees.

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use naru_connector::{ConnectorError, ErrorKind};
use std::fmt;

/// Result with the gateway's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every way a request can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are those of the PostgreSQL manual, appendix A")]
pub enum ErrorCode {
    SyntaxError,
    UndefinedTable,
    UndefinedColumn,
    UndefinedSchema,
    UndefinedCatalog,
    UndefinedFunction,
    UndefinedObject,
    AmbiguousColumn,
    DuplicateAlias,
    GroupingError,
    DatatypeMismatch,
    IndeterminateDatatype,
    InvalidTextRepresentation,
    InvalidDatetime,
    NumericOutOfRange,
    DatetimeOutOfRange,
    DivisionByZero,
    InvalidRegularExpression,
    InvalidLimit,
    InvalidParameter,
    FeatureNotSupported,
    ReadOnly,
    InsufficientPrivilege,
    InvalidPassword,
    ProtocolViolation,
    QueryCancelled,
    StatementTimeout,
    AdminShutdown,
    CannotConnectNow,
    TooManyConnections,
    OutOfMemory,
    DiskFull,
    TooManyQueries,
    InFailedTransaction,
    NoActiveTransaction,
    ActiveTransaction,
    DuplicatePreparedStatement,
    UndefinedPreparedStatement,
    DuplicateCursor,
    UndefinedCursor,
    ObjectNotInPrerequisiteState,
    UndefinedParameter,
    InvalidBinary,
    SourceUnavailable,
    SourceError,
    /// An error from inside a restricted table: its own text is withheld.
    RestrictedTable,
    Internal,
}

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct Error {
    /// What kind.
    pub code: ErrorCode,
    /// Text for the client.
    pub message: String,
    /// Advice for the client.
    pub hint: Option<String>,
    /// 1-based character position in the statement's text.
    pub position: Option<usize>,
    /// Text for the log only.
    pub detail: Option<String>,
}

impl Error {
    /// An error without hint or detail.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, position: None, detail: None }
    }

    /// With advice for the client.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With text for the log.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// A defect of ours: the client learns no more than that.
    pub fn internal(detail: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Internal, "internal error; the server's log holds the details").with_detail(detail)
    }

    /// A statement or feature that Naru does not have.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(ErrorCode::FeatureNotSupported, format!("{what} is not supported"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<ConnectorError> for Error {
    fn from(error: ConnectorError) -> Self {
        let code = match error.kind {
            ErrorKind::Configuration | ErrorKind::SourceDenied | ErrorKind::ObjectChanged => ErrorCode::SourceError,
            ErrorKind::Unavailable => ErrorCode::SourceUnavailable,
            ErrorKind::Data => ErrorCode::InvalidTextRepresentation,
            ErrorKind::Unsupported => ErrorCode::FeatureNotSupported,
            ErrorKind::Cancelled => ErrorCode::QueryCancelled,
            ErrorKind::Resource => ErrorCode::TooManyQueries,
            ErrorKind::Internal => return Self::internal(format!("{error}: {:?}", error.detail)),
        };
        Self { detail: error.detail, ..Self::new(code, error.message) }
    }
}

impl From<ParserError> for Error {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => {
                Self::new(ErrorCode::SyntaxError, format!("syntax error: {text}"))
            }
            ParserError::RecursionLimitExceeded => {
                Self::new(ErrorCode::SyntaxError, "the statement is nested too deeply")
            }
        }
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        from_datafusion(&error)
    }
}

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
        DataFusionError::NotImplemented(text) => Error::new(ErrorCode::FeatureNotSupported, text.clone()),
        DataFusionError::ResourcesExhausted(text) => {
            Error::new(ErrorCode::OutOfMemory, "the query needs more memory than it may use")
                .with_hint("reduce the rows it joins, sorts or groups, or ask for a higher query_memory")
                .with_detail(text)
        }
        DataFusionError::Execution(text) => from_execution_text(text),
        other => Error::internal(other),
    }
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
    Error::internal(error)
}

fn from_arrow(error: &ArrowError) -> Error {
    match error {
        ArrowError::DivideByZero => Error::new(ErrorCode::DivisionByZero, "division by zero"),
        ArrowError::ArithmeticOverflow(_) => Error::new(ErrorCode::NumericOutOfRange, "value out of range"),
        ArrowError::CastError(text) | ArrowError::ParseError(text) => {
            Error::new(ErrorCode::InvalidTextRepresentation, text.clone())
        }
        ArrowError::ComputeError(text) => from_execution_text(text),
        ArrowError::ExternalError(inner) => from_external(inner.as_ref()),
        other => Error::internal(other),
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
        return Error::new(ErrorCode::UndefinedFunction, format!("function {call} does not exist"))
            .with_hint("no function matches the given name and argument types; you might need to add type casts")
            .with_detail(text);
    }
    let code = if text.contains("must appear in the GROUP BY clause") || text.contains("must be an aggregate function")
    {
        ErrorCode::GroupingError
    } else {
        ErrorCode::DatatypeMismatch
    };
    // The first line is the finding; DataFusion adds candidate signatures below it.
    let finding = text.lines().next().unwrap_or(text);
    let finding = finding.trim_start_matches("Execution error: ").trim_start_matches("Error during planning: ");
    Error::new(code, finding)
}

fn from_execution_text(text: &str) -> Error {
    let lower = text.to_lowercase();
    let code = if lower.contains("overflow") {
        ErrorCode::NumericOutOfRange
    } else if lower.contains("divide by zero") || lower.contains("division by zero") {
        ErrorCode::DivisionByZero
    } else if lower.contains("timestamp") || lower.contains("date") {
        ErrorCode::InvalidDatetime
    } else if lower.contains("regex") || lower.contains("regular expression") {
        ErrorCode::InvalidRegularExpression
    } else {
        ErrorCode::InvalidTextRepresentation
    };
    Error::new(code, text)
}
