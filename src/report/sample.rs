//! Reports for tests.

use super::{
    Coverage, FeatureFacts, MapPoint, Method, Report, SeasonFacts, SegmentFacts, SpaceFacts, SpacePoint, WeekFacts,
    WidthFacts,
};
use crate::data::ledger::LedgerRow;
use crate::error::Warning;
use crate::evidence::dip::{DipTest, Sample};
use crate::evidence::drift::drift;
use crate::evidence::gap::Gap;
use crate::evidence::hopkins::Hopkins;
use crate::evidence::select::Candidate;
use crate::evidence::stability::Recurrence;
use crate::evidence::structure::{Beside, Structure};
use crate::evidence::verdict::{Evidence, Verdict};
use crate::features::dictionary::Entry;
use crate::features::rules::{Conditions, Rule};
use crate::features::{Family, Feature, Measure, Role, Rows, Scale, Unit};
use crate::segment::concentration::{Concentration, Tenth};
use crate::segment::decomposition::Decomposition;
use crate::segment::lineage::Lineage;
use crate::segment::migration::{Chance, Movements, Snapshot, migrate};
use crate::segment::monitoring::Monitoring;
use crate::segment::nps::NpsFacts;
use crate::segment::persona::Persona;
use crate::segment::playbook::{play_of, play_of_leads, playbook};
use crate::segment::profile::{LevelFacts, NumberFacts, Profile, WhaleFacts};
use crate::segment::protected::{ProtectedFacts, Told};
use crate::segment::rfm_grid;
use crate::segment::rfm_grid::facts::{CellFacts, NamedFacts, RfmFacts};
use crate::segment::rfm_grid::rules::TableName;
use crate::segment::rfm_grid::scores::{Axis, Closed};
use crate::segment::rule::SegmentRule;

fn feature(name: &str, label: &str, unit: Unit, role: Role, scale: Scale) -> FeatureFacts {
    FeatureFacts {
        feature: Feature {
            role,
            scale,
            ..Feature::new(name, label, Family::Rfm, unit, Measure::Count(Rows::sales())).words("low", "high")
        },
        preparation: "log(1 + x), standardised".into(),
        missing: 0.0,
        between: Some(0.5),
        dictionary: Entry::default(),
    }
}

fn profile(i: usize, n: usize) -> Profile {
    let t = i as f64 / n as f64;
    let number = |feature: &str, median: f64, z: f64| NumberFacts {
        feature: feature.into(),
        mean: Some(median * 1.2),
        p25: Some(median * 0.5),
        median: Some(median),
        p75: Some(median * 1.5),
        z,
        missing: 0.0,
    };
    Profile {
        customers: 1_000 - 50 * i,
        share_customers: (1.0 - 0.05 * i as f64) / n as f64,
        revenue: Some(90_000.0 / (i + 1) as f64),
        share_revenue: Some(0.4 / (i + 1) as f64),
        numbers: vec![
            number("recency_days", 10.0 + 300.0 * t, 2.0 * t - 1.0),
            number("orders", 12.0 - 10.0 * t, 1.0 - 2.0 * t),
            number("revenue", 4_120.0 - 3_000.0 * t, 0.8 - t),
            number("avg_order_value", 120.5, 0.1),
        ],
        levels: vec![LevelFacts {
            feature: "region".into(),
            level: "north".into(),
            customers: 300,
            share: 0.4,
            share_all: 0.25,
            interval: [0.0, 1.0],
        }],
        nps: Vec::new(),
    }
}

/// A curve that bends evenly, and the first segments among those who bring most.
fn concentration(n: usize) -> Concentration {
    let bent = |share: f64| 1.0 - (1.0 - share).powi(3);
    let tenth = |i: usize| Tenth {
        share_revenue: bent((i + 1) as f64 / 10.0) - bent(i as f64 / 10.0),
        segments: (0..n).map(|s| if s == (i * n / 10).min(n - 1) { 1.0 } else { 0.0 }).collect(),
    };
    Concentration {
        curve: (0..=100).map(|i| bent(f64::from(i) / 100.0)).collect(),
        bring_80: 0.42,
        tenths: (0..10).map(tenth).collect(),
    }
}

