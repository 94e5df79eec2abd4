//! `regclass` and its kin: names of objects to OIDs and back (PostgreSQL manual, 8.19). [`crate::plan`] turns the casts into calls
//! of these.

use super::Known;
use super::row_function::{RowFunction, integer, text};
use super::values::quote_ident;
use crate::error::{Error, ErrorCode};
use crate::server::pg::catalog::{self, Objects};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// How objects of one kind are found and called.
#[derive(Clone, Copy)]
struct Kind {
    /// `'name'::regclass`
    read: &'static str,
    /// `regclass::text`
    write: &'static str,
    /// `to_regclass('name')`: NULL for an unknown name.
    find: &'static str,
    code: ErrorCode,
    what: &'static str,
    oid: fn(&Known, &str) -> Option<u32>,
    name: fn(&Known, u32) -> Option<String>,
}

const KINDS: &[Kind] = &[
    Kind {
        read: "regclass",
        write: "regclassout",
        find: "to_regclass",
        code: ErrorCode::UndefinedTable,
        what: "relation",
        oid: relation_oid,
        name: relation_name,
    },
    Kind {
        read: "regtype",
        write: "regtypeout",
        find: "to_regtype",
        code: ErrorCode::UndefinedObject,
        what: "type",
        oid: |_, name| catalog::type_named(name).map(|found| found.oid),
        name: |_, oid| catalog::type_display(oid, None),
    },
    Kind {
        read: "regproc",
        write: "regprocout",
        find: "to_regproc",
        code: ErrorCode::UndefinedFunction,
        what: "function",
        oid: |_, name| catalog::procedure_oid(name.trim_start_matches("pg_catalog.")),
        name: |_, oid| catalog::procedure_name(oid).map(str::to_owned),
    },
    Kind {
        read: "regnamespace",
        write: "regnamespaceout",
        find: "to_regnamespace",
        code: ErrorCode::UndefinedSchema,
        what: "schema",
        oid: |known, name| objects(known)?.schema_named(parts(name)?.last()?),
        name: |known, oid| objects(known)?.schema(oid).map(quote_ident),
    },
    Kind {
        read: "regrole",
        write: "regroleout",
        find: "to_regrole",
        code: ErrorCode::UndefinedObject,
        what: "role",
        oid: |known, name| (*parts(name)?.last()? == known.user).then(|| catalog::role_oid(&known.user)),
        name: |known, oid| role_name(known, oid).map(|name| quote_ident(&name)),
    },
];

pub(super) fn functions(known: &Arc<Known>) -> Vec<RowFunction> {
    let of_kind = |kind: &Kind| {
        let (kind, own) = (*kind, Arc::clone(known));
        let read = RowFunction::oid(kind.read, 1..=1, move |args| read(&own, kind, args));
        let own = Arc::clone(known);
        let find =
            RowFunction::oid(kind.find, 1..=1, move |args| Ok(text(args, 0).and_then(|name| (kind.oid)(&own, name))));
        let own = Arc::clone(known);
        let write = RowFunction::text(kind.write, 1..=1, move |args| write(&own, kind, args));
        [read, find, write]
    };
    KINDS.iter().flat_map(of_kind).collect()
}

/// A number stays what it is, also when it is written as a text; `-` is no object at all.
fn read(known: &Known, kind: Kind, args: &[ScalarValue]) -> Result<Option<u32>> {
    let Some(name) = text(args, 0) else { return Ok(integer(args, 0).and_then(|number| u32::try_from(number).ok())) };
    if name == "-" {
        return Ok(Some(0));
    }
    if let Ok(number) = name.parse() {
        return Ok(Some(number));
    }
    let unknown = || Error::new(kind.code, format!("{} \"{name}\" does not exist", kind.what)).into();
    (kind.oid)(known, name).map(Some).ok_or_else(unknown)
}

fn write(known: &Known, kind: Kind, args: &[ScalarValue]) -> Result<Option<String>> {
    let Some(oid) = read(known, kind, args)? else { return Ok(None) };
    let name = if oid == 0 { Some("-".to_owned()) } else { (kind.name)(known, oid) };
    Ok(Some(name.unwrap_or_else(|| oid.to_string())))
}

fn objects(known: &Known) -> Option<&Objects> {
    known.objects.as_deref()
}

/// The relation of this possibly qualified name.
pub(super) fn relation_oid(known: &Known, name: &str) -> Option<u32> {
    let parts = parts(name)?;
    let relation = match parts.as_slice() {
        [name] => objects(known)?.relation_named(None, name),
        [schema, name] => objects(known)?.relation_named(Some(schema), name),
        [database, schema, name] if *database == known.database => objects(known)?.relation_named(Some(schema), name),
        _ => None,
    };
    relation.map(|relation| relation.oid)
}

fn relation_name(known: &Known, oid: u32) -> Option<String> {
    let objects = objects(known)?;
    let relation = objects.relation(oid)?;
    let name = quote_ident(&relation.name);
    Some(if objects.is_visible(relation) { name } else { format!("{}.{name}", quote_ident(&relation.schema)) })
}

/// The name of a role.
pub(super) fn role_name(known: &Known, oid: u32) -> Option<String> {
    match oid {
        catalog::DATABASE_OWNER => Some(catalog::OWNER_NAME.to_owned()),
        own if own == catalog::role_oid(&known.user) => Some(known.user.clone()),
        _ => None,
    }
}

/// `a."B c"` in parts, folded where unquoted; `None` for what is no name.
pub(super) fn parts(name: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = name.trim();
    loop {
        let part;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = quoted.char_indices().peekable();
            let end = loop {
                match chars.next()? {
                    (_, '"') if chars.next_if(|(_, next)| *next == '"').is_some() => text.push('"'),
                    (index, '"') => break index + 1,
                    (_, other) => text.push(other),
                }
            };
            rest = &quoted[end..];
            part = text;
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            part = rest[..end].trim().to_lowercase();
            rest = &rest[end..];
        }
        if part.is_empty() {
            return None;
        }
        parts.push(part);
        match rest.strip_prefix('.') {
            Some(more) => rest = more,
            None => return rest.trim().is_empty().then_some(parts),
        }
    }
}

#[cfg(test)]
mod tests {

    #[test]
    fn a_name_is_taken_apart_as_sql_does() {
        let parts = |name| super::parts(name).unwrap_or_default().join("|");
        assert_eq!(parts("Tiny.Customer"), "tiny|customer");
        assert_eq!(parts("\"A.b\".\"c\"\"d\""), "A.b|c\"d");
        for wrong in ["", "a.", ".a", "\"a", "\"a\"b"] {
            assert_eq!(super::parts(wrong), None, "{wrong}");
        }
    }
}
