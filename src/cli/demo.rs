//! `ilk demo`: a generated shop, and everything run on it.

use super::{Voice, run};
use crate::config::{Config, FILE};
use crate::error::{Error, Result};
use crate::features::Unit;
use crate::shop::{Recipe, write_to};
use crate::store::{Draft, Held, Store};
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
        let mut drafts: Vec<(&str, Draft)> = Vec::new();
        let (mut order_lines, mut someone) = (0, String::new());
        let mut append = |name: &'static str, text: &str| {
            let at = match drafts.iter().position(|(draft, _)| *draft == name) {
                Some(at) => at,
                None => {
                    drafts.push((name, Draft::new(&self.out.join(name))?));
                    drafts.len() - 1
                }
            };
            match name {
                "orders.csv" => order_lines += text.lines().count(),
                // The first customer's id: somebody to ask `ilk why` about.
                "customers.csv" if text.starts_with('C') && someone.is_empty() => {
                    someone = text.split(',').next().unwrap_or_default().to_string();
                }
                _ => {}
            }
            drafts[at].1.write(text.as_bytes())
        };
        append(FILE, CONFIG)?;
        write_to(&Recipe { customers: self.customers, seed: self.seed }, append)?;
        // A folder that holds something else is somebody's work.
        for (name, draft) in &mut drafts {
            if draft.equals_existing()? == Some(false) {
                let path = self.out.join(name);
                return Err(Error::new(
                    "E0615",
                    format!("{} exists and differs from what this demo would write", path.display()),
                )
                .help("choose another folder: ilk demo --out DIR"));
            }
        }
        drafts.into_iter().try_for_each(|(_, draft)| draft.keep())?;
        voice.say(format!(
            "Wrote {}/ (a generated shop: {} customers, {} order lines, 9 quarters, seed {})",
            self.out.display(),
            Unit::Count.format(self.customers as f64, ""),
            // Without the header.
            Unit::Count.format((order_lines - 1) as f64, ""),
            self.seed
        ));
        if self.data_only {
            return voice.document(&serde_json::json!({ "folder": self.out.display().to_string() })).map(|()| 0);
        }
        let store = Store::new(&self.out);
        let config = Config::parse(CONFIG, FILE)?;
        let (report, published) = run::execute(&config, &store, Held::Refuse, voice)?;
        run::say(&report, &published, voice)?;
        let dir = self.out.display();
        voice.next(&[
            (format!("ilk report --open --dir {dir}"), "read it in the browser"),
            (format!("ilk why {someone} --dir {dir}"), "why is this customer in that segment"),
            ("ilk init YOUR_FILE.csv".into(), "start with your own data"),
        ]);
        Ok(0)
    }
}
