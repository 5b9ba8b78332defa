//! What became of each segment from one model to the next: who keeps an id, and on what evidence.
//!
//! The new segments are matched to those of the older model, one to one. Two overlaps count (Jaccard): of the same customers on the same
//! day, as both models see them, which a change of behaviour cannot blur; and of the same people, as the older model saw them on its own
//! day, which follows a segment that moved as a whole. Beside them counts how far the centres are apart in the older model's space. Of
//! the matches with the least total cost those are kept that hold on their own; what is left ended or is new.

use super::segment_id;
use crate::cluster::squared_distance;
use crate::evidence::indices::adjusted_rand;
use crate::evidence::matching::assign;
use ndarray::{Array2, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Overlap from which two segments are one.
const SAME: f64 = 0.5;

/// Overlap below which nearness makes no match.
const SOME: f64 = 0.25;

/// Centres nearer than this, in halves of the way to the next old centre, match where the segments overlap in part.
const NEAR: f64 = 1.0;

/// Overlap from which, and way up to which, a segment is what it was.
const UNCHANGED: f64 = 0.75;
/// See [`UNCHANGED`]; in halves of the way to the next old centre.
const UNMOVED: f64 = 0.4;

/// Share of a segment that makes it come from another, go into another, or lie beyond what was known.
const MOST: f64 = 0.5;

/// A segment with less than this part of the share that it had has died.
const GONE: f64 = 0.2;

/// Agreement of two models (adjusted Rand index) below which no segment of one is a segment of the other.
const UNRELATED: f64 = 0.2;

/// What two models say of the same customers on the same day.
#[derive(Debug, Clone, Copy)]
pub struct Rulers<'a> {
    /// The segment of each customer by the older model; `None` for none.
    pub old: &'a [Option<usize>],
    /// By the newer one.
    pub new: &'a [Option<usize>],
    /// By the older model on its own day; `None` for those in no segment or not there yet.
    pub then: &'a [Option<usize>],
    /// Who lies farther from every old segment than customers did when it was made.
    pub beyond: &'a [bool],
    /// Centres of the old segments in the older model's space.
    pub old_centres: ArrayView2<'a, f64>,
    /// Centres of the new segments' customers in the same space.
    pub new_centres: ArrayView2<'a, f64>,
    /// How far customers of the older model lay from their segment: stands for the way to the next where there is none.
    pub reach: f64,
    /// The share that each old segment had on its own day.
    pub old_shares: &'a [f64],
}

/// What happened to a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It is what it was.
    Survived,
    /// It is the same one, but has moved or has other borders.
    Drifted,
    /// It has come apart: the id stays with one part, if one is most of it; the others say from where they are.
    Split,
    /// Others have gone into it, or it has gone into another.
    Merged,
    /// Nothing like it was there.
    Born,
    /// Hardly anybody is left of it.
    Died,
}

impl Lineage {
    /// Where two models cannot be compared at all: all `clusters` ids are new, and all `known` ones end.
    pub fn refused(why: String, known: &[(String, String)], from: &str, clusters: usize, next_id: usize) -> Self {
        let life = |b: usize| Life {
            id: segment_id(next_id + b - 1),
            event: Event::Born,
            from: Vec::new(),
            overlap: 0.0,
            same_people: 0.0,
            shift: None,
            beyond: 0.0,
        };
        let end = |(id, name): &(String, String)| End {
            id: id.clone(),
            name: name.clone(),
            event: Event::Died,
            into: Vec::new(),
            share_then: 0.0,
            share_now: 0.0,
        };
        Self {
            from: from.into(),
            refused: Some(why),
            customers: 0,
            agreement: 0.0,
            related: false,
            lives: (0..clusters).map(life).collect(),
            ended: known.iter().map(end).collect(),
            next_id: next_id + clusters,
        }
    }

