//! One workload of the evidence benchmarks in one process; `benches/peers/evidence.py` sets it beside other libraries.
//!
//! `cargo bench --bench evidence -- WORKLOAD file=PATH width=D labels=PATH KEY=VALUE…` loads the rows (raw little-endian `f32`,
//! C order) and a label per row (raw `u32`), runs the workload `repeats=N` times (1) and prints a line of JSON per run;
//! with `repeats=serve` it runs once per line of standard input. Workloads:
//!
//! * `silhouette`: of all rows by exact distances;
//! * `sampled` (`sample`, `seed`): of so many rows, with a confidence interval;
//! * `squared`, `simplified`: of all rows from centroids;
//! * `indices`: Davies-Bouldin and Calinski-Harabasz;
//! * `bootstrap` (`bootstraps`, `rows`): how the clusters of the labels come back in resamples, by k-means;
//! * `gap` (`references`, `clusters`, `rows`): the gap statistic;
//! * `agreement`: adjusted Rand and adjusted mutual information of the labels with those of `others=PATH`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod arguments;

use arguments::Arguments;
use ilk::cluster::{Algorithm, KMeans};
use ilk::evidence::gap;
use ilk::evidence::indices::{
    Silhouette, adjusted_mutual_information, adjusted_rand, calinski_harabasz, davies_bouldin, silhouette,
    silhouette_samples, simplified_silhouette_samples, squared_silhouette_samples,
};
use ilk::evidence::null::AxesBox;
use ilk::evidence::stability::{bootstrap, stability_rows};
use ndarray::Array2;
use serde_json::{Value, json};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn rows(arguments: &Arguments) -> Array2<f64> {
    let width: usize = arguments.get("width", 8);
    let bytes = arguments.bytes("file");
    let values: Vec<f64> =
        bytes.chunks_exact(4).map(|b| f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]]))).collect();
    Array2::from_shape_vec((values.len() / width, width), values).unwrap()
}

fn labels(arguments: &Arguments, key: &str) -> Vec<Option<usize>> {
    let label = |b: &[u8]| u32::from_le_bytes([b[0], b[1], b[2], b[3]]);
    arguments.bytes(key).chunks_exact(4).map(label).map(|l| (l < u32::MAX).then_some(l as usize)).collect()
}

fn main() {
    let Some((workload, arguments)) = Arguments::read("evidence -- silhouette file=ROWS width=8 labels=LABELS") else {
        return;
    };
    rayon::ThreadPoolBuilder::new().num_threads(arguments.get("threads", 2)).build_global().unwrap();
    let labels_of = labels(&arguments, "labels");
    let mut run: Box<dyn FnMut() -> Value> = match workload.as_str() {
        "agreement" => {
            let others = labels(&arguments, "others");
            Box::new(move || {
                let rand = adjusted_rand(&labels_of, &others);
                json!({ "adjusted_rand": rand, "adjusted_mutual_information": adjusted_mutual_information(&labels_of, &others) })
            })
        }
        "sampled" => {
            let (x, sample, seed) = (rows(&arguments), arguments.get("sample", 14_000), arguments.get("seed", 1));
            Box::new(move || {
                let found = silhouette(x.view(), &labels_of, sample, seed).unwrap();
                json!({ "silhouette": found.mean, "half_width": found.half_width })
            })
        }
        "bootstrap" => {
            let (x, bootstraps) = (rows(&arguments), arguments.get("bootstraps", 100));
            let most = arguments.get("rows", stability_rows(x.nrows()));
            let n_clusters = labels_of.iter().flatten().max().unwrap() + 1;
            let algorithm = Algorithm::KMeans(KMeans { n_clusters, ..KMeans::default() }).for_resamples();
            Box::new(move || {
                let found = bootstrap(x.view().into(), &labels_of, &algorithm, bootstraps, most, 1);
                json!({ "agreement": found.agreement, "weakest": found.weakest() })
            })
        }
        "gap" => {
            let x = rows(&arguments);
            let options = gap::Options {
                most_clusters: arguments.get("clusters", 20),
                references: arguments.get("references", 50),
                most_rows: arguments.get("rows", gap::Options::default().most_rows),
                n_starts: arguments.get("starts", 1),
            };
            Box::new(move || {
                let null = AxesBox::new(x.view().into()).unwrap();
                let found = gap::gap(x.view().into(), &null, options, 1).unwrap();
                json!({ "k": found.choose(gap::Rule::Tibs2001SeMax, 1.0), "gap": found.gap, "standard_error": found.standard_error })
            })
        }
        "indices" => {
            let x = rows(&arguments);
            Box::new(move || {
                let (x, labels) = (x.view(), &labels_of);
                json!({ "davies_bouldin": davies_bouldin(x, labels), "calinski_harabasz": calinski_harabasz(x, labels) })
            })
        }
        whole => {
            let (x, whole) = (rows(&arguments), whole.to_owned());
            Box::new(move || {
                let samples = match whole.as_str() {
                    "silhouette" => silhouette_samples(x.view(), &labels_of),
                    "squared" => squared_silhouette_samples(x.view(), &labels_of, None),
                    "simplified" => simplified_silhouette_samples(x.view(), &labels_of, None),
                    other => panic!("no workload {other}"),
                };
                json!({ "silhouette": Silhouette::of(&samples.unwrap(), None).unwrap().mean })
            })
        }
    };
    arguments.repeat(|| {
        let start = Instant::now();
        let mut line = run();
        line["seconds"] = json!(start.elapsed().as_secs_f64());
        line
    });
}
