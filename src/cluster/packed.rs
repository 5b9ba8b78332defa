//! Customers packed for the kernels, once for every fit on them.

use super::Points;
use super::kernel::pack::{Look, Rows, pack};
use super::kernel::{GROUP, LANES, storage};
use super::sketch::{Candidate, Sketch, threshold};
use crate::error::Result;
use rayon::prelude::*;
use std::borrow::Cow;

/// Customers per task of a pass. Fixed, so that sums of values off the grid are the same at any number of threads.
pub(super) const CHUNK: usize = 1 << 16;

/// So many rows of the sample are enough to start from.
const START_ROWS: usize = 1 << 13;

/// Customers in the form that k-means computes on: blocks of eight in `f32`, their sum of squares, and a sample. Made
/// once, it serves any number of fits: other seeds, other numbers of clusters, other starts.
///
/// On the grid of model space (multiples of 2^-16 below 2^8) nothing is rounded and sums are exact in any order. Off the
/// grid equal rows are joined and sorted, so that neither their order nor the number of threads can change a bit.
#[derive(Debug)]
pub struct Packed<'a> {
    all: Blocks<'a>,
    sample: Sample,
    total: f64,
}

/// Distinct rows of the data that stand for all of it.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) sketch: Sketch,
    /// The first rows of the sketch; all of them.
    pub(super) blocks: [Blocks<'static>; 2],
}

impl Sample {
    pub(super) fn new(sketch: Sketch, width: usize) -> Self {
        let first = |rows: usize| {
            let rows = rows.min(sketch.weights.len());
            Blocks::new(&sketch.rows[..rows * width], sketch.weights[..rows].to_vec(), width)
        };
        let blocks = [first(START_ROWS), first(usize::MAX)];
        Self { sketch, blocks }
    }
}

impl<'a> Packed<'a> {
    /// Packs `points`. Memory: four bytes per value (off the grid twelve), and a sample of 65,536 rows.
    ///
    /// # Errors
    /// `E0346` for values that are not finite, `E0347` for weights or codes, `E0403` without features.
    pub fn new(points: Points<'a>) -> Result<Self> {
        if points.x.ncols() == 0 || points.weights.is_some() {
            points.check()?;
        }
        points.refuse_codes("k-means")?;
        let x = points.x.as_standard_layout();
        let values = x.as_slice().unwrap_or_default();
        let (rows, width) = x.dim();
        let total = points.weights.map_or(rows as f64, |w| w.iter().sum());
        let (all, sketch) = match Blocks::on_grid(values, points.weights.map(Cow::Borrowed), width, threshold(rows)) {
            Some((all, candidates)) => (all, Sketch::new(values, points.weights, width, Some(candidates))),
            None => {
                points.check()?;
                let (sorted, weights) = distinct(values, points.weights, width);
                let weights = weights.iter().any(|&w| w != 1.0).then_some(weights);
                let sketch = Sketch::new(&sorted, weights.as_deref(), width, None);
                (Blocks::off_grid(sorted, weights.map(Cow::Owned), width), sketch)
            }
        };
        Ok(Self { all, sample: Sample::new(sketch, width), total })
    }

    /// Number of features.
    pub fn width(&self) -> usize {
        self.all.width
    }

    /// Number of customers, the sum of the weights.
    pub fn total(&self) -> f64 {
        self.total
    }

    /// Number of distinct rows, or 65,536 where there are more.
    pub fn distinct(&self) -> usize {
        self.sample.sketch.weights.len()
    }

    pub(super) fn all(&self) -> &Blocks<'a> {
        &self.all
    }

    pub(super) fn sample(&self) -> &Sample {
        &self.sample
    }
}

/// Rows in blocks of [`LANES`], feature by feature, padded to whole groups.
#[derive(Debug)]
pub(super) struct Blocks<'a> {
    pub(super) width: usize,
    pub(super) rows: usize,
    pub(super) blocks: Vec<f32>,
    /// Off the grid: the rows in `f64`, for exact labels and reproducible sums.
    pub(super) exact: Option<Vec<f64>>,
    /// How many customers a row stands for; 1 each if absent.
    pub(super) weights: Option<Cow<'a, [f64]>>,
    shift: Vec<f64>,
    pub(super) scale: f64,
    /// Sum of the weighted squares of all values, in squared steps of the grid; on the grid only.
    pub(super) squares: u128,
    /// The order of the rows depends on their values alone.
    pub(super) canonical: bool,
}

