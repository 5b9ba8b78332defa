//! One binary for all integration tests, because each one links polars.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, missing_docs)]

mod algorithms;
mod as_of;
mod bad_inputs;
mod bad_values;
mod browser;
mod clusterers;
mod commands;
mod crash;
mod demo;
mod features;
mod layers;
mod ledger;
mod lineage;
mod linfa_traps;
mod notebook;
mod project;
mod projects;
mod published;
mod real_data;
mod report;
mod retrain;
mod rfm;
mod sentences;
mod shared;
#[cfg(feature = "spark")]
mod spark;
