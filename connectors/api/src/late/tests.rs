#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray, StructArray};
use datafusion::arrow::datatypes::{Field, Fields, Schema};
use datafusion::config::ConfigOptions;
use datafusion::functions::core::r#struct;
use datafusion::physical_expr::expressions::{cast, col, lit};

fn columns() -> Vec<Column> {
    vec![
        Column::new("n", DataType::Int32, true),
        Column::new("s", DataType::Utf8View, true),
        Column::new("u", DataType::Decimal128(20, 0), true),
    ]
}

fn schema() -> Schema {
    Schema::new(columns().into_iter().map(|column| column.field).collect::<Vec<_>>())
}

fn wide(name: &str, data_type: DataType) -> Arc<dyn PhysicalExpr> {
    cast(col(name, &schema()).unwrap(), &schema(), data_type).unwrap()
}

fn compare(left: &Arc<dyn PhysicalExpr>, op: Operator, right: i64) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(Arc::clone(left), op, lit(right)))
}

fn both(left: Arc<dyn PhysicalExpr>, op: Operator, right: Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(left, op, right))
}

fn one_of(column: &Arc<dyn PhysicalExpr>, values: impl Into<Int64Array>) -> Arc<dyn PhysicalExpr> {
    let values: ArrayRef = Arc::new(values.into());
    Arc::new(InListExpr::try_new_from_array(Arc::clone(column), values, false, &schema()).unwrap())
}

/// A join's pair of a range and a list.
fn keys(values: Vec<i64>) -> Arc<dyn PhysicalExpr> {
    let key = wide("n", DataType::Int64);
    let low = compare(&key, Operator::GtEq, *values.iter().min().unwrap());
    let high = compare(&key, Operator::LtEq, *values.iter().max().unwrap());
    both(both(low, Operator::And, high), Operator::And, one_of(&key, values))
}

fn said(expr: &Arc<dyn PhysicalExpr>) -> Vec<String> {
    match superset(expr, &columns()).limited() {
        Late::Nothing => vec!["nothing".to_owned()],
        Late::Predicates(all) => all.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_keys_of_a_join_become_one_list_of_values_of_the_columns_own_type() {
    assert_eq!(said(&keys(vec![3, 5, 3, 1 << 40])), ["n IN (3, 5)"]);
    assert_eq!(said(&keys(vec![1 << 40])), ["nothing"]);
    assert_eq!(said(&compare(&wide("n", DataType::Int64), Operator::Lt, 1 << 40)), [""; 0]);
    assert_eq!(said(&compare(&wide("n", DataType::Int64), Operator::Gt, -(1 << 40))), [""; 0]);
    let unsigned = wide("u", DataType::Decimal128(21, 0));
    let value = lit(ScalarValue::Decimal128(Some(u64::MAX.into()), 21, 0));
    assert_eq!(said(&both(unsigned, Operator::Eq, value)), ["u = 18446744073709551615"]);
}

#[test]
fn the_branches_of_a_partitioned_join_are_unfolded_into_one_list() {
    let route = |partition: u64| lit(ScalarValue::UInt64(Some(partition)));
    let branches = vec![(route(0), keys(vec![1, 2])), (route(2), keys(vec![7]))];
    let case = |or_else: bool| -> Arc<dyn PhysicalExpr> {
        Arc::new(CaseExpr::try_new(Some(route(0)), branches.clone(), Some(lit(or_else))).unwrap())
    };
    assert_eq!(said(&case(false)), ["n IN (1, 2, 7)"]);
    // A partition of which nothing is known lets everything through.
    assert_eq!(said(&case(true)), [""; 0]);
}

#[test]
fn rows_whose_key_is_null_are_kept_when_the_join_wants_them() {
    let is_null: Arc<dyn PhysicalExpr> = Arc::new(IsNullExpr::new(wide("n", DataType::Int64)));
    assert_eq!(said(&both(is_null, Operator::Or, keys(vec![1, 2]))), ["(n IS NULL OR n IN (1, 2))"]);
    let with_null = Int64Array::from(vec![Some(1), None]);
    assert_eq!(said(&one_of(&wide("n", DataType::Int64), with_null)), ["n IN (1)"]);
}

#[test]
fn several_keys_are_each_among_their_own_values() {
    let fields = Fields::from(vec![Field::new("c0", DataType::Int64, true), Field::new("c1", DataType::Utf8, true)]);
    let rows: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringArray::from(vec!["a", "b"]))];
    let rows: ArrayRef = Arc::new(StructArray::new(fields.clone(), rows, None));
    let keys = vec![wide("n", DataType::Int64), wide("s", DataType::Utf8)];
    let made = Field::new("struct", DataType::Struct(fields), true);
    let function =
        ScalarFunctionExpr::new("struct", r#struct(), keys, Arc::new(made), Arc::new(ConfigOptions::default()));
    let list = InListExpr::try_new_from_array(Arc::new(function), rows, false, &schema()).unwrap();
    assert_eq!(said(&(Arc::new(list) as _)), ["n IN (1, 2)", "s IN ('a', 'b')"]);
}

#[test]
fn what_is_not_understood_widens_the_answer() {
    let key = wide("n", DataType::Int64);
    let sum = both(Arc::clone(&key), Operator::Plus, lit(1_i64));
    let unknown = both(sum, Operator::Gt, lit(5_i64));
    assert_eq!(said(&unknown), [""; 0]);
    assert_eq!(said(&both(Arc::clone(&unknown), Operator::And, keys(vec![1]))), ["n IN (1)"]);
    assert_eq!(said(&both(unknown, Operator::Or, keys(vec![1]))), [""; 0]);
    // A cast that may change the value.
    assert_eq!(said(&compare(&wide("n", DataType::Int16), Operator::Eq, 5)), [""; 0]);
    let long = said(&keys((0..=10_000).collect()));
    assert_eq!(long, ["n BETWEEN 0 AND 10000"]);
}
