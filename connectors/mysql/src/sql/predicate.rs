//! Predicates as conditions of a statement, and how far the server's answer is ours.
//!
//! | column | `=` `IN` | `<` `>` BETWEEN | IS NULL | prefix LIKE |
//! | --- | --- | --- | --- | --- |
//! | integers, DECIMAL, BIT(1), YEAR, dates and times, binary | exact | exact | exact | - |
//! | FLOAT, DOUBLE | exact but for zero, NaN and infinity, which are not pushed | likewise | exact | - |
//! | text of any character set and collation, ENUM, SET | exact, by index and bytes | exact, by bytes | exact | exact, by bytes |
//! | JSON, UUID, geometry, BIT(n) | - | - | exact | - |
//! | dates when zero dates are NULL | superset | superset | - | - |
//!
//! Equality of text: the collation's own `=` finds a superset, by an index if there is one; the bytes then cut it. AND, OR
//! and NOT keep three-valued meaning; NOT of a superset is never pushed.

use super::{Bind, Fragment, Origin, Origins, bytes_of};
use crate::kind::{Compare, Kind, SourceType};
use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use datafusion::arrow::datatypes::{Decimal128Type, Decimal256Type, DecimalType};
use datafusion::scalar::ScalarValue;
use naru_connector::{CompareOp, Predicate, Support};

/// Values of one IN list at most: a statement takes 65,535 values, and text takes each twice.
const MAX_VALUES: usize = 16_000;

/// A predicate as a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Compiled {
    pub(crate) condition: Fragment,
    /// The server chooses exactly our rows; else a superset.
    pub(crate) exact: bool,
}

/// How far the server vouches for a predicate.
pub(crate) fn support(predicate: &Predicate, origins: &Origins) -> Support {
    match compile(predicate, origins) {
        Some(Compiled { exact: true, .. }) => Support::Exact,
        Some(_) => Support::Inexact,
        None => Support::Unsupported,
    }
}

/// The condition, or `None` when it can't be one.
pub(crate) fn compile(predicate: &Predicate, origins: &Origins) -> Option<Compiled> {
    let exact = |condition| Some(Compiled { condition, exact: true });
    match predicate {
        Predicate::And(all) => junction(all, " AND ", origins),
        Predicate::Or(any) => junction(any, " OR ", origins),
        Predicate::Not(inner) => {
            let inner = compile(inner, origins).filter(|inner| inner.exact)?;
            exact(inner.condition.wrapped("NOT (", ")"))
        }
        Predicate::IsNull { column } => match origins.get(column.root())? {
            Origin::Column { quoted, source, .. } if !origins.hides_zero_dates(source) => {
                exact(Fragment::text(format!("{quoted} IS NULL")))
            }
            _ => None,
        },
        Predicate::Compare { column, op, value } => {
            leaf(origins.get(column.root())?, origins, |side| side.compared(*op, value))
        }
        Predicate::In { column, values } if values.len() <= MAX_VALUES => {
            leaf(origins.get(column.root())?, origins, |side| side.listed(values))
        }
        Predicate::In { .. } => None,
        Predicate::Between { column, low, high } => {
            leaf(origins.get(column.root())?, origins, |side| side.between(low, high))
        }
        Predicate::Prefix { column, prefix } => {
            leaf(origins.get(column.root())?, origins, |side| side.starts_with(prefix))
        }
    }
}

fn junction(all: &[Predicate], word: &str, origins: &Origins) -> Option<Compiled> {
    let parts = all.iter().map(|part| compile(part, origins)).collect::<Option<Vec<_>>>()?;
    let exact = parts.iter().all(|part| part.exact);
    let condition = Fragment::joined(parts.into_iter().map(|part| part.condition), word).wrapped("(", ")");
    Some(Compiled { condition, exact })
}

fn leaf(origin: &Origin, origins: &Origins, make: impl FnOnce(&Side) -> Option<Fragment>) -> Option<Compiled> {
    let side = Side::new(origin)?;
    let exact = !matches!(origin, Origin::Column { source, .. } if origins.hides_zero_dates(source));
    make(&side).map(|condition| Compiled { condition, exact })
}

/// The column's side of a comparison.
struct Side {
    /// What is compared: the column, or its bytes.
    expression: Fragment,
    /// For text: the column itself, compared by its collation.
    by_collation: Option<String>,
    source: SourceType,
}

impl Side {
    fn new(origin: &Origin) -> Option<Self> {
        let Origin::Column { quoted, source, .. } = origin else {
            let source = SourceType { kind: Kind::Int32, compare: Compare::Native, as_text: false };
            return Some(Self { expression: Fragment::bind(Bind::Shard), by_collation: None, source });
        };
        let (text, by_collation) = match source.compare {
            Compare::Native | Compare::Float => (quoted.clone(), None),
            Compare::Year => (format!("({quoted} + 0)"), None),
            Compare::Text => (bytes_of(quoted), Some(quoted.clone())),
            Compare::Never => return None,
        };
        Some(Self { expression: Fragment::text(text), by_collation, source: *source })
    }

