//! Predicates at the source and here.

use crate::rows::{multiset, select, text};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr, ident, lit, not};
use datafusion::prelude::SessionContext;
use datafusion::scalar::ScalarValue;
use naru_connector::{ColumnPath, CompareOp, Predicate, Support, Table};

/// Values of each column that predicates are made of.
const VALUES: usize = 12;

/// Compares, for each predicate, the source's rows with those chosen here: equal when the source calls it Exact, a superset
/// when Inexact. Gives how many the source took over exactly.
pub async fn agree(table: &dyn Table, predicates: &[Predicate]) -> usize {
    let all = select(table, &[]).await.expect("the whole table");
    let mut exact = 0;
    for predicate in predicates {
        let support = table.supports(predicate);
        if support == Support::Unsupported {
            continue;
        }
        let pushed = select(table, std::slice::from_ref(predicate)).await.expect("the chosen rows");
        let local = filtered(&all, predicate);
        match support {
            Support::Exact => {
                exact += 1;
                let equal = multiset(&pushed) == multiset(&local);
                assert!(equal, "{predicate}\nat the source: {:#?}\nhere: {:#?}", text(&pushed), text(&local));
            }
            _ => {
                let again = filtered(&pushed, predicate);
                assert!(multiset(&again) == multiset(&local), "{predicate}: the source left rows out");
            }
        }
    }
    exact
}

/// The rows for which a predicate is true, by DataFusion.
#[must_use]
pub fn filtered(batch: &RecordBatch, predicate: &Predicate) -> RecordBatch {
    let schema = DFSchema::try_from(batch.schema().as_ref().clone()).expect("distinct columns");
    let condition = SessionContext::new().create_physical_expr(expression(predicate), &schema).expect("a condition");
    let chosen = condition.evaluate(batch).expect("a condition that can't fail");
    let chosen = chosen.into_array(batch.num_rows()).expect("one answer a row");
    filter_record_batch(batch, chosen.as_boolean()).expect("as many answers as rows")
}

/// The predicate as DataFusion's expression.
#[must_use]
pub fn expression(predicate: &Predicate) -> Expr {
    let column = |path: &ColumnPath| ident(path.root());
    match predicate {
        Predicate::Compare { column: path, op, value } => {
            let (left, right) = (column(path), lit(value.clone()));
            match op {
                CompareOp::Eq => left.eq(right),
                CompareOp::NotEq => left.not_eq(right),
                CompareOp::Lt => left.lt(right),
                CompareOp::LtEq => left.lt_eq(right),
                CompareOp::Gt => left.gt(right),
                CompareOp::GtEq => left.gt_eq(right),
            }
        }
        Predicate::In { column: path, values } => {
            column(path).in_list(values.iter().cloned().map(lit).collect(), false)
        }
        Predicate::IsNull { column: path } => column(path).is_null(),
        Predicate::Between { column: path, low, high } => column(path).between(lit(low.clone()), lit(high.clone())),
        Predicate::Prefix { column: path, prefix } => {
            let escaped = prefix.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            column(path).like(lit(ScalarValue::Utf8View(Some(format!("{escaped}%")))))
        }
        Predicate::And(all) => all.iter().map(expression).reduce(Expr::and).expect("a condition of conditions"),
        Predicate::Or(any) => any.iter().map(expression).reduce(Expr::or).expect("a condition of conditions"),
        Predicate::Not(inner) => not(expression(inner)),
    }
}

/// Every kind of predicate over every column of some rows, with values of those rows and, for text, neighbours of them.
#[must_use]
pub fn over(batch: &RecordBatch) -> Vec<Predicate> {
    let mut predicates = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let path = ColumnPath::column(field.name().as_str());
        let values = values(column.as_ref());
        predicates.push(Predicate::IsNull { column: path.clone() });
        predicates.push(Predicate::Not(Box::new(Predicate::IsNull { column: path.clone() })));
        for value in &values {
            for op in [CompareOp::Eq, CompareOp::NotEq, CompareOp::Lt, CompareOp::LtEq, CompareOp::Gt, CompareOp::GtEq]
            {
                let compare = Predicate::Compare { column: path.clone(), op, value: value.clone() };
                predicates.push(Predicate::Not(Box::new(compare.clone())));
                predicates.push(compare);
            }
            if let Some(Some(text)) = value.try_as_str() {
                let head: String = text.chars().take(2).collect();
                predicates
                    .extend([text.to_owned(), head].map(|prefix| Predicate::Prefix { column: path.clone(), prefix }));
            }
        }
        for pair in values.windows(2) {
            let [low, high] = pair else { continue };
            let listed = Predicate::In { column: path.clone(), values: pair.to_vec() };
            predicates.push(Predicate::Not(Box::new(listed.clone())));
            predicates.push(listed);
            predicates.push(Predicate::Between { column: path.clone(), low: low.clone(), high: high.clone() });
        }
    }
    predicates
}

fn values(column: &dyn Array) -> Vec<ScalarValue> {
    let mut values: Vec<ScalarValue> = Vec::new();
    let rows = (0..column.len()).filter(|&row| column.is_valid(row));
    for value in rows.filter_map(|row| ScalarValue::try_from_array(column, row).ok()) {
        let neighbours = match (column.data_type(), value.try_as_str()) {
            (DataType::Utf8View, Some(Some(text))) => {
                [text.to_uppercase(), format!("{text} "), text.trim_end().to_owned()]
                    .map(|t| ScalarValue::Utf8View(Some(t)))
                    .to_vec()
            }
            _ => Vec::new(),
        };
        for value in [value].into_iter().chain(neighbours) {
            if values.len() < VALUES && !values.contains(&value) {
                values.push(value);
            }
        }
    }
    values
}
