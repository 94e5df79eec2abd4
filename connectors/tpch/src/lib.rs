//! TPC-H data, generated while it is read.
