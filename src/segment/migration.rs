//! Who moved between segments from one day to another, both days seen by one model: a second model would mix what customers did with
//! what the ruler does.
//!
//! A move is beyond chance where it is more frequent than refits of the same day would make it ([`crate::evidence::stability::refits`]): the
//! borders between segments are only known that well, and whoever sits on one changes sides by nothing.

use super::UNCLUSTERED;
use super::profile::wilson;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Customers on one day.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// The day, ISO.
    pub day: &'a str,
    /// Ascending.
    pub ids: &'a [String],
    /// The place of each among the segments; `None` for those in none.
    pub labels: &'a [Option<usize>],
    /// What each has spent until then; `None` where the data hold no money.
    pub revenue: Option<&'a [f64]>,
}

/// How often refits of one day put customers of one segment into another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chance {
    /// The segments; the last is [`UNCLUSTERED`].
    pub places: Vec<String>,
    /// Per place of one refit: the share of its customers that another refit has in each place. A row of zeros for an empty one.
    pub shares: Vec<Vec<f64>>,
}

impl Chance {
    /// From counts of pairs of refits, places × places.
    pub fn of(mut ids: Vec<String>, counts: &[Vec<u64>]) -> Self {
        ids.push(UNCLUSTERED.into());
        let share = |row: &Vec<u64>| {
            let total = row.iter().sum::<u64>().max(1) as f64;
            row.iter().map(|count| *count as f64 / total).collect()
        };
        Self { places: ids, shares: counts.iter().map(share).collect() }
    }

    fn share(&self, from: &str, to: &str) -> Option<f64> {
        let at = |id: &str| self.places.iter().position(|place| place == id);
        self.shares.get(at(from)?)?.get(at(to)?).copied()
    }
}

/// Customers who were in one place and are in another, or in the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Flow {
    /// The segment then, or `unclustered`; `None` for those who were no customers yet.
    pub from: Option<String>,
    /// The segment now, or `unclustered`; `None` for those who are no customers any more.
    pub to: Option<String>,
    /// How many.
    pub customers: usize,
    /// Their share of all who were in `from`.
    pub share: f64,
    /// Its 95 % score interval, those in `from` seen as a sample of customers like them (Wilson 1927).
    pub interval: [f64; 2],
    /// What they had spent then.
    pub revenue_then: Option<f64>,
    /// What they have spent now.
    pub revenue_now: Option<f64>,
    /// The share by the luck of the ruler alone; `None` where it was not measured, and for those who came or went.
    pub chance: Option<f64>,
}

impl Flow {
    /// It leads elsewhere.
    pub fn moved(&self) -> bool {
        self.from != self.to
    }

    /// It leads elsewhere by more than the luck of the ruler.
    pub fn beyond_chance(&self) -> bool {
        self.moved() && self.chance.is_none_or(|chance| self.interval[0] > chance)
    }
}

/// A segment on both days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Size {
    /// Its id, or `unclustered`.
    pub id: String,
    /// Customers then.
    pub then: usize,
    /// Customers now.
    pub now: usize,
}

/// All moves between two days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Migration {
    /// The earlier day, ISO.
    pub from: String,
    /// The later day, ISO.
    pub to: String,
    /// Every segment, in the order of the model.
    pub sizes: Vec<Size>,
    /// By place then, by place now, newcomers last; only those that somebody took.
    pub flows: Vec<Flow>,
    /// Customers of both days.
    pub both: usize,
    /// Those of them in another place.
    pub changed: usize,
    /// The share of customers in another place by the luck of the ruler alone; `None` where it was not measured.
    pub chance: Option<f64>,
}

