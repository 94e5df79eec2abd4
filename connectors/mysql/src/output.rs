//! What a scan gives and what its statement selects for it: an expression that several outputs are made of is asked for once.

use crate::decode::{ZERO_DATE, refused};
use crate::kind::Kind;
use crate::sql::moment::{self, Pattern, Unit};
use crate::sql::{Fragment, Origin};
use chrono::NaiveDateTime;
use datafusion::arrow::array::{
    ArrayRef, AsArray, Date32Array, Float64Array, Int32Array, PrimitiveArray, StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::{cast, not, nullif};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use naru_connector::{ConnectorError, Result};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One column of a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) nullable: bool,
    pub(crate) source: OutputSource,
}

/// Where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OutputSource {
    /// The shard's number: known here, never asked for.
    Shard,
    /// An expression of the statement.
    Expression { fragment: Fragment, kind: Kind },
    /// Made here of expressions of the statement.
    Computed { parts: Vec<Fragment>, by: Computation, kind: Kind },
}

/// How an output is made of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Computation {
    /// A count, and NULL for none.
    CountOrNull,
    /// Of a sum and a count; 0 for none.
    Mean,
    /// The sum of the squares of what values differ from their mean by, of a variance and a count; 0 for none.
    SquaredDeviations,
    /// The first moment of what digits name.
    Moment(Unit),
    /// The same as text.
    MomentText(Pattern),
}

impl Output {
    /// A table's column as it is.
    pub(crate) fn column(name: &str, origin: &Origin) -> Self {
        match origin {
            Origin::Shard => Self { name: name.to_owned(), nullable: false, source: OutputSource::Shard },
            Origin::Column { quoted, source, nullable } => {
                let text = if source.as_text { format!("CAST({quoted} AS CHAR)") } else { quoted.clone() };
                let source = OutputSource::Expression { fragment: Fragment::text(text), kind: source.kind };
                Self { name: name.to_owned(), nullable: *nullable, source }
            }
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match &self.source {
            OutputSource::Shard => Kind::Int32,
            OutputSource::Expression { kind, .. } | OutputSource::Computed { kind, .. } => *kind,
        }
    }
}

/// A column of a statement's result, read as one kind. The same column may be read as several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) column: usize,
    pub(crate) kind: Kind,
    /// For errors.
    pub(crate) name: String,
}

/// How a column of the batches is made.
#[derive(Debug, Clone)]
enum Making {
    Shard,
    /// It is this reading.
    Read(usize),
    Computed {
        readings: Vec<usize>,
        by: Computation,
        kind: Kind,
    },
}

/// What a statement selects, how its result is read, and what is made of that.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// Each once. Those of the first outputs come first.
    pub(crate) fragments: Vec<Fragment>,
    pub(crate) readings: Vec<Reading>,
    makings: Vec<Making>,
}

impl Selection {
    pub(crate) fn of(outputs: &[Output]) -> Self {
        let mut selection = Self::default();
        for output in outputs {
            let making = match &output.source {
                OutputSource::Shard => Making::Shard,
                OutputSource::Expression { fragment, kind } => {
                    Making::Read(selection.reading(fragment, *kind, &output.name))
                }
                OutputSource::Computed { parts, by, kind } => {
                    let read_as = by.reads(*kind);
                    let readings = parts.iter().map(|part| selection.reading(part, read_as, &output.name)).collect();
                    Making::Computed { readings, by: by.clone(), kind: *kind }
                }
            };
            selection.makings.push(making);
        }
        selection
    }

    /// How many of the statement's columns the first outputs are made of.
    pub(crate) fn width_of_first(&self, outputs: usize) -> usize {
        let readings = self.makings.iter().take(outputs).flat_map(|making| match making {
            Making::Shard => &[],
            Making::Read(reading) => std::slice::from_ref(reading),
            Making::Computed { readings, .. } => readings.as_slice(),
        });
        let columns = readings.filter_map(|&reading| self.readings.get(reading)).map(|reading| reading.column + 1);
        columns.max().unwrap_or(0)
    }

