//! PostgreSQL's names of result columns: what an item of a SELECT list without an alias is called, and how one name may occur twice.
//!
//! It knows syntax trees only. DataFusion names such columns otherwise (`count(*)`, `Int64(1)`) and refuses a projection with two
//! equal names, so every such item gets an alias here. One that would repeat a name gets a unique alias of the form name +
//! [`MARK`] + number; [`outward`] gives the name that clients see.

use crate::plan::folded;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, CaseWhen, Expr, Function, Ident, OrderByKind, Query, Select, SelectItem, SetExpr, TrimWhereField,
    VisitMut, VisitorMut,
};
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Separates a name from what makes it unique: a character of the private use area, which no tool types.
const MARK: char = '\u{f8ff}';

/// PostgreSQL's name for what has none.
const UNNAMED: &str = "?column?";

/// Gives every item of every SELECT list in the query its name.
pub(super) fn assign(query: &mut Query) {
    let _ = query.visit(&mut Namer);
}

/// The schema with the names that clients see.
pub(super) fn outward(schema: &Schema) -> SchemaRef {
    let seen = |field: &Arc<Field>| match field.name().split_once(MARK) {
        Some((name, _)) => Arc::new(field.as_ref().clone().with_name(name)),
        None => Arc::clone(field),
    };
    let fields: Vec<_> = schema.fields().iter().map(seen).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

struct Namer;

impl VisitorMut for Namer {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        name_items(&mut select.projection);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        order_by_name(query);
        ControlFlow::Continue(())
    }
}

/// `SELECT DISTINCT lower(a) ... ORDER BY lower(a)`: an item that has got an alias is known by it alone once rows are distinct.
fn order_by_name(query: &mut Query) {
    let (SetExpr::Select(select), Some(order_by)) = (query.body.as_ref(), &mut query.order_by) else { return };
    let OrderByKind::Expressions(sorts) = &mut order_by.kind else { return };
    if select.distinct.is_none() {
        return;
    }
    for sort in sorts {
        let alias = select.projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if *expr == sort.expr => Some(alias.clone()),
            _ => None,
        });
        if let Some(alias) = alias {
            sort.expr = Expr::Identifier(alias);
        }
    }
}

fn name_items(items: &mut [SelectItem]) {
    let is_wildcard = |item: &SelectItem| matches!(item, SelectItem::Wildcard(..) | SelectItem::QualifiedWildcard(..));
    // What `*` stands for is not known yet, so any name may occur in it; an alias the user gave is kept for ORDER BY.
    let any_name_may_repeat = items.iter().any(is_wildcard);
    let mut taken = HashSet::new();
    for (position, item) in items.iter_mut().enumerate() {
        let (name, given) = match item {
            SelectItem::ExprWithAlias { alias, .. } => (folded(alias), true),
            SelectItem::UnnamedExpr(expr) => (of(expr), false),
            _ => continue,
        };
        let repeats = !taken.insert(name.clone()) || (any_name_may_repeat && !given);
        let unique = || Ident::with_quote('"', format!("{name}{MARK}{position}"));
        match item {
            SelectItem::ExprWithAlias { alias, .. } if repeats => *alias = unique(),
            SelectItem::UnnamedExpr(expr) if repeats => {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: unique() };
            }
            // A column keeps its table's name too, which ORDER BY t.c needs.
            SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_)) => {}
            SelectItem::UnnamedExpr(expr) => {
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', name) };
            }
            _ => {}
        }
    }
}

/// A name that nothing else has, for the column of that name which clients see.
pub(super) fn unique(name: &str, position: usize) -> String {
    format!("{name}{MARK}*{position}")
}

/// The name of an item without an alias, as PostgreSQL's `FigureColname` finds it.
pub(super) fn of(expr: &Expr) -> String {
    figure(expr).map_or_else(|| UNNAMED.to_owned(), |(name, _)| name)
}

/// How much a name says of its expression: the outer of two weak names is outdone by the inner strong one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strength {
    /// A type's name, or `case`.
    Weak,
    Strong,
}

fn figure(expr: &Expr) -> Option<(String, Strength)> {
    let strong = |name: &str| Some((name.to_owned(), Strength::Strong));
    match expr {
        Expr::Identifier(ident) => Some((folded(ident), Strength::Strong)),
        Expr::CompoundIdentifier(parts) => Some((folded(parts.last()?), Strength::Strong)),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => Some(folded(ident)),
                _ => None,
            });
            field.map_or_else(|| figure(root), |name| Some((name, Strength::Strong)))
        }
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figure(inner),
        Expr::Function(function) => Some((function_name(function)?, Strength::Strong)),
        Expr::Cast { expr, data_type, .. } => match figure(expr) {
            Some(inner @ (_, Strength::Strong)) => Some(inner),
            _ => Some((type_name(&data_type.to_string()), Strength::Weak)),
        },
        Expr::TypedString(typed) => Some((type_name(&typed.data_type.to_string()), Strength::Weak)),
        Expr::Interval(_) => Some(("interval".to_owned(), Strength::Weak)),
        Expr::Case { else_result, conditions, .. } => figure_case(else_result.as_deref(), conditions),
        Expr::Subquery(query) => figure_subquery(&query.body),
        Expr::Exists { .. } => strong("exists"),
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        Expr::Extract { .. } => strong("extract"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Overlay { .. } => strong("overlay"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        Expr::Trim { trim_where, .. } => strong(match trim_where {
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
            _ => "btrim",
        }),
        _ => None,
    }
}

