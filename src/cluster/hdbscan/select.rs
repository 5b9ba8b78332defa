//! Which branches of the condensed tree are clusters.

use super::condense::Condensed;
use super::{Hdbscan, Selection};

/// Numbers of the selected branches, ascending; none is above another.
pub(super) fn select(tree: &Condensed, model: &Hdbscan) -> Vec<usize> {
    let branches = &tree.branches;
    let mut children = vec![Vec::new(); branches.len()];
    for (number, branch) in branches.iter().enumerate() {
        if let Some(parent) = branch.parent {
            children[parent].push(number);
        }
    }
    let mut selected: Vec<bool> = match model.cluster_selection_method {
        Selection::Eom => excess_of_mass(tree, &children, model.allow_single_cluster),
        Selection::Leaf => children.iter().enumerate().map(|(i, children)| i > 0 && children.is_empty()).collect(),
    };
    drop_nested(tree, &mut selected);
    let epsilon = model.cluster_selection_epsilon * model.cluster_selection_epsilon;
    if epsilon > 0.0 {
        selected = merge_within(tree, &selected, epsilon, model.allow_single_cluster);
        drop_nested(tree, &mut selected);
    }
    (0..selected.len()).filter(|&i| selected[i]).collect()
}

/// A branch is kept if it is at least as stable as the best choice among its descendants (Campello et al. 2013,
/// algorithm 3).
fn excess_of_mass(tree: &Condensed, children: &[Vec<usize>], allow_single_cluster: bool) -> Vec<bool> {
    let mut best: Vec<f64> = tree.branches.iter().map(|branch| branch.stability).collect();
    let mut selected = vec![true; best.len()];
    for branch in (0..best.len()).rev() {
        let below: f64 = children[branch].iter().map(|&child| best[child]).sum();
        let is_everyone = branch == 0 && !allow_single_cluster;
        if below > best[branch] || is_everyone {
            selected[branch] = false;
            best[branch] = below;
        }
    }
    selected
}

/// Clusters born below `epsilon` give way to the nearest ancestor born above it (Malzer & Baum 2020).
fn merge_within(tree: &Condensed, selected: &[bool], epsilon: f64, allow_single_cluster: bool) -> Vec<bool> {
    let branches = &tree.branches;
    let mut merged = vec![false; branches.len()];
    for number in (0..branches.len()).filter(|&number| selected[number]) {
        let mut kept = number;
        if branches[kept].birth < epsilon {
            while let Some(parent) = branches[kept].parent {
                if parent == 0 && !allow_single_cluster {
                    break;
                }
                kept = parent;
                if branches[kept].birth > epsilon {
                    break;
                }
            }
        }
        merged[kept] = true;
    }
    merged
}

/// Takes out what lies below another.
fn drop_nested(tree: &Condensed, selected: &mut [bool]) {
    let mut below = vec![false; selected.len()];
    for (number, branch) in tree.branches.iter().enumerate() {
        if let Some(parent) = branch.parent {
            below[number] = below[parent] || selected[parent];
        }
        if below[number] {
            selected[number] = false;
        }
    }
}