    /// The columns of somebody else's statement as they come.
    pub(crate) fn of_result(columns: &[(String, Kind)]) -> Self {
        let readings = columns.iter().enumerate();
        let readings = readings.map(|(column, (name, kind))| Reading { column, kind: *kind, name: name.clone() });
        let makings = (0..columns.len()).map(Making::Read).collect();
        Self { fragments: Vec::new(), readings: readings.collect(), makings }
    }

    fn reading(&mut self, fragment: &Fragment, kind: Kind, name: &str) -> usize {
        let column = position_or_push(&mut self.fragments, fragment.clone(), |known, new| known == new);
        let reading = Reading { column, kind, name: name.to_owned() };
        position_or_push(&mut self.readings, reading, |known, new| (known.column, known.kind) == (new.column, new.kind))
    }

    /// The columns of a batch of `rows` rows of which `read` are the readings.
    pub(crate) fn make(&self, read: &[ArrayRef], rows: usize, shard: u32) -> Result<Vec<ArrayRef>> {
        let shard = || Int32Array::from_value(i32::try_from(shard).unwrap_or(i32::MAX), rows);
        let reading = |&reading: &usize| {
            let array = read.get(reading).map(Arc::clone);
            array.ok_or_else(|| ConnectorError::internal("a column that was not read"))
        };
        let made = self.makings.iter().map(|making| match making {
            Making::Shard => Ok(Arc::new(shard()) as ArrayRef),
            Making::Read(position) => reading(position),
            Making::Computed { readings, by, kind } => {
                let parts = readings.iter().map(reading).collect::<Result<Vec<_>>>()?;
                let name =
                    readings.first().and_then(|&first| self.readings.get(first)).map(|first| first.name.as_str());
                by.compute(&parts, *kind, name.unwrap_or_default())
            }
        });
        made.collect()
    }
}

fn position_or_push<T>(known: &mut Vec<T>, new: T, same: fn(&T, &T) -> bool) -> usize {
    known.iter().position(|known| same(known, &new)).unwrap_or_else(|| {
        known.push(new);
        known.len() - 1
    })
}

impl Computation {
    /// What the parts are read as, for a result of this kind.
    fn reads(&self, kind: Kind) -> Kind {
        match self {
            Self::CountOrNull => kind,
            Self::Mean | Self::SquaredDeviations => Kind::Float64,
            Self::Moment(_) | Self::MomentText(_) => Kind::Int64,
        }
    }

    fn compute(&self, parts: &[ArrayRef], kind: Kind, name: &str) -> Result<ArrayRef> {
        let odd = |error| ConnectorError::internal("states can't be computed").with_detail(error);
        match (self, parts) {
            (Self::CountOrNull, [count]) => {
                let any = cast(count, &DataType::Boolean).map_err(odd)?;
                nullif(count, &not(any.as_boolean()).map_err(odd)?).map_err(odd)
            }
            (Self::Mean, [sum, count]) => Ok(of_numbers(sum, count, |sum, count| sum / count)),
            (Self::SquaredDeviations, [variance, count]) => Ok(of_numbers(variance, count, |one, count| one * count)),
            (Self::Moment(unit), [digits]) if kind == Kind::Date => {
                let starts = starts(*unit, digits, name)?.into_iter();
                let days: Date32Array = starts.map(|start| start.map(|start| start.date().to_epoch_days())).collect();
                Ok(Arc::new(days))
            }
            (Self::Moment(unit), [digits]) => {
                let starts = starts(*unit, digits, name)?;
                let micros = starts.into_iter().map(|start| start.map(|start| start.and_utc().timestamp_micros()));
                let micros: TimestampMicrosecondArray = micros.collect();
                Ok(Arc::new(micros.with_data_type(kind.data_type())))
            }
            (Self::MomentText(pattern), [digits]) => {
                let items = pattern.items();
                let mut text = String::new();
                let mut builder = StringBuilder::new();
                for start in starts(pattern.unit, digits, name)? {
                    text.clear();
                    builder.append_option(start.map(|start| {
                        moment::write(&mut text, &items, start);
                        text.as_str()
                    }));
                }
                cast(&builder.finish(), &kind.data_type()).map_err(odd)
            }
            _ => Err(ConnectorError::internal("states of other parts")),
        }
    }
}

