//! Who shops here: six planted personas, and the best anyone could do at telling them apart.
//!
//! A persona is a product of one-dimensional distributions. Every persona-dependent quantity of a customer is drawn here,
//! from tables whose probabilities are known exactly; whatever else a customer does is drawn *given* these [`Traits`] and
//! never given the persona. So the posterior of [`Model::bayes`] is exact, and its share of right answers is a ceiling
//! that no clustering of the files can be asked to exceed.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// First day to last day of the shop, in days; day 0 is 2024-01-01, this one 2026-03-31.
pub(super) const LAST_DAY: usize = 820;
/// No one lapses for longer, so that everyone's history fits into the nine quarters.
const LONGEST_GAP: usize = 740;
const MOST_ORDERS: usize = 60;
const MOST_SESSIONS: usize = 80;
/// Money is spread evenly on `ln(1 + v / VALUE_UNIT)`, the scale on which customers are compared.
const VALUE_UNIT: f64 = 45.0;
/// Lowest order value, so that one line of the cheapest product fits.
const LEAST_VALUE: f64 = 6.0;

/// Spreads within a persona, the same for all six so that no persona is a blur: `ln(1 + days)`, `ln(1 + orders)`,
/// `ln(1 + value / unit)`, `ln(1 + sessions)`, `ln(1 + idle days)`, and the two shares of mails.
const SPREAD: Spread =
    Spread { recency: 0.78, orders: 0.46, value: 0.37, sessions: 0.63, idle: 1.11, opened: 0.19, clicked: 0.11 };

struct Spread {
    recency: f64,
    orders: f64,
    value: f64,
    sessions: f64,
    idle: f64,
    opened: f64,
    clicked: f64,
}

/// Levels of `region`.
pub(super) const REGIONS: [&str; 4] = ["North", "South", "East", "West"];
/// Levels of `income_band`, lowest first.
pub(super) const INCOMES: [&str; 4] = ["under 25k", "25k-50k", "50k-80k", "over 80k"];
/// Levels of `signup_channel`.
pub(super) const CHANNELS: [&str; 4] = ["store", "search", "social", "referral"];

/// A planted persona: centres of its distributions, and weights of its levels.
#[derive(Debug)]
pub(super) struct Persona {
    pub(super) name: &'static str,
    share: f64,
    recency_days: f64,
    orders: f64,
    order_value: f64,
    sessions: f64,
    idle_days: f64,
    opened: f64,
    clicked: f64,
    regions: [f64; 4],
    incomes: [f64; 4],
    channels: [f64; 4],
    households: [f64; 5],
}

