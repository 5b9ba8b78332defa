//! What happened, by customer: the rows of one table, sorted by customer and day, ids turned into small numbers.
//!
//! Everything that is counted of a customer is counted on a slice of this; so distinct orders, windows and gaps cost one
//! walk over the rows and no hash table.

use super::frame::{dense, guard, truth};
use super::texts::{Texts, intern};
use crate::error::Result;
use polars::prelude::*;
use rayon::prelude::*;
use std::ops::Range;

/// Rows of a frame that are computed at a time; frames of such chunks are not put together.
pub(crate) const CHUNK: usize = if cfg!(test) { 16 } else { 1 << 17 };

/// The code of a missing value.
pub const NONE: u32 = u32::MAX;

/// The day of a row without a date.
pub const UNDATED: i32 = i32::MIN;

/// Text values as numbers: equal texts have equal codes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Codes {
    /// One per row; [`NONE`] is missing.
    pub codes: Vec<u32>,
    /// The text of each code, ascending by bytes.
    pub levels: Vec<String>,
}

impl Codes {
    /// A text column of a frame.
    pub(crate) fn of(frame: &DataFrame, name: &str, what: &str) -> Result<Self> {
        let column = guard(what, || frame.column(name)?.cast(&DataType::String))?;
        Ok(intern(&guard(what, || Ok(column.str()?.rechunk().into_owned()))?))
    }

    /// The text of a row; `None` where it is missing.
    pub fn text(&self, row: usize) -> Option<&str> {
        self.levels.get(*self.codes.get(row)? as usize).map(String::as_str)
    }
}

/// What a coded column of a [`Log`] tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// What was bought.
    Product,
    /// Which kind of thing it is.
    Category,
    /// Where it was bought, or how the customer was met.
    Channel,
    /// What happened.
    Kind,
    /// Which survey asked.
    Survey,
    /// What it asked.
    Question,
    /// What was answered, as text.
    Answer,
    /// What an order line tells of its customer, by column name.
    Attribute(String),
}

/// The rows of one table. Columns a table lacks are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Log {
    /// The customers, ascending by bytes.
    pub ids: Vec<String>,
    /// Where each customer's rows begin; one more at the end.
    pub starts: Vec<usize>,
    /// Days since 1970-01-01, ascending within a customer; [`UNDATED`] without a date.
    pub day: Vec<i32>,
    /// Hour of the day, from 0; empty where the dates have no time.
    pub hour: Vec<u8>,
    /// Money in ten-thousandths.
    pub amount: Vec<i64>,
    /// Pieces in thousandths.
    pub units: Vec<i64>,
    /// Money taken off, in ten-thousandths, never negative.
    pub discount: Vec<i64>,
    /// Which order a row belongs to, numbered within its customer.
    pub order: Vec<u32>,
    /// Whether the row takes something back.
    pub returned: Vec<bool>,
    /// Whether the row is a gift.
    pub gift: Vec<bool>,
    /// The number answered; `NaN` without one.
    pub score: Vec<f64>,
    /// The coded columns.
    pub coded: Vec<(Field, Codes)>,
}

/// The columns of a frame that make a log, by their names in it.
pub(crate) struct Columns<'a> {
    pub(crate) customer: &'a str,
    pub(crate) order: Option<&'a str>,
    pub(crate) coded: Vec<(Field, String)>,
}

