//! Everything that enforces policy. A table reaches a plan only as a [`GovernedTable`], rows leave it only through a
//! [`GovernedExec`], and [`verify`] refuses a plan that has any other leaf. Nothing outside this module builds a raw scan.
//!
//! `rights` asks the policy engine, `expressions` and `mask` turn its answers into expressions, `table` and `exec` apply them,
//! `verify` proves it was done; `codec` is the barrier as bytes; `review` reads policies for `naru policy check`.

mod codec;
mod exec;
mod expressions;
mod mask;
mod review;
mod rights;
mod table;
mod verify;

pub(crate) use codec::{decode, encode};
pub use exec::{GovernedExec, ScanFacts, Stamp};
pub(crate) use expressions::broken;
pub use expressions::{PolicyExpressions, PolicySession, Restrictions};
pub(crate) use mask::{decode_mask, encode_mask};
pub use review::review;
pub use rights::{ColumnRight, QUERY_FUNCTION, QUERY_SCHEMA, Rights, RowFilter, TableRights};
pub use table::{DENIED_COLUMN, Exposure, GovernedTable};
pub use verify::{verify_logical, verify_physical};
