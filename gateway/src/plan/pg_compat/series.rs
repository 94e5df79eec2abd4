//! Series and arrays whose extent depends on the row at hand.

use super::{GENERATE_SERIES, call, folded, last};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax,
    OneOrManyWithParens, Query, Select, SelectItem, SetExpr, TableFactor, Value,
};

/// As many columns as a table of PostgreSQL can have, and so as long as an array of column numbers can be.
const MOST_COLUMNS: &str = "1664";

/// `FROM generate_series(0, array_upper(t.columns, 1)) s`, where `t` belongs to an outer query: the series goes as far as any such
/// array, and a condition ends it where it should end. A series of anything else has to be constant.
pub(super) fn bound_by_condition(select: &mut Select) {
    let relations = select.from.iter_mut().flat_map(|from| {
        std::iter::once(&mut from.relation).chain(from.joins.iter_mut().map(|join| &mut join.relation))
    });
    for relation in relations {
        let TableFactor::Table { name, args: Some(args), alias, .. } = relation else { continue };
        if last(name).as_deref() != Some(GENERATE_SERIES) {
            continue;
        }
        let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(end))] = args.args.as_mut_slice() else { continue };
        let over_array =
            matches!(&*end, Expr::Function(function) if last(&function.name).as_deref() == Some("array_upper"));
        if !over_array {
            continue;
        }
        let series = alias.as_ref().map_or_else(|| Ident::new(GENERATE_SERIES), |alias| alias.name.clone());
        let column =
            alias.as_ref().and_then(|alias| alias.columns.first()).map_or_else(|| series.clone(), |c| c.name.clone());
        let end = std::mem::replace(end, Expr::Value(Value::Number(MOST_COLUMNS.to_owned(), false).into()));
        let bound = binary(Expr::CompoundIdentifier(vec![series, column]), BinaryOperator::LtEq, end);
        select.selection = Some(match select.selection.take() {
            Some(condition) => binary(Expr::Nested(Box::new(condition)), BinaryOperator::And, bound),
            None => bound,
        });
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// `ARRAY(SELECT f(x) FROM unnest(a) x)` applies a function to each element, whichever row `a` is of.
pub(super) fn mapped_array(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let [from] = select.from.as_slice() else { return None };
    let TableFactor::UNNEST { alias: Some(alias), array_exprs, .. } = &from.relation else { return None };
    let ([array], [column]) = (array_exprs.as_slice(), alias.columns.as_slice()) else { return None };
    let plain =
        from.joins.is_empty() && select.selection.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    let [SelectItem::UnnamedExpr(body) | SelectItem::ExprWithAlias { expr: body, .. }] = select.projection.as_slice()
    else {
        return None;
    };
    if !plain {
        return None;
    }
    if matches!(body, Expr::Identifier(name) if folded(name) == folded(&column.name)) {
        return Some(array.clone());
    }
    let element = Expr::Lambda(LambdaFunction {
        params: OneOrManyWithParens::One(LambdaFunctionParameter { name: column.name.clone(), data_type: None }),
        body: Box::new(body.clone()),
        syntax: LambdaSyntax::Arrow,
    });
    Some(call("array_transform", vec![array.clone(), element]))
}