impl<'a> Blocks<'a> {
    /// Rows (C order) in an order that depends on their values alone.
    pub(super) fn new(values: &[f64], weights: Vec<f64>, width: usize) -> Blocks<'static> {
        let weights = weights.iter().any(|&w| w != 1.0).then_some(weights);
        match Blocks::on_grid(values, weights.clone().map(Cow::Owned), width, 0) {
            Some((blocks, _)) => Blocks { canonical: true, ..blocks },
            None => Blocks::off_grid(values.to_vec(), weights.map(Cow::Owned), width),
        }
    }

    /// Packs rows without rounding and gathers candidates for the sketch, or `None` if a value is off the grid or a
    /// weight is not whole.
    pub(super) fn on_grid(
        values: &[f64],
        weights: Option<Cow<'a, [f64]>>,
        width: usize,
        threshold: u64,
    ) -> Option<(Self, Vec<Candidate>)> {
        let rows = values.len() / width;
        if let Some(weights) = &weights
            && weights.iter().any(|w| w.fract() != 0.0)
        {
            return None;
        }
        // So much weight at the end of the grid still sums exactly in f64.
        if weights.as_ref().map_or(rows as f64, |w| w.iter().sum()) > 2.0_f64.powi(29) {
            return None;
        }
        let mut blocks: Vec<f32> = storage::zeros(rows.next_multiple_of(GROUP) * width);
        let looks: Vec<Look> = blocks
            .par_chunks_mut(CHUNK * width)
            .zip(values.par_chunks(CHUNK * width))
            .enumerate()
            .map(|(at, (blocks, values))| {
                let weights = weights.as_ref().map(|w| &w[at * CHUNK..]);
                pack(blocks, Rows { values, weights, width, first: at * CHUNK }, threshold)
            })
            .collect();
        if !looks.iter().all(|look| look.on_grid) {
            return None;
        }
        let squares = looks.iter().map(|look| look.squares).sum();
        let candidates = looks.into_iter().flat_map(|look| look.candidates).collect();
        let shift = vec![0.0; width];
        let blocks = Self { width, rows, blocks, exact: None, weights, shift, scale: 1.0, squares, canonical: false };
        Some((blocks, candidates))
    }

    /// Packs distinct rows in an order that depends on their values alone, shifted, scaled and rounded.
    fn off_grid(values: Vec<f64>, weights: Option<Cow<'a, [f64]>>, width: usize) -> Self {
        let rows = values.len() / width;
        let (shift, scale) = frame(&values, width);
        let mut blocks: Vec<f32> = storage::zeros(rows.next_multiple_of(GROUP) * width);
        blocks.par_chunks_mut(CHUNK * width).zip(values.par_chunks(CHUNK * width)).for_each(|(blocks, values)| {
            for (row, values) in values.chunks_exact(width).enumerate() {
                for (feature, value) in values.iter().enumerate() {
                    blocks[place(row, feature, width)] = ((value - shift[feature]) * scale) as f32;
                }
            }
        });
        Self { width, rows, blocks, exact: Some(values), weights, shift, scale, squares: 0, canonical: true }
    }

    /// Points (C order), shifted and scaled as the blocks are.
    pub(super) fn framed(&self, points: &[f64]) -> Vec<f64> {
        points.iter().zip(self.shift.iter().cycle()).map(|(v, shift)| (v - shift) * self.scale).collect()
    }

    /// Writes row `row` as it came.
    pub(super) fn copy_row(&self, row: usize, to: &mut [f64]) {
        match &self.exact {
            Some(rows) => to.copy_from_slice(&rows[row * self.width..][..self.width]),
            None => to
                .iter_mut()
                .enumerate()
                .for_each(|(feature, value)| *value = f64::from(self.blocks[place(row, feature, self.width)])),
        }
    }

    /// How many customers row `row` stands for.
    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.as_deref().map_or(1.0, |w| w[row])
    }
}

/// Where the blocks hold a value.
fn place(row: usize, feature: usize, width: usize) -> usize {
    (row / LANES * width + feature) * LANES + row % LANES
}

/// The distinct rows in lexicographic order without negative zeros, and the weight of each.
fn distinct(values: &[f64], weights: Option<&[f64]>, width: usize) -> (Vec<f64>, Vec<f64>) {
    let row = |at: usize| values[at * width..][..width].iter().map(|v| v + 0.0);
    let weight = |at: usize| weights.map_or(1.0, |w| w[at]);
    let mut order: Vec<usize> = (0..values.len() / width).collect();
    order.par_sort_unstable_by(|&a, &b| {
        let order = row(a).zip(row(b)).map(|(a, b)| a.total_cmp(&b)).find(|o| o.is_ne());
        order.unwrap_or_else(|| weight(a).total_cmp(&weight(b)))
    });
    let (mut sorted, mut joined): (Vec<f64>, Vec<f64>) = (Vec::with_capacity(values.len()), Vec::new());
    for &at in &order {
        let last = sorted.len().saturating_sub(width);
        match joined.last_mut() {
            Some(joined) if row(at).eq(sorted[last..].iter().copied()) => *joined += weight(at),
            _ => {
                sorted.extend(row(at));
                joined.push(weight(at));
            }
        }
    }
    (sorted, joined)
}

/// The middle of every column, and a power of two that brings every distance from it to about one at most.
pub(super) fn frame(rows: &[f64], width: usize) -> (Vec<f64>, f64) {
    let mut shift = vec![0.0; width];
    let mut largest: f64 = 0.0;
    for (feature, shift) in shift.iter_mut().enumerate() {
        let column = || rows.iter().skip(feature).step_by(width);
        let range = |(low, high): (f64, f64), &v: &f64| (low.min(v), high.max(v));
        let (low, high) = column().fold((f64::INFINITY, f64::NEG_INFINITY), range);
        *shift = if low < high { low / 2.0 + high / 2.0 } else { low };
        largest = column().map(|v| (v - *shift).abs()).fold(largest, f64::max);
    }
    let exponent = if largest > 0.0 { largest.log2().ceil().clamp(-1000.0, 1000.0) } else { 0.0 };
    (shift, (-exponent).exp2())
}
