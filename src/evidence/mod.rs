//! Is it real? Indices, stability, and the choice of k or eps under business constraints.

pub mod eps;
pub mod indices;
pub mod k;
pub mod matching;
pub mod select;
pub mod size;
pub mod stability;
