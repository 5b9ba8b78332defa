//! A sample of the distinct rows that depends on their values alone.
//!
//! Of the distinct rows it keeps those with the smallest hashes (a *bottom-k sketch*, Cohen & Kaplan 2007), each with the
//! weight of all rows equal to it. So the sample is the same for any order of rows and any number of threads, and the
//! same whether equal rows come one by one or as one row with a weight. Its rows come in the order of their hashes, so the first rows
//! are a smaller sample of the same kind.

use super::lexicographic;
use rayon::prelude::*;

/// Distinct rows kept at most.
pub(super) const SKETCH_ROWS: usize = 1 << 16;

/// Rows per task of a scan.
const CHUNK: usize = 1 << 16;

/// A row whose hash is small enough.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    hash: u64,
    row: usize,
}

/// The sample.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sketch {
    /// Distinct rows in C order, by ascending hash.
    pub(super) rows: Vec<f64>,
    /// The weight of all rows equal to each.
    pub(super) weights: Vec<f64>,
    /// Every distinct row is here.
    pub(super) whole: bool,
}

/// 2^64 over the golden ratio, odd.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

/// One odd factor per feature, for [`hash`].
pub(super) fn keys(width: usize) -> Vec<u64> {
    let mix = |v: u64| (v ^ (v >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (1..=width as u64).map(|feature| mix(mix(feature.wrapping_mul(ODD))) | 1).collect()
}

/// A hash of the values of a row, a sum of products (*multilinear hashing*, Carter & Wegman 1979) whose high bits depend on
/// all bits; both zeros have one hash.
#[inline(always)]
fn hash(row: &[f64], keys: &[u64]) -> u64 {
    let products = row.iter().zip(keys).map(|(value, key)| (value + 0.0).to_bits().wrapping_mul(*key));
    let sum = products.fold(0, u64::wrapping_add);
    (sum ^ (sum >> 32)).wrapping_mul(ODD)
}

/// Adds the rows of a slice (C order, its first row has the number `first`) with a hash up to `threshold`.
#[inline(always)]
pub(super) fn gather(rows: &[f64], keys: &[u64], first: usize, threshold: u64, candidates: &mut Vec<Candidate>) {
    for (at, row) in rows.chunks_exact(keys.len()).enumerate() {
        let hash = hash(row, keys);
        if hash <= threshold {
            candidates.push(Candidate { hash, row: first + at });
        }
    }
}

/// The largest hash to gather from so many rows, if all are distinct: half as many again as needed.
pub(super) fn threshold(rows: usize) -> u64 {
    let share = 1.5 * SKETCH_ROWS as f64 / rows.max(1) as f64;
    if share >= 1.0 { u64::MAX } else { (share * 2.0_f64.powi(64)) as u64 }
}

fn gather_all(values: &[f64], width: usize, threshold: u64) -> Vec<Candidate> {
    let keys = keys(width);
    let gathered: Vec<Vec<Candidate>> = values
        .par_chunks(CHUNK * width)
        .enumerate()
        .map(|(chunk, rows)| {
            let mut found = Vec::new();
            gather(rows, &keys, chunk * CHUNK, threshold, &mut found);
            found
        })
        .collect();
    gathered.concat()
}

impl Sketch {
    /// From all rows (C order) and their weights. `candidates` are those up to [`threshold`], if they were gathered on
    /// the way.
    pub(super) fn new(
        values: &[f64],
        weights: Option<&[f64]>,
        width: usize,
        mut candidates: Option<Vec<Candidate>>,
    ) -> Self {
        let mut threshold = threshold(values.len() / width);
        loop {
            let found = candidates.take().unwrap_or_else(|| gather_all(values, width, threshold));
            let all_gathered = threshold == u64::MAX;
            let sketch = Self::join(values, weights, width, found);
            if all_gathered || sketch.weights.len() >= SKETCH_ROWS {
                return sketch.cut(width, all_gathered);
            }
            // Many rows are equal, so distinct ones are fewer than they were taken to be.
            threshold = threshold.saturating_mul(16);
        }
    }

    /// The distinct rows among the candidates.
    fn join(values: &[f64], weights: Option<&[f64]>, width: usize, mut candidates: Vec<Candidate>) -> Self {
        let row = |candidate: &Candidate| &values[candidate.row * width..][..width];
        let weight = |candidate: &Candidate| weights.map_or(1.0, |w| w[candidate.row]);
        // With weights that are not whole, rows are distinct already; otherwise their sum is exact in any order.
        candidates.par_sort_unstable_by(|a, b| {
            a.hash.cmp(&b.hash).then_with(|| {
                if a.row == b.row { std::cmp::Ordering::Equal } else { lexicographic_values(row(a), row(b)) }
            })
        });
        let equal = |a: &Candidate, b: &Candidate| a.hash == b.hash && row(a) == row(b);
        let (mut rows, mut joined) =
            (Vec::with_capacity(candidates.len() * width), Vec::with_capacity(candidates.len()));
        for group in candidates.chunk_by(equal) {
            rows.extend_from_slice(row(&group[0]));
            joined.push(group.iter().map(weight).sum());
        }
        rows.iter_mut().for_each(|v| *v += 0.0);
        Self { rows, weights: joined, whole: false }
    }

    fn cut(mut self, width: usize, all_gathered: bool) -> Self {
        self.whole = all_gathered && self.weights.len() <= SKETCH_ROWS;
        self.weights.truncate(SKETCH_ROWS);
        self.rows.truncate(SKETCH_ROWS * width);
        self
    }
}

/// A sketch of rows that come in parts.
#[derive(Debug)]
pub(super) struct Growing {
    keys: Vec<u64>,
    threshold: u64,
    /// Distinct rows and the weight of each, then rows of weight 1 that may be equal to them.
    kept: Sketch,
}

impl Growing {
    pub(super) fn new(width: usize) -> Self {
        let kept = Sketch { rows: Vec::new(), weights: Vec::new(), whole: true };
        Self { keys: keys(width), threshold: u64::MAX, kept }
    }

    /// Number of features.
    pub(super) fn width(&self) -> usize {
        self.keys.len()
    }

    /// Adds rows (C order).
    pub(super) fn add(&mut self, values: &[f64]) {
        let width = self.keys.len();
        // Parts of a size that keeps little more than twice the sketch.
        for values in values.chunks(SKETCH_ROWS * width) {
            let mut found = Vec::new();
            gather(values, &self.keys, 0, self.threshold, &mut found);
            for candidate in found {
                self.kept.rows.extend_from_slice(&values[candidate.row * width..][..width]);
                self.kept.weights.push(1.0);
            }
            if self.kept.weights.len() > 2 * SKETCH_ROWS {
                self.shrink();
            }
        }
    }

    /// Joins equal rows and keeps those with the smallest hashes. Of a row that is kept none was ever left out, because the
    /// threshold only falls.
    fn shrink(&mut self) {
        let width = self.keys.len();
        let mut found = Vec::new();
        gather(&self.kept.rows, &self.keys, 0, u64::MAX, &mut found);
        let joined = Sketch::join(&self.kept.rows, Some(&self.kept.weights), width, found);
        let whole = self.kept.whole && joined.weights.len() <= SKETCH_ROWS;
        self.kept = Sketch { whole, ..joined.cut(width, false) };
        if !whole && let Some(last) = self.kept.rows.chunks_exact(width).next_back() {
            self.threshold = hash(last, &self.keys);
        }
    }

    /// The sketch of all rows so far.
    pub(super) fn finish(mut self) -> Sketch {
        self.shrink();
        self.kept
    }
}

/// Order by the first value that differs; both zeros are equal.
fn lexicographic_values(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    let (a, b): (Vec<f64>, Vec<f64>) = (a.iter().map(|v| v + 0.0).collect(), b.iter().map(|v| v + 0.0).collect());
    lexicographic(a.iter(), b.iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::stream;
    use rand::Rng;

    #[test]
    fn rows_in_parts_give_the_sketch_of_all() {
        // Coarse values repeat rows, fine ones make more distinct rows than a sketch keeps.
        for (rows, coarse) in [(500_u64, 4.0_f64), (400_000, 60.0), (400_000, 65536.0)] {
            let mut rng = stream(rows, 0);
            let values: Vec<f64> =
                (0..2 * rows).map(|_| (rng.gen_range(-3.0..3.0) * coarse).floor() / coarse).collect();
            let mut growing = Growing::new(2);
            values.chunks(2 * 70_001).for_each(|part| growing.add(part));
            assert_eq!(growing.finish(), Sketch::new(&values, None, 2, None));
        }
    }
}
