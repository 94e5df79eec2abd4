//! `has_table_privilege` and its kin (PostgreSQL manual, 9.27.2). What exists for the identity may be read; nothing may be written.

use super::Known;
use super::naming::relation_oid;
use super::row_function::{RowFunction, oid, text};
use crate::error::{Error, ErrorCode};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

/// A function, what it asks about, and which privilege there is on it.
const FUNCTIONS: &[(&str, Object, &str)] = &[
    ("has_table_privilege", Object::Relation, "select"),
    ("has_any_column_privilege", Object::Relation, "select"),
    ("has_schema_privilege", Object::Schema, "usage"),
    ("has_database_privilege", Object::Other, "connect"),
    ("has_function_privilege", Object::Other, "execute"),
    ("has_language_privilege", Object::Other, "usage"),
    ("has_sequence_privilege", Object::Other, "select"),
    ("has_type_privilege", Object::Other, "usage"),
    ("has_tablespace_privilege", Object::Other, ""),
    ("has_server_privilege", Object::Other, ""),
    ("has_foreign_data_wrapper_privilege", Object::Other, ""),
    ("pg_has_role", Object::Other, "usage"),
];

#[derive(Clone, Copy)]
enum Object {
    Relation,
    Schema,
    Other,
}

pub(super) fn functions(known: &Arc<Known>) -> Vec<RowFunction> {
    let function = |&(name, object, granted): &(&'static str, Object, &'static str)| {
        let known = Arc::clone(known);
        RowFunction::flag(name, 2..=3, move |args| ask(&known, object, granted, args))
    };
    let mut functions: Vec<_> = FUNCTIONS.iter().map(function).collect();
    let own = Arc::clone(known);
    // (user?, table, column, privilege): a column that can be named is in pg_attribute, so it may be read.
    functions.push(RowFunction::flag("has_column_privilege", 3..=4, move |args| {
        let column = args.len() - 2;
        let rest: Vec<_> = args.iter().enumerate().filter(|(i, _)| *i != column).map(|(_, arg)| arg.clone()).collect();
        ask(&own, Object::Relation, "select", &rest)
    }));
    functions.push(RowFunction::flag("row_security_active", 1..=1, |_| Ok(Some(false))));
    functions
}

/// `(user?, object, privileges)`: does the user hold one of the privileges?
fn ask(known: &Known, object: Object, granted: &str, args: &[ScalarValue]) -> Result<Option<bool>> {
    let last = args.len().saturating_sub(1);
    let (Some(wanted), [.., subject, _]) = (text(args, last), args) else { return Ok(None) };
    if args.len() == 3 && !names_oneself(known, args) {
        return Ok(Some(false));
    }
    let subject = std::slice::from_ref(subject);
    let exists = match (object, text(subject, 0), &known.objects) {
        (Object::Other, ..) => subject.first().is_some_and(|value| !value.is_null()),
        (Object::Relation, Some(name), _) => match relation_oid(known, name) {
            Some(_) => true,
            None => {
                let text = format!("relation \"{name}\" does not exist");
                return Err(Error::new(ErrorCode::UndefinedTable, text).into());
            }
        },
        (Object::Schema, Some(name), Some(objects)) => {
            let text = format!("schema \"{name}\" does not exist");
            objects.schema_named(name).map(|_| true).ok_or_else(|| Error::new(ErrorCode::UndefinedSchema, text))?
        }
        (Object::Relation, None, Some(objects)) => oid(subject, 0).and_then(|oid| objects.relation(oid)).is_some(),
        (Object::Schema, None, Some(objects)) => oid(subject, 0).and_then(|oid| objects.schema(oid)).is_some(),
        _ => false,
    };
    if !exists {
        return Ok(None);
    }
    Ok(Some(wanted.split(',').any(|privilege| privilege.trim().eq_ignore_ascii_case(granted))))
}

fn names_oneself(known: &Known, args: &[ScalarValue]) -> bool {
    match text(args, 0) {
        Some(name) => name == known.user,
        None => oid(args, 0) == Some(crate::server::pg::catalog::role_oid(&known.user)),
    }
}
