//! Errors of a source: one kind for the gateway to map, one text for the client, one for the log.

use datafusion::error::DataFusionError;
use std::fmt;

/// Result of a call to a connector.
pub type Result<T, E = ConnectorError> = std::result::Result<T, E>;

/// What kind of failure it is: the gateway maps this to SQLSTATE, gRPC and HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The catalog's configuration is wrong.
    Configuration,
    /// The source can't be reached, or the connection broke.
    Unavailable,
    /// The source refused our credentials or rights.
    SourceDenied,
    /// The object is gone, or changed while being read.
    ObjectChanged,
    /// A value can't be represented (overflow, zero date, broken text).
    Data,
    /// Asked for something this source can't do.
    Unsupported,
    /// The query was cancelled or its deadline elapsed.
    Cancelled,
    /// A limit of the source or of the catalog was reached (connections, memory).
    Resource,
    /// A defect.
    Internal,
}

/// An error of a source. `message` is for the person who asked: what failed, on which object, what to do; it holds no
/// data values and no secrets. `detail` is for the log only.
#[derive(Debug, Clone)]
pub struct ConnectorError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// Text for the client.
    pub message: String,
    /// Text for the log: the driver's own words.
    pub detail: Option<String>,
}

impl ConnectorError {
    /// A new error without detail.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None }
    }

    /// The same error with the driver's own words, for the log.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// A defect of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A wrong catalog file.
    pub fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectorError {}

impl From<ConnectorError> for DataFusionError {
    fn from(error: ConnectorError) -> Self {
        Self::External(Box::new(error))
    }
}

impl ConnectorError {
    /// As DataFusion carries it; the gateway finds it again by downcast.
    #[must_use]
    pub fn into_datafusion(self) -> DataFusionError {
        self.into()
    }
}
