//! How far two labellings of the same rows agree, corrected for chance. Every distinct value is a class; `None` (noise) is
//! one more.

use super::total::total;

/// How many rows each pair of classes shares.
#[derive(Debug)]
struct Contingency {
    rows: u64,
    /// Rows shared by two classes, and the rows in either.
    cells: Vec<[u64; 3]>,
    /// Rows per class of the one labelling and of the other, ascending.
    sizes: [Vec<u64>; 2],
}

impl Contingency {
    fn new<A: Ord + Copy, B: Ord + Copy>(a: &[A], b: &[B]) -> Self {
        assert_eq!(a.len(), b.len(), "one label per row");
        /// The distinct values and how often each is there.
        fn runs<T: Ord + Copy>(mut values: Vec<T>) -> Vec<(T, u64)> {
            values.sort_unstable();
            values.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u64)).collect()
        }
        fn size<T: Ord>(runs: &[(T, u64)], class: &T) -> u64 {
            runs.binary_search_by(|(value, _)| value.cmp(class)).map_or(0, |at| runs[at].1)
        }
        fn sizes<T>(runs: &[(T, u64)]) -> Vec<u64> {
            let mut sizes: Vec<u64> = runs.iter().map(|(_, size)| *size).collect();
            sizes.sort_unstable();
            sizes
        }
        let (in_a, in_b) = (runs(a.to_vec()), runs(b.to_vec()));
        let both = runs(a.iter().copied().zip(b.iter().copied()).collect());
        let cells = both.iter().map(|((a, b), shared)| [*shared, size(&in_a, a), size(&in_b, b)]).collect();
        Self { rows: a.len() as u64, cells, sizes: [sizes(&in_a), sizes(&in_b)] }
    }

    /// Whether both are the same partition.
    fn is_the_same(&self) -> bool {
        self.cells.iter().all(|&[shared, in_a, in_b]| shared == in_a && shared == in_b)
    }
}

/// The adjusted Rand index (Hubert & Arabie 1985): 1 for the same partition, about 0 for unrelated ones.
///
/// # Panics
/// If `a` and `b` differ in length.
pub fn adjusted_rand<A: Ord + Copy, B: Ord + Copy>(a: &[A], b: &[B]) -> f64 {
    let table = Contingency::new(a, b);
    let pairs = |count: u64| count as f64 * (count as f64 - 1.0) / 2.0;
    let both: f64 = total(table.cells.iter().map(|&[shared, ..]| pairs(shared)));
    let [in_a, in_b] = table.sizes.each_ref().map(|sizes| total(sizes.iter().map(|&size| pairs(size))));
    let all = pairs(table.rows);
    let expected = if all > 0.0 { in_a * in_b / all } else { 0.0 };
    let most = (in_a + in_b) / 2.0;
    // Both put everyone together, or both put everyone apart: the same partition.
    if most == expected { 1.0 } else { (both - expected) / (most - expected) }
}

/// Adjusted mutual information (Vinh, Epps & Bailey 2010, AMI with the arithmetic mean of the entropies, as in
/// scikit-learn): `(I - E[I]) / ((H(a) + H(b)) / 2 - E[I])`, the expectation over all labellings with classes of these sizes. 1 for
/// the same partition, about 0 for unrelated ones. Against [`adjusted_rand`] it gives small classes more say (Romano et al.
/// 2016).
///
/// # Panics
/// If `a` and `b` differ in length.
pub fn adjusted_mutual_information<A: Ord + Copy, B: Ord + Copy>(a: &[A], b: &[B]) -> f64 {
    let table = Contingency::new(a, b);
    if table.is_the_same() {
        return 1.0;
    }
    let n = table.rows as f64;
    let information = total(table.cells.iter().map(|&[shared, in_a, in_b]| term(shared, in_a, in_b, n)));
    let entropy = |sizes: &[u64]| -total(sizes.iter().map(|&size| size as f64 / n * (size as f64 / n).ln()));
    let most = (entropy(&table.sizes[0]) + entropy(&table.sizes[1])) / 2.0;
    let expected = expected_information(&table.sizes, table.rows);
    (information - expected) / (most - expected)
}

/// What `shared` rows of classes with `in_a` and `in_b` rows add to the mutual information, in nats.
fn term(shared: u64, in_a: u64, in_b: u64, n: f64) -> f64 {
    let shared = shared as f64;
    if shared > 0.0 { shared / n * (n / in_a as f64 * shared / in_b as f64).ln() } else { 0.0 }
}

/// The mutual information to expect of labellings with classes of these sizes (Vinh, Epps & Bailey 2010, theorem 1).
fn expected_information(sizes: &[Vec<u64>; 2], rows: u64) -> f64 {
    let distinct = |sizes: &Vec<u64>| -> Vec<(u64, f64)> {
        sizes.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as f64)).collect()
    };
    let [in_a, in_b] = sizes.each_ref().map(distinct);
    let pairs = in_a.iter().flat_map(|&(a, times_a)| in_b.iter().map(move |&(b, times_b)| (a, b, times_a * times_b)));
    let terms: Vec<f64> = pairs.map(|(a, b, times)| times * expected_term(a, b, rows)).collect();
    total(terms.iter().copied())
}