fn widths(mean: f64) -> WidthFacts {
    WidthFacts {
        mean,
        nearer_to_another: 0.05,
        quantiles: (0..=20).map(|i| mean + 0.3 - 0.03 * f64::from(i)).collect(),
    }
}

/// Segments on a circle, each a small one of customers.
fn space(n: usize) -> SpaceFacts {
    let at = |turn: f64, radius: f64| [turn.cos() * radius, turn.sin() * radius];
    let turn = |i: usize, n: usize| i as f64 / n as f64 * std::f64::consts::TAU;
    let centres: Vec<[f64; 2]> = (0..n).map(|i| at(turn(i, n), 3.0)).collect();
    let point = |i: usize| {
        let ([x, y], [dx, dy]) = (centres[i % n], at(turn(i, 40), 1.0));
        SpacePoint { x: x + dx, y: y + dy, segment: Some(i % n) }
    };
    let loading = |name: &str, a: f64, b: f64| (name.to_string(), [a, b]);
    SpaceFacts {
        explained: [0.5, 0.2],
        points: (0..400).map(point).collect(),
        loadings: vec![
            loading("Days since last order", -0.7, 0.2),
            loading("Orders", 0.6, 0.3),
            loading("Revenue", 0.4, -0.9),
        ],
        centres: centres.clone(),
    }
}

/// A grid of round numbers: two segments hold everybody, and one cell is empty.
fn season(n: usize) -> SeasonFacts {
    let orders = |i: usize| (0..12).map(|month| 200 + 30 * ((month + 2 * i) % 12)).collect::<Vec<_>>();
    let segments: Vec<Vec<usize>> = (0..n).map(orders).collect();
    SeasonFacts {
        months: (1..=12).map(|month| format!("2011-{month:02}")).collect(),
        everyone: (0..12).map(|month| segments.iter().map(|counts| counts[month]).sum()).collect(),
        segments,
    }
}

fn grid() -> RfmFacts {
    let table = TableName::Cells25.table();
    let axis = |value: &str, closed| Axis {
        value: value.into(),
        cuts: vec![10.0, 20.0, 30.0, 40.0],
        scores: if closed == Closed::Right { vec![5, 4, 3, 2, 1] } else { vec![1, 2, 3, 4, 5] },
        closed,
    };
    let cells = (1..=5u8).flat_map(|r| (1..=5u8).map(move |f| (r, f)));
    RfmFacts {
        method: rfm_grid::Method::Rank,
        bins: 5,
        cuts: [axis("recency_days", Closed::Right), axis("orders", Closed::Left), axis("revenue", Closed::Left)],
        customers: 4_338,
        left_out: 0,
        cells: cells
            .map(|(r, f)| CellFacts {
                r,
                f,
                customers: if (r, f) == (1, 5) { 0 } else { 40 * usize::from(6 - r) },
                median_revenue: ((r, f) != (1, 5)).then(|| 90.0 * f64::from(r * f)),
                segment: Some(table.segment(rfm_grid::Score { r, f, m: 1 }).into()),
            })
            .collect(),
        segments: table
            .names()
            .into_iter()
            .map(|name| {
                let (share, revenue) = match name {
                    "Champions" => (0.15, 0.48),
                    "Hibernating" => (0.85, 0.52 / 2.0),
                    _ => (0.0, 0.0),
                };
                let customers = (4_338.0 * share) as usize;
                NamedFacts {
                    name: name.into(),
                    customers,
                    share_customers: share,
                    orders: 3.0 * customers as f64,
                    share_orders: share,
                    revenue: 1_000_000.0 * revenue,
                    share_revenue: revenue,
                    avg_order_value: (customers > 0).then_some(120.5),
                    median_recency: (customers > 0).then_some(17.0),
                    median_orders: (customers > 0).then_some(3.0),
                    median_revenue: (customers > 0).then_some(400.0),
                    value_tiers: [customers, 0, 0],
                }
            })
            .collect(),
        check: table.check(5),
    }
}

