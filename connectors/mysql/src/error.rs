//! The driver's errors as a connector's: a kind and a text for the client, the driver's own words for the log alone.

use mysql_async::Error;
use naru_connector::{ConnectorError, ErrorKind};

/// What a failure at a server means. `what` names the object or the shard; it is part of the client's text.
pub(crate) fn from_driver(error: &Error, what: &str) -> ConnectorError {
    let (kind, text) = match error {
        Error::Server(server) => from_server(server.code),
        Error::Io(_) => (ErrorKind::Unavailable, "can't be reached, or the connection broke"),
        Error::Driver(_) => (ErrorKind::Unavailable, "gave an answer that can't be understood"),
        Error::Url(_) | Error::Other(_) => (ErrorKind::Internal, "can't be asked"),
    };
    ConnectorError::new(kind, format!("{what} {text}")).with_detail(error)
}

/// MySQL's and MariaDB's error numbers (their manuals' lists of server errors).
fn from_server(code: u16) -> (ErrorKind, &'static str) {
    match code {
        1044 | 1045 | 1130 | 1142 | 1143 | 1227 | 1370 | 1698 | 3118 => {
            (ErrorKind::SourceDenied, "refuses the catalog's account")
        }
        1040 | 1203 | 1226 | 1041 | 1037 | 1038 | 1114 => (ErrorKind::Resource, "has reached a limit of its own"),
        1317 | 1969 | 3024 => (ErrorKind::Cancelled, "stopped working on the query"),
        1049 | 1051 | 1054 | 1146 | 1412 => (ErrorKind::ObjectChanged, "is gone or has changed"),
        1053 | 1077 | 1152 | 1184 | 1927 => (ErrorKind::Unavailable, "is shutting down"),
        1264 | 1292 | 1365 | 1366 | 1690 => (ErrorKind::Data, "holds a value that can't be computed with"),
        _ => (ErrorKind::Internal, "failed"),
    }
}
