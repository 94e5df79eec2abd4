//! The one place where DataFusion expressions become [`Predicate`]s.
//!
//! Only what cannot fail and has one meaning everywhere is translated: comparisons, IN, IS NULL, BETWEEN and prefix LIKE
//! of a bare column with constants *of that column's own type*, under AND, OR, NOT. A cast around the column, a function, a
//! constant of another type: not translated, the engine keeps it. The one exception is the date of a timestamp, whose
//! comparisons are ranges of the timestamp. The policy barrier relies on this narrowness: what is translated without a cast is
//! leak-proof.

use crate::{Column, ColumnPath, CompareOp, Predicate};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Column as DfColumn;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Like, Operator};
use datafusion::scalar::ScalarValue;

/// A logical filter as a predicate, or `None` when it has to stay with the engine.
#[must_use]
pub fn predicate(expr: &Expr, columns: &[Column]) -> Option<Predicate> {
    match expr {
        Expr::BinaryExpr(binary) => binary_predicate(binary, columns),
        Expr::Not(inner) => predicate(inner, columns).map(|p| Predicate::Not(Box::new(p))),
        Expr::IsNull(inner) => bare_column(inner, columns).map(|(column, _)| Predicate::IsNull { column }),
        Expr::IsNotNull(inner) => {
            bare_column(inner, columns).map(|(column, _)| Predicate::Not(Box::new(Predicate::IsNull { column })))
        }
        Expr::Between(between) => between_predicate(between, columns),
        Expr::InList(list) => in_predicate(list, columns),
        Expr::Like(like) => like_predicate(like, columns),
        // A bare boolean column is its own condition.
        Expr::Column(_) => {
            let (column, data_type) = bare_column(expr, columns)?;
            (data_type == DataType::Boolean).then(|| Predicate::Compare {
                column,
                op: CompareOp::Eq,
                value: ScalarValue::Boolean(Some(true)),
            })
        }
        _ => None,
    }
}

fn binary_predicate(binary: &BinaryExpr, columns: &[Column]) -> Option<Predicate> {
    match binary.op {
        Operator::And => {
            Some(Predicate::And(vec![predicate(&binary.left, columns)?, predicate(&binary.right, columns)?]))
        }
        Operator::Or => {
            Some(Predicate::Or(vec![predicate(&binary.left, columns)?, predicate(&binary.right, columns)?]))
        }
        op => {
            let op = compare_op(op)?;
            compare(&binary.left, op, &binary.right, columns)
                .or_else(|| compare(&binary.right, op.flipped(), &binary.left, columns))
        }
    }
}

fn compare(column: &Expr, op: CompareOp, value: &Expr, columns: &[Column]) -> Option<Predicate> {
    if let Expr::Cast(Cast { expr, field }) = column
        && field.data_type() == &DataType::Date32
    {
        return compare_date(expr, op, value, columns);
    }
    let (column, data_type) = bare_column(column, columns)?;
    let value = constant(value, &data_type)?;
    Some(Predicate::Compare { column, op, value })
}

/// A comparison of a timestamp's date, which no value makes fail. With a zone only that of UTC: there the clock shows what is
/// stored.
fn compare_date(timestamp: &Expr, op: CompareOp, date: &Expr, columns: &[Column]) -> Option<Predicate> {
    let (column, data_type) = bare_column(timestamp, columns)?;
    let Expr::Literal(ScalarValue::Date32(Some(date)), _) = date else { return None };
    let (unit, zone) = match &data_type {
        DataType::Timestamp(unit, zone) => (*unit, zone.clone()),
        _ => return None,
    };
    zone.as_deref().is_none_or(|zone| matches!(zone, "UTC" | "+00:00")).then_some(())?;
    let (per_second, timestamp): (i64, fn(_, _) -> _) = match unit {
        TimeUnit::Second => (1, ScalarValue::TimestampSecond),
        TimeUnit::Millisecond => (1_000, ScalarValue::TimestampMillisecond),
        TimeUnit::Microsecond => (1_000_000, ScalarValue::TimestampMicrosecond),
        TimeUnit::Nanosecond => (1_000_000_000, ScalarValue::TimestampNanosecond),
    };
    let compared = |op, days: i64| {
        let start = days.checked_mul(86_400 * per_second)?;
        let value = timestamp(Some(start), zone.clone());
        Some(Predicate::Compare { column: column.clone(), op, value })
    };
    let (day, next) = (i64::from(*date), i64::from(*date) + 1);
    match op {
        CompareOp::Eq => Some(Predicate::And(vec![compared(CompareOp::GtEq, day)?, compared(CompareOp::Lt, next)?])),
        CompareOp::NotEq => Some(Predicate::Or(vec![compared(CompareOp::Lt, day)?, compared(CompareOp::GtEq, next)?])),
        CompareOp::Lt | CompareOp::GtEq => compared(op, day),
        CompareOp::LtEq => compared(CompareOp::Lt, next),
        CompareOp::Gt => compared(CompareOp::GtEq, next),
    }
}

