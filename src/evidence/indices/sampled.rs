//! The mean silhouette of more customers than can all be compared.
//!
//! Customers to measure and customers to compare with are two samples. Comparing every measured customer with all others would
//! be free of the second sample's error but costs time proportional to `n`; comparing within one sample, as is common,
//! leaves small clusters with few members to take a mean over, and says nothing of that error. Here every cluster lends up
//! to [`REFERENCES`] members, whatever its size, which is all of a small one.
//!
//! The error of the mean has two independent parts. That of the customers measured is the usual one. That of the members
//! compared with is the same for all customers measured, so it does not show in their spread; it is measured by the
//! jackknife over [`REPLICATES`] random parts of the references (Wolter 2007, chapter 4): the mean is taken again without each
//! part.

use super::Groups;
use super::silhouette::{Silhouette, silhouette_samples, width};
use super::total::total;
use crate::cluster::distances::{Frame, Tiles};
use ndarray::ArrayView2;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Members of a cluster to compare with.
const REFERENCES: usize = 4096;

/// Random parts of the references.
const REPLICATES: usize = 16;

/// Two-sided 95 % of the normal distribution.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// The mean silhouette: of all rows and exact for up to `sample` rows with a cluster ([`silhouette_samples`]), else of a
/// random sample of that many, compared with up to 4096 members of every cluster, with a 95 % confidence interval. The customers measured
/// depend on `seed` and the labels' pattern of noise only, so clusterings of the same rows are measured on the same
/// customers. A half width of 0.005 takes about 14,000 customers where silhouettes have a standard deviation of 0.3. `None` with
/// fewer than two clusters, for a `sample` of 0, and where a value looked at is not finite.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn silhouette(x: ArrayView2<f64>, labels: &[Option<usize>], sample: usize, seed: u64) -> Option<Silhouette> {
    assert_eq!(x.nrows(), labels.len(), "one label per row");
    let clustered: Vec<usize> = (0..labels.len()).filter(|&row| labels[row].is_some()).collect();
    if clustered.len() <= sample {
        Silhouette::of(&silhouette_samples(x, labels)?, None)
    } else {
        let groups = Groups::new(x, labels)?;
        let measured = sample_rows(&clustered, sample, seed);
        estimate(x, labels, &measured, &References::new(&groups, seed), clustered.len())
    }
}

/// `size` of the `rows`, drawn without replacement, in their order.
pub(in crate::evidence) fn sample_rows(rows: &[usize], size: usize, seed: u64) -> Vec<usize> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut drawn = rand::seq::index::sample(&mut rng, rows.len(), size.min(rows.len())).into_vec();
    drawn.sort_unstable();
    drawn.into_iter().map(|i| rows[i]).collect()
}

/// The members to compare with.
struct References {
    /// Every cluster in [`REPLICATES`] parts, or whole.
    parts: Vec<Vec<usize>>,
    /// Per cluster its parts.
    of_clusters: Vec<std::ops::Range<usize>>,
    /// The label of every cluster.
    labels: Vec<usize>,
    /// Every reference and its part, ascending.
    places: Vec<(usize, usize)>,
    /// The largest share of a cluster's members that are left out.
    left_out: f64,
}

impl References {
    fn new(groups: &Groups, seed: u64) -> Self {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        // Other numbers than those that drew the customers to measure.
        rng.long_jump();
        let (mut parts, mut of_clusters, mut left_out) = (Vec::new(), Vec::new(), 0.0_f64);
        for rows in &groups.rows {
            let first = parts.len();
            if rows.len() <= REFERENCES {
                parts.push(rows.clone());
            } else {
                let drawn = rand::seq::index::sample(&mut rng, rows.len(), REFERENCES).into_vec();
                let part = |drawn: &[usize]| drawn.iter().map(|&at| rows[at]).collect();
                parts.extend(drawn.chunks(REFERENCES / REPLICATES).map(part));
                left_out = left_out.max(1.0 - REFERENCES as f64 / rows.len() as f64);
            }
            of_clusters.push(first..parts.len());
        }
        let place = |(part, rows): (usize, &Vec<usize>)| rows.iter().map(|&row| (row, part)).collect::<Vec<_>>();
        let mut places: Vec<(usize, usize)> = parts.iter().enumerate().flat_map(place).collect();
        places.sort_unstable();
        Self { parts, of_clusters, labels: groups.labels.clone(), places, left_out }
    }

    /// In which part a row is, if it is in one.
    fn part_of(&self, row: usize) -> Option<usize> {
        self.places.binary_search_by_key(&row, |(row, _)| *row).ok().map(|at| self.places[at].1)
    }

    /// The silhouette of a customer from its sums of distances to all parts; without the part `without` of every cluster that
    /// has several.
    fn width(&self, own: usize, part_of_own: Option<usize>, sums: &[f64], without: Option<usize>) -> f64 {
        let parts = |cluster: usize| {
            let range = self.of_clusters[cluster].clone();
            let skipped = without.filter(|_| range.len() > 1).map(|replicate| range.start + replicate);
            range.filter(move |part| Some(*part) != skipped)
        };
        let of_clusters: Vec<f64> =
            (0..self.of_clusters.len()).map(|cluster| parts(cluster).map(|part| sums[part]).sum()).collect();
        width(own, &of_clusters, |cluster| {
            let oneself = |part: &usize| usize::from(Some(*part) == part_of_own);
            parts(cluster).map(|part| self.parts[part].len() - oneself(&part)).sum::<usize>() as f64
        })
    }
}

