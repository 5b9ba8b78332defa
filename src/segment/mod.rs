//! What the groups mean: from clusters to segments with an id, profiles and personas.

pub mod blocks;
pub mod concentration;
pub mod decomposition;
pub mod lineage;
pub mod migration;
pub mod model;
pub mod monitoring;
pub mod nps;
pub mod persona;
pub mod playbook;
pub mod profile;
pub mod protected;
pub mod rfm_grid;
pub mod rule;

/// The id of the segment at `index` in revenue order: `S01`, `S02`, ….
pub fn segment_id(index: usize) -> String {
    format!("S{:02}", index + 1)
}

/// The segment of known customers who never ordered: their own, not one of the discovered ones.
pub const LEADS: &str = "leads";

/// What [`LEADS`] are called.
pub const LEADS_NAME: &str = "Leads: known, no order yet";

/// How a customer who belongs to no segment is written in files.
pub const UNCLUSTERED: &str = "unclustered";
