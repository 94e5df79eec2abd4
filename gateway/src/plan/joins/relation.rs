//! Which columns a FROM clause gives, and what its joins by name make of them.

use super::{Joins, denied, unknown_columns};
use crate::error::{Error, ErrorCode, Result};
use crate::govern::DENIED_COLUMN;
use crate::plan::pg_compat::function_call;
use crate::plan::{folded, names};
use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::TableReference;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Cte, ExcludeSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart,
    Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins,
    Value, WildcardAdditionalOptions,
};
use std::collections::{HashMap, HashSet};

/// A column of a FROM clause.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    /// What it is, so that nothing else can be meant.
    pub(super) expr: Expr,
    /// Is it made of two by a join?
    pub(super) merged: bool,
    /// May the user not read it?
    pub(super) denied: bool,
}

impl Column {
    /// Is it a column of a table, and nothing computed?
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
    }
}

/// What a FROM clause, or a part of one, gives.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// In the order of `*`.
    pub(super) columns: Vec<Column>,
    /// Are these all?
    pub(super) complete: bool,
    /// The columns of each table, by the last part of what qualifies them; `None` where they are not known.
    tables: Vec<(String, Option<Vec<String>>)>,
}

impl Relation {
    fn empty() -> Self {
        Self { columns: Vec::new(), complete: true, tables: Vec::new() }
    }

    /// Of one table.
    fn of(qualifier: &[Ident], columns: Option<Vec<(String, bool)>>) -> Self {
        let names = columns.as_ref().map(|columns| columns.iter().map(|(name, _)| name.clone()).collect());
        let column = |(name, denied): (String, bool)| {
            let own = Ident::with_quote('"', name.clone());
            let expr = match qualifier {
                [] => Expr::Identifier(own),
                _ => Expr::CompoundIdentifier(qualifier.iter().cloned().chain([own]).collect()),
            };
            Column { name, expr, merged: false, denied }
        };
        Self {
            complete: columns.is_some(),
            columns: columns.unwrap_or_default().into_iter().map(column).collect(),
            tables: qualifier.last().map(|table| (folded(table), names)).into_iter().collect(),
        }
    }

    /// All columns of this name.
    pub(super) fn named(&self, name: &str) -> Vec<&Column> {
        self.columns.iter().filter(|column| column.name == name).collect()
    }

    /// Are there merged columns?
    pub(super) fn merges(&self) -> bool {
        self.columns.iter().any(|column| column.merged)
    }

    fn beside(mut self, other: Self) -> Self {
        self.columns.extend(other.columns);
        self.tables.extend(other.tables);
        self.complete &= other.complete;
        self
    }

    /// Takes out the one column of this name.
    fn take(&mut self, name: &str, side: &str) -> Result<Column> {
        let mut positions = (0..self.columns.len()).filter(|i| self.columns[*i].name == name);
        match (positions.next(), positions.next()) {
            (Some(position), None) => Ok(self.columns.remove(position)),
            (None, _) => {
                let message = format!("column \"{name}\" specified in USING clause does not exist in {side} table");
                Err(Error::new(ErrorCode::UndefinedColumn, message))
            }
            (Some(_), Some(_)) => {
                let message = format!("common column name \"{name}\" appears more than once in {side} table");
                Err(Error::new(ErrorCode::AmbiguousColumn, message))
            }
        }
    }
}

/// What a join demands, where a join can demand something.
pub(in crate::plan) fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::Semi(constraint)
        | JoinOperator::LeftSemi(constraint)
        | JoinOperator::RightSemi(constraint)
        | JoinOperator::Anti(constraint)
        | JoinOperator::LeftAnti(constraint)
        | JoinOperator::RightAnti(constraint) => Some(constraint),
        _ => None,
    }
}

/// The names that a `*` leaves out; `None` when it asks for anything else.
pub(super) fn excluded(options: &WildcardAdditionalOptions) -> Option<HashSet<String>> {
    let plain = options.opt_ilike.is_none()
        && options.opt_except.is_none()
        && options.opt_replace.is_none()
        && options.opt_rename.is_none()
        && options.opt_alias.is_none();
    let names = match &options.opt_exclude {
        None => Vec::new(),
        Some(ExcludeSelectItem::Single(name)) => vec![last(name)?],
        Some(ExcludeSelectItem::Multiple(names)) => names.iter().map(last).collect::<Option<_>>()?,
    };
    plain.then(|| names.into_iter().collect())
}

fn last(name: &ObjectName) -> Option<String> {
    name.0.last().and_then(ObjectNamePart::as_ident).map(folded)
}

