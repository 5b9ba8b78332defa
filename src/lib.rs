//! ilk ("of that kind") turns what a company knows of its customers into segments people can act on.
//!
//! The flow, one module each, lower ones knowing nothing of higher ones:
//!
//! [`data`] reads files into tables and accounts for every row → [`features`] says what a feature is, [`engine`] computes
//! it, [`features::preparation`] takes it to model space → [`cluster`] finds groups, [`evidence`] says how good they are
//! and how many → [`segment`] gives them ids, profiles and personas → [`report`] and [`export`] render them → [`store`]
//! keeps them. [`pipeline`] composes the stages, [`config`] decides them.
//!
//! ```no_run
//! # fn main() -> ilk::error::Result<()> {
//! let config = ilk::config::Config::parse(&std::fs::read_to_string("ilk.toml").unwrap(), "ilk.toml")?;
//! let prepared = ilk::pipeline::prepare(&config, ".".as_ref(), &ilk::pipeline::Unwatched)?;
//! let run = ilk::pipeline::segment(&config, prepared, "trial", None, &ilk::pipeline::Unwatched)?;
//! for segment in &run.report.segments {
//!     println!("{} {}: {} customers", segment.id, segment.persona.name, segment.profile.customers);
//! }
//! # Ok(()) }
//! ```

pub mod cli;
pub mod cluster;
pub mod config;
pub mod data;
pub mod engine;
pub mod error;
pub mod evidence;
pub mod export;
pub mod features;
pub mod pipeline;
pub mod report;
pub mod segment;
pub mod shop;
pub mod store;
