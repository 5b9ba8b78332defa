use super::*;
use ndarray::{Array2, Axis, array};
use rand::{Rng, seq::SliceRandom};
use rand_distr::StandardNormal;

/// The quality of the faculty of 63 statistics departments (R: diptest's statfaculty; Hartigan & Hartigan 1985).
const FACULTY: [u8; 63] = [
    30, 33, 35, 36, 37, 37, 39, 39, 39, 39, 39, 40, 40, 40, 40, 41, 42, 43, 43, 43, 44, 44, 45, 45, 46, 46, 47, 47, 48,
    48, 48, 49, 50, 50, 51, 52, 52, 53, 53, 53, 53, 53, 54, 54, 57, 57, 59, 60, 60, 60, 61, 61, 61, 61, 62, 62, 62, 62,
    63, 66, 70, 72, 72,
];

/// Minutes between eruptions of Old Faithful and how often (R: faithful$waiting, 272 values).
#[rustfmt::skip]
const WAITING: [(u8, u8); 51] = [
    (43, 1), (45, 3), (46, 5), (47, 4), (48, 3), (49, 5), (50, 5), (51, 6), (52, 5), (53, 7), (54, 9), (55, 6), (56, 4),
    (57, 3), (58, 4), (59, 7), (60, 6), (62, 4), (63, 3), (64, 4), (65, 3), (66, 2), (67, 1), (68, 1), (69, 2), (70, 4),
    (71, 5), (72, 1), (73, 7), (74, 6), (75, 8), (76, 9), (77, 12), (78, 15), (79, 10), (80, 8), (81, 13), (82, 12),
    (83, 14), (84, 10), (85, 6), (86, 6), (87, 2), (88, 6), (89, 3), (90, 6), (91, 1), (92, 1), (93, 2), (94, 1), (96, 1),
];

/// Thousandths of minutes that eruptions of Old Faithful last and how often (R: faithful$eruptions, 272 values).
#[rustfmt::skip]
const ERUPTIONS: [(u16, u8); 126] = [
    (1600, 1), (1667, 1), (1700, 1), (1733, 1), (1750, 6), (1783, 2), (1800, 4), (1817, 3), (1833, 7), (1850, 2),
    (1867, 8), (1883, 4), (1917, 2), (1933, 2), (1950, 1), (1967, 3), (1983, 3), (2000, 4), (2017, 3), (2033, 2),
    (2067, 1), (2083, 2), (2100, 3), (2133, 1), (2150, 1), (2167, 2), (2183, 1), (2200, 3), (2217, 1), (2233, 2),
    (2250, 2), (2267, 1), (2283, 1), (2300, 1), (2317, 1), (2333, 1), (2350, 1), (2367, 1), (2383, 1), (2400, 2),
    (2417, 2), (2483, 1), (2617, 1), (2633, 1), (2800, 1), (2883, 1), (2900, 1), (3067, 1), (3317, 1), (3333, 2),
    (3367, 1), (3417, 1), (3450, 1), (3500, 2), (3567, 2), (3600, 4), (3683, 1), (3717, 1), (3733, 1), (3750, 1),
    (3767, 2), (3817, 1), (3833, 5), (3850, 2), (3883, 1), (3917, 3), (3950, 2), (3966, 1), (3967, 1), (4000, 6),
    (4033, 2), (4050, 1), (4067, 2), (4083, 5), (4100, 2), (4117, 2), (4133, 2), (4150, 4), (4167, 4), (4183, 1),
    (4200, 1), (4233, 3), (4250, 4), (4267, 2), (4283, 2), (4300, 2), (4317, 1), (4333, 5), (4350, 4), (4366, 1),
    (4367, 3), (4383, 1), (4400, 1), (4417, 4), (4433, 2), (4450, 3), (4467, 2), (4483, 1), (4500, 8), (4517, 1),
    (4533, 5), (4550, 1), (4567, 3), (4583, 4), (4600, 4), (4617, 1), (4633, 3), (4650, 1), (4667, 2), (4700, 6),
    (4716, 1), (4733, 1), (4750, 1), (4767, 1), (4783, 1), (4800, 6), (4817, 2), (4833, 2), (4850, 1), (4883, 1),
    (4900, 2), (4933, 3), (5000, 1), (5033, 1), (5067, 1), (5100, 1),
];

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

