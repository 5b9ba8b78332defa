//! Which cluster of one labelling is which of another: the assignment with the least total cost.

use ndarray::{Array2, ArrayView2};

/// The assignment of rows to columns, each at most once and as many as there can be, with the least sum of `cost`, by
/// shortest augmenting paths (Kuhn 1955; Munkres 1957; Jonker & Volgenant 1987) in time
/// `min(rows, columns)² · max(rows, columns)`. Per row its column; `None` for rows that are left over. Where several assignments
/// cost the same, the costs alone decide which is found.
///
/// # Panics
/// If a cost is not finite.
pub fn assign(cost: ArrayView2<f64>) -> Vec<Option<usize>> {
    assert!(cost.iter().all(|c| c.is_finite()), "costs are finite");
    let (rows, columns) = cost.dim();
    if rows > columns {
        let mut assigned = vec![None; rows];
        for (column, row) in assign(cost.t()).into_iter().enumerate() {
            if let Some(row) = row {
                assigned[row] = Some(column);
            }
        }
        return assigned;
    }
    // Prices such that `cost - of_row - of_column` is nowhere negative, and 0 where a row is assigned.
    let (mut of_row, mut of_column) = (vec![0.0; rows], vec![0.0; columns]);
    let mut owner: Vec<Option<usize>> = vec![None; columns];
    for newcomer in 0..rows {
        // The cheapest way to every column, and the column before it.
        let (mut reach, mut before) = (vec![f64::INFINITY; columns], vec![None; columns]);
        let mut visited = vec![false; columns];
        let (mut row, mut last) = (newcomer, None);
        let free = loop {
            let so_far = last.map_or(0.0, |column: usize| reach[column]);
            let mut next: Option<usize> = None;
            for column in (0..columns).filter(|&column| !visited[column]) {
                let way = so_far + (cost[[row, column]] - of_row[row] - of_column[column]);
                if way < reach[column] {
                    (reach[column], before[column]) = (way, last);
                }
                if next.is_none_or(|next| reach[column] < reach[next]) {
                    next = Some(column);
                }
            }
            // There are at least as many columns as rows, so one is left.
            let Some(column) = next else { return Vec::new() };
            visited[column] = true;
            last = Some(column);
            match owner[column] {
                Some(other) => row = other,
                None => break column,
            }
        };
        let longest = reach[free];
        of_row[newcomer] += longest;
        for column in (0..columns).filter(|&column| visited[column] && column != free) {
            if let Some(row) = owner[column] {
                of_row[row] += longest - reach[column];
            }
            of_column[column] -= longest - reach[column];
        }
        let mut column = free;
        while let Some(previous) = before[column] {
            owner[column] = owner[previous];
            column = previous;
        }
        owner[column] = Some(newcomer);
    }
    let mut assigned = vec![None; rows];
    for (column, row) in owner.into_iter().enumerate() {
        if let Some(row) = row {
            assigned[row] = Some(column);
        }
    }
    assigned
}

/// For every cluster of `a`, by its number, the cluster of `b` that it is matched with, one to one, such that as many rows as can be
/// are in matched clusters in both; `None` where there is none left, or none that shares a row. Rows without a cluster in
/// either take no part.
///
/// # Panics
/// If `a` and `b` differ in length.
pub fn match_by_overlap(a: &[Option<usize>], b: &[Option<usize>]) -> Vec<Option<usize>> {
    let shared = overlap(a, b);
    let matched = assign(shared.mapv(|rows| -(rows as f64)).view());
    matched.into_iter().enumerate().map(|(row, column)| column.filter(|&column| shared[[row, column]] > 0)).collect()
}

/// How many rows every cluster of `a` shares with every cluster of `b`, by their numbers.
///
/// # Panics
/// If `a` and `b` differ in length.
pub fn overlap(a: &[Option<usize>], b: &[Option<usize>]) -> Array2<u64> {
    assert_eq!(a.len(), b.len(), "one label per row");
    let clusters = |labels: &[Option<usize>]| labels.iter().flatten().max().map_or(0, |last| last + 1);
    let mut shared = Array2::zeros((clusters(a), clusters(b)));
    for (a, b) in a.iter().zip(b) {
        if let (Some(a), Some(b)) = (*a, *b) {
            shared[[a, b]] += 1;
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use proptest::prelude::*;

    fn price(cost: &Array2<f64>, assigned: &[Option<usize>]) -> f64 {
        assigned.iter().enumerate().filter_map(|(row, column)| Some(cost[[row, (*column)?]])).sum()
    }

    /// The example of scipy's `linear_sum_assignment`.
    #[test]
    fn the_published_example() {
        let cost = array![[4.0, 1.0, 3.0], [2.0, 0.0, 5.0], [3.0, 2.0, 2.0]];
        let assigned = assign(cost.view());
        assert_eq!(assigned, [Some(1), Some(0), Some(2)]);
        assert_eq!(price(&cost, &assigned), 5.0);
    }

    #[test]
    fn rectangles_leave_some_over() {
        let cost = array![[1.0, 9.0], [0.0, 8.0], [5.0, 2.0]];
        assert_eq!(assign(cost.view()), [None, Some(0), Some(1)]);
        assert_eq!(assign(cost.t()), [Some(1), Some(2)]);
        assert_eq!(assign(Array2::zeros((2, 0)).view()), [None, None]);
        assert_eq!(assign(Array2::zeros((0, 2)).view()), []);
    }

    #[test]
    fn clusters_are_matched_by_what_they_share() {
        let a = [0, 0, 0, 1, 1, 3, 3].map(Some);
        let b = [Some(2), Some(2), Some(0), Some(0), Some(0), None, None];
        assert_eq!(match_by_overlap(&a, &b), [Some(2), Some(0), None, None]);
        assert_eq!(match_by_overlap(&b, &a), [Some(1), None, Some(0)]);
        // The largest overlap first would pair 0 with 0 and share 5 rows; 0 with 1 and 1 with 0 share 7.
        let a = [[0; 8].as_slice(), &[1; 3]].concat().into_iter().map(Some).collect::<Vec<_>>();
        let b = [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0].map(Some);
        assert_eq!(match_by_overlap(&a, &b), [Some(1), Some(0)]);
    }

    proptest! {
        #[test]
        fn no_assignment_is_cheaper(
            rows in 1_usize..6, columns in 1_usize..6, values in proptest::collection::vec(-9_i32..9, 36)
        ) {
            let cost = Array2::from_shape_fn((rows, columns), |(i, j)| f64::from(values[i * 6 + j]));
            let assigned = assign(cost.view());
            let mut taken: Vec<usize> = assigned.iter().flatten().copied().collect();
            prop_assert_eq!(taken.len(), rows.min(columns));
            taken.sort_unstable();
            taken.dedup();
            prop_assert_eq!(taken.len(), rows.min(columns));
            // Every choice of a column, or of none, for every row.
            let options = columns + 1;
            let mut best = f64::INFINITY;
            for code in 0..options.pow(rows as u32) {
                let choice: Vec<Option<usize>> = (0..rows as u32)
                    .map(|row| code / options.pow(row) % options)
                    .map(|column| (column < columns).then_some(column))
                    .collect();
                let mut chosen: Vec<usize> = choice.iter().flatten().copied().collect();
                chosen.sort_unstable();
                chosen.dedup();
                if chosen.len() == rows.min(columns) && choice.iter().flatten().count() == chosen.len() {
                    best = best.min(price(&cost, &choice));
                }
            }
            prop_assert_eq!(price(&cost, &assigned), best);
        }
    }
}
