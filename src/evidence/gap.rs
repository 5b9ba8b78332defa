//! Is the inertia of k clusters smaller than it would be without clusters?

use super::null::Null;
use crate::cluster::{Clusterer, KMeans, Packed, Points, out_of_bounds, stream};
use crate::error::{Error, Result};
use rand::RngCore;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the gap statistic is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// The largest number of clusters tried, from 1; never more than the distinct customers less one.
    pub most_clusters: usize,
    /// Samples of the reference, at least 2.
    pub references: usize,
    /// Rows of one such sample, at most; fewer customers than that have as many rows as there are customers.
    pub most_rows: usize,
    /// Starts of k-means for every number of clusters, on customers and references alike, 1 to 10,000.
    pub n_starts: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { most_clusters: 8, references: 100, most_rows: 20_000, n_starts: 3 }
    }
}

/// The gap statistic of 1, 2, … clusters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Natural logarithm of the customers' inertia divided by their number less k, for k = 1, 2, …
    pub log_w: Vec<f64>,
    /// The mean of the same over the references.
    pub log_w_null: Vec<f64>,
    /// The second less the first.
    pub gap: Vec<f64>,
    /// Standard deviation over the references times the root of `1 + 1 / references`.
    pub standard_error: Vec<f64>,
}

impl Gap {
    /// The number of clusters by a rule, with the gap's standard errors times `factor` (1 in the paper).
    pub fn choose(&self, rule: Rule, factor: f64) -> usize {
        rule.choose(&self.gap, &self.standard_error, factor)
    }
}

/// The gap statistic (Tibshirani, Walther & Hastie 2001) by k-means: `Gap(k) = mean(log W*) - log W`, where `W` is the
/// inertia of `points` in k clusters and `W*` that of a sample of `null`, which in the paper is
/// [`AxesBox`](super::null::AxesBox); `s(k) = sd(log W*) sqrt(1 + 1 / B)` with the standard deviation by `1 / B`.
///
/// A sample need not have as many rows as there are customers. Fewer rows are overfitted more: k means cost about k
/// rows, so `W` is divided by rows less k, which changes nothing in the paper's case of equal numbers. What is left lowers
/// the gap of many clusters: for 100,000 even customers with 8 features and 8 clusters by 0.002 to 0.004 at 20,000 rows, where
/// `s(k)` is 0.0023, but from one k to the next by half of that at most. And `s(k)` is that of samples of so many rows,
/// larger than with as many rows as customers. Both make the rules stop too early rather than too late; with `most_rows`
/// at the number of customers the statistic is that of the paper.
///
/// Numbers of clusters end where the customers or a sample have no more different rows than clusters.
///
/// # Errors
/// `E0205` for an option out of bounds, `E0404` if all customers are equal, and those of k-means.
pub fn gap(points: Points, null: &dyn Null, options: Options, seed: u64) -> Result<Gap> {
    let Options { most_clusters, references, most_rows, n_starts } = options;
    if references < 2 {
        return Err(out_of_bounds("references", references, "2 or more, to have a standard error", "references = 100"));
    }
    if most_rows < 2 {
        return Err(out_of_bounds("most_rows", most_rows, "2 or more", "most_rows = 20000"));
    }
    KMeans { n_clusters: most_clusters, n_starts, ..KMeans::default() }.check()?;
    let packed = Packed::new(points)?;
    let log_w = log_inertias(&packed, most_clusters, n_starts, seed)?;
    if log_w.is_empty() {
        return Err(Error::new("E0404", "all customers are equal by these features: no gap statistic")
            .why("the inertia of one cluster is 0, and nothing can be smaller")
            .help("use features in which customers differ"));
    }
    let rows = most_rows.min(packed.total() as usize);
    let samples: Vec<Vec<f64>> = (1..=references as u64)
        .into_par_iter()
        .map(|number| {
            let seed = stream(seed, number).next_u64();
            let drawn = null.draw(rows, seed);
            log_inertias(&Packed::new(drawn.view().into())?, log_w.len(), n_starts, seed)
        })
        .collect::<Result<_>>()?;
    let tried = samples.iter().map(Vec::len).min().unwrap_or(0);
    if tried == 0 {
        return Err(Error::new("E0404", "a sample of the reference has only one distinct row: no gap statistic")
            .why("its inertia is 0, and nothing can be compared with it")
            .help("most_rows = 20000, or features in which customers differ more"));
    }
    let (mut log_w_null, mut standard_error) = (Vec::new(), Vec::new());
    for k in 0..tried {
        let b = references as f64;
        let mean = samples.iter().map(|log_w| log_w[k]).sum::<f64>() / b;
        let variance = samples.iter().map(|log_w| (log_w[k] - mean).powi(2)).sum::<f64>() / b;
        log_w_null.push(mean);
        standard_error.push((variance * (1.0 + 1.0 / b)).sqrt());
    }
    let log_w = log_w[..tried].to_vec();
    let gap = log_w_null.iter().zip(&log_w).map(|(null, seen)| null - seen).collect();
    Ok(Gap { log_w, log_w_null, gap, standard_error })
}

