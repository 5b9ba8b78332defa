//! Texts as numbers: in the order of the texts, so that numbers can be compared in their place.

use super::frame::{dense, guard};
use super::log::{Codes, NONE};
use crate::error::{Error, Result};
use polars::prelude::*;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};

/// What the numbers mean that stand for the texts of a frame.
#[derive(Default)]
pub(crate) struct Texts {
    /// By column the texts, ascending by bytes; a number is a place among them.
    levels: BTreeMap<String, Vec<String>>,
    /// The ids of orders, which need not be told apart over all customers.
    pub(crate) orders: Option<StringChunked>,
}

impl Texts {
    /// Puts numbers in the place of a frame's texts, nothing where there is none. `order` is the column of order ids.
    pub(crate) fn of(mut frame: DataFrame, order: Option<&str>, what: &str) -> Result<(DataFrame, Self)> {
        if u32::try_from(frame.height()).is_err() {
            return Err(Error::new("E0131", format!("{what} has more than 4,294,967,295 rows"))
                .help("shorten the history, or aggregate the lines to orders before the export"));
        }
        let mut texts = Self::default();
        let columns = frame.columns().iter().filter(|c| *c.dtype() == DataType::String);
        for name in columns.map(|c| c.name().clone()).collect::<Vec<_>>() {
            let column = guard(what, || Ok(frame.column(&name)?.str()?.rechunk().into_owned()))?;
            let codes = if order == Some(name.as_str()) {
                let missing = column.is_null();
                let codes = (0u32..).zip(missing.iter()).map(|(i, m)| if m == Some(true) { NONE } else { i }).collect();
                texts.orders = Some(column);
                codes
            } else {
                let coded = intern(&column);
                texts.levels.insert(name.to_string(), coded.levels);
                coded.codes
            };
            let codes: UInt32Chunked = if codes.contains(&NONE) {
                codes.iter().map(|code| (*code != NONE).then_some(*code)).collect()
            } else {
                UInt32Chunked::from_vec(PlSmallStr::EMPTY, codes)
            };
            guard(what, || frame.replace(&name, codes.with_name(name.clone()).into_column()).map(|_| ()))?;
        }
        Ok((frame, texts))
    }

    /// Takes in those of other columns.
    pub(crate) fn extend(&mut self, other: Self) {
        self.levels.extend(other.levels);
        self.orders = other.orders.or(self.orders.take());
    }

    /// The texts of a column in some rows, ascending.
    pub(crate) fn distinct(&self, frame: &DataFrame, name: &str, rows: &[bool], what: &str) -> Result<Vec<String>> {
        let Some(levels) = self.levels.get(name).filter(|_| rows.contains(&true)) else { return Ok(Vec::new()) };
        let codes = guard(what, || Ok(dense(frame.column(name)?.u32()?, NONE)))?;
        let mut used = vec![false; levels.len()];
        for (code, _) in codes.iter().zip(rows).filter(|(_, among)| **among) {
            if let Some(used) = used.get_mut(*code as usize) {
                *used = true;
            }
        }
        Ok(levels.iter().zip(used).filter(|(_, used)| *used).map(|(level, _)| level.clone()).collect())
    }

    /// Takes the texts of a column that its codes mean; the codes are changed to leave out those they do not.
    pub(crate) fn take(&mut self, name: &str, mut codes: Vec<u32>) -> Codes {
        let levels = self.levels.remove(name).unwrap_or_default();
        let mut next = 0;
        let ranks: Vec<u32> = used(codes.par_iter(), levels.len())
            .into_iter()
            .map(|used| {
                next += u32::from(used);
                if used { next - 1 } else { NONE }
            })
            .collect();
        if (next as usize) < levels.len() {
            codes.par_iter_mut().with_min_len(1 << 14).for_each(|code| {
                *code = ranks.get(*code as usize).copied().unwrap_or(NONE);
            });
        }
        let levels = levels.into_iter().zip(ranks).filter(|(_, rank)| *rank != NONE).map(|(level, _)| level).collect();
        Codes { codes, levels }
    }
}

/// Which of `levels` texts are meant by some codes.
fn used<'a>(codes: impl IndexedParallelIterator<Item = &'a u32>, levels: usize) -> Vec<bool> {
    // Each thread marks for itself.
    codes
        .with_min_len(levels.max(1 << 14))
        .fold(
            || vec![false; levels],
            |mut used, code| {
                if let Some(used) = used.get_mut(*code as usize) {
                    *used = true;
                }
                used
            },
        )
        .reduce_with(|mut a, b| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a |= b);
            a
        })
        .unwrap_or_else(|| vec![false; levels])
}

