//! How often the verdict is right, on customers that are known to have no clusters and on planted ones; prints the tables of
//! docs/evidence.md.
//!
//! `cargo bench --bench calibration -- WORKLOAD KEY=VALUE…`:
//!
//! * `false-alarms` (`sets`, 240): customers without clusters: skewed, tied, zero-inflated, correlated;
//! * `power` (`sets`, 240): Gaussian clusters of unequal size;
//! * `uniform` (`sets`, 100): customers spread evenly in a box;
//! * `all`: one after the other.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod arguments;

use arguments::Arguments;
use ilk::cluster::{Algorithm, KMeans};
use ilk::evidence::select::{Choice, SelectK, choose_k};
use ilk::evidence::verdict::Verdict;
use ndarray::{Array2, Axis};
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1, Gamma, Poisson, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus as Generator;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const VERDICTS: [Verdict; 4] = [Verdict::None, Verdict::Constructive, Verdict::Reproducible, Verdict::Natural];

fn main() {
    let Some((workload, arguments)) = Arguments::read("calibration -- false-alarms sets=240") else { return };
    let sets = |usual: usize| arguments.get("sets", usual);
    match workload.as_str() {
        "false-alarms" => false_alarms(sets(240)),
        "power" => power(sets(240)),
        "uniform" => uniform(sets(100)),
        "all" => {
            false_alarms(sets(240));
            power(sets(240));
            uniform(sets(100));
        }
        other => panic!("no workload {other}"),
    }
}

fn normal(rng: &mut Generator) -> f64 {
    StandardNormal.sample(rng)
}

/// Standardised, on the grid of model space.
fn prepared(mut x: Array2<f64>) -> Array2<f64> {
    for mut column in x.axis_iter_mut(Axis(1)) {
        let (mean, deviation) = (column.mean().unwrap(), column.std(0.0).max(1e-9));
        column.mapv_inplace(|v| (((v - mean) / deviation).clamp(-255.0, 255.0) * 65536.0).round() / 65536.0);
    }
    x
}

fn choose(x: &Array2<f64>, seed: u64) -> Choice {
    let template = |n_clusters| Algorithm::KMeans(KMeans { n_clusters, ..KMeans::default() });
    // How large a segment may be is a rule of business, and planted clusters may be larger.
    let select = SelectK { largest_share: 1.0, ..SelectK::default() };
    choose_k(x.view().into(), &template, &select, None, None, seed, &|_, _| {}).unwrap()
}

fn counts(verdicts: &[Verdict]) -> Vec<String> {
    VERDICTS.map(|verdict| verdicts.iter().filter(|&&v| v == verdict).count().to_string()).to_vec()
}

/// The upper end of the exact one-sided 95 % interval for a share (Clopper & Pearson 1934), by bisection.
fn upper_limit(events: usize, of: usize) -> f64 {
    let at_most = |p: f64| {
        let (mut term, mut sum) = ((1.0 - p).powi(of as i32), 0.0);
        for i in 0..=events {
            sum += term;
            term *= (of - i) as f64 / (i + 1) as f64 * p / (1.0 - p);
        }
        sum
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if at_most(middle) > 0.05 { low = middle } else { high = middle }
    }
    if events == of { 1.0 } else { high }
}

