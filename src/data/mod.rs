//! What comes in: files become tables in canonical form, and every row is accounted for.
//!
//! [`schema`] says which columns a project reads, in the user's own names; [`read`](mod@read) is the only reader of input
//! files; [`ledger`] holds where each row ended; [`roles`] guesses the columns of a file nobody has described yet.

mod beside;
mod cells;
mod coded;
pub(crate) mod columns;
pub mod dates;
pub(crate) mod doubts;
pub mod duplicates;
pub(crate) mod frame;
mod head;
mod ids;
mod inspect;
pub mod ledger;
pub mod log;
mod memory;
pub mod numbers;
pub(crate) mod orders;
pub mod read;
mod returns;
pub mod roles;
mod scan;
pub mod schema;
pub(crate) mod source;
mod texts;
mod totals;
pub mod volume;
