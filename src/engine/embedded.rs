//! The embedded engine: polars has read the tables, and every feature is counted on each customer's own rows in one walk.
//!
//! Counting on rows that already stand by customer and day needs no hash table: distinct orders, windows and gaps are a
//! sort of a few numbers. All sums are of whole numbers, so they do not depend on their order.

use super::Engine;
use super::primitive::{Aggregate, Context, DECAY_UNIT, Primitive, assemble, primitives, wanted};
use crate::data::dates::Day;
use crate::data::log::{Codes, Field, Known, Log, NONE, UNDATED, merged, mode, places};
use crate::data::read::{MONEY_SCALE, Tables, UNIT_SCALE};
use crate::error::{Error, Result};
use crate::features::matrix::{Observed, ObservedColumn};
use crate::features::{Feature, Key, Lines, Measure, Named, Rows, Table};
use rayon::prelude::*;

/// Mean radius of the earth in kilometres (IUGG).
pub(crate) const EARTH_KM: f64 = 6_371.008_8;

/// Customers that one thread counts at a time.
const CHUNK: usize = 2_048;

/// The embedded engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Embedded;

impl Engine for Embedded {
    fn observe(&self, tables: &Tables, features: &[Feature]) -> Result<Observed> {
        let ids = population(tables);
        if ids.is_empty() {
            return Err(Error::new("E0401", "no customer has an order in the window")
                .why("there is nobody to put into segments")
                .help("check as_of and window under [features]"));
        }
        let logs = Logs::of(tables, &ids);
        let wanted = wanted(features);
        let counted = count(&logs, ids.len(), &wanted);
        let context = Context {
            as_of: tables.as_of.map_or(f64::NAN, |d| f64::from(d.0)),
            reach: reach(tables),
            money: MONEY_SCALE,
            units: UNIT_SCALE,
        };
        let value = |at: usize, customer: usize| counted[customer * wanted.len() + at];
        let columns_of = |measure: &Measure| -> Vec<usize> {
            primitives(measure).iter().filter_map(|p| wanted.iter().position(|w| w == p)).collect()
        };
        let n = ids.len();
        let columns = features
            .par_iter()
            .map(|feature| {
                let numbers = |measure: &Measure| assemble(measure, n, &context, &columns_of(measure), &value);
                let column = |at: usize| (0..n).map(|customer| value(at, customer)).collect::<Vec<f64>>();
                match &feature.measure {
                    Measure::Rate { hits, trials } => {
                        let (hits, trials) = (numbers(hits), numbers(trials));
                        let hits = hits.iter().zip(&trials).map(|(h, t)| h.min(*t)).collect();
                        ObservedColumn::Counts { hits, trials }
                    }
                    measure @ Measure::Overdue(_) => {
                        let parts: Vec<Vec<f64>> = columns_of(measure).into_iter().map(column).collect();
                        gaps(&parts[0], &parts[1], &parts[2], context.as_of)
                    }
                    Measure::Beyond { of, .. } => ObservedColumn::Compared(numbers(of)),
                    measure @ Measure::MostOf(named) => {
                        let parts: Vec<Vec<f64>> = columns_of(measure).into_iter().map(column).collect();
                        ObservedColumn::Level((0..n).map(|i| most_of(named, &parts, i)).collect())
                    }
                    Measure::Rules { .. } => ObservedColumn::Derived,
                    measure if primitives(measure).is_empty() => logs.look_up(tables, &ids, measure, context.as_of),
                    measure => ObservedColumn::Number(numbers(measure)),
                }
            })
            .collect();
        Ok(Observed { ids, columns })
    }
}

impl Embedded {
    /// The aggregates alone: the population, ascending by id, and customers × `wanted`, row by row; `NaN` for a first or last day that there is
    /// not.
    pub fn counts(&self, tables: &Tables, wanted: &[Primitive]) -> (Vec<String>, Vec<f64>) {
        let ids = population(tables);
        let counted = count(&Logs::of(tables, &ids), ids.len(), wanted);
        (ids, counted)
    }
}

