//! `ilk explain`: the long form of any error or warning code.
use super::Voice;
use crate::error::{Error, Result};
use clap::Args;
/// Arguments of `ilk explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Such as E0312
    code: String,
}
impl Explain {
    pub(crate) fn run(&self, voice: &Voice) -> Result<i32> {
        voice.say(&self.code);
        Err(Error::new("E0070", "x"))
    }
}
