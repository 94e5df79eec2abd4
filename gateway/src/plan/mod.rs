//! From text to a verified physical plan: parse, classify, bind, optimise, verify.

mod bind;
mod classify;
mod constant;
mod dialect;
mod explain;
mod parse;
mod pushdown;
mod wildcard;

pub use bind::{Bound, bind, physical_plan};
pub use classify::{Kind, classify};
pub use constant::{constants, types};
pub use explain::{Detail, explain};
pub use parse::parse;
pub(crate) use pushdown::rules as pushdown_rules;
