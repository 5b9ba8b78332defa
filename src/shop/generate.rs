//! From traits to rows: orders, returns, mails, sessions and answers that realise what a customer is.

use super::personas::{CHANNELS, INCOMES, LAST_DAY, Model, PERSONAS, REGIONS, Traits};
use super::{Customer, Event, EventKind, OrderLine, Shop, Stamp, SurveyAnswer, Truth};
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::ops::Range;

/// Products on sale; ids count from 1 in order of price.
const PRODUCTS: usize = 200;
/// Share of customers' draws that are followed by an order without a customer id: about 8 % of all lines.
const GUEST_ORDERS: f64 = 0.45;
/// Share of orders of which one article comes back.
const RETURNS: f64 = 0.04;
/// Chance per order of each kind of dirt: a line written twice, a price of zero, a quantity that is no number.
const DIRT: f64 = 0.0015;

/// One basket before its number is known: numbers follow the time of the sale.
struct Basket {
    at: Stamp,
    customer: Option<u32>,
    lines: Vec<Line>,
    /// The basket that this one brings back.
    returned: Option<usize>,
}

#[derive(Clone, Copy)]
struct Line {
    product: usize,
    /// `None` is written `n/a`.
    quantity: Option<i32>,
    cents: u32,
}

/// What one run needs for every customer.
pub(super) struct Generator {
    model: Model,
    key: u64,
    /// Price of each product in cents, ascending.
    prices: Vec<u32>,
    next_order: u64,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        // Steps of 2.4 % from 1.99 to about 220, ending in 9 as prices do.
        let prices = (0..PRODUCTS).map(|i| (199.0 * 1.024_f64.powi(i as i32)) as u32 / 10 * 10 + 9).collect();
        Self { model: Model::new(), key: Xoshiro256PlusPlus::seed_from_u64(seed).r#gen(), prices, next_order: 100_001 }
    }

    /// All rows of the given customers (indices from 0), in the order of time. Order numbers go on from the last call.
    pub(super) fn block(&mut self, customers: Range<u32>) -> Shop {
        let mut shop = Shop::default();
        let mut baskets = Vec::new();
        for customer in customers {
            // Every customer has a stream of their own, so a block can be made without those before it.
            let seed = self.key ^ u64::from(customer).wrapping_mul(0xD134_2543_DE82_EF95);
            let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
            let (persona, traits) = self.model.draw(&mut rng);
            shop.truth.push(Truth {
                customer,
                persona: PERSONAS[persona].name,
                bayes_persona: PERSONAS[self.model.bayes(&traits)].name,
            });
            let first = self.orders(customer, &traits, &mut baskets, &mut rng);
            events(customer, &traits, first, &mut shop.events, &mut rng);
            shop.customers.push(describe(customer, &traits, &mut rng));
            if rng.gen_bool(0.2) {
                shop.surveys.push(answer(customer, &traits, &mut rng));
            }
            // The first guest buys on the last day, so every shop closes on the same one.
            if customer == 0 || rng.gen_bool(GUEST_ORDERS) {
                let day = if customer == 0 { LAST_DAY } else { rng.gen_range(0..=LAST_DAY) };
                let value = rng.gen_range(10.0..120.0);
                let lines = self.fill(&mut { value }, &mut rng);
                baskets.push(Basket { at: opening_hours(day, &mut rng), customer: None, lines, returned: None });
            }
        }
        self.number(&baskets, &mut shop.orders);
        shop.events.sort_by_key(|e| (e.at, e.customer, e.kind));
        shop.surveys.sort_by_key(|s| (s.day, s.customer));
        shop
    }