impl Joins<'_> {
    /// What FROM gives; its joins by name become joins by condition.
    pub(super) fn from(&mut self, from: &mut [TableWithJoins]) -> Result<Relation> {
        from.iter_mut().try_fold(Relation::empty(), |before, tree| Ok(before.beside(self.tree(tree)?)))
    }

    fn tree(&mut self, tree: &mut TableWithJoins) -> Result<Relation> {
        let mut left = self.factor(&mut tree.relation)?;
        for join in &mut tree.joins {
            let right = self.factor(&mut join.relation)?;
            left = self.join(left, right, &mut join.join_operator)?;
        }
        Ok(left)
    }

    fn join(&mut self, left: Relation, right: Relation, operator: &mut JoinOperator) -> Result<Relation> {
        let names = match constraint(operator) {
            Some(JoinConstraint::Using(names)) => {
                let name = |name| last(name).ok_or_else(|| Error::unsupported("this name in USING"));
                names.iter().map(name).collect::<Result<Vec<_>>>()?
            }
            Some(JoinConstraint::Natural) => {
                let common = left.columns.iter().filter(|column| !right.named(&column.name).is_empty());
                let names: Vec<String> = common.map(|column| column.name.clone()).collect();
                let taken_in = left.columns.iter().chain(&right.columns).filter(|column| names.contains(&column.name));
                if taken_in.into_iter().any(|column| column.denied) {
                    return Err(denied());
                }
                names
            }
            Some(JoinConstraint::On(condition)) => {
                self.condition(condition, &left.clone().beside(right.clone()))?;
                return Ok(given(left, right, operator));
            }
            _ => return Ok(given(left, right, operator)),
        };
        if !left.complete || !right.complete {
            return Err(unknown_columns());
        }
        let (joined, condition) = merge(left, right, &names, operator)?;
        if let Some(constraint) = constraint(operator) {
            *constraint = JoinConstraint::On(condition);
        }
        Ok(joined)
    }

    fn factor(&mut self, factor: &mut TableFactor) -> Result<Relation> {
        let readable = |names: Vec<String>| names.into_iter().map(|name| (name, false)).collect::<Vec<_>>();
        match factor {
            TableFactor::NestedJoin { table_with_joins, alias: None } => self.tree(table_with_joins),
            TableFactor::NestedJoin { table_with_joins, alias: Some(alias) } => {
                if super::by_name(table_with_joins) {
                    return Err(Error::unsupported("an alias of a JOIN with USING or NATURAL")
                        .with_hint("make it a subquery: (SELECT ... FROM ...) AS name"));
                }
                let columns = self.tree(table_with_joins)?.columns;
                let columns = columns.into_iter().map(|column| (column.name, column.denied)).collect();
                Ok(aliased(alias, Some(columns)))
            }
            TableFactor::Table { name, alias, args, .. } => {
                let columns = if args.is_some() { None } else { self.columns_of_table(name) };
                Ok(match alias {
                    Some(alias) => aliased(alias, columns),
                    None => {
                        let qualifier: Vec<Ident> = name.0.iter().filter_map(|part| part.as_ident()).cloned().collect();
                        Relation::of(&qualifier, columns)
                    }
                })
            }
            TableFactor::Derived { subquery, alias, .. } => {
                let columns = self.columns_of_query(subquery).map(readable);
                Ok(alias.as_ref().map_or_else(|| Relation::of(&[], columns.clone()), |a| aliased(a, columns.clone())))
            }
            TableFactor::UNNEST { alias: Some(alias), .. } | TableFactor::Function { alias: Some(alias), .. } => {
                Ok(aliased(alias, None))
            }
            _ => Ok(Relation::of(&[], None)),
        }
    }

    /// The columns of a table or of a common table expression, and whether each is denied.
    fn columns_of_table(&self, name: &ObjectName) -> Option<Vec<(String, bool)>> {
        let reference = object_name_to_table_reference(name.clone(), true).ok()?;
        if let TableReference::Bare { table } = &reference
            && let Some(columns) = self.ctes.iter().rev().find_map(|level| level.get(table.as_ref()))
        {
            return columns.as_ref().map(|names| names.iter().map(|name| (name.clone(), false)).collect());
        }
        let schema = self.tables.get_table_source(reference).ok()?.schema();
        let column = |field: &FieldRef| (field.name().clone(), field.metadata().contains_key(DENIED_COLUMN));
        Some(schema.fields().iter().map(column).collect())
    }

    /// The names of the columns that a query gives.
    fn columns_of_query(&mut self, query: &Query) -> Option<Vec<String>> {
        self.look(|joins| {
            joins.ctes.push(HashMap::new());
            for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
                let columns = joins.columns_of_cte(cte);
                joins.define(cte, columns);
            }
            let columns = joins.columns_of_body(&query.body);
            joins.ctes.pop();
            columns
        })
    }

    /// The names of the columns of a common table expression.
    pub(super) fn columns_of_cte(&mut self, cte: &Cte) -> Option<Vec<String>> {
        renamed(&cte.alias, self.columns_of_query(&cte.query))
    }

    /// From here on the name of a common table expression is known.
    pub(super) fn define(&mut self, cte: &Cte, columns: Option<Vec<String>>) {
        if let Some(level) = self.ctes.last_mut() {
            level.insert(folded(&cte.alias.name), columns);
        }
    }

    fn columns_of_body(&mut self, body: &SetExpr) -> Option<Vec<String>> {
        match body {
            SetExpr::Select(select) => self.columns_of_select(select),
            SetExpr::Query(query) => self.columns_of_query(query),
            SetExpr::SetOperation { left, .. } => self.columns_of_body(left),
            SetExpr::Values(values) => {
                let count = values.rows.first()?.content.len();
                Some((1..=count).map(|position| format!("column{position}")).collect())
            }
            _ => None,
        }
    }

    fn columns_of_select(&mut self, select: &Select) -> Option<Vec<String>> {
        let mut columns = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => columns.push(names::of(expr)),
                SelectItem::ExprWithAlias { alias, .. } => columns.push(folded(alias)),
                SelectItem::Wildcard(options) => {
                    let (relation, excluded) = (self.from(&mut select.from.clone()).ok()?, excluded(options)?);
                    if !relation.complete {
                        return None;
                    }
                    let names = relation.columns.into_iter().map(|column| column.name);
                    columns.extend(names.filter(|name| !excluded.contains(name)));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options) => {
                    let (relation, excluded) = (self.from(&mut select.from.clone()).ok()?, excluded(options)?);
                    let table = last(table)?;
                    let (_, names) = relation.tables.into_iter().find(|(name, _)| *name == table)?;
                    columns.extend(names?.into_iter().filter(|name| !excluded.contains(name)));
                }
                _ => return None,
            }
        }
        Some(columns)
    }
}

