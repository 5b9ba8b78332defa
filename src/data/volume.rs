//! How many orders every week and every month had: a missing week explains a trend that is none, a month is when to write.

use super::dates::Day;
use super::log::{Log, UNDATED};

/// Every order's customer (a place in the log) and day: once, on the first day of its lines that take nothing back. Rows without a
/// date do not count.
fn orders(log: &Log) -> Vec<(usize, Day)> {
    let mut orders = Vec::new();
    for (customer, own) in log.starts.windows(2).enumerate() {
        // Orders are numbered from 0 within their customer.
        let mut seen = vec![false; own[1] - own[0]];
        for row in own[0]..own[1] {
            if log.day[row] == UNDATED || log.returned.get(row) == Some(&true) {
                continue;
            }
            let order = log.order.get(row).map_or(row - own[0], |order| *order as usize);
            if !std::mem::replace(&mut seen[order], true) {
                orders.push((customer, Day(log.day[row])));
            }
        }
    }
    orders
}

/// Orders of each week (Monday to Sunday), from the first to the last with one: the Monday and the number.
pub fn orders_by_week(log: &Log) -> Vec<(Day, usize)> {
    // The first of January 1970 was a Thursday.
    let weeks: Vec<i32> = orders(log).into_iter().map(|(_, day)| (day.0 + 3).div_euclid(7)).collect();
    let (Some(&first), Some(&last)) = (weeks.iter().min(), weeks.iter().max()) else { return Vec::new() };
    let mut counts = vec![0; (last - first) as usize + 1];
    weeks.iter().for_each(|week| counts[(week - first) as usize] += 1);
    counts.into_iter().enumerate().map(|(at, count)| (Day((first + at as i32) * 7 - 3), count)).collect()
}

/// Orders of the last twelve calendar months that the orders cover to their end, or of as many as there are: the months
/// ([`Day::month`]) and the numbers per group, where `group` tells that of a customer's id.
pub fn orders_by_month<'a>(
    log: &'a Log,
    groups: usize,
    group: impl Fn(&'a str) -> Option<usize>,
) -> (Vec<i32>, Vec<Vec<usize>>) {
    let orders = orders(log);
    let days = || orders.iter().map(|(_, day)| *day);
    let (Some(first), Some(last)) = (days().min(), days().max()) else { return (Vec::new(), Vec::new()) };
    let ended = if Day(last.0 + 1).month() > last.month() { last.month() } else { last.month() - 1 };
    let months: Vec<i32> = ((ended - 11).max(first.month())..=ended).collect();
    let mut counts = vec![vec![0; months.len()]; groups];
    let groups: Vec<Option<usize>> = log.ids.iter().map(|id| group(id)).collect();
    for (customer, day) in orders {
        if let (Some(group), Some(start)) = (groups[customer], months.first())
            && let Some(count) = usize::try_from(day.month() - start).ok().and_then(|at| counts[group].get_mut(at))
        {
            *count += 1;
        }
    }
    (months, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_counts_once_in_the_week_it_began() {
        // Two customers; the second's last row takes something back. 2024-01-01 was a Monday, day 19,723.
        let log = Log {
            ids: vec!["a".into(), "b".into()],
            starts: vec![0, 4, 6],
            day: vec![19_723, 19_724, 19_729, 19_730, 19_744, 19_751],
            order: vec![0, 0, 1, 1, 0, 1],
            returned: vec![false, false, false, false, false, true],
            ..Log::default()
        };
        let found: Vec<(String, usize)> = orders_by_week(&log).into_iter().map(|(day, n)| (day.iso(), n)).collect();
        let expected = [("2024-01-01", 2), ("2024-01-08", 0), ("2024-01-15", 0), ("2024-01-22", 1)];
        assert_eq!(found, expected.map(|(day, n)| (day.to_string(), n)));
        assert!(orders_by_week(&Log::default()).is_empty());
    }
    #[test]
    fn months_that_are_over_count() {
        // 2024-01-31 is day 19,753; from 2022-12-15 (19,341) on.
        let mut log = Log {
            ids: vec!["a".into(), "b".into(), "c".into()],
            starts: vec![0, 3, 4, 5],
            day: vec![19_341, 19_389, 19_752, 19_753, 19_753],
            ..Log::default()
        };
        let group = |id: &str| ["a", "b"].iter().position(|known| *known == id);
        let (months, counts) = orders_by_month(&log, 2, group);
        assert_eq!((months.len(), months[0], months[11]), (12, 2023 * 12 + 1, 2024 * 12));
        assert_eq!(counts, [[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]]);
        // A day less, and January is not over.
        log.day[3] = 19_752;
        log.day[4] = 19_752;
        let (months, counts) = orders_by_month(&log, 2, group);
        assert_eq!((months[0], months[11]), (2023 * 12, 2023 * 12 + 11));
        assert_eq!(counts[0], [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        // Not before the first order, and nothing without any.
        log.day[0] = 19_700;
        log.day[1] = 19_701;
        assert_eq!(orders_by_month(&log, 2, group).0, [2023 * 12 + 11]);
        assert!(orders_by_month(&Log::default(), 2, group).0.is_empty());
    }
}
