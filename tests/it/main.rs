//! One binary for all integration tests, because each one links polars.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, missing_docs)]

mod clusterers;
mod linfa_traps;
mod published;
mod shared;
