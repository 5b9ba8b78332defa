//! Which points hang together.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Disjoint sets that many threads may join at once without locks (Anderson & Woll 1991): a root only ever hangs itself
/// below a smaller root, so the sets in the end do not depend on who came first.
#[derive(Debug)]
pub(in crate::cluster) struct Forest(Vec<AtomicU32>);

impl Forest {
    /// `len` sets of one.
    pub(in crate::cluster) fn new(len: usize) -> Self {
        Self((0..len as u32).map(AtomicU32::new).collect())
    }

    /// The smallest member of the set of `at`, once all joining is over.
    pub(in crate::cluster) fn root(&self, at: usize) -> usize {
        let mut at = at as u32;
        loop {
            let parent = self.0[at as usize].load(Relaxed);
            if parent == at {
                return at as usize;
            }
            let above = self.0[parent as usize].load(Relaxed);
            if above != parent {
                // Halves the path. Losing the race is harmless: another thread has moved it further up.
                let _ = self.0[at as usize].compare_exchange(parent, above, Relaxed, Relaxed);
            }
            at = above;
        }
    }

    /// Whether both are known to be in one set.
    pub(in crate::cluster) fn joined(&self, a: usize, b: usize) -> bool {
        self.root(a) == self.root(b)
    }

    /// Joins the sets of `a` and `b`; true if they were apart.
    pub(in crate::cluster) fn join(&self, a: usize, b: usize) -> bool {
        loop {
            let (a, b) = (self.root(a), self.root(b));
            if a == b {
                return false;
            }
            let (low, high) = (a.min(b), a.max(b));
            if self.0[high].compare_exchange(high as u32, low as u32, Relaxed, Relaxed).is_ok() {
                return true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rayon::prelude::*;

    #[test]
    fn sets_joined_by_many_threads_have_their_smallest_member_as_root() {
        let forest = Forest::new(10_000);
        let joins: usize = (0..10_000_usize).into_par_iter().filter(|&i| i >= 7 && forest.join(i, i - 7)).count();
        assert_eq!(joins, 10_000 - 7);
        assert!((0..10_000).all(|i| forest.root(i) == i % 7));
        assert!(forest.joined(3, 10) && !forest.joined(3, 11));
    }
}