fn beside(k: usize) -> Beside {
    Beside { k, silhouette: 0.3 + 0.01 * k as f64, null_mean: 0.25, null_deviation: 0.01, z: 5.0 + k as f64, p: 0.005 }
}

fn evidence() -> Evidence {
    let dip = |sample, n, p| DipTest { sample, dip: 0.02, n, p, p_holm: (2.0 * p).min(1.0) };
    Evidence {
        structure: Structure { tried: (2..=8).map(beside).collect(), p: 0.005, rows: 2_000, references: 199 },
        gap: Gap {
            log_w: vec![1.0, 0.7, 0.6],
            log_w_null: vec![1.1, 0.9, 0.85],
            gap: vec![0.1, 0.2, 0.25],
            standard_error: vec![0.01; 3],
        },
        gap_clusters: 3,
        gap_clusters_first: 3,
        dips: vec![dip(Sample::FirstComponent, 4_338, 0.001), dip(Sample::PairwiseDistances, 124_750, 0.6)],
        hopkins: Some(Hopkins { statistic: 0.93, p: 0.0, m: 200 }),
    }
}

/// A report with `n` segments.
pub(super) fn report(n: usize) -> Report {
    let candidate = |k: usize| Candidate {
        value: k as f64,
        clusters: k,
        inertia: 100.0 / k as f64,
        silhouette: Some(0.3 + 0.01 * k as f64),
        silhouette_error: Some(0.005),
        davies_bouldin: Some(1.1),
        calinski_harabasz: Some(800.0),
        stability: Some(0.9),
        agreement: Some(0.88),
        prediction_strength: Some(0.83),
        beside: Some(beside(k)),
        verdict: Some(Verdict::Natural),
        smallest: 0.1,
        largest: 0.4,
        unclustered: 0.0,
        chosen: k == n,
        excluded: String::new(),
    };
    let plays = playbook(&[]).expect("a playbook");
    Report {
        schema: "ilk/report/1".into(),
        ilk_version: "0.0.0".into(),
        project: "retail-uk".into(),
        model: "retail-uk/2011-Q4.1".into(),
        period: "2011-Q4".into(),
        as_of: Some("2011-12-09".into()),
        currency: "GBP".into(),
        coverage: Coverage {
            customers: 4_338,
            leads: 12,
            without_orders: 34,
            orders: Some(18_532),
            revenue: Some(9_747_765.93),
            repeat_rate: Some(0.655),
            guest_revenue_share: Some(0.168),
            whales: Some(WhaleFacts { customers: 22, share_customers: 0.005, share_revenue: 0.18 }),
            first_day: Some("2010-12-01".into()),
            last_day: Some("2011-12-09".into()),
            sample: Some(500),
        },
        everyone: profile(n / 2, n),
        segments: (0..n)
            .map(|i| SegmentFacts {
                id: format!("S{:02}", i + 1),
                colour: Some(i),
                persona: Persona {
                    name: format!("Persona number {}", i + 1),
                    sentence: "Ordered 12 days ago, 11 orders of £374 each.".into(),
                    traits: vec!["last order 12 d ago (all: 61 d)".into(), "orders 11 (all: 2)".into()],
                    made: None,
                },
                profile: profile(i, n),
                stability: Some(0.95 - 0.06 * i as f64),
                recurrence: Some(Recurrence {
                    jaccard: 0.95 - 0.06 * i as f64,
                    dissolved: 2 * i,
                    recovered: 100 - 9 * i,
                    resamples: 100,
                }),
                rule: Some(SegmentRule {
                    when: Conditions::parse("recency_days < 90 and orders >= 5").expect("conditions"),
                    precision: 0.9 - 0.1 * i as f64,
                    recall: 0.7,
                    coverage: 0.2,
                    held_out: 1_446,
                }),
                play: play_of(&plays, &profile(i, n)).cloned(),
            })
            .collect(),
        leads_play: play_of_leads(&plays, 12).cloned(),
        unclustered: None,
        features: vec![
            feature("recency_days", "Days since last order", Unit::Days, Role::Form, Scale::Numeric),
            feature("orders", "Orders", Unit::Count, Role::Form, Scale::Numeric),
            feature("revenue", "Revenue", Unit::Money, Role::Describe, Scale::Numeric),
            feature("avg_order_value", "Average order value", Unit::Money, Role::Form, Scale::Numeric),
            feature("region", "Region", Unit::Level, Role::Form, Scale::Nominal),
        ],
        protected: Vec::new(),
        method: Method {
            algorithm: "kmeans".into(),
            implementation: "linfa".into(),
            parameters: vec![("n_clusters".into(), n.to_string())],
            verdict: Some(Verdict::Natural),
            reasons: vec!["k was chosen.".into()],
            sweep: (2..=8).map(candidate).collect(),
            agreement: Some(0.88),
            algorithms: vec![("gaussian_mixture".into(), 0.71), ("ward".into(), 0.8)],
            evidence: Some(evidence()),
            silhouette: Some(0.31),
            inertia: 1_234.5,
            davies_bouldin: Some(1.1),
            calinski_harabasz: Some(800.0),
            weights: vec![("rfm".into(), 0.7), ("demographic".into(), 0.3)],
            between: vec![("rfm".into(), 0.9), ("demographic".into(), 0.1)],
            unclustered_share: 0.0,
        },
        rfm: Some(grid()),
        look: super::Look::default(),
        concentration: Some(concentration(n)),
        widths: (0..n).map(|i| widths(0.5 - 0.02 * i as f64)).collect(),
        space: Some(space(n)),
        weeks: (0..60)
            .map(|i| WeekFacts {
                from: crate::data::dates::Day(19_723 + 7 * i).iso(),
                orders: if i == 30 { 0 } else { 100 + (i as usize * 37) % 50 },
            })
            .collect(),
        season: Some(season(n)),
        lineage: None,
        monitoring: None,
        migration: None,
        positions: (0..n)
            .map(|i| (0..25).map(|cell| if cell % n == i { 40 + 10 * cell } else { 0 }).collect())
            .collect(),
        map: (0..2_000)
            .map(|i| MapPoint {
                recency: f64::from(i % 370),
                orders: f64::from(1 + i % 17),
                segment: Some(i as usize % n),
            })
            .collect(),
        ledger: vec![
            LedgerRow { table: "orders".into(), bucket: "read".into(), rows: 541_910, amount: Some(9_747_765.93) },
            LedgerRow { table: "orders".into(), bucket: "used".into(), rows: 397_925, amount: Some(8_911_425.9) },
        ],
        warnings: vec![
            Warning::new("W0331", "135080 of 541910 order lines (25%) have no customer id")
                .why("a guest has no history"),
        ],
    }
}

