//! Partial aggregation: each shard gives DataFusion's own partial states, which its final stage then merges.
//!
//! COUNT, SUM, MIN and MAX are what they are; AVG is (count, sum); variance is (count, mean, m2), the mean divided here from the
//! exact sum, because MySQL rounds an AVG, and m2 = VAR_POP x COUNT. Keys may be finer than asked for: the final stage merges. Whatever groups or compares otherwise
//! here than there is declined: floating-point keys (two zeros), columns without comparison, dates that may be zero.

use super::moment::{Pattern, Unit};
use super::{Bind, Fragment, Origin, Origins, bytes_of};
use crate::kind::{Compare, Kind, SourceType};
use crate::output::{Computation, Output, OutputSource};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{DataType, Field};
use naru_connector::{AggregateCall, AggregateFunction, Aggregation, ColumnPath, KeyExpr, KeyFunction};

/// Letters of DATE_FORMAT that mean the same everywhere: numbers only, no names and no weeks.
const FORMAT_LETTERS: &str = "YymdHisSTfj%";

/// The columns of a statement that computes partial states, keys first; `None` when any of it would not be the same.
pub(crate) fn outputs(aggregation: &Aggregation, origins: &Origins) -> Option<Vec<Output>> {
    let mut fields = aggregation.schema.fields().iter();
    let mut outputs = Vec::new();
    for key in &aggregation.keys {
        outputs.push(output(fields.next()?, key_expression(key, origins)?)?);
    }
    for call in &aggregation.calls {
        for state in states(call, origins)? {
            outputs.push(output(fields.next()?, state)?);
        }
    }
    fields.next().is_none().then_some(outputs)
}

/// An expression and the Arrow types that it may be read as.
struct Typed {
    made: Made,
    fits: fn(&DataType, &SourceType) -> bool,
    source: SourceType,
}

/// What a state or key is at the source.
enum Made {
    Expression(Fragment),
    Computed(Vec<Fragment>, Computation),
}

impl Made {
    fn text(text: impl Into<String>) -> Self {
        Self::Expression(Fragment::text(text))
    }

    fn computed<const N: usize>(by: Computation, parts: [String; N]) -> Self {
        Self::Computed(parts.map(Fragment::text).into(), by)
    }
}

fn output(field: &Field, typed: Typed) -> Option<Output> {
    let kind = Kind::of(field.data_type()).filter(|_| (typed.fits)(field.data_type(), &typed.source))?;
    let source = match typed.made {
        Made::Expression(fragment) => OutputSource::Expression { fragment, kind },
        Made::Computed(parts, by) => OutputSource::Computed { parts, by, kind },
    };
    Some(Output { name: field.name().clone(), nullable: field.is_nullable(), source })
}

fn same_type(data_type: &DataType, source: &SourceType) -> bool {
    *data_type == source.kind.data_type()
}

/// The physical column that a path names.
fn column<'a>(path: &ColumnPath, origins: &'a Origins) -> Option<(&'a str, SourceType)> {
    let [name] = path.0.as_slice() else { return None };
    match origins.get(name)? {
        Origin::Column { quoted, source, .. } if !origins.hides_zero_dates(source) => Some((quoted, *source)),
        _ => None,
    }
}

fn key_expression(key: &KeyExpr, origins: &Origins) -> Option<Typed> {
    match key {
        KeyExpr::Column(path) => {
            let (quoted, source) = column(path, origins)?;
            let text = match source.compare {
                Compare::Native | Compare::Year => quoted.to_owned(),
                Compare::Text => bytes_of(quoted),
                Compare::Float | Compare::Never => return None,
            };
            // Bits group as bytes in a temporary table of some versions: as a number they don't.
            let text = if source.kind == Kind::Boolean { format!("({text} + 0)") } else { text };
            Some(Typed { made: Made::text(text), fits: same_type, source })
        }
        KeyExpr::Function { function, column: path, zone } => {
            let (quoted, source) = column(path, origins)?;
            function_of(function, quoted, source, *zone)
        }
    }
}