impl Log {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.day.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.day.is_empty()
    }

    /// The rows of customer number `i`.
    pub fn rows(&self, i: usize) -> std::ops::Range<usize> {
        self.starts[i]..self.starts[i + 1]
    }

    /// The rows of days after `after`, up to `last`, and those without a day; customers without any are left out.
    pub(crate) fn between(&self, after: i32, last: i32) -> Self {
        let (mut ids, mut starts, mut kept) = (Vec::new(), vec![0], Vec::new());
        let mut n = 0;
        for (i, id) in self.ids.iter().enumerate() {
            let rows = self.rows(i);
            let place = |until: i32| rows.start + self.day[rows.clone()].partition_point(|day| *day <= until);
            let (undated, from, to) = (place(UNDATED), place(after), place(last));
            let ranges = [rows.start..undated, from.max(undated)..to.max(from).max(undated)];
            let own: usize = ranges.iter().map(ExactSizeIterator::len).sum();
            if own > 0 {
                n += own;
                ids.push(id.clone());
                starts.push(n);
                kept.extend(ranges.into_iter().filter(|range| !range.is_empty()));
            }
        }
        fn taken<T: Copy>(all: &[T], kept: &[Range<usize>], n: usize) -> Vec<T> {
            let mut taken = Vec::with_capacity(if all.is_empty() { 0 } else { n });
            if !all.is_empty() {
                kept.iter().for_each(|range| taken.extend_from_slice(&all[range.clone()]));
            }
            taken
        }
        let codes = |codes: &Codes| Codes { codes: taken(&codes.codes, &kept, n), levels: codes.levels.clone() };
        Self {
            day: taken(&self.day, &kept, n),
            hour: taken(&self.hour, &kept, n),
            amount: taken(&self.amount, &kept, n),
            units: taken(&self.units, &kept, n),
            discount: taken(&self.discount, &kept, n),
            order: taken(&self.order, &kept, n),
            returned: taken(&self.returned, &kept, n),
            gift: taken(&self.gift, &kept, n),
            score: taken(&self.score, &kept, n),
            coded: self.coded.iter().map(|(field, all)| (field.clone(), codes(all))).collect(),
            ids,
            starts,
        }
    }

    /// A coded column.
    pub fn codes(&self, field: &Field) -> Option<&Codes> {
        self.coded.iter().find(|(f, _)| f == field).map(|(_, c)| c)
    }

    /// Sorts the rows of `frame` for which `keep` holds by customer and day. Rows without a customer are left out. The
    /// columns `day` (Int32), `hour` (UInt8), `amount`, `units`, `discount` (Int64), `returned`, `gift` (Boolean) and
    /// `score` (Float64) are taken where the frame has them.
    pub(crate) fn of(frame: DataFrame, keep: &[bool], columns: &Columns, what: &str) -> Result<Self> {
        let (frame, texts) = Texts::of(frame, columns.order, what)?;
        Self::coded(frame, texts, keep, columns, what)
    }

    /// The same of a frame whose texts are numbers already.
    pub(crate) fn coded(
        mut frame: DataFrame,
        mut texts: Texts,
        keep: &[bool],
        columns: &Columns,
        what: &str,
    ) -> Result<Self> {
        let mut customers = numbers::<u32>(&mut frame, columns.customer, NONE, what)?.unwrap_or_default();
        customers.par_iter_mut().zip(keep).with_min_len(1 << 14).for_each(|(code, keep)| {
            if !keep {
                *code = NONE;
            }
        });
        let customers = texts.take(columns.customer, customers);
        let (starts, mut order_of_rows) = by_customer(&customers.codes, customers.levels.len());
        let mut log = Self { ids: customers.levels, starts, ..Self::default() };
        drop(customers.codes);
        if let Some(day) = numbers::<i32>(&mut frame, "day", UNDATED, what)? {
            log.sort_by_day(&day, &mut order_of_rows);
            log.day = gather(&day, &order_of_rows);
        } else {
            log.day = vec![UNDATED; order_of_rows.len()];
        }
        let rows = &order_of_rows;
        log.hour = numbers_of(&mut frame, "hour", 0, rows, what)?;
        log.amount = numbers_of(&mut frame, "amount", 0, rows, what)?;
        log.units = numbers_of(&mut frame, "units", 0, rows, what)?;
        log.discount = numbers_of(&mut frame, "discount", 0, rows, what)?;
        log.score = numbers_of(&mut frame, "score", f64::NAN, rows, what)?;
        log.returned = flags(&mut frame, "returned", what)?.map(|v| gather(&v, rows)).unwrap_or_default();
        log.gift = flags(&mut frame, "gift", what)?.map(|v| gather(&v, rows)).unwrap_or_default();
        if let (Some(name), Some(orders)) = (columns.order, &texts.orders) {
            log.order = log.number_orders(&numbers_of(&mut frame, name, NONE, rows, what)?, orders);
        }
        for (field, name) in &columns.coded {
            let codes = numbers_of(&mut frame, name, NONE, rows, what)?;
            log.coded.push((field.clone(), texts.take(name, codes)));
        }
        Ok(log)
    }

    /// Sorts each customer's rows by day; rows of one day keep their order.
    fn sort_by_day(&self, day: &[i32], rows: &mut [u32]) {
        let mut rest = rows;
        let mut slices = Vec::with_capacity(self.ids.len());
        for i in 0..self.ids.len() {
            let (own, after) = rest.split_at_mut(self.starts[i + 1] - self.starts[i]);
            slices.push(own);
            rest = after;
        }
        slices.into_par_iter().with_min_len(4096).for_each(|own| {
            if !own.is_sorted_by_key(|r| day[*r as usize]) {
                own.sort_by_key(|r| day[*r as usize]);
            }
        });
    }

    /// Numbers the distinct orders of each customer from 0; a row without an order id is an order of its own. `codes` are
    /// those of the sorted rows, `texts` what they mean: equal codes are equal texts, but not the reverse.
    fn number_orders(&self, codes: &[u32], texts: &StringChunked) -> Vec<u32> {
        let text = |code: u32| if code == NONE { "" } else { texts.get(code as usize).unwrap_or_default() };
        let mut numbered = vec![0; codes.len()];
        let mut rest = numbered.as_mut_slice();
        let mut slices = Vec::with_capacity(self.ids.len());
        for i in 0..self.ids.len() {
            let (own, after) = rest.split_at_mut(self.starts[i + 1] - self.starts[i]);
            slices.push((own, &codes[self.starts[i]..self.starts[i + 1]]));
            rest = after;
        }
        slices.into_par_iter().with_min_len(4096).for_each_init(
            || (Vec::new(), Vec::new()),
            |(seen, heads): &mut (Vec<(&str, u32)>, Vec<u32>), (out, codes)| {
                // Lines of one order mostly stand together, so runs are compared instead of rows.
                seen.clear();
                let mut last = (NONE, "");
                for (i, code) in codes.iter().enumerate() {
                    if *code != NONE && *code == last.0 {
                        continue;
                    }
                    let id = text(*code);
                    if i == 0 || id.is_empty() || id != last.1 {
                        seen.push((id, i as u32));
                    }
                    last = (*code, id);
                }
                heads.clear();
                heads.extend(seen.iter().map(|s| s.1));
                seen.sort_unstable();
                let mut number = 0;
                for k in 0..seen.len() {
                    if k > 0 && (seen[k].0 != seen[k - 1].0 || seen[k].0.is_empty()) {
                        number += 1;
                    }
                    out[seen[k].1 as usize] = number;
                }
                for (k, head) in heads.iter().enumerate() {
                    let end = heads.get(k + 1).map_or(out.len(), |h| *h as usize);
                    let number = out[*head as usize];
                    out[*head as usize..end].fill(number);
                }
            },
        );
        numbered
    }
}

