//! Weighted Gaussian densities of many customers, and the sums of one expectation step.
//!
//! Customers stand in blocks of 64 and, inside a block, in groups of 8 with their features side by side, so that one
//! vector instruction serves several customers. Every customer's numbers come from the same operations in the same
//! order wherever it stands, so a label does not depend on its neighbours.
//!
//! There is one source of the arithmetic, compiled twice: for any CPU, and for AVX2 with FMA. It multiplies and adds by
//! [`f64::mul_add`] only, which rounds once whether an instruction or a library computes it, and takes exponentials and
//! logarithms from its own polynomials; so both give the same bits. (Without FMA instructions the library is slow.)

mod lanes;
mod score;

pub(in crate::cluster) use score::{Scores, score};

use lanes::{LANES, Lanes, exp, ln, ln_lanes};
use rayon::prelude::*;

/// Groups in a block.
const GROUPS: usize = 8;
/// Customers in a block: what a block needs stays in the first-level cache.
pub(in crate::cluster) const BLOCK: usize = LANES * GROUPS;
/// Features handled together; features are padded with zeros to a multiple.
const TILE: usize = 4;
/// Blocks per partial sum. Fixed, so that sums are the same at any number of threads.
const CHUNK: usize = 128;

/// Rows in blocks, padded with rows of weight 0 and features of value 0.
pub(in crate::cluster) struct Blocks {
    values: Vec<f64>,
    weights: Vec<f64>,
}

/// `width` rounded up to whole tiles.
fn padded(width: usize) -> usize {
    width.div_ceil(TILE) * TILE
}

/// Where the values of one row stand inside its block: the first of them, and the step from feature to feature is
/// [`LANES`].
fn place(row: usize, padded: usize) -> usize {
    row / LANES * LANES * padded + row % LANES
}

impl Blocks {
    /// Blocks of the rows of `x` (`width` values each, C order), less `centre`, with one weight per row.
    pub(in crate::cluster) fn new(x: &[f64], width: usize, centre: &[f64], weights: &[f64]) -> Self {
        let padded = padded(width);
        let rows = weights.len();
        let blocks = rows.div_ceil(BLOCK);
        let mut values = vec![0.0; blocks * BLOCK * padded];
        values.par_chunks_mut(BLOCK * padded).zip(x.par_chunks(BLOCK * width)).for_each(|(block, x)| {
            fill(block, x, width, padded, centre);
        });
        let mut padded_weights = weights.to_vec();
        padded_weights.resize(blocks * BLOCK, 0.0);
        Self { values, weights: padded_weights }
    }
}

/// Puts up to [`BLOCK`] rows of `x`, less `centre`, into a block; what lies beyond them stays as it is.
#[inline(always)]
fn fill(block: &mut [f64], x: &[f64], width: usize, padded: usize, centre: &[f64]) {
    for (row, x) in x.chunks_exact(width).enumerate() {
        let at = place(row, padded);
        for ((feature, x), centre) in x.iter().enumerate().zip(centre) {
            block[at + feature * LANES] = x - centre;
        }
    }
}

/// The components of a mixture as the kernel reads them.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cluster) struct Components {
    /// Per component, tile by tile: for every feature up to the tile's last one the `TILE` factors of that feature.
    factors: Vec<f64>,
    /// Per component, padded: the factor times the mean (less the centre).
    shifts: Vec<f64>,
    /// Per component, padded: the mean (less the centre).
    means: Vec<f64>,
    /// Per component: the logarithm of its weighted density at its mean.
    peaks: Vec<f64>,
    width: usize,
    padded: usize,
}

/// Number of packed factors of one component.
fn packed(padded: usize) -> usize {
    let tiles = padded / TILE;
    TILE * TILE * tiles * (tiles + 1) / 2
}