/// A function of a date. DATETIME has no zone, so any will do; TIMESTAMP is computed in UTC, the session's zone.
fn function_of(function: &KeyFunction, quoted: &str, source: SourceType, zone: Tz) -> Option<Typed> {
    let zoned = source.kind == Kind::Timestamp && zone != Tz::UTC;
    if !source.kind.is_dated() || zoned {
        return None;
    }
    let timed = source.kind != Kind::Date;
    match function {
        KeyFunction::DateFormat(format) => {
            let fits = |data_type: &DataType, _: &SourceType| matches!(data_type, DataType::Utf8 | DataType::Utf8View);
            let made = match Pattern::of(format).filter(|pattern| timed || pattern.unit <= Unit::Day) {
                Some(pattern) => {
                    Made::computed(Computation::MomentText(pattern.clone()), [pattern.unit.digits(quoted)])
                }
                None => {
                    let format = Fragment::bind(Bind::Bytes(plain_format(format)?.as_bytes().to_vec()));
                    Made::Expression(Fragment::text(quoted).then(", ", format).wrapped("DATE_FORMAT(", ")"))
                }
            };
            Some(Typed { made, fits, source })
        }
        KeyFunction::DateTrunc(_) if !timed => None,
        KeyFunction::DateTrunc(name) => {
            let made = match Unit::named(name) {
                Some(unit) => Made::computed(Computation::Moment(unit), [unit.digits(quoted)]),
                None => Made::text(truncated(name, quoted)?),
            };
            Some(Typed { made, fits: same_type, source })
        }
        KeyFunction::Date if timed => {
            let made = Made::computed(Computation::Moment(Unit::Day), [Unit::Day.digits(quoted)]);
            Some(Typed { made, fits: |data_type, _| *data_type == DataType::Date32, source })
        }
        KeyFunction::Date => None,
        KeyFunction::DatePart(part) => {
            let name = part.to_ascii_uppercase();
            let of_date = ["YEAR", "QUARTER", "MONTH", "DAY"].contains(&name.as_str());
            let of_time = timed && ["HOUR", "MINUTE"].contains(&name.as_str());
            let fits = |data_type: &DataType, _: &SourceType| matches!(data_type, DataType::Int32 | DataType::Int64);
            let made = Made::text(format!("{name}({quoted})"));
            (of_date || of_time).then_some(Typed { made, fits, source })
        }
    }
}

/// A format of letters that depend on no language.
fn plain_format(format: &str) -> Option<&str> {
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter == '%' && !letters.next().is_some_and(|letter| FORMAT_LETTERS.contains(letter)) {
            return None;
        }
    }
    Some(format)
}

/// The first moment of a week or quarter.
fn truncated(unit: &str, column: &str) -> Option<String> {
    let start = match unit.to_ascii_lowercase().as_str() {
        "week" => format!("DATE({column}) - INTERVAL WEEKDAY({column}) DAY"),
        "quarter" => format!("MAKEDATE(YEAR({column}), 1) + INTERVAL QUARTER({column}) - 1 QUARTER"),
        _ => return None,
    };
    Some(format!("CAST({start} AS DATETIME)"))
}

