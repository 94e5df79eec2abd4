//! The connector contract: what a source must offer, and the one scan that serves all of them.
//!
//! A source is a crate that implements [`ConnectorFactory`], [`Connector`], [`Table`] and [`Scan`]; the gateway learns
//! of it through one line in its list of factories. Everything between those four traits and DataFusion lives here, once:
//! the translation of expressions to [`Predicate`]s ([`translate`]), the [`TableAdapter`] and the [`ScanExec`].
//!
//! What a connector may know: its own driver, Arrow, and this crate. What it must not know: identities beyond
//! [`Principal`], policies, doors, other connectors. Policy is applied above a scan, never by a connector.
//!
//! Reading order: [`Connector`] and [`Table`] (what exists), [`Predicate`] (what may be asked), [`Scan`] and [`Split`]
//! (what was promised), [`QueryContext`] (on whose behalf, until when).

mod column;
mod connector;
mod context;
mod error;
mod exec;
mod late;
mod parameter;
mod predicate;
mod provider;
mod scan;
mod secret;
mod setting;
pub mod translate;
mod warnings;

pub use column::{Column, DerivedFrom, TableStatistics};
pub use connector::{Connector, ConnectorFactory, PlanSource, PlannedFiles, QueryFunction, Table, TableName};
pub use context::{OnceStore, Principal, QueryContext, QueryId};
pub use error::{ConnectorError, ErrorKind, Result};
pub use exec::ScanExec;
pub use late::{Late, plain_column};
pub use parameter::{Parameter, ParameterKind, ParameterValue, Parameters};
pub use predicate::{
    AggregateCall, AggregateFunction, Aggregation, ColumnPath, CompareOp, KeyExpr, KeyFunction, Predicate, SortKey,
    Support, TopN,
};
pub use provider::{ScanNote, TableAdapter};
pub use scan::{BatchStream, Scan, ScanRequest, Split};
pub use secret::Secret;
pub use setting::SessionSetting;
pub use warnings::Warnings;
