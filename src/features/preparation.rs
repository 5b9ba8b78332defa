//! From natural units to model space: fitted once, saved in the model, the same for every customer after.
//!
//! Numbers: transform, impute, winsorise, standardise ([`scaling`](super::scaling)). Levels: one column per level or one for
//! an order, scaled after Hennig & Liao (2013, "How to find an appropriate clustering for mixed-type variables") so that a
//! nominal feature weighs half of a numeric one. Blocks: each family's share of the expected squared distance is its weight
//! exactly. Last, every value is rounded to the grid of 2^-16, so that sums no longer depend on their order.

use super::matrix::{Column, FeatureMatrix};
use super::population::{Population, Values};
use super::scaling::Scaling;
use super::{Family, Feature, Role, Scale};
use crate::error::{Error, Result, Warning};
use ndarray::Array2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Steps per unit of model space.
pub const GRID: f64 = 65_536.0;

/// Values of model space stay inside ± this.
pub(crate) const BOUND: f64 = 256.0;

/// Share of customers without a value above which a feature forms nothing.
const MAX_MISSING: f64 = 0.4;

/// Rank correlation above which two features say the same.
const REDUNDANT: f64 = 0.98;

/// The level that stands for no value.
pub const UNKNOWN: &str = "unknown";

/// The level that rare ones are merged into.
pub const OTHER: &str = "other";

/// What decides the preparation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PreparationOptions {
    /// Share of the distance per family; renormalised over the families that form segments.
    pub weights: BTreeMap<Family, f64>,
    /// Share of customers clipped at each end of a transformed feature.
    pub winsorize: f64,
    /// Levels with a smaller share are merged.
    pub rare_level: f64,
}

impl Default for PreparationOptions {
    fn default() -> Self {
        Self {
            // Behaviour first; what a family that describes by default weighs when the config makes it form.
            weights: BTreeMap::from([
                (Family::Rfm, 0.5),
                (Family::Basket, 0.15),
                (Family::Engagement, 0.35),
                (Family::Demographic, 0.15),
                (Family::Geographic, 0.05),
                (Family::Firmographic, 0.15),
                (Family::Survey, 0.1),
                (Family::Occasion, 0.1),
                (Family::Lifecycle, 0.1),
                (Family::Custom, 0.15),
            ]),
            winsorize: 0.005,
            rare_level: 0.01,
        }
    }
}

/// A fitted preparation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    /// Per numeric feature, whether it forms segments or not.
    scalings: BTreeMap<String, Scaling>,
    /// The columns of model space.
    columns: Vec<Encoder>,
    /// Per family that forms segments: its share of the distance.
    weights: Vec<(Family, f64)>,
}

/// One column of model space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Encoder {
    feature: String,
    family: Family,
    kind: Kind,
    /// Block weight.
    factor: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// The standardised number.
    Number,
    /// The position of the level, centred and scaled; unknown levels are 0.
    Order { levels: Vec<String>, mean: f64, scale: f64 },
    /// Whether the customer has this level, centred and scaled. `known` are all levels of the feature seen in training
    /// and the level each is merged into.
    Level { level: String, share: f64, scale: f64, known: BTreeMap<String, String> },
}

/// How a column of model space comes from its feature.
#[derive(Debug, Clone, PartialEq)]
pub enum Recipe<'a> {
    /// Of a number.
    Number {
        /// Its chain.
        scaling: &'a Scaling,
        /// What the standardised value is multiplied by.
        factor: f64,
    },
    /// Of a level: the steps of [`GRID`] of each one that is known, 0 of any other. `missing` is the level of whoever has none.
    Levels {
        /// By level.
        steps: BTreeMap<String, i64>,
        /// Which of them stands for none.
        missing: Option<&'static str>,
    },
}

/// What is learned of one feature.
enum OfFeature {
    Number { missing: u64, scaling: Scaling },
    Level(BTreeMap<Option<String>, u64>),
}

/// Customers × columns, scaled and on the grid: only clusterers read it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMatrix {
    /// What each column is.
    pub columns: Vec<ModelColumn>,
    /// One row per customer, C order.
    pub values: Array2<f64>,
}