fn between_predicate(between: &Between, columns: &[Column]) -> Option<Predicate> {
    let (column, data_type) = bare_column(&between.expr, columns)?;
    let low = constant(&between.low, &data_type)?;
    let high = constant(&between.high, &data_type)?;
    Some(negate_if(between.negated, Predicate::Between { column, low, high }))
}

fn in_predicate(list: &InList, columns: &[Column]) -> Option<Predicate> {
    let (column, data_type) = bare_column(&list.expr, columns)?;
    let values = list.list.iter().map(|value| constant(value, &data_type)).collect::<Option<Vec<_>>>()?;
    (!values.is_empty()).then(|| negate_if(list.negated, Predicate::In { column, values }))
}

fn like_predicate(like: &Like, columns: &[Column]) -> Option<Predicate> {
    if like.case_insensitive || like.escape_char.is_some_and(|c| c != '\\') {
        return None;
    }
    let (column, data_type) = bare_column(&like.expr, columns)?;
    if !matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
        return None;
    }
    let Expr::Literal(pattern, _) = like.pattern.as_ref() else { return None };
    let prefix = like_prefix(pattern.try_as_str()??)?;
    Some(negate_if(like.negated, Predicate::Prefix { column, prefix }))
}

/// The unescaped prefix of a pattern that is a prefix and a single trailing `%`, nothing else.
fn like_prefix(pattern: &str) -> Option<String> {
    let mut prefix = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => return (chars.next().is_none() && !prefix.is_empty()).then_some(prefix),
            '_' => return None,
            '\\' => prefix.push(chars.next()?),
            other => prefix.push(other),
        }
    }
    None
}

fn negate_if(negated: bool, predicate: Predicate) -> Predicate {
    if negated { Predicate::Not(Box::new(predicate)) } else { predicate }
}

pub(crate) fn compare_op(op: Operator) -> Option<CompareOp> {
    Some(match op {
        Operator::Eq => CompareOp::Eq,
        Operator::NotEq => CompareOp::NotEq,
        Operator::Lt => CompareOp::Lt,
        Operator::LtEq => CompareOp::LtEq,
        Operator::Gt => CompareOp::Gt,
        Operator::GtEq => CompareOp::GtEq,
        _ => return None,
    })
}

fn bare_column(expr: &Expr, columns: &[Column]) -> Option<(ColumnPath, DataType)> {
    let Expr::Column(DfColumn { name, .. }) = expr else { return None };
    column_type(name, columns)
}

fn column_type(name: &str, columns: &[Column]) -> Option<(ColumnPath, DataType)> {
    let column = columns.iter().find(|column| column.name() == name)?;
    Some((ColumnPath::column(name), column.field.data_type().clone()))
}

fn constant(expr: &Expr, data_type: &DataType) -> Option<ScalarValue> {
    let Expr::Literal(value, _) = expr else { return None };
    typed_constant(value, data_type)
}

