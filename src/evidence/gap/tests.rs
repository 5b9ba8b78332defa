use super::super::null::{AxesBox, Copula};
use super::*;
use ndarray::{Array2, Axis, array, s};
use rand::{Rng, seq::SliceRandom};
use rand_distr::{Distribution, StandardNormal};

const RULES: [Rule; 5] = [Rule::FirstMax, Rule::GlobalMax, Rule::FirstSeMax, Rule::Tibs2001SeMax, Rule::GlobalSeMax];

/// R's USArrests: murder, assault, urban population and rape in the states of the USA, 1973 (McNeil 1977).
#[rustfmt::skip]
const ARRESTS: [[f64; 4]; 50] = [
    [13.2, 236., 58., 21.2], [10.0, 263., 48., 44.5], [8.1, 294., 80., 31.0], [8.8, 190., 50., 19.5], [9.0, 276., 91., 40.6],
    [7.9, 204., 78., 38.7], [3.3, 110., 77., 11.1], [5.9, 238., 72., 15.8], [15.4, 335., 80., 31.9], [17.4, 211., 60., 25.8],
    [5.3, 46., 83., 20.2], [2.6, 120., 54., 14.2], [10.4, 249., 83., 24.0], [7.2, 113., 65., 21.0], [2.2, 56., 57., 11.3],
    [6.0, 115., 66., 18.0], [9.7, 109., 52., 16.3], [15.4, 249., 66., 22.2], [2.1, 83., 51., 7.8], [11.3, 300., 67., 27.8],
    [4.4, 149., 85., 16.3], [12.1, 255., 74., 35.1], [2.7, 72., 66., 14.9], [16.1, 259., 44., 17.1], [9.0, 178., 70., 28.2],
    [6.0, 109., 53., 16.4], [4.3, 102., 62., 16.5], [12.2, 252., 81., 46.0], [2.1, 57., 56., 9.5], [7.4, 159., 89., 18.8],
    [11.4, 285., 70., 32.1], [11.1, 254., 86., 26.1], [13.0, 337., 45., 16.1], [0.8, 45., 44., 7.3], [7.3, 120., 75., 21.4],
    [6.6, 151., 68., 20.0], [4.9, 159., 67., 29.3], [6.3, 106., 72., 14.9], [3.4, 174., 87., 8.3], [14.4, 279., 48., 22.5],
    [3.8, 86., 45., 12.8], [13.2, 188., 59., 26.9], [12.7, 201., 80., 25.5], [3.2, 120., 80., 22.9], [2.2, 48., 32., 11.2],
    [8.5, 156., 63., 20.7], [4.0, 145., 73., 26.2], [5.7, 81., 39., 9.3], [2.6, 53., 66., 10.8], [6.8, 161., 60., 15.6],
];

fn measure(x: &Array2<f64>, options: Options, seed: u64) -> Gap {
    gap(x.view().into(), &AxesBox::new(x.view().into()).unwrap(), options, seed).unwrap()
}

#[test]
fn rules_choose_as_in_r() {
    // clusGap.Rd: f and s of the example of maxSE; 2 numbers are R's, the others follow from the rules by hand.
    let f = [2.0, 3.0, 5.0, 4.0, 7.0, 8.0, 5.0, 4.0];
    let s = [0.5, 0.5, 1.0, 0.5, 0.5, 1.5, 0.5, 0.5];
    assert_eq!(RULES.map(|rule| rule.choose(&f, &s, 1.0)), [3, 6, 3, 3, 5]);
    assert_eq!(RULES.map(|rule| rule.choose(&f, &s, 2.0)), [3, 6, 2, 1, 3]);
    assert_eq!(RULES.map(|rule| rule.choose(&[1.0, 2.0, 3.0], &[0.1; 3], 1.0)), [3; 5]);
    assert_eq!(RULES.map(|rule| rule.choose(&[1.0], &[0.1], 1.0)), [1; 5]);
    assert_eq!(RULES.map(|rule| rule.choose(&[2.0, 2.0], &[0.0; 2], 1.0)), [1; 5]);
}

#[test]
fn usarrests_has_two_clusters_or_four() {
    let x = Array2::from_shape_fn((50, 4), |(row, feature)| ARRESTS[row][feature]);
    let z = (&x - &x.mean_axis(Axis(0)).unwrap()) / &x.std_axis(Axis(0), 1.0);
    let found = measure(&z, Options { n_starts: 20, ..Options::default() }, 1);
    // ISLR and many a tutorial: kmeans(scale(USArrests), 4)$tot.withinss = 56.40317; (n - 1) d for one cluster.
    assert!(((found.log_w[0].exp() * 49.0) - 196.0).abs() < 1e-9);
    assert!((found.log_w[3].exp() * 46.0 - 56.403_17).abs() < 5e-6, "{}", found.log_w[3].exp() * 46.0);
    assert_eq!((found.choose(Rule::Tibs2001SeMax, 1.0), found.choose(Rule::FirstSeMax, 1.0)), (2, 4), "{found:?}");
}