/// Everyone who gets a row, ascending by id: whoever has a sale, or where there are no orders everybody who is known.
fn population(tables: &Tables) -> Vec<String> {
    if let Some(orders) = &tables.orders {
        return (0..orders.ids.len())
            .filter(|i| orders.rows(*i).any(|row| !orders.returned[row]))
            .map(|i| orders.ids[i].clone())
            .collect();
    }
    let ids = |log: &'_ Option<Log>| log.as_ref().map(|l| l.ids.clone()).unwrap_or_default();
    match (&tables.customers, &tables.events) {
        (Some(customers), None) => customers.ids.clone(),
        (Some(customers), Some(events)) => merged(&[&customers.ids, &events.ids]),
        (None, _) => ids(&tables.events),
    }
}

/// How many days the events go back from `as_of`: the window, or the first event.
pub(crate) fn reach(tables: &Tables) -> f64 {
    if let Some(reach) = tables.events_reach {
        return reach;
    }
    if let Some(days) = tables.window_days {
        return f64::from(days);
    }
    let first = tables.events.as_ref().and_then(|e| e.day.par_iter().copied().filter(|d| *d != UNDATED).min());
    first.zip(tables.as_of).map_or(0.0, |(first, as_of)| f64::from(as_of.0 - first))
}

/// A table of rows, and where each customer of the population stands in it.
type Placed<'a> = (Table, Option<&'a Log>, Vec<Option<usize>>);

/// The tables of rows.
struct Logs<'a> {
    tables: [Placed<'a>; 3],
    as_of: Option<Day>,
}

impl<'a> Logs<'a> {
    fn of(tables: &'a Tables, ids: &[String]) -> Self {
        let entry = |table, log: &'a Option<Log>| {
            let at = log.as_ref().map(|l| places(ids, &l.ids)).unwrap_or_default();
            (table, log.as_ref(), at)
        };
        Self {
            tables: [
                entry(Table::Orders, &tables.orders),
                entry(Table::Events, &tables.events),
                entry(Table::Surveys, &tables.surveys),
            ],
            as_of: tables.as_of,
        }
    }

    fn get(&self, table: Table) -> Option<(&'a Log, &[Option<usize>])> {
        let (_, log, at) = self.tables.iter().find(|(t, ..)| *t == table)?;
        log.map(|l| (l, at.as_slice()))
    }

    /// Values that are looked up, not counted.
    fn look_up(&self, tables: &Tables, ids: &[String], measure: &Measure, as_of: f64) -> ObservedColumn {
        let n = ids.len();
        let attribute = |column: &str| {
            let customers = tables.customers.as_ref()?;
            customers.get(column).map(|known| (known, places(ids, &customers.ids)))
        };
        let number = |column: &str| match attribute(column) {
            Some((Known::Number(values), at)) => at.iter().map(|p| p.map_or(f64::NAN, |i| values[i])).collect(),
            _ => vec![f64::NAN; n],
        };
        match measure {
            Measure::Value { column } => ObservedColumn::Number(number(column)),
            Measure::Age { column } => {
                let year = f64::from(Day(if as_of.is_nan() { 0 } else { as_of as i32 }).year());
                let age = |born: f64| if as_of.is_nan() { f64::NAN } else { year - born };
                ObservedColumn::Number(number(column).into_iter().map(age).collect())
            }
            Measure::DaysSince { column } => {
                ObservedColumn::Number(number(column).into_iter().map(|day| as_of - day).collect())
            }
            Measure::Level { column } => ObservedColumn::Level(match attribute(column) {
                Some((Known::Level(codes), at)) => {
                    at.iter().map(|p| p.and_then(|i| codes.text(i)).map(str::to_owned)).collect()
                }
                _ => vec![None; n],
            }),
            Measure::Distance { latitude, longitude, places } => {
                let (north, east) = (number(latitude), number(longitude));
                let nearest = |a: f64, b: f64| places.iter().map(|p| great_circle([a, b], *p)).fold(f64::NAN, f64::min);
                ObservedColumn::Number(north.iter().zip(&east).map(|(a, b)| nearest(*a, *b)).collect())
            }
            Measure::Top { rows, of } => ObservedColumn::Level(self.top(rows, *of, n)),
            Measure::Answer { survey, question } => ObservedColumn::Number(
                self.newest(survey, Some(question), n)
                    .into_iter()
                    .map(|row| row.and_then(|(log, row)| log.score.get(row).copied()).unwrap_or(f64::NAN))
                    .collect(),
            ),
            Measure::AnswerLevel { survey, question } => ObservedColumn::Level(
                self.newest(survey, Some(question), n)
                    .into_iter()
                    .map(|row| row.and_then(|(log, row)| answer(log, row)).map(str::to_owned))
                    .collect(),
            ),
            Measure::Chose { survey, question, separated_by, option } => ObservedColumn::Level(
                self.newest(survey, Some(question), n)
                    .into_iter()
                    .map(|row| {
                        let text = row.and_then(|(log, row)| answer(log, row))?;
                        let named = text.split(separated_by.as_str()).any(|part| part.trim() == option);
                        Some(if named { "yes" } else { "no" }.to_string())
                    })
                    .collect(),
            ),
            Measure::Response { survey } => ObservedColumn::Level(self.responses(survey, n)),
            _ => ObservedColumn::Number(vec![f64::NAN; n]),
        }
    }

    fn top(&self, rows: &Rows, of: Key, n: usize) -> Vec<Option<String>> {
        let Some((log, at)) = self.get(rows.table) else { return vec![None; n] };
        let Some(codes) = log.codes(&field(of)) else { return vec![None; n] };
        let filter = Filter::of(rows, log, self.as_of);
        at.par_iter()
            .with_min_len(CHUNK)
            .map_init(
                || (Vec::new(), Vec::new()),
                |(selected, scratch), place| {
                    filter.select(log, (*place)?, selected);
                    let best = mode(selected.iter().map(|row| codes.codes[*row]), scratch)?;
                    codes.levels.get(best as usize).cloned()
                },
            )
            .collect()
    }

    /// The row of the newest answer of each customer; of two on one day the higher counts.
    fn newest(&self, survey: &str, question: Option<&str>, n: usize) -> Vec<Option<(&'a Log, usize)>> {
        let Some((log, at)) = self.get(Table::Surveys) else { return vec![None; n] };
        let wanted = (code(log, &Field::Survey, survey), question.map(|q| code(log, &Field::Question, q)));
        at.iter()
            .map(|place| {
                let rows = log.rows((*place)?).filter(|row| {
                    let asked = question.is_none() || coded(log, &Field::Question, *row) == wanted.1.flatten();
                    Some(coded(log, &Field::Survey, *row)) == Some(wanted.0)
                        && wanted.0.is_some()
                        && asked
                        && answered(log, *row)
                });
                rows.max_by(|a, b| {
                    let score = |row: usize| log.score.get(row).copied().filter(|s| !s.is_nan()).unwrap_or(f64::MIN);
                    log.day[*a]
                        .cmp(&log.day[*b])
                        .then(score(*a).total_cmp(&score(*b)))
                        .then(coded(log, &Field::Answer, *a).cmp(&coded(log, &Field::Answer, *b)))
                })
                .map(|row| (log, row))
            })
            .collect()
    }

    fn responses(&self, survey: &str, n: usize) -> Vec<Option<String>> {
        let Some((log, at)) = self.get(Table::Surveys) else { return vec![None; n] };
        let wanted = code(log, &Field::Survey, survey);
        at.iter()
            .map(|place| {
                let mut asked = log.rows((*place)?).filter(|row| coded(log, &Field::Survey, *row) == wanted).peekable();
                asked.peek()?;
                Some(if asked.any(|row| answered(log, row)) { "answered" } else { "did not answer" }.to_string())
            })
            .collect()
    }
}