/// Two numbers made one, 0 where the first is NULL.
fn of_numbers(one: &ArrayRef, count: &ArrayRef, made: fn(f64, f64) -> f64) -> ArrayRef {
    let (one, count): (&PrimitiveArray<Float64Type>, &PrimitiveArray<Float64Type>) =
        (one.as_primitive(), count.as_primitive());
    let made = one.iter().zip(count.values()).map(|(one, count)| one.map_or(0.0, |one| made(one, *count)));
    Arc::new(Float64Array::from_iter_values(made))
}

fn starts(unit: Unit, digits: &ArrayRef, name: &str) -> Result<Vec<Option<NaiveDateTime>>> {
    let start = |digits: i64| unit.start(digits).ok_or_else(|| refused(name, ZERO_DATE));
    digits.as_primitive::<Int64Type>().iter().map(|digits| digits.map(start).transpose()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;
    use datafusion::arrow::array::{Array, Int64Array, UInt64Array};

    fn computed(by: Computation, kind: Kind, parts: &[&str]) -> Output {
        let parts = parts.iter().copied().map(Fragment::text).collect();
        Output { name: "o".to_owned(), nullable: true, source: OutputSource::Computed { parts, by, kind } }
    }

    #[test]
    fn an_expression_of_several_outputs_is_asked_for_once() {
        let count = |kind| Output {
            name: "n".to_owned(),
            nullable: false,
            source: OutputSource::Expression { fragment: Fragment::text("COUNT(a)"), kind },
        };
        let outputs = [
            count(Kind::Int64),
            computed(Computation::CountOrNull, Kind::UInt64, &["COUNT(a)"]),
            computed(Computation::Mean, Kind::Float64, &["SUM(a)", "COUNT(a)"]),
            count(Kind::Int64),
        ];
        let selection = Selection::of(&outputs);
        assert_eq!([0, 2, 3].map(|outputs| selection.width_of_first(outputs)), [0, 1, 2]);
        let texts: Vec<_> = selection.fragments.iter().map(|fragment| fragment.text.as_str()).collect();
        assert_eq!(texts, ["COUNT(a)", "SUM(a)"]);
        let readings: Vec<_> = selection.readings.iter().map(|reading| (reading.column, reading.kind)).collect();
        assert_eq!(readings, [(0, Kind::Int64), (0, Kind::UInt64), (1, Kind::Float64), (0, Kind::Float64)]);

        let read: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![4, 0])),
            Arc::new(UInt64Array::from(vec![4, 0])),
            Arc::new(Float64Array::from(vec![Some(10.0), None])),
            Arc::new(Float64Array::from(vec![4.0, 0.0])),
        ];
        let made = selection.make(&read, 2, 0).unwrap();
        let [counts, or_null, means, again] = made.as_slice() else { panic!("four columns") };
        assert_eq!(counts, again);
        assert_eq!(**or_null, UInt64Array::from(vec![Some(4), None]));
        assert_eq!(**means, Float64Array::from(vec![2.5, 0.0]));
    }

    #[test]
    fn digits_that_are_no_date_are_refused_without_their_value() {
        let selection = Selection::of(&[computed(Computation::Moment(Unit::Day), Kind::DateTime, &["d"])]);
        let made = |digits| selection.make(&[Arc::new(Int64Array::from(vec![digits, None]))], 2, 0);
        assert!(made(Some(20_240_131)).unwrap().iter().all(|column| column.null_count() == 1));
        let error = made(Some(20_230_229)).unwrap_err().message;
        assert!(error.contains("\"o\"") && !error.contains("2023"), "{error}");
    }
}
