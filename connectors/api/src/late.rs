//! Filters that become known while a query runs: the build side of a join says which keys can match at all.
//!
//! DataFusion hands a join's keys over as an expression: a range and an IN list, or for a partitioned join a CASE with one
//! such pair for each partition. Here it becomes predicates that hold for every row that can match (perhaps for others too:
//! the join decides). Only comparisons, IN and IS NULL of bare columns with constants are taken, under AND, OR and CASE;
//! whatever else there is widens the answer. As in [`crate::translate`], what comes out is leak-proof.

use crate::translate::{compare_op, typed_constant};
use crate::{Column, ColumnPath, CompareOp, Predicate};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column as PhysicalColumn, DynamicFilterPhysicalExpr, InListExpr, IsNullExpr,
    Literal,
};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::scalar::ScalarValue;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Values of one list at most; a longer one becomes its range.
const MAX_VALUES: usize = 10_000;
/// How long a scan waits for the filters that it was given. A join's are complete before it reads the scan's side, unless
/// something between them reads ahead.
const WAIT: Duration = Duration::from_secs(20);

/// What is known of the rows that are still of use.
#[derive(Debug, Clone, PartialEq)]
pub enum Late {
    /// None is.
    Nothing,
    /// All of these hold for each; without any, nothing is known.
    Predicates(Vec<Predicate>),
}

impl Late {
    const UNKNOWN: Self = Self::Predicates(Vec::new());

    /// The current value of late filters, each waited for. Column positions in them count `columns`.
    pub(crate) async fn of(filters: &[Arc<DynamicFilterPhysicalExpr>], columns: &[Column]) -> Self {
        let mut known = Self::UNKNOWN;
        for filter in filters {
            // Any value that it ever has is true of all useful rows: a late one costs time, not rows.
            let _ = tokio::time::timeout(WAIT, filter.wait_complete()).await;
            let current = filter.current().map_or(Self::UNKNOWN, |current| superset(&current, columns));
            known = known.and(current);
        }
        known.limited()
    }

    fn one(predicate: Option<Predicate>) -> Self {
        Self::Predicates(predicate.into_iter().collect())
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Predicates(mut all), Self::Predicates(more)) => {
                all.extend(more);
                Self::Predicates(without_ranges_of_listed(all))
            }
            _ => Self::Nothing,
        }
    }

    /// Rows for which one of the branches is true.
    fn any(branches: impl IntoIterator<Item = Self>) -> Self {
        let mut possible = Vec::new();
        for branch in branches {
            match branch {
                Self::Nothing => {}
                Self::Predicates(all) if all.is_empty() => return Self::UNKNOWN,
                Self::Predicates(all) => possible.push(all),
            }
        }
        match possible.len() {
            0 => Self::Nothing,
            1 => Self::Predicates(possible.swap_remove(0)),
            _ => Self::Predicates(common_lists(&possible).unwrap_or_else(|| vec![either(possible)])),
        }
    }

    /// Lists that are too long become ranges.
    fn limited(self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Predicates(all) => Self::Predicates(all.into_iter().filter_map(limited).collect()),
        }
    }
}

/// Without values: columns, and how many values a list has.
impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Predicates(all) = self else { return f.write_str("no row can match") };
        for (i, predicate) in all.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            match predicate {
                Predicate::In { column, values } => write!(f, "{column} IN ({} values)", values.len())?,
                other => {
                    let mut columns = Vec::new();
                    other.for_each_column(&mut |column| columns.push(column.to_string()));
                    columns.dedup();
                    write!(f, "range of {}", columns.join(", "))?;
                }
            }
        }
        Ok(())
    }
}

/// A list says more than the range of its values.
fn without_ranges_of_listed(all: Vec<Predicate>) -> Vec<Predicate> {
    let listed: HashSet<_> = all
        .iter()
        .filter_map(|predicate| match predicate {
            Predicate::In { column, .. } => Some(column.clone()),
            _ => None,
        })
        .collect();
    let redundant =
        |predicate: &Predicate| matches!(predicate, Predicate::Compare { column, .. } if listed.contains(column));
    all.into_iter().filter(|predicate| !redundant(predicate)).collect()
}