    /// In one line: `5 segments beside those of 2024-Q1.1: 4 survived, 1 new (S06)`.
    pub fn words(&self) -> String {
        let n = self.lives.len();
        if let Some(why) = &self.refused {
            return format!("{n} segments, all new: they cannot be compared with {} ({why})", self.from);
        }
        if !self.related {
            return format!(
                "{n} segments, all new: none is one of {} (agreement {:.2}; below {UNRELATED} nothing is matched)",
                self.from, self.agreement
            );
        }
        let all = [Event::Survived, Event::Drifted, Event::Split, Event::Merged, Event::Born];
        let of = |event: Event| {
            let ids: Vec<&str> = self.lives.iter().filter(|l| l.event == event).map(|l| l.id.as_str()).collect();
            (!ids.is_empty()).then(|| match event {
                Event::Survived => format!("{} survived", ids.len()),
                _ => format!("{} {} ({})", ids.len(), event.words(), ids.join(", ")),
            })
        };
        let mut parts: Vec<String> = all.into_iter().filter_map(of).collect();
        if !self.ended.is_empty() {
            let ids: Vec<&str> = self.ended.iter().map(|end| end.id.as_str()).collect();
            parts.push(format!("{} ended ({})", ids.len(), ids.join(", ")));
        }
        format!("{n} segments beside those of {}: {}", self.from, parts.join(", "))
    }

    /// The same with the ids that the new segments have already, in their order.
    #[must_use]
    pub fn under(mut self, ids: &[String]) -> Self {
        let given: Vec<String> = self.lives.iter().map(|life| life.id.clone()).collect();
        let known = |id: &String| given.iter().position(|given| given == id).and_then(|at| ids.get(at));
        for end in &mut self.ended {
            end.into.iter_mut().for_each(|id| {
                if let Some(own) = known(id) {
                    id.clone_from(own);
                }
            });
        }
        self.lives.iter_mut().zip(ids).for_each(|(life, id)| life.id.clone_from(id));
        self
    }

    /// How many of the new segments are of no old one.
    fn fresh(&self) -> usize {
        (0..self.lives.len()).filter(|segment| self.kin(*segment).is_none()).count()
    }

    /// The old segment that a new one goes on as, if it does.
    pub fn kin(&self, segment: usize) -> Option<&str> {
        let life = self.lives.get(segment)?;
        life.from.iter().find(|id| **id == life.id).map(String::as_str)
    }
}

impl Event {
    /// In a word: `drifted`.
    pub fn words(self) -> &'static str {
        match self {
            Event::Survived => "survived",
            Event::Drifted => "drifted",
            Event::Split => "split",
            Event::Merged => "merged",
            Event::Born => "new",
            Event::Died => "died",
        }
    }
}

/// A new segment and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Life {
    /// Its id: that of the old segment which it is, or one that was never used.
    pub id: String,
    /// What happened.
    pub event: Event,
    /// Old segments that it is, came apart from, or that went into it; the nearest of kin first.
    pub from: Vec<String>,
    /// Jaccard overlap with the first of `from` by both models on the same day; 0 without.
    pub overlap: f64,
    /// Jaccard overlap of the same people, the older model on its own day.
    pub same_people: f64,
    /// How far the centre moved, in halves of the way from the old centre to the next old one.
    pub shift: Option<f64>,
    /// Share of its customers beyond what the older model knew.
    pub beyond: f64,
}

/// An old segment whose id ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct End {
    /// Its id, never to be used again.
    pub id: String,
    /// Its last name.
    pub name: String,
    /// Died, merged or split.
    pub event: Event,
    /// Where its customers are now.
    pub into: Vec<String>,
    /// Its share when the older model was made.
    pub share_then: f64,
    /// Its share by the older model today.
    pub share_now: f64,
}

/// The segments of a model beside those of an older one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lineage {
    /// Version of the older model.
    pub from: String,
    /// Why the models cannot be compared, if they cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Customers that both models were asked about.
    pub customers: usize,
    /// How far both agree about them (adjusted Rand index).
    pub agreement: f64,
    /// Whether they can be matched honestly: below an agreement of 0.2 all ids are new.
    pub related: bool,
    /// The new segments, in their order.
    pub lives: Vec<Life>,
    /// Old ids that end.
    pub ended: Vec<End>,
    /// The number of the next id that was never used.
    pub next_id: usize,
}

/// What a version keeps: `lineage.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The number of the next id that neither this version nor one before it has used.
    pub next_id: usize,
    /// What became of the segments of the model before; `None` for a first one.
    pub lineage: Option<Lineage>,
}

impl Record {
    /// Of a version with so many segments.
    pub fn new(segments: usize, lineage: Option<Lineage>) -> Self {
        Self { next_id: lineage.as_ref().map_or(segments + 1, |lineage| lineage.next_id), lineage }
    }