/// The expected [`term`] of classes with `a` and `b` of `rows` rows, whose shared rows are hypergeometric. Probabilities are
/// taken relative to that of the mode, step by step to either side until they are nothing, and divided by their sum: no
/// factorials, and some ten standard deviations of steps.
fn expected_term(a: u64, b: u64, rows: u64) -> f64 {
    /// A probability that no longer counts.
    const NOTHING: f64 = 1e-30;
    let (least, most) = ((a + b).saturating_sub(rows), a.min(b));
    let mode = (u128::from(a + 1) * u128::from(b + 1) / u128::from(rows + 2)) as u64;
    let mode = mode.clamp(least, most);
    let n = rows as f64;
    // Rows in neither class, less those shared.
    let neither = |shared: u64| (rows + shared - a - b) as f64;
    let (mut mass, mut sum) = (1.0, term(mode, a, b, n));
    let (mut weight, mut shared) = (1.0, mode);
    while shared < most && weight > NOTHING {
        weight *= (a - shared) as f64 * (b - shared) as f64 / ((shared + 1) as f64 * neither(shared + 1));
        shared += 1;
        mass += weight;
        sum += weight * term(shared, a, b, n);
    }
    (weight, shared) = (1.0, mode);
    while shared > least && weight > NOTHING {
        weight *= shared as f64 * neither(shared) / ((a - shared + 1) as f64 * (b - shared + 1) as f64);
        shared -= 1;
        mass += weight;
        sum += weight * term(shared, a, b, n);
    }
    sum / mass
}

#[cfg(test)]
mod tests {
    use super::super::tests::close;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn adjusted_rand_of_the_published_cases() {
        close(adjusted_rand(&[0, 0, 1, 2], &[0, 0, 1, 1]), 0.571_428_571);
        close(adjusted_rand(&[0, 0, 1, 1], &[0, 1, 0, 1]), -0.5);
        close(adjusted_rand(&[5, 5, 9], &['b', 'b', 'a']), 1.0);
        close(adjusted_rand(&[1, 1], &[2, 2]), 1.0);
        close(adjusted_rand(&[None, None, Some(0)], &[Some(7), Some(7), None]), 1.0);
        close(adjusted_rand::<usize, usize>(&[], &[]), 1.0);
    }

    /// `adjusted_mutual_info_score` and `adjusted_rand_score` of scikit-learn 1.9.1 on the same labels.
    #[test]
    fn both_as_scikit_learn_has_them() {
        let check = |a: &[usize], b: &[usize], information: f64, rand: f64| {
            let (found, other) = (adjusted_mutual_information(a, b), adjusted_mutual_information(b, a));
            assert!((found - information).abs() < 1e-12, "{found} instead of {information}");
            assert!((found - other).abs() < 1e-14);
            assert!((adjusted_rand(a, b) - rand).abs() < 1e-12);
        };
        check(&[0, 0, 1, 2], &[0, 0, 1, 1], 0.571_428_571_428_571_4, 0.571_428_571_428_571_4);
        check(&[0, 0, 1, 1], &[0, 1, 0, 1], -0.5, -0.5);
        check(&[0, 0, 0, 1, 1, 1], &[0, 0, 1, 1, 2, 2], 0.298_792_458_170_890_1, 0.242_424_242_424_242_43);
        check(&[0; 5], &[0, 1, 2, 3, 4], 0.0, 0.0);
        check(
            &[1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3],
            &[1, 1, 1, 1, 2, 1, 2, 2, 2, 2, 3, 1, 3, 3, 3, 2, 2],
            0.278_209_646_572_698_1,
            0.266_940_451_745_379_9,
        );
        check(&[0, 0, 0, 0, 1, 1, 1, 1], &[0, 0, 0, 0, 0, 0, 0, 1], 0.0, 0.0);
        let a: Vec<usize> = (0..5000).map(|i| i * i % 7).collect();
        let b: Vec<usize> = (0..5000).map(|i| if i % 3 == 0 { a[i] } else { i * i * i % 5 }).collect();
        check(&a, &b, 0.107_688_895_896_068_95, 0.118_597_628_185_093_2);
    }

    #[test]
    fn the_same_partition_is_one_whatever_its_names() {
        close(adjusted_mutual_information(&[5, 5, 9], &['b', 'b', 'a']), 1.0);
        close(adjusted_mutual_information(&[1, 1], &[2, 2]), 1.0);
        close(adjusted_mutual_information(&[1, 2, 3], &[7, 5, 6]), 1.0);
        close(adjusted_mutual_information(&[None, None, Some(0)], &[Some(7), Some(7), None]), 1.0);
        close(adjusted_mutual_information::<usize, usize>(&[], &[]), 1.0);
    }

    proptest! {
        /// The expectation over all permutations, by all permutations.
        #[test]
        fn the_expectation_is_that_of_all_orders(
            a in proptest::collection::vec(0_usize..3, 6), b in proptest::collection::vec(0_usize..3, 6)
        ) {
            let information = |a: &[usize], b: &[usize]| {
                let table = Contingency::new(a, b);
                table.cells.iter().map(|&[shared, in_a, in_b]| term(shared, in_a, in_b, 6.0)).sum::<f64>()
            };
            let (mut sum, mut count) = (0.0, 0.0);
            for code in 0..6_usize.pow(6) {
                let order: Vec<usize> = (0..6).map(|place| code / 6_usize.pow(place) % 6).collect();
                if (0..6).all(|i| order.contains(&i)) {
                    let moved: Vec<usize> = order.iter().map(|&i| b[i]).collect();
                    sum += information(&a, &moved);
                    count += 1.0;
                }
            }
            let found = expected_information(&Contingency::new(&a, &b).sizes, 6);
            prop_assert!((found - sum / count).abs() < 1e-12, "{} {}", found, sum / count);
        }
    }
}
