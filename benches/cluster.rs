//! One workload of the clustering benchmarks in one process; `benches/peers/run.py` sets it beside other libraries.
//!
//! `cargo bench --bench cluster -- WORKLOAD KEY=VALUE…` loads the rows (raw little-endian `f32`, C order, `file=PATH
//! width=D`, or `made=N` for generated ones), runs the workload `repeats=N` times (1) and prints a line of JSON per run; with `repeats=serve` it runs once per line of standard
//! input. Workloads:
//!
//! * `lloyd` (`clusters`, `start=PATH` of raw `f64` centroids, `iterations`): Lloyd iterations from a start;
//! * `fit` (`clusters`, `starts`): k-means to a fixed point;
//! * `predict` (`clusters`): labels of all rows by fitted centroids;
//! * `mixture` (`components`, `start=PATH` of raw `u32` labels, `iterations`): one iteration of EM;
//! * `sweep` (`from`, `to`, `sample`): a fit for every number of clusters with its indices, the silhouette on a sample;
//! * `linfa` (as `lloyd`): the same iterations by linfa-clustering;
//! * `machine`: what the memory and the arithmetic units give, the limits of the others.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod arguments;

use arguments::Arguments;
use ilk::cluster::kmeans::{Fitted, iterate};
use ilk::cluster::{Algorithm, GaussianMixture, KMeans, Packed, Prototypes};
use ilk::evidence::select::{Candidate, SelectK, sweep_k};
use ndarray::{Array2, ArrayView2};
use serde_json::{Value, json};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

trait Rows {
    fn narrow_rows(&self) -> Array2<f32>;
    fn rows(&self) -> Array2<f64>;
    fn start(&self, width: usize) -> Array2<f64>;
}

impl Rows for Arguments {
    /// The rows as single numbers.
    fn narrow_rows(&self) -> Array2<f32> {
        let width: usize = self.get("width", 8);
        let bytes = self.bytes("file");
        let values: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Array2::from_shape_vec((values.len() / width, width), values).unwrap()
    }