/// For each column that every branch lists values of, one list of them all.
fn common_lists(branches: &[Vec<Predicate>]) -> Option<Vec<Predicate>> {
    let (first, rest) = branches.split_first()?;
    let list = |branch: &[Predicate], wanted: &ColumnPath| {
        branch.iter().find_map(|predicate| match predicate {
            Predicate::In { column, values } if column == wanted => Some(values.clone()),
            _ => None,
        })
    };
    let mut common = Vec::new();
    for predicate in first {
        let Predicate::In { column, values } = predicate else { continue };
        let others = rest.iter().map(|branch| list(branch, column)).collect::<Option<Vec<_>>>();
        let Some(others) = others else { continue };
        let values = distinct(values.iter().cloned().chain(others.into_iter().flatten()));
        common.push(Predicate::In { column: column.clone(), values });
    }
    (!common.is_empty()).then_some(common)
}

fn either(branches: Vec<Vec<Predicate>>) -> Predicate {
    let all_of = |mut all: Vec<Predicate>| if all.len() == 1 { all.swap_remove(0) } else { Predicate::And(all) };
    Predicate::Or(branches.into_iter().map(all_of).collect())
}

fn distinct(values: impl Iterator<Item = ScalarValue>) -> Vec<ScalarValue> {
    let mut seen = HashSet::new();
    values.filter(|value| seen.insert(value.clone())).collect()
}

fn limited(predicate: Predicate) -> Option<Predicate> {
    match predicate {
        Predicate::In { column, values } if values.len() > MAX_VALUES => {
            let mut low = values.first()?.clone();
            let mut high = low.clone();
            for value in values {
                if value.partial_cmp(&low)?.is_lt() {
                    low = value;
                } else if value.partial_cmp(&high)?.is_gt() {
                    high = value;
                }
            }
            Some(Predicate::Between { column, low, high })
        }
        Predicate::Or(any) => any.into_iter().map(limited).collect::<Option<_>>().map(Predicate::Or),
        Predicate::And(all) => Some(Predicate::And(all.into_iter().filter_map(limited).collect())),
        other => Some(other),
    }
}

/// What is true of every row for which `expr` is.
fn superset(expr: &Arc<dyn PhysicalExpr>, columns: &[Column]) -> Late {
    if let Some(literal) = expr.downcast_ref::<Literal>() {
        return match literal.value() {
            ScalarValue::Boolean(Some(true)) => Late::UNKNOWN,
            ScalarValue::Boolean(_) => Late::Nothing,
            _ => Late::UNKNOWN,
        };
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let side = |side| superset(side, columns);
        return match binary.op() {
            Operator::And => side(binary.left()).and(side(binary.right())),
            Operator::Or => Late::any([side(binary.left()), side(binary.right())]),
            op => compare_op(*op).map_or(Late::UNKNOWN, |op| compared(binary, op, columns)),
        };
    }
    if let Some(case) = expr.downcast_ref::<CaseExpr>() {
        // Whichever branch a row takes.
        let branches = case.when_then_expr().iter().map(|(_, then)| then).chain(case.else_expr());
        return Late::any(branches.map(|branch| superset(branch, columns)));
    }
    if let Some(list) = expr.downcast_ref::<InListExpr>().filter(|list| !list.negated()) {
        return listed(list, columns);
    }
    if let Some(is_null) = expr.downcast_ref::<IsNullExpr>() {
        return Late::one(
            Operand::new(is_null.arg(), columns).map(|column| Predicate::IsNull { column: column.path() }),
        );
    }
    Late::UNKNOWN
}

fn compared(binary: &BinaryExpr, op: CompareOp, columns: &[Column]) -> Late {
    let (left, right) = (binary.left(), binary.right());
    let (column, op, value) = match (Operand::new(left, columns), Operand::new(right, columns)) {
        (Some(column), None) => (column, op, right),
        (None, Some(column)) => (column, op.flipped(), left),
        _ => return Late::UNKNOWN,
    };
    let Some(value) = value.downcast_ref::<Literal>() else { return Late::UNKNOWN };
    match column.place(value.value()) {
        Some(Place::Here(value)) => Late::one(Some(Predicate::Compare { column: column.path(), op, value })),
        // Beyond what the column can hold: all of its values lie on one side.
        Some(Place::Beyond { above }) => match op {
            CompareOp::Eq => Late::Nothing,
            CompareOp::Lt | CompareOp::LtEq if !above => Late::Nothing,
            CompareOp::Gt | CompareOp::GtEq if above => Late::Nothing,
            _ => Late::UNKNOWN,
        },
        None if value.value().is_null() => Late::Nothing,
        None => Late::UNKNOWN,
    }
}

