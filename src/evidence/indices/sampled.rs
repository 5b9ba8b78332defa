//! The mean silhouette of more customers than can all be compared.
//!
//! Customers to measure and customers to compare with are two samples. Comparing every measured customer with all others would
//! be free of the second sample's error but costs time proportional to `n`; comparing within one sample, as is common,
//! leaves small clusters with few members to take a mean over, and says nothing of that error. Here every cluster lends as
//! many members, whatever its size, which is all of a small one; together they are about as many as are measured.
//!
//! The error of the mean has two independent parts. That of the customers measured is the usual one. That of the members
//! compared with is the same for all customers measured, so it does not show in their spread; it is measured by the
//! jackknife over [`REPLICATES`] random parts of the references (Wolter 2007, chapter 4): the mean is taken again without each
//! part.

use super::silhouette::{Silhouette, silhouette_samples, width};
use crate::cluster::distances::{Frame, Tiles};
use ndarray::ArrayView2;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// Random parts of the references.
const REPLICATES: usize = 16;

/// Members of a cluster to compare with, at least and at most: with fewer the jackknife has too little, with more only time grows.
const REFERENCES: [usize; 2] = [256, 4096];

/// Rows counted together.
const CHUNK: usize = 1 << 16;

/// Two-sided 95 % of the normal distribution.
const NORMAL_95: f64 = 1.959_963_984_540_054;

/// The mean silhouette: of all rows and exact for up to `sample` rows with a cluster ([`silhouette_samples`]), else of a
/// random sample of that many, compared with `sample / k` members of each of `k` clusters (256 to 4096, or all), with a 95 % confidence interval. The customers measured
/// depend on `seed` and the labels' pattern of noise only, so clusterings of the same rows are measured on the same
/// customers. A half width of 0.005 takes some 14,000 customers where silhouettes have a standard deviation of 0.3. `None` with
/// fewer than two clusters, for a `sample` of 0, and where a value looked at is not finite.
///
/// # Panics
/// If `x` (rows × features) and `labels` differ in length.
pub fn silhouette(x: ArrayView2<f64>, labels: &[Option<usize>], sample: usize, seed: u64) -> Option<Silhouette> {
    assert_eq!(x.nrows(), labels.len(), "one label per row");
    let census = Census::new(labels);
    let clustered: usize = census.sizes.iter().sum();
    if clustered <= sample {
        Silhouette::of(&silhouette_samples(x, labels)?, None)
    } else if census.sizes.iter().filter(|&&size| size > 0).count() < 2 {
        None
    } else {
        let mut ranks = draw(&mut Xoshiro256PlusPlus::seed_from_u64(seed), clustered, sample);
        ranks.sort_unstable();
        let measured = census.pick(&[ranks], |_| 0).swap_remove(0);
        estimate(x, labels, &measured, &References::new(&census, sample, seed), clustered)
    }
}

/// `size` numbers below `of`, or all, each once, in random order.
fn draw(rng: &mut Xoshiro256PlusPlus, of: usize, size: usize) -> Vec<usize> {
    rand::seq::index::sample(rng, of, size.min(of)).into_vec()
}

/// `size` of the `rows`, drawn without replacement, in their order.
pub(in crate::evidence) fn sample_rows(rows: &[usize], size: usize, seed: u64) -> Vec<usize> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut drawn = draw(&mut rng, rows.len(), size);
    drawn.sort_unstable();
    drawn.into_iter().map(|i| rows[i]).collect()
}

/// How many rows have which label, chunk by chunk, so that a few of many rows are found without a list of all.
struct Census<'a> {
    labels: &'a [Option<usize>],
    /// Rows per label.
    sizes: Vec<usize>,
    /// The same in every [`CHUNK`] of the rows.
    chunks: Vec<Vec<usize>>,
}