impl Components {
    /// From `k` means less the centre (`k` × `width`), `k` weights that add up to 1, and `k` lower triangles by rows (`width * (width
    /// + 1) / 2` values each): the inverse of the Cholesky factor of each covariance.
    pub(in crate::cluster) fn new(means: &[f64], weights: &[f64], triangles: &[f64], width: usize) -> Self {
        let padded_width = padded(width);
        let packed = packed(padded_width);
        let k = weights.len();
        let mut components = Self {
            factors: vec![0.0; k * packed],
            shifts: vec![0.0; k * padded_width],
            means: vec![0.0; k * padded_width],
            peaks: vec![0.0; k],
            width,
            padded: padded_width,
        };
        let half_ln_tau = 0.5 * ln(std::f64::consts::TAU);
        for component in 0..k {
            let triangle = &triangles[component * triangle_len(width)..][..triangle_len(width)];
            let factors = &mut components.factors[component * packed..][..packed];
            let mean = &means[component * width..][..width];
            components.means[component * padded_width..][..width].copy_from_slice(mean);
            let mut peak = ln(weights[component]);
            for i in 0..width {
                let row = &triangle[triangle_len(i)..][..=i];
                let tile = i / TILE;
                let start = TILE * TILE * tile * (tile + 1) / 2;
                for (j, factor) in row.iter().enumerate() {
                    factors[start + j * TILE + i % TILE] = *factor;
                }
                components.shifts[component * padded_width + i] =
                    row.iter().zip(mean).fold(0.0, |sum, (factor, mean)| factor.mul_add(*mean, sum));
                peak += ln(row[i]) - half_ln_tau;
            }
            components.peaks[component] = peak;
        }
        components
    }

    /// The logarithm of the weighted density of every component at its own mean.
    pub(in crate::cluster) fn peaks(&self) -> &[f64] {
        &self.peaks
    }
}

/// Number of values in the lower triangle of a `width` × `width` matrix.
pub(in crate::cluster) fn triangle_len(width: usize) -> usize {
    width * (width + 1) / 2
}

/// What one expectation step adds up. Every row counts as often as its weight says.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::cluster) struct Sums {
    /// Logarithm of the density of all rows.
    pub(in crate::cluster) log_likelihood: f64,
    /// Entropy of the shares of all rows, in nats.
    pub(in crate::cluster) entropy: f64,
    /// Per component, the sum of shares.
    pub(in crate::cluster) shares: Vec<f64>,
    /// Per component × feature, the sum of share times deviation from the component's mean.
    pub(in crate::cluster) first: Vec<f64>,
    /// Per component, lower triangle by rows (or only its diagonal), of share times deviation times deviation.
    pub(in crate::cluster) second: Vec<f64>,
}

/// Which second moments are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cluster) enum Moments {
    /// None and no first ones: only the likelihood and the entropy.
    None,
    /// Of every feature with itself.
    Diagonal,
    /// Of every pair of features.
    Full,
}

/// What the passes over the data are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Isa {
    Any,
    #[cfg(target_arch = "x86_64")]
    Avx2Fma,
}

impl Isa {
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return Isa::Avx2Fma;
        }
        Isa::Any
    }
}

/// Vector accumulators of one chunk.
struct Chunk {
    log_likelihood: Lanes,
    entropy: Lanes,
    /// Per component: share, then first moments (padded), then second moments, each with one value per lane of a half
    /// group.
    moments: Vec<[f64; HALF]>,
}

/// Half a group: what the second moments are summed in, so that a tile of sums fits in the registers.
const HALF: usize = 4;

/// Memory for one block, used again for the next.
struct Scratch {
    /// Per component × customer: log densities, then shares.
    shares: Vec<f64>,
    /// As the block: deviations from a component's mean, times the share.
    shared: Vec<f64>,
}

/// Sums over all `blocks` given the `components`.
pub(in crate::cluster) fn expectation(blocks: &Blocks, components: &Components, moments: Moments) -> Sums {
    expectation_on(Isa::best(), blocks, components, moments)
}