/// The state columns of one aggregate.
fn states(call: &AggregateCall, origins: &Origins) -> Option<Vec<Typed>> {
    let count_type = |data_type: &DataType, _: &SourceType| matches!(data_type, DataType::Int64 | DataType::UInt64);
    let float_type = |data_type: &DataType, _: &SourceType| *data_type == DataType::Float64;
    let Some(path) = &call.argument else {
        let source = SourceType { kind: Kind::Int64, compare: Compare::Native, as_text: false };
        let made = Made::text("COUNT(*)");
        return (call.function == AggregateFunction::Count).then(|| vec![Typed { made, fits: count_type, source }]);
    };
    let (quoted, source) = column(path, origins)?;
    let typed = |text: String, fits| Typed { made: Made::text(text), fits, source };
    let (count, sum) = (format!("COUNT({quoted})"), format!("SUM({quoted})"));
    Some(match call.function {
        AggregateFunction::Count => vec![typed(count, count_type)],
        AggregateFunction::Sum => vec![typed(sum, sum_type(call, &source)?)],
        AggregateFunction::Min | AggregateFunction::Max if call.cast.is_none() => {
            let name = if call.function == AggregateFunction::Min { "MIN" } else { "MAX" };
            let argument = match source.compare {
                _ if source.kind == Kind::Boolean => return None,
                Compare::Native | Compare::Float | Compare::Year => quoted.to_owned(),
                Compare::Text => bytes_of(quoted),
                Compare::Never => return None,
            };
            vec![typed(format!("{name}({argument})"), same_type)]
        }
        AggregateFunction::Min | AggregateFunction::Max => return None,
        // A group without a value has NULL for its count, as the engine's own states do: it divides where there is a count.
        AggregateFunction::Avg => {
            let made = Made::computed(Computation::CountOrNull, [count]);
            vec![Typed { made, fits: count_type, source }, typed(sum, sum_type(call, &source)?)]
        }
        AggregateFunction::Variance => {
            let as_float = call.cast == Some(DataType::Float64) || source.kind == Kind::Float64;
            if !as_float || !is_number(source.kind) {
                return None;
            }
            let mean = Made::computed(Computation::Mean, [sum, count.clone()]);
            let variance = format!("VAR_POP({quoted} + 0e0)");
            let squares = Made::computed(Computation::SquaredDeviations, [variance, count.clone()]);
            let float = |made| Typed { made, fits: float_type, source };
            vec![typed(count, count_type), float(mean), float(squares)]
        }
    })
}

/// What a sum may be read as: itself, or a floating-point number when the query sums one. A 64-bit sum that does not fit is
/// an error when it is read.
fn sum_type(call: &AggregateCall, source: &SourceType) -> Option<fn(&DataType, &SourceType) -> bool> {
    let whole = matches!(source.kind, Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64);
    match &call.cast {
        Some(DataType::Float64) if is_number(source.kind) => Some(|data_type, _| *data_type == DataType::Float64),
        Some(DataType::Int64) | None if whole => Some(|data_type, _| *data_type == DataType::Int64),
        None if source.kind == Kind::Float64 => Some(|data_type, _| *data_type == DataType::Float64),
        None => match source.kind {
            Kind::Decimal128(..) | Kind::Decimal256(..) => Some(same_scale),
            _ => None,
        },
        Some(_) => None,
    }
}

fn same_scale(data_type: &DataType, source: &SourceType) -> bool {
    let scale = |data_type: &DataType| match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some(*scale),
        _ => None,
    };
    let wanted = scale(data_type);
    wanted.is_some() && wanted == scale(&source.kind.data_type())
}

fn is_number(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Int8
            | Kind::Int16
            | Kind::Int32
            | Kind::Int64
            | Kind::Float32
            | Kind::Float64
            | Kind::Decimal128(..)
            | Kind::Decimal256(..)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_formats_of_plain_numbers_are_sent() {
        for format in ["%Y-%m-%d %H:%i", "100%%", "no letters", "%Y년"] {
            assert_eq!(plain_format(format), Some(format));
        }
        for format in ["%M", "%W", "%v", "%", "%Y%"] {
            assert_eq!(plain_format(format), None, "{format}");
        }
    }

    #[test]
    fn units_without_one_meaning_are_not_sent() {
        assert!(truncated("Week", "`c`").is_some());
        assert_eq!(truncated("decade", "`c`"), None);
        assert_eq!(truncated("month') OR 1 -- ", "`c`"), None);
    }
}
