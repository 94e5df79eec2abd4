//! Messages to a client that are neither rows nor their description.

use super::sqlstate::sqlstate;
use super::wire::Wire;
use crate::error::{Error, ErrorCode};
use crate::session::api::{Notice, TransactionStatus};
use pgwire::messages::response::{
    CommandComplete, ErrorResponse, NoticeResponse, ReadyForQuery, TransactionStatus as WireStatus,
};
use pgwire::messages::startup::ParameterStatus;

/// What becomes of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// It goes on.
    Error,
    /// It ends.
    Fatal,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// A text without the byte that ends it on the wire.
pub(super) fn without_zero(text: &str) -> String {
    text.replace('\0', "")
}

fn fields(severity: &str, code: &str, message: &str) -> Vec<(u8, String)> {
    vec![
        (b'S', severity.to_owned()),
        (b'V', severity.to_owned()),
        (b'C', code.to_owned()),
        (b'M', without_zero(message)),
    ]
}

/// Tells a client what failed, and the log what the client must not know.
pub(super) fn error(wire: &mut Wire, severity: Severity, error: &Error) {
    let code = sqlstate(error.code);
    let detail = error.detail.as_deref().unwrap_or_default();
    if error.code == ErrorCode::Internal {
        tracing::error!(code, detail, "{}", error.message);
    } else {
        tracing::debug!(code, detail, "{}", error.message);
    }
    let mut fields = fields(severity.as_str(), code, &error.message);
    if let Some(hint) = &error.hint {
        fields.push((b'H', without_zero(hint)));
    }
    if let Some(position) = error.position {
        fields.push((b'P', position.to_string()));
    }
    wire.put(&ErrorResponse::new(fields));
}

/// Tells a client that its connection ends, with a SQLSTATE that no statement can give.
pub(super) fn fatal(wire: &mut Wire, code: &'static str, message: &str) {
    wire.put(&ErrorResponse::new(fields("FATAL", code, message)));
}

/// Something worth knowing although the statement succeeded.
pub(super) fn notice(wire: &mut Wire, notice: &Notice) {
    // Class 00 and 01 say how loud they are.
    let severity = if notice.sqlstate.starts_with("00") { "NOTICE" } else { "WARNING" };
    wire.put(&NoticeResponse::new(fields(severity, notice.sqlstate, &notice.message)));
}

/// The value of a setting that clients follow.
pub(super) fn parameter_status(wire: &mut Wire, name: &str, value: &str) {
    wire.put(&ParameterStatus::new(without_zero(name), without_zero(value)));
}

/// A statement is done.
pub(super) fn complete(wire: &mut Wire, tag: impl Into<String>) {
    wire.put(&CommandComplete::new(tag.into()));
}

/// The client may go on.
pub(super) fn ready(wire: &mut Wire, status: TransactionStatus) {
    let status = match status {
        TransactionStatus::Idle => WireStatus::Idle,
        TransactionStatus::Open => WireStatus::Transaction,
        TransactionStatus::Failed => WireStatus::Error,
    };
    wire.put(&ReadyForQuery::new(status));
}
