//! From text to a verified physical plan: parse, classify, bind, optimise, verify.

mod bind;
mod classify;
mod constant;
mod cooperate;
mod dialect;
mod explain;
mod lookup;
mod names;
mod optimise;
mod parse;
mod pg_compat;
mod placeholders;
mod pushdown;
mod query_function;
mod wildcard;

pub(crate) use bind::Names;
pub use bind::{Bound, bind};
pub use classify::{Kind, classify};
pub use constant::{constants, types};
pub use cooperate::YieldingJoins;
pub(crate) use dialect::to_datafusion;
pub use explain::{Detail, explain};
pub use optimise::{Optimised, constant_row, finish, optimise, optimises_alike, outline, physical_plan};
pub use parse::{folded, parse, parse_with};
pub use placeholders::Placeholders;
pub(crate) use pushdown::rules as pushdown_rules;