/// One column of a [`ModelMatrix`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelColumn {
    /// The feature it comes from.
    pub feature: String,
    /// The block it is weighted with.
    pub family: Family,
    /// The level, for a nominal feature.
    pub level: Option<String>,
}

/// Rounds to the grid: the nearest multiple of 2^-16, ties up, inside ±256.
pub fn to_grid(z: f64) -> f64 {
    let bound = BOUND * GRID - 1.0;
    (z * GRID + 0.5).floor().clamp(-bound, bound) / GRID
}

impl Preparation {
    /// Learns the preparation from a matrix in memory, and says which features tell the same.
    ///
    /// # Errors
    /// As [`Preparation::learn`].
    pub fn fit(matrix: &FeatureMatrix, options: &PreparationOptions) -> Result<(Self, Vec<Warning>)> {
        let (this, mut warnings) = Self::learn(matrix, &matrix.features, options)?;
        warnings.extend(this.redundant(matrix));
        Ok((this, warnings))
    }

    /// Learns the preparation of `features` from a population, wherever it is; no order of customers can change it.
    ///
    /// # Errors
    /// E0403 if nothing differs between customers, E0205 for options out of bounds; and where a database does not answer.
    pub fn learn(
        population: &dyn Population,
        features: &[Feature],
        options: &PreparationOptions,
    ) -> Result<(Self, Vec<Warning>)> {
        check(options)?;
        let mut warnings = Vec::new();
        let customers = population.customers();
        let learned = |(at, feature): (usize, &Feature)| -> Result<OfFeature> {
            Ok(match population.values(at)? {
                Values::Numbers(numbers) => OfFeature::Number {
                    missing: customers - numbers.known(),
                    scaling: Scaling::fit(numbers.as_ref(), customers, &feature.unit, options.winsorize)?,
                },
                Values::Levels(counts) => OfFeature::Level(counts),
            })
        };
        let learned: Vec<OfFeature> = features.par_iter().enumerate().map(learned).collect::<Result<_>>()?;
        let mut encoders = Vec::new();
        // Of each family that forms segments: the variances of its columns.
        let mut variances: BTreeMap<Family, f64> = BTreeMap::new();
        for (feature, learned) in features.iter().zip(&learned).filter(|(f, _)| f.role == Role::Form) {
            // No level is a level of its own.
            let missing = if let OfFeature::Number { missing, .. } = learned { *missing } else { 0 };
            if missing as f64 > MAX_MISSING * customers as f64 {
                warnings.push(
                    Warning::new(
                        "W0404",
                        format!(
                            "`{}` is missing for {:.0} % of customers: it forms nothing",
                            feature.name,
                            missing as f64 / customers as f64 * 100.0
                        ),
                    )
                    .help(format!("to silence this, under [features.roles]: {} = \"describe\"", feature.name)),
                );
                continue;
            }
            let (kinds, variance) = match (learned, &feature.scale) {
                (OfFeature::Number { scaling, .. }, _) if scaling.sd == 0.0 => (Vec::new(), 0.0),
                (OfFeature::Number { .. }, _) => (vec![Kind::Number], 1.0),
                (OfFeature::Level(counts), Scale::Ordinal(levels)) => order(counts, levels),
                (OfFeature::Level(counts), Scale::Binary) => (binary(counts, options.rare_level), 0.5),
                (OfFeature::Level(counts), _) => (nominal(counts, options.rare_level), 0.5),
            };
            if kinds.is_empty() {
                warnings.push(
                    Warning::new("W0403", format!("`{}` is the same for all: dropped", feature.name))
                        .help("nothing to do; it tells no customer from another"),
                );
                continue;
            }
            *variances.entry(feature.family).or_default() += variance;
            encoders.extend(kinds.into_iter().map(|kind| Encoder {
                feature: feature.name.clone(),
                family: feature.family,
                kind,
                factor: 1.0,
            }));
        }
        if encoders.is_empty() {
            return Err(Error::new(
                "E0403",
                format!("all {customers} customers have the same values for all features"),
            )
            .why("nothing tells one customer from another, so there are no groups to find")
            .help("check that the columns in ilk.toml are the right ones"));
        }
        let scalings = (features.iter().zip(learned)).filter_map(|(feature, learned)| match learned {
            OfFeature::Number { scaling, .. } => Some((feature.name.clone(), scaling)),
            OfFeature::Level(_) => None,
        });
        let mut this = Self { scalings: scalings.collect(), columns: encoders, weights: Vec::new() };
        this.weigh(&variances, options)?;
        Ok((this, warnings))
    }