fn answered(log: &Log, row: usize) -> bool {
    log.score.get(row).is_some_and(|s| !s.is_nan()) || coded(log, &Field::Answer, row).is_some()
}

fn answer(log: &Log, row: usize) -> Option<&str> {
    log.codes(&Field::Answer)?.text(row)
}

fn code(log: &Log, field: &Field, text: &str) -> Option<u32> {
    let levels = &log.codes(field)?.levels;
    levels.binary_search_by(|l| l.as_str().cmp(text)).ok().map(|i| i as u32)
}

fn coded(log: &Log, field: &Field, row: usize) -> Option<u32> {
    log.codes(field).map(|c| c.codes[row]).filter(|c| *c != NONE)
}

/// Kilometres between two points in degrees north and east, by the haversine formula (Sinnott 1984).
fn great_circle(a: [f64; 2], b: [f64; 2]) -> f64 {
    let [north_a, east_a] = a.map(f64::to_radians);
    let [north_b, east_b] = b.map(f64::to_radians);
    let half = |x: f64| (x / 2.0).sin().powi(2);
    let h = half(north_b - north_a) + north_a.cos() * north_b.cos() * half(east_b - east_a);
    2.0 * EARTH_KM * h.sqrt().min(1.0).asin()
}

fn field(key: Key) -> Field {
    match key {
        Key::Product => Field::Product,
        Key::Category => Field::Category,
        Key::Channel => Field::Channel,
        Key::Kind => Field::Kind,
    }
}