    /// The customer's baskets; returns the day of the first. Exactly `traits.orders` sales, the last of them
    /// `traits.recency` days before the end, and a net revenue per order within about 2 % of `traits.order_value`: what
    /// comes back was bought on top.
    fn orders(&self, customer: u32, traits: &Traits, baskets: &mut Vec<Basket>, rng: &mut impl Rng) -> usize {
        let last = LAST_DAY - traits.recency;
        let gap = rng.gen_range(30.0..70.0);
        let span = ((gap * (traits.orders - 1) as f64) as usize).min(last);
        let mut days: Vec<usize> = (1..traits.orders).map(|_| last - rng.gen_range(0..=span)).collect();
        days.push(last);
        days.sort_unstable();
        let weights: Vec<f64> = days.iter().map(|_| rng.gen_range(0.7..1.3)).collect();
        let unit = traits.order_value * traits.orders as f64 / weights.iter().sum::<f64>();
        // What the price list could not match in one order is made up for in the next.
        let mut purse = 0.0;
        for (&day, weight) in days.iter().zip(weights) {
            purse += unit * weight;
            let mut lines = self.fill(&mut purse, rng);
            let at = opening_hours(day, rng);
            let back = day + rng.gen_range(3..=28);
            let goes_back = rng.gen_bool(RETURNS) && back <= LAST_DAY;
            if goes_back {
                let line = self.line(traits.order_value.min(60.0), &lines, rng);
                lines.insert(0, line);
            }
            let (returned, first) = (baskets.len(), lines[0]);
            self.soil(&mut lines, rng);
            baskets.push(Basket { at, customer: Some(customer), lines, returned: None });
            if goes_back {
                let lines = vec![Line { quantity: first.quantity.map(|q| -q), ..first }];
                let at = opening_hours(back, rng);
                baskets.push(Basket { at, customer: Some(customer), lines, returned: Some(returned) });
            }
        }
        days[0]
    }

    /// One to four lines of distinct products worth about `purse`, which keeps what is left over (or overspent).
    fn fill(&self, purse: &mut f64, rng: &mut impl Rng) -> Vec<Line> {
        let most = ((*purse / 9.0) as usize).clamp(1, 4);
        let count = rng.gen_range(1..=4).min(most);
        let mut lines = Vec::with_capacity(count + 1);
        for left in (1..=count).rev() {
            let share = if left == 1 { 1.0 } else { rng.gen_range(0.6..1.4) / left as f64 };
            let line = self.line(*purse * share, &lines, rng);
            *purse -= f64::from(line.cents) / 100.0 * f64::from(line.quantity.unwrap_or(0));
            lines.push(line);
        }
        lines
    }

    /// A line worth about `value`, of a product that `others` lack.
    fn line(&self, value: f64, others: &[Line], rng: &mut impl Rng) -> Line {
        let cents = (value * 100.0).max(1.0);
        let dearest = f64::from(self.prices[PRODUCTS - 1]);
        let quantity = (cents / dearest).ceil().max(f64::from([1, 1, 1, 2, 2, 3][rng.gen_range(0..6)]));
        let quantity = if cents / quantity < f64::from(self.prices[0]) { 1.0 } else { quantity };
        let price = cents / quantity;
        let above = self.prices.partition_point(|&p| f64::from(p) < price).min(PRODUCTS - 1);
        let near = above.saturating_sub(1)..=above;
        let distance = |&i: &usize| (f64::from(self.prices[i]) - price).abs();
        let mut product = near.min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(above);
        while others.iter().any(|l| l.product == product) {
            product = (product + 1) % PRODUCTS;
        }
        Line { product, quantity: Some(quantity as i32), cents: self.prices[product] }
    }

    /// What exports get wrong, on top of the true lines.
    fn soil(&self, lines: &mut Vec<Line>, rng: &mut impl Rng) {
        if rng.gen_bool(DIRT) {
            lines.push(lines[lines.len() - 1]);
        }
        for (cents, quantity) in [(Some(0), Some(1)), (None, None)] {
            if rng.gen_bool(DIRT) {
                let product = rng.gen_range(0..PRODUCTS);
                lines.push(Line { product, quantity, cents: cents.unwrap_or(self.prices[product]) });
            }
        }
    }