    fn compared(&self, op: CompareOp, value: &ScalarValue) -> Option<Fragment> {
        let value = self.value(value)?;
        let compared = self.expression.clone().then(&format!(" {} ", op.sql()), value.clone());
        Some(match &self.by_collation {
            Some(column) if op == CompareOp::Eq => {
                Fragment::text(column).then(" = ", value).then(" AND ", compared).wrapped("(", ")")
            }
            _ => compared,
        })
    }

    fn listed(&self, values: &[ScalarValue]) -> Option<Fragment> {
        let values = values.iter().map(|value| self.value(value)).collect::<Option<Vec<_>>>()?;
        let list = Fragment::joined(values, ", ").wrapped("(", ")");
        let listed = self.expression.clone().then(" IN ", list.clone());
        Some(match &self.by_collation {
            Some(column) => Fragment::text(column).then(" IN ", list).then(" AND ", listed).wrapped("(", ")"),
            None => listed,
        })
    }

    /// Two comparisons: MySQL's own BETWEEN takes unsigned numbers beyond the signed ones for negative (5.5.9).
    fn between(&self, low: &ScalarValue, high: &ScalarValue) -> Option<Fragment> {
        let (low, high) = (self.value(low)?, self.value(high)?);
        let at_least = self.expression.clone().then(" >= ", low);
        Some(at_least.then(" AND ", self.expression.clone().then(" <= ", high)).wrapped("(", ")"))
    }

    /// Not by LIKE: nothing in the prefix has a meaning of its own, and LEFT of bytes counts bytes.
    fn starts_with(&self, prefix: &str) -> Option<Fragment> {
        if self.source.compare != Compare::Text {
            return None;
        }
        let length = Fragment::bind(Bind::UInt(u64::try_from(prefix.len()).ok()?));
        let head = self.expression.clone().then(", ", length).wrapped("LEFT(", ")");
        Some(head.then(" = ", Fragment::bind(Bind::Bytes(prefix.as_bytes().to_vec()))))
    }

    /// A constant of the column's own type, bound so that the server compares it as that type.
    fn value(&self, value: &ScalarValue) -> Option<Fragment> {
        let integer = |number: i64| Some(Fragment::bind(Bind::Int(number)));
        match value {
            ScalarValue::Int8(Some(number)) => integer((*number).into()),
            ScalarValue::Int16(Some(number)) => integer((*number).into()),
            ScalarValue::Int32(Some(number)) => integer((*number).into()),
            ScalarValue::Int64(Some(number)) => integer(*number),
            ScalarValue::Boolean(Some(bit)) => integer((*bit).into()),
            ScalarValue::Decimal128(Some(number), precision, 0) => {
                match (i64::try_from(*number), u64::try_from(*number)) {
                    (Ok(number), _) => integer(number),
                    (_, Ok(number)) => Some(Fragment::bind(Bind::UInt(number))),
                    _ => Some(decimal(&Decimal128Type::format_decimal(*number, *precision, 0), *precision, 0)),
                }
            }
            ScalarValue::Decimal128(Some(number), precision, scale) => {
                Some(decimal(&Decimal128Type::format_decimal(*number, *precision, *scale), *precision, *scale))
            }
            ScalarValue::Decimal256(Some(number), precision, scale) => {
                Some(decimal(&Decimal256Type::format_decimal(*number, *precision, *scale), *precision, *scale))
            }
            ScalarValue::Float32(Some(number)) => float((*number).into()),
            ScalarValue::Float64(Some(number)) => float(*number),
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
                Some(Fragment::bind(Bind::Bytes(text.as_bytes().to_vec())))
            }
            ScalarValue::Binary(Some(bytes)) => Some(Fragment::bind(Bind::Bytes(bytes.clone()))),
            ScalarValue::Date32(Some(days)) => date(NaiveDate::from_epoch_days(*days)?, 0),
            ScalarValue::TimestampMicrosecond(Some(micros), _) => {
                let moment = DateTime::from_timestamp_micros(*micros)?.naive_utc();
                let of_day = moment.time().num_seconds_from_midnight();
                date(moment.date(), u64::from(of_day) * 1_000_000 + u64::from(moment.time().nanosecond() / 1000))
            }
            ScalarValue::Time64Microsecond(Some(micros)) => {
                let (hour, minute, second, micros) = clock(u64::try_from(*micros).ok()?)?;
                Some(Fragment::bind(Bind::Time(hour, minute, second, micros)))
            }
            _ => None,
        }
    }
}

/// A decimal must say so: MySQL compares a bare text with a number as floating point.
fn decimal(text: &str, precision: u8, scale: i8) -> Fragment {
    Fragment::bind(Bind::Bytes(text.as_bytes().to_vec()))
        .wrapped("CAST(", &format!(" AS DECIMAL({precision},{scale}))"))
}