/// The simulations of the paper, section 4, with 9 of 10 as the bar.
#[test]
fn simulated_populations_have_the_clusters_they_were_made_with() {
    const RUNS: u64 = 20;
    let options = Options { references: 50, n_starts: 5, ..Options::default() };
    let right = |draw: &(dyn Fn(u64) -> Array2<f64> + Sync), k: usize| {
        (0..RUNS).filter(|&run| measure(&draw(run), options, run).choose(Rule::Tibs2001SeMax, 1.0) == k).count()
    };
    let null = |run| {
        let mut rng = stream(run, 77);
        Array2::from_shape_fn((200, 10), |_| rng.r#gen::<f64>())
    };
    assert!(right(&null, 1) >= 18);
    let three = |run| {
        let mut rng = stream(run, 78);
        let centre = |row: usize| {
            if row < 25 {
                [0.0, 0.0]
            } else if row < 50 {
                [0.0, 5.0]
            } else {
                [5.0, -3.0]
            }
        };
        Array2::from_shape_fn((100, 2), |(row, feature)| {
            let normal: f64 = StandardNormal.sample(&mut rng);
            centre(row)[feature] + normal
        })
    };
    assert!(right(&three, 3) >= 18);
}

#[test]
fn fewer_rows_in_a_sample_change_steps_of_the_curve_by_less_than_their_error() {
    let mut rng = stream(5, 0);
    let x = Array2::from_shape_fn((20_000, 4), |_| f64::from(rng.gen_range(-200_000..200_000)) / 65_536.0);
    let with = |most_rows| measure(&x, Options { references: 20, most_rows, ..Options::default() }, 2);
    let (all, tenth) = (with(20_000), with(2000));
    for k in 0..8 {
        let bias = tenth.gap[k] - all.gap[k];
        assert!(bias.abs() < 2.0 * tenth.standard_error[k], "{k} {bias} {}", tenth.standard_error[k]);
        if k > 0 {
            let step = bias - (tenth.gap[k - 1] - all.gap[k - 1]);
            assert!(step.abs() < tenth.standard_error[k], "{k} {step} {}", tenth.standard_error[k]);
        }
    }
    assert_eq!(all.log_w, tenth.log_w);
    assert_eq!(all.choose(Rule::Tibs2001SeMax, 1.0), tenth.choose(Rule::Tibs2001SeMax, 1.0));
}

#[test]
fn threads_order_of_rows_and_weights_change_nothing() {
    let mut rng = stream(6, 0);
    let x = Array2::from_shape_fn((300, 2), |(row, feature)| {
        // A triangle: of three in one line the thin box of the reference tells one from three, but not from two.
        [[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]][row % 3][feature] + f64::from(rng.gen_range(0..65_536)) / 65_536.0
    });
    let mut order: Vec<usize> = (0..300).collect();
    order.shuffle(&mut rng);
    let options = Options { references: 5, n_starts: 3, ..Options::default() };
    let expected = measure(&x, options, 3);
    assert_eq!(measure(&x.select(Axis(0), &order), options, 3), expected);
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one_thread.install(|| measure(&x, options, 3)), expected);
    assert_eq!(expected.choose(Rule::Tibs2001SeMax, 1.0), 3);
    let twice = ndarray::concatenate![Axis(0), x, x];
    let points = Points { weights: Some(&[2.0; 300]), ..x.view().into() };
    let weighted = gap(points, &AxesBox::new(points).unwrap(), options, 3).unwrap();
    assert_eq!(weighted, measure(&twice, options, 3));
    // Any null will do.
    let by_margins = gap(x.view().into(), &Copula::new(x.view().into()).unwrap(), options, 3).unwrap();
    assert_eq!((by_margins.log_w == expected.log_w, by_margins.gap == expected.gap), (true, false));
}

#[test]
fn corner_cases() {
    let options = Options { references: 3, ..Options::default() };
    let code = |x: &Array2<f64>, options| {
        gap(x.view().into(), &AxesBox::new(x.view().into()).unwrap(), options, 1).unwrap_err().code().to_string()
    };
    let x = array![[0.0, 1.0], [2.0, 1.0], [5.0, 1.0]];
    assert_eq!(code(&Array2::ones((9, 2)), options), "E0404");
    assert_eq!(code(&x.slice(s![..1, ..]).to_owned(), options), "E0404");
    assert_eq!(code(&x, Options { references: 1, ..options }), "E0205");
    assert_eq!(code(&x, Options { most_clusters: 0, ..options }), "E0205");
    assert_eq!(code(&x, Options { n_starts: 0, ..options }), "E0205");
    assert_eq!(code(&x, Options { most_rows: 1, ..options }), "E0205");
    // Three distinct rows: one and two clusters can be compared, three have no inertia.
    let found = measure(&x, options, 1);
    assert_eq!(found.gap.len(), 2);
    assert!(found.gap.iter().chain(&found.standard_error).all(|v| v.is_finite()), "{found:?}");
    let ties = Array2::from_shape_fn((60, 1), |(row, _)| (row % 4) as f64);
    assert_eq!(measure(&ties, options, 1).gap.len(), 3);
}