    /// Numbers the baskets by time and writes their lines; a return bears the number of its sale.
    fn number(&mut self, baskets: &[Basket], lines: &mut Vec<OrderLine>) {
        let mut by_time: Vec<usize> = (0..baskets.len()).collect();
        by_time.sort_by_key(|&i| (baskets[i].at, i));
        let mut numbers = vec![0; baskets.len()];
        for i in by_time {
            let basket = &baskets[i];
            // A sale comes days before its return, so it has its number by now.
            numbers[i] = basket.returned.map_or(self.next_order, |sale| numbers[sale]);
            self.next_order += u64::from(basket.returned.is_none());
            lines.extend(basket.lines.iter().map(|line| OrderLine {
                order: numbers[i],
                is_return: basket.returned.is_some(),
                at: basket.at,
                customer: basket.customer,
                product: line.product as u32 + 1,
                quantity: line.quantity,
                cents: line.cents,
            }));
        }
    }
}

/// Some moment of the day between eight and ten.
fn opening_hours(day: usize, rng: &mut impl Rng) -> Stamp {
    Stamp::new(day as u32, rng.gen_range(8 * 3600..22 * 3600))
}

/// Exactly the traits' sessions, mails, opens and clicks, the last engagement `traits.idle` days before the end.
fn events(customer: u32, traits: &Traits, first_order: usize, out: &mut Vec<Event>, rng: &mut impl Rng) {
    let last = LAST_DAY - traits.idle;
    let start = first_order.saturating_sub(rng.gen_range(0..60)).min(last.saturating_sub(rng.gen_range(14..60)));
    let mut push = |at, kind| out.push(Event { customer, at, kind });
    for i in 0..traits.sessions {
        let at = opening_hours(if i == 0 { last } else { rng.gen_range(start..=last) }, rng);
        push(at, EventKind::Session);
        if rng.gen_bool(0.25) {
            push(at.after(rng.gen_range(60..900)), EventKind::CartAdd);
        }
    }
    for i in 0..traits.mails {
        let until = if i < traits.opened { last } else { LAST_DAY };
        let at = Stamp::new(rng.gen_range(start..=until) as u32, 7 * 3600 + rng.gen_range(0..900));
        push(at, EventKind::EmailSent);
        if i < traits.opened {
            let opened = at.after(rng.gen_range(120..50_000));
            push(opened, EventKind::EmailOpened);
            if i < traits.clicked {
                push(opened.after(rng.gen_range(5..600)), EventKind::EmailClicked);
            }
        }
    }
}

/// The customer's row, with the gaps that customer shop have. Age follows the channel, and nothing follows the persona
/// but the traits.
fn describe(customer: u32, traits: &Traits, rng: &mut impl Rng) -> Customer {
    let mut known = |share: f64| rng.gen_bool(share);
    let (age, gender, region) = (known(0.94), known(0.92), known(0.98));
    let (income, household, channel) = (known(0.91), known(0.95), known(0.99));
    let noise: f64 = StandardNormal.sample(rng);
    let years = ([53.0, 44.0, 31.0, 40.0][traits.channel] + 10.0 * noise).clamp(18.0, 88.0) as u32;
    let blank = if rng.gen_bool(0.5) { "N/A" } else { "" };
    let genders = ["female", "male", "female", "male", "female", "other"];
    let gender_of = if rng.gen_bool(0.97) { rng.gen_range(0..5) } else { 5 };
    Customer {
        customer,
        age: age.then_some(years),
        gender: if gender { genders[gender_of] } else { "" },
        region: if region { REGIONS[traits.region] } else { "" },
        income_band: if income { INCOMES[traits.income] } else { blank },
        household_size: household.then_some(traits.household as u32 + 1),
        signup_channel: if channel { CHANNELS[traits.channel] } else { "" },
    }
}

/// How likely the customer is to recommend the shop: the longer away, the less.
fn answer(customer: u32, traits: &Traits, rng: &mut impl Rng) -> SurveyAnswer {
    let noise: f64 = StandardNormal.sample(rng);
    let score = 10.6 - 0.75 * (traits.recency as f64).ln_1p() + 1.6 * noise;
    let day = (LAST_DAY - traits.recency + rng.gen_range(0..=30)).min(LAST_DAY);
    SurveyAnswer { customer, day: day as u32, nps: score.round().clamp(0.0, 10.0) as u32 }
}
