//! JSON of SQL values (PostgreSQL manual, 9.16).

use super::row_function::RowFunction;
use crate::error::{Error, ErrorCode};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use serde_json::{Number, Value};

/// As many arguments as clients give at the most.
const MOST_ARGUMENTS: usize = 64;

pub(super) fn functions() -> Vec<RowFunction> {
    vec![RowFunction::new("json_build_object", 0..=MOST_ARGUMENTS, (DataType::Utf8, "json"), build_object)]
}

/// Names and values in turn, in the order given and written as PostgreSQL writes them: `{"a" : 1, "b" : null}`.
fn build_object(args: &[ScalarValue]) -> Result<ScalarValue> {
    let wrong = |text| Err(Error::new(ErrorCode::InvalidParameter, text).into());
    if !args.len().is_multiple_of(2) {
        return wrong("argument list must have even number of elements");
    }
    let mut members = Vec::with_capacity(args.len() / 2);
    for pair in args.chunks_exact(2) {
        if pair[0].is_null() {
            return wrong("null value not allowed for object key");
        }
        let name =
            Value::String(pair[0].cast_to(&DataType::Utf8)?.try_as_str().flatten().unwrap_or_default().to_owned());
        members.push(format!("{name} : {}", value(&pair[1])?));
    }
    Ok(ScalarValue::from(format!("{{{}}}", members.join(", "))))
}

fn value(scalar: &ScalarValue) -> Result<Value> {
    if scalar.is_null() {
        return Ok(Value::Null);
    }
    if let ScalarValue::Boolean(Some(flag)) = scalar {
        return Ok(Value::Bool(*flag));
    }
    let text = scalar.cast_to(&DataType::Utf8)?;
    let text = text.try_as_str().flatten().unwrap_or_default();
    let number = scalar.data_type().is_numeric().then(|| text.parse::<Number>().ok()).flatten();
    Ok(number.map_or_else(|| Value::String(text.to_owned()), Value::Number))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_as_postgresql_writes_it() {
        let args = [
            ScalarValue::from("a\""),
            ScalarValue::from(1_i64),
            ScalarValue::from("b"),
            ScalarValue::Utf8(None),
            ScalarValue::from("c"),
            ScalarValue::from(true),
        ];
        let expected = r#"{"a\"" : 1, "b" : null, "c" : true}"#;
        assert_eq!(build_object(&args).unwrap(), ScalarValue::from(expected));
        assert!(build_object(&args[..1]).is_err());
    }
}
