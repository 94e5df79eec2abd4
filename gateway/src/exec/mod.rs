//! Running a plan: two runtimes, memory, admission, and one entry for every protocol.

mod abandon;
mod memory;
mod runtimes;
mod stream;

pub(crate) use abandon::Checkpoint;
pub use runtimes::{ExecLimits, Executor};
pub use stream::QueryGuard;
pub(crate) use stream::{batch_bytes, cancelled, panic_text, within};
