//! Error codes as gRPC statuses: the only such table of this door.
//!
//! The SQLSTATE stands in front of the text, where JDBC users see it, and alone in a trailer, where programs read it.

use crate::error::{Error, ErrorCode};
use crate::server::pg::sqlstate;
use crate::session::api::Notice;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// The trailer that holds the SQLSTATE of a failed call.
pub const SQLSTATE_HEADER: &str = "x-naru-sqlstate";

/// The trailer that holds a warning of a call that succeeded, one each: UTF-8, with `%XX` for what is no visible ASCII, as
/// gRPC writes its own messages.
pub const WARNING_HEADER: &str = "x-naru-warning";

/// The end of a call that succeeded with warnings. A stream ends with its first `Err`: this one is a success.
pub(super) fn with_warnings(notices: &[Notice]) -> Option<Status> {
    let mut metadata = MetadataMap::new();
    for notice in notices {
        let text = format!("{}: {}", notice.sqlstate, notice.message);
        if let Ok(value) = visible(&text).parse() {
            metadata.append(WARNING_HEADER, value);
        }
    }
    (!metadata.is_empty()).then(|| Status::with_metadata(Code::Ok, "", metadata))
}

fn visible(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b' '..=b'~' if byte != b'%' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

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
    fn warnings_end_a_call_that_succeeded() {
        assert!(with_warnings(&[]).is_none());
        let notice = |message: &str| Notice { sqlstate: "01000", message: message.to_owned() };
        let status = with_warnings(&[notice("shard 1 of 주문 is down"), notice("50%")]).unwrap();
        assert_eq!(status.code(), Code::Ok);
        let said: Vec<_> = status.metadata().get_all(WARNING_HEADER).iter().collect();
        assert_eq!(said, ["01000: shard 1 of %EC%A3%BC%EB%AC%B8 is down", "01000: 50%25"]);
    }

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
