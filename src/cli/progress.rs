//! How far the work is: a bar per long stage on a terminal, a line per stage elsewhere.

use super::Voice;
use crate::pipeline::Watch;
use indicatif::{ProgressBar, ProgressStyle};
use std::cell::RefCell;
use std::io::IsTerminal;
use std::time::Instant;

/// Shows stages on stderr.
pub(crate) struct Progress {
    quiet: bool,
    terminal: bool,
    stages: usize,
    state: RefCell<State>,
    #[cfg(feature = "spark")]
    shared: Bar,
}

struct State {
    number: usize,
    name: &'static str,
    began: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For so many stages.
    pub(crate) fn new(voice: &Voice, stages: usize) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let state = State { number: 0, name: "", began: Instant::now(), bar: None };
        Self {
            quiet: voice.quiet || voice.json,
            terminal,
            stages,
            state: RefCell::new(state),
            #[cfg(feature = "spark")]
            shared: Bar::default(),
        }
    }
}

/// The bar of the stage that is shown, for who works beside this thread.
#[cfg(feature = "spark")]
#[derive(Clone, Default)]
pub(crate) struct Bar(std::sync::Arc<std::sync::Mutex<Option<ProgressBar>>>);

#[cfg(feature = "spark")]
impl Bar {
    /// So many of so many tasks are done.
    pub(crate) fn tasks(&self, done: usize, of: usize) {
        if let Ok(bar) = self.0.lock()
            && let Some(bar) = bar.as_ref()
        {
            bar.set_length(of.max(1) as u64);
            bar.set_position(done as u64);
        }
    }
}

#[cfg(feature = "spark")]
impl Progress {
    /// What shows the bar of every stage to come.
    pub(crate) fn shared(&self) -> Bar {
        self.shared.clone()
    }
}

impl Watch for Progress {
    fn begin(&self, stage: &'static str) {
        let mut state = self.state.borrow_mut();
        state.number += 1;
        state.name = stage;
        state.began = Instant::now();
        if self.quiet || !self.terminal {
            return;
        }
        let bar = ProgressBar::new(1);
        // The template is ours and a test renders it, so it parses.
        if let Ok(style) = ProgressStyle::with_template(" {prefix}  {msg:<12} {bar:20} {pos}/{len}") {
            bar.set_style(style);
        }
        bar.set_prefix(format!("{}/{}", state.number, self.stages));
        bar.set_message(stage);
        #[cfg(feature = "spark")]
        if let Ok(mut shared) = self.shared.0.lock() {
            *shared = Some(bar.clone());
        }
        state.bar = Some(bar);
    }

    fn tick(&self, done: usize, of: usize) {
        if let Some(bar) = &self.state.borrow().bar {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        }
    }

    fn end(&self, said: &[String]) {
        let mut state = self.state.borrow_mut();
        if let Some(bar) = state.bar.take() {
            bar.finish_and_clear();
        }
        #[cfg(feature = "spark")]
        if let Ok(mut shared) = self.shared.0.lock() {
            *shared = None;
        }
        if self.quiet {
            return;
        }
        let seconds = state.began.elapsed().as_secs_f64();
        let head = format!(" {}/{}  {:<12}", state.number, self.stages, state.name);
        let first = said.first().map(String::as_str).unwrap_or_default();
        eprintln!("{head} {first}  {seconds:.1}s");
        for line in said.iter().skip(1) {
            eprintln!("{:1$}{line}", "", head.chars().count() + 1);
        }
    }
}
