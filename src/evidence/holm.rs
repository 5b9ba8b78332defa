//! Several tests at once.

/// P-values adjusted for their number by Holm (1979, Scandinavian Journal of Statistics 6:65-70), in the order given: the
/// chance of one false finding or more among those with an adjusted value up to `alpha` is at most `alpha`, however the
/// tests depend on each other.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let (mut adjusted, mut largest) = (vec![0.0; p.len()], 0.0_f64);
    for (rank, &test) in order.iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[test]).min(1.0);
        adjusted[test] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_counts_for_all_and_order_is_kept() {
        // R: p.adjust(c(.01, .04, .03, .005), "holm")
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        assert!(adjusted.iter().zip(expected).all(|(a, e)| (a - e).abs() < 1e-15), "{adjusted:?}");
        assert_eq!(holm(&[0.8, 0.9]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }
}
