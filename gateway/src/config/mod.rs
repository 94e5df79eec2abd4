//! The configuration folder: `keys` says what may be written, `document` checks a file against it, `load` makes what the rest
//! of the program sees, `reload` does so again while the server runs. Unknown keys, wrong units and missing files are
//! [`Problems`], each with file and line.
//!
//! Nothing here listens, connects or runs; a secret is never repeated in a problem.

mod catalogs;
mod document;
mod keys;
mod listeners;
mod load;
mod problem;
pub mod reference;
mod reload;
mod secrets;
#[cfg(test)]
mod tests;
mod tls;
mod units;

pub use listeners::{FlightListener, HttpListener, PgListener};
pub(crate) use load::load_policy_file;
pub use load::{Configuration, Origin, examine, load};
pub use problem::{Problem, Problems};
pub use reload::{Reloader, Renewal};
pub use tls::{ServerCertificate, TlsFiles};
