//! One enum of error codes, one error type: what every protocol maps to its own form in one file of its own.
//!
//! The text for the client (`message`, `hint`) says what failed, on which object, and what to do. Everything else, such as a
//! driver's own words, goes to `detail`, which only the log sees.

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use naru_connector::{ConnectorError, ErrorKind};
use std::fmt;

mod engine;

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
    InvalidTextRepresentation,
    InvalidDatetime,
    NumericOutOfRange,
    DatetimeOutOfRange,
    DivisionByZero,
    InvalidRegularExpression,
    InvalidLimit,
    InvalidOffset,
    InvalidSubstring,
    InvalidPowerArgument,
    Cardinality,
    InvalidColumnReference,
    WindowingError,
    ProgramLimit,
    InvalidParameter,
    FeatureNotSupported,
    ReadOnly,
    InsufficientPrivilege,
    InvalidPassword,
    ProtocolViolation,
    QueryCancelled,
    StatementTimeout,
    AdminShutdown,
    IdleSessionTimeout,
    IdleInTransactionTimeout,
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
    UndefinedParameter,
    InvalidBinary,
    SourceUnavailable,
    SourceError,
    /// An error from inside a restricted table: its own text is withheld.
    RestrictedTable,
    Internal,
}

const INTERNAL: &str = "internal error; the server's log holds the details";

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
        Self::new(ErrorCode::Internal, INTERNAL).with_detail(detail)
    }

    /// The same with the id of its query, where it is the only thing that the client may learn of it.
    #[must_use]
    pub fn in_query(mut self, id: &str) -> Self {
        if self.message == INTERNAL {
            self.message = format!("internal error in query {id}; the server's log holds the details");
        }
        self
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
