//! The numbers of one segment against everyone.

use serde::{Deserialize, Serialize};

/// One group of customers in numbers. Medians and means are in natural units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Number of customers.
    pub customers: usize,
    /// Share of all segmented customers, unclustered ones included in the base.
    pub share_customers: f64,
    /// Sum of the `revenue` feature; `None` without revenue.
    pub revenue: Option<f64>,
    /// Share of the revenue of everyone in the base.
    pub share_revenue: Option<f64>,
    /// One entry per numeric feature, in feature order.
    pub numbers: Vec<NumberFacts>,
    /// Per level of each ordinal and nominal feature, in feature order, then level order.
    pub levels: Vec<LevelFacts>,
}

/// A numeric feature within a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberFacts {
    /// Feature name.
    pub feature: String,
    /// Mean over customers with a value; `None` when nobody has one.
    pub mean: Option<f64>,
    /// Lower quartile (type 7).
    pub p25: Option<f64>,
    /// Median (type 7).
    pub median: Option<f64>,
    /// Upper quartile (type 7).
    pub p75: Option<f64>,
    /// How far the group's mean lies from everyone's, in standard deviations of the transformed feature (the scale on
    /// which customers are compared, so that one whale does not hide a whole segment).
    pub z: f64,
    /// Share of the group without a value.
    pub missing: f64,
}

/// A level within a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LevelFacts {
    /// Feature name.
    pub feature: String,
    /// The level; `unknown` stands for no value.
    pub level: String,
    /// Customers of the group at this level.
    pub customers: usize,
    /// Share of the group at this level.
    pub share: f64,
    /// Share of everyone at this level.
    pub share_all: f64,
}
