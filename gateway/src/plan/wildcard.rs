//! Hidden columns and `*`. A statement that mentions a hidden column (`"$path"`) sees it in its tables; its `*` still leaves
//! it out, as in Trino. DataFusion knows no such columns, so each `*` is given an EXCLUDE in the syntax tree.

use crate::error::{Error, Result};
use crate::plan::folded;
use crate::plan::joins::constraint;
use datafusion::common::TableReference;
use datafusion::sql::planner::object_name_to_table_reference;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, JoinConstraint, ObjectName, ObjectNamePart, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, TableWithJoins, VisitMut, VisitorMut, WildcardAdditionalOptions,
    visit_expressions,
};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// Every name that stands in an expression of the query.
pub(super) fn mentioned(query: &Query) -> HashSet<String> {
    let mut names = HashSet::new();
    let _: ControlFlow<()> = visit_expressions(query, |expr| {
        match expr {
            Expr::Identifier(ident) => {
                names.insert(ident.value.clone());
            }
            Expr::CompoundIdentifier(idents) => names.extend(idents.last().map(|ident| ident.value.clone())),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    names
}

/// Leaves the hidden columns of each table out of every `*`.
pub(super) fn leave_out_hidden(query: &mut Query, hidden: &HashMap<TableReference, Vec<String>>) -> Result<()> {
    if hidden.values().all(Vec::is_empty) {
        return Ok(());
    }
    match VisitMut::visit(query, &mut LeaveOut { hidden }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct LeaveOut<'a> {
    hidden: &'a HashMap<TableReference, Vec<String>>,
}

/// A table of a FROM clause: what qualifies its columns, and which of them are hidden.
struct Factor {
    qualifier: String,
    hidden: Vec<String>,
}

impl VisitorMut for LeaveOut<'_> {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        match self.rewrite(select) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl LeaveOut<'_> {
    fn rewrite(&self, select: &mut Select) -> Result<()> {
        let mut factors = Vec::new();
        for from in &mut select.from {
            self.collect(from, &mut factors)?;
        }
        if factors.iter().all(|factor| factor.hidden.is_empty()) {
            return Ok(());
        }
        for item in &mut select.projection {
            match item {
                SelectItem::Wildcard(options) => {
                    let all: Vec<String> = factors.iter().flat_map(|factor| factor.hidden.clone()).collect();
                    let distinct: HashSet<&String> = all.iter().collect();
                    if distinct.len() < all.len() {
                        return Err(Error::unsupported("* over two tables with the same hidden column asked for")
                            .with_hint("write t.* for each table"));
                    }
                    exclude(options, &all);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let qualifier = name.0.last().and_then(ObjectNamePart::as_ident).map(folded);
                    let named = factors.iter().filter(|factor| Some(&factor.qualifier) == qualifier.as_ref());
                    let all: Vec<String> = named.flat_map(|factor| factor.hidden.clone()).collect();
                    exclude(options, &all);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn collect(&self, from: &mut TableWithJoins, factors: &mut Vec<Factor>) -> Result<()> {
        self.factor(&mut from.relation, factors)?;
        for join in &mut from.joins {
            self.factor(&mut join.relation, factors)?;
            let natural = matches!(constraint(&mut join.join_operator), Some(JoinConstraint::Natural));
            if natural && factors.iter().any(|factor| !factor.hidden.is_empty()) {
                return Err(Error::unsupported("NATURAL JOIN in a statement that names hidden columns"));
            }
        }
        Ok(())
    }

    fn factor(&self, factor: &mut TableFactor, factors: &mut Vec<Factor>) -> Result<()> {
        match factor {
            TableFactor::Table { name, alias, .. } => {
                let reference = object_name_to_table_reference(name.clone(), true)?;
                let hidden = self.hidden.get(&reference).cloned().unwrap_or_default();
                let qualifier = alias.as_ref().map_or_else(|| reference.table().to_owned(), |a| folded(&a.name));
                factors.push(Factor { qualifier, hidden });
                Ok(())
            }
            TableFactor::NestedJoin { table_with_joins, .. } => self.collect(table_with_joins, factors),
            _ => Ok(()),
        }
    }
}

fn exclude(options: &mut WildcardAdditionalOptions, names: &[String]) {
    let mut all = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    for name in names {
        let quoted = ObjectName::from(vec![Ident::with_quote('"', name)]);
        if !all.contains(&quoted) {
            all.push(quoted);
        }
    }
    options.opt_exclude = (!all.is_empty()).then_some(ExcludeSelectItem::Multiple(all));
}
