//! OIDs. PostgreSQL's own objects have PostgreSQL's; ours are computed from their canonical names, so that they are the same in
//! every query, connection and gateway.

use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// Schema `pg_catalog`.
pub(crate) const PG_CATALOG: u32 = 11;
/// Schema `information_schema`; `initdb` draws it from this range.
pub(crate) const INFORMATION_SCHEMA: u32 = 13_000;
/// The role that owns every object: nobody can log in as it.
pub(crate) const DATABASE_OWNER: u32 = 10;
/// The first OID of a user's object.
const FIRST_NORMAL: u32 = 16_384;
/// Above, some clients read a negative number.
const LAST: u32 = i32::MAX as u32;

/// Kinds of objects: the same name may stand for one of each.
#[derive(Debug, Clone, Copy)]
pub(super) enum Class {
    Database,
    Schema,
    Relation,
    Role,
}

/// The OID of an object, from the parts of its canonical name.
pub(super) fn of(class: Class, name: &[&str]) -> u32 {
    numbered(class, name, 0)
}

/// The same, and another one when it is taken already. Names must come in a fixed order: of two that collide, the second moves.
pub(super) fn unused(class: Class, name: &[&str], taken: &mut HashSet<u32>) -> u32 {
    let mut attempt = 0;
    loop {
        let oid = numbered(class, name, attempt);
        if taken.insert(oid) {
            return oid;
        }
        attempt += 1;
    }
}

fn numbered(class: Class, name: &[&str], attempt: u32) -> u32 {
    let mut hash = Sha256::new();
    hash.update([class as u8]);
    for part in name {
        // Length first, so that no two names run together to the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(attempt.to_be_bytes());
    let digest = hash.finalize();
    let number = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    FIRST_NORMAL + number % (LAST - FIRST_NORMAL)
}

/// The OID of a role.
pub(crate) fn role_oid(user: &str) -> u32 {
    of(Class::Role, &[user])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_depends_on_class_and_every_part_of_the_name() {
        let oids = [
            of(Class::Relation, &["tpch", "tiny", "customer"]),
            of(Class::Relation, &["tpch", "tiny", "orders"]),
            of(Class::Relation, &["tpch", "tinyc", "ustomer"]),
            of(Class::Schema, &["tpch", "tiny"]),
            of(Class::Role, &["bob"]),
        ];
        assert_eq!(oids.iter().collect::<HashSet<_>>().len(), oids.len());
        assert!(oids.iter().all(|oid| (FIRST_NORMAL..LAST).contains(oid)));
        // Fixed for ever: clients and other gateways keep them. Computed by another implementation of SHA-256.
        assert_eq!(oids[0], 1_727_992_586);
    }

    #[test]
    fn of_two_that_collide_the_second_moves() {
        let first = of(Class::Relation, &["a"]);
        let mut taken = HashSet::from([first]);
        let moved = unused(Class::Relation, &["a"], &mut taken);
        assert_ne!(first, moved);
        assert!(taken.contains(&moved));
    }
}
