//! The types of parameters that the client left open, from where they stand, as PostgreSQL finds them (manual, chapter 10): the other
//! side of a comparison, the type of a cast, what a function takes. One that stands anywhere else is a text.

use crate::functions::is_quantified;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::expr::{Case, Placeholder, ScalarFunction};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, Union};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of the parameters of a plan, by their numbers from 1.
#[derive(Default)]
struct Found {
    /// Something says what they are.
    typed: BTreeMap<usize, DataType>,
    /// How often they occur without a type, save where they are only asked whether they are NULL, which any type can be.
    untyped: BTreeMap<usize, isize>,
}

/// The types of `$1`, `$2`, ...; `None` for one that nothing determines.
pub(super) fn infer(plan: &LogicalPlan) -> Result<Vec<Option<DataType>>> {
    let mut found = Found::default();
    plan.apply_with_subqueries(|node| {
        found.node(node)?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    let Found { typed, untyped } = found;
    let count = typed.keys().chain(untyped.keys()).copied().max().unwrap_or(0);
    let known = |number: usize| {
        let text = || untyped.get(&number).filter(|&&uses| uses > 0).map(|_| DataType::Utf8);
        typed.get(&number).cloned().or_else(text)
    };
    Ok((1..=count).map(known).collect())
}

impl Found {
    fn node(&mut self, node: &LogicalPlan) -> Result<()> {
        match node {
            LogicalPlan::Filter(filter) => self.is(&filter.predicate, &DataType::Boolean),
            LogicalPlan::Limit(limit) => {
                for count in [&limit.skip, &limit.fetch].into_iter().flatten() {
                    self.is(count, &DataType::Int64);
                }
            }
            LogicalPlan::Union(union) => self.union(union),
            _ => {}
        }
        let schema = input_schema(node)?;
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                self.inside(expr, &schema);
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        Ok(())
    }

    /// This parameter has this type, if it is one and nothing said so before.
    fn is(&mut self, expr: &Expr, data_type: &DataType) {
        if let (Some(number), false) = (open_parameter(expr), data_type.is_null()) {
            self.typed.entry(number).or_insert_with(|| data_type.clone());
        }
    }

    /// All of these have one type, that of the first whose type is known.
    fn alike<'a>(&mut self, exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) {
        let exprs: Vec<&Expr> = exprs.into_iter().collect();
        let data_type = exprs.iter().find_map(|expr| type_of(expr, schema)).unwrap_or(DataType::Utf8);
        exprs.into_iter().for_each(|expr| self.is(expr, &data_type));
    }

    /// What an expression says of the parameters right inside it.
    fn inside(&mut self, expr: &Expr, schema: &DFSchema) {
        match expr {
            Expr::Placeholder(Placeholder { id, field }) => {
                let Some(number) = number(id) else { return };
                match field {
                    Some(field) if !field.data_type().is_null() => {
                        self.typed.entry(number).or_insert_with(|| field.data_type().clone());
                    }
                    _ => *self.untyped.entry(number).or_default() += 1,
                }
            }
            Expr::Cast(cast) => self.is(&cast.expr, cast.field.data_type()),
            Expr::TryCast(cast) => self.is(&cast.expr, cast.field.data_type()),
            Expr::BinaryExpr(binary) => self.operator(&binary.left, binary.op, &binary.right, schema),
            Expr::Like(like) | Expr::SimilarTo(like) => self.alike([like.expr.as_ref(), &like.pattern], schema),
            Expr::Between(between) => {
                self.alike([between.expr.as_ref(), &between.low, &between.high], schema);
            }
            Expr::InList(list) => self.alike(std::iter::once(list.expr.as_ref()).chain(&list.list), schema),
            Expr::InSubquery(inner) => self.column(&inner.expr, &inner.subquery.subquery),
            Expr::SetComparison(inner) => self.column(&inner.expr, &inner.subquery.subquery),
            Expr::Case(case) => self.case(case, schema),
            Expr::Not(inner)
            | Expr::IsTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsNotUnknown(inner) => self.is(inner, &DataType::Boolean),
            Expr::Negative(inner) => self.is(inner, &DataType::Float64),
            Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
                if let Some(number) = open_parameter(inner) {
                    *self.untyped.entry(number).or_default() -= 1;
                }
            }
            Expr::ScalarFunction(function) => self.function(function, schema),
            _ => {}
        }
    }

    fn operator(&mut self, left: &Expr, operator: Operator, right: &Expr, schema: &DFSchema) {
        match operator {
            Operator::And | Operator::Or => {
                [left, right].into_iter().for_each(|expr| self.is(expr, &DataType::Boolean))
            }
            Operator::StringConcat => [left, right].into_iter().for_each(|expr| self.is(expr, &DataType::Utf8)),
            _ => self.alike([left, right], schema),
        }
    }

    fn case(&mut self, case: &Case, schema: &DFSchema) {
        let conditions = case.when_then_expr.iter().map(|(when, _)| when.as_ref());
        match &case.expr {
            Some(compared) => self.alike(std::iter::once(compared.as_ref()).chain(conditions), schema),
            None => conditions.for_each(|when| self.is(when, &DataType::Boolean)),
        }
        let results = case.when_then_expr.iter().map(|(_, then)| then);
        self.alike(results.chain(&case.else_expr).map(|result| result.as_ref()), schema);
    }

    /// Compared with the one column of a subquery.
    fn column(&mut self, expr: &Expr, subquery: &LogicalPlan) {
        if let [field] = subquery.schema().fields().as_ref() {
            self.is(expr, field.data_type());
        }
    }

    /// As the function takes NULL in its place: the engine's own rule.
    fn function(&mut self, function: &ScalarFunction, schema: &DFSchema) {
        let args = &function.args;
        match (function.func.name(), args.as_slice()) {
            ("coalesce" | "nullif" | "greatest" | "least", _) => self.alike(args, schema),
            (name, [array, element]) if name == "array_has" || is_quantified(name) => {
                if let Some(DataType::List(item)) = type_of(array, schema) {
                    self.is(element, item.data_type());
                }
                if let Some(item) = type_of(element, schema) {
                    self.is(array, &DataType::new_list(item, true));
                }
            }
            _ => {
                let field = |arg| {
                    let data_type = type_of(arg, schema).unwrap_or(DataType::Null);
                    Arc::new(Field::new("argument", data_type, true))
                };
                let fields: Vec<FieldRef> = args.iter().map(field).collect();
                let Ok(taken) = fields_with_udf(&fields, function.func.as_ref()) else { return };
                args.iter().zip(taken).for_each(|(arg, taken)| self.is(arg, &outward(taken.data_type().clone())));
            }
        }
    }

    /// A parameter alone in the SELECT list of one branch has the type of that column in the others.
    fn union(&mut self, union: &Union) {
        for input in &union.inputs {
            let LogicalPlan::Projection(projection) = input.as_ref() else { continue };
            for (index, expr) in projection.expr.iter().enumerate() {
                let others = union.inputs.iter().filter(|other| !Arc::ptr_eq(other, input));
                let types =
                    others.filter_map(|other| other.schema().fields().get(index)).map(|field| field.data_type());
                if let Some(data_type) = types.into_iter().find(|data_type| !data_type.is_null()) {
                    self.is(bare(expr), data_type);
                }
            }
        }
    }
}

fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => bare(&alias.expr),
        // The engine puts the branches' common type around it.
        Expr::Cast(cast) => bare(&cast.expr),
        other => other,
    }
}

fn number(id: &str) -> Option<usize> {
    id.trim_start_matches('$').parse().ok()
}

/// The number of a parameter whose type nobody said.
fn open_parameter(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Placeholder(Placeholder { id, field })
            if field.as_ref().is_none_or(|field| field.data_type().is_null()) =>
        {
            number(id)
        }
        _ => None,
    }
}

/// The type of an expression that has one.
fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    if open_parameter(expr).is_some() {
        return None;
    }
    expr.get_type(schema).ok().filter(|data_type| !data_type.is_null()).map(outward)
}

/// A parameter is sent as the plain one of several types that hold the same values.
fn outward(data_type: DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, values) => outward(*values),
        other => other,
    }
}

/// What the expressions of a node refer to.
fn input_schema(node: &LogicalPlan) -> Result<DFSchemaRef> {
    let mut inputs = node.inputs().into_iter();
    let Some(first) = inputs.next() else { return Ok(Arc::clone(node.schema())) };
    let mut schema = first.schema().as_ref().clone();
    inputs.for_each(|input| schema.merge(input.schema()));
    Ok(Arc::new(schema))
}
