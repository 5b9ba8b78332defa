//! How many orders every week had: a missing week explains a trend that is none.

use super::dates::Day;
use super::log::{Log, UNDATED};

/// Orders of each week (Monday to Sunday), from the first to the last with one: the Monday and the number. An order counts once, on the
/// first day of its lines that take nothing back. Rows without a date do not count.
pub fn orders_by_week(log: &Log) -> Vec<(Day, usize)> {
    // The first of January 1970 was a Thursday.
    let week = |day: i32| (day + 3).div_euclid(7);
    let mut weeks: Vec<i32> = Vec::new();
    for own in log.starts.windows(2) {
        // Orders are numbered from 0 within their customer.
        let mut seen = vec![false; own[1] - own[0]];
        for row in own[0]..own[1] {
            if log.day[row] == UNDATED || log.returned.get(row) == Some(&true) {
                continue;
            }
            let order = log.order.get(row).map_or(row - own[0], |order| *order as usize);
            if !std::mem::replace(&mut seen[order], true) {
                weeks.push(week(log.day[row]));
            }
        }
    }
    let (Some(&first), Some(&last)) = (weeks.iter().min(), weeks.iter().max()) else { return Vec::new() };
    let mut counts = vec![0; (last - first) as usize + 1];
    weeks.iter().for_each(|week| counts[(week - first) as usize] += 1);
    counts.into_iter().enumerate().map(|(at, count)| (Day((first + at as i32) * 7 - 3), count)).collect()
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
}
