//! Error codes as SQLSTATEs (PostgreSQL manual, appendix A): the only such table of this door.

use crate::error::ErrorCode;

/// A connection is refused before anybody's password was looked at.
pub(super) const INVALID_AUTHORIZATION: &str = "28000";

/// The SQLSTATE of an error code.
#[must_use]
pub fn sqlstate(code: ErrorCode) -> &'static str {
    use ErrorCode as Code;
    match code {
        Code::SyntaxError => "42601",
        Code::UndefinedTable => "42P01",
        Code::UndefinedColumn => "42703",
        Code::UndefinedSchema => "3F000",
        Code::UndefinedCatalog => "3D000",
        Code::UndefinedFunction => "42883",
        Code::UndefinedObject => "42704",
        Code::AmbiguousColumn => "42702",
        Code::DuplicateAlias => "42712",
        Code::GroupingError => "42803",
        Code::DatatypeMismatch => "42804",
        Code::InvalidTextRepresentation => "22P02",
        Code::InvalidDatetime => "22007",
        Code::NumericOutOfRange => "22003",
        Code::DatetimeOutOfRange => "22008",
        Code::DivisionByZero => "22012",
        Code::InvalidRegularExpression => "2201B",
        Code::InvalidLimit => "2201W",
        Code::InvalidOffset => "2201X",
        Code::InvalidSubstring => "22011",
        Code::InvalidPowerArgument => "2201F",
        Code::Cardinality => "21000",
        Code::InvalidColumnReference => "42P10",
        Code::WindowingError => "42P20",
        Code::ProgramLimit => "54000",
        Code::InvalidParameter => "22023",
        Code::FeatureNotSupported => "0A000",
        Code::ReadOnly => "25006",
        Code::InsufficientPrivilege | Code::RestrictedTable => "42501",
        Code::InvalidPassword => "28P01",
        Code::ProtocolViolation => "08P01",
        Code::QueryCancelled | Code::StatementTimeout => "57014",
        Code::AdminShutdown => "57P01",
        Code::IdleSessionTimeout => "57P05",
        Code::IdleInTransactionTimeout => "25P03",
        Code::CannotConnectNow => "57P03",
        Code::TooManyConnections => "53300",
        Code::OutOfMemory => "53200",
        Code::DiskFull => "53100",
        Code::TooManyQueries => "53400",
        Code::InFailedTransaction => "25P02",
        Code::NoActiveTransaction => "25P01",
        Code::ActiveTransaction => "25001",
        Code::DuplicatePreparedStatement => "42P05",
        Code::UndefinedPreparedStatement => "26000",
        Code::DuplicateCursor => "42P03",
        Code::UndefinedCursor => "34000",
        Code::UndefinedParameter => "42P02",
        Code::InvalidBinary => "22P03",
        Code::SourceUnavailable => "08001",
        Code::SourceError => "HV000",
        Code::Internal => "XX000",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_branch_on_these() {
        assert_eq!(sqlstate(ErrorCode::QueryCancelled), "57014");
        assert_eq!(sqlstate(ErrorCode::UndefinedCursor), "34000");
        assert_eq!(sqlstate(ErrorCode::UndefinedPreparedStatement), "26000");
    }
}