    /// Sets the block factors: `s_g = sqrt(w_g P / Σ_{j in g} Var_j)`, since the expected squared distance of two random
    /// customers is twice the sum of the variances.
    fn weigh(&mut self, variances: &BTreeMap<Family, f64>, options: &PreparationOptions) -> Result<()> {
        let weight = |family: &Family| options.weights.get(family).copied().unwrap_or(0.0);
        let total: f64 = variances.keys().map(weight).sum();
        if total <= 0.0 {
            return Err(Error::new("E0205", "every family that forms segments has the weight 0")
                .help("[features.weights] rfm = 0.5, engagement = 0.35, demographic = 0.15"));
        }
        let features = self.columns.iter().map(|e| &e.feature).collect::<BTreeSet<_>>().len() as f64;
        self.weights = variances.keys().map(|f| (*f, weight(f) / total)).collect();
        let shares: BTreeMap<Family, f64> = self.weights.iter().copied().collect();
        for encoder in &mut self.columns {
            encoder.factor = (shares[&encoder.family] * features / variances[&encoder.family]).sqrt();
        }
        // A family of weight 0 forms nothing.
        self.columns.retain(|e| e.factor > 0.0);
        self.weights.retain(|(_, w)| *w > 0.0);
        Ok(())
    }

    /// The columns before block weights and grid.
    fn raw(&self, matrix: &FeatureMatrix) -> Result<Vec<Vec<f64>>> {
        self.columns
            .par_iter()
            .map(|encoder| {
                let position = matrix.position(&encoder.feature).ok_or_else(|| {
                    Error::new("E0502", format!("the data lack the feature `{}` of the model", encoder.feature))
                        .why("customers cannot be placed without it")
                        .help("give all the files the model was trained on")
                })?;
                match (&encoder.kind, &matrix.columns[position]) {
                    (Kind::Number, Column::Number(values)) => {
                        let scaling = &self.scalings[&encoder.feature];
                        Ok(values.iter().map(|v| scaling.score(*v)).collect())
                    }
                    (Kind::Order { levels, mean, scale }, Column::Level(values)) => Ok(values
                        .iter()
                        .map(|v| {
                            let at = v.as_ref().and_then(|v| levels.iter().position(|l| l == v));
                            at.map_or(0.0, |i| (i as f64 - mean) * scale)
                        })
                        .collect()),
                    (Kind::Level { level, share, scale, known }, Column::Level(values)) => Ok(values
                        .iter()
                        .map(|v| match known.get(v.as_deref().unwrap_or(UNKNOWN)) {
                            Some(merged) => (f64::from(u8::from(merged == level)) - share) * scale,
                            None => 0.0,
                        })
                        .collect()),
                    _ => Err(Error::new(
                        "E0503",
                        format!(
                            "`{}` was a number in training and is text now, or the other way round",
                            encoder.feature
                        ),
                    )
                    .help("export the column as it was when the model was trained")),
                }
            })
            .collect()
    }