/// A condition on rows, made ready for one table.
struct Filter {
    lines: Option<bool>,
    kinds: Option<Vec<bool>>,
    products: Option<Vec<bool>>,
    categories: Option<Vec<bool>>,
    channels: Option<Vec<bool>>,
    /// Days after the first and up to the second; all days, undated ones too, without.
    days: Option<(i32, i32)>,
    weekdays: Option<[bool; 7]>,
    hours: Option<[u8; 2]>,
    occasion: Option<Vec<(i32, i32)>>,
    gifts: bool,
    repeat: bool,
    /// The table lacks what the condition asks for: no row fulfils it.
    never: bool,
}

impl Filter {
    fn of(rows: &Rows, log: &Log, as_of: Option<Day>) -> Self {
        let mut never = false;
        let mut allowed = |field: Field, values: &[String]| {
            if values.is_empty() {
                return None;
            }
            match log.codes(&field) {
                Some(codes) => Some(codes.levels.iter().map(|l| values.contains(l)).collect::<Vec<bool>>()),
                None => {
                    never = true;
                    None
                }
            }
        };
        let (kinds, products) = (allowed(Field::Kind, &rows.kinds), allowed(Field::Product, &rows.products));
        let (categories, channels) =
            (allowed(Field::Category, &rows.categories), allowed(Field::Channel, &rows.channels));
        let reach = |days: u32| i32::try_from(days).unwrap_or(i32::MAX / 4);
        let days = rows.days.zip(as_of).map(|(days, as_of)| {
            let end = as_of.0 - reach(rows.skip);
            (end.saturating_sub(reach(days)), end)
        });
        let weekdays = (!rows.weekdays.is_empty()).then(|| {
            let mut on = [false; 7];
            for day in &rows.weekdays {
                if let Some(slot) = on.get_mut(usize::from(*day).wrapping_sub(1)) {
                    *slot = true;
                }
            }
            on
        });
        let occasion = rows.occasion.as_ref().map(|occasion| {
            let span = log.day.par_iter().copied().filter(|d| *d != UNDATED);
            let (first, last) = span
                .fold(|| (i32::MAX, i32::MIN), |s, d| (s.0.min(d), s.1.max(d)))
                .reduce(|| (i32::MAX, i32::MIN), |a, b| (a.0.min(b.0), a.1.max(b.1)));
            if first > last {
                return Vec::new();
            }
            // An occasion of the year before may reach into the first.
            (Day(first).year() - 1..=Day(last).year()).filter_map(|year| occasion.days(year)).collect()
        });
        Self {
            lines: match (rows.table, rows.lines) {
                (Table::Orders, Lines::Sales) => Some(false),
                (Table::Orders, Lines::Returns) => Some(true),
                _ => None,
            },
            kinds,
            products,
            categories,
            channels,
            days,
            weekdays,
            hours: rows.hours,
            occasion,
            gifts: rows.gifts,
            repeat: rows.repeat,
            never: never || (rows.gifts && log.gift.is_empty()) || (rows.hours.is_some() && log.hour.is_empty()),
        }
    }

    /// The customer's rows that fulfil it, by day.
    fn select(&self, log: &Log, customer: usize, selected: &mut Vec<usize>) {
        selected.clear();
        if self.never {
            return;
        }
        let within = |allowed: &Option<Vec<bool>>, field: Field, row: usize| {
            allowed.as_ref().is_none_or(|on| coded(log, &field, row).is_some_and(|c| on[c as usize]))
        };
        selected.extend(log.rows(customer).filter(|row| {
            let row = *row;
            let day = log.day[row];
            self.lines.is_none_or(|returned| log.returned[row] == returned)
                && self.days.is_none_or(|(after, until)| day > after && day <= until)
                && within(&self.kinds, Field::Kind, row)
                && within(&self.products, Field::Product, row)
                && within(&self.categories, Field::Category, row)
                && within(&self.channels, Field::Channel, row)
                && self.weekdays.is_none_or(|on| day != UNDATED && on[Day(day).weekday()])
                && self.hours.is_none_or(|[from, to]| {
                    let hour = log.hour[row];
                    if from <= to { from <= hour && hour < to } else { hour >= from || hour < to }
                })
                && self
                    .occasion
                    .as_ref()
                    .is_none_or(|spans| spans.iter().any(|(first, last)| (*first..=*last).contains(&day)))
                && (!self.gifts || log.gift[row])
        }));
        // Rows stand by day, those without one first: they are no first day and no later one.
        if self.repeat {
            let first = selected.iter().map(|row| log.day[*row]).find(|day| *day != UNDATED);
            selected.retain(|row| first.is_some_and(|first| log.day[*row] > first));
        }
    }
}

