//! Running a plan: two runtimes, memory, admission, and one entry for every protocol.

mod memory;
mod runtimes;
mod stream;

pub use runtimes::{ExecLimits, Executor};
pub use stream::QueryGuard;
pub(crate) use stream::{cancelled, panic_text, within};