    /// Customers in model space. Features are matched by name; a level that was not seen in training is neither here nor
    /// there (0).
    ///
    /// # Errors
    /// E0502 if a feature is missing, E0503 if it changed its type.
    pub fn transform(&self, matrix: &FeatureMatrix) -> Result<ModelMatrix> {
        let raw = self.raw(matrix)?;
        let (n, d) = (matrix.len(), raw.len());
        let mut values = vec![0.0; n * d];
        if d > 0 {
            values.par_chunks_mut(d).enumerate().for_each(|(row, out)| {
                for ((value, column), encoder) in out.iter_mut().zip(&raw).zip(&self.columns) {
                    *value = to_grid(column[row] * encoder.factor);
                }
            });
        }
        let values = Array2::from_shape_vec((n, d), values)
            .map_err(|e| Error::new("E0070", format!("model space has the wrong shape: {e}")))?;
        let columns = self
            .columns
            .iter()
            .map(|e| ModelColumn {
                feature: e.feature.clone(),
                family: e.family,
                level: match &e.kind {
                    Kind::Level { level, .. } => Some(level.clone()),
                    _ => None,
                },
            })
            .collect();
        Ok(ModelMatrix { columns, values })
    }

    /// Levels that training never saw: feature, level, customers.
    pub fn unseen_levels(&self, matrix: &FeatureMatrix) -> Vec<(String, String, usize)> {
        let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (feature, level, _) in self.unseen(matrix) {
            *seen.entry((feature, level)).or_default() += 1;
        }
        seen.into_iter().map(|((f, l), n)| (f.to_string(), l.to_string(), n)).collect()
    }

    /// The rows of customers with such a level.
    pub fn unseen_rows(&self, matrix: &FeatureMatrix) -> BTreeSet<usize> {
        self.unseen(matrix).map(|(_, _, row)| row).collect()
    }

    /// The levels of each forming feature that training saw.
    pub fn levels(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut all: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for encoder in &self.columns {
            let levels: Vec<&str> = match &encoder.kind {
                Kind::Number => continue,
                Kind::Order { levels, .. } => levels.iter().map(String::as_str).collect(),
                Kind::Level { known, .. } => known.keys().map(String::as_str).collect(),
            };
            all.entry(&encoder.feature).or_insert(levels);
        }
        all
    }