/// Counts the moves between `then` and `now` among the segments with these `ids`.
pub fn migrate(then: Snapshot, now: Snapshot, ids: &[String], chance: Option<&Chance>) -> Migration {
    // Places by number: segments, none, not a customer.
    let (none, away) = (ids.len(), ids.len() + 1);
    let place = |label: &Option<usize>| label.unwrap_or(none);
    let name = |place: usize| match place {
        _ if place == away => None,
        _ => Some(ids.get(place).map_or_else(|| UNCLUSTERED.to_string(), Clone::clone)),
    };
    let worth = |snapshot: &Snapshot, row: usize| {
        let revenue = snapshot.revenue.and_then(|revenue| revenue.get(row)).copied().unwrap_or(0.0);
        if revenue.is_nan() { 0.0 } else { revenue }
    };
    let mut cells: BTreeMap<(usize, usize), (usize, f64, f64)> = BTreeMap::new();
    let mut count = |cell, before: f64, after: f64| {
        let (customers, then, now) = cells.entry(cell).or_default();
        *customers += 1;
        *then += before;
        *now += after;
    };
    let mut both = 0;
    for (row, id) in then.ids.iter().enumerate() {
        let from = place(&then.labels[row]);
        match now.ids.binary_search(id) {
            Ok(later) => {
                both += 1;
                count((from, place(&now.labels[later])), worth(&then, row), worth(&now, later));
            }
            Err(_) => count((from, away), worth(&then, row), 0.0),
        }
    }
    for (row, id) in now.ids.iter().enumerate() {
        if then.ids.binary_search(id).is_err() {
            count((away, place(&now.labels[row])), 0.0, worth(&now, row));
        }
    }
    let of = |at: usize, side: fn(&(usize, usize)) -> usize| -> usize {
        cells.iter().filter(|(cell, _)| side(cell) == at).map(|(_, counts)| counts.0).sum()
    };
    let sizes = (0..=none).filter_map(|at| {
        let (then, now) = (of(at, |cell| cell.0), of(at, |cell| cell.1));
        let id = name(at)?;
        (at < none || then + now > 0).then_some(Size { id, then, now })
    });
    let has_revenue = then.revenue.is_some() && now.revenue.is_some();
    let flow = |(&(from, to), &(customers, before, after)): (&(usize, usize), &(usize, f64, f64))| {
        let leaving = of(from, |cell| cell.0);
        let (from, to) = (name(from), name(to));
        Flow {
            customers,
            share: customers as f64 / leaving as f64,
            interval: wilson(customers, leaving),
            revenue_then: has_revenue.then_some(before),
            revenue_now: has_revenue.then_some(after),
            chance: chance
                .zip(from.as_deref().zip(to.as_deref()))
                .and_then(|(chance, (from, to))| chance.share(from, to)),
            from,
            to,
        }
    };
    let changed = |((from, to), counts): (&(usize, usize), &(usize, f64, f64))| {
        if from == to || *from == away || *to == away { 0 } else { counts.0 }
    };
    let sizes: Vec<Size> = sizes.collect();
    // Of everybody: the luck of each place, as often as customers were in it.
    let by_luck = chance.and_then(|chance| {
        let moving = |size: &Size| Some((1.0 - chance.share(&size.id, &size.id)?) * size.then as f64);
        let all: usize = sizes.iter().map(|size| size.then).sum();
        let moved: Option<Vec<f64>> = sizes.iter().map(moving).collect();
        (all > 0).then_some(moved?.iter().sum::<f64>() / all as f64)
    });
    Migration {
        from: then.day.into(),
        to: now.day.into(),
        flows: cells.iter().map(flow).collect(),
        both,
        changed: cells.iter().map(changed).sum(),
        chance: by_luck,
        sizes,
    }
}

impl Migration {
    /// Without the flows of fewer than so many people; the sizes stay.
    #[must_use]
    pub fn without_few(mut self, few: usize) -> Self {
        self.flows.retain(|flow| flow.customers >= few);
        self
    }

    /// The flow between two places.
    pub fn flow(&self, from: Option<&str>, to: Option<&str>) -> Option<&Flow> {
        self.flows.iter().find(|flow| flow.from.as_deref() == from && flow.to.as_deref() == to)
    }

    /// Customers of the later day alone; those of flows that are not shown included.
    pub fn arrived(&self) -> usize {
        self.sizes.iter().map(|size| size.now).sum::<usize>() - self.both
    }

    /// Customers of the earlier day alone; those of flows that are not shown included.
    pub fn left(&self) -> usize {
        self.sizes.iter().map(|size| size.then).sum::<usize>() - self.both
    }

    /// The share of the customers of both days in another place.
    pub fn changed_share(&self) -> f64 {
        self.changed as f64 / self.both.max(1) as f64
    }
}

