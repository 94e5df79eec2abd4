//! The configuration folder: `raw` is what the files say, `resolved` what the rest of the program sees. Unknown keys, wrong
//! units and missing files are errors that name file and line.

mod catalogs;
mod load;
mod raw;
mod units;

pub use load::{Configuration, FlightListener, HttpListener, PgListener, load};