    /// Feature, level and row of every level not seen in training.
    fn unseen<'a>(&'a self, matrix: &'a FeatureMatrix) -> impl Iterator<Item = (&'a str, &'a str, usize)> {
        let mut done: Vec<&str> = Vec::new();
        let once = self.columns.iter().filter(move |encoder| {
            let first = !done.contains(&encoder.feature.as_str());
            done.push(&encoder.feature);
            first
        });
        once.flat_map(|encoder| {
            let column = matrix.position(&encoder.feature).map(|i| &matrix.columns[i]);
            let values = if let Some(Column::Level(values)) = column { values.as_slice() } else { &[] };
            let known = |value: &String| match &encoder.kind {
                Kind::Level { known, .. } => known.contains_key(value),
                Kind::Order { levels, .. } => levels.contains(value),
                Kind::Number => true,
            };
            let level = move |(row, value): (usize, &'a Option<String>)| {
                let value = value.as_ref().filter(|value| !known(value))?;
                Some((encoder.feature.as_str(), value.as_str(), row))
            };
            values.iter().enumerate().filter_map(level)
        })
    }

    /// Standardised values (mean 0, standard deviation 1, before block weights) of any numeric feature, forming or not.
    pub fn scores(&self, matrix: &FeatureMatrix, feature: &str) -> Option<Vec<f64>> {
        let scaling = self.scalings.get(feature)?;
        matrix.numbers(feature).map(|values| values.iter().map(|v| scaling.score(*v)).collect())
    }

    /// How each column of model space comes from its feature, for who computes it elsewhere. A number becomes
    /// [`to_grid`]`(score * factor)`, in steps of [`GRID`].
    pub fn recipes(&self) -> Vec<(&str, Recipe<'_>)> {
        let steps = |value: f64, factor: f64| (to_grid(value * factor) * GRID) as i64;
        let of_level = |encoder: &Encoder| -> BTreeMap<String, i64> {
            match &encoder.kind {
                Kind::Number => BTreeMap::new(),
                Kind::Order { levels, mean, scale } => (levels.iter().enumerate())
                    .map(|(i, level)| (level.clone(), steps((i as f64 - mean) * scale, encoder.factor)))
                    .collect(),
                Kind::Level { level, share, scale, known } => (known.iter())
                    .map(|(own, merged)| {
                        let there = f64::from(u8::from(merged == level));
                        (own.clone(), steps((there - share) * scale, encoder.factor))
                    })
                    .collect(),
            }
        };
        (self.columns.iter())
            .map(|encoder| {
                let recipe = match &encoder.kind {
                    Kind::Number => {
                        Recipe::Number { scaling: &self.scalings[&encoder.feature], factor: encoder.factor }
                    }
                    kind => Recipe::Levels {
                        steps: of_level(encoder),
                        missing: matches!(kind, Kind::Level { .. }).then_some(UNKNOWN),
                    },
                };
                (encoder.feature.as_str(), recipe)
            })
            .collect()
    }

    /// The chain of a numeric feature, forming or not.
    pub fn scaling(&self, feature: &str) -> Option<&Scaling> {
        self.scalings.get(feature)
    }

    /// How a feature is prepared, in words.
    pub fn describe(&self, feature: &str) -> String {
        let Some(encoder) = self.columns.iter().find(|e| e.feature == feature) else {
            return "not used to form segments".into();
        };
        match &encoder.kind {
            Kind::Number => self.scalings[feature].words(),
            Kind::Order { levels, .. } => format!("{} levels in order, evenly spaced", levels.len()),
            Kind::Level { known, .. } => {
                let kept = self.columns.iter().filter(|e| e.feature == feature).count();
                let merged = known.values().filter(|v| *v == OTHER).count();
                if kept == 1 {
                    return "two levels in one column".into();
                }
                if merged > 0 { format!("{kept} levels, {merged} rare ones merged") } else { format!("{kept} levels") }
            }
        }
    }

    /// Share of the distance per family.
    pub fn weights(&self) -> Vec<(Family, f64)> {
        self.weights.clone()
    }

    /// W0405 for every pair of forming numbers that say the same of these customers.
    pub fn redundant(&self, matrix: &FeatureMatrix) -> Vec<Warning> {
        let names: Vec<&str> =
            self.columns.iter().filter(|e| matches!(e.kind, Kind::Number)).map(|e| e.feature.as_str()).collect();
        let ranked: Vec<Vec<f64>> =
            names.par_iter().map(|name| matrix.numbers(name).map(ranks).unwrap_or_default()).collect();
        let mut found = Vec::new();
        for i in 0..names.len() {
            for j in i + 1..names.len() {
                let r = correlation(&ranked[i], &ranked[j]);
                if r.abs() > REDUNDANT {
                    found.push(
                        Warning::new(
                            "W0405",
                            format!("`{}` and `{}` correlate {r:.2}: counted twice", names[i], names[j]),
                        )
                        .help(format!("under [features.roles]: {} = \"describe\"", names[j])),
                    );
                }
            }
        }
        found
    }
}

impl linfa::traits::Transformer<&FeatureMatrix, Result<ModelMatrix>> for Preparation {
    fn transform(&self, matrix: &FeatureMatrix) -> Result<ModelMatrix> {
        Preparation::transform(self, matrix)
    }
}

fn check(options: &PreparationOptions) -> Result<()> {
    let fail = |what: String, help: &str| Err(Error::new("E0205", what).help(help));
    if !(0.0..0.5).contains(&options.winsorize) {
        return fail(
            format!("`winsorize = {}` is out of bounds: it must be from 0 to below 0.5", options.winsorize),
            "winsorize = 0.005",
        );
    }
    if let Some((family, weight)) = options.weights.iter().find(|(_, w)| !w.is_finite() || **w < 0.0) {
        return fail(
            format!("the weight {weight} of {family:?} is out of bounds: it must be 0 or more"),
            "[features.weights] rfm = 0.5",
        );
    }
    Ok(())
}

