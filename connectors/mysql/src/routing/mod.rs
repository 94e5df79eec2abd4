//! Which shard holds a key.
//!
//! A routing repeats what the applications that write the rows do. It is trusted: a row that lies where its key does not
//! lead is not found by that key. Nothing here reaches a server but [`Routing::Lookup`], whose answer is asked for by the
//! table ([`crate::table`]).

mod hash;
mod prune;

pub(crate) use prune::{Candidates, KeyConditions};

use datafusion::scalar::ScalarValue;
use hash::{HashFunction, HashInput};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The hidden column of a sharded table.
pub(crate) const SHARD_COLUMN: &str = "$shard";
/// Names on a ring for each shard, when the catalog file doesn't say.
const DEFAULT_POINTS: u32 = 160;

/// A key, in the form in which routings compare and hash it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A whole number.
    Number(i128),
    /// Text; a date as `2024-12-31`.
    Text(String),
}

impl Key {
    /// A column's value as a key, or `None` for types that are no keys.
    pub(crate) fn new(value: &ScalarValue) -> Option<Self> {
        Some(match value {
            ScalarValue::Int8(Some(n)) => Self::Number((*n).into()),
            ScalarValue::Int16(Some(n)) => Self::Number((*n).into()),
            ScalarValue::Int32(Some(n)) => Self::Number((*n).into()),
            ScalarValue::Int64(Some(n)) => Self::Number((*n).into()),
            ScalarValue::Decimal128(Some(n), _, 0) => Self::Number(*n),
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
                Self::Text(text.clone())
            }
            ScalarValue::Date32(Some(_)) => Self::Text(value.to_string()),
            _ => return None,
        })
    }

    /// As applications and MySQL write it.
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// A bound or a listed value in a catalog file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(untagged)]
pub(crate) enum Given {
    Number(i64),
    Text(String),
}

impl Given {
    fn key(&self) -> Key {
        match self {
            Self::Number(number) => Key::Number((*number).into()),
            Self::Text(text) => Key::Text(text.clone()),
        }
    }
}

/// How a key finds its shard.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "function", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Routing {
    /// `key mod slots`, the slots dealt out to the shards in equal runs; as many slots as shards when not given.
    Modulo { slots: Option<u32> },
    /// Shard `i` holds keys below `bounds[i]`, the last one all others.
    Range { bounds: Vec<Given> },
    /// Shard `i` holds exactly `values[i]`; `default` holds all others.
    List { values: Vec<Vec<Given>>, default: Option<u32> },
    /// `hash(key) mod slots`, the slots dealt out as for modulo.
    Hash {
        hash: HashFunction,
        #[serde(default)]
        input: HashInput,
        slots: Option<u32>,
    },
    /// A ring of hashed names: the shard whose name follows the key's hash.
    Ring {
        hash: HashFunction,
        #[serde(default)]
        input: HashInput,
        /// Names for each shard.
        points: Option<u32>,
        /// What shard `i` is called on the ring; its number when not given. Point `j` is called `name-j`.
        names: Option<Vec<String>>,
    },
    /// A table says it: `SELECT shard FROM table WHERE key = ?`.
    Lookup {
        /// The server's position in `hosts`.
        server: usize,
        /// Database of the look-up table.
        database: String,
        /// The look-up table.
        table: String,
        /// Its key column.
        key: String,
        /// Its column of shard numbers.
        shard: String,
    },
}

impl Routing {
    /// Does it fit this many shards? The text says what is wrong.
    pub(crate) fn check(&self, shards: usize) -> Result<(), String> {
        match self {
            Self::Modulo { slots: Some(slots) } | Self::Hash { slots: Some(slots), .. }
                if *slots == 0 || !(*slots as usize).is_multiple_of(shards) =>
            {
                Err(format!("has {slots} slots, which don't divide evenly among {shards} shards"))
            }
            Self::Range { bounds } if bounds.len() + 1 != shards => {
                Err(format!("has {shards} shards, so it needs {} bounds", shards - 1))
            }
            Self::Range { bounds } if !bounds.is_sorted() => Err("has bounds that don't ascend".to_owned()),
            Self::List { values, .. } if values.len() != shards => {
                Err(format!("has {shards} shards, so it needs as many lists of values"))
            }
            Self::List { default: Some(default), .. } if *default as usize >= shards => {
                Err(format!("has no shard {default} for \"default\""))
            }
            Self::Ring { names: Some(names), .. } if names.len() != shards => {
                Err(format!("has {shards} shards, so it needs as many names"))
            }
            Self::Ring { points: Some(0), .. } => Err("has a ring without points".to_owned()),
            _ => Ok(()),
        }
    }

