//! Who computes the features. An engine turns each [`Measure`](crate::features::Measure) into its own language; what a
//! feature means is said once, in [`crate::features`].

pub mod database;
pub mod embedded;
pub mod primitive;
#[cfg(feature = "spark")]
pub mod spark;
pub mod sql;

use crate::data::read::Tables;
use crate::error::Result;
use crate::features::Feature;
use crate::features::matrix::Observed;

/// Computes features over tables.
pub trait Engine {
    /// One row per customer with a sale in the window, or per known customer where there are no orders; ascending by id.
    ///
    /// # Errors
    /// E0131 when the engine fails on the data; E0401 when there is nobody.
    fn observe(&self, tables: &Tables, features: &[Feature]) -> Result<Observed>;
}
