//! Joins by name, USING and NATURAL, put in terms of ON in the syntax tree.
//!
//! The merged column is the left side's, for RIGHT JOIN the right side's, for FULL JOIN whichever is there; it comes first in `*`
//! (PostgreSQL manual, 7.2.1.1). DataFusion 55.2 has no such column: it takes one of the two, in `*` by the order of their tables'
//! names. So what an unqualified name means is settled here, and `*` spelled out, before it plans anything. Only names of columns
//! are looked at; binding refuses those that may not be read, as it does wherever they are named.

mod relation;

pub(super) use relation::constraint;

use crate::error::{Error, ErrorCode, Result};
use crate::plan::{folded, names};
use datafusion::logical_expr::planner::ContextProvider;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Join, JoinConstraint, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor,
    TableWithJoins, VisitMut, VisitorMut, With,
};
use relation::Relation;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Rewrites a query, subqueries too.
///
/// # Errors
/// `UndefinedColumn` and `AmbiguousColumn` for names in USING, `InsufficientPrivilege` for a NATURAL or a `*` that takes in a denied
/// column.
pub(crate) fn by_condition<T: ContextProvider>(query: &mut Query, tables: &T) -> Result<()> {
    if !any_by_name(query) {
        return Ok(());
    }
    let mut joins = Joins { tables, ctes: Vec::new(), scopes: Vec::new(), put_by: Vec::new(), looking: 0 };
    if let ControlFlow::Break(error) = VisitMut::visit(query, &mut joins) {
        return Err(error);
    }
    if any_by_name(query) {
        return Err(Error::unsupported("JOIN with USING or NATURAL here").with_hint("join ON the columns"));
    }
    Ok(())
}

fn any_by_name(query: &mut Query) -> bool {
    struct Search;
    impl VisitorMut for Search {
        type Break = ();

        fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
            if select.from.iter_mut().any(by_name) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    VisitMut::visit(query, &mut Search).is_break()
}

fn by_name(from: &mut TableWithJoins) -> bool {
    let nested = |factor: &mut TableFactor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => by_name(table_with_joins),
        _ => false,
    };
    let joined = |join: &mut Join| {
        let constraint = constraint(&mut join.join_operator);
        matches!(constraint, Some(JoinConstraint::Using(_) | JoinConstraint::Natural)) || nested(&mut join.relation)
    };
    nested(&mut from.relation) || from.joins.iter_mut().any(joined)
}

/// The walk over a query.
struct Joins<'a> {
    /// Knows the tables that the query names.
    tables: &'a dyn ContextProvider,
    /// The columns of common table expressions, a level for each query around; `None` where they are not known.
    ctes: Vec<HashMap<String, Option<Vec<String>>>>,
    /// What unqualified names may mean, innermost last.
    scopes: Vec<Scope>,
    /// Parts of the queries around that are done already: the walk shall not meet them again.
    put_by: Vec<(Option<With>, Option<OrderBy>)>,
    /// More than 0 while a copy is looked at for its columns.
    looking: usize,
}

struct Scope {
    relation: Relation,
    /// Is every name to be qualified, not only those of merged columns?
    qualify: bool,
}

fn flow(result: Result<()>) -> ControlFlow<Error> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl VisitorMut for Joins<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let (mut with, mut order_by) = (query.with.take(), query.order_by.take());
        self.ctes.push(HashMap::new());
        if let Some(With { recursive, cte_tables, .. }) = &mut with {
            for cte in cte_tables {
                let columns = self.columns_of_cte(cte);
                if *recursive {
                    self.define(cte, columns.clone());
                }
                VisitMut::visit(&mut cte.query, self)?;
                self.define(cte, columns);
            }
        }
        if let Some(order_by) = &mut order_by {
            self.order_by(order_by, &query.body)?;
        }
        self.put_by.push((with, order_by));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        self.ctes.pop();
        (query.with, query.order_by) = self.put_by.pop().unwrap_or_default();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        let relation = match self.from(&mut select.from) {
            Ok(relation) => relation,
            Err(error) => return ControlFlow::Break(error),
        };
        if relation.merges() {
            flow(spell_out(select, &relation))?;
        }
        self.scopes.push(Scope { relation, qualify: false });
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, _select: &mut Select) -> ControlFlow<Error> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Identifier(ident) = expr else { return ControlFlow::Continue(()) };
        let name = folded(ident);
        // The innermost relation that has the name is the one that is meant.
        for scope in self.scopes.iter().rev() {
            match scope.relation.named(&name).as_slice() {
                [] => {}
                [column] if column.merged || scope.qualify => {
                    *expr = column.expr.clone();
                    break;
                }
                _ => break,
            }
        }
        ControlFlow::Continue(())
    }
}