fn expectation_on(isa: Isa, blocks: &Blocks, components: &Components, moments: Moments) -> Sums {
    let k = components.peaks.len();
    let (width, padded) = (components.width, components.padded);
    let pairs = match moments {
        Moments::None => 0,
        Moments::Diagonal => padded,
        Moments::Full => triangle_len(padded),
    };
    let per_component = if moments == Moments::None { 0 } else { 1 + padded + pairs };
    let chunks: Vec<Vec<f64>> = blocks
        .values
        .par_chunks(CHUNK * BLOCK * padded)
        .zip(blocks.weights.par_chunks(CHUNK * BLOCK))
        .map(|(values, weights)| {
            let mut chunk = Chunk {
                log_likelihood: Lanes::ZERO,
                entropy: Lanes::ZERO,
                moments: vec![[0.0; HALF]; k * per_component],
            };
            match isa {
                Isa::Any => chunk_of_blocks(values, weights, components, moments, &mut chunk),
                // SAFETY: this variant is made only where the CPU was asked and has both features.
                #[cfg(target_arch = "x86_64")]
                Isa::Avx2Fma => unsafe { chunk_avx2_fma(values, weights, components, moments, &mut chunk) },
            }
            let lanes = |lanes: &[f64]| lanes.iter().fold(0.0, |sum, v| sum + v);
            let mut sums = vec![lanes(&chunk.log_likelihood.0), lanes(&chunk.entropy.0)];
            sums.extend(chunk.moments.iter().map(|moment| lanes(moment)));
            sums
        })
        .collect();
    let mut total = vec![0.0; 2 + k * per_component];
    for chunk in &chunks {
        total.iter_mut().zip(chunk).for_each(|(total, sum)| *total += sum);
    }
    let mut sums = Sums { log_likelihood: total[0], entropy: total[1], shares: vec![], first: vec![], second: vec![] };
    if per_component > 0 {
        for (component, moment) in total[2..].chunks_exact(per_component).enumerate() {
            sums.shares.push(moment[0]);
            sums.first.extend(&moment[1..][..width]);
            let wanted = if moments == Moments::Full { triangle_len(width) } else { width };
            sums.second.extend(&moment[1 + padded..][..wanted]);
            // The chunks add share * deviation * value; the mean's part of the value is taken off here.
            let mean = &components.means[component * padded..][..width];
            let first = &sums.first[component * width..][..width];
            let mut second = sums.second[component * wanted..].iter_mut();
            for (i, mean) in mean.iter().enumerate() {
                let columns = if moments == Moments::Full { &first[..=i] } else { &first[i..=i] };
                columns.iter().zip(&mut second).for_each(|(first, second)| *second -= mean * first);
            }
        }
    }
    sums
}

/// The same pass, compiled for AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn chunk_avx2_fma(values: &[f64], weights: &[f64], components: &Components, moments: Moments, chunk: &mut Chunk) {
    chunk_of_blocks(values, weights, components, moments, chunk);
}

#[inline(always)]
fn chunk_of_blocks(values: &[f64], weights: &[f64], components: &Components, moments: Moments, chunk: &mut Chunk) {
    let (k, padded) = (components.peaks.len(), components.padded);
    let mut scratch = Scratch { shares: vec![0.0; k * BLOCK], shared: vec![0.0; padded * BLOCK] };
    let per_component = chunk.moments.len() / k;
    for (values, weights) in values.chunks_exact(BLOCK * padded).zip(weights.chunks_exact(BLOCK)) {
        densities(values, components, &mut scratch.shares);
        shares(weights, &mut scratch.shares, chunk);
        if moments == Moments::None {
            continue;
        }
        for (component, sums) in chunk.moments.chunks_exact_mut(per_component).enumerate() {
            let Scratch { shares, shared } = &mut scratch;
            let shares = &shares[component * BLOCK..][..BLOCK];
            if shares.iter().all(|&share| share == 0.0) {
                continue;
            }
            let mean = &components.means[component * padded..][..padded];
            let (share_sum, sums) = sums.split_at_mut(1);
            let (first, second) = sums.split_at_mut(padded);
            deviate(values, mean, shares, shared, &mut share_sum[0], first);
            if moments == Moments::Full {
                products(values, shared, padded, second);
            } else {
                squares(values, shared, second);
            }
        }
    }
}

