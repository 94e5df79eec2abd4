//! Functions about objects: what is visible, who owns it, what is said of it (PostgreSQL manual, 9.27.3 and 9.27.6).

use super::Known;
use super::naming::role_name;
use super::row_function::{RowFunction, integer, oid};
use std::sync::Arc;

/// Does the function need to know what exists?
pub(super) fn is_about_objects(function: &str) -> bool {
    const NAMED: &[&str] = &["regclass", "regnamespace"];
    let converts = NAMED.iter().any(|kind| function.trim_start_matches("to_").trim_end_matches("out") == *kind);
    let asks = function.starts_with("has_") && function.ends_with("_privilege");
    converts || asks || function == "pg_table_is_visible" || is_about_comments(function)
}

/// Does it need the comments too?
pub(super) fn is_about_comments(function: &str) -> bool {
    matches!(function, "obj_description" | "col_description")
}

/// Everything of these kinds that is listed at all is in `pg_catalog`, which is always searched.
const ALWAYS_VISIBLE: &[&str] = &[
    "pg_collation_is_visible",
    "pg_conversion_is_visible",
    "pg_function_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_opfamily_is_visible",
    "pg_statistics_obj_is_visible",
    "pg_ts_config_is_visible",
    "pg_ts_dict_is_visible",
    "pg_ts_parser_is_visible",
    "pg_ts_template_is_visible",
    "pg_type_is_visible",
];

pub(super) fn functions(known: &Arc<Known>) -> Vec<RowFunction> {
    let always = |name: &&'static str| RowFunction::flag(name, 1..=1, |args| Ok(oid(args, 0).map(|_| true)));
    let mut functions: Vec<_> = ALWAYS_VISIBLE.iter().map(always).collect();
    let own = Arc::clone(known);
    functions.push(RowFunction::flag("pg_table_is_visible", 1..=1, move |args| {
        let Some(objects) = &own.objects else { return Ok(None) };
        let relation = oid(args, 0).and_then(|oid| objects.relation(oid));
        Ok(relation.map(|relation| objects.is_visible(relation)))
    }));
    let own = Arc::clone(known);
    functions.push(RowFunction::text("pg_get_userbyid", 1..=1, move |args| {
        let Some(oid) = oid(args, 0) else { return Ok(None) };
        Ok(Some(role_name(&own, oid).unwrap_or_else(|| format!("unknown (OID={oid})"))))
    }));
    functions.push(comment("obj_description", 1..=2, known, |_| Some(0)));
    functions.push(comment("col_description", 2..=2, known, |number| number));
    functions.push(RowFunction::text("shobj_description", 2..=2, |_| Ok(None)));
    functions
}

fn comment(
    name: &'static str,
    arguments: std::ops::RangeInclusive<usize>,
    known: &Arc<Known>,
    number: fn(Option<i32>) -> Option<i32>,
) -> RowFunction {
    let known = Arc::clone(known);
    RowFunction::text(name, arguments, move |args| {
        let given = integer(args, 1).and_then(|number| i32::try_from(number).ok());
        let (Some(oid), Some(number), Some(comments)) = (oid(args, 0), number(given), &known.comments) else {
            return Ok(None);
        };
        Ok(comments.get(&(oid, number)).cloned())
    })
}