/// Every primitive of every customer: customers × primitives, row by row.
fn count(logs: &Logs, customers: usize, wanted: &[Primitive]) -> Vec<f64> {
    let width = wanted.len();
    let mut counted = vec![0.0; customers * width];
    if width == 0 {
        return counted;
    }
    let ready: Vec<Option<Ready>> = wanted.iter().map(|p| Ready::of(p, logs)).collect();
    counted.par_chunks_mut(width * CHUNK).enumerate().for_each(|(chunk, out)| {
        let mut scratch = Scratch::default();
        for (i, row) in out.chunks_mut(width).enumerate() {
            let customer = chunk * CHUNK + i;
            let mut last: Option<&Rows> = None;
            for ((value, primitive), ready) in row.iter_mut().zip(wanted).zip(&ready) {
                *value = match ready {
                    Some(ready) => {
                        if last != Some(&primitive.rows) {
                            scratch.selected.clear();
                            if let Some(place) = ready.at[customer] {
                                ready.filter.select(ready.log, place, &mut scratch.selected);
                            }
                            last = Some(&primitive.rows);
                        }
                        ready.aggregate(&primitive.aggregate, customer, &mut scratch)
                    }
                    None => nothing(&primitive.aggregate),
                };
            }
        }
    });
    counted
}

/// What an aggregate of no row is.
fn nothing(aggregate: &Aggregate) -> f64 {
    if matches!(aggregate, Aggregate::First | Aggregate::Last) { f64::NAN } else { 0.0 }
}

#[derive(Default)]
struct Scratch {
    selected: Vec<usize>,
    numbers: Vec<u32>,
    others: Vec<usize>,
    days: Vec<i32>,
}

/// A primitive made ready for its table.
struct Ready<'a> {
    log: &'a Log,
    at: &'a [Option<usize>],
    filter: Filter,
    codes: Option<&'a Codes>,
    /// What a row counts by its age in days.
    decay: Vec<i64>,
    as_of: i32,
    unless: Vec<(&'a Log, &'a [Option<usize>], Filter)>,
}

impl<'a> Ready<'a> {
    fn of(primitive: &Primitive, logs: &'a Logs) -> Option<Self> {
        let (log, at) = logs.get(primitive.rows.table)?;
        let as_of = logs.as_of.map_or(UNDATED, |d| d.0);
        let codes = match &primitive.aggregate {
            Aggregate::Distinct(key) | Aggregate::Squares(key) | Aggregate::Most(key) | Aggregate::Having(key) => {
                log.codes(&field(*key))
            }
            _ => None,
        };
        let decay = match primitive.aggregate {
            Aggregate::Decayed(half_life) => {
                let oldest = log.day.par_iter().copied().filter(|d| *d != UNDATED).min().unwrap_or(as_of);
                (0..=as_of.saturating_sub(oldest).max(0))
                    .map(|age| (DECAY_UNIT * (-f64::from(age) / f64::from(half_life.max(1))).exp2()).round() as i64)
                    .collect()
            }
            _ => Vec::new(),
        };
        let unless = match &primitive.aggregate {
            Aggregate::DaysWithout(others) => others
                .iter()
                .filter_map(|rows| logs.get(rows.table).map(|(l, a)| (l, a, Filter::of(rows, l, logs.as_of))))
                .collect(),
            _ => Vec::new(),
        };
        Some(Self { log, at, filter: Filter::of(&primitive.rows, log, logs.as_of), codes, decay, as_of, unless })
    }