    /// The number of the first id that was free when the version was made.
    pub fn first_id(&self) -> usize {
        self.lineage.as_ref().map_or(1, |lineage| self.next_id - lineage.fresh())
    }
}

/// The number in an id of a segment: 7 of `S07`.
pub fn id_number(id: &str) -> Option<usize> {
    id.strip_prefix('S')?.parse().ok()
}

/// How customers of two labellings overlap.
struct Overlap {
    both: Array2<f64>,
    old: Vec<f64>,
    new: Vec<f64>,
}

impl Overlap {
    fn of(
        old: &[Option<usize>],
        new: &[Option<usize>],
        (n_old, n_new): (usize, usize),
        counts: impl Fn(usize) -> bool,
    ) -> Self {
        let mut overlap = Self { both: Array2::zeros((n_old, n_new)), old: vec![0.0; n_old], new: vec![0.0; n_new] };
        for (row, (a, b)) in old.iter().zip(new).enumerate() {
            if !counts(row) {
                continue;
            }
            a.iter().for_each(|a| overlap.old[*a] += 1.0);
            b.iter().for_each(|b| overlap.new[*b] += 1.0);
            if let (Some(a), Some(b)) = (a, b) {
                overlap.both[[*a, *b]] += 1.0;
            }
        }
        overlap
    }

    fn jaccard(&self, a: usize, b: usize) -> f64 {
        let union = self.old[a] + self.new[b] - self.both[[a, b]];
        if union > 0.0 { self.both[[a, b]] / union } else { 0.0 }
    }

    /// The old segment that most of `b` is in, and its share.
    fn parent(&self, b: usize) -> Option<(usize, f64)> {
        let share = |a: usize| if self.new[b] > 0.0 { self.both[[a, b]] / self.new[b] } else { 0.0 };
        (0..self.old.len()).map(|a| (a, share(a))).max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.cmp(&x.0)))
    }

    /// The new segment that most of `a` is in, and its share.
    fn heir(&self, a: usize) -> Option<(usize, f64)> {
        let share = |b: usize| if self.old[a] > 0.0 { self.both[[a, b]] / self.old[a] } else { 0.0 };
        (0..self.new.len()).map(|b| (b, share(b))).max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.cmp(&x.0)))
    }
}

fn distance(a: ndarray::ArrayView1<f64>, b: ndarray::ArrayView1<f64>) -> f64 {
    squared_distance(&a.to_vec(), &b.to_vec()).sqrt()
}