    /// The routing, ready to be asked often.
    pub(crate) fn prepare(&self, shards: usize) -> Router {
        let shards = u32::try_from(shards).unwrap_or(u32::MAX);
        let ring = match self {
            Self::Ring { hash, points, names, .. } => {
                let name = |shard: u32| match names {
                    Some(names) => names.get(shard as usize).cloned().unwrap_or_default(),
                    None => shard.to_string(),
                };
                let points = points.unwrap_or(DEFAULT_POINTS);
                let all = (0..shards).flat_map(|shard| (0..points).map(move |point| (shard, point)));
                all.map(|(shard, point)| (hash.of(format!("{}-{point}", name(shard)).as_bytes()), shard)).collect()
            }
            _ => BTreeMap::new(),
        };
        Router { routing: self.clone(), shards, ring }
    }
}

/// How the rows of one table find their shards.
#[derive(Debug)]
pub(crate) struct KeyRouter {
    /// The column that rows are sharded by.
    pub(crate) key: String,
    pub(crate) routing: Routing,
    pub(crate) router: Router,
}

impl KeyRouter {
    /// What is asked of a table of so many shards, with the answers of a look-up table.
    pub(crate) fn conditions<'a>(
        router: Option<&'a Self>,
        shards: usize,
        looked_up: &'a BTreeMap<Key, Vec<u32>>,
    ) -> KeyConditions<'a> {
        KeyConditions {
            shards: u32::try_from(shards).unwrap_or(u32::MAX),
            routing: router.map(|router| (router.key.as_str(), &router.router)),
            shard_column: SHARD_COLUMN,
            looked_up,
        }
    }
}

/// A routing over a known number of shards.
#[derive(Debug)]
pub(crate) struct Router {
    routing: Routing,
    shards: u32,
    /// Shards by the hash of their names.
    ring: BTreeMap<u32, u32>,
}

impl Router {
    /// The shard of a key; `None` when it can't be told, so that any may hold it.
    pub(crate) fn shard(&self, key: &Key) -> Option<Vec<u32>> {
        let one = |shard| Some(vec![shard]);
        match (&self.routing, key) {
            (Routing::Modulo { slots }, Key::Number(number)) => {
                let slots = slots.unwrap_or(self.shards);
                one(self.of_slot(u32::try_from(number.rem_euclid(slots.into())).ok()?, slots))
            }
            (Routing::Hash { hash, input, slots }, key) => {
                let slots = slots.unwrap_or(self.shards);
                one(self.of_slot(hash.of(&input.bytes(key)?) % slots, slots))
            }
            (Routing::Range { bounds }, key) => {
                let bounds = bounds.iter().map(Given::key);
                one(u32::try_from(bounds.take_while(|bound| bound <= key).count()).ok()?)
                    .filter(|_| self.comparable(key))
            }
            (Routing::List { values, default }, key) => {
                let known = values.iter().position(|values| values.iter().any(|value| value.key() == *key));
                match known.and_then(|shard| u32::try_from(shard).ok()).or(*default) {
                    Some(shard) => one(shard),
                    None if self.comparable(key) => Some(Vec::new()),
                    None => None,
                }
            }
            (Routing::Ring { hash, input, .. }, key) => {
                let hash = hash.of(&input.bytes(key)?);
                let next = self.ring.range(hash..).next().or_else(|| self.ring.iter().next());
                one(*next?.1)
            }
            (Routing::Modulo { .. } | Routing::Lookup { .. }, _) => None,
        }
    }

    /// The shards that may hold keys from `low` to `high`, both included and either open; `None` when it can't be told.
    pub(crate) fn range(&self, low: Option<&Key>, high: Option<&Key>) -> Option<Vec<u32>> {
        match &self.routing {
            Routing::Range { .. } => {
                let first = low.map_or(Some(0), |key| self.shard(key)?.first().copied())?;
                let last = high.map_or(Some(self.shards - 1), |key| self.shard(key)?.first().copied())?;
                Some((first..=last).collect())
            }
            _ => {
                let (Some(Key::Number(low)), Some(Key::Number(high))) = (low, high) else { return None };
                let few = high.checked_sub(*low)? < i128::from(self.shards);
                let keys = few.then(|| (*low..=*high).map(Key::Number))?;
                keys.map(|key| self.shard(&key)).collect::<Option<Vec<_>>>().map(|found| found.concat())
            }
        }
    }

    fn of_slot(&self, slot: u32, slots: u32) -> u32 {
        slot / (slots / self.shards).max(1)
    }