/// The logarithm of the weighted density of every component (rows of `out`) at every customer of the block.
#[inline(always)]
fn densities(values: &[f64], components: &Components, out: &mut [f64]) {
    let padded = components.padded;
    let packed = packed(padded);
    for (component, out) in out.chunks_exact_mut(BLOCK).enumerate() {
        let factors = &components.factors[component * packed..][..packed];
        let shifts = &components.shifts[component * padded..][..padded];
        let peak = components.peaks[component];
        for (group, out) in values.chunks_exact(LANES * padded).zip(out.chunks_exact_mut(LANES)) {
            let mut square = Lanes::ZERO;
            let mut factors = factors;
            for (tile, shifts) in shifts.chunks_exact(TILE).enumerate() {
                let (now, rest) = factors.split_at((tile + 1) * TILE * TILE);
                factors = rest;
                let mut sums: [Lanes; TILE] = std::array::from_fn(|i| Lanes::splat(-shifts[i]));
                let (before, diagonal) = now.split_at(tile * TILE * TILE);
                let (features, own) = group[..(tile + 1) * TILE * LANES].split_at(tile * TILE * LANES);
                for (factors, feature) in before.chunks_exact(TILE).zip(features.chunks_exact(LANES)) {
                    let value = Lanes::load(feature);
                    for i in 0..TILE {
                        sums[i] = value.fma(Lanes::splat(factors[i]), sums[i]);
                    }
                }
                for j in 0..TILE {
                    let value = Lanes::load(&own[j * LANES..]);
                    for i in j..TILE {
                        sums[i] = value.fma(Lanes::splat(diagonal[j * TILE + i]), sums[i]);
                    }
                }
                for sum in sums {
                    square = sum.fma(sum, square);
                }
            }
            square.fma(Lanes::splat(-0.5), Lanes::splat(peak)).store(out);
        }
    }
}

/// Turns log densities into shares times weight; adds likelihood and entropy.
#[inline(always)]
fn shares(weights: &[f64], shares: &mut [f64], chunk: &mut Chunk) {
    for group in 0..GROUPS {
        let at = group * LANES;
        let mut largest = Lanes::splat(f64::NEG_INFINITY);
        for component in shares.chunks_exact(BLOCK) {
            largest = largest.max(Lanes::load(&component[at..]));
        }
        let (mut sum, mut spread) = (Lanes::ZERO, Lanes::ZERO);
        for component in shares.chunks_exact_mut(BLOCK) {
            let below = Lanes::load(&component[at..]).map2(largest, |v, largest| v - largest);
            let share = exp(below);
            sum = sum.map2(share, |a, b| a + b);
            // A component out of reach may lie infinitely far below.
            spread = below.map2(share, |v, share| if share > 0.0 { v } else { 0.0 }).fma(share, spread);
            share.store(&mut component[at..]);
        }
        let weight = Lanes::load(&weights[at..]);
        let scale = weight.map2(sum, |weight, sum| weight / sum);
        for component in shares.chunks_exact_mut(BLOCK) {
            let share = Lanes::load(&component[at..]).map2(scale, |a, b| a * b);
            share.store(&mut component[at..]);
        }
        let logarithm = ln_lanes(sum);
        let density = largest.map2(logarithm, |a, b| a + b);
        chunk.log_likelihood = weight.fma(density, chunk.log_likelihood);
        chunk.entropy = weight.fma(logarithm, chunk.entropy);
        chunk.entropy = spread.fma(scale.map(|v| -v), chunk.entropy);
    }
}

/// Deviations from the mean times the share, with the sums of these and of shares.
#[inline(always)]
fn deviate(
    values: &[f64],
    mean: &[f64],
    shares: &[f64],
    shared: &mut [f64],
    share_sum: &mut [f64; HALF],
    first: &mut [[f64; HALF]],
) {
    let padded = mean.len();
    let fold = |sum: &mut [f64; HALF], lanes: Lanes| {
        for half in lanes.0.chunks_exact(HALF) {
            sum.iter_mut().zip(half).for_each(|(sum, v)| *sum += v);
        }
    };
    for share in shares.chunks_exact(LANES) {
        fold(share_sum, Lanes::load(share));
    }
    for (feature, (mean, first)) in mean.iter().zip(first).enumerate() {
        let mean = Lanes::splat(*mean);
        let mut sum = *first;
        for (group, share) in shares.chunks_exact(LANES).enumerate() {
            let at = (group * padded + feature) * LANES;
            let deviation = Lanes::load(&values[at..]).map2(mean, |v, mean| v - mean);
            let product = deviation.map2(Lanes::load(share), |v, share| v * share);
            product.store(&mut shared[at..]);
            fold(&mut sum, product);
        }
        *first = sum;
    }
}