/// What happened in the last quarter, beside the same quarter of the year before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Movements {
    /// All history counts, so orders and money of a customer only add up: part of what moves people is time.
    pub cumulative: bool,
    /// The last quarter.
    pub last: Migration,
    /// The same one a year before; `None` where the data do not go back so far.
    #[serde(default)]
    pub year_before: Option<Migration>,
}

/// What the calendar says of a move, or of a segment that grew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Season {
    /// It was so in the same quarter of the year before.
    AsBefore,
    /// It was not.
    Unlike,
}

/// A segment with at least this part of its share a year before, and at most this part of it a quarter before, comes with the season.
const RETURNS: f64 = 0.5;

impl Movements {
    /// See [`Migration::without_few`].
    #[must_use]
    pub fn without_few(self, few: usize) -> Self {
        let last = self.last.without_few(few);
        Self { last, year_before: self.year_before.map(|before| before.without_few(few)), ..self }
    }

    /// Whether a move was as frequent in the same quarter of the year before: the intervals overlap. `None` where that is not known.
    pub fn season(&self, flow: &Flow) -> Option<Season> {
        let before = self.year_before.as_ref()?.flow(flow.from.as_deref(), flow.to.as_deref());
        // Nobody took it, or too few to be shown.
        let [low, high] = before.map_or([0.0, 0.0], |before| before.interval);
        let alike = low <= flow.interval[1] && flow.interval[0] <= high;
        Some(if alike { Season::AsBefore } else { Season::Unlike })
    }

