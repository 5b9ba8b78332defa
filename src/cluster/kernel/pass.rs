//! One pass of Lloyd's algorithm over some customers: new labels where they can have changed, and what that changes in
//! the sums.

use super::{Filter, GROUP, Instructions, Kernel, LANES, PAIR, Verdict, portable::Portable};
use crate::cluster::squared_distance;

/// From so many customers of sixteen on, all are evaluated where they lie; fewer are gathered with others first.
const DENSE: u32 = 3;

/// Pairs of blocks that are asked for before the first of them is evaluated.
const PAIRS: usize = 8;

/// What all parts of a pass share.
#[derive(Debug)]
pub(in crate::cluster) struct Pass<'a> {
    pub(in crate::cluster) instructions: Instructions,
    pub(in crate::cluster) filter: &'a Filter,
    /// Centroids in C order, for the definition.
    pub(in crate::cluster) centroids: &'a [f64],
    /// Customers in blocks of [`LANES`], feature by feature, shifted and scaled; a whole number of groups.
    pub(in crate::cluster) blocks: &'a [f32],
    /// The customers as they came (C order), where the blocks are rounded.
    pub(in crate::cluster) rows: Option<&'a [f64]>,
    /// How many each customer stands for.
    pub(in crate::cluster) weights: Option<&'a [f64]>,
    /// Number of customers; what follows in the blocks is padding.
    pub(in crate::cluster) customers: usize,
    /// Nobody has a label yet.
    pub(in crate::cluster) first: bool,
    /// Keep the sums up to date. Exact on the grid only.
    pub(in crate::cluster) with_sums: bool,
    /// Per cluster, at least 8 entries: the movement so far, rounded up and down.
    pub(in crate::cluster) moved_up: &'a [f32],
    pub(in crate::cluster) moved_down: &'a [f32],
    /// The movement so far that no cluster's exceeds, rounded up and down.
    pub(in crate::cluster) most_up: f32,
    pub(in crate::cluster) most_down: f32,
}

/// The part of the customers that one task works on.
#[derive(Debug)]
pub(in crate::cluster) struct Chunk<'a> {
    /// Number of the first customer, a multiple of [`GROUP`].
    pub(in crate::cluster) start: usize,
    pub(in crate::cluster) labels: &'a mut [u16],
    /// The movement of the own cluster at which the margin is used up.
    pub(in crate::cluster) expiry: &'a mut [f32],
    /// Per group, the greatest movement at which the first margin is used up.
    pub(in crate::cluster) groups: &'a mut [f32],
}

/// What a pass changed.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cluster) struct Delta {
    /// Clusters × features.
    pub(in crate::cluster) sums: Vec<f64>,
    /// Weight per cluster.
    pub(in crate::cluster) sizes: Vec<f64>,
    /// Customers with another label.
    pub(in crate::cluster) changed: usize,
    /// Customers looked at.
    pub(in crate::cluster) evaluated: usize,
}