fn listed(list: &InListExpr, columns: &[Column]) -> Late {
    let values = list.list().iter().map(|value| value.downcast_ref::<Literal>().map(Literal::value));
    let Some(values) = values.collect::<Option<Vec<_>>>() else { return Late::UNKNOWN };
    if let Some(column) = Operand::new(list.expr(), columns) {
        return column.among(values.into_iter().cloned());
    }
    // Several keys: each of them is among its own values.
    let keys = list.expr().downcast_ref::<ScalarFunctionExpr>().filter(|function| function.name() == "struct");
    let Some(keys) = keys else { return Late::UNKNOWN };
    let each = keys.args().iter().enumerate().map(|(position, key)| {
        let values = values.iter().map(|value| match value {
            ScalarValue::Struct(row) => ScalarValue::try_from_array(row.columns().get(position)?, 0).ok(),
            _ => None,
        });
        match (Operand::new(key, columns), values.collect::<Option<Vec<_>>>()) {
            (Some(column), Some(values)) => column.among(values.into_iter()),
            _ => Late::UNKNOWN,
        }
    });
    each.fold(Late::UNKNOWN, Late::and)
}

/// The position of the column that an expression is, bare or under casts: joining keys of two widths makes such casts. Whether
/// a cast may be looked through is decided where its value is used.
#[must_use]
pub fn plain_column(expr: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    match expr.downcast_ref::<CastExpr>() {
        Some(cast) => plain_column(cast.expr()),
        None => expr.downcast_ref::<PhysicalColumn>().map(PhysicalColumn::index),
    }
}

/// A column in a comparison.
struct Operand<'a> {
    name: &'a str,
    data_type: &'a DataType,
}

/// Where a constant lies, seen from a column's type.
enum Place {
    Here(ScalarValue),
    Beyond { above: bool },
}

impl<'a> Operand<'a> {
    fn new(expr: &Arc<dyn PhysicalExpr>, columns: &'a [Column]) -> Option<Self> {
        let column = columns.get(plain_column(expr)?)?;
        let operand = Self { name: column.name(), data_type: column.field.data_type() };
        let mut outer = expr;
        while let Some(cast) = outer.downcast_ref::<CastExpr>() {
            operand.survives(cast.cast_type()).then_some(())?;
            outer = cast.expr();
        }
        Some(operand)
    }

    /// Is every value of the column the same value in that type?
    fn survives(&self, data_type: &DataType) -> bool {
        let holds =
            digits(self.data_type).zip(digits(data_type)).is_some_and(|((needed, _), (_, held))| needed <= held);
        holds || self.data_type == data_type || (is_text(self.data_type) && is_text(data_type))
    }

    fn path(&self) -> ColumnPath {
        ColumnPath::column(self.name)
    }

    fn place(&self, value: &ScalarValue) -> Option<Place> {
        if let Some(value) = typed_constant(value, self.data_type) {
            return Some(Place::Here(value));
        }
        let number = whole(value)?;
        digits(self.data_type)?;
        match ScalarValue::Decimal128(Some(number), 38, 0).cast_to(self.data_type) {
            Ok(value) if whole(&value) == Some(number) => Some(Place::Here(value)),
            _ => Some(Place::Beyond { above: number > 0 }),
        }
    }

    /// NULL equals nothing, nor does what the column can't hold.
    fn among(&self, values: impl Iterator<Item = ScalarValue>) -> Late {
        let mut found = Vec::new();
        for value in values.filter(|value| !value.is_null()) {
            match self.place(&value) {
                Some(Place::Here(value)) => found.push(value),
                Some(Place::Beyond { .. }) => {}
                None => return Late::UNKNOWN,
            }
        }
        let values = distinct(found.into_iter());
        if values.is_empty() { Late::Nothing } else { Late::one(Some(Predicate::In { column: self.path(), values })) }
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Of a type of whole numbers: the most digits that a value of it has, and how many digits it can hold whatever they are.
fn digits(data_type: &DataType) -> Option<(u8, u8)> {
    Some(match data_type {
        DataType::Int8 => (3, 2),
        DataType::Int16 => (5, 4),
        DataType::Int32 => (10, 9),
        DataType::Int64 => (19, 18),
        DataType::Decimal128(precision, 0) => (*precision, *precision),
        _ => return None,
    })
}

fn whole(value: &ScalarValue) -> Option<i128> {
    Some(match value {
        ScalarValue::Int8(Some(number)) => (*number).into(),
        ScalarValue::Int16(Some(number)) => (*number).into(),
        ScalarValue::Int32(Some(number)) => (*number).into(),
        ScalarValue::Int64(Some(number)) => (*number).into(),
        ScalarValue::Decimal128(Some(number), _, 0) => *number,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
