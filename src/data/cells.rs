//! What is computed from single columns: on the rows of a frame, or on the texts of coded columns and then on their rows.

use super::coded::Piece;
use super::frame::{collect, computed, guard};
use super::log::CHUNK;
use super::source::ROW;
use super::texts::Texts;
use crate::error::Result;
use polars::prelude::*;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What is computed from single columns of the input, by column.
#[derive(Default)]
pub(crate) struct Cells(BTreeMap<String, Cell>);

#[derive(Default)]
struct Cell {
    /// What the values refer to: computed once, before them.
    once: Vec<Expr>,
    values: Vec<(String, Expr)>,
}

impl Cells {
    /// Adds a value that is computed from `column` alone, row by row. What is there under the name stays.
    pub(crate) fn add(&mut self, column: &str, name: &str, value: Expr) {
        let cell = self.0.entry(column.into()).or_default();
        if !cell.values.iter().any(|(known, _)| known == name) {
            cell.values.push((name.into(), value));
        }
    }

    /// The same; what is returned stands for the value from then on.
    pub(crate) fn value(&mut self, column: &str, name: &str, value: Expr) -> Expr {
        self.add(column, name, value);
        col(name)
    }

    /// Adds what the values of `column` refer to.
    pub(crate) fn once(&mut self, column: &str, once: Vec<Expr>) {
        let cell = self.0.entry(column.into()).or_default();
        for expr in once {
            if !cell.once.contains(&expr) {
                cell.once.push(expr);
            }
        }
    }

    /// Computes them on every row of a frame.
    pub(crate) fn on_rows(&self, frame: LazyFrame) -> LazyFrame {
        let once: Vec<Expr> = self.0.values().flat_map(|cell| cell.once.iter().cloned()).collect();
        let values = self.0.values().flat_map(|cell| &cell.values).map(|(name, value)| value.clone().alias(name));
        frame.with_columns(once).select(std::iter::once(col(ROW)).chain(values).collect::<Vec<_>>())
    }

    /// Computes them on the texts of coded columns, and then `rows` on every row. `beside` is applied to the result of each
    /// column, with its name.
    pub(crate) fn on_levels(
        &self,
        columns: BTreeMap<String, Vec<Piece>>,
        order: Option<&str>,
        beside: impl Fn(&str, LazyFrame) -> LazyFrame + Sync,
        rows: impl Fn(LazyFrame) -> LazyFrame + Sync,
        what: &str,
    ) -> Result<(DataFrame, Texts)> {
        let columns: Vec<(String, Vec<Piece>)> = columns.into_iter().collect();
        let parts: Vec<(Vec<Vec<u32>>, DataFrame, Texts)> = columns
            .into_par_iter()
            .filter_map(|(name, pieces)| Some((self.0.get(&name)?, name, pieces)))
            .map(|(cell, name, pieces)| {
                let (codes, levels) = one_column(pieces);
                let levels = levels.with_name(name.as_str().into()).into_column();
                let frame = guard(what, || DataFrame::new(levels.len(), vec![levels]))?;
                let values: Vec<Expr> = cell.values.iter().map(|(name, value)| value.clone().alias(name)).collect();
                let frame = beside(&name, frame.lazy().with_columns(&cell.once).select(values));
                let (mut frame, texts) = Texts::of(collect(frame, what)?, order, what)?;
                frame.rechunk_mut();
                Ok((codes, frame, texts))
            })
            .collect::<Result<_>>()?;
        let mut texts = Texts::default();
        let mut columns = Vec::with_capacity(parts.len());
        for (codes, frame, own) in parts {
            columns.push((codes, frame));
            texts.extend(own);
        }
        let mut rows_before = 0;
        let ends: Vec<usize> = columns
            .first()
            .into_iter()
            .flat_map(|(codes, _)| codes)
            .map(|codes| {
                rows_before += codes.len();
                rows_before
            })
            .collect();
        let batches: Vec<usize> = (0..rows_before).step_by(CHUNK).collect();
        let parts: Vec<DataFrame> = batches
            .into_par_iter()
            .map(|from| {
                let to = (from + CHUNK).min(rows_before);
                let frame = guard(what, || {
                    let mut values = vec![Column::new_row_index(ROW.into(), from as IdxSize, to - from)?];
                    for (codes, frame) in &columns {
                        let codes = IdxCa::from_vec(ROW.into(), between(codes, &ends, from, to));
                        for column in frame.columns() {
                            values.push(column.take(&codes)?);
                        }
                    }
                    DataFrame::new(to - from, values)
                })?;
                computed(rows(frame.lazy()), what)
            })
            .collect::<Result<_>>()?;
        let mut parts = parts.into_iter();
        let mut all = parts.next().unwrap_or_default();
        for part in parts {
            guard(what, || all.vstack_mut_owned(part).map(|_| ()))?;
        }
        Ok((all, texts))
    }
}

/// The codes of some rows; `ends` says where each piece ends.
fn between(codes: &[Vec<u32>], ends: &[usize], from: usize, to: usize) -> Vec<u32> {
    let mut found = Vec::with_capacity(to - from);
    let mut piece = ends.partition_point(|end| *end <= from);
    while from + found.len() < to {
        let start = ends[piece] - codes[piece].len();
        found.extend_from_slice(&codes[piece][from + found.len() - start..ends[piece].min(to) - start]);
        piece += 1;
    }
    found
}

/// The codes of all pieces, which then mean places among the texts that are returned.
fn one_column(pieces: Vec<Piece>) -> (Vec<Vec<u32>>, StringChunked) {
    let mut next = 0;
    let firsts: Vec<u32> = pieces
        .iter()
        .map(|piece| {
            next += piece.levels.len() as u32;
            next - piece.levels.len() as u32
        })
        .collect();
    let (mut codes, levels): (Vec<Vec<u32>>, Vec<StringChunked>) =
        pieces.into_iter().map(|piece| (piece.codes, piece.levels)).unzip();
    codes.par_iter_mut().zip(firsts).for_each(|(codes, first)| codes.iter_mut().for_each(|code| *code += first));
    let chunks = levels.iter().flat_map(|levels| levels.downcast_iter().cloned());
    (codes, StringChunked::from_chunk_iter(PlSmallStr::EMPTY, chunks))
}