impl Joins<'_> {
    /// ORDER BY means a column of the result first, by its bare name; else the columns of FROM.
    fn order_by(&mut self, order_by: &mut OrderBy, body: &SetExpr) -> ControlFlow<Error> {
        let (SetExpr::Select(select), OrderByKind::Expressions(sorts)) = (body, &mut order_by.kind) else {
            return ControlFlow::Continue(());
        };
        // What is wrong with FROM is said where it is rewritten.
        let Ok(relation) = self.look(|joins| joins.from(&mut select.from.clone())) else {
            return ControlFlow::Continue(());
        };
        let results = named_results(select, &relation);
        self.scopes.push(Scope { relation, qualify: false });
        for sort in sorts {
            let bare = match &sort.expr {
                Expr::Identifier(ident) => Some(folded(ident)),
                _ => None,
            };
            if bare.is_none_or(|name| !results.contains(&name)) {
                VisitMut::visit(sort, self)?;
            }
        }
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    /// Rewrites the names of a condition by what it joins, which is less than all of FROM.
    fn condition(&mut self, condition: &mut Expr, relation: &Relation) -> Result<()> {
        if self.looking > 0 {
            return Ok(());
        }
        self.scopes.push(Scope { relation: relation.clone(), qualify: true });
        let done = VisitMut::visit(condition, self);
        self.scopes.pop();
        match done {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        }
    }

    /// Does something that leaves the query as it is.
    fn look<T>(&mut self, what: impl FnOnce(&mut Self) -> T) -> T {
        self.looking += 1;
        let seen = what(self);
        self.looking -= 1;
        seen
    }
}

/// The results that go by a name of their own: what has an alias, or will have.
fn named_results(select: &Select, relation: &Relation) -> HashSet<String> {
    let mut results = HashSet::new();
    let computed = |name: &str| match relation.named(name).as_slice() {
        [column] => !column.is_plain(),
        _ => false,
    };
    for item in &select.projection {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => {
                results.insert(folded(alias));
            }
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) if computed(&folded(ident)) => {
                results.insert(folded(ident));
            }
            SelectItem::Wildcard(_) => {
                let names = relation.columns.iter().map(|column| &column.name).filter(|name| computed(name));
                results.extend(names.cloned());
            }
            _ => {}
        }
    }
    results
}

/// Puts columns in place of `*`, and gives the merged ones their names.
fn spell_out(select: &mut Select, relation: &Relation) -> Result<()> {
    let aliases = select.projection.iter().filter_map(|item| match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        _ => None,
    });
    let aliases: HashSet<String> = aliases.collect();
    let mut items = Vec::new();
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) => {
                let excluded = relation::excluded(&options)
                    .ok_or_else(|| Error::unsupported("these options of * over a JOIN with USING or NATURAL"))?;
                if !relation.complete {
                    return Err(unknown_columns());
                }
                for column in relation.columns.iter().filter(|column| !excluded.contains(&column.name)) {
                    if column.denied {
                        return Err(denied());
                    }
                    if column.is_plain() {
                        items.push(SelectItem::UnnamedExpr(column.expr.clone()));
                        continue;
                    }
                    let alone = relation.named(&column.name).len() == 1 && !aliases.contains(&column.name);
                    let name = if alone { column.name.clone() } else { names::unique(&column.name, items.len()) };
                    let alias = Ident::with_quote('"', name);
                    items.push(SelectItem::ExprWithAlias { expr: column.expr.clone(), alias });
                }
            }
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => {
                let name = folded(&ident);
                items.push(match relation.named(&name).as_slice() {
                    [column] if column.merged && !column.is_plain() => {
                        SelectItem::ExprWithAlias { expr: column.expr.clone(), alias: Ident::with_quote('"', name) }
                    }
                    _ => SelectItem::UnnamedExpr(Expr::Identifier(ident)),
                });
            }
            other => items.push(other),
        }
    }
    select.projection = items;
    Ok(())
}

fn unknown_columns() -> Error {
    Error::unsupported("USING or NATURAL with a relation whose columns have no names")
        .with_hint("give it an alias with names of its columns")
}

/// The column is not named: the user did not name it.
fn denied() -> Error {
    Error::new(ErrorCode::InsufficientPrivilege, "permission denied for a column of this query")
}
