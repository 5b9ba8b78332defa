//! Building a [`Tree`].

use super::{LEAF, Node, Tree};

/// A value of the feature that is split, and the row.
type Key = (f64, u32);

/// Below so many leaves a subtree is not worth a task of its own.
const LEAVES_PER_TASK: usize = 64;

impl Tree {
    /// The tree over `points` (rows × `width`), which are distinct, finite and at least one.
    pub(in crate::cluster) fn new(points: &[f64], width: usize) -> Self {
        let len = points.len() / width;
        let mut tree = Self { width, len, blocks: Vec::new(), boxes: Vec::new(), rows: Vec::new() };
        tree.blocks = vec![f64::INFINITY; tree.leaves() * width * LEAF];
        tree.boxes = vec![0.0; tree.nodes() * 2 * width];
        let mut keys: Vec<Key> = (0..len as u32).map(|row| (0.0, row)).collect();
        let root = tree.root();
        grow(points, width, root, &mut keys, &mut tree.blocks, &mut tree.boxes);
        tree.rows = keys.into_iter().map(|(_, row)| row).collect();
        tree
    }
}

/// Orders `keys` so that every leaf below `node` has its own, and fills blocks and boxes of `node`.
fn grow(points: &[f64], width: usize, node: Node, keys: &mut [Key], blocks: &mut [f64], boxes: &mut [f64]) {
    if node.is_leaf() {
        keys.sort_unstable_by_key(|key| key.1);
        for (slot, &(_, row)) in keys.iter().enumerate() {
            for f in 0..width {
                blocks[f * LEAF + slot] = points[row as usize * width + f];
            }
        }
        for f in 0..width {
            let column = &blocks[f * LEAF..][..keys.len()];
            boxes[f] = column.iter().copied().fold(f64::INFINITY, f64::min);
            boxes[width + f] = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        }
        return;
    }
    let (left, right) = node.children();
    let split = left.leaves * LEAF;
    let column = widest(points, width, keys);
    keys.iter_mut().for_each(|key| key.0 = points[key.1 as usize * width + column]);
    // The row decides between equal values, so both halves are sets that the points alone determine.
    keys.select_nth_unstable_by(split, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (left_keys, right_keys) = keys.split_at_mut(split);
    let (left_blocks, right_blocks) = blocks.split_at_mut(split * width);
    let (own, below) = boxes.split_at_mut(2 * width);
    let (left_boxes, right_boxes) = below.split_at_mut((2 * left.leaves - 1) * 2 * width);
    let mut grow_left = |boxes: &mut [f64]| grow(points, width, left, left_keys, left_blocks, boxes);
    let mut grow_right = |boxes: &mut [f64]| grow(points, width, right, right_keys, right_blocks, boxes);
    if node.leaves > LEAVES_PER_TASK {
        rayon::join(|| grow_left(left_boxes), || grow_right(right_boxes));
    } else {
        grow_left(left_boxes);
        grow_right(right_boxes);
    }
    for f in 0..width {
        own[f] = left_boxes[f].min(right_boxes[f]);
        own[width + f] = left_boxes[width + f].max(right_boxes[width + f]);
    }
}

/// The feature of the widest range among at most a few hundred of the rows: it steers the shape of the tree only, and a
/// look at every row would cost as much as the split itself.
fn widest(points: &[f64], width: usize, keys: &[Key]) -> usize {
    const LOOKED_AT: usize = 256;
    let step = keys.len().div_ceil(LOOKED_AT);
    let range = |f: usize| {
        let values = keys.iter().step_by(step).map(|key| points[key.1 as usize * width + f]);
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        high - low
    };
    let mut best = (0, range(0));
    for f in 1..width {
        let range = range(f);
        if range > best.1 {
            best = (f, range);
        }
    }
    best.0
}