/// The six, by share of customers.
pub(super) const PERSONAS: [Persona; 6] = [
    Persona {
        name: "one-time long gone",
        share: 0.27,
        recency_days: 430.0,
        orders: 1.0,
        order_value: 34.0,
        sessions: 2.0,
        idle_days: 330.0,
        opened: 0.08,
        clicked: 0.02,
        regions: [4.0, 3.0, 2.0, 1.0],
        incomes: [3.0, 4.0, 2.0, 1.0],
        channels: [2.0, 6.0, 1.0, 1.0],
        households: [4.0, 4.0, 2.0, 1.0, 1.0],
    },
    Persona {
        name: "steady regulars",
        share: 0.22,
        recency_days: 24.0,
        orders: 10.0,
        order_value: 30.0,
        sessions: 6.0,
        idle_days: 40.0,
        opened: 0.30,
        clicked: 0.06,
        regions: [3.0, 4.0, 1.0, 2.0],
        incomes: [2.0, 4.0, 3.0, 1.0],
        channels: [6.0, 2.0, 1.0, 1.0],
        households: [1.0, 3.0, 3.0, 3.0, 1.0],
    },
    Persona {
        name: "slipping away",
        share: 0.17,
        recency_days: 240.0,
        orders: 8.0,
        order_value: 105.0,
        sessions: 3.0,
        idle_days: 190.0,
        opened: 0.14,
        clicked: 0.03,
        regions: [2.0, 2.0, 4.0, 2.0],
        incomes: [1.0, 3.0, 4.0, 2.0],
        channels: [5.0, 3.0, 1.0, 2.0],
        households: [2.0, 4.0, 3.0, 2.0, 1.0],
    },
    Persona {
        name: "new and promising",
        share: 0.14,
        recency_days: 18.0,
        orders: 1.3,
        order_value: 110.0,
        sessions: 5.0,
        idle_days: 10.0,
        opened: 0.50,
        clicked: 0.20,
        regions: [1.0, 2.0, 3.0, 4.0],
        incomes: [1.0, 3.0, 4.0, 2.0],
        channels: [1.0, 2.0, 6.0, 2.0],
        households: [4.0, 4.0, 2.0, 1.0, 1.0],
    },
    Persona {
        name: "bargain window shoppers",
        share: 0.12,
        recency_days: 120.0,
        orders: 2.0,
        order_value: 18.0,
        sessions: 22.0,
        idle_days: 6.0,
        opened: 0.60,
        clicked: 0.26,
        regions: [4.0, 2.0, 2.0, 2.0],
        incomes: [4.0, 4.0, 2.0, 1.0],
        channels: [1.0, 3.0, 6.0, 1.0],
        households: [2.0, 3.0, 3.0, 2.0, 1.0],
    },
    Persona {
        name: "loyal big spenders",
        share: 0.08,
        recency_days: 9.0,
        orders: 18.0,
        order_value: 160.0,
        sessions: 18.0,
        idle_days: 5.0,
        opened: 0.55,
        clicked: 0.24,
        regions: [2.0, 4.0, 2.0, 3.0],
        incomes: [1.0, 2.0, 4.0, 4.0],
        channels: [3.0, 1.0, 1.0, 5.0],
        households: [1.0, 4.0, 3.0, 3.0, 1.0],
    },
];

/// All that depends on the persona of one customer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Traits {
    /// Days from the last order to [`LAST_DAY`].
    pub(super) recency: usize,
    /// Distinct orders, at least one.
    pub(super) orders: usize,
    /// Net revenue per order, in currency units.
    pub(super) order_value: f64,
    /// Sessions, at least one.
    pub(super) sessions: usize,
    /// Days from the last session, open or click to [`LAST_DAY`].
    pub(super) idle: usize,
    /// Mails sent. The same for every persona; 0 for those who did not agree to mail.
    pub(super) mails: usize,
    /// Mails opened, at most `mails`.
    pub(super) opened: usize,
    /// Mails clicked, at most `opened`.
    pub(super) clicked: usize,
    /// Index into [`REGIONS`].
    pub(super) region: usize,
    /// Index into [`INCOMES`].
    pub(super) income: usize,
    /// Index into [`CHANNELS`].
    pub(super) channel: usize,
    /// People in the household, less one.
    pub(super) household: usize,
}

/// A distribution over `0..n` with exact probabilities.
struct Table {
    cumulative: Vec<f64>,
    ln: Vec<f64>,
}

impl Table {
    /// Probabilities proportional to `weights`, of which at least one is positive.
    fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let (mut cumulative, mut ln) = (Vec::new(), Vec::new());
        for weight in weights {
            sum += weight;
            cumulative.push(sum);
            ln.push(weight.ln());
        }
        for (c, l) in cumulative.iter_mut().zip(&mut ln) {
            *c /= sum;
            *l -= sum.ln();
        }
        Self { cumulative, ln }
    }

    /// A bell curve on `scale(i)` for `i` in `0..n`: its mean and spread hold on that scale.
    fn bell(n: usize, mean: f64, spread: f64, scale: impl Fn(usize) -> f64) -> Self {
        Self::new((0..n).map(|i| (-0.5 * ((scale(i) - mean) / spread).powi(2)).exp()))
    }

    fn draw(&self, rng: &mut impl Rng) -> usize {
        let u: f64 = rng.r#gen();
        self.cumulative.partition_point(|&c| c <= u).min(self.cumulative.len() - 1)
    }
}

/// One persona, ready to draw from.
struct Tables {
    recency: Table,
    orders: Table,
    value: f64,
    sessions: Table,
    idle: Table,
    /// By mails sent: mails opened.
    opened: Vec<Table>,
    /// By mails sent and mails opened: mails clicked.
    clicked: Vec<Vec<Table>>,
    region: Table,
    income: Table,
    channel: Table,
    household: Table,
}

