//! The command line: parse, run, say what went wrong, exit.

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // A panic of ours or of a library is reported once, in our words, by `run`.
    std::panic::set_hook(Box::new(|_| {}));
    std::process::exit(ilk::cli::run(&ilk::cli::Cli::parse()));
}
