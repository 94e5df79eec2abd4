//! `timezone(zone, moment)`, which is `moment AT TIME ZONE zone`: from an instant to a zone's wall clock, and back.

use super::moment::{Moments, instant, moment_type};
use super::{text_type, wrong_count};
use crate::error::{Error, ErrorCode};
use chrono::NaiveDateTime;
use chrono_tz::{TZ_VARIANTS, Tz};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, TimestampMicrosecondBuilder};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use std::sync::Arc;

/// `timezone`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct TimeZone(Signature);

impl Default for TimeZone {
    fn default() -> Self {
        Self(Signature::user_defined(Volatility::Stable))
    }
}

impl ScalarUDFImpl for TimeZone {
    fn name(&self) -> &'static str {
        "timezone"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [zone, moment] = given else { return Err(wrong_count("timezone", 2)) };
        let moment = match moment_type("timezone", moment)? {
            DataType::Date32 => DataType::Timestamp(TimeUnit::Microsecond, None),
            other => other,
        };
        Ok(vec![text_type("timezone", zone)?, moment])
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        let zone = match arguments.get(1) {
            Some(DataType::Timestamp(_, Some(_))) => None,
            _ => Some("UTC".into()),
        };
        Ok(DataType::Timestamp(TimeUnit::Microsecond, zone))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [zones, moments] = arrays.as_slice() else { return Err(wrong_count("timezone", 2)) };
        let zones = zones.as_string::<i32>();
        let mut known: Option<(&str, Tz)> = None;
        let mut result = TimestampMicrosecondBuilder::with_capacity(zones.len());
        let utc = Moments::new(moments, Tz::UTC)?;
        for row in 0..zones.len() {
            let moment = utc.get(row)?.filter(|_| zones.is_valid(row));
            let Some(moment) = moment else {
                result.append_null();
                continue;
            };
            let name = zones.value(row);
            let zone = match known {
                Some((same, zone)) if same == name => zone,
                _ => find(name)?,
            };
            known = Some((name, zone));
            result.append_value(match utc {
                Moments::Instants(..) => wall(moment, zone),
                _ => instant(moment, zone)?,
            });
        }
        let shown: ArrayRef = Arc::new(result.finish().with_data_type(args.return_field.data_type().clone()));
        super::format::returned(shown, scalar)
    }
}

/// What a zone's clock shows at an instant.
fn wall(utc: NaiveDateTime, zone: Tz) -> i64 {
    utc.and_utc().with_timezone(&zone).naive_local().and_utc().timestamp_micros()
}

/// The zone of a name, in any case.
pub(super) fn find(name: &str) -> Result<Tz, Error> {
    let any_case = || TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name)).copied();
    let unknown = || Error::new(ErrorCode::InvalidParameter, format!("time zone \"{name}\" not recognized"));
    name.parse().ok().or_else(any_case).ok_or_else(unknown)
}
