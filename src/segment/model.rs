//! The saved model: everything needed to score a customer next year, in one readable file.

use super::rfm_grid::RfmGrid;
use crate::cluster::Points;
use crate::cluster::prototypes::{Assignment, Prototypes, Rule};
use crate::data::duplicates::CopyRules;
use crate::error::{Error, Result};
use crate::features::Feature;
use crate::features::matrix::FeatureMatrix;
use crate::features::preparation::{ModelMatrix, Preparation};
use crate::features::smoothing::Learned;
use serde::{Deserialize, Serialize};

/// Version of the file's layout. A newer one than this cannot be read.
pub const FORMAT: u32 = 1;

/// Margin below which a customer stands between two segments: `(d2 - d1) / d2`.
pub const BORDERLINE: f64 = 0.1;

/// Percentile of the training distances beyond which a customer is far from every segment.
const FAR: f64 = 0.99;

/// Features, preparation, prototypes and names. `I` is how the input tables are described (see
/// [`Inputs`](crate::data::schema::Inputs)); this layer only carries it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentModel<I> {
    /// [`FORMAT`] when written.
    pub format: u32,
    /// Version of ilk that wrote it.
    pub ilk_version: String,
    /// Name of the project.
    pub name: String,
    /// `2011-Q4.1`.
    pub version: String,
    /// The day it was trained for, ISO; `None` without dates.
    pub as_of: Option<String>,
    /// Days that counted; `None` is all.
    pub window_days: Option<u32>,
    /// ISO code, sign, or empty.
    pub currency: String,
    /// How the tables are read, paths left blank.
    pub input: I,
    /// Which copies of a row count.
    #[serde(default, skip_serializing_if = "CopyRules::is_default")]
    pub copies: CopyRules,
    /// The features, in column order.
    pub features: Vec<Feature>,
    /// What the features learned from the population.
    pub learned: Learned,
    /// How features become model space.
    pub preparation: Preparation,
    /// The algorithm and its parameters as used.
    pub algorithm: crate::cluster::Algorithm,
    /// Who belongs where.
    pub prototypes: Prototypes,
    /// The segments, by cluster index.
    pub segments: Vec<ModelSegment>,
    /// Distance beyond which a customer is far (99th percentile of the training distances).
    pub far: f64,
    /// Cuts and names of the classic RFM grid; `None` without recency, orders and revenue.
    #[serde(default)]
    pub rfm: Option<RfmGrid>,
}

/// A segment's identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSegment {
    /// `S01`.
    pub id: String,
    /// `Loyal big spenders`.
    pub name: String,
    /// What ilk would call it, where the project has a name of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// What its name comes from: the features that set it apart most, with the side. The name stays while they do.
    #[serde(default)]
    pub drivers: Vec<String>,
    /// Its place among the colours, which stays with the id; its number in the model where an older ilk wrote none.
    #[serde(default)]
    pub colour: Option<usize>,
}

/// How well a customer fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// Clearly in its segment.
    Clear,
    /// Margin to the next segment below [`BORDERLINE`].
    Borderline,
    /// Beyond the 99th percentile of the training distances, or in no segment.
    Far,
}

impl Fit {
    /// As written in files.
    pub fn word(self) -> &'static str {
        match self {
            Fit::Clear => "clear",
            Fit::Borderline => "borderline",
            Fit::Far => "far",
        }
    }

    /// Judges one assignment.
    pub fn of(assignment: &Assignment, far: f64) -> Self {
        if assignment.cluster.is_none() || assignment.distance > far {
            Fit::Far
        } else if assignment.second.is_some() && assignment.margin() < BORDERLINE {
            Fit::Borderline
        } else {
            Fit::Clear
        }
    }
}

/// Where every customer of a model space belongs.
pub fn assign(prototypes: &Prototypes, space: &ModelMatrix) -> Vec<Assignment> {
    if let Rule::Mixed { .. } = prototypes.rule() {
        let mixed = space.mixed();
        prototypes.assign_points(Points { codes: Some(mixed.codes.view()), ..mixed.x.view().into() })
    } else {
        prototypes.assign(space.values.view())
    }
}

