//! `ilk demo`: a generated shop, and everything run on it.

use super::{Voice, run};
use crate::config::{Config, FILE};
use crate::error::{Error, Result};
use crate::shop::{Recipe, generate};
use crate::store::{Store, write_atomic};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `ilk demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder to make
    #[arg(long, default_value = "ilk-demo", value_name = "DIR")]
    out: PathBuf,
    /// Number of customers
    #[arg(long, default_value_t = Recipe::default().customers)]
    customers: usize,
    /// Decides everything that is drawn
    #[arg(long, default_value_t = Recipe::default().seed)]
    seed: u64,
    /// Only write the files
    #[arg(long)]
    data_only: bool,
}

const CONFIG: &str = include_str!("demo.toml");

impl Demo {
    pub(crate) fn run(&self, voice: &Voice) -> Result<i32> {
        let shop = generate(&Recipe { customers: self.customers, seed: self.seed })?;
        let mut files: Vec<(&str, String)> = shop.files();
        files.push((FILE, CONFIG.to_string()));
        // A folder that holds something else is somebody's work.
        for (name, text) in &files {
            let path = self.out.join(name);
            if std::fs::read(&path).is_ok_and(|old| old != text.as_bytes()) {
                return Err(Error::new(
                    "E0615",
                    format!("{} exists and differs from what this demo would write", path.display()),
                )
                .help("choose another folder: ilk demo --out DIR"));
            }
        }
        for (name, text) in &files {
            write_atomic(&self.out.join(name), text.as_bytes())?;
        }
        voice.say(format!(
            "Wrote {}/ (a generated shop: {} customers, {} order lines, 9 quarters, seed {})",
            self.out.display(),
            crate::features::Unit::Count.format(self.customers as f64, ""),
            crate::features::Unit::Count.format(shop.orders.len() as f64, ""),
            self.seed
        ));
        if self.data_only {
            return voice.document(&serde_json::json!({ "folder": self.out.display().to_string() })).map(|()| 0);
        }
        let store = Store::new(&self.out);
        let config = Config::parse(CONFIG, FILE)?;
        let (report, published) = run::execute(&config, &store, voice)?;
        run::say(&report, &published, voice)?;
        // The second line of customers.csv names somebody who exists.
        let customers = files.iter().find(|(name, _)| *name == "customers.csv").map(|(_, text)| text.as_str());
        let someone = customers.and_then(|t| t.lines().nth(1)?.split(',').next()).unwrap_or_default();
        let dir = self.out.display();
        voice.next(&[
            (format!("ilk report --open --dir {dir}"), "read it in the browser"),
            (format!("ilk why {someone} --dir {dir}"), "why is this customer in that segment"),
            ("ilk init YOUR_FILE.csv".into(), "start with your own data"),
        ]);
        Ok(0)
    }
}