#[test]
fn published_dips() {
    close(dip(&FACULTY.map(f64::from)).unwrap(), 0.059_523_809_523_809_52);
    close(dip(&[1.0, 1.0, 2.0, 2.0]).unwrap(), 0.25);
    close(dip(&[0.0, 2.0, 3.0, 5.0, 6.0]).unwrap(), 2.0 / 15.0);
    close(dip(&[6.0, 4.0, 3.0, 1.0, 0.0]).unwrap(), 2.0 / 15.0);
    close(dip(&[0.0, 1.0, 3.0, 6.0]).unwrap(), 0.125);
    let mut spike = [2.0; 10];
    spike[0] = 1.0;
    close(dip(&spike).unwrap(), 0.05);
    // methods: .092381 and .041437, rounded; all digits by the Python port of diptest, 0.12.
    let (minutes, counts): (Vec<f64>, Vec<f64>) =
        WAITING.map(|(v, n)| (f64::from(v), f64::from(n))).into_iter().unzip();
    close(Steps::new(&minutes, &counts).dip(), 0.041_436_887_254_901_96);
    let (minutes, counts): (Vec<f64>, Vec<f64>) =
        ERUPTIONS.map(|(v, n)| (f64::from(v), f64::from(n))).into_iter().unzip();
    close(Steps::new(&minutes, &counts).dip(), 0.092_381_026_306_875_92);
}

#[test]
fn published_p_values() {
    // R's table has .0867 and .0018; three standard errors of ours are .0085 and .0013.
    assert!((p_value(0.059_523_81, 63) - 0.0867).abs() < 0.0085, "{}", p_value(0.059_523_81, 63));
    assert!((p_value(0.041_437, 272) - 0.0018).abs() < 0.0013, "{}", p_value(0.041_437, 272));
    assert_eq!(p_value(0.092_381, 272), 1e-4);
    // The 95 % points of dip * sqrt(n) in R's table (qDiptab, 10^6 samples); above 2,000 values ours is the limit's.
    for (n, point) in [(10, 0.441_490), (50, 0.496_911), (500, 0.530_607), (2000, 0.538_360), (20_000, 0.543_525)] {
        let p = p_value(point / f64::from(n).sqrt(), n as usize);
        assert!((p - 0.05).abs() < 0.0085, "{n} {p}");
    }
}

#[test]
fn ties_are_steps() {
    // By the Python port of diptest, 0.12.
    close(dip(&[0, 1, 3, 3, 4, 4, 5, 5, 5].map(f64::from)).unwrap(), 1.0 / 9.0);
    close(dip(&[0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 4, 4, 4, 4].map(f64::from)).unwrap(), 1.0 / 7.0);
    let many = [8, 10, 11, 13, 17, 18, 19, 20, 20, 22, 23, 24, 28, 28, 31, 32, 33, 39, 39, 39];
    close(dip(&many.map(f64::from)).unwrap(), 0.075);
    let counts = [0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 5, 5, 5, 5, 6, 6, 7, 7, 9, 9, 10, 11, 11, 11];
    close(dip(&counts.map(f64::from)).unwrap(), 0.090_277_777_777_777_78);
    // Steps of equal values, and the same values one by one.
    let (values, weights): (Vec<f64>, Vec<f64>) =
        WAITING.map(|(v, n)| (f64::from(v), f64::from(n))).into_iter().unzip();
    let one_by_one: Vec<f64> = WAITING.iter().flat_map(|&(v, n)| vec![f64::from(v); n.into()]).collect();
    assert_eq!(dip(&one_by_one), Some(Steps::new(&values, &weights).dip()));
}

