//! Gaussian mixture: groups of any size and slant that may overlap, with a probability of belonging to each.
//!
//! # How it works
//!
//! The customers are taken for draws from `n_components` Gaussians, each with a share, a mean and a covariance. From
//! parameters follow the probabilities with which a customer came from each (expectation), from these the best
//! parameters (maximisation), and so on until the mean log-likelihood of a customer grows by less than `tol` (EM:
//! Dempster, Laird & Rubin 1977; McLachlan & Peel 2000, chapter 3). As in scikit-learn the first probabilities are the
//! labels of k-means, and `reg_covar` is added to every variance. The likelihood has many local maxima, so there are
//! `n_init` starts, each with k-means seeds of its own, and the best is kept. Beyond 20,000 different customers the
//! starts run on a random sample of 20,000, and the three best different ones go on with everyone.
//!
//! Sums are taken in fixed chunks and exponentials by a polynomial of our own, so the parameters are the same bits on
//! every CPU, with any number of threads and in any order of rows.
//!
//! # What does it mean to belong?
//!
//! A customer belongs to the component that most probably made it; `strength` is that probability, and
//! [`Prototypes::memberships`] has those of all components. Everyone belongs somewhere, however far away. A large flat
//! component can surround a small dense one: then its customers are not around its mean. A component that is nowhere
//! the most probable makes no cluster of its own: its density is added to that of a cluster it overlaps, so every
//! cluster holds a customer and there may be fewer clusters than components.
//!
//! # Choosing its parameters
//!
//! `n_components`: the smallest BIC ([`MixtureFit::bic`]) finds how many Gaussians describe the customers, which is
//! more than there are segments when features are skewed; the smallest ICL ([`MixtureFit::icl`]; Biernacki, Celeux &
//! Govaert 2000) also asks that customers be clearly in one. `covariance_type`: `full` learns `d (d + 1) / 2` numbers
//! per component; with few customers or many features take `diag` (no slant) or `tied` (one shape for all). `reg_covar`
//! suits features with a deviation about 1; raise it if a component shrinks onto customers with equal values.

mod em;

use super::canonical::Distinct;
use super::floor::Floor;
use super::{Clusterer, KMeans, Points, Prototypes, out_of_bounds, prototypes::Rule, stream};
use crate::error::{Error, Result, Warning};
use em::{Data, Descent, Parameters, Settings};
use ndarray::Array2;
use rand::RngCore;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The starts run on at most so many rows.
const START_ROWS: usize = 20_000;

/// So many of the best different starts go on with every row.
const FINALISTS: usize = 3;

/// What the covariances of the components may look like.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq, Debug, Default)]
#[serde(rename_all = "lowercase")]
pub enum CovarianceType {
    /// Any, each component its own.
    #[default]
    Full,
    /// Any, the same for all components.
    Tied,
    /// Features uncorrelated inside a component, each component its own variances.
    Diag,
    /// Each component one variance for all features.
    Spherical,
}

/// Hyperparameters of a Gaussian mixture; see the [module](self).
#[derive(Serialize, Deserialize, JsonSchema, Clone, PartialEq, Debug)]
#[serde(default, deny_unknown_fields)]
pub struct GaussianMixture {
    /// Number of Gaussians, from 1 to the number of distinct customers.
    pub n_components: usize,
    /// What their covariances may look like.
    pub covariance_type: CovarianceType,
    /// Added to every variance, in squared units of model space; 0 or more.
    pub reg_covar: f64,
    /// Iterations end when the mean log-likelihood of a customer changes by less; 0 or more.
    pub tol: f64,
    /// Upper bound on the iterations of one start, 1 to 1,000,000.
    pub max_iter: usize,
    /// Number of starts of which the best is kept, 1 to 10,000.
    pub n_init: usize,
}

impl Default for GaussianMixture {
    fn default() -> Self {
        Self {
            n_components: 5,
            covariance_type: CovarianceType::default(),
            reg_covar: 1e-6,
            tol: 1e-3,
            max_iter: 100,
            n_init: 10,
        }
    }
}

/// A fitted mixture and how well it describes the customers.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureFit {
    prototypes: Prototypes,
    log_likelihood: f64,
    entropy: f64,
    n_parameters: usize,
    customers: f64,
    iterations: usize,
    converged: bool,
}

impl MixtureFit {
    /// The Gaussians: means, and weights and factors in their [`Rule::Gaussian`].
    pub fn prototypes(&self) -> &Prototypes {
        &self.prototypes
    }

    /// Logarithm of the density of all customers.
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// Number of free parameters: shares, means and covariances.
    pub fn n_parameters(&self) -> usize {
        self.n_parameters
    }

    /// Bayesian information criterion, `-2 l + p ln n` for log-likelihood `l`, `p` parameters and `n` customers (sum of
    /// weights): the smaller the better (Schwarz 1978; some write it with the other sign).
    pub fn bic(&self) -> f64 {
        (self.n_parameters as f64).mul_add(self.customers.ln(), -2.0 * self.log_likelihood)
    }