/// A name and how a crowd of `n` customers with `d` features is made.
type Crowd = (&'static str, fn(usize, usize, &mut Generator) -> Array2<f64>);

const CROWDS: [Crowd; 4] = [
    ("shop: each customer a rate, a basket and a life of their own", shop),
    ("copula: skewed, tied and zero-inflated margins, any correlation", margins),
    ("heavy tails: elliptical, 3 degrees of freedom", heavy_tails),
    ("curved: features bend along one another", curved),
];

/// Purchases by a gamma-Poisson process over a year, with lives that end; recency, counts, money and clicks, on log scales.
fn shop(n: usize, d: usize, rng: &mut Generator) -> Array2<f64> {
    let mut x = Array2::zeros((n, d));
    for mut row in x.rows_mut() {
        let rate: f64 = Gamma::new(0.9, 4.0).unwrap().sample(rng);
        let life = (365.0 * 0.8 * Distribution::<f64>::sample(&Exp1, rng)).min(365.0);
        let orders = 1.0 + Poisson::new((rate * life / 365.0).max(1e-9)).unwrap().sample(rng);
        let basket = (3.5 + 0.6 * normal(rng)).exp();
        let recency = 365.0 - life + life / orders * rng.r#gen::<f64>();
        let money: f64 = (0..orders as usize).map(|_| basket * (0.5 * normal(rng)).exp()).sum();
        let opens = Poisson::new((0.3 + 0.5 * rate) * (0.8 * normal(rng)).exp()).unwrap().sample(rng);
        let clicks = (0..opens as usize).filter(|_| rng.gen_bool(0.25)).count() as f64;
        let returns = (0..orders as usize).filter(|_| rng.gen_bool(0.08)).count() as f64;
        let age = 45.0 + 14.0 * normal(rng);
        let all = [
            recency.max(0.0).ln_1p(),
            orders.ln(),
            (money / orders).ln(),
            money.ln(),
            opens.ln_1p(),
            clicks.ln_1p(),
            returns.ln_1p(),
            age,
            (orders * rng.gen_range(1.0..3.0)).round().ln(),
            (life + 1.0).ln(),
        ];
        row.iter_mut().zip(all).for_each(|(value, v)| *value = v);
    }
    x
}

/// A normal distribution with random loadings, each coordinate mapped to a margin: a price, a count with many ones, an
/// amount that is 0 for most, an answer from 1 to 5, or as it is.
fn margins(n: usize, d: usize, rng: &mut Generator) -> Array2<f64> {
    let loadings = Array2::from_shape_fn((d, 2), |_| 0.7 * normal(rng));
    let kinds: Vec<u32> = (0..d).map(|_| rng.gen_range(0..5)).collect();
    let mut x = Array2::zeros((n, d));
    for mut row in x.rows_mut() {
        let factors = [normal(rng), normal(rng)];
        for (feature, value) in row.iter_mut().enumerate() {
            let (a, b) = (loadings[[feature, 0]], loadings[[feature, 1]]);
            let z = (a * factors[0] + b * factors[1] + normal(rng)) / (a * a + b * b + 1.0_f64).sqrt();
            *value = match kinds[feature] {
                0 => (0.9 * z).exp(),
                1 => (1.2 * z).exp().floor().ln_1p(),
                2 => (z - 0.4).max(0.0).powi(2).ln_1p(),
                3 => (1.1 * z + 3.0).round().clamp(1.0, 5.0),
                _ => z,
            };
        }
    }
    x
}

fn heavy_tails(n: usize, d: usize, rng: &mut Generator) -> Array2<f64> {
    let loadings = Array2::from_shape_fn((d, d), |(a, b)| if a == b { 1.0 } else { 0.3 * normal(rng) });
    let mut x = Array2::zeros((n, d));
    for mut row in x.rows_mut() {
        let z: Vec<f64> = (0..d).map(|_| normal(rng)).collect();
        let chi: f64 = Gamma::new(1.5, 2.0).unwrap().sample(rng);
        let stretch = (3.0 / chi.max(1e-3)).sqrt();
        for (feature, value) in row.iter_mut().enumerate() {
            *value = stretch * loadings.row(feature).iter().zip(&z).map(|(l, z)| l * z).sum::<f64>();
        }
    }
    x
}

/// Every feature follows one trait along a gentle curve of its own.
fn curved(n: usize, d: usize, rng: &mut Generator) -> Array2<f64> {
    let bends: Vec<(f64, f64)> = (0..d).map(|_| (rng.gen_range(0.3..1.0), rng.gen_range(-0.3..0.3))).collect();
    let mut x = Array2::zeros((n, d));
    for mut row in x.rows_mut() {
        let common = normal(rng);
        for (value, (slope, bend)) in row.iter_mut().zip(&bends) {
            *value = slope * common + bend * common * common + normal(rng);
        }
    }
    x
}

fn false_alarms(sets: usize) {
    let mut of_crowds: Vec<Vec<Verdict>> = vec![Vec::new(); CROWDS.len()];
    for set in 0..sets {
        let mut rng = Generator::seed_from_u64(1000 + set as u64);
        let (n, d) = (rng.gen_range(500..=5000), rng.gen_range(3..=10));
        let x = prepared(CROWDS[set % CROWDS.len()].1(n, d, &mut rng));
        of_crowds[set % CROWDS.len()].push(choose(&x, set as u64).verdict);
    }
    println!("**{sets} data sets without clusters** (d = 3..10, n = 500..5,000).\n");
    println!("| customers | sets | None | Constructive | Reproducible | Natural |\n|---|---:|---:|---:|---:|---:|");
    for ((name, _), verdicts) in CROWDS.iter().zip(&of_crowds) {
        println!("| {name} | {} | {} |", verdicts.len(), counts(verdicts).join(" | "));
    }
    let all: Vec<Verdict> = of_crowds.concat();
    println!("| all | {} | {} |", all.len(), counts(&all).join(" | "));
    let alarms = all.iter().filter(|&&v| v == Verdict::Natural).count();
    println!(
        "\nFalse alarms of \"Natural\": {:.1} %, upper 95 % limit {:.1} %.\n",
        alarms as f64 / all.len() as f64 * 100.0,
        upper_limit(alarms, all.len()) * 100.0
    );
}

/// Normal clusters with random centres and shapes, and the accuracy of who knows the population.
fn planted(n: usize, d: usize, k: usize, least: f64, spread: f64, rng: &mut Generator) -> (Array2<f64>, f64) {
    // The smallest has `least` of all, the others shares of the rest between that and three times as much.
    let mut shares: Vec<f64> = (0..k).map(|i| if i == 0 { 0.0 } else { rng.gen_range(1.0..3.0) }).collect();
    let rest = (1.0 - least) / shares.iter().sum::<f64>();
    shares.iter_mut().for_each(|share| *share *= rest);
    shares[0] = least;
    let centres = Array2::from_shape_fn((k, d), |_| spread * normal(rng));
    let scales = Array2::from_shape_fn((k, d), |_| rng.gen_range(0.6..1.4_f64));
    let mut right = 0;
    let mut x = Array2::zeros((n, d));
    for mut row in x.rows_mut() {
        let mut left = rng.r#gen::<f64>();
        let own = shares
            .iter()
            .position(|share| {
                left -= share;
                left < 0.0
            })
            .unwrap_or(k - 1);
        for (feature, value) in row.iter_mut().enumerate() {
            *value = centres[[own, feature]] + scales[[own, feature]] * normal(rng);
        }
        let density = |c: usize| {
            let of = |(feature, value): (usize, &f64)| {
                let z = (value - centres[[c, feature]]) / scales[[c, feature]];
                -0.5 * z * z - scales[[c, feature]].ln()
            };
            shares[c].ln() + row.iter().enumerate().map(of).sum::<f64>()
        };
        let best = (0..k).max_by(|&a, &b| density(a).total_cmp(&density(b))).unwrap();
        right += usize::from(best == own);
    }
    (x, right as f64 / n as f64)
}

fn power(sets: usize) {
    const ACCURACIES: [f64; 6] = [0.0, 0.85, 0.90, 0.95, 0.98, 1.01];
    // Per accuracy: natural and all, with the smallest cluster at 5 % or more and n at 1,000 or more; and the others.
    let mut found = [[[0_usize; 3]; 5]; 2];
    for set in 0..sets {
        let mut rng = Generator::seed_from_u64(9000 + set as u64);
        let (n, d, k) = (rng.gen_range(500..=5000), rng.gen_range(3..=8), rng.gen_range(2..=6));
        let least = if set % 3 == 0 { 0.02 } else { rng.gen_range(0.05..0.8 / k as f64) };
        let spread = rng.gen_range(0.8..3.0) * (3.0 / d as f64).sqrt();
        let (x, accuracy) = planted(n, d, k, least, spread, &mut rng);
        let choice = choose(&prepared(x), set as u64);
        let at = ACCURACIES.windows(2).position(|w| accuracy < w[1]).unwrap();
        let easy = usize::from(least < 0.05 || n < 1000);
        found[easy][at][0] += usize::from(choice.verdict == Verdict::Natural);
        found[easy][at][1] += usize::from(choice.verdict == Verdict::Natural && choice.k == k);
        found[easy][at][2] += 1;
    }
    println!(
        "**{sets} data sets with planted clusters** (k = 2..6, d = 3..8, n = 500..5,000): how often the verdict is \"Natural\", and with the planted number.\n"
    );
    println!(
        "| best possible accuracy | n ≥ 1,000, every cluster ≥ 5 % | | | smaller | | |\n|---|---:|---:|---:|---:|---:|---:|"
    );
    println!("| | sets | Natural | planted k | sets | Natural | planted k |");
    let share = |[natural, right, all]: [usize; 3]| {
        let percent =
            |of: usize| if all == 0 { "–".into() } else { format!("{:.0} %", of as f64 / all as f64 * 100.0) };
        format!("{all} | {} | {}", percent(natural), percent(right))
    };
    for at in 0..5 {
        let (low, high) = (ACCURACIES[at] * 100.0, ACCURACIES[at + 1].min(1.0) * 100.0);
        println!("| {low:.0} % to {high:.0} % | {} | {} |", share(found[0][at]), share(found[1][at]));
    }
    println!();
    let curve = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/power.svg");
    std::fs::write(curve, drawn(&found)).unwrap();
}

/// How often the verdict is *natural* over the best possible accuracy, as a picture.
fn drawn(found: &[[[usize; 3]; 5]; 2]) -> String {
    let (left, top, width, height) = (60.0, 20.0, 480.0, 220.0);
    let x = |at: usize| left + width * (at as f64 + 0.5) / 5.0;
    let y = |share: f64| top + height * (1.0 - share);
    let mut text = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 560 320\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"560\" height=\"320\" fill=\"#fff\"/>\n",
    );
    for share in [0.0, 0.2, 0.4, 0.6, 0.8, 1.0] {
        let (at, label) = (y(share), format!("{:.0} %", share * 100.0));
        text += &format!("<path d=\"M{left} {at}H{}\" stroke=\"#d1d5db\"/>\n", left + width);
        text += &format!("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{label}</text>\n", left - 8.0, at + 4.0);
    }
    for (at, label) in ["below 85 %", "85 to 90 %", "90 to 95 %", "95 to 98 %", "above 98 %"].iter().enumerate() {
        text += &format!("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{label}</text>\n", x(at), top + height + 20.0);
    }
    let under = top + height + 42.0;
    text += &format!(
        "<text x=\"{}\" y=\"{under}\" text-anchor=\"middle\">best possible accuracy</text>\n",
        left + width / 2.0
    );
    let groups = [("#053785", "n of 1,000 or more, every cluster 5 % or more"), ("#905845", "smaller")];
    for (group, ((colour, name), found)) in groups.into_iter().zip(found).enumerate() {
        let points: Vec<String> = (found.iter().enumerate().filter(|(_, counts)| counts[2] > 0))
            .map(|(at, [natural, _, all])| format!("{:.1},{:.1}", x(at), y(*natural as f64 / *all as f64)))
            .collect();
        let line = points.join(" ");
        text += &format!("<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n");
        let at = left + 300.0 * group as f64;
        text += &format!("<text x=\"{at}\" y=\"{}\" fill=\"{colour}\">{name}</text>\n", under + 24.0);
    }
    text + "</svg>\n"
}

fn uniform(sets: usize) {
    let verdicts: Vec<Verdict> = (0..sets)
        .map(|set| {
            let mut rng = Generator::seed_from_u64(5000 + set as u64);
            let (n, d) = (rng.gen_range(500..=5000), rng.gen_range(3..=10));
            choose(&prepared(Array2::from_shape_fn((n, d), |_| rng.r#gen::<f64>())), set as u64).verdict
        })
        .collect();
    println!("**{sets} data sets spread evenly in a box** (d = 3..10, n = 500..5,000).\n");
    println!(
        "| None | Constructive | Reproducible | Natural |\n|---:|---:|---:|---:|\n| {} |\n",
        counts(&verdicts).join(" | ")
    );
}
