//! Everything that enforces policy. A table reaches a plan only as a [`GovernedTable`], rows leave it only through a
//! [`GovernedExec`], and [`verify`] refuses a plan that has any other leaf. Nothing outside this module builds a raw scan.
//!
//! `rights` asks the policy engine, `mask` and `filter` turn its answers into expressions, `table` and `exec` apply them,
//! `verify` proves it was done.

mod exec;
mod expressions;
mod mask;
mod rights;
mod table;
mod verify;

pub use exec::{GovernedExec, ScanFacts, Stamp};
pub use rights::{ColumnRight, Rights, RowFilter, TableRights};
pub use table::{DENIED_COLUMN, Exposure, GovernedTable};
pub use verify::{verify_logical, verify_physical};