/// Adds the products of values and shared deviations for every pair of features, lower triangle by rows.
#[inline(always)]
fn products(values: &[f64], shared: &[f64], padded: usize, sums: &mut [[f64; HALF]]) {
    for tile in (0..padded).step_by(TILE) {
        for other in (0..tile).step_by(2) {
            let mut tile_sums = [[[0.0; HALF]; 2]; TILE];
            for i in 0..TILE {
                for j in 0..2 {
                    tile_sums[i][j] = sums[triangle_len(tile + i) + other + j];
                }
            }
            for (values, shared) in values.chunks_exact(LANES * padded).zip(shared.chunks_exact(LANES * padded)) {
                let rows = &values[tile * LANES..][..TILE * LANES];
                let columns = &shared[other * LANES..][..2 * LANES];
                for half in [0, HALF] {
                    for j in 0..2 {
                        for i in 0..TILE {
                            let (row, column) =
                                (&rows[i * LANES + half..][..HALF], &columns[j * LANES + half..][..HALF]);
                            add_products(&mut tile_sums[i][j], row, column);
                        }
                    }
                }
            }
            for i in 0..TILE {
                for j in 0..2 {
                    sums[triangle_len(tile + i) + other + j] = tile_sums[i][j];
                }
            }
        }
        let mut tile_sums = [[[0.0; HALF]; TILE]; TILE];
        for i in 0..TILE {
            for j in 0..=i {
                tile_sums[i][j] = sums[triangle_len(tile + i) + tile + j];
            }
        }
        for (values, shared) in values.chunks_exact(LANES * padded).zip(shared.chunks_exact(LANES * padded)) {
            let rows = &values[tile * LANES..][..TILE * LANES];
            let columns = &shared[tile * LANES..][..TILE * LANES];
            for half in [0, HALF] {
                for i in 0..TILE {
                    for j in 0..=i {
                        let (row, column) = (&rows[i * LANES + half..][..HALF], &columns[j * LANES + half..][..HALF]);
                        add_products(&mut tile_sums[i][j], row, column);
                    }
                }
            }
        }
        for i in 0..TILE {
            for j in 0..=i {
                sums[triangle_len(tile + i) + tile + j] = tile_sums[i][j];
            }
        }
    }
}

#[inline(always)]
fn add_products(sums: &mut [f64; HALF], a: &[f64], b: &[f64]) {
    for lane in 0..HALF {
        sums[lane] = a[lane].mul_add(b[lane], sums[lane]);
    }
}