    /// Integrated completed likelihood, BIC plus twice the entropy of all memberships: the smaller the better.
    pub fn icl(&self) -> f64 {
        2.0f64.mul_add(self.entropy, self.bic())
    }

    /// Iterations of the best start, those on a sample not counted.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Whether the best start ended by `tol`, not by `max_iter`.
    pub fn converged(&self) -> bool {
        self.converged
    }
}

impl GaussianMixture {
    /// Fits the mixture; [`Clusterer::fit_points`] keeps only its prototypes.
    ///
    /// # Errors
    /// Of [`Clusterer::fit_points`]: `E0401` for fewer customers than components, `E0404` for fewer distinct ones,
    /// `E0403` if a covariance is not positive definite in every start.
    pub fn fit_mixture(&self, points: Points, seed: u64) -> Result<MixtureFit> {
        let rows = self.distinct(points)?;
        let settings = self.settings();
        let k = self.n_components;
        let sample = (rows.len() > START_ROWS).then(|| {
            let mut chosen = rand::seq::index::sample(&mut stream(seed, 0), rows.len(), START_ROWS).into_vec();
            chosen.sort_unstable();
            rows.select(&chosen)
        });
        let start_rows = sample.as_ref().unwrap_or(&rows);
        let start_data = Data::new(start_rows);
        let one_start = |number: u64| -> Result<Option<Descent>> {
            let seeds = KMeans { n_clusters: k, n_starts: 1, ..KMeans::default() };
            let seeds = seeds.fit_points(start_rows.points(), stream(seed, number).next_u64())?;
            let labels: Vec<usize> = seeds.assign(start_rows.x.view()).iter().filter_map(|a| a.cluster).collect();
            let parameters = settings.start(start_rows, &start_data, &labels, k);
            Ok(parameters.and_then(|parameters| settings.descend(&start_data, parameters)))
        };
        let starts: Vec<Option<Descent>> =
            (1..=self.n_init as u64).into_par_iter().map(one_start).collect::<Result<_>>()?;
        let mut starts: Vec<Descent> = starts.into_iter().flatten().collect();
        // Stable, so that equal likelihoods keep the order of starts.
        starts.sort_by(|a, b| b.lower_bound.total_cmp(&a.lower_bound));
        if sample.is_some() {
            // Starts that came to rest at the same height found the same maximum.
            starts.dedup_by(|a, b| b.lower_bound - a.lower_bound < self.tol);
            starts.truncate(FINALISTS);
            let data = Data::new(&rows);
            starts = starts
                .into_iter()
                .filter_map(|start| settings.descend(&data, start.parameters.moved(&start_data, &data)))
                .collect();
            starts.sort_by(|a, b| b.lower_bound.total_cmp(&a.lower_bound));
            self.finish(starts, &rows, &data)
        } else {
            self.finish(starts, &rows, &start_data)
        }
    }

    /// Fits the mixture from one given start: `labels` has a component for every row of `points`, each component at
    /// least once. This is scikit-learn's start with responsibilities of 0 and 1.
    ///
    /// # Errors
    /// Of [`GaussianMixture::fit_mixture`], and `E0347` for labels that do not fit.
    pub fn fit_from(&self, points: Points, labels: &[usize]) -> Result<MixtureFit> {
        let k = self.n_components;
        if labels.len() != points.x.nrows() || (0..k).any(|component| !labels.contains(&component)) {
            return Err(Error::new("E0347", format!("{} labels for {} rows", labels.len(), points.x.nrows()))
                .help(format!("one label per row, every number from 0 to {} at least once", k.saturating_sub(1))));
        }
        if let Some(label) = labels.iter().find(|&&label| label >= k) {
            return Err(
                Error::new("E0347", format!("label {label} for {k} components")).help("labels below n_components")
            );
        }
        self.refuse(points)?;
        // Equal rows may have different labels, so they stay apart.
        let numbers = Array2::from_shape_fn((labels.len(), 1), |(row, _)| labels[row] as u32);
        let rows =
            Distinct::of(Points { x: points.x.reborrow(), weights: points.weights, codes: Some(numbers.view()) });
        let labels: Vec<usize> = rows.codes.iter().map(|&label| label as usize).collect();
        let rows = Distinct { codes: Array2::zeros((rows.len(), 0)), ..rows };
        let settings = self.settings();
        let data = Data::new(&rows);
        let parameters = settings.start(&rows, &data, &labels, k);
        let descent = parameters.and_then(|parameters| settings.descend(&data, parameters));
        self.finish(descent.into_iter().collect(), &rows, &data)
    }

    fn settings(&self) -> Settings {
        let Self { covariance_type, reg_covar, tol, max_iter, .. } = *self;
        Settings { covariance_type, reg_covar, tol, max_iter }
    }

    /// Checks everything that can be seen without looking for equal rows.
    fn refuse(&self, points: Points) -> Result<()> {
        self.check()?;
        points.check()?;
        points.refuse_codes("a Gaussian mixture")?;
        let (n, k) = (points.x.nrows(), self.n_components);
        if n < k {
            let customers = if n == 1 { "1 customer".into() } else { format!("{n} customers") };
            return Err(Error::new("E0401", format!("{customers}, n_components = {k}"))
                .why("a component is described by its mean and covariance, which take tens of customers to learn")
                .help(format!("n_components = {}, or more customers", (n / 30).clamp(1, k))));
        }
        Ok(())
    }

