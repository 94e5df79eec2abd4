//! Casts of dates and times as PostgreSQL makes them: from text, and between instants and what a clock shows in the session's zone.
//! DataFusion reads fewer forms, and goes by the zone of a column's type.

use super::moment::session_zone;
use super::text::{self, instant_of};
use super::{interval, text_type};
use crate::functions::column_function::ColumnFunction;
use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use datafusion::arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, ScalarUDF};
use std::sync::Arc;

const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

fn instants() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A cast that has a function.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Date,
    Time,
    Timestamp,
    Instant,
    Interval,
    /// From an instant to what the session's clock shows.
    WallClock,
    /// And back.
    InstantOf,
}

const KINDS: [Kind; 7] =
    [Kind::Date, Kind::Time, Kind::Timestamp, Kind::Instant, Kind::Interval, Kind::WallClock, Kind::InstantOf];

/// For the function registry: plans are sent and kept by name.
pub(super) fn functions() -> impl Iterator<Item = Arc<ScalarUDF>> {
    KINDS.into_iter().map(Kind::function)
}

impl Kind {
    fn of(from: &DataType, to: &DataType, zone: Tz) -> Option<Self> {
        let from = match from {
            DataType::Dictionary(_, values) => values,
            other => other,
        };
        let is_utc = |named: &str| zone == Tz::UTC && matches!(named, "UTC" | "Z" | "+00:00" | "+00");
        match (from, to) {
            (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, to) => match to {
                DataType::Date32 | DataType::Date64 => Some(Self::Date),
                DataType::Time32(_) | DataType::Time64(_) => Some(Self::Time),
                DataType::Timestamp(_, None) => Some(Self::Timestamp),
                DataType::Timestamp(_, Some(_)) => Some(Self::Instant),
                DataType::Interval(_) => Some(Self::Interval),
                _ => None,
            },
            // The engine's own casts do the same for UTC, and sources know them.
            (
                DataType::Timestamp(_, Some(named)),
                DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64 | DataType::Time64(_),
            ) if !is_utc(named) => Some(Self::WallClock),
            (
                DataType::Timestamp(_, None) | DataType::Date32 | DataType::Date64,
                DataType::Timestamp(_, Some(named)),
            ) if !is_utc(named) => Some(Self::InstantOf),
            _ => None,
        }
    }

    fn gives(self) -> DataType {
        match self {
            Self::Date => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp | Self::WallClock => MICROS,
            Self::Instant | Self::InstantOf => instants(),
            Self::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
        }
    }

    fn function(self) -> Arc<ScalarUDF> {
        match self {
            Self::Date => {
                reader("naru_date", self.gives(), |texts, _| read::<Date32Type>(texts, |text| Ok(text::date(text)?)))
            }
            Self::Time => reader("naru_time", self.gives(), |texts, _| {
                read::<Time64MicrosecondType>(texts, |text| Ok(text::time(text)?))
            }),
            Self::Timestamp => reader("naru_timestamp", self.gives(), |texts, _| {
                read::<TimestampMicrosecondType>(texts, |text| Ok(text::timestamp(text)?))
            }),
            Self::Instant => reader("naru_timestamptz", self.gives(), |texts, options| {
                let zone = session_zone(options);
                let instants = read::<TimestampMicrosecondType>(texts, |text| Ok(text::timestamptz(text, zone)?))?;
                Ok(cast(&instants, &self::instants())?)
            }),
            Self::Interval => reader("naru_interval", self.gives(), |texts, _| {
                read::<IntervalMonthDayNanoType>(texts, |text| Ok(interval::read(text)?))
            }),
            Self::WallClock => {
                let takes = |_, _: &[DataType]| Ok(vec![instants()]);
                ColumnFunction::new("naru_wall_clock", takes, self.gives(), |instants, options| {
                    let zone = session_zone(options);
                    each(&instants[0], MICROS, |micros| Ok(wall_clock(micros, zone)))
                })
                .into_udf()
            }
            Self::InstantOf => {
                let takes = |_, _: &[DataType]| Ok(vec![MICROS]);
                ColumnFunction::new("naru_instant", takes, self.gives(), |moments, options| {
                    let zone = session_zone(options);
                    each(&moments[0], instants(), |micros| Ok(instant_of(micros, zone)?))
                })
                .into_udf()
            }
        }
    }
}

fn reader(
    name: &'static str,
    gives: DataType,
    compute: fn(&[ArrayRef], &ConfigOptions) -> Result<ArrayRef>,
) -> Arc<ScalarUDF> {
    let takes = |name: &'static str, given: &[DataType]| match given {
        [DataType::Dictionary(_, values)] => Ok(vec![text_type(name, values)?]),
        [given] => Ok(vec![text_type(name, given)?]),
        _ => Err(super::wrong_count(name, 1)),
    };
    ColumnFunction::new(name, takes, gives, compute).into_udf()
}

/// Reads a column of texts.
fn read<T: ArrowPrimitiveType>(texts: &[ArrayRef], read: impl Fn(&str) -> Result<T::Native>) -> Result<ArrayRef> {
    let values = texts[0].as_string::<i32>().iter().map(|text| text.map(&read).transpose());
    Ok(Arc::new(values.collect::<Result<PrimitiveArray<T>>>()?))
}

fn each(moments: &ArrayRef, gives: DataType, of: impl Fn(i64) -> Result<i64>) -> Result<ArrayRef> {
    let moments = moments.as_primitive::<TimestampMicrosecondType>();
    let values = moments.try_unary::<_, TimestampMicrosecondType, _>(of)?;
    Ok(Arc::new(values.with_data_type(gives)))
}

/// What a zone's clocks show at an instant. The infinities stay.
fn wall_clock(micros: i64, zone: Tz) -> i64 {
    let offset = DateTime::from_timestamp_micros(micros)
        .map_or(0, |utc| zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc());
    micros.saturating_add(i64::from(offset) * interval::MICROS_PER_SECOND)
}

/// The same for an expression that no rule will see.
pub(crate) fn with_our_casts(expr: Expr, schema: &DFSchema, options: &ConfigOptions) -> Result<Expr> {
    let zone = session_zone(options);
    Ok(expr.transform_up(|expr| replaced(expr, schema, zone))?.data)
}

/// Puts a function in a cast's place.
pub(in crate::functions) fn replaced(expr: Expr, schema: &DFSchema, zone: Tz) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr, field }) => match kind(&expr, field.data_type(), schema, zone) {
            Some(kind) => {
                let operand = of_its_type(kind, *expr);
                let call = kind.function().call(vec![operand]);
                let same = kind.gives() == *field.data_type();
                let call = if same { call } else { Expr::Cast(Cast { expr: Box::new(call), field }) };
                Ok(Transformed::yes(call))
            }
            None => Ok(Transformed::no(Expr::Cast(Cast { expr, field }))),
        },
        other => Ok(Transformed::no(other)),
    }
}

fn kind(expr: &Expr, to: &DataType, schema: &dyn ExprSchema, zone: Tz) -> Option<Kind> {
    Kind::of(&expr.get_type(schema).ok()?, to, zone)
}

/// Types are settled already: what the function takes is cast to here.
fn of_its_type(kind: Kind, expr: Expr) -> Expr {
    let takes = match kind {
        Kind::WallClock => instants(),
        Kind::InstantOf => MICROS,
        _ => DataType::Utf8,
    };
    match &expr {
        Expr::Literal(value, _) if value.data_type() == takes => expr,
        _ => Expr::Cast(Cast::new(Box::new(expr), takes)),
    }
}