    fn aggregate(&self, aggregate: &Aggregate, customer: usize, scratch: &mut Scratch) -> f64 {
        let log = self.log;
        let rows = &scratch.selected;
        let sum = |values: &[i64]| {
            if values.is_empty() { 0.0 } else { rows.iter().map(|row| values[*row]).sum::<i64>() as f64 }
        };
        let dated = |row: &&usize| log.day[**row] != UNDATED;
        match aggregate {
            Aggregate::Count => rows.len() as f64,
            Aggregate::Orders if log.order.is_empty() => rows.len() as f64,
            Aggregate::Orders => {
                scratch.numbers.clear();
                scratch.numbers.extend(rows.iter().map(|row| log.order[*row]));
                runs(&mut scratch.numbers, |_| {}) as f64
            }
            Aggregate::Days => distinct_days(log, rows) as f64,
            Aggregate::Amount => sum(&log.amount),
            Aggregate::Units => sum(&log.units),
            Aggregate::Discount => sum(&log.discount),
            Aggregate::First => rows.iter().find(dated).map_or(f64::NAN, |row| f64::from(log.day[*row])),
            Aggregate::Last => rows.iter().rev().find(dated).map_or(f64::NAN, |row| f64::from(log.day[*row])),
            Aggregate::GapSquares => {
                let mut squares = 0i64;
                let mut before = None;
                for row in rows.iter().filter(dated) {
                    let day = log.day[*row];
                    let gap = i64::from(day - before.unwrap_or(day));
                    squares += gap * gap;
                    before = Some(day);
                }
                squares as f64
            }
            Aggregate::Distinct(_) | Aggregate::Squares(_) | Aggregate::Most(_) | Aggregate::Having(_) => {
                let Some(codes) = self.codes else { return 0.0 };
                scratch.numbers.clear();
                scratch.numbers.extend(rows.iter().map(|row| codes.codes[*row]).filter(|c| *c != NONE));
                let (mut squares, mut most) = (0u64, 0usize);
                let having = scratch.numbers.len();
                let distinct = runs(&mut scratch.numbers, |n| {
                    squares += (n * n) as u64;
                    most = most.max(n);
                });
                match aggregate {
                    Aggregate::Distinct(_) => distinct as f64,
                    Aggregate::Squares(_) => squares as f64,
                    Aggregate::Most(_) => most as f64,
                    _ => having as f64,
                }
            }
            Aggregate::Decayed(_) => {
                let worth = |row: &usize| {
                    let age = usize::try_from(self.as_of.saturating_sub(log.day[*row])).unwrap_or(usize::MAX);
                    self.decay.get(age).copied().unwrap_or(0)
                };
                rows.iter().map(worth).sum::<i64>() as f64
            }
            Aggregate::DaysWithout(_) => {
                scratch.days.clear();
                for (other, at, filter) in &self.unless {
                    if let Some(place) = at[customer] {
                        filter.select(other, place, &mut scratch.others);
                        scratch.days.extend(scratch.others.iter().map(|row| other.day[*row]));
                    }
                }
                scratch.days.sort_unstable();
                let mut before = None;
                let mut days = 0u64;
                for row in rows.iter().filter(dated) {
                    let day = log.day[*row];
                    days += u64::from(before != Some(day) && scratch.days.binary_search(&day).is_err());
                    before = Some(day);
                }
                days as f64
            }
        }
    }
}

/// Sorts the numbers and tells the length of each run of equal ones; returns how many runs there are.
fn runs(numbers: &mut [u32], mut each: impl FnMut(usize)) -> usize {
    if !numbers.is_sorted() {
        numbers.sort_unstable();
    }
    numbers.chunk_by(|a, b| a == b).map(|run| each(run.len())).count()
}

fn distinct_days(log: &Log, rows: &[usize]) -> usize {
    let mut before = UNDATED;
    let mut days = 0;
    for row in rows {
        let day = log.day[*row];
        days += usize::from(day != before);
        before = day;
    }
    days
}

/// Days since the last row, and the sum and number of the gaps before it.
fn gaps(first: &[f64], last: &[f64], days: &[f64], as_of: f64) -> ObservedColumn {
    ObservedColumn::Gaps {
        since: last.iter().map(|l| as_of - l).collect(),
        sum: first.iter().zip(last).map(|(f, l)| l - f).collect(),
        count: days.iter().map(|d| (d - 1.0).max(0.0)).collect(),
    }
}

/// The name of the largest count; the first of equal ones, none for nothing.
fn most_of(named: &[Named], counts: &[Vec<f64>], customer: usize) -> Option<String> {
    let mut best: Option<(usize, f64)> = None;
    for (i, count) in counts.iter().enumerate() {
        if count[customer] > best.map_or(0.0, |b| b.1) {
            best = Some((i, count[customer]));
        }
    }
    best.map(|(i, _)| named[i].level.clone())
}
