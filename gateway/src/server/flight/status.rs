//! Error codes as gRPC statuses: the only such table of this door.
//!
//! The SQLSTATE stands in front of the text, where JDBC users see it, and alone in a trailer, where programs read it.

use crate::error::{Error, ErrorCode};
use crate::server::pg::sqlstate;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// The trailer that holds the SQLSTATE of a failed call.
pub const SQLSTATE_HEADER: &str = "x-naru-sqlstate";

/// Tells a client what failed, and the log what the client must not know.
pub(super) fn to_status(error: &Error) -> Status {
    let state = sqlstate(error.code);
    let detail = error.detail.as_deref().unwrap_or_default();
    if error.code == ErrorCode::Internal {
        tracing::error!(code = state, detail, "{}", error.message);
    } else {
        tracing::debug!(code = state, detail, "{}", error.message);
    }
    let mut text = format!("{state}: {}", error.message);
    if let Some(hint) = &error.hint {
        text.push_str("; hint: ");
        text.push_str(hint);
    }
    // Some clients show everything after a line break, or a control character, as it is on the wire.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut metadata = MetadataMap::new();
    metadata.insert(SQLSTATE_HEADER, MetadataValue::from_static(state));
    Status::with_metadata(code(error.code), text, metadata)
}

fn code(code: ErrorCode) -> Code {
    use ErrorCode as E;
    match code {
        E::UndefinedTable | E::UndefinedSchema | E::UndefinedCatalog => Code::NotFound,
        E::SyntaxError
        | E::UndefinedColumn
        | E::UndefinedFunction
        | E::UndefinedObject
        | E::AmbiguousColumn
        | E::DuplicateAlias
        | E::GroupingError
        | E::DatatypeMismatch
        | E::InvalidTextRepresentation
        | E::InvalidDatetime
        | E::NumericOutOfRange
        | E::DatetimeOutOfRange
        | E::DivisionByZero
        | E::InvalidRegularExpression
        | E::InvalidLimit
        | E::InvalidOffset
        | E::InvalidSubstring
        | E::InvalidPowerArgument
        | E::Cardinality
        | E::InvalidColumnReference
        | E::WindowingError
        | E::InvalidParameter
        | E::UndefinedParameter
        | E::InvalidBinary
        | E::ProtocolViolation => Code::InvalidArgument,
        E::UndefinedPreparedStatement | E::UndefinedCursor => Code::NotFound,
        E::DuplicatePreparedStatement | E::DuplicateCursor => Code::AlreadyExists,
        E::FeatureNotSupported => Code::Unimplemented,
        E::ReadOnly | E::InFailedTransaction | E::NoActiveTransaction | E::ActiveTransaction => {
            Code::FailedPrecondition
        }
        E::InsufficientPrivilege | E::RestrictedTable => Code::PermissionDenied,
        E::InvalidPassword => Code::Unauthenticated,
        E::QueryCancelled => Code::Cancelled,
        E::StatementTimeout | E::IdleSessionTimeout | E::IdleInTransactionTimeout => Code::DeadlineExceeded,
        E::AdminShutdown | E::CannotConnectNow | E::SourceUnavailable => Code::Unavailable,
        E::TooManyConnections | E::OutOfMemory | E::DiskFull | E::ProgramLimit | E::TooManyQueries => {
            Code::ResourceExhausted
        }
        E::SourceError | E::Internal => Code::Internal,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_the_sqlstate_twice_and_no_detail() {
        let error = Error::new(ErrorCode::UndefinedTable, "relation \"x\"\ndoes not exist").with_detail("secret");
        let status = to_status(&error);
        assert_eq!(status.code(), Code::NotFound);
        assert_eq!(status.message(), "42P01: relation \"x\" does not exist");
        assert_eq!(status.metadata().get(SQLSTATE_HEADER).unwrap(), "42P01");
        assert!(!format!("{status:?}").contains("secret"));
    }
}
