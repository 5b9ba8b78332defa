//! The models that others are held against, as they were stored.

use crate::error::Result;
use crate::export::parquet::{read_features, read_texts};
use crate::features::matrix::FeatureMatrix;
use crate::pipeline::{Earlier, Elder, Model};
use crate::store::{ModelRef, Store};

/// The model that a new one of the project is held against: the promoted one, else the newest.
pub(super) fn reference(store: &Store, name: &str) -> Result<Option<Elder>> {
    let Some(reference) = store.reference(name)? else { return Ok(None) };
    let of_all = || {
        let mut next_id = 1;
        for version in store.versions(name) {
            next_id = next_id.max(store.record(&store.version(name, &version)?)?.next_id);
        }
        load(store, &reference, next_id)
    };
    // Going on without it would give every segment a new id.
    of_all().map(Some).map_err(|error| error.help("or hold new runs against another version: ilk promote VERSION"))
}

/// The file of the customers that a model was made of.
pub(super) const FEATURES: &str = "features.parquet";

/// What the manifest calls the folder where an engine wrote the assignments of everyone.
pub(super) const WRITTEN: &str = "assignments";

/// The customers that a model was made of.
pub(super) fn matrix(store: &Store, reference: &ModelRef, model: &Model) -> Result<FeatureMatrix> {
    read_features(&store.read(reference, FEATURES)?, &model.features)
}

/// A model with its customers and what was published of them; new segments beside it are counted from `next_id`.
pub(super) fn load(store: &Store, reference: &ModelRef, next_id: usize) -> Result<Elder> {
    let model = store.model(reference)?;
    let matrix = matrix(store, reference, &model)?;
    let wanted = ["customer_id", "segment_id", "previous_segment_id", "segment_changed_at"];
    let mut columns = read_texts(&store.read(reference, "assignments.parquet")?, &wanted)?.into_iter();
    let mut column = || columns.next().flatten().unwrap_or_default();
    let [ids, segments, previous, since] = [column(), column(), column(), column()];
    let at = |column: &[Option<String>], row: usize| column.get(row).cloned().flatten();
    let published = ids.iter().enumerate().filter_map(|(row, id)| {
        let earlier =
            Earlier { segment: at(&segments, row)?, previous: at(&previous, row), changed_at: at(&since, row) };
        Some((id.clone()?, earlier))
    });
    let published = published.collect();
    let written = store.manifest(reference)?.metadata.get(WRITTEN).and_then(|folder| folder.as_str()).map(String::from);
    Ok(Elder { model, matrix, next_id, published, written })
}