impl Pass<'_> {
    /// Labels the customers of `chunk`.
    pub(in crate::cluster) fn run(&self, chunk: Chunk) -> Delta {
        macro_rules! by_width {
            ($run:ident, $($width:literal)*) => {
                match self.filter.width {
                    $($width => $run::<$width>(self, chunk),)*
                    _ => $run::<0>(self, chunk),
                }
            };
        }
        match self.instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 if self.instructions.supported() => {
                // SAFETY: the processor was asked for these instructions in the guard.
                unsafe { by_width!(run_avx512, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
            }
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 if self.instructions.supported() => {
                // SAFETY: the processor was asked for these instructions in the guard.
                unsafe { by_width!(run_avx2, 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
            }
            _ => run_portable(self, chunk),
        }
    }

    /// The label by the definition.
    #[cold]
    fn define(&self, customer: usize) -> u16 {
        let width = self.filter.width;
        let unpacked: Vec<f64>;
        let row = match self.rows {
            Some(rows) => &rows[customer * width..][..width],
            None => {
                let block = &self.blocks[customer / LANES * LANES * width..][..LANES * width];
                unpacked = block.iter().skip(customer % LANES).step_by(LANES).map(|&v| f64::from(v)).collect();
                &unpacked
            }
        };
        let mut best = (0, f64::INFINITY);
        for (cluster, centroid) in self.centroids.chunks_exact(width).enumerate() {
            let distance = squared_distance(row, centroid);
            if distance < best.1 {
                best = (cluster, distance);
            }
        }
        best.0 as u16
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<const WIDTH: usize>(pass: &Pass, chunk: Chunk) -> Delta {
    // SAFETY: this function has the instructions, so its caller's processor does.
    unsafe { run::<super::avx2::Avx2, WIDTH>(pass, chunk) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn run_avx512<const WIDTH: usize>(pass: &Pass, chunk: Chunk) -> Delta {
    // SAFETY: this function has the instructions, so its caller's processor does.
    unsafe { run::<super::avx512::Avx512, WIDTH>(pass, chunk) }
}

fn run_portable(pass: &Pass, chunk: Chunk) -> Delta {
    // SAFETY: the portable kernel needs no special instructions.
    unsafe { run::<Portable, 0>(pass, chunk) }
}

/// Customers that wait until sixteen can be evaluated together.
struct Queue {
    /// Their places in the chunk.
    waiting: [usize; PAIR],
    len: usize,
    blocks: Vec<f32>,
}

/// The working state of one chunk.
struct Work<'a, 'b, const WIDTH: usize> {
    pass: &'a Pass<'b>,
    chunk: Chunk<'a>,
    delta: Delta,
    verdict: Verdict,
    queue: Queue,
    /// Places of sixteen customers that wait to be evaluated where they lie, while their blocks come from memory.
    pairs: [usize; PAIRS],
    waiting_pairs: usize,
    /// Sixteen customers in C order.
    rows: Vec<f32>,
}

/// # Safety
/// The processor must have the instructions of `K`.
#[inline(always)]
unsafe fn run<K: Kernel, const WIDTH: usize>(pass: &Pass, chunk: Chunk) -> Delta {
    let (k, width) = (pass.filter.clusters(), pass.filter.width);
    let delta = Delta { sums: vec![0.0; k * width], sizes: vec![0.0; k], changed: 0, evaluated: 0 };
    let queue = Queue { waiting: [0; PAIR], len: 0, blocks: vec![0.0; PAIR * width] };
    let (pairs, verdict) = ([0; PAIRS], Verdict::EMPTY);
    let rows = vec![0.0; PAIR * width];
    let mut work = Work::<WIDTH> { pass, chunk, delta, verdict, queue, pairs, waiting_pairs: 0, rows };
    for group in 0..work.chunk.groups.len() {
        if !pass.first && work.chunk.groups[group] > pass.most_up {
            continue;
        }
        let base = group * GROUP;
        let left = pass.customers.saturating_sub(work.chunk.start + base).min(GROUP);
        let valid = if left == GROUP { u64::MAX } else { (1 << left) - 1 };
        let (mut mask, mut least) = (valid, f32::INFINITY);
        if !pass.first {
            let (labels, expiry) = (&work.chunk.labels[base..base + GROUP], &work.chunk.expiry[base..base + GROUP]);
            // SAFETY: the caller has the instructions.
            (mask, least) = unsafe { K::expired(labels, expiry, pass.moved_up) };
            mask &= valid;
        }
        work.chunk.groups[group] = work.until(least);
        for pair in 0..GROUP / PAIR {
            let lanes = (mask >> (pair * PAIR)) as u32 & 0xffff;
            if lanes.count_ones() >= DENSE || pass.first && lanes != 0 {
                mask &= !(0xffff << (pair * PAIR));
                let at = base + pair * PAIR;
                K::fetch(work.blocks_of(at, PAIR));
                work.pairs[work.waiting_pairs] = at;
                work.waiting_pairs += 1;
                if work.waiting_pairs == PAIRS {
                    // SAFETY: the caller has the instructions.
                    unsafe { work.flush_pairs::<K>() };
                }
            }
        }
        while mask != 0 {
            let at = base + mask.trailing_zeros() as usize;
            mask &= mask - 1;
            K::fetch(work.blocks_of(at / LANES * LANES, LANES));
            work.queue.waiting[work.queue.len] = at;
            work.queue.len += 1;
            if work.queue.len == PAIR {
                // SAFETY: the caller has the instructions.
                unsafe { work.flush::<K>() };
            }
        }
    }
    // SAFETY: the caller has the instructions.
    unsafe { work.flush_pairs::<K>() };
    if work.queue.len > 0 {
        // SAFETY: the caller has the instructions.
        unsafe { work.flush::<K>() };
    }
    work.delta
}

/// Adds `weight` times a row. Eight products come before their sums, so that the compiler sees that neither depends on the
/// other and takes eight at once.
#[inline(always)]
fn add(sums: &mut [f64], row: &[f32], weight: f64) {
    let (mut sums, mut row) = (sums.chunks_exact_mut(LANES), row.chunks_exact(LANES));
    for (sums, row) in (&mut sums).zip(&mut row) {
        let products: [f64; LANES] = std::array::from_fn(|lane| f64::from(row[lane]) * weight);
        for lane in 0..LANES {
            sums[lane] += products[lane];
        }
    }
    for (sum, value) in sums.into_remainder().iter_mut().zip(row.remainder()) {
        *sum += f64::from(*value) * weight;
    }
}

impl<const WIDTH: usize> Work<'_, '_, WIDTH> {
    #[inline(always)]
    fn width(&self) -> usize {
        if WIDTH == 0 { self.pass.filter.width } else { WIDTH }
    }

    /// The movement at which a margin is used up from now on, rounded down.
    #[inline(always)]
    fn until(&self, margin: f32) -> f32 {
        self.pass.most_down + margin * (1.0 - f32::EPSILON)
    }

    /// The blocks of some customers of the chunk.
    #[inline(always)]
    fn blocks_of(&self, at: usize, customers: usize) -> &[f32] {
        &self.pass.blocks[(self.chunk.start + at) * self.width()..][..customers * self.width()]
    }

    /// Evaluates the waiting pairs of blocks.
    ///
    /// # Safety
    /// The processor must have the instructions of `K`.
    #[inline(always)]
    unsafe fn flush_pairs<K: Kernel>(&mut self) {
        for number in 0..std::mem::take(&mut self.waiting_pairs) {
            // SAFETY: the caller has the instructions.
            unsafe { self.in_place::<K>(self.pairs[number]) };
        }
    }

    /// Evaluates sixteen customers that lie together.
    ///
    /// # Safety
    /// The processor must have the instructions of `K`.
    #[inline(always)]
    unsafe fn in_place<K: Kernel>(&mut self, at: usize) {
        let width = self.width();
        let left = self.pass.customers.saturating_sub(self.chunk.start + at).min(PAIR);
        let valid = (1_u32 << left) - 1;
        let blocks = &self.pass.blocks[(self.chunk.start + at) * width..][..PAIR * width];
        // SAFETY: the caller has the instructions.
        unsafe { K::evaluate::<WIDTH, true>(self.pass.filter, blocks, &mut self.verdict) };
        let mut doubtful = self.verdict.doubtful & valid;
        while doubtful != 0 {
            let lane = doubtful.trailing_zeros() as usize;
            doubtful &= doubtful - 1;
            self.verdict.label[lane] = self.pass.define(self.chunk.start + at + lane);
            self.verdict.margin[lane] = -1.0;
        }
        self.delta.evaluated += PAIR;
        let labels = &mut self.chunk.labels[at..at + PAIR];
        let expiry = &mut self.chunk.expiry[at..at + PAIR];
        // SAFETY: the caller has the instructions.
        let (changed, least) = unsafe { K::settle(&self.verdict, labels, expiry, self.pass.moved_down) };
        if self.pass.first {
            labels.copy_from_slice(&self.verdict.label);
            if self.pass.with_sums {
                // Customer by customer, so that the sums below are taken over neighbours.
                for (half, block) in blocks.chunks_exact(LANES * width).enumerate() {
                    for (feature, column) in block.chunks_exact(LANES).enumerate() {
                        for (lane, value) in column.iter().enumerate() {
                            self.rows[(half * LANES + lane) * width + feature] = *value;
                        }
                    }
                }
            }
            for lane in 0..left {
                let label = usize::from(self.verdict.label[lane]);
                let weight = self.pass.weights.map_or(1.0, |w| w[self.chunk.start + at + lane]);
                self.delta.sizes[label] += weight;
                if self.pass.with_sums {
                    add(&mut self.delta.sums[label * width..][..width], &self.rows[lane * width..][..width], weight);
                }
            }
            self.delta.changed += valid.count_ones() as usize;
        } else {
            let mut changed = changed & valid;
            while changed != 0 {
                let lane = changed.trailing_zeros() as usize;
                changed &= changed - 1;
                let new = self.verdict.label[lane];
                let old = std::mem::replace(&mut self.chunk.labels[at + lane], new);
                self.change(at + lane, old, new);
            }
        }
        self.earlier(at / GROUP, least);
    }

    /// A margin of a customer in a group.
    #[inline(always)]
    fn earlier(&mut self, group: usize, margin: f32) {
        let until = self.until(margin);
        let group = &mut self.chunk.groups[group];
        *group = if until < *group { until } else { *group };
    }

    /// Evaluates the waiting customers.
    ///
    /// # Safety
    /// The processor must have the instructions of `K`.
    #[inline(always)]
    unsafe fn flush<K: Kernel>(&mut self) {
        let width = self.width();
        let len = std::mem::take(&mut self.queue.len);
        for slot in 0..len {
            let customer = self.chunk.start + self.queue.waiting[slot];
            let from = &self.pass.blocks[customer / LANES * LANES * width..][..LANES * width];
            let to = &mut self.queue.blocks[slot / LANES * LANES * width..][..LANES * width];
            for feature in 0..width {
                to[feature * LANES + slot % LANES] = from[feature * LANES + customer % LANES];
            }
        }
        // SAFETY: the caller has the instructions.
        unsafe { K::evaluate::<WIDTH, true>(self.pass.filter, &self.queue.blocks, &mut self.verdict) };
        self.delta.evaluated += len;
        for slot in 0..len {
            let at = self.queue.waiting[slot];
            let (mut new, mut margin) = (self.verdict.label[slot], self.verdict.margin[slot]);
            if self.verdict.doubtful >> slot & 1 == 1 {
                new = self.pass.define(self.chunk.start + at);
                margin = -1.0;
            }
            self.chunk.expiry[at] = self.pass.moved_down[usize::from(new)] + margin;
            self.earlier(at / GROUP, margin);
            let old = std::mem::replace(&mut self.chunk.labels[at], new);
            if old != new {
                self.change(at, old, new);
            }
        }
    }

    /// Moves a customer from one cluster's sums to another's.
    #[inline(always)]
    fn change(&mut self, at: usize, old: u16, new: u16) {
        let width = self.width();
        let customer = self.chunk.start + at;
        let (old, new) = (usize::from(old), usize::from(new));
        let weight = self.pass.weights.map_or(1.0, |w| w[customer]);
        self.delta.changed += 1;
        self.delta.sizes[old] -= weight;
        self.delta.sizes[new] += weight;
        if self.pass.with_sums {
            let column = &self.pass.blocks[customer / LANES * LANES * width + customer % LANES..];
            for feature in 0..width {
                let value = f64::from(column[feature * LANES]) * weight;
                self.delta.sums[old * width + feature] -= value;
                self.delta.sums[new * width + feature] += value;
            }
        }
    }
}
