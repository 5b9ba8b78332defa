//! Choosing DBSCAN's `eps` from the knee of the k-distance curve, with the reason in words.
//!
//! The curve has one natural scale but rarely one natural number, so the candidates run over a grid around the knee and
//! the report shows all of them.

use super::select::{Candidate, Measures, percent};
use crate::cluster::kdistance::{k_distances, knee, three_digits};
use crate::cluster::{Algorithm, Clusterer, Dbscan, Prototypes};
use crate::error::{Error, Result};
use ndarray::ArrayView2;

/// Candidates lie at `knee * 2^(step / 4)` for steps from `-STEPS` to `STEPS`.
const STEPS: i32 = 4;

/// The silhouette is measured on at most so many customers.
const SILHOUETTE_SAMPLE: usize = 4000;

/// Shares of unclustered customers that are sane: with less, `eps` joins everything; with more, DBSCAN describes a few.
const SANE_NOISE: std::ops::RangeInclusive<f64> = 0.01..=0.30;

/// The chosen eps and all that was seen on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct EpsChoice {
    /// The radius, three significant digits.
    pub eps: f64,
    /// Every eps tried, ascending.
    pub candidates: Vec<Candidate>,
    /// One sentence each.
    pub reasons: Vec<String>,
    /// No eps left a sane share unclustered; this one merely is nearest to the knee.
    pub fallback: bool,
    /// The chosen clusters.
    pub prototypes: Prototypes,
}

/// A candidate, with its clusters if there are any.
type Swept = (Candidate, Option<Prototypes>);

/// An algorithm with a given eps.
pub type EpsTemplate<'a> = dyn Fn(f64) -> Algorithm + 'a;

fn sweep(x: ArrayView2<f64>, min_samples: usize, template: &EpsTemplate, seed: u64) -> Result<(f64, Vec<Swept>)> {
    let rules = Dbscan { min_samples, ..Dbscan::default() };
    rules.check()?;
    rules.check_rows(x.nrows())?;
    let Some(knee) = knee(&k_distances(x, min_samples - 1)?).map(three_digits) else {
        return Err(Error::new(
            "E0403",
            format!("each of {} customers has the same values as at least {} others", x.nrows(), min_samples - 1),
        )
        .why("all distances to the nearest neighbours are 0, so they cannot tell a radius")
        .help("a larger min_samples, more features, or algorithm = \"kmeans\""));
    };
    let measures = Measures::new(x.into(), SILHOUETTE_SAMPLE, seed);
    let mut swept = Vec::new();
    for step in -STEPS..=STEPS {
        let eps = three_digits(knee * 2_f64.powf(f64::from(step) / 4.0));
        let fitted = template(eps).fit(x, seed);
        swept.push(match fitted {
            Ok(prototypes) => {
                let (mut candidate, _) = measures.candidate(&prototypes, eps);
                if !SANE_NOISE.contains(&candidate.unclustered) {
                    candidate.excluded = format!("leaves {} of customers unclustered", noise(&candidate));
                }
                (candidate, Some(prototypes))
            }
            Err(error) if error.code() == "E0411" => (Candidate::nothing(eps), None),
            Err(error) => return Err(error),
        });
        // A larger radius only joins more, at a cost that grows with every neighbour.
        if swept.last().is_some_and(|(candidate, _)| candidate.unclustered < *SANE_NOISE.start()) {
            break;
        }
    }
    Ok((knee, swept))
}

fn noise(candidate: &Candidate) -> String {
    let nearest = if candidate.unclustered < 0.1 { SANE_NOISE.start() } else { SANE_NOISE.end() };
    percent(candidate.unclustered, *nearest)
}

/// The quality of up to nine radii from half to twice the knee of the distance curve to the `min_samples - 1`-th
/// neighbour, on a logarithmic grid; `x` is customers × features. Ascending, and ends with the first radius that leaves
/// less than 1 % of customers unclustered.
///
/// # Errors
/// `E0205` for `min_samples`, `E0401` with fewer customers than that, `E0403` when all such distances are 0, `E0346` for
/// values that are not finite.
pub fn sweep_eps(x: ArrayView2<f64>, min_samples: usize, template: &EpsTemplate, seed: u64) -> Result<Vec<Candidate>> {
    Ok(sweep(x, min_samples, template, seed)?.1.into_iter().map(|(candidate, _)| candidate).collect())
}