/// The 99th percentile (type 7) of the distances of assigned customers.
pub fn far_distance(assignments: &[Assignment]) -> f64 {
    let mut distances: Vec<f64> = assignments.iter().filter(|a| a.cluster.is_some()).map(|a| a.distance).collect();
    distances.sort_by(f64::total_cmp);
    if distances.is_empty() {
        return 0.0;
    }
    let position = (distances.len() - 1) as f64 * FAR;
    let low = position.floor() as usize;
    let high = (low + 1).min(distances.len() - 1);
    distances[low] + (position - low as f64) * (distances[high] - distances[low])
}

impl<I: Serialize + serde::de::DeserializeOwned> SegmentModel<I> {
    /// Assigns every customer of the matrix, in its order.
    ///
    /// # Errors
    /// E0502 when the matrix lacks a feature of the model.
    pub fn assign(&self, matrix: &FeatureMatrix) -> Result<Vec<Assignment>> {
        Ok(assign(&self.prototypes, &self.preparation.transform(matrix)?))
    }

    /// How well every customer of the matrix fits its assignment; one with a level that training never saw is far, whatever the rest.
    pub fn fits(&self, matrix: &FeatureMatrix, assignments: &[Assignment]) -> Vec<Fit> {
        let mut fits: Vec<Fit> = assignments.iter().map(|assignment| Fit::of(assignment, self.far)).collect();
        for row in self.preparation.unseen_rows(matrix) {
            fits[row] = Fit::Far;
        }
        fits
    }

    /// As `model.json`.
    ///
    /// # Errors
    /// E0070 if it cannot be written, which would be a defect.
    pub fn to_json(&self) -> Result<String> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|e| Error::new("E0070", format!("the model cannot be written as JSON: {e}")))?;
        text.push('\n');
        Ok(text)
    }

    /// From `model.json`.
    ///
    /// # Errors
    /// E0601 for a newer format, E0603 for a damaged file.
    pub fn from_json(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
            ilk_version: String,
        }
        let damaged = |e: serde_json::Error| {
            Error::new("E0603", format!("model.json is damaged: {e}"))
                .help("restore it from a copy, or run `ilk run` again")
        };
        let head: Head = serde_json::from_str(text).map_err(damaged)?;
        if head.format > FORMAT {
            return Err(Error::new(
                "E0601",
                format!(
                    "model.json is format {} (ilk {}); this is ilk {} (format {FORMAT})",
                    head.format,
                    head.ilk_version,
                    env!("CARGO_PKG_VERSION")
                ),
            )
            .why("scoring with half-understood rules would put customers into wrong segments")
            .help("upgrade ilk, or score with the version that wrote the model"));
        }
        serde_json::from_str(text).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(distance: f64, second_distance: f64) -> Assignment {
        Assignment { cluster: Some(0), distance, second: Some(1), second_distance, strength: None, outlier: None }
    }

    #[test]
    fn fit_follows_margin_and_distance() {
        assert_eq!(Fit::of(&assignment(1.0, 2.0), 3.0), Fit::Clear);
        assert_eq!(Fit::of(&assignment(1.0, 1.05), 3.0), Fit::Borderline);
        assert_eq!(Fit::of(&assignment(4.0, 9.0), 3.0), Fit::Far);
        assert_eq!(Fit::of(&Assignment { cluster: None, ..assignment(1.0, 2.0) }, 3.0), Fit::Far);
    }

    #[test]
    fn far_is_the_99th_percentile() {
        let all: Vec<Assignment> = (0..=100).map(|i| assignment(f64::from(i), 1e9)).collect();
        assert_eq!(far_distance(&all), 99.0);
        assert_eq!(far_distance(&[]), 0.0);
    }
}
