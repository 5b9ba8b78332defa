//! Simulated quarters of which it is known what became of each segment: how often lineage says so. docs/lineage.md has the table, and a
//! test that it is this one.

use ilk::cluster::prototypes::Prototypes;
use ilk::cluster::{Algorithm, Clusterer, KMeans};
use ilk::segment::lineage::{Event, Lineage, Rulers, trace};
use ilk::segment::model::far_distance;
use ndarray::{Array1, Array2, Axis};
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use std::fmt::Write;

const SEEDS: u64 = 100;
const FEATURES: usize = 4;
const GROUPS: usize = 5;
const CUSTOMERS: usize = 1500;

/// What happens between two quarters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Nothing,
    Drift,
    Split,
    Merge,
    Birth,
    Death,
    Unrelated,
}

impl Scenario {
    const ALL: [Scenario; 7] = [
        Scenario::Nothing,
        Scenario::Drift,
        Scenario::Split,
        Scenario::Merge,
        Scenario::Birth,
        Scenario::Death,
        Scenario::Unrelated,
    ];

    fn name(self) -> &'static str {
        match self {
            Scenario::Nothing => "nothing (labels permuted)",
            Scenario::Drift => "one mean drifts",
            Scenario::Split => "one splits",
            Scenario::Merge => "two merge",
            Scenario::Birth => "one is born",
            Scenario::Death => "one dies",
            Scenario::Unrelated => "an unrelated model",
        }
    }

    fn clusters(self) -> usize {
        match self {
            Scenario::Split | Scenario::Birth => GROUPS + 1,
            Scenario::Merge | Scenario::Death => GROUPS - 1,
            _ => GROUPS,
        }
    }

    /// What should be said: `None` for an unrelated model, else how many segments survived, drifted, split (parts and ended), merged
    /// (kept and ended), were born, died.
    fn truth(self) -> Option<[usize; 6]> {
        match self {
            Scenario::Nothing => Some([GROUPS, 0, 0, 0, 0, 0]),
            Scenario::Drift => Some([GROUPS - 1, 1, 0, 0, 0, 0]),
            Scenario::Split => Some([GROUPS - 1, 0, 1, 0, 0, 0]),
            Scenario::Merge => Some([GROUPS - 2, 0, 0, 1, 0, 0]),
            Scenario::Birth => Some([GROUPS, 0, 0, 0, 1, 0]),
            Scenario::Death => Some([GROUPS - 1, 0, 0, 0, 0, 1]),
            Scenario::Unrelated => None,
        }
    }
}

/// What was said, counted the same way: a split and a merger once, whatever their parts.
fn said(lineage: &Lineage) -> Option<[usize; 6]> {
    if !lineage.related {
        return None;
    }
    let lives = |event: Event| lineage.lives.iter().filter(move |life| life.event == event);
    let parents = |event: Event| {
        let mut of: Vec<&String> = lives(event).filter_map(|life| life.from.first()).collect();
        of.sort();
        of.dedup();
        of.len()
    };
    let died = lineage.ended.iter().filter(|end| end.event == Event::Died).count();
    let plain = [Event::Survived, Event::Drifted].map(|event| lives(event).count());
    let [split, merged] = [Event::Split, Event::Merged].map(parents);
    Some([plain[0], plain[1], split, merged, lives(Event::Born).count(), died])
}

fn direction(rng: &mut impl Rng) -> Array1<f64> {
    let v = Array1::from_shape_fn(FEATURES, |_| -> f64 { StandardNormal.sample(rng) });
    let length = v.dot(&v).sqrt();
    v / length
}

fn apart(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    let d = a - b;
    d.dot(&d).sqrt()
}