/// A value of exactly the column's type; text types and dictionary encodings of one another count as the same.
pub(crate) fn typed_constant(value: &ScalarValue, data_type: &DataType) -> Option<ScalarValue> {
    if value.is_null() {
        return None;
    }
    if &value.data_type() == data_type {
        return Some(value.clone());
    }
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let plain = match data_type {
        DataType::Dictionary(_, inner) => inner.as_ref(),
        other => other,
    };
    let value = match value {
        ScalarValue::Dictionary(_, inner) => inner.as_ref(),
        other => other,
    };
    if &value.data_type() == plain || (text(plain) && text(&value.data_type())) {
        return value.cast_to(plain).ok();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{col, lit};

    fn columns() -> Vec<Column> {
        vec![Column::new("n", DataType::Int64, false), Column::new("s", DataType::Utf8View, true)]
    }

    #[test]
    fn comparisons_of_a_bare_column_with_its_own_type_translate() {
        let translated = predicate(&lit(5_i64).lt(col("n")), &columns()).map(|p| p.to_string());
        assert_eq!(translated.as_deref(), Some("n > 5"));
    }

    #[test]
    fn a_constant_of_another_type_a_cast_or_a_function_stays_with_the_engine() {
        let columns = columns();
        assert_eq!(predicate(&col("n").eq(lit(5_i32)), &columns), None);
        assert_eq!(predicate(&datafusion::prelude::cast(col("n"), DataType::Int32).eq(lit(5_i32)), &columns), None);
        assert_eq!(predicate(&(lit(10_i64) / col("n")).gt(lit(0_i64)), &columns), None);
    }

    #[test]
    fn the_date_of_a_timestamp_is_a_range() {
        let zoned = |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        let columns = ["at", "utc", "seoul"].into_iter().zip([None, Some("+00:00"), Some("Asia/Seoul")]);
        let columns: Vec<_> = columns.map(|(name, zone)| Column::new(name, zoned(zone), true)).collect();
        let date = |column: &str| Expr::Cast(Cast::new(Box::new(col(column)), DataType::Date32));
        let day = || lit(ScalarValue::Date32(Some(-1)));
        let translated = |expr: &Expr| predicate(expr, &columns).map(|p| p.to_string());
        for (expr, expected) in [
            (date("at").eq(day()), "(at >= '1969-12-31T00:00:00' AND at < '1970-01-01T00:00:00')"),
            (day().eq(date("utc")), "(utc >= '1969-12-31T00:00:00Z' AND utc < '1970-01-01T00:00:00Z')"),
            (date("at").not_eq(day()), "(at < '1969-12-31T00:00:00' OR at >= '1970-01-01T00:00:00')"),
            (date("at").lt(day()), "at < '1969-12-31T00:00:00'"),
            (date("at").lt_eq(day()), "at < '1970-01-01T00:00:00'"),
            (date("at").gt(day()), "at >= '1970-01-01T00:00:00'"),
            (day().lt_eq(date("at")), "at >= '1969-12-31T00:00:00'"),
        ] {
            assert_eq!(translated(&expr).as_deref(), Some(expected), "{expr}");
        }
        let far = lit(ScalarValue::Date32(Some(i32::MAX)));
        for expr in [date("seoul").eq(day()), date("at").eq(far), date("at").eq(lit(1_i64))] {
            assert_eq!(translated(&expr), None, "{expr}");
        }
    }

    #[test]
    fn a_conjunct_that_does_not_translate_spoils_the_whole_or_but_not_its_siblings() {
        let columns = columns();
        let good = col("n").eq(lit(5_i64));
        let bad = (lit(10_i64) / col("n")).gt(lit(0_i64));
        assert!(predicate(&good, &columns).is_some());
        assert_eq!(predicate(&good.or(bad), &columns), None);
    }

    #[test]
    fn null_never_becomes_a_value() {
        assert_eq!(predicate(&col("n").eq(lit(ScalarValue::Int64(None))), &columns()), None);
    }

    #[test]
    fn only_prefix_patterns_are_prefixes() {
        assert_eq!(like_prefix("abc%").as_deref(), Some("abc"));
        assert_eq!(like_prefix("a\\%b%").as_deref(), Some("a%b"));
        for pattern in ["abc", "%abc", "a_c%", "a%b%", "%", "abc\\"] {
            assert_eq!(like_prefix(pattern), None, "{pattern}");
        }
    }
}