/// Adds the products of values and shared deviations feature by feature.
#[inline(always)]
fn squares(values: &[f64], shared: &[f64], sums: &mut [[f64; HALF]]) {
    let width = sums.len() * LANES;
    for (values, shared) in values.chunks_exact(width).zip(shared.chunks_exact(width)) {
        let features = values.chunks_exact(LANES).zip(shared.chunks_exact(LANES));
        for ((values, shared), sum) in features.zip(&mut *sums) {
            for (values, shared) in values.chunks_exact(HALF).zip(shared.chunks_exact(HALF)) {
                add_products(sum, values, shared);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::score::score_on;
    use super::*;
    use rand::Rng;

    fn random(seed: u64, count: usize, range: std::ops::Range<f64>) -> Vec<f64> {
        let mut rng = crate::cluster::stream(seed, 0);
        (0..count).map(|_| rng.gen_range(range.clone())).collect()
    }

    /// `k` components of `width` features with random means and factors.
    fn mixture(seed: u64, k: usize, width: usize) -> Components {
        let mut triangles = random(seed, k * triangle_len(width), -0.5..0.5);
        for triangle in triangles.chunks_exact_mut(triangle_len(width)) {
            (0..width).for_each(|i| triangle[triangle_len(i) + i] = 0.5 + triangle[triangle_len(i) + i].abs());
        }
        let mut weights = random(seed + 1, k, 0.1..1.0);
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        Components::new(&random(seed + 2, k * width, -2.0..2.0), &weights, &triangles, width)
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        for width in [1, 2, 3, 4, 5, 8, 9, 17] {
            for (k, rows) in [(1, 1), (3, 63), (2, 64), (5, 65), (4, 200)] {
                let seed = (width * 100 + rows) as u64;
                let mut x = random(seed, rows * width, -4.0..4.0);
                // Denormal, zero, huge.
                for (at, v) in [(0, 5e-324), (1, -0.0), (2, 1e90)] {
                    if at < x.len() {
                        x[at] = v;
                    }
                }
                let weights = random(seed + 1, rows, 0.1..3.0);
                let blocks = Blocks::new(&x, width, &vec![0.25; width], &weights);
                let components = mixture(seed + 2, k, width);
                for moments in [Moments::None, Moments::Diagonal, Moments::Full] {
                    let any = expectation_on(Isa::Any, &blocks, &components, moments);
                    assert_eq!(any, expectation_on(Isa::best(), &blocks, &components, moments));
                }
                let sizes = if k == 1 { vec![1] } else { vec![1, k - 1] };
                let scores = |isa: Isa| {
                    let each = |_: &[f64], row: usize, s: &Scores| (s.logs(row).collect(), s.shares(row).collect());
                    let found: Vec<(Vec<f64>, Vec<f64>)> =
                        score_on(isa, &x, &vec![0.0; width], &components, &sizes, each);
                    found
                };
                let bits = |found: Vec<(Vec<f64>, Vec<f64>)>| -> Vec<u64> {
                    found.into_iter().flat_map(|(a, b)| a.into_iter().chain(b)).map(f64::to_bits).collect()
                };
                assert_eq!(bits(scores(Isa::Any)), bits(scores(Isa::best())), "width {width}, k {k}, rows {rows}");
            }
        }
    }

    #[test]
    fn sums_are_those_of_the_textbook() {
        let (k, width, rows) = (3, 6, 150);
        let x = random(5, rows * width, -3.0..3.0);
        let weights = random(6, rows, 0.5..2.0);
        let means = random(9, k * width, -2.0..2.0);
        let components = mixture(7, k, width);
        assert_eq!(components.means[..width], means[..width], "mixture draws these means");
        let sums = expectation(&Blocks::new(&x, width, &vec![0.0; width], &weights), &components, Moments::Full);
        let mut expected = Sums {
            log_likelihood: 0.0,
            entropy: 0.0,
            shares: vec![0.0; k],
            first: vec![0.0; k * width],
            second: vec![0.0; k * triangle_len(width)],
        };
        let each = |_: &[f64], row: usize, s: &Scores| s.logs(row).collect::<Vec<f64>>();
        let logs = score(&x, &vec![0.0; width], &components, &[1; 3], each);
        for (row, (logs, weight)) in logs.iter().zip(&weights).enumerate() {
            let density: f64 = logs.iter().map(|log| log.exp()).sum();
            expected.log_likelihood += weight * density.ln();
            for (c, log) in logs.iter().enumerate() {
                let share = log.exp() / density;
                expected.entropy -= weight * share * share.ln();
                expected.shares[c] += weight * share;
                let from_mean = |i: usize| x[row * width + i] - means[c * width + i];
                for i in 0..width {
                    expected.first[c * width + i] += weight * share * from_mean(i);
                    for j in 0..=i {
                        let second = &mut expected.second[c * triangle_len(width) + triangle_len(i) + j];
                        *second += weight * share * from_mean(i) * from_mean(j);
                    }
                }
            }
        }
        let flat = |sums: &Sums| -> Vec<f64> {
            let moments = [&sums.shares, &sums.first, &sums.second].into_iter().flatten().copied();
            [sums.log_likelihood, sums.entropy].into_iter().chain(moments).collect()
        };
        for (found, expected) in flat(&sums).iter().zip(flat(&expected)) {
            assert!((found - expected).abs() < 1e-10 * expected.abs().max(1.0), "{found} {expected}");
        }
        // Diagonal sums are the diagonal of the full ones.
        let diagonal =
            expectation(&Blocks::new(&x, width, &vec![0.0; width], &weights), &components, Moments::Diagonal);
        assert_eq!(diagonal.second[2 * width + 4], sums.second[2 * triangle_len(width) + triangle_len(4) + 4]);
    }
}