fn flags(frame: &mut DataFrame, name: &str, what: &str) -> Result<Option<Vec<bool>>> {
    if frame.column(name).is_err() {
        return Ok(None);
    }
    let column = guard(what, || Ok(frame.drop_in_place(name)?.take_materialized_series()))?;
    guard(what, || Ok(Some(truth(column.bool()?))))
}

/// A column of numbers, missing ones as `missing`.
fn numbers<T: Native>(frame: &mut DataFrame, name: &str, missing: T, what: &str) -> Result<Option<Vec<T>>> {
    if frame.column(name).is_err() {
        return Ok(None);
    }
    let column = guard(what, || Ok(frame.drop_in_place(name)?.take_materialized_series()))?;
    guard(what, || Ok(Some(dense(column.unpack::<T::Polars>()?, missing))))
}

/// The numbers of some rows; none if there is no such column.
fn numbers_of<T: Native>(frame: &mut DataFrame, name: &str, missing: T, rows: &[u32], what: &str) -> Result<Vec<T>> {
    if frame.column(name).is_err() {
        return Ok(Vec::new());
    }
    let column = guard(what, || Ok(frame.drop_in_place(name)?.take_materialized_series()))?;
    guard(what, || {
        let numbers = column.unpack::<T::Polars>()?;
        let chunks: Vec<&[T]> = numbers.downcast_iter().map(|chunk| chunk.values().as_slice()).collect();
        let even = chunks.iter().rev().skip(1).all(|chunk| chunk.len() == CHUNK);
        Ok(match chunks.as_slice() {
            [one] if numbers.null_count() == 0 => gather(one, rows),
            chunks if numbers.null_count() == 0 && even => {
                let number = |row: &u32| chunks[*row as usize / CHUNK][*row as usize % CHUNK];
                rows.par_iter().with_min_len(1 << 14).map(number).collect()
            }
            _ => gather(&dense(numbers, missing), rows),
        })
    })
}