/// The two zeros are equal there and differ here; NaN and infinity don't exist there.
fn float(number: f64) -> Option<Fragment> {
    (number.is_finite() && number != 0.0).then(|| Fragment::bind(Bind::Double(number.to_bits())))
}

/// Only years that MySQL has.
fn date(date: NaiveDate, micros_of_day: u64) -> Option<Fragment> {
    let year = u16::try_from(date.year()).ok().filter(|year| (1..=9999).contains(year))?;
    let (month, day) = (u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?);
    let (hour, minute, second, micros) = clock(micros_of_day)?;
    Some(Fragment::bind(Bind::Date(year, month, day, hour, minute, second, micros)))
}

fn clock(micros: u64) -> Option<(u8, u8, u8, u32)> {
    let seconds = micros / 1_000_000;
    let part = |number: u64| u8::try_from(number).ok();
    let hour = part(seconds / 3600).filter(|&hour| hour < 24)?;
    Some((hour, part(seconds / 60 % 60)?, part(seconds % 60)?, u32::try_from(micros % 1_000_000).ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use naru_connector::ColumnPath;

    fn origins(zero_dates_are_null: bool) -> Origins {
        let column = |name: &str, kind, compare| {
            let source = SourceType { kind, compare, as_text: false };
            (name.to_owned(), Origin::Column { quoted: super::super::quoted(name), source, nullable: true })
        };
        Origins {
            columns: vec![
                column("n", Kind::Int64, Compare::Native),
                column("f", Kind::Float64, Compare::Float),
                column("s", Kind::Text, Compare::Text),
                column("j", Kind::Text, Compare::Never),
                column("d", Kind::DateTime, Compare::Native),
                ("$shard".to_owned(), Origin::Shard),
            ],
            zero_dates_are_null,
        }
    }

    fn compare(column: &str, op: CompareOp, value: ScalarValue) -> Predicate {
        Predicate::Compare { column: ColumnPath::column(column), op, value }
    }

    fn text(value: &str) -> ScalarValue {
        ScalarValue::Utf8View(Some(value.to_owned()))
    }

    #[test]
    fn equality_of_text_goes_by_index_and_by_bytes() {
        let compiled = compile(&compare("s", CompareOp::Eq, text("a' OR 1=1 -- ")), &origins(false)).unwrap();
        assert_eq!(compiled.condition.text, "(`s` = ? AND CAST(CONVERT(`s` USING utf8mb4) AS BINARY) = ?)");
        assert_eq!(compiled.condition.binds, vec![Bind::Bytes(b"a' OR 1=1 -- ".to_vec()); 2]);
        assert!(compiled.exact);
    }

    #[test]
    fn only_what_is_certain_is_exact() {
        let micros = ScalarValue::TimestampMicrosecond(Some(1), None);
        let later = compare("d", CompareOp::Gt, micros);
        let no_date = Predicate::IsNull { column: ColumnPath::column("d") };
        let cases = [
            (compare("n", CompareOp::NotEq, ScalarValue::Int64(Some(1))), Support::Exact, Support::Exact),
            (compare("f", CompareOp::Lt, ScalarValue::Float64(Some(1.5))), Support::Exact, Support::Exact),
            (compare("f", CompareOp::Lt, ScalarValue::Float64(Some(-0.0))), Support::Unsupported, Support::Unsupported),
            (
                compare("f", CompareOp::Lt, ScalarValue::Float64(Some(f64::NAN))),
                Support::Unsupported,
                Support::Unsupported,
            ),
            (compare("j", CompareOp::Eq, text("{}")), Support::Unsupported, Support::Unsupported),
            (compare("missing", CompareOp::Eq, text("x")), Support::Unsupported, Support::Unsupported),
            (later.clone(), Support::Exact, Support::Inexact),
            (Predicate::Not(Box::new(later)), Support::Exact, Support::Unsupported),
            (no_date, Support::Exact, Support::Unsupported),
        ];
        for (predicate, zero_is_error, zero_is_null) in cases {
            assert_eq!(support(&predicate, &origins(false)), zero_is_error, "{predicate}");
            assert_eq!(support(&predicate, &origins(true)), zero_is_null, "{predicate}");
        }
    }

    #[test]
    fn a_name_can_not_leave_its_quotes() {
        assert_eq!(super::super::quoted("a`; DROP TABLE t; --"), "`a``; DROP TABLE t; --`");
    }

    #[test]
    fn the_shard_column_is_a_constant_of_each_shard() {
        let compiled =
            compile(&compare("$shard", CompareOp::Gt, ScalarValue::Int32(Some(2))), &origins(false)).unwrap();
        assert_eq!((compiled.condition.text.as_str(), compiled.exact), ("? > ?", true));
        assert_eq!(compiled.condition.binds, [Bind::Shard, Bind::Int(2)]);
    }
}
