//! From a predicate to the shards that can hold matching rows.
//!
//! The answer may name too many shards, never too few: whatever is not understood leaves all of them.

use super::{Key, Router};
use datafusion::scalar::ScalarValue;
use naru_connector::{CompareOp, Predicate};
use std::collections::{BTreeMap, BTreeSet};

/// A set of shard numbers.
pub(crate) type Candidates = BTreeSet<u32>;

/// What is asked of a table: its routing, the names of its key and of its shard column, and the answers of a look-up
/// table if it has one.
pub(crate) struct KeyConditions<'a> {
    pub(crate) shards: u32,
    pub(crate) routing: Option<(&'a str, &'a Router)>,
    pub(crate) shard_column: &'a str,
    pub(crate) looked_up: &'a BTreeMap<Key, Vec<u32>>,
}

impl KeyConditions<'_> {
    /// The shards that can hold rows for which all predicates are true.
    pub(crate) fn candidates(&self, predicates: &[Predicate]) -> Candidates {
        predicates.iter().map(|predicate| self.one(predicate)).fold(self.all(), |all, some| &all & &some)
    }

    /// The same condition with only those keys that can lie in one shard; `None` when no row there meets it.
    pub(crate) fn in_shard(&self, predicate: &Predicate, shard: u32) -> Option<Predicate> {
        if !self.one(predicate).contains(&shard) {
            return None;
        }
        let Predicate::In { column, values } = predicate else { return Some(predicate.clone()) };
        if !self.is_key(column.root()) {
            return Some(predicate.clone());
        }
        let may_lie_there = |value: &&ScalarValue| {
            let shards = Key::new(value).and_then(|key| self.of_key(&key));
            shards.is_none_or(|shards| shards.contains(&shard))
        };
        let values = values.iter().filter(may_lie_there).cloned().collect();
        Some(Predicate::In { column: column.clone(), values })
    }

    fn one(&self, predicate: &Predicate) -> Candidates {
        match predicate {
            Predicate::And(all) => self.candidates(all),
            Predicate::Or(any) => any.iter().flat_map(|predicate| self.one(predicate)).collect(),
            Predicate::Compare { column, op, value } if column.root() == self.shard_column => {
                let Some(Key::Number(wanted)) = Key::new(value) else { return self.all() };
                self.all().into_iter().filter(|&shard| holds(*op, shard.into(), wanted)).collect()
            }
            Predicate::In { column, values } if column.root() == self.shard_column => {
                let wanted: Vec<_> = values.iter().filter_map(Key::new).collect();
                self.all().into_iter().filter(|&shard| wanted.contains(&Key::Number(shard.into()))).collect()
            }
            Predicate::Compare { column, op, value } if self.is_key(column.root()) => {
                Key::new(value).map_or_else(|| self.all(), |key| self.compared(*op, &key))
            }
            Predicate::In { column, values } if self.is_key(column.root()) => {
                let keys = values.iter().map(|value| self.of_key(&Key::new(value)?)).collect::<Option<Vec<_>>>();
                keys.map_or_else(|| self.all(), |shards| self.known(shards.concat()))
            }
            Predicate::Between { column, low, high } if self.is_key(column.root()) => {
                let (Some(low), Some(high)) = (Key::new(low), Key::new(high)) else { return self.all() };
                self.ranged(Some(&low), Some(&high))
            }
            _ => self.all(),
        }
    }

    fn compared(&self, op: CompareOp, key: &Key) -> Candidates {
        match op {
            CompareOp::Eq => self.of_key(key).map_or_else(|| self.all(), |shards| self.known(shards)),
            CompareOp::Lt | CompareOp::LtEq => self.ranged(None, Some(key)),
            CompareOp::Gt | CompareOp::GtEq => self.ranged(Some(key), None),
            CompareOp::NotEq => self.all(),
        }
    }

    fn ranged(&self, low: Option<&Key>, high: Option<&Key>) -> Candidates {
        let found = self.routing.and_then(|(_, router)| router.range(low, high));
        found.map_or_else(|| self.all(), |shards| self.known(shards))
    }

    fn of_key(&self, key: &Key) -> Option<Vec<u32>> {
        self.looked_up.get(key).cloned().or_else(|| self.routing?.1.shard(key))
    }

    fn is_key(&self, column: &str) -> bool {
        self.routing.is_some_and(|(key, _)| key == column)
    }

    fn known(&self, shards: Vec<u32>) -> Candidates {
        shards.into_iter().filter(|&shard| shard < self.shards).collect()
    }

    fn all(&self) -> Candidates {
        (0..self.shards).collect()
    }
}