/// A relation under its alias, which may name the first of its columns anew, or all where they had no names.
fn aliased(alias: &TableAlias, columns: Option<Vec<(String, bool)>>) -> Relation {
    let (names, denied): (Vec<_>, Vec<_>) = columns.clone().unwrap_or_default().into_iter().unzip();
    let names = renamed(alias, columns.map(|_| names));
    let denied = denied.into_iter().chain(std::iter::repeat(false));
    Relation::of(std::slice::from_ref(&alias.name), names.map(|names| names.into_iter().zip(denied).collect()))
}

fn renamed(alias: &TableAlias, columns: Option<Vec<String>>) -> Option<Vec<String>> {
    let given: Vec<String> = alias.columns.iter().map(|column| folded(&column.name)).collect();
    match columns {
        Some(columns) => Some(given.iter().cloned().chain(columns.into_iter().skip(given.len())).collect()),
        None => (!given.is_empty()).then_some(given),
    }
}

/// Joins two relations by the columns of these names: what the join gives, and its condition.
fn merge(
    mut left: Relation,
    mut right: Relation,
    names: &[String],
    operator: &JoinOperator,
) -> Result<(Relation, Expr)> {
    let sides = (left.clone(), right.clone());
    let (mut merged, mut conditions) = (Vec::new(), Vec::new());
    for name in names {
        let (ours, theirs) = (left.take(name, "left")?, right.take(name, "right")?);
        conditions.push(binary(ours.expr.clone(), BinaryOperator::Eq, theirs.expr.clone()));
        let expr = match operator {
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => theirs.expr,
            JoinOperator::FullOuter(_) => Expr::Function(function_call("coalesce", vec![ours.expr, theirs.expr])),
            _ => ours.expr,
        };
        merged.push(Column { name: name.clone(), expr, merged: true, denied: ours.denied || theirs.denied });
    }
    let and = |left, right| binary(left, BinaryOperator::And, right);
    let condition = conditions.into_iter().reduce(and).unwrap_or_else(|| Expr::Value(Value::Boolean(true).into()));
    let joined = match one_sided(operator) {
        Some(_) => given(sides.0, sides.1, operator),
        None => Relation { columns: merged, ..Relation::empty() }.beside(left).beside(right),
    };
    Ok((joined, condition))
}

/// What a join gives of both sides.
fn given(left: Relation, right: Relation, operator: &JoinOperator) -> Relation {
    match one_sided(operator) {
        Some(Side::Left) => left,
        Some(Side::Right) => right,
        None => left.beside(right),
    }
}

enum Side {
    Left,
    Right,
}

/// The side of which alone a join gives columns.
fn one_sided(operator: &JoinOperator) -> Option<Side> {
    match operator {
        JoinOperator::Semi(_) | JoinOperator::LeftSemi(_) | JoinOperator::Anti(_) | JoinOperator::LeftAnti(_) => {
            Some(Side::Left)
        }
        JoinOperator::RightSemi(_) | JoinOperator::RightAnti(_) => Some(Side::Right),
        _ => None,
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}