/// Fewest and most mails to a customer who agreed to mail.
const MAILS: (usize, usize) = (6, 12);

impl Tables {
    fn new(p: &Persona) -> Self {
        let share = |n: usize| move |i: usize| i as f64 / n.max(1) as f64;
        let clicked = |n, opened| Table::bell(opened + 1, p.clicked, SPREAD.clicked, share(n));
        Self {
            recency: Table::bell(LONGEST_GAP + 1, p.recency_days.ln_1p(), SPREAD.recency, ln_1p),
            orders: Table::bell(MOST_ORDERS, p.orders.ln_1p(), SPREAD.orders, |i| ln_1p(i + 1)),
            value: (p.order_value / VALUE_UNIT).ln_1p(),
            sessions: Table::bell(MOST_SESSIONS, p.sessions.ln_1p(), SPREAD.sessions, |i| ln_1p(i + 1)),
            idle: Table::bell(LONGEST_GAP + 1, p.idle_days.ln_1p(), SPREAD.idle, ln_1p),
            opened: (0..=MAILS.1).map(|n| Table::bell(n + 1, p.opened, SPREAD.opened, share(n))).collect(),
            clicked: (0..=MAILS.1).map(|n| (0..=n).map(|opened| clicked(n, opened)).collect()).collect(),
            region: Table::new(p.regions),
            income: Table::new(p.incomes),
            channel: Table::new(p.channels),
            household: Table::new(p.households),
        }
    }

    /// Log density of everything in `t` but the number of mails, which is the same for every persona.
    fn ln_density(&self, t: &Traits) -> f64 {
        let score = (t.order_value / VALUE_UNIT).ln_1p();
        self.recency.ln[t.recency] + self.orders.ln[t.orders - 1] - 0.5 * ((score - self.value) / SPREAD.value).powi(2)
            + self.sessions.ln[t.sessions - 1]
            + self.idle.ln[t.idle]
            + self.opened[t.mails].ln[t.opened]
            + self.clicked[t.mails][t.opened].ln[t.clicked]
            + self.region.ln[t.region]
            + self.income.ln[t.income]
            + self.channel.ln[t.channel]
            + self.household.ln[t.household]
    }
}

fn ln_1p(i: usize) -> f64 {
    (i as f64).ln_1p()
}

/// The population: draws customers, and names the most probable persona of one.
pub(super) struct Model {
    shares: Table,
    tables: Vec<Tables>,
}

impl Model {
    pub(super) fn new() -> Self {
        Self {
            shares: Table::new(PERSONAS.iter().map(|p| p.share)),
            tables: PERSONAS.iter().map(Tables::new).collect(),
        }
    }

    /// A persona (index into [`PERSONAS`]) and a customer who has it.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> (usize, Traits) {
        let persona = self.shares.draw(rng);
        let t = &self.tables[persona];
        let noise: f64 = StandardNormal.sample(rng);
        let mails = if rng.gen_bool(0.02) { 0 } else { rng.gen_range(MAILS.0..=MAILS.1) };
        let opened = t.opened[mails].draw(rng);
        let traits = Traits {
            recency: t.recency.draw(rng),
            orders: t.orders.draw(rng) + 1,
            order_value: ((t.value + SPREAD.value * noise).exp_m1() * VALUE_UNIT).max(LEAST_VALUE),
            sessions: t.sessions.draw(rng) + 1,
            idle: t.idle.draw(rng),
            mails,
            opened,
            clicked: t.clicked[mails][opened].draw(rng),
            region: t.region.draw(rng),
            income: t.income.draw(rng),
            channel: t.channel.draw(rng),
            household: t.household.draw(rng),
        };
        (persona, traits)
    }

    /// The persona with the greatest posterior probability: share times density. Order values cut off at the lowest are
    /// taken at their density there, which is the only approximation.
    pub(super) fn bayes(&self, traits: &Traits) -> usize {
        let mut best = (0, f64::NEG_INFINITY);
        for (i, tables) in self.tables.iter().enumerate() {
            let score = self.shares.ln[i] + tables.ln_density(traits);
            if score > best.1 {
                best = (i, score);
            }
        }
        best.0
    }
}