fn holds(op: CompareOp, left: i128, right: i128) -> bool {
    match op {
        CompareOp::Eq => left == right,
        CompareOp::NotEq => left != right,
        CompareOp::Lt => left < right,
        CompareOp::LtEq => left <= right,
        CompareOp::Gt => left > right,
        CompareOp::GtEq => left >= right,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::router;
    use super::*;
    use naru_connector::ColumnPath;
    use serde_json::json;

    fn candidates(router: &Router, predicates: &[Predicate]) -> Vec<u32> {
        let conditions = KeyConditions {
            shards: 4,
            routing: Some(("k", router)),
            shard_column: "$shard",
            looked_up: &BTreeMap::new(),
        };
        conditions.candidates(predicates).into_iter().collect()
    }

    fn compare(column: &str, op: CompareOp, value: i64) -> Predicate {
        Predicate::Compare { column: ColumnPath::column(column), op, value: ScalarValue::Int64(Some(value)) }
    }

    fn one_of(column: &str, values: &[i64]) -> Predicate {
        let values = values.iter().map(|&value| ScalarValue::Int64(Some(value))).collect();
        Predicate::In { column: ColumnPath::column(column), values }
    }

    #[test]
    fn equality_lists_and_short_ranges_name_their_shards() {
        let modulo = router(json!({"function": "modulo"}), 4);
        assert_eq!(candidates(&modulo, &[compare("k", CompareOp::Eq, 6)]), [2]);
        assert_eq!(candidates(&modulo, &[one_of("k", &[1, 5, 8])]), [0, 1]);
        let between = |low, high| Predicate::Between {
            column: ColumnPath::column("k"),
            low: ScalarValue::Int64(Some(low)),
            high: ScalarValue::Int64(Some(high)),
        };
        assert_eq!(candidates(&modulo, &[between(7, 8)]), [0, 3]);
        assert_eq!(candidates(&modulo, &[between(8, 7)]), [0_u32; 0]);
        assert_eq!(candidates(&modulo, &[between(0, 1000)]), [0, 1, 2, 3]);
        let range = router(json!({"function": "range", "bounds": [10, 20, 30]}), 4);
        assert_eq!(candidates(&range, &[compare("k", CompareOp::GtEq, 20)]), [2, 3]);
        assert_eq!(candidates(&range, &[compare("k", CompareOp::Lt, 5)]), [0]);
    }

    #[test]
    fn conditions_combine_and_whatever_is_not_understood_leaves_all_shards() {
        let modulo = router(json!({"function": "modulo"}), 4);
        let (one, two) = (compare("k", CompareOp::Eq, 1), compare("k", CompareOp::Eq, 2));
        assert_eq!(candidates(&modulo, &[Predicate::Or(vec![one.clone(), two.clone()])]), [1, 2]);
        assert_eq!(candidates(&modulo, &[one.clone(), two.clone()]), [0_u32; 0]);
        let other = compare("other", CompareOp::Eq, 1);
        assert_eq!(candidates(&modulo, &[Predicate::Or(vec![one.clone(), other.clone()])]), [0, 1, 2, 3]);
        assert_eq!(candidates(&modulo, &[other, one.clone()]), [1]);
        assert_eq!(candidates(&modulo, &[Predicate::Not(Box::new(one))]), [0, 1, 2, 3]);
        assert_eq!(candidates(&modulo, &[Predicate::IsNull { column: ColumnPath::column("k") }]), [0, 1, 2, 3]);
    }

    #[test]
    fn a_shard_is_asked_for_its_own_keys_only() {
        let modulo = router(json!({"function": "modulo"}), 4);
        let conditions = KeyConditions {
            shards: 4,
            routing: Some(("k", &modulo)),
            shard_column: "$shard",
            looked_up: &BTreeMap::new(),
        };
        assert_eq!(conditions.in_shard(&one_of("k", &[1, 2, 5]), 1), Some(one_of("k", &[1, 5])));
        assert_eq!(conditions.in_shard(&one_of("k", &[1, 2, 5]), 3), None);
        assert_eq!(conditions.in_shard(&one_of("other", &[1, 2]), 3), Some(one_of("other", &[1, 2])));
    }

    #[test]
    fn the_shard_column_names_shards_itself() {
        let modulo = router(json!({"function": "modulo"}), 4);
        assert_eq!(candidates(&modulo, &[compare("$shard", CompareOp::Gt, 1)]), [2, 3]);
        assert_eq!(candidates(&modulo, &[one_of("$shard", &[0, 3, 9])]), [0, 3]);
        let wanted = compare("$shard", CompareOp::Eq, 1);
        assert_eq!(candidates(&modulo, &[wanted, compare("k", CompareOp::Eq, 2)]), [0_u32; 0]);
    }
}