/// The number types a log keeps.
trait Native: NumericNative {
    type Polars: PolarsNumericType<Native = Self>;
}

impl Native for i32 {
    type Polars = Int32Type;
}

impl Native for i64 {
    type Polars = Int64Type;
}

impl Native for u32 {
    type Polars = UInt32Type;
}

impl Native for u8 {
    type Polars = UInt8Type;
}

impl Native for f64 {
    type Polars = Float64Type;
}

/// Where each customer's rows begin, and the rows in that order (a counting sort; rows without a customer are left out).
/// Each thread has some of the customers and looks at all rows.
fn by_customer(codes: &[u32], customers: usize) -> (Vec<usize>, Vec<u32>) {
    let own = customers.div_ceil(rayon::current_num_threads().max(1)).max(1);
    let mut starts = vec![0usize; customers + 1];
    starts[1..].par_chunks_mut(own).enumerate().for_each(|(part, counts)| {
        for code in codes {
            if let Some(count) = (*code as usize).checked_sub(part * own).and_then(|i| counts.get_mut(i)) {
                *count += 1;
            }
        }
    });
    for i in 0..customers {
        starts[i + 1] += starts[i];
    }
    let mut rows = vec![0u32; starts[customers]];
    let mut rest = rows.as_mut_slice();
    let mut parts = Vec::new();
    for first in (0..customers).step_by(own) {
        let last = (first + own).min(customers);
        let (part, after) = rest.split_at_mut(starts[last] - starts[first]);
        parts.push((first, last, part));
        rest = after;
    }
    parts.into_par_iter().for_each(|(first, last, part)| {
        let mut next: Vec<usize> = starts[first..last].iter().map(|start| start - starts[first]).collect();
        for (row, code) in codes.iter().enumerate() {
            if let Some(next) = (*code as usize).checked_sub(first).and_then(|i| next.get_mut(i)) {
                part[*next] = row as u32;
                *next += 1;
            }
        }
    });
    (starts, rows)
}

fn gather<T: Copy + Send + Sync>(values: &[T], rows: &[u32]) -> Vec<T> {
    rows.par_iter().with_min_len(1 << 14).map(|row| values[*row as usize]).collect()
}

/// What is known of customers, one value each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes {
    /// The customers, ascending by bytes (or input order where the file has no id).
    pub ids: Vec<String>,
    /// Column name and its values, as long as `ids`.
    pub columns: Vec<(String, Known)>,
}

/// The values of one attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Numbers; `NaN` is missing.
    Number(Vec<f64>),
    /// Levels.
    Level(Codes),
}

impl Attributes {
    /// The attribute called `name`.
    pub fn get(&self, name: &str) -> Option<&Known> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, k)| k)
    }

    /// Both, over the customers of either; columns of `other` that this one has too are left out.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        let ids = merged(&[&self.ids, &other.ids]);
        let mut columns: Vec<(String, Known)> = Vec::new();
        for part in [self, other] {
            let places = places(&ids, &part.ids);
            for (name, known) in part.columns {
                if columns.iter().any(|(n, _)| *n == name) {
                    continue;
                }
                let spread = match known {
                    Known::Number(v) => Known::Number(places.iter().map(|p| p.map_or(f64::NAN, |i| v[i])).collect()),
                    Known::Level(c) => Known::Level(Codes {
                        codes: places.iter().map(|p| p.map_or(NONE, |i| c.codes[i])).collect(),
                        levels: c.levels,
                    }),
                };
                columns.push((name, spread));
            }
        }
        Self { ids, columns }
    }
}

/// The ids of all lists (each ascending), once each, ascending.
pub fn merged(lists: &[&[String]]) -> Vec<String> {
    let mut all: Vec<&String> = lists.iter().flat_map(|l| l.iter()).collect();
    all.par_sort_unstable();
    all.dedup();
    all.into_par_iter().cloned().collect()
}

