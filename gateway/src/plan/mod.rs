//! From text to a verified physical plan: parse, classify, bind, optimise, verify.

mod bind;
mod classify;
mod names;
mod parse;
mod wildcard;

pub use bind::{Bound, bind, physical_plan};
pub use classify::{Kind, classify};
pub use parse::parse;