    /// Are the file's values of the key's own kind? If not, they say nothing about it.
    fn comparable(&self, key: &Key) -> bool {
        let same =
            |given: &Given| matches!((given, key), (Given::Number(_), Key::Number(_)) | (Given::Text(_), Key::Text(_)));
        match &self.routing {
            Routing::Range { bounds } => bounds.iter().all(same),
            Routing::List { values, .. } => values.iter().flatten().all(same),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use serde_json::json;

    pub(crate) fn router(routing: serde_json::Value, shards: usize) -> Router {
        let routing: Routing = serde_json::from_value(routing).unwrap();
        routing.check(shards).unwrap();
        routing.prepare(shards)
    }

    fn number(router: &Router, key: i128) -> Vec<u32> {
        router.shard(&Key::Number(key)).unwrap()
    }

    fn text(router: &Router, key: &str) -> Vec<u32> {
        router.shard(&Key::Text(key.to_owned())).unwrap()
    }

    #[test]
    fn modulo_deals_slots_out_in_runs_and_takes_negative_keys() {
        let plain = router(json!({"function": "modulo"}), 4);
        assert_eq!([number(&plain, 0), number(&plain, 5), number(&plain, -1)], [[0], [1], [3]]);
        let slots = router(json!({"function": "modulo", "slots": 64}), 4);
        assert_eq!(
            [number(&slots, 15), number(&slots, 16), number(&slots, 63), number(&slots, 64)],
            [[0], [1], [3], [0]]
        );
        assert_eq!(plain.shard(&Key::Text("5".to_owned())), None);
    }

    #[test]
    fn a_range_ends_below_its_bound() {
        let range = router(json!({"function": "range", "bounds": [100, 200]}), 3);
        assert_eq!([number(&range, 99), number(&range, 100), number(&range, 1000)], [[0], [1], [2]]);
        assert_eq!(range.range(Some(&Key::Number(150)), None).unwrap(), [1, 2]);
        assert_eq!(range.range(Some(&Key::Number(10)), Some(&Key::Number(100))).unwrap(), [0, 1]);
        let months = router(json!({"function": "range", "bounds": ["2024-07-01"]}), 2);
        assert_eq!([text(&months, "2024-06-30"), text(&months, "2024-07-01")], [[0], [1]]);
        assert_eq!(months.shard(&Key::Number(5)), None);
    }

    #[test]
    fn a_listed_value_has_its_shard_and_an_unlisted_one_the_default_or_none() {
        let values = json!([["KR", "JP"], ["US"]]);
        let list = router(json!({"function": "list", "values": values}), 2);
        assert_eq!((text(&list, "US"), text(&list, "DE")), (vec![1], vec![]));
        let list = router(json!({"function": "list", "values": values, "default": 0}), 2);
        assert_eq!(text(&list, "DE"), [0]);
    }

    // CRC-32 of "42" is 0x3224B088, as MySQL's CRC32('42') says too: 841265288.
    #[test]
    fn a_hash_is_the_one_that_mysql_computes() {
        let hash = router(json!({"function": "hash", "hash": "crc32"}), 5);
        assert_eq!(number(&hash, 42), [841_265_288 % 5]);
        assert_eq!(text(&hash, "42"), [841_265_288 % 5]);
    }

    #[test]
    fn taking_a_shard_from_a_ring_moves_only_its_own_keys() {
        let names = |n| (0..n).map(|i| format!("node{i}")).collect::<Vec<_>>();
        let four = router(json!({"function": "ring", "hash": "md5-prefix", "names": names(4)}), 4);
        let three = router(json!({"function": "ring", "hash": "md5-prefix", "names": names(3)}), 3);
        let mut held = [0; 4];
        for key in 0..1000 {
            let before = number(&four, key)[0];
            held[before as usize] += 1;
            if before < 3 {
                assert_eq!(number(&three, key), [before]);
            }
        }
        assert!(held.iter().all(|&keys| keys > 100), "{held:?}");
    }

    #[test]
    fn a_routing_that_does_not_fit_its_shards_is_refused() {
        let refused = |routing| serde_json::from_value::<Routing>(routing).unwrap().check(4).is_err();
        assert!(refused(json!({"function": "modulo", "slots": 6})));
        assert!(refused(json!({"function": "range", "bounds": [1, 2]})));
        assert!(refused(json!({"function": "range", "bounds": [1, 3, 2]})));
        assert!(refused(json!({"function": "list", "values": [[1]]})));
        assert!(refused(json!({"function": "ring", "hash": "crc32", "names": ["a"]})));
    }
}