/// For each of `ids` its position in `within`; both ascending.
pub fn places(ids: &[String], within: &[String]) -> Vec<Option<usize>> {
    let mut at = 0;
    ids.iter()
        .map(|id| {
            while at < within.len() && within[at] < *id {
                at += 1;
            }
            (at < within.len() && within[at] == *id).then_some(at)
        })
        .collect()
}

/// The most frequent of some codes, then the lowest (levels are in alphabetical order); `None` if all are missing. `scratch`
/// is emptied.
pub fn mode(codes: impl Iterator<Item = u32>, scratch: &mut Vec<u32>) -> Option<u32> {
    scratch.clear();
    scratch.extend(codes.filter(|c| *c != NONE));
    scratch.sort_unstable();
    let mut best: Option<(u32, usize)> = None;
    for run in scratch.chunk_by(|a, b| a == b) {
        if best.is_none_or(|(_, n)| run.len() > n) {
            best = Some((run[0], run.len()));
        }
    }
    best.map(|(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(customers: &[Option<&str>], orders: &[&str], days: &[i32], keep: &[bool]) -> Log {
        let frame = df![
            "customer" => customers,
            "order" => orders,
            "day" => days,
            "amount" => (0..days.len() as i64).collect::<Vec<_>>(),
            "product" => orders.iter().map(|o| o.chars().next().map(String::from)).collect::<Vec<_>>(),
        ]
        .expect("a frame");
        let columns =
            Columns { customer: "customer", order: Some("order"), coded: vec![(Field::Product, "product".into())] };
        Log::of(frame, keep, &columns, "orders").expect("a log")
    }

    #[test]
    fn rows_stand_by_customer_and_day_and_orders_are_numbered_within_them() {
        let made = log(
            &[Some("b"), Some("a"), None, Some("b"), Some("b"), Some("a"), Some("c")],
            &["x1", "y1", "x1", "x2", "x1", "y1", "z"],
            &[5, 3, 1, 2, 9, 3, 1],
            &[true, true, true, true, true, true, false],
        );
        assert_eq!(made.ids, ["a", "b"]);
        assert_eq!(made.starts, [0, 2, 5]);
        assert_eq!(made.day, [3, 3, 2, 5, 9]);
        assert_eq!(made.amount, [1, 5, 3, 0, 4]);
        // b: x2 on day 2, x1 on days 5 and 9.
        assert_eq!(made.order, [0, 0, 1, 0, 0]);
        let products = made.codes(&Field::Product).expect("products");
        assert_eq!(products.levels, ["x", "y"]);
        assert_eq!(products.codes, [1, 1, 0, 0, 0]);
    }

    #[test]
    fn a_row_without_an_order_is_an_order() {
        let frame = df!["customer" => ["a", "a", "a"], "order" => [None, Some("1"), None::<&str>]].expect("a frame");
        let columns = Columns { customer: "customer", order: Some("order"), coded: Vec::new() };
        let made = Log::of(frame, &[true; 3], &columns, "orders").expect("a log");
        let mut numbers = made.order.clone();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 3);
    }

    #[test]
    fn attributes_of_two_tables_stand_side_by_side() {
        let one = Attributes {
            ids: vec!["a".into(), "c".into()],
            columns: vec![("x".into(), Known::Number(vec![1.0, 3.0]))],
        };
        let two = Attributes {
            ids: vec!["b".into(), "c".into()],
            columns: vec![("y".into(), Known::Number(vec![5.0, 6.0]))],
        };
        let both = one.beside(two);
        assert_eq!(both.ids, ["a", "b", "c"]);
        let Some(Known::Number(x)) = both.get("x") else { panic!("numbers") };
        let Some(Known::Number(y)) = both.get("y") else { panic!("numbers") };
        assert!(x[1].is_nan() && y[0].is_nan());
        assert_eq!((x[2], y[2]), (3.0, 6.0));
    }

    #[test]
    fn of_two_as_frequent_the_first_counts() {
        assert_eq!(mode([3, 1, 3, 1, NONE, NONE, NONE].into_iter(), &mut Vec::new()), Some(1));
        assert_eq!(mode([NONE].into_iter(), &mut Vec::new()), None);
    }
}
