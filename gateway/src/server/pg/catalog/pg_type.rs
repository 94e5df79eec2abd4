//! `pg_type`: PostgreSQL's built-in types, from `data/types.txt`. Drivers read it once per connection and refuse columns whose type
//! they don't find.

use super::cell::row;
use super::oid;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;
use std::collections::HashMap;
use std::sync::LazyLock;

row! {
    "pg_type" {
        oid: u32,
        typname: &'static str,
        typnamespace: u32,
        typowner: u32,
        typlen: i16,
        typbyval: bool,
        typtype: char,
        typcategory: char,
        typispreferred: bool,
        typisdefined: bool,
        typdelim: char,
        typsubscript: u32,
        typelem: u32,
        typarray: u32,
        typinput: u32,
        typoutput: u32,
        typreceive: u32,
        typsend: u32,
        typmodin: u32,
        typmodout: u32,
        typalign: char,
        typstorage: char,
        typtypmod: i32,
        typcollation: u32,
    }
}

/// What other tables and functions need of a type.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    pub(crate) oid: u32,
    pub(crate) name: &'static str,
    pub(crate) length: i16,
    pub(crate) by_value: bool,
    pub(crate) category: char,
    pub(crate) element: u32,
    pub(crate) align: char,
    pub(crate) storage: char,
    pub(crate) collation: u32,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let lines = include_str!("data/types.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(parse).collect()
});

static BY_OID: LazyLock<HashMap<u32, BuiltIn>> = LazyLock::new(|| {
    let built_in = |row: &Row| BuiltIn {
        oid: row.oid,
        name: row.typname,
        length: row.typlen,
        by_value: row.typbyval,
        category: row.typcategory,
        element: row.typelem,
        align: row.typalign,
        storage: row.typstorage,
        collation: row.typcollation,
    };
    ROWS.iter().map(|row| (row.oid, built_in(row))).collect()
});

static BY_NAME: LazyLock<HashMap<&'static str, u32>> =
    LazyLock::new(|| ROWS.iter().map(|row| (row.typname, row.oid)).collect());

fn parse(line: &'static str) -> Option<Row> {
    let mut words = line.split(' ');
    let mut word = || words.next();
    let flag = |word: &str| word == "t";
    Some(Row {
        oid: word()?.parse().ok()?,
        typname: word()?,
        typnamespace: oid::PG_CATALOG,
        typowner: oid::DATABASE_OWNER,
        typlen: word()?.parse().ok()?,
        typbyval: flag(word()?),
        typtype: word()?.chars().next()?,
        typcategory: word()?.chars().next()?,
        typispreferred: flag(word()?),
        typisdefined: true,
        typdelim: word()?.chars().next()?,
        typelem: word()?.parse().ok()?,
        typarray: word()?.parse().ok()?,
        typinput: word()?.parse().ok()?,
        typoutput: word()?.parse().ok()?,
        typreceive: word()?.parse().ok()?,
        typsend: word()?.parse().ok()?,
        typmodin: word()?.parse().ok()?,
        typmodout: word()?.parse().ok()?,
        typsubscript: word()?.parse().ok()?,
        typalign: word()?.chars().next()?,
        typstorage: word()?.chars().next()?,
        typtypmod: -1,
        typcollation: word()?.parse().ok()?,
    })
}

pub(super) fn rows() -> Result<RecordBatch> {
    Row::batch(&ROWS)
}

/// The type with this OID.
pub(super) fn built_in(oid: u32) -> Option<&'static BuiltIn> {
    BY_OID.get(&oid)
}

/// The type of this `typname`, or of the name that SQL has for it.
pub(crate) fn type_named(name: &str) -> Option<&'static BuiltIn> {
    let name = name.trim().trim_start_matches("pg_catalog.").trim_matches('"');
    let oid = BY_NAME.get(name).copied().or_else(|| {
        let by_sql_name = |(oid, built_in): (&u32, &BuiltIn)| (sql_name(built_in.name) == name).then_some(*oid);
        let array = name.strip_suffix("[]").and_then(type_named).map(|element| element.oid);
        array
            .and_then(|element| ROWS.iter().find(|row| row.oid == element).map(|row| row.typarray))
            .or_else(|| BY_OID.iter().find_map(by_sql_name))
    })?;
    BY_OID.get(&oid)
}

/// A type as `format_type` writes it.
pub(crate) fn type_display(oid: u32, modifier: Option<i32>) -> Option<String> {
    let shown = BY_OID.get(&oid)?;
    if shown.category == 'A' && shown.name.starts_with('_') {
        return Some(format!("{}[]", type_display(shown.element, modifier)?));
    }
    let name = sql_name(shown.name);
    Some(match (shown.name, modifier.unwrap_or(-1)) {
        ("bpchar", _) if modifier.is_some_and(|modifier| modifier < 0) => "bpchar".to_owned(),
        (_, ..0) => name.to_owned(),
        ("numeric", given) => format!("numeric({},{})", (given - 4) >> 16, (given - 4) & 0x7ff),
        ("varchar" | "bpchar", given) => format!("{name}({})", given - 4),
        ("timestamp", given) => format!("timestamp({given}) without time zone"),
        ("timestamptz", given) => format!("timestamp({given}) with time zone"),
        ("time", given) => format!("time({given}) without time zone"),
        ("timetz", given) => format!("time({given}) with time zone"),
        (_, _) => name.to_owned(),
    })
}

/// The name that the SQL standard has for some types.
fn sql_name(name: &'static str) -> &'static str {
    match name {
        "bool" => "boolean",
        "int2" => "smallint",
        "int4" => "integer",
        "int8" => "bigint",
        "float4" => "real",
        "float8" => "double precision",
        "varchar" => "character varying",
        "bpchar" => "character",
        "varbit" => "bit varying",
        "time" => "time without time zone",
        "timetz" => "time with time zone",
        "timestamp" => "timestamp without time zone",
        "timestamptz" => "timestamp with time zone",
        "char" => "\"char\"",
        "any" => "\"any\"",
        other => other,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::server::pg::types;

    #[test]
    fn every_type_that_the_wire_knows_is_listed_as_it_is_sent() {
        for known in types::ALL {
            let listed = ROWS.iter().find(|row| row.oid == known.oid).unwrap();
            assert_eq!((listed.typname, listed.typarray, listed.typlen), (known.name, known.array, known.length));
        }
    }

    #[test]
    fn format_type_writes_types_as_sql_does() {
        // As PostgreSQL 15 answers.
        for (oid, modifier, text) in [
            (23, None, "integer"),
            (1700, Some(((15 << 16) | 2) + 4), "numeric(15,2)"),
            (1043, Some(14), "character varying(10)"),
            (1042, None, "character"),
            (1042, Some(-1), "bpchar"),
            (1114, Some(-1), "timestamp without time zone"),
            (1184, Some(3), "timestamp(3) with time zone"),
            (1009, Some(-1), "text[]"),
            (18, Some(-1), "\"char\""),
            (22, None, "int2vector"),
        ] {
            assert_eq!(type_display(oid, modifier).as_deref(), Some(text));
        }
        assert_eq!(type_display(99_999, None), None);
    }

    #[test]
    fn types_are_found_by_both_of_their_names() {
        for (name, oid) in [("int4", 23), ("integer", 23), ("pg_catalog.text", 25), ("_text", 1009), ("text[]", 1009)] {
            assert_eq!(type_named(name).unwrap().oid, oid, "{name}");
        }
        assert!(type_named("hstore").is_none());
    }
}