    /// The rows of the file, or `made` rows in twelve overlapping groups.
    fn rows(&self) -> Array2<f64> {
        let (made, width): (usize, usize) = (self.get("made", 0), self.get("width", 8));
        if made == 0 {
            return self.narrow_rows().mapv(f64::from);
        }
        use rayon::prelude::*;
        // A finaliser of 64 bits (Steele, Lea & Flood 2014) on the place of a value: any thread can make any row.
        let mix = |v: u64| {
            let v = (v ^ (v >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let v = (v ^ (v >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            v ^ (v >> 31)
        };
        let unit = |v: u64| (mix(v.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 11) as f64 * 2.0_f64.powi(-53);
        let mut x = Array2::zeros((made, width));
        let values: &mut [f64] = x.as_slice_mut().unwrap();
        values.par_chunks_exact_mut(width).enumerate().for_each(|(row, values)| {
            let group = mix(row as u64) % 12;
            for (feature, value) in values.iter_mut().enumerate() {
                let centre = unit(group * 1000 + feature as u64 + (1 << 60)) * 5.0 - 2.5;
                let at = ((row * width + feature) * 3) as u64;
                let noise = unit(at) + unit(at + 1) + unit(at + 2) - 1.5;
                *value = ((centre + 2.0 * noise) * 65536.0).floor() / 65536.0;
            }
        });
        x
    }

    fn start(&self, width: usize) -> Array2<f64> {
        let bytes = self.bytes("start");
        let values: Vec<f64> = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        Array2::from_shape_vec((values.len() / width, width), values).unwrap()
    }
}

fn main() {
    let Some((workload, arguments)) = Arguments::read("cluster -- fit file=ROWS width=8 clusters=8") else { return };
    rayon::ThreadPoolBuilder::new().num_threads(arguments.get("threads", 2)).build_global().unwrap();
    PROCESSOR_TIME.set(arguments.get("clock", String::new()) == "cpu").unwrap();
    let mut run: Box<dyn FnMut() -> Value> = match workload.as_str() {
        "lloyd" => lloyd(&arguments),
        "linfa" => linfa(&arguments),
        "fit" => fit(&arguments),
        "predict" => predict(&arguments),
        "sweep" => sweep(&arguments),
        "mixture" => mixture(&arguments),
        "machine" => Box::new(machine),
        other => panic!("no workload {other}"),
    };
    arguments.repeat(&mut run);
}

/// With `clock=cpu` the processor time of all threads, which other processes disturb less.
static PROCESSOR_TIME: std::sync::OnceLock<bool> = std::sync::OnceLock::new();

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let (start, before) = (Instant::now(), processor_seconds());
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    (result, if PROCESSOR_TIME.get() == Some(&true) { processor_seconds() - before } else { seconds })
}

/// Processor time of all threads so far, from the kernel.
fn processor_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() * 1e-9
}

/// FNV-1a over the labels, to compare runs.
fn checksum(labels: impl Iterator<Item = u64>) -> String {
    format!("{:016x}", labels.fold(0xcbf2_9ce4_8422_2325, |hash: u64, l| (hash ^ l).wrapping_mul(0x0100_0000_01b3)))
}

fn lloyd(arguments: &Arguments) -> Box<dyn FnMut() -> Value> {
    let x = arguments.rows();
    let start = arguments.start(x.ncols());
    let iterations = arguments.get("iterations", 20);
    let save: String = arguments.get("save", String::new());
    Box::new(move || {
        let (packed, packing) = timed(|| Packed::new(x.view().into()).unwrap());
        let (found, seconds) = timed(|| iterate(&packed, start.view(), iterations).unwrap());
        if !save.is_empty() {
            let bytes: Vec<u8> = found.labels.iter().flat_map(|l| l.to_le_bytes()).collect();
            std::fs::write(&save, bytes).unwrap();
        }
        json!({ "seconds": seconds, "packing_seconds": packing, "inertia": found.inertia, "passes": found.passes,
            "iterations": found.iterations, "labels": checksum(found.labels.iter().map(|&l| u64::from(l))) })
    })
}

fn linfa(arguments: &Arguments) -> Box<dyn FnMut() -> Value> {
    use linfa::traits::Fit;
    let x = arguments.rows();
    let start = arguments.start(x.ncols());
    let iterations: u64 = arguments.get("iterations", 20);
    Box::new(move || {
        let rng = <rand_xoshiro::Xoshiro256PlusPlus as rand::SeedableRng>::seed_from_u64(0);
        let dataset = linfa::DatasetBase::from(x.view());
        let params = linfa_clustering::KMeans::params_with(start.nrows(), rng, linfa_nn::distance::L2Dist)
            .init_method(linfa_clustering::KMeansInit::Precomputed(start.clone()))
            .n_runs(1)
            .tolerance(1e-300)
            .max_n_iterations(iterations);
        let (_, seconds) = timed(|| params.fit(&dataset));
        json!({ "seconds": seconds })
    })
}

fn model(arguments: &Arguments) -> KMeans {
    let n_starts = arguments.get("starts", KMeans::default().n_starts);
    KMeans { n_clusters: arguments.get("clusters", 8), n_starts, ..KMeans::default() }
}

fn fit(arguments: &Arguments) -> Box<dyn FnMut() -> Value> {
    let (x, model, seed) = (arguments.rows(), model(arguments), arguments.get("seed", 1));
    Box::new(move || {
        let (packed, packing) = timed(|| Packed::new(x.view().into()).unwrap());
        let (found, fitting) = timed(|| model.fit_packed(&packed, seed).unwrap());
        let bits = found.prototypes.points().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        json!({ "seconds": packing + fitting, "packing_seconds": packing, "inertia": found.inertia,
            "iterations": found.iterations, "converged": found.converged, "centroids": checksum(bits.into_iter()) })
    })
}

fn fitted(x: ArrayView2<f64>, model: &KMeans) -> Fitted {
    model.fit_packed(&Packed::new(x.into()).unwrap(), 1).unwrap()
}

fn predict(arguments: &Arguments) -> Box<dyn FnMut() -> Value> {
    let (narrow, x) = (arguments.narrow_rows(), arguments.rows());
    let (start, save): (String, String) = (arguments.get("start", String::new()), arguments.get("save", String::new()));
    let prototypes = if start.is_empty() {
        fitted(x.view(), &model(arguments)).prototypes
    } else {
        let start = arguments.start(x.ncols());
        let k = start.nrows();
        Prototypes::new(start, (0..k).collect(), None).unwrap()
    };
    Box::new(move || {
        let (_, assigning) = timed(|| prototypes.assign(x.view()));
        let (_, wide) = timed(|| prototypes.labels(x.view()));
        let (labels, seconds) = timed(|| prototypes.labels(narrow.view()));
        if !save.is_empty() {
            let bytes: Vec<u8> = labels.iter().flat_map(|l| l.to_le_bytes()).collect();
            std::fs::write(&save, bytes).unwrap();
        }
        json!({ "seconds": seconds, "f64_seconds": wide, "with_distances_seconds": assigning,
            "labels": checksum(labels.iter().map(|&l| l as u64)) })
    })
}

fn sweep(arguments: &Arguments) -> Box<dyn FnMut() -> Value> {
    let x = arguments.rows();
    let model = model(arguments);
    let select = SelectK {
        k_min: arguments.get("from", 2),
        k_max: arguments.get("to", 20),
        bootstraps: 0,
        silhouette_sample: arguments.get("sample", 10_000),
        ..SelectK::default()
    };
    Box::new(move || {
        let template = |n_clusters| Algorithm::KMeans(KMeans { n_clusters, ..model.clone() });
        let (swept, seconds) = timed(|| sweep_k(x.view().into(), &template, &select, 1, &|_, _| {}).unwrap());
        let of = |value: fn(&Candidate) -> Option<f64>| swept.iter().map(value).collect::<Vec<_>>();
        json!({ "seconds": seconds, "inertias": of(|c| Some(c.inertia)), "silhouettes": of(|c| c.silhouette),
            "davies_bouldin": of(|c| c.davies_bouldin), "calinski_harabasz": of(|c| c.calinski_harabasz) })
    })
}

/// The time of an iteration is what many take more than one, by their number.
fn mixture(arguments: &Arguments) -> Box<dyn FnMut() -> Value> {
    const MORE: usize = 20;
    let (x, components) = (arguments.rows(), arguments.get("components", 8));
    let bytes = arguments.bytes("start");
    let labels: Vec<usize> =
        bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let iterations = arguments.get("iterations", 5);
    Box::new(move || {
        let fit = |max_iter: usize| {
            let model = GaussianMixture { n_components: components, tol: 0.0, max_iter, ..GaussianMixture::default() };
            timed(|| model.fit_from(x.view().into(), &labels).unwrap())
        };
        let log_likelihood = fit(iterations).0.log_likelihood() / x.nrows() as f64;
        let mut seconds: Vec<f64> = (0..3).map(|_| (fit(1 + MORE).1 - fit(1).1) / MORE as f64).collect();
        seconds.sort_by(f64::total_cmp);
        json!({ "seconds": seconds[1], "log_likelihood": log_likelihood })
    })
}

/// Gigabytes a second that two threads read, and billions of `f32` multiply-adds a second that they do.
fn machine() -> Value {
    use rayon::prelude::*;
    let numbers = vec![1_u64; 1 << 26];
    let read = || numbers.par_chunks(1 << 16).map(|c| c.iter().fold(0_u64, |a, b| a ^ b)).reduce(|| 0, |a, b| a ^ b);
    let best = (0..5).map(|_| timed(|| std::hint::black_box(read())).1).fold(f64::INFINITY, f64::min);
    let multiply_adds = (0..3).map(|_| fused()).fold(0.0, f64::max);
    json!({ "seconds": best, "read_gigabytes_per_second": numbers.len() as f64 * 8e-9 / best,
        "billion_fused_per_second": multiply_adds })
}

/// Independent chains of multiplications with addition on all threads.
#[cfg(target_arch = "x86_64")]
fn fused() -> f64 {
    use rayon::prelude::*;
    use std::arch::x86_64::*;
    const ROUNDS: usize = 1 << 24;
    /// Registers: two of them per cycle, with a latency of four or five cycles.
    const CHAINS: usize = 12;
    #[target_feature(enable = "avx2,fma")]
    fn chains(seed: f32) -> f32 {
        let mut sums = [_mm256_set1_ps(seed); CHAINS];
        let (factor, one) = (_mm256_set1_ps(std::hint::black_box(0.5)), _mm256_set1_ps(1.0));
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, factor, one);
            }
        }
        sums.into_iter().map(|sum| _mm256_cvtss_f32(sum)).sum()
    }
    if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
        return 0.0;
    }
    let threads = rayon::current_num_threads();
    #[allow(unsafe_code, reason = "a function with instructions that were asked for above")]
    // SAFETY: the processor has AVX2 and FMA.
    let one = |thread: usize| unsafe { chains(thread as f32) };
    let (sum, seconds) = timed(|| (0..threads).into_par_iter().map(one).sum::<f32>());
    std::hint::black_box(sum);
    (threads * ROUNDS * CHAINS * 8) as f64 * 1e-9 / seconds
}

#[cfg(not(target_arch = "x86_64"))]
fn fused() -> f64 {
    0.0
}
