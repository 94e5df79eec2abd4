//! From text to a verified physical plan: parse, classify, bind, optimise, verify.

mod bind;
mod classify;
mod constant;
mod dialect;
mod explain;
mod lookup;
mod names;
mod parse;
mod pg_compat;
mod wildcard;

pub use bind::{Bound, bind, physical_plan};
pub use classify::{Kind, classify};
pub use constant::{constants, types};
pub use explain::{Detail, explain};
pub use parse::parse;