impl<'a> Census<'a> {
    fn new(labels: &'a [Option<usize>]) -> Self {
        let count = |labels: &[Option<usize>]| {
            let mut counts: Vec<usize> = Vec::new();
            for &label in labels.iter().flatten() {
                if counts.len() <= label {
                    counts.resize(label + 1, 0);
                }
                counts[label] += 1;
            }
            counts
        };
        let chunks: Vec<Vec<usize>> = labels.par_chunks(CHUNK).map(count).collect();
        let mut sizes = vec![0; chunks.iter().map(Vec::len).max().unwrap_or(0)];
        for counts in &chunks {
            sizes.iter_mut().zip(counts).for_each(|(size, count)| *size += count);
        }
        Self { labels, sizes, chunks }
    }

    /// The rows with the given `ranks` (ascending, from 0) within every class, in their order; `class` puts labels together.
    fn pick(&self, ranks: &[Vec<usize>], class: impl Fn(usize) -> usize + Sync) -> Vec<Vec<usize>> {
        let mut before = vec![0; ranks.len()];
        let mut starts = Vec::with_capacity(self.chunks.len());
        for counts in &self.chunks {
            starts.push(before.clone());
            counts.iter().enumerate().for_each(|(label, count)| before[class(label)] += count);
        }
        let found: Vec<Vec<(usize, usize)>> = self
            .labels
            .par_chunks(CHUNK)
            .zip(starts)
            .enumerate()
            .map(|(chunk, (labels, mut rank))| {
                let mut next: Vec<&[usize]> = ranks
                    .iter()
                    .zip(&rank)
                    .map(|(ranks, rank)| &ranks[ranks.partition_point(|r| r < rank)..])
                    .collect();
                let mut found = Vec::new();
                for (row, label) in labels.iter().enumerate() {
                    let Some(class) = label.map(&class) else { continue };
                    if next[class].first() == Some(&rank[class]) {
                        next[class] = &next[class][1..];
                        found.push((class, chunk * CHUNK + row));
                    }
                    rank[class] += 1;
                }
                found
            })
            .collect();
        let mut rows: Vec<Vec<usize>> = ranks.iter().map(|ranks| Vec::with_capacity(ranks.len())).collect();
        found.into_iter().flatten().for_each(|(class, row)| rows[class].push(row));
        rows
    }
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
    fn new(census: &Census, sample: usize, seed: u64) -> Self {
        let labels: Vec<usize> = (0..census.sizes.len()).filter(|&label| census.sizes[label] > 0).collect();
        // In parts of the same size.
        let [least, most] = REFERENCES;
        let size = (sample / labels.len().max(1)).clamp(least, most) / REPLICATES * REPLICATES;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        // Other numbers than those that drew the customers to measure.
        rng.long_jump();
        // Ranks in random order where there are more than enough.
        let drawn: Vec<Vec<usize>> = census
            .sizes
            .iter()
            .map(|&rows| if rows > size { draw(&mut rng, rows, size) } else { (0..rows).collect() })
            .collect();
        let mut ranks = drawn.clone();
        ranks.iter_mut().for_each(|ranks| ranks.sort_unstable());
        let rows = census.pick(&ranks, |label| label);
        let (mut parts, mut of_clusters, mut left_out) = (Vec::new(), Vec::new(), 0.0_f64);
        for &label in &labels {
            let first = parts.len();
            let count = if census.sizes[label] > size { size / REPLICATES } else { size };
            let row = |rank: &usize| rows[label][ranks[label].partition_point(|r| r < rank)];
            parts.extend(drawn[label].chunks(count).map(|drawn| drawn.iter().map(row).collect::<Vec<usize>>()));
            of_clusters.push(first..parts.len());
            left_out = left_out.max(1.0 - size as f64 / census.sizes[label] as f64);
        }
        let place = |(part, rows): (usize, &Vec<usize>)| rows.iter().map(|&row| (row, part)).collect::<Vec<_>>();
        let mut places: Vec<(usize, usize)> = parts.iter().enumerate().flat_map(place).collect();
        places.sort_unstable();
        Self { parts, of_clusters, labels, places, left_out }
    }