fn estimate(
    x: ArrayView2<f64>,
    labels: &[Option<usize>],
    measured: &[usize],
    references: &References,
    population: usize,
) -> Option<Silhouette> {
    let frame = Frame::new(x, references.parts.iter().flatten().chain(measured).copied())?;
    let sums = Tiles::new(x, &[measured], &frame).to(&Tiles::new(x, &references.parts, &frame));
    let replicates = if references.left_out > 0.0 { REPLICATES } else { 0 };
    let mut rows = measured.iter();
    let mut widths = Vec::with_capacity(measured.len());
    let mut without: Vec<Vec<f64>> = vec![Vec::with_capacity(measured.len()); replicates];
    sums.for_each(|sums| {
        let Some(&row) = rows.next() else { return };
        let Some(own) = labels[row].and_then(|label| references.labels.binary_search(&label).ok()) else { return };
        let part = references.part_of(row);
        widths.push(Some(references.width(own, part, sums, None)));
        for (replicate, widths) in without.iter_mut().enumerate() {
            widths.push(references.width(own, part, sums, Some(replicate)));
        }
    });
    let of_measured = Silhouette::of(&widths, None)?;
    let n = widths.len() as f64;
    let means: Vec<f64> = without.iter().map(|widths| total(widths.iter().copied()) / n).collect();
    let middle = total(means.iter().copied()) / means.len().max(1) as f64;
    let squares = total(means.iter().map(|mean| (mean - middle) * (mean - middle)));
    let of_references = squares * (REPLICATES as f64 - 1.0) / REPLICATES as f64 * references.left_out;
    let variance = of_measured.standard_error * of_measured.standard_error;
    let unmeasured = 1.0 - n / population as f64;
    Some(Silhouette {
        standard_error: (variance + of_references).sqrt(),
        half_width: NORMAL_95 * (variance * unmeasured + of_references).sqrt(),
        ..of_measured
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand::Rng;

    /// Overlapping groups of 60, 30, 9.9 and 0.1 %.
    fn groups(n: usize) -> (Array2<f64>, Vec<Option<usize>>) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        let labels: Vec<Option<usize>> = (0..n)
            .map(|i| match i % 1000 {
                0..600 => Some(4),
                600..900 => Some(1),
                900..999 => Some(2),
                _ => Some(7),
            })
            .collect();
        let x = Array2::from_shape_fn((n, 3), |(row, feature)| {
            let centre = labels[row].map_or(0.0, |c| (c * (feature + 1) % 5) as f64);
            let noise: f64 = (0..3).map(|_| rng.gen_range(-1.5..1.5)).sum();
            ((centre + noise) * 65536.0).round() / 65536.0
        });
        (x, labels)
    }

    #[test]
    fn up_to_the_sample_all_are_measured() {
        let (x, mut labels) = groups(2000);
        labels[3] = None;
        let all = silhouette(x.view(), &labels, 1999, 1).unwrap();
        assert_eq!((all.n, all.half_width), (1999, 0.0));
        assert_eq!(silhouette(x.view(), &labels, 5000, 2), Some(all));
        assert_eq!(Silhouette::of(&silhouette_samples(x.view(), &labels).unwrap(), None), Some(all));
        let part = silhouette(x.view(), &labels, 1998, 1).unwrap();
        assert_eq!(part.n, 1998);
        // Every cluster is compared with whole, so only one customer is missing.
        assert!((part.mean - all.mean).abs() < 1e-3 && part.half_width < 1e-3, "{part:?} {all:?}");
        assert_ne!(silhouette(x.view(), &labels, 1000, 1), silhouette(x.view(), &labels, 1000, 2));
        assert_eq!(silhouette(x.view(), &vec![Some(1); 2000], 100, 1), None);
        assert_eq!(silhouette(x.view(), &labels, 0, 1), None);
    }

    #[test]
    fn the_interval_covers_the_truth_as_often_as_it_says() {
        let (x, labels) = groups(20_000);
        let truth = silhouette(x.view(), &labels, 20_000, 0).unwrap().mean;
        let found: Vec<Silhouette> = (0..200).map(|seed| silhouette(x.view(), &labels, 1500, seed).unwrap()).collect();
        let covered = found.iter().filter(|s| (s.mean - truth).abs() <= s.half_width).count();
        // 95 % of 200 is 190, with a standard deviation of 3.
        assert!((181..=199).contains(&covered), "{covered}");
        let mean = found.iter().map(|s| s.mean).sum::<f64>() / 200.0;
        let spread = (found.iter().map(|s| (s.mean - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        let promised = found.iter().map(|s| s.half_width).sum::<f64>() / 200.0 / NORMAL_95;
        assert!((spread / promised - 1.0).abs() < 0.2, "{spread} instead of {promised}");
        assert!((mean - truth).abs() < 4.0 * spread / 200.0_f64.sqrt(), "{mean} instead of {truth}");
    }

    /// With a few references all error comes from them, which the spread of the measured does not show.
    #[test]
    fn the_members_compared_with_add_their_error() {
        let (x, labels) = groups(20_000);
        let found = silhouette(x.view(), &labels, 19_999, 3).unwrap();
        let truth = silhouette(x.view(), &labels, 20_000, 3).unwrap();
        assert!(found.half_width > 1e-4 && found.half_width < 0.01, "{found:?}");
        assert!((found.mean - truth.mean).abs() < 2.0 * found.half_width, "{found:?} {truth:?}");
    }
}