/// No money, no dates, no map.
pub(super) fn no_revenue() -> Report {
    let mut report = report(4);
    report.as_of = None;
    report.period = "undated".into();
    report.map.clear();
    report.rfm = None;
    report.season = None;
    report.features.retain(|f| f.feature.name == "avg_order_value" || f.feature.name == "region");
    report.coverage = Coverage {
        customers: 440,
        leads: 0,
        without_orders: 0,
        orders: None,
        revenue: None,
        repeat_rate: None,
        guest_revenue_share: None,
        whales: None,
        first_day: None,
        last_day: None,
        sample: None,
    };
    let strip = |profile: &mut Profile| {
        profile.revenue = None;
        profile.share_revenue = None;
        profile.numbers.retain(|n| n.feature == "avg_order_value");
    };
    strip(&mut report.everyone);
    report.segments.iter_mut().for_each(|s| strip(&mut s.profile));
    report
}

/// Some customers in no segment.
pub(super) fn with_unclustered() -> Report {
    let mut report = report(2);
    report.unclustered = Some(profile(1, 2));
    report.map[0].segment = None;
    report
}

/// Stages, answers and a protected attribute; the second segment has too few of some.
pub(super) fn with_people() -> Report {
    let mut report = report(2);
    let rule = |level: &str| Rule { level: level.into(), when: Conditions::parse("orders >= 1").expect("conditions") };
    let rules = Measure::Rules { rules: vec![rule("lapsed"), rule("loyal")], otherwise: "new".into() };
    let mut stage = feature("lifecycle_stage", "Stage", Unit::Level, Role::Describe, Scale::Nominal);
    stage.feature.measure = rules;
    let nps = feature("nps_answer", "Latest answer: NPS", Unit::Nps, Role::Describe, Scale::Numeric);
    let mut age = feature("age", "Age", Unit::Years, Role::Describe, Scale::Numeric);
    age.feature.protected = true;
    let mut gender = feature("gender", "Gender", Unit::Level, Role::Form, Scale::Nominal);
    gender.feature.protected = true;
    report.features.extend([stage, nps, age, gender]);
    let fill = |profile: &mut Profile, counts: [usize; 3], answers: usize| {
        let all: usize = counts.iter().sum();
        for (level, n) in ["new", "loyal", "lapsed"].into_iter().zip(counts) {
            profile.levels.push(LevelFacts {
                feature: "lifecycle_stage".into(),
                level: level.into(),
                customers: n,
                share: n as f64 / all as f64,
                share_all: 0.3,
                interval: [0.0, 1.0],
            });
        }
        // Half promoters, a fifth detractors.
        let said = [9.0, 9.0, 9.0, 9.0, 9.0, 7.0, 7.0, 7.0, 0.0, 6.0];
        let values = (0..profile.customers).map(|i| if i < answers { said[i % 10] } else { f64::NAN });
        profile.nps = vec![NpsFacts::of("nps_answer", values)];
    };
    fill(&mut report.segments[0].profile, [400, 600, 0], 50);
    fill(&mut report.segments[1].profile, [20, 922, 8], 9);
    fill(&mut report.everyone, [420, 1522, 8], 59);
    let told = Told::Levels { cramers_v: 0.31, right: 0.58, commonest: 0.52, lambda: 0.125 };
    report.protected = vec![
        ProtectedFacts {
            feature: "age".into(),
            forms: false,
            customers: 1_900,
            told: Some(Told::Number { eta_squared: 0.031 }),
        },
        ProtectedFacts { feature: "gender".into(), forms: true, customers: 1_940, told: Some(told) },
    ];
    report
}