#[test]
fn place_scale_order_and_direction_change_nothing() {
    let mut rng = stream(2, 0);
    for n in 2..200 {
        let mut x: Vec<f64> = (0..n).map(|_| f64::from(rng.gen_range(0..3 * n))).collect();
        let expected = dip(&x).unwrap();
        assert!((0.5 / f64::from(n)..=0.25).contains(&expected) || x.iter().all(|v| *v == x[0]), "{expected}");
        x.shuffle(&mut rng);
        assert_eq!(dip(&x), Some(expected));
        assert_eq!(dip(&x.iter().map(|v| 8.0 * v - 1024.0).collect::<Vec<_>>()), Some(expected));
        close(dip(&x.iter().map(|v| -v).collect::<Vec<_>>()).unwrap(), expected);
    }
}

#[test]
fn few_or_equal_values() {
    assert_eq!((dip(&[]), dip(&[1.0, f64::NAN]), dip(&[f64::INFINITY, 0.0])), (None, None, None));
    assert_eq!((dip(&[7.0]), dip(&[7.0; 10]), dip(&[1.0, 3.0])), (Some(0.5), Some(0.05), Some(0.25)));
    for n in 1..4 {
        assert_eq!(p_value(0.5 / n as f64, n), 1.0);
    }
}

/// Two clouds in the first feature, `apart` standard deviations from each other.
fn clouds(apart: f64) -> Array2<f64> {
    let mut rng = stream(4, 0);
    Array2::from_shape_fn((600, 3), |(row, feature)| {
        let normal: f64 = StandardNormal.sample(&mut rng);
        normal + if feature == 0 && row % 2 == 0 { apart } else { 0.0 }
    })
}

#[test]
fn two_clouds_are_told_from_one() {
    let two = dip_tests(clouds(8.0).view().into(), 1).unwrap();
    assert_eq!(
        two.iter().map(|test| (test.sample, test.n)).collect::<Vec<_>>(),
        [(Sample::FirstComponent, 600), (Sample::PairwiseDistances, 124_750)]
    );
    assert!(two.iter().all(|test| test.p == 1e-4 && test.p_holm == 2e-4), "{two:?}");
    let one = dip_tests(clouds(0.0).view().into(), 1).unwrap();
    assert!(one.iter().all(|test| test.p > 0.3 && test.p_holm >= test.p), "{one:?}");
}

#[test]
fn threads_order_of_rows_and_weights_change_nothing() {
    let x = clouds(4.0).mapv(|v| (v * 4.0).round());
    let mut order: Vec<usize> = (0..600).collect();
    order.shuffle(&mut stream(5, 0));
    let expected = dip_tests(x.view().into(), 3).unwrap();
    assert_eq!(dip_tests(x.select(Axis(0), &order).view().into(), 3).unwrap(), expected);
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one_thread.install(|| dip_tests(x.view().into(), 3).unwrap()), expected);
    let twice = ndarray::concatenate![Axis(0), x, x];
    let weighted = dip_tests(Points { weights: Some(&[2.0; 600]), ..x.view().into() }, 3).unwrap();
    assert_eq!(weighted, dip_tests(twice.view().into(), 3).unwrap());
}

#[test]
fn corner_cases() {
    let equal = dip_tests(Array2::ones((50, 2)).view().into(), 1).unwrap();
    assert!(equal.iter().all(|test| test.p == 1.0 && test.p_holm == 1.0), "{equal:?}");
    assert_eq!(dip_tests(array![[1.0, 2.0]].view().into(), 1).unwrap().len(), 1);
    assert!(dip_tests(Array2::zeros((0, 2)).view().into(), 1).unwrap().is_empty());
    let narrow = dip_tests(Array2::from_shape_fn((300, 1), |(row, _)| (row * row) as f64).view().into(), 1).unwrap();
    assert!(narrow[0].p > 0.9 && narrow[0].n == 300, "{narrow:?}");
    let constant = ndarray::concatenate![Axis(1), clouds(8.0), Array2::ones((600, 1))];
    assert_eq!(dip_tests(constant.view().into(), 1).unwrap()[0].p, 1e-4);
    assert_eq!(dip_tests(array![[f64::NAN]].view().into(), 1).unwrap_err().code(), "E0346");
    assert_eq!(dip_tests(Array2::zeros((3, 0)).view().into(), 1).unwrap_err().code(), "E0403");
}
