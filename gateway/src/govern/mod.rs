//! Everything that enforces policy. A table reaches a plan only as a [`GovernedTable`], rows leave it only through a
//! [`GovernedExec`], and [`verify`] refuses a plan that has any other leaf. Nothing outside this module builds a raw scan.
//!
//! `rights` asks the policy engine, `expressions` and `mask` turn its answers into expressions, `table` and `exec` apply them,
//! `verify` proves it was done; `review` reads policies for `naru policy check`.

mod exec;
mod expressions;
mod mask;
mod review;
mod rights;
mod table;
mod verify;

pub use exec::{GovernedExec, ScanFacts, Stamp};
pub(crate) use expressions::broken;
pub use expressions::{PolicyExpressions, PolicySession, Restrictions};
pub use review::review;
pub use rights::{ColumnRight, QUERY_FUNCTION, QUERY_SCHEMA, Rights, RowFilter, TableRights};
pub use table::{DENIED_COLUMN, Exposure, GovernedTable};
pub use verify::{verify_logical, verify_physical};