/// The radius nearest to the knee that leaves between 1 % and 30 % of customers unclustered; if none does, the nearest
/// to the knee with a cluster, marked as `fallback`.
///
/// # Errors
/// Those of [`sweep_eps`], and `E0411` if no radius has a cluster.
pub fn choose_eps(x: ArrayView2<f64>, min_samples: usize, template: &EpsTemplate, seed: u64) -> Result<EpsChoice> {
    let (knee, swept) = sweep(x, min_samples, template, seed)?;
    let (mut candidates, mut prototypes): (Vec<Candidate>, Vec<Option<Prototypes>>) = swept.into_iter().unzip();
    let from_knee = |i: &usize| i.abs_diff(STEPS as usize);
    let sane = (0..candidates.len()).filter(|&i| candidates[i].excluded.is_empty()).min_by_key(from_knee);
    let any = || (0..candidates.len()).filter(|&i| prototypes[i].is_some()).min_by_key(from_knee);
    let fallback = sane.is_none();
    let chosen = sane.or_else(any);
    let Some((chosen, prototypes)) = chosen.and_then(|i| prototypes[i].take().map(|p| (i, p))) else {
        let last = candidates.last().map_or(knee, |c| c.value);
        return Err(Error::new("E0411", format!("up to eps = {last}, all {} customers are unclustered", x.nrows()))
            .why(format!("no customer has {min_samples} neighbours within it"))
            .help("a smaller min_samples, or algorithm = \"kmeans\""));
    };
    candidates[chosen].chosen = true;
    let it = &candidates[chosen];
    let mut reasons = vec![
        format!("The distance to the {}. nearest customer has its knee at {knee}.", min_samples - 1),
        format!(
            "eps = {}: {} and {} of customers unclustered.",
            it.value,
            if it.clusters == 1 { "1 cluster".into() } else { format!("{} clusters", it.clusters) },
            noise(it)
        ),
    ];
    if fallback {
        reasons.push("No eps from half to twice the knee leaves between 1 % and 30 % unclustered.".into());
    }
    if it.clusters == 1 {
        reasons.push("One cluster and outliers: these customers are one dense cloud; use k-means for segments.".into());
    }
    Ok(EpsChoice { eps: it.value, candidates, reasons, fallback, prototypes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use rand::{Rng, SeedableRng};

    fn dbscan(min_samples: usize) -> impl Fn(f64) -> Algorithm {
        move |eps| Algorithm::Dbscan(Dbscan { eps, min_samples, ..Dbscan::default() })
    }

    /// Two dense squares of 200 customers and 20 lone ones around them.
    fn squares() -> Array2<f64> {
        let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(5);
        Array2::from_shape_fn((420, 2), |(row, column)| match row {
            400.. => rng.gen_range(-40.0..60.0),
            _ if column == 0 && row >= 200 => 20.0 + rng.gen_range(0.0..4.0),
            _ => rng.gen_range(0.0..4.0),
        })
    }

    #[test]
    fn dense_squares_are_found_at_the_knee() {
        let choice = choose_eps(squares().view(), 5, &dbscan(5), 1).unwrap();
        assert_eq!((choice.prototypes.n_clusters(), choice.fallback), (2, false), "{:?}", choice.reasons);
        let chosen: Vec<&Candidate> = choice.candidates.iter().filter(|c| c.chosen).collect();
        assert_eq!((chosen.len(), chosen[0].value), (1, choice.eps));
        assert!(SANE_NOISE.contains(&chosen[0].unclustered));
        assert!(choice.candidates.windows(2).all(|w| w[1].value > w[0].value));
        assert!(choice.candidates.windows(2).all(|w| w[1].unclustered <= w[0].unclustered));
        let ends = choice.candidates.len() == 9 || choice.candidates.last().unwrap().unclustered < 0.01;
        assert!(ends, "{:?}", choice.candidates);
        assert!(choice.reasons[0].starts_with("The distance to the 4. nearest"));
    }

    #[test]
    fn an_even_lattice_has_no_noise_and_says_so() {
        let x = Array2::from_shape_fn((400, 2), |(row, column)| (if column == 0 { row / 20 } else { row % 20 }) as f64);
        let choice = choose_eps(x.view(), 3, &dbscan(3), 1).unwrap();
        assert!(choice.fallback);
        assert!(choice.reasons.iter().any(|r| r.starts_with("No eps")), "{:?}", choice.reasons);
        assert!(choice.reasons.iter().any(|r| r.starts_with("One cluster")), "{:?}", choice.reasons);
    }

    #[test]
    fn data_without_a_scale_are_refused() {
        assert_eq!(sweep_eps(Array2::zeros((50, 2)).view(), 4, &dbscan(4), 1).unwrap_err().code(), "E0403");
        assert_eq!(sweep_eps(array![[1.0], [2.0]].view(), 4, &dbscan(4), 1).unwrap_err().code(), "E0401");
        assert_eq!(sweep_eps(array![[1.0], [2.0]].view(), 1, &dbscan(1), 1).unwrap_err().code(), "E0205");
        assert_eq!(sweep_eps(array![[1.0], [f64::NAN]].view(), 2, &dbscan(2), 1).unwrap_err().code(), "E0346");
    }
}
