//! The library in thirty lines: a config, features, segments, and one customer's assignment.
//!
//! Run it in a project's folder: `cargo run --release --example segment`, after `ilk demo` and `cd ilk-demo`.
#![allow(clippy::print_stdout)]

use ilk::config::Config;
use ilk::pipeline::{Unwatched, prepare, segment};
use ilk::segment::model::Fit;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::parse(&std::fs::read_to_string("ilk.toml")?, "ilk.toml")?;
    let prepared = prepare(&config, Path::new("."), &Unwatched)?;
    let run = segment(&config, prepared, "trial", None, None, &Unwatched)?;
    for reason in &run.report.method.reasons {
        println!("{reason}");
    }
    for segment in &run.report.segments {
        let persona = &segment.persona;
        println!("{} {}: {} customers. {}", segment.id, persona.name, segment.profile.customers, persona.sentence);
    }
    let (id, assignment) = (&run.prepared.matrix.ids[0], &run.assignments[0]);
    let segment = assignment.cluster.map_or("no segment", |c| run.model.segments[c].id.as_str());
    println!("{id} is in {segment}, fit {}", Fit::of(assignment, run.model.far).word());
    Ok(())
}
