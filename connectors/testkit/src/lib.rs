//! The conformance suite that every connector must pass against its real source.
