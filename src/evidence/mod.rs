//! Is it real? Indices, stability, tests of structure against null references, and the choice of k or eps under business
//! constraints.

mod axes;
mod beta;
pub mod dip;
pub mod drift;
pub mod eps;
pub mod gap;
pub mod holm;
pub mod hopkins;
pub mod indices;
pub mod k;
pub mod matching;
pub mod null;
mod prediction;
pub mod projection;
mod sample;
pub mod select;
pub mod size;
pub mod stability;
pub mod structure;
pub mod verdict;
