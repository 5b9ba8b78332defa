//! A demo shop with planted personas: nine quarters of orders, web and mail events, demographics and survey answers of
//! invented customers, to try ilk on and to measure it by.
//!
//! The files have what real exports have: returns, guests, ties, gaps and a little dirt. Six personas of unequal size are
//! planted; `truth.csv` names the planted persona of each customer and the most probable one given everything the
//! generator drew for that customer by persona (the Bayes label). The personas overlap, so even the Bayes label is right
//! for some 95 % only: that is the ceiling for any clustering of the files.

mod generate;
mod personas;
mod write;

use crate::error::{Error, Result};
use std::fmt;

/// Customers made at a time: what streaming keeps in memory, and the span within which rows are in order of time.
const BLOCK: u32 = 16_384;

/// What to make. The same recipe gives the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Number of customers with an id, from 1 to [`u32::MAX`] - 1; about 15 order lines each, guests included.
    pub customers: usize,
    /// Seed of everything that is drawn.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { customers: 12_000, seed: 42 }
    }
}

/// Seconds since the first day of the shop, 2024-01-01 00:00:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u32);

impl Stamp {
    fn new(day: u32, second: u32) -> Self {
        Self(day * 86_400 + second)
    }

    fn after(self, seconds: u32) -> Self {
        Self(self.0 + seconds)
    }

    /// Days since 2024-01-01.
    pub fn day(self) -> u32 {
        self.0 / 86_400
    }

    /// Seconds since midnight.
    pub fn second(self) -> u32 {
        self.0 % 86_400
    }
}

/// One line of an order, or of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OrderLine {
    /// Number of the order; a return bears the number of its sale.
    pub order: u64,
    /// Written as a `C` before the number; its quantity is negative.
    pub is_return: bool,
    /// When it was placed.
    pub at: Stamp,
    /// Index of the customer; `None` is a guest.
    pub customer: Option<u32>,
    /// Number of the product, from 1.
    pub product: u32,
    /// Articles; `None` is written `n/a`.
    pub quantity: Option<i32>,
    /// Price of one article, in hundredths of a currency unit.
    pub cents: u32,
}

/// One thing a customer did, or was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event {
    /// Index of the customer.
    pub customer: u32,
    /// When.
    pub at: Stamp,
    /// What.
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// A visit to the web shop.
    Session,
    /// Something was put into the cart.
    CartAdd,
    /// A newsletter went out.
    EmailSent,
    /// It was opened.
    EmailOpened,
    /// A link in it was followed.
    EmailClicked,
}

impl EventKind {
    /// As in `events.csv`.
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::Session => "session",
            EventKind::CartAdd => "cart_add",
            EventKind::EmailSent => "email_sent",
            EventKind::EmailOpened => "email_opened",
            EventKind::EmailClicked => "email_clicked",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of a customer as a person. Empty text, `N/A` and `None` are gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Customer {
    /// Index of the customer.
    pub customer: u32,
    /// In years.
    pub age: Option<u32>,
    /// A name.
    pub gender: &'static str,
    /// A name.
    pub region: &'static str,
    /// A level: under 25k, 25k-50k, 50k-80k, over 80k.
    pub income_band: &'static str,
    /// People.
    pub household_size: Option<u32>,
    /// A name.
    pub signup_channel: &'static str,
}

/// One answer to "would you recommend us?".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SurveyAnswer {
    /// Index of the customer.
    pub customer: u32,
    /// Days since 2024-01-01.
    pub day: u32,
    /// 0 to 10.
    pub nps: u32,
}

/// Who a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Truth {
    /// Index of the customer.
    pub customer: u32,
    /// The planted persona.
    pub persona: &'static str,
    /// The most probable persona, given all that was drawn by persona.
    pub bayes_persona: &'static str,
}

/// The whole shop in memory. Rows of every 16,384 customers are in order of time, so those of smaller shops are
/// altogether; customers and truth are in order of id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shop {
    /// Lines of orders and returns.
    pub orders: Vec<OrderLine>,
    /// One row per customer.
    pub customers: Vec<Customer>,
    /// Web and mail.
    pub events: Vec<Event>,
    /// From about one customer in five.
    pub surveys: Vec<SurveyAnswer>,
    /// One row per customer.
    pub truth: Vec<Truth>,
}

/// Makes the shop in memory; [`write_to`] makes one of any size without keeping it.
///
/// # Errors
/// If the recipe asks for no customer, or for more than can be numbered.
pub fn generate(recipe: &Recipe) -> Result<Shop> {
    let mut shop = Shop::default();
    blocks(recipe, |block| {
        shop.orders.extend(block.orders);
        shop.customers.extend(block.customers);
        shop.events.extend(block.events);
        shop.surveys.extend(block.surveys);
        shop.truth.extend(block.truth);
        Ok(())
    })?;
    Ok(shop)
}

/// Makes the shop block by block. `sink` is given a file name and the next piece of its text, first the header lines;
/// the pieces of a file put together are the text that [`Shop::files`] returns.
///
/// # Errors
/// Those of [`generate`], and whatever `sink` returns.
pub fn write_to(recipe: &Recipe, mut sink: impl FnMut(&'static str, &str) -> Result<()>) -> Result<()> {
    let writer = write::Writer::new();
    for (name, header) in write::FILES {
        sink(name, header)?;
    }
    let mut text = String::new();
    blocks(recipe, |block| {
        for (file, (name, _)) in write::FILES.into_iter().enumerate() {
            text.clear();
            writer.rows(file, &block, &mut text);
            sink(name, &text)?;
        }
        Ok(())
    })
}

/// Calls `take` with all rows of each block of customers in turn.
fn blocks(recipe: &Recipe, mut take: impl FnMut(Shop) -> Result<()>) -> Result<()> {
    let customers = u32::try_from(recipe.customers).ok().filter(|&n| n > 0 && n < u32::MAX).ok_or_else(|| {
        Error::new("E0205", format!("a shop cannot have {} customers", recipe.customers))
            .help("ask for a number from 1 to 4,294,967,294; 12000 makes about 20 MB of files")
    })?;
    let mut generator = generate::Generator::new(recipe.seed);
    let mut first = 0;
    while first < customers {
        let end = first + BLOCK.min(customers - first);
        take(generator.block(first..end))?;
        first = end;
    }
    Ok(())
}

impl Shop {
    /// File name and CSV text of `orders.csv` (one row per line), `customers.csv`, `events.csv`, `surveys.csv` and
    /// `truth.csv`.
    pub fn files(&self) -> Vec<(&'static str, String)> {
        let writer = write::Writer::new();
        let file = |(i, (name, header)): (usize, (&'static str, &str))| {
            let mut text = header.to_string();
            writer.rows(i, self, &mut text);
            (name, text)
        };
        write::FILES.into_iter().enumerate().map(file).collect()
    }

    /// Share of customers whose most probable persona is the planted one: the best any method can expect. `NaN` without
    /// customers.
    pub fn bayes_accuracy(&self) -> f64 {
        let right = self.truth.iter().filter(|t| t.persona == t.bayes_persona).count();
        right as f64 / self.truth.len() as f64
    }
}