/// Two quarters of the same customers, some of whom leave, come or change groups, with groups at least five deviations apart.
fn quarters(scenario: Scenario, seed: u64) -> Lineage {
    let mut rng = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed * 7 + scenario as u64);
    let mut centres: Vec<Array1<f64>> = Vec::new();
    while centres.len() < GROUPS {
        let at = Array1::from_shape_fn(FEATURES, |_| rng.gen_range(-4.0..4.0));
        if centres.iter().all(|other| apart(other, &at) > 5.0) {
            centres.push(at);
        }
    }
    let weights: Vec<f64> = (0..GROUPS).map(|_| rng.gen_range(1.0..3.0)).collect();
    let drawn = |rng: &mut rand_xoshiro::Xoshiro256PlusPlus| {
        let mut at = rng.gen_range(0.0..weights.iter().sum());
        weights
            .iter()
            .position(|w| {
                at -= w;
                at < 0.0
            })
            .unwrap_or(GROUPS - 1)
    };
    let mut group: Vec<usize> = (0..CUSTOMERS).map(|_| drawn(&mut rng)).collect();
    let around = |centre: &Array1<f64>, rng: &mut rand_xoshiro::Xoshiro256PlusPlus| {
        centre + &Array1::from_shape_fn(FEATURES, |_| -> f64 { StandardNormal.sample(rng) })
    };
    let first: Vec<Array1<f64>> = group.iter().map(|g| around(&centres[*g], &mut rng)).collect();

    // The second quarter: one in ten is new, one in twenty has changed groups.
    let mut stayed: Vec<bool> = vec![true; CUSTOMERS];
    for i in 0..CUSTOMERS {
        if rng.gen_bool(0.1) {
            (group[i], stayed[i]) = (drawn(&mut rng), false);
        } else if rng.gen_bool(0.05) {
            group[i] = drawn(&mut rng);
        }
    }
    let one = rng.gen_range(0..GROUPS);
    let nearest = (0..GROUPS)
        .filter(|g| *g != one)
        .min_by(|a, b| apart(&centres[one], &centres[*a]).total_cmp(&apart(&centres[one], &centres[*b])));
    let nearest = nearest.expect("another group");
    match scenario {
        Scenario::Drift => {
            let far = apart(&centres[one], &centres[nearest]) / 2.0 * rng.gen_range(0.5..0.9);
            centres[one] = &centres[one] + &(direction(&mut rng) * far);
        }
        Scenario::Split => {
            let half = direction(&mut rng) * 2.5;
            centres.push(&centres[one] + &half);
            centres[one] = &centres[one] - &half;
            group.iter_mut().filter(|g| **g == one).enumerate().for_each(|(i, g)| {
                if i % 5 < 2 {
                    *g = GROUPS
                }
            });
        }
        Scenario::Merge => {
            let middle = (&centres[one] + &centres[nearest]) / 2.0;
            centres[one] = middle.clone();
            centres[nearest] = middle;
        }
        Scenario::Birth => {
            let mut at = centres[one].clone();
            while centres.iter().any(|other| apart(other, &at) <= 5.0) {
                at = Array1::from_shape_fn(FEATURES, |_| rng.gen_range(-6.0..6.0));
            }
            centres.push(at);
            for i in 0..CUSTOMERS {
                if rng.gen_bool(if stayed[i] { 0.08 } else { 0.6 }) {
                    group[i] = GROUPS;
                }
            }
        }
        Scenario::Death => {
            for g in group.iter_mut().filter(|g| **g == one) {
                while *g == one {
                    *g = drawn(&mut rng);
                }
            }
        }
        Scenario::Nothing | Scenario::Unrelated => {}
    }
    let second: Vec<Array1<f64>> = group.iter().map(|g| around(&centres[*g], &mut rng)).collect();
    let matrix = |rows: &[Array1<f64>]| Array2::from_shape_fn((rows.len(), FEATURES), |(r, f)| rows[r][f]);
    let (first, second) = (matrix(&first), matrix(&second));
    let fit = |x: &Array2<f64>, n_clusters: usize, seed: u64| -> Prototypes {
        Algorithm::KMeans(KMeans { n_clusters, ..KMeans::default() }).fit(x.view(), seed).expect("segments")
    };
    let old = fit(&first, GROUPS, seed);
    let then = old.assign(first.view());
    let far = far_distance(&then);
    // An unrelated model looks at something else about the same customers.
    let other: Array2<f64> = Array2::from_shape_fn((CUSTOMERS, 2), |_| StandardNormal.sample(&mut rng));
    let seen_by_new = if scenario == Scenario::Unrelated { &other } else { &second };
    let new = fit(seen_by_new, scenario.clusters(), seed + 1000);
    // The order of clusters says nothing: turned round by the seed.
    let n_new = new.n_clusters();
    let order: Vec<usize> = (0..n_new).map(|i| (i + seed as usize) % n_new).collect();
    let labels = new.reorder(&order).clusters_of(seen_by_new.view().into());
    let frozen = old.assign(second.view());
    let centre = |labels: &[Option<usize>], x: &Array2<f64>, cluster: usize| {
        let rows: Vec<usize> = (0..x.nrows()).filter(|row| labels[*row] == Some(cluster)).collect();
        x.select(Axis(0), &rows).mean_axis(Axis(0)).expect("customers")
    };
    let of_then: Vec<Option<usize>> = then.iter().map(|a| a.cluster).collect();
    let centres_of = |labels: &[Option<usize>], x: &Array2<f64>, n: usize| {
        let rows: Vec<Array1<f64>> = (0..n).map(|cluster| centre(labels, x, cluster)).collect();
        matrix(&rows)
    };
    let shares: Vec<f64> = (0..GROUPS)
        .map(|g| of_then.iter().filter(|label| **label == Some(g)).count() as f64 / CUSTOMERS as f64)
        .collect();
    let people: Vec<Option<usize>> =
        of_then.iter().zip(&stayed).map(|(label, stayed)| label.filter(|_| *stayed)).collect();
    let known: Vec<(String, String)> = (1..=GROUPS).map(|i| (format!("S{i:02}"), format!("Name {i}"))).collect();
    let lineage = trace(
        Rulers {
            old: &frozen.iter().map(|a| a.cluster).collect::<Vec<_>>(),
            new: &labels,
            then: &people,
            beyond: &frozen.iter().map(|a| a.cluster.is_none() || a.distance > far).collect::<Vec<_>>(),
            old_centres: centres_of(&of_then, &first, GROUPS).view(),
            new_centres: centres_of(&labels, &second, n_new).view(),
            reach: far,
            old_shares: &shares,
        },
        &known,
        "2024-Q1.1",
        GROUPS + 1,
    );
    // Whatever happened, no id twice, none forgotten, and new ones were never used.
    let mut all: Vec<&String> =
        lineage.lives.iter().map(|l| &l.id).chain(lineage.ended.iter().map(|e| &e.id)).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), lineage.lives.len() + lineage.ended.len(), "{lineage:?}");
    assert!(known.iter().all(|(id, _)| all.contains(&id)), "{lineage:?}");
    lineage
}