    /// Checks everything and collapses equal rows.
    fn distinct(&self, points: Points) -> Result<Distinct> {
        self.refuse(points)?;
        let k = self.n_components;
        let rows = Distinct::of(points);
        let distinct = rows.len();
        if distinct < k {
            return Err(Error::new("E0404", format!("only {distinct} distinct customers by these features, k = {k}"))
                .why("customers with equal features cannot be told apart, so some components would be empty")
                .help(format!("n_components = {distinct} or fewer, or more features")));
        }
        Ok(rows)
    }

    /// The best of `starts`, its clusters none empty and the largest first.
    fn finish(&self, starts: Vec<Descent>, rows: &Distinct, data: &Data) -> Result<MixtureFit> {
        let Some(Descent { parameters, iterations, converged, .. }) = starts.into_iter().next() else {
            return Err(Error::new("E0403", "a component has features that depend on each other exactly")
                .why("its covariance cannot be inverted, so its density is not defined")
                .help(format!(
                    "reg_covar = {:e}, or leave out features that others add up to",
                    self.reg_covar.max(1e-6) * 100.0
                )));
        };
        let (log_likelihood, entropy) = parameters.likelihood_and_entropy(data);
        let prototypes = parameters.prototypes(data)?;
        let (prototypes, _) = Floor::NOT_EMPTY.apply(&prototypes, rows.points());
        Ok(MixtureFit {
            prototypes,
            log_likelihood,
            entropy,
            n_parameters: self.n_parameters(rows.x.ncols()),
            customers: data.total,
            iterations,
            converged,
        })
    }

    fn n_parameters(&self, features: usize) -> usize {
        let (k, d) = (self.n_components, features);
        let covariances = match self.covariance_type {
            CovarianceType::Full => k * d * (d + 1) / 2,
            CovarianceType::Tied => d * (d + 1) / 2,
            CovarianceType::Diag => k * d,
            CovarianceType::Spherical => k,
        };
        k - 1 + k * d + covariances
    }
}

impl Parameters {
    /// The same parameters with means less another centre.
    fn moved(mut self, from: &Data, to: &Data) -> Self {
        let width = from.centre.len();
        for mean in self.means.chunks_exact_mut(width) {
            mean.iter_mut().zip(from.centre.iter().zip(&to.centre)).for_each(|(mean, (from, to))| *mean += from - to);
        }
        self
    }

    /// One prototype per component, in lexicographic order of means.
    fn prototypes(&self, data: &Data) -> Result<Prototypes> {
        let (k, width) = (self.weights.len(), data.centre.len());
        let means = Array2::from_shape_fn((k, width), |(i, j)| self.means[i * width + j] + data.centre[j]);
        let triangle = self.factors.len() / k;
        let factors = Array2::from_shape_fn((k, triangle), |(i, j)| self.factors[i * triangle + j]);
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|&a, &b| super::lexicographic(means.row(a).iter(), means.row(b).iter()));
        let mut number = vec![0; k];
        order.iter().enumerate().for_each(|(new, &old)| number[old] = new);
        Prototypes::with_rule(means, number, Rule::Gaussian { weights: self.weights.clone(), factors })
    }
}

impl Clusterer for GaussianMixture {
    fn check(&self) -> Result<()> {
        let Self { n_components, covariance_type: _, reg_covar, tol, max_iter, n_init } = *self;
        if n_components == 0 {
            let bounds = "from 1 to the number of customers";
            return Err(out_of_bounds("n_components", 0, bounds, "n_components = 5"));
        }
        if !(reg_covar >= 0.0 && reg_covar.is_finite()) {
            return Err(out_of_bounds("reg_covar", reg_covar, "0 or more and finite", "reg_covar = 1e-6"));
        }
        if !(tol >= 0.0 && tol.is_finite()) {
            return Err(out_of_bounds("tol", tol, "0 or more and finite", "tol = 1e-3"));
        }
        if !(1..=1_000_000).contains(&max_iter) {
            return Err(out_of_bounds("max_iter", max_iter, "from 1 to 1000000", "max_iter = 100"));
        }
        if !(1..=10_000).contains(&n_init) {
            return Err(out_of_bounds("n_init", n_init, "from 1 to 10000", "n_init = 10"));
        }
        Ok(())
    }

    fn fit_points(&self, points: Points, seed: u64) -> Result<Prototypes> {
        Ok(self.fit_mixture(points, seed)?.prototypes)
    }

    fn fit_with_warnings(&self, points: Points, seed: u64) -> Result<(Prototypes, Vec<Warning>)> {
        let fit = self.fit_mixture(points, seed)?;
        let stopped = usize::from(!fit.converged);
        let warning = super::not_converged(stopped, stopped, fit.converged, self.max_iter);
        Ok((fit.prototypes, warning.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests;