    /// In which part a row is, if it is in one.
    fn part_of(&self, row: usize) -> Option<usize> {
        self.places.binary_search_by_key(&row, |(row, _)| *row).ok().map(|at| self.places[at].1)
    }

    /// The silhouette of a customer from its sums of distances to all parts, and those that leave out one part of
    /// every cluster that has several. Sums are whole units, so what is taken off is exact.
    fn widths(&self, row: usize, own: usize, sums: &[f64]) -> (f64, [f64; REPLICATES]) {
        let part_of_own = self.part_of(row);
        let others = |part: usize| (self.parts[part].len() - usize::from(Some(part) == part_of_own)) as f64;
        let whole: Vec<(f64, f64)> = self
            .of_clusters
            .iter()
            .map(|parts| parts.clone().fold((0.0, 0.0), |(sum, count), part| (sum + sums[part], count + others(part))))
            .collect();
        let mut left = vec![0.0; whole.len()];
        let without = std::array::from_fn(|replicate| {
            let part = |cluster: usize| {
                let parts = &self.of_clusters[cluster];
                (parts.len() > 1).then_some(parts.start + replicate)
            };
            for (cluster, left) in left.iter_mut().enumerate() {
                *left = whole[cluster].0 - part(cluster).map_or(0.0, |part| sums[part]);
            }
            width(own, &left, |cluster| whole[cluster].1 - part(cluster).map_or(0.0, others))
        });
        let sums: Vec<f64> = whole.iter().map(|(sum, _)| *sum).collect();
        (width(own, &sums, |cluster| whole[cluster].1), without)
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
    let found = sums.map(|place, sums| {
        let row = measured[place];
        let own = labels[row].and_then(|label| references.labels.binary_search(&label).ok())?;
        Some(references.widths(row, own, sums))
    });
    let widths: Vec<Option<f64>> = found.iter().map(|found| Some(found.as_ref()?.0)).collect();
    let of_measured = Silhouette::of(&widths, None)?;
    let n = of_measured.n as f64;
    let mut means = [0.0; REPLICATES];
    for (_, without) in found.iter().flatten() {
        means.iter_mut().zip(without).for_each(|(mean, width)| *mean += width / n);
    }
    let middle = means.iter().sum::<f64>() / REPLICATES as f64;
    let squares: f64 = means.iter().map(|mean| (mean - middle) * (mean - middle)).sum();
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
    fn rows_are_found_by_their_rank() {
        let labels: Vec<Option<usize>> = (0..3 * CHUNK + 5).map(|i| (i % 7 > 0).then_some(i * i % 7 * 2)).collect();
        let census = Census::new(&labels);
        let of = |label: usize| (0..labels.len()).filter(|&i| labels[i] == Some(label)).collect::<Vec<_>>();
        let ranks: Vec<Vec<usize>> =
            census.sizes.iter().map(|&size| (0..size).filter(|rank| rank % 1000 < 3).collect()).collect();
        for (label, rows) in census.pick(&ranks, |label| label).iter().enumerate() {
            let all = of(label);
            assert_eq!(all.len(), census.sizes[label]);
            assert_eq!(rows, &ranks[label].iter().map(|&rank| all[rank]).collect::<Vec<_>>());
        }
        let clustered: Vec<usize> = (0..labels.len()).filter(|&i| labels[i].is_some()).collect();
        let last = clustered.len() - 1;
        assert_eq!(census.pick(&[vec![0, 70_000, last]], |_| 0), [[clustered[0], clustered[70_000], clustered[last]]]);
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
        // Only one customer is not measured, so the error is that of comparing with 496 of the 1200 in the largest cluster.
        assert!((part.mean - all.mean).abs() < part.half_width && part.half_width < 5e-3, "{part:?} {all:?}");
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
