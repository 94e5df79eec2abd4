//! Tests of the whole: a real naru process, real clients.