/// `log(W / (n - k))` for k = 1, 2, … while there are more distinct rows than clusters.
fn log_inertias(packed: &Packed, most_clusters: usize, n_starts: usize, seed: u64) -> Result<Vec<f64>> {
    let mut found = Vec::with_capacity(most_clusters);
    for k in 1..=most_clusters.min(packed.distinct().saturating_sub(1)) {
        // One cluster has one optimum.
        let n_starts = if k == 1 { 1 } else { n_starts };
        let inertia =
            KMeans { n_clusters: k, n_starts, swaps: 0, ..KMeans::default() }.fit_packed(packed, seed)?.inertia;
        let freedom = packed.total() - k as f64;
        if inertia <= 0.0 || freedom <= 0.0 {
            break;
        }
        found.push((inertia / freedom).ln());
    }
    Ok(found)
}

/// How a number of clusters is read off a curve `f(k)` with standard errors `s(k)`, k = 1, 2, …; the names and rules of
/// `maxSE` in the R package cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Rule {
    /// The smallest k with `f(k) >= f(k + 1) - s(k + 1)` (Tibshirani, Walther & Hastie 2001).
    #[serde(rename = "Tibs2001SEmax")]
    Tibs2001SeMax,
    /// The smallest k with `f(k) >= f(m) - s(m)`, m the first local maximum.
    #[serde(rename = "firstSEmax")]
    FirstSeMax,
    /// The smallest k with `f(k) >= f(m) - s(m)`, m the global maximum (Dudoit & Fridlyand 2002).
    #[serde(rename = "globalSEmax")]
    GlobalSeMax,
    /// The first local maximum.
    #[serde(rename = "firstmax")]
    FirstMax,
    /// The global maximum.
    #[serde(rename = "globalmax")]
    GlobalMax,
}

impl Rule {
    /// The k chosen, with standard errors times `factor`.
    ///
    /// # Panics
    /// If the curve is empty or the lengths differ.
    pub fn choose(self, f: &[f64], standard_error: &[f64], factor: f64) -> usize {
        assert!(!f.is_empty() && f.len() == standard_error.len(), "a value and a standard error for every k");
        let below = |k: usize| f[k] - factor * standard_error[k];
        let within = |k: usize| f[..k].iter().position(|&value| value >= below(k)).unwrap_or(k);
        let last = f.len() - 1;
        let first_maximum = || (0..last).find(|&k| f[k + 1] <= f[k]).unwrap_or(last);
        let maximum = || (1..f.len()).fold(0, |best, k| if f[k] > f[best] { k } else { best });
        let index = match self {
            Rule::Tibs2001SeMax => (0..last).find(|&k| f[k] >= below(k + 1)).unwrap_or(last),
            Rule::FirstSeMax => within(first_maximum()),
            Rule::GlobalSeMax => within(maximum()),
            Rule::FirstMax => first_maximum(),
            Rule::GlobalMax => maximum(),
        };
        index + 1
    }
}

#[cfg(test)]
mod tests;