    /// Whether a segment comes with the season: its share now, a quarter before and a year before, where it was hardly there in between.
    pub fn returns(&self, id: &str) -> Option<[f64; 3]> {
        let share = |sizes: &[Size], side: fn(&Size) -> usize| {
            let all: usize = sizes.iter().map(side).sum();
            sizes.iter().find(|size| size.id == id).map(|size| side(size) as f64 / all.max(1) as f64)
        };
        let now = share(&self.last.sizes, |size| size.now)?;
        let quarter = share(&self.last.sizes, |size| size.then)?;
        let year = share(&self.year_before.as_ref()?.sizes, |size| size.now)?;
        (now > 0.0 && year >= RETURNS * now && quarter <= RETURNS * now).then_some([now, quarter, year])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ids(numbers: &[usize]) -> Vec<String> {
        numbers.iter().map(|number| format!("c{number:04}")).collect()
    }

    fn segments() -> Vec<String> {
        ["S01", "S02"].map(String::from).to_vec()
    }

    #[test]
    fn every_customer_is_in_one_flow() {
        let (before, after) = (ids(&[1, 2, 3, 4, 5]), ids(&[2, 3, 4, 5, 6]));
        let then = Snapshot {
            day: "2011-09-09",
            ids: &before,
            labels: &[Some(0), Some(0), Some(0), Some(1), None],
            revenue: Some(&[10.0, 20.0, 30.0, 40.0, f64::NAN]),
        };
        let now = Snapshot {
            day: "2011-12-09",
            ids: &after,
            labels: &[Some(0), Some(1), Some(1), Some(1), Some(0)],
            revenue: Some(&[21.0, 31.0, 41.0, 51.0, 61.0]),
        };
        // Of a hundred in S01 of a refit, fifty are in S02 of another.
        let chance = Chance::of(segments(), &[vec![50, 50, 0], vec![0, 10, 0], vec![0, 0, 0]]);
        let found = migrate(then, now, &segments(), Some(&chance));
        let told: Vec<_> = found
            .flows
            .iter()
            .map(|f| (f.from.as_deref(), f.to.as_deref(), f.customers, f.revenue_then, f.revenue_now, f.chance))
            .collect();
        let (s01, s02, none) = (Some("S01"), Some("S02"), Some(UNCLUSTERED));
        assert_eq!(
            told,
            [
                (s01, s01, 1, Some(20.0), Some(21.0), Some(0.5)),
                (s01, s02, 1, Some(30.0), Some(31.0), Some(0.5)),
                (s01, None, 1, Some(10.0), Some(0.0), None),
                (s02, s02, 1, Some(40.0), Some(41.0), Some(1.0)),
                (none, s02, 1, Some(0.0), Some(51.0), Some(0.0)),
                (None, s01, 1, Some(0.0), Some(61.0), None),
            ]
        );
        assert_eq!((found.both, found.changed), (4, 2));
        assert!((found.flows[1].share - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(found.flows[1].interval, wilson(1, 3));
        assert!(!found.flows[1].beyond_chance() && found.flows[4].beyond_chance() && !found.flows[0].beyond_chance());
        let sizes: Vec<_> = found.sizes.iter().map(|size| (size.id.as_str(), size.then, size.now)).collect();
        assert_eq!(sizes, [("S01", 3, 2), ("S02", 1, 3), (UNCLUSTERED, 1, 0)]);
        // Three of five by a half, one never, one always.
        assert!((found.chance.unwrap() - 2.5 / 5.0).abs() < 1e-12, "{:?}", found.chance);
        let shown = found.without_few(2);
        assert_eq!((shown.flows.len(), shown.arrived(), shown.left()), (0, 1, 1));
    }

    #[test]
    fn what_comes_with_the_season_is_no_news() {
        let of = |then: [usize; 2], now: [usize; 2], moved: usize| Migration {
            from: String::new(),
            to: String::new(),
            sizes: segments()
                .into_iter()
                .zip(then.into_iter().zip(now))
                .map(|(id, (then, now))| Size { id, then, now })
                .collect(),
            flows: vec![Flow {
                from: Some("S01".into()),
                to: Some("S02".into()),
                customers: moved,
                share: moved as f64 / then[0] as f64,
                interval: wilson(moved, then[0]),
                revenue_then: None,
                revenue_now: None,
                chance: None,
            }],
            both: then[0] + then[1],
            changed: moved,
            chance: None,
        };
        let last = of([980, 20], [800, 200], 180);
        let beside = |year_before| Movements { cumulative: true, last: last.clone(), year_before };
        let flow = &last.flows[0];
        let (alike, unlike) = (of([490, 10], [410, 90], 85), of([490, 10], [485, 15], 5));
        assert_eq!(beside(Some(alike.clone())).season(flow), Some(Season::AsBefore));
        assert_eq!(beside(Some(unlike.clone())).season(flow), Some(Season::Unlike));
        assert_eq!(beside(None).season(flow), None);
        let shares = beside(Some(alike)).returns("S02").expect("a segment of the season");
        assert_eq!(shares, [0.2, 0.02, 0.18]);
        assert_eq!(beside(Some(unlike)).returns("S02"), None);
        assert_eq!(beside(None).returns("S02"), None);
    }

    proptest! {
        #[test]
        fn flows_add_up_to_both_days(days in proptest::collection::vec((0_usize..60, 0_usize..3, any::<bool>(), any::<bool>()), 0..80)) {
            let mut seen = std::collections::BTreeMap::new();
            for (id, place, before, after) in days {
                seen.insert(id, (place, before, after));
            }
            let label = |place: usize| (place < 2).then_some(place);
            let day = |there: fn(&(usize, bool, bool)) -> bool, shift: usize| -> (Vec<String>, Vec<Option<usize>>) {
                let there = seen.iter().filter(|(_, facts)| there(facts));
                there.map(|(id, facts)| (format!("c{id:04}"), label((facts.0 + shift * id) % 3))).unzip()
            };
            let ((a, then), (b, now)) = (day(|facts| facts.1, 0), day(|facts| facts.2, 1));
            let snapshot = |ids, labels| Snapshot { day: "", ids, labels, revenue: None };
            let found = migrate(snapshot(&a, &then), snapshot(&b, &now), &segments(), None);
            let left: usize = found.flows.iter().filter(|f| f.from.is_some()).map(|f| f.customers).sum();
            let arrived: usize = found.flows.iter().filter(|f| f.to.is_some()).map(|f| f.customers).sum();
            prop_assert_eq!((left, arrived), (a.len(), b.len()));
            prop_assert_eq!(found.sizes.iter().map(|s| s.then).sum::<usize>(), a.len());
            prop_assert_eq!(found.sizes.iter().map(|s| s.now).sum::<usize>(), b.len());
            // On one day nobody moves.
            let still = migrate(snapshot(&a, &then), snapshot(&a, &then), &segments(), None);
            prop_assert_eq!((still.changed, still.both), (0, a.len()));
        }
    }
}