/// A report that has something for every chart.
/// A thousand customers; every seventh goes to the next segment, every eleventh comes or leaves. The quarter a year before is the same but
/// for a segment that nobody was in.
fn movements(n: usize) -> Movements {
    let quarter = |from: &str, to: &str, shift: usize| {
        let day = |there: &dyn Fn(usize) -> bool, label: &dyn Fn(usize) -> usize| {
            let rows: Vec<usize> = (0..1_000).filter(|row| there(*row)).collect();
            let ids: Vec<String> = rows.iter().map(|row| format!("C{row:04}")).collect();
            let labels: Vec<Option<usize>> = rows.iter().map(|row| Some(label(*row))).collect();
            let revenue: Vec<f64> = rows.iter().map(|row| (row % 90) as f64).collect();
            (ids, labels, revenue)
        };
        // With a shift the last segment is empty before.
        let before = day(&|row| row % 11 != 3, &|row| row % n % (n - shift));
        let after = day(&|row| row % 11 != 5, &|row| (row % n + usize::from(row % 7 == 0)) % n);
        let snapshot = |day, facts| -> Snapshot<'_> {
            let (ids, labels, revenue): &(Vec<String>, Vec<Option<usize>>, Vec<f64>) = facts;
            Snapshot { day, ids, labels, revenue: Some(revenue) }
        };
        let segments: Vec<String> = (1..=n).map(|i| format!("S{i:02}")).collect();
        let luck = |from: usize| (0..=n).map(|to| if to == from { 95 } else { 1 }).collect();
        let chance = Chance::of(segments.clone(), &(0..=n).map(luck).collect::<Vec<_>>());
        migrate(snapshot(from, &before), snapshot(to, &after), &segments, Some(&chance))
    };
    let last = quarter("2024-09-30", "2024-12-31", 1);
    Movements { cumulative: true, last, year_before: Some(quarter("2023-09-30", "2023-12-31", 0)) }.without_few(10)
}