fn function_name(function: &Function) -> Option<String> {
    function.name.0.last()?.as_ident().map(folded)
}

/// Only ELSE can name a CASE.
fn figure_case(else_result: Option<&Expr>, _conditions: &[CaseWhen]) -> Option<(String, Strength)> {
    match else_result.and_then(figure) {
        Some(inner @ (_, Strength::Strong)) => Some(inner),
        _ => Some(("case".to_owned(), Strength::Weak)),
    }
}

/// A scalar subquery is called as its column is.
fn figure_subquery(body: &SetExpr) -> Option<(String, Strength)> {
    match body {
        SetExpr::Select(select) => match select.projection.first()? {
            SelectItem::ExprWithAlias { alias, .. } => Some((folded(alias), Strength::Strong)),
            SelectItem::UnnamedExpr(expr) => figure(expr),
            _ => None,
        },
        SetExpr::Query(query) => figure_subquery(&query.body),
        SetExpr::SetOperation { left, .. } => figure_subquery(left),
        SetExpr::Values(_) => Some(("column1".to_owned(), Strength::Strong)),
        _ => None,
    }
}

/// `typname` of a type as SQL writes it: `character varying(10)` is `varchar`.
fn type_name(written: &str) -> String {
    let written = written.to_lowercase();
    let plain = written.split(['(', '[']).next().unwrap_or_default().trim();
    let zoned = written.contains("with time zone");
    let name = match plain.rsplit('.').next().unwrap_or_default().trim_matches('"') {
        "int" | "integer" | "int4" => "int4",
        "bigint" | "int8" => "int8",
        "smallint" | "int2" => "int2",
        "boolean" | "bool" => "bool",
        "real" | "float4" => "float4",
        "double precision" | "double" | "float" | "float8" => "float8",
        "decimal" | "dec" | "numeric" => "numeric",
        "character varying" | "char varying" | "varchar" => "varchar",
        "character" | "char" => "bpchar",
        "timestamp with time zone" | "timestamptz" => "timestamptz",
        "timestamp" | "timestamp without time zone" if zoned => "timestamptz",
        "timestamp" | "timestamp without time zone" => "timestamp",
        "time with time zone" | "timetz" => "timetz",
        "time" | "time without time zone" if zoned => "timetz",
        "time" | "time without time zone" => "time",
        other => other,
    };
    name.to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::DataType;
    use datafusion::sql::sqlparser::ast::Statement;

    /// The names that clients would see, `*` as `*`.
    fn names(sql: &str) -> Vec<String> {
        let parsed = crate::plan::parse(sql).unwrap().pop().unwrap();
        let Statement::Query(query) = parsed.statement.unwrap().as_ref().clone() else { panic!("{sql} is no query") };
        let mut query = *query;
        assign(&mut query);
        let SetExpr::Select(select) = query.body.as_ref() else { panic!("{sql} is no SELECT") };
        let fields = select.projection.iter().map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => folded(alias),
            SelectItem::UnnamedExpr(expr) => of(expr),
            _ => "*".to_owned(),
        });
        let schema = Schema::new(fields.map(|name| Field::new(name, DataType::Int64, true)).collect::<Vec<_>>());
        let unique: HashSet<_> = schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(unique.len(), schema.fields().len(), "{sql} repeats a name");
        outward(&schema).fields().iter().map(|field| field.name().clone()).collect()
    }

    #[test]
    fn unnamed_columns_are_called_as_postgresql_calls_them() {
        // Expected names are those of PostgreSQL 15.
        for (item, name) in [
            ("1", "?column?"),
            ("1 + a", "?column?"),
            ("true", "?column?"),
            ("a is null", "?column?"),
            ("not b", "?column?"),
            ("count(*)", "count"),
            ("pg_catalog.Version()", "version"),
            ("T.A", "a"),
            ("t.\"A\"", "A"),
            ("a::int", "a"),
            ("'1'::int", "int4"),
            ("cast(1 as character varying(3))", "varchar"),
            ("1::bigint::text", "text"),
            ("date '2020-01-01'", "date"),
            ("interval '1 day'", "interval"),
            ("case when b then 1 end", "case"),
            ("case when b then 1 else a end", "a"),
            ("case when b then 1 else 2::int end", "case"),
            ("(select max(a) from t)", "max"),
            ("(select 1 as x)", "x"),
            ("exists (select 1)", "exists"),
            ("array[1,2]", "array"),
            ("coalesce(a, 1)", "coalesce"),
            ("nullif(a, 1)", "nullif"),
            ("extract(year from d)", "extract"),
            ("substring(s from 1 for 2)", "substring"),
            ("trim(s)", "btrim"),
            ("trim(leading 'x' from s)", "ltrim"),
            ("current_date", "current_date"),
            ("(current_schemas(false))[1]", "current_schemas"),
            ("(f(x)).n", "n"),
            ("s collate \"C\"", "s"),
            ("$1", "?column?"),
        ] {
            assert_eq!(names(&format!("select {item} from t")), [name], "{item}");
        }
    }

    #[test]
    fn a_name_may_occur_twice() {
        assert_eq!(names("select 1, 2, a, a, b as a from t"), ["?column?", "?column?", "a", "a", "a"]);
    }

    #[test]
    fn beside_a_wildcard_every_name_is_unique() {
        assert_eq!(names("select t.oid, t.*, x as y from t"), ["oid", "*", "y"]);
    }
}
