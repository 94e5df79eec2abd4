//! Running a plan: two runtimes, memory, admission, and one entry for every protocol.

mod abandon;
mod guard;
mod memory;
mod runtimes;
mod stream;

pub(crate) use abandon::Checkpoint;
pub use guard::Running;
pub(crate) use guard::batch_bytes;
pub use runtimes::{ExecLimits, Executor};
pub use stream::Begun;
pub(crate) use stream::{cancelled, panic_text, within};