/// A model that no longer fits.
fn monitoring() -> Monitoring {
    let lineage = Lineage { agreement: 0.9, ..Lineage::refused(String::new(), &[], "2024-Q3.1", 5, 6) };
    let values = |shift: f64| -> Vec<f64> { (0..500).map(|i| f64::from(i % 50) + shift).collect() };
    let drifts = [("recency_days", 30.0), ("orders", 12.0), ("avg_order_value", 0.0)];
    let drifts = drifts.into_iter().filter_map(|(name, shift)| drift(name, &values(0.0), &values(shift)));
    let parts = Decomposition { customers: 900, changed: 150, customers_moved: 100, ruler_moved: 30, interaction: 20 };
    Monitoring::of(&lineage, Some(parts), drifts.collect(), 0.08, Some(1.2))
}

pub(super) fn everything() -> Report {
    let mut report = report(5);
    report.migration = Some(movements(5));
    report.monitoring = Some(monitoring());
    let rungs = ["dormant", "browsing", "power"];
    let ladder = Scale::Ordinal(rungs.map(String::from).to_vec());
    report.features.push(feature("engagement_ladder", "Engagement", Unit::Level, Role::Describe, ladder));
    report.features.push(feature("top_channel", "Usual channel", Unit::Level, Role::Describe, Scale::Nominal));
    report.features.push(feature("nps_answer", "Latest answer: NPS", Unit::Nps, Role::Describe, Scale::Numeric));
    report.features.push(feature("tenure_days", "Days known", Unit::Days, Role::Form, Scale::Numeric));
    let known = report.features.len() - 2;
    report.features[known].missing = 0.8;
    if let Some(region) = report.features.iter_mut().find(|f| f.feature.name == "region") {
        region.feature.family = Family::Geographic;
        region.missing = 0.02;
    }
    let said = [9.0, 9.0, 9.0, 9.0, 9.0, 7.0, 7.0, 7.0, 0.0, 6.0];
    let fill = |profile: &mut Profile, part: f64| {
        let shares = [0.5 - part / 2.0, 0.4, 0.1 + part / 2.0];
        profile.levels.extend(rungs.into_iter().zip(shares).map(|(level, share)| LevelFacts {
            feature: "engagement_ladder".into(),
            level: level.into(),
            customers: (share * profile.customers as f64) as usize,
            share,
            share_all: 0.3,
            interval: [share - 0.02, share + 0.02],
        }));
        profile.levels.extend(["shop", "web"].into_iter().zip([1.0 - part, part]).map(|(level, share)| LevelFacts {
            feature: "top_channel".into(),
            level: level.into(),
            customers: (share * profile.customers as f64) as usize,
            share,
            share_all: 0.5,
            interval: [share, share],
        }));
        for level in profile.levels.iter_mut().filter(|l| l.feature == "region") {
            level.share = 0.25 * (0.5 + part);
            level.interval = [level.share - 0.03, level.share + 0.03];
        }
        // The later the segment, the more of its answers warn.
        let answers = (0..200).map(|i| if f64::from(i) < 120.0 * part { 3.0 } else { said[i as usize % 10] });
        let silent = std::iter::repeat_n(f64::NAN, profile.customers.saturating_sub(200));
        profile.nps = vec![NpsFacts::of("nps_answer", answers.chain(silent))];
    };
    let n = report.segments.len();
    for (i, segment) in report.segments.iter_mut().enumerate() {
        fill(&mut segment.profile, i as f64 / n as f64);
        segment.profile.numbers.push(NumberFacts {
            feature: "tenure_days".into(),
            mean: Some(400.0),
            p25: Some(200.0),
            median: Some(380.0),
            p75: Some(600.0),
            z: 0.2 * i as f64 - 0.4,
            missing: 0.0,
        });
    }
    fill(&mut report.everyone, 0.4);
    report
}