/// Bytes of a text that a [`Key`] holds as a number.
const HEAD: usize = 16;

/// A text with its first bytes as a number: most texts are told apart, and put in order, by that alone.
#[derive(Clone, Copy)]
struct Key<'a> {
    head: [u64; 2],
    text: &'a str,
}

impl<'a> Key<'a> {
    fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        let head = bytes.first_chunk::<HEAD>().copied().unwrap_or_else(|| {
            let mut head = [0; HEAD];
            head[..bytes.len()].copy_from_slice(bytes);
            head
        });
        let [first, second] = [0, 8].map(|at| u64::from_be_bytes(std::array::from_fn(|i| head[at + i])));
        Self { head: [first, second], text }
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.head.cmp(&other.head).then_with(|| {
            // Of two short texts with equal heads one is the other and zeros behind it.
            if self.text.len().max(other.text.len()) <= HEAD {
                self.text.len().cmp(&other.text.len())
            } else {
                self.text.cmp(other.text)
            }
        })
    }
}

impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key<'_> {}

impl Hash for Key<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from(self.head[0]) << 64 | u128::from(self.head[1]));
        if self.text.len() > HEAD {
            state.write(&self.text.as_bytes()[HEAD..]);
        }
    }
}

/// Gives each distinct text a code, in the order of the texts. The column is in one piece.
pub(crate) fn intern(texts: &StringChunked) -> Codes {
    let pieces = rayon::current_num_threads().max(1);
    let length = texts.len().div_ceil(pieces).max(1);
    // Each piece numbers its own texts in the order they come; the pieces are merged afterwards.
    let mut parts: Vec<(Vec<u32>, Vec<Key<'_>>)> = (0..texts.len().div_ceil(length))
        .into_par_iter()
        .map(|piece| {
            let mut known: HashMap<Key<'_>, u32, foldhash::fast::FixedState> = HashMap::default();
            let mut levels: Vec<Key<'_>> = Vec::new();
            let mut last: Option<(Key<'_>, u32)> = None;
            let codes = (piece * length..((piece + 1) * length).min(texts.len()))
                .map(|row| {
                    let Some(text) = texts.get(row) else { return NONE };
                    let key = Key::of(text);
                    if let Some((before, code)) = last
                        && before == key
                    {
                        return code;
                    }
                    let code = *known.entry(key).or_insert_with(|| {
                        levels.push(key);
                        (levels.len() - 1) as u32
                    });
                    last = Some((key, code));
                    code
                })
                .collect();
            (codes, levels)
        })
        .collect();
    let mut all: Vec<(Key<'_>, u32, u32)> = Vec::with_capacity(parts.iter().map(|p| p.1.len()).sum());
    for (piece, (_, own)) in parts.iter().enumerate() {
        all.extend(own.iter().zip(0..).map(|(key, code)| (*key, piece as u32, code)));
    }
    all.par_sort_unstable();
    let mut levels: Vec<&str> = Vec::new();
    let mut ranks: Vec<Vec<u32>> = parts.iter().map(|(_, own)| vec![NONE; own.len()]).collect();
    let mut last = None;
    for (key, piece, code) in all {
        if last != Some(key) {
            levels.push(key.text);
            last = Some(key);
        }
        ranks[piece as usize][code as usize] = (levels.len() - 1) as u32;
    }
    for ((codes, _), ranks) in parts.iter_mut().zip(&ranks) {
        codes.par_iter_mut().with_min_len(1 << 14).for_each(|code| {
            if *code != NONE {
                *code = ranks[*code as usize];
            }
        });
    }
    let codes: Vec<Vec<u32>> = parts.into_iter().map(|(codes, _)| codes).collect();
    Codes { codes: codes.concat(), levels: levels.into_par_iter().map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_do_not_depend_on_the_number_of_pieces() {
        let texts: Vec<Option<String>> =
            (0..1000).map(|i| (i % 7 != 0).then(|| format!("id{}", i * 7919 % 101))).collect();
        let column: Series = Column::new("t".into(), texts).take_materialized_series();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| intern(column.str().expect("text")))
        };
        assert_eq!(with(1), with(5));
    }

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_their_texts(a in "[a\u{0}]{0,20}", b in "[a\u{0}]{0,20}", c in "\\PC{0,20}") {
            for (a, b) in [(&a, &b), (&b, &c), (&c, &c)] {
                prop_assert_eq!(Key::of(a).cmp(&Key::of(b)), a.as_bytes().cmp(b.as_bytes()));
            }
        }
    }
}
