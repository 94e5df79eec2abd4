//! Ranges of a primary key, so that one big physical table is read by several statements at a time.
//!
//! The ranges hold every key that there is or may come to be: the first is open below and the last above, so rows that are
//! written meanwhile are in one of them, as if one statement had read all. Gaps only make them uneven. A primary key is never
//! NULL; one of several columns, or of text, is not split.

use crate::config::{Shard, Splitting};
use crate::error::from_driver;
use crate::pool::Servers;
use crate::sql::{Bind, Fragment, quoted};
use mysql_async::prelude::Queryable;
use mysql_async::{Row, Value};
use naru_connector::Result;

/// How many ranges a table of so many rows is read in.
pub(crate) fn count(rows: Option<u64>, splitting: Splitting) -> usize {
    let wanted = rows.filter(|_| splitting.rows > 0).map_or(1, |rows| rows.div_ceil(splitting.rows));
    usize::try_from(wanted).unwrap_or(usize::MAX).clamp(1, splitting.most)
}

/// The conditions of so many ranges of a shard's key; none when it is not worth it.
pub(crate) async fn of_shard(
    servers: &Servers,
    shard: &Shard,
    key: &str,
    count: usize,
    what: &str,
) -> Result<Vec<Fragment>> {
    let mut lease = servers.lease(shard.server, what).await?;
    let text = format!("SELECT MIN({key}), MAX({key}) FROM {}.{}", quoted(&shard.database), quoted(&shard.table));
    let row: Option<Row> = lease.conn()?.exec_first(text, ()).await.map_err(|error| from_driver(&error, what))?;
    lease.finish();
    let whole = |position| match row.as_ref()?.as_ref(position)? {
        Value::Int(number) => Some(i128::from(*number)),
        Value::UInt(number) => Some(i128::from(*number)),
        _ => None,
    };
    Ok(match (whole(0), whole(1)) {
        (Some(low), Some(high)) => conditions(key, &bounds(low, high, count)),
        _ => Vec::new(),
    })
}

/// Where a range ends and the next begins.
fn bounds(low: i128, high: i128, count: usize) -> Vec<i128> {
    let parts = i128::try_from(count).unwrap_or(1).max(1);
    let width = (high - low) / parts + 1;
    (1..parts).map(|part| low + width * part).take_while(|bound| *bound <= high).collect()
}

fn conditions(key: &str, bounds: &[i128]) -> Vec<Fragment> {
    let compared = |op: &str, bound: i128| {
        let bound = match i64::try_from(bound) {
            Ok(bound) => Bind::Int(bound),
            Err(_) => Bind::UInt(u64::try_from(bound).unwrap_or(u64::MAX)),
        };
        Fragment::text(key).then(op, Fragment::bind(bound))
    };
    let (Some(first), Some(last)) = (bounds.first(), bounds.last()) else { return Vec::new() };
    let mut ranges = vec![compared(" < ", *first)];
    for pair in bounds.windows(2) {
        if let [from, to] = pair {
            ranges.push(compared(" >= ", *from).then(" AND ", compared(" < ", *to)).wrapped("(", ")"));
        }
    }
    ranges.push(compared(" >= ", *last));
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_lies_in_one_range() {
        for (low, high, count) in [(0, 9, 3), (5, 5, 4), (-3, 3, 7), (1, 2, 4), (0, i128::from(u64::MAX), 4)] {
            let bounds = bounds(low, high, count);
            assert!(bounds.len() < count && bounds.is_sorted(), "{bounds:?}");
            assert!(bounds.iter().all(|bound| (low + 1..=high).contains(bound)), "{bounds:?}");
        }
        assert_eq!(bounds(0, 9, 3), [4, 8]);
        assert_eq!(bounds(7, 7, 4), [0_i128; 0]);
        let texts: Vec<_> = conditions("`id`", &[4, 8]).into_iter().map(|range| range.text).collect();
        assert_eq!(texts, ["`id` < ?", "(`id` >= ? AND `id` < ?)", "`id` >= ?"]);
        let largest: Vec<_> =
            conditions("`id`", &[i128::from(u64::MAX)]).into_iter().flat_map(|range| range.binds).collect();
        assert_eq!(largest, [Bind::UInt(u64::MAX), Bind::UInt(u64::MAX)]);
    }

    #[test]
    fn estimates_decide_how_many_ranges_there_are() {
        let splitting = Splitting { rows: 100, most: 4 };
        assert_eq!(
            [None, Some(0), Some(100), Some(101), Some(10_000)].map(|rows| count(rows, splitting)),
            [1, 1, 1, 2, 4]
        );
        assert_eq!(count(Some(10_000), Splitting { rows: 0, most: 4 }), 1);
    }
}