/// Evenly spaced levels with the variance `1 / (1 + 1 / (I - 1))` of Hennig & Liao for `I` levels that occur, and that variance.
fn order(counts: &BTreeMap<Option<String>, u64>, levels: &[String]) -> (Vec<Kind>, f64) {
    let place = |level: &Option<String>| levels.iter().position(|l| Some(l) == level.as_ref());
    let at: BTreeMap<usize, u64> =
        counts.iter().filter_map(|(level, n)| Some((place(level)?, *n))).filter(|(_, n)| *n > 0).collect();
    let occurring = at.len();
    if occurring < 2 {
        return (Vec::new(), 0.0);
    }
    let n = at.values().sum::<u64>() as f64;
    let mean = at.iter().map(|(i, n)| *i as f64 * *n as f64).sum::<f64>() / n;
    // Customers without a level stand at the mean and count in the variance over everybody.
    let everybody = counts.values().sum::<u64>() as f64;
    let variance = at.iter().map(|(i, n)| (*i as f64 - mean).powi(2) * *n as f64).sum::<f64>() / everybody;
    let q = 1.0 / (1.0 + 1.0 / (occurring as f64 - 1.0));
    (vec![Kind::Order { levels: levels.to_vec(), mean, scale: (q / variance).sqrt() }], q)
}

/// One column per level, scaled so that their variances add up to 1/2: two random customers differ by 1 (Hennig & Liao,
/// q = 1/2).
fn nominal(counts: &BTreeMap<Option<String>, u64>, rare: f64) -> Vec<Kind> {
    let mut of_levels: BTreeMap<&str, u64> = BTreeMap::new();
    for (level, count) in counts {
        *of_levels.entry(level.as_deref().unwrap_or(UNKNOWN)).or_default() += count;
    }
    let n = of_levels.values().sum::<u64>() as f64;
    let is_rare = |count: u64| (count as f64) < rare * n;
    // One rare level alone is not made rarer by another name.
    let merge = of_levels.values().filter(|c| is_rare(**c)).count() > 1;
    let mut known = BTreeMap::new();
    let mut merged: BTreeMap<&str, u64> = BTreeMap::new();
    for (level, count) in &of_levels {
        let into = if merge && is_rare(*count) && *level != UNKNOWN { OTHER } else { level };
        known.insert((*level).to_string(), into.to_string());
        *merged.entry(into).or_default() += count;
    }
    if merged.len() < 2 {
        return Vec::new();
    }
    let spread = 1.0 - merged.values().map(|c| (*c as f64 / n).powi(2)).sum::<f64>();
    let scale = (0.5 / spread).sqrt();
    merged
        .iter()
        .map(|(level, count)| Kind::Level {
            level: (*level).to_string(),
            share: *count as f64 / n,
            scale,
            known: known.clone(),
        })
        .collect()
}

/// Two levels are one column: its variance is that of the two dummies of [`nominal`] together. With missing values there are
/// three levels.
fn binary(counts: &BTreeMap<Option<String>, u64>, rare: f64) -> Vec<Kind> {
    let mut kinds = nominal(counts, rare);
    if let [_, Kind::Level { share, scale, .. }] = kinds.as_mut_slice() {
        // Each dummy has the variance c² p (1 - p): one alone must carry both.
        *scale = (0.5 / (*share * (1.0 - *share))).sqrt();
        kinds.remove(0);
    }
    kinds
}

/// Average ranks; missing values share the rank of the middle.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|i| !values[*i].is_nan()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![(order.len() as f64 - 1.0) / 2.0; values.len()];
    for run in order.chunk_by(|a, b| values[*a] == values[*b]) {
        // The run's place is where its first row stands in the order.
        let start = order.partition_point(|i| values[*i] < values[run[0]]);
        for row in run {
            ranks[*row] = start as f64 + (run.len() as f64 - 1.0) / 2.0;
        }
    }
    ranks
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len()) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        ab += (x - mean_a) * (y - mean_b);
        aa += (x - mean_a) * (x - mean_a);
        bb += (y - mean_b) * (y - mean_b);
    }
    if aa == 0.0 || bb == 0.0 { 0.0 } else { ab / (aa * bb).sqrt() }
}

#[cfg(test)]
mod tests;