#[test]
fn what_became_of_each_segment_is_said_in_95_of_100_quarters() {
    let mut table = String::from("| what happened | said | said otherwise |\n|---|---:|---|\n");
    for scenario in Scenario::ALL {
        let mut otherwise: Vec<(String, usize)> = Vec::new();
        let mut right = 0;
        for seed in 0..SEEDS {
            let lineage = quarters(scenario, seed);
            if said(&lineage) == scenario.truth() {
                right += 1;
                continue;
            }
            let words = said(&lineage).map_or("unrelated".to_string(), |counts| {
                let names = ["survived", "drifted", "split", "merged", "born", "died"];
                let some = counts.iter().zip(names).filter(|(count, _)| **count > 0);
                some.map(|(count, name)| format!("{count} {name}")).collect::<Vec<_>>().join(", ")
            });
            match otherwise.iter_mut().find(|(known, _)| *known == words) {
                Some((_, count)) => *count += 1,
                None => otherwise.push((words, 1)),
            }
        }
        otherwise.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let words: Vec<String> = otherwise.iter().map(|(words, count)| format!("{count} × {words}")).collect();
        let _ = writeln!(table, "| {} | {right} of {SEEDS} | {} |", scenario.name(), words.join("; "));
        println!("{table}");
        assert!(right >= 95, "{scenario:?}: {right}\n{table}");
    }
    let doc = include_str!("../../docs/lineage.md");
    let shown = doc.split("<!-- simulated -->\n").nth(1).and_then(|rest| rest.split("<!-- /simulated -->").next());
    assert_eq!(shown, Some(table.as_str()), "docs/lineage.md tells something else");
}