/// Traces the new segments back to those of the model `from`, whose ids and names are `known`. `next_id` is the number of the first id
/// that was never used.
pub fn trace(rulers: Rulers, known: &[(String, String)], from: &str, next_id: usize) -> Lineage {
    let (n_old, n_new) = (rulers.old_centres.nrows(), rulers.new_centres.nrows());
    let today = Overlap::of(rulers.old, rulers.new, (n_old, n_new), |_| true);
    let people = Overlap::of(rulers.then, rulers.new, (n_old, n_new), |row| rulers.then[row].is_some());
    let agreement = adjusted_rand(rulers.old, rulers.new);
    let way = |a: usize, b: usize| distance(rulers.old_centres.row(a), rulers.new_centres.row(b));
    let half = |a: usize| {
        let others = (0..n_old).filter(|other| *other != a);
        let next = others
            .map(|other| distance(rulers.old_centres.row(a), rulers.old_centres.row(other)))
            .fold(f64::INFINITY, f64::min);
        if next.is_finite() { next / 2.0 } else { rulers.reach / 2.0 }
    };
    let shift = |a: usize, b: usize| {
        if half(a) > 0.0 {
            way(a, b) / half(a)
        } else if way(a, b) > 0.0 {
            f64::MAX
        } else {
            0.0
        }
    };
    let overlap = |a: usize, b: usize| today.jaccard(a, b).max(people.jaccard(a, b));
    let beyond: Vec<f64> = (0..n_new)
        .map(|b| {
            let of_b = || rulers.new.iter().zip(rulers.beyond).filter(|(new, _)| **new == Some(b));
            of_b().filter(|(_, beyond)| **beyond).count() as f64 / of_b().count().max(1) as f64
        })
        .collect();
    // Of one segment the index says nothing: it is everybody, so all others are its parts.
    let related = n_old == 1 || n_new == 1 || agreement >= UNRELATED;
    let farthest = (0..n_old)
        .flat_map(|a| (0..n_new).map(move |b| (a, b)))
        .map(|(a, b)| way(a, b))
        .fold(f64::MIN_POSITIVE, f64::max);
    let cost = Array2::from_shape_fn((n_old, n_new), |(a, b)| 0.5 * (1.0 - overlap(a, b)) + 0.5 * way(a, b) / farthest);
    let holds = |a: usize, b: usize| {
        let moved_together = people.jaccard(a, b) > SAME;
        let known = beyond[b] <= MOST || moved_together;
        related && known && (overlap(a, b) > SAME || (overlap(a, b) >= SOME && shift(a, b) < NEAR))
    };
    let mut heir: Vec<Option<usize>> = assign(cost.view());
    for (a, b) in heir.iter_mut().enumerate() {
        *b = b.filter(|b| holds(a, *b));
    }
    let mut kin: Vec<Option<usize>> = vec![None; n_new];
    heir.iter().enumerate().for_each(|(a, b)| {
        if let Some(b) = b {
            kin[*b] = Some(a)
        }
    });

    // What has no match came from somewhere, or went somewhere: where most of the people are now, or of those who look like them.
    let all_now = rulers.old.iter().flatten().count().max(1) as f64;
    let share_now = |a: usize| today.old[a] / all_now;
    let gone_to: Vec<Option<usize>> = (0..n_old)
        .map(|a| {
            let most = |heir: &(usize, f64)| related && heir.1 >= MOST;
            let alike = || today.heir(a).filter(|_| share_now(a) >= GONE * rulers.old_shares[a]);
            people.heir(a).filter(most).or_else(|| alike().filter(most)).map(|heir| heir.0)
        })
        .collect();
    for (b, kin) in kin.iter_mut().enumerate() {
        let parts: Vec<usize> = (0..n_old).filter(|a| heir[*a].is_none() && gone_to[*a] == Some(b)).collect();
        if kin.is_none() && parts.len() > 1 {
            // Two became one: it goes on as the one that is more of it.
            let more = |x: &&usize, y: &&usize| overlap(**x, b).total_cmp(&overlap(**y, b)).then(y.cmp(x));
            *kin = parts.iter().max_by(more).copied();
            kin.iter().for_each(|a| heir[*a] = Some(b));
        }
    }
    let merged_into: Vec<Option<usize>> =
        (0..n_old).map(|a| gone_to[a].filter(|b| heir[a].is_none() && kin[*b].is_some())).collect();
    let split_from: Vec<Option<usize>> = (0..n_new)
        .map(|b| {
            if kin[b].is_some() || !related {
                return None;
            }
            // Beyond what was known the older model is only guessing, but most of the people may have been together before.
            let known = people.new[b] >= MOST * today.new[b];
            let parent = if beyond[b] <= MOST { today.parent(b) } else { people.parent(b).filter(|_| known) };
            parent.filter(|parent| parent.1 >= MOST).map(|parent| parent.0)
        })
        .collect();

    let mut number = next_id;
    let mut fresh = || {
        number += 1;
        segment_id(number - 2)
    };
    let id_of = |a: usize| known[a].0.clone();
    let lives: Vec<Life> = (0..n_new)
        .map(|b| {
            let parent = kin[b].or(split_from[b]);
            let id = kin[b].map_or_else(&mut fresh, id_of);
            let absorbed = (0..n_old).filter(|a| merged_into[*a] == Some(b));
            let event = match kin[b] {
                None if parent.is_some() => Event::Split,
                None => Event::Born,
                Some(a) if split_from.contains(&Some(a)) => Event::Split,
                Some(_) if absorbed.clone().next().is_some() => Event::Merged,
                Some(a) if overlap(a, b) >= UNCHANGED && shift(a, b) <= UNMOVED => Event::Survived,
                Some(_) => Event::Drifted,
            };
            Life {
                id,
                event,
                from: parent.into_iter().chain(absorbed).map(id_of).collect(),
                overlap: parent.map_or(0.0, |a| today.jaccard(a, b)),
                same_people: parent.map_or(0.0, |a| people.jaccard(a, b)),
                shift: parent.map(|a| shift(a, b)),
                beyond: beyond[b],
            }
        })
        .collect();
    let ended = (0..n_old).filter(|a| heir[*a].is_none()).map(|a| {
        let parts: Vec<usize> = (0..n_new).filter(|b| split_from[*b] == Some(a)).collect();
        let (event, into) = match merged_into[a] {
            Some(b) => (Event::Merged, vec![b]),
            None if !parts.is_empty() => (Event::Split, parts),
            None => (Event::Died, Vec::new()),
        };
        let into = into.into_iter().map(|b| lives[b].id.clone()).collect();
        End {
            id: id_of(a),
            name: known[a].1.clone(),
            event,
            into,
            share_then: rulers.old_shares[a],
            share_now: share_now(a),
        }
    });
    let ended = ended.collect();
    Lineage {
        from: from.into(),
        refused: None,
        customers: rulers.old.len(),
        agreement,
        related,
        lives,
        ended,
        next_id: number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten customers who were and are in the segments given, all of them known; centres far apart.
    fn traced(old: [usize; 10], new: [usize; 10]) -> Lineage {
        let labels = |of: [usize; 10]| of.map(Some);
        let n = |of: [usize; 10]| of.iter().max().map_or(0, |last| last + 1);
        let centres = |of: [usize; 10]| Array2::from_shape_fn((n(of), 1), |(segment, _)| 10.0 * segment as f64);
        let (a, b) = (labels(old), labels(new));
        let shares: Vec<f64> = (0..n(old)).map(|s| old.iter().filter(|o| **o == s).count() as f64 / 10.0).collect();
        let known: Vec<(String, String)> = (0..n(old)).map(|s| (segment_id(s), format!("Name {s}"))).collect();
        let (old_centres, new_centres) = (centres(old), centres(new));
        let rulers = Rulers {
            old: &a,
            new: &b,
            then: &a,
            beyond: &[false; 10],
            old_centres: old_centres.view(),
            new_centres: new_centres.view(),
            reach: 4.0,
            old_shares: &shares,
        };
        trace(rulers, &known, "1", n(old) + 1)
    }

    #[test]
    fn everybody_stays_comes_apart_or_comes_together() {
        let (all, halves) = ([0; 10], [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
        let same = traced(all, all);
        assert_eq!((same.lives[0].id.as_str(), same.lives[0].event), ("S01", Event::Survived));
        let apart = traced(all, halves);
        let ids: Vec<(&str, Event)> = apart.lives.iter().map(|life| (life.id.as_str(), life.event)).collect();
        assert_eq!(ids, [("S01", Event::Split), ("S02", Event::Split)]);
        assert!(apart.ended.is_empty() && apart.lives[1].from == ["S01"]);
        let together = traced(halves, all);
        assert_eq!((together.lives[0].id.as_str(), together.lives[0].event), ("S01", Event::Merged));
        assert_eq!(
            (together.ended[0].id.as_str(), together.ended[0].into.as_slice()),
            ("S02", &["S01".to_string()][..])
        );
    }

    #[test]
    fn ids_are_counted_on_and_refusals_have_their_words() {
        let apart = traced([0; 10], [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(apart.words(), "2 segments beside those of 1: 2 split (S01, S02)");
        let record = Record::new(2, Some(apart));
        assert_eq!((record.first_id(), record.next_id), (2, 3));
        assert_eq!(Record::new(4, None), Record { next_id: 5, lineage: None });
        let known = [("S01".to_string(), "All".to_string())];
        let refused = Lineage::refused("`age` is gone".into(), &known, "1", 2, 7);
        assert_eq!(refused.words(), "2 segments, all new: they cannot be compared with 1 (`age` is gone)");
        assert_eq!((refused.lives[1].id.as_str(), refused.next_id), ("S08", 9));
        assert_eq!(Record::new(2, Some(refused)).first_id(), 7);
        // Labels that have nothing to do with one another.
        let unrelated = traced([0, 1, 0, 1, 0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 0, 0, 1, 1, 0, 0]);
        assert!(!unrelated.related && unrelated.words().contains("none is one of 1"), "{unrelated:?}");
        assert_eq!(unrelated.under(&["S05".into(), "S06".into()]).lives[1].id, "S06");
    }
}
