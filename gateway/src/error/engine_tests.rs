#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

fn planned(text: &str) -> Error {
    DataFusionError::Plan(text.to_owned()).into()
}

fn cast(text: &str) -> Error {
    ArrowError::CastError(text.to_owned()).into_error()
}

trait IntoError {
    fn into_error(self) -> Error;
}

impl IntoError for ArrowError {
    fn into_error(self) -> Error {
        DataFusionError::from(self).into()
    }
}

#[test]
fn arguments_are_named_by_our_types() {
    let error =
        planned("x: No function matches the given name and argument types 'f(Decimal128(10, 2), Utf8, List(Int64))'.");
    assert_eq!(error.code, ErrorCode::UndefinedFunction);
    assert_eq!(error.message, "function f(numeric, text, ARRAY) does not exist");
    let error = planned("Cannot coerce arithmetic expression Int64 + Timestamp(ns, None) to valid types");
    assert!(error.message.starts_with("operator does not exist: bigint + "), "{}", error.message);
}

#[test]
fn a_parameter_without_a_value_is_none() {
    let text = "Placeholder '$2' was not provided a value for execution.".to_owned();
    let error: Error = DataFusionError::Execution(text).into();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::UndefinedParameter, "there is no parameter $2"));
}

#[test]
fn debug_text_stays_in_the_log() {
    let error: Error = DataFusionError::NotImplemented("Unsupported ast node Foo(Bar { x: 1 }) here".to_owned()).into();
    assert_eq!(error.message, "Unsupported ast node Foo");
    assert!(error.detail.unwrap().contains("Bar"));
}

#[test]
fn texts_that_are_none_of_a_type() {
    let code = |text: &str| cast(text).code;
    assert_eq!(code("Cannot cast string 'x' to value of Int32 type"), ErrorCode::InvalidTextRepresentation);
    assert_eq!(code("Cannot cast string '3000000000' to value of Int32 type"), ErrorCode::NumericOutOfRange);
    assert_eq!(code("Cannot cast string '2024-02-30' to value of Date32 type"), ErrorCode::DatetimeOutOfRange);
    assert_eq!(code("Cannot cast string 'soon' to value of Date32 type"), ErrorCode::InvalidDatetime);
    assert_eq!(code("Can't cast value 300 to type Int8"), ErrorCode::NumericOutOfRange);
    assert_eq!(cast("Can't cast value 3000000000 to type Int32").message, "integer out of range");
}

#[test]
fn an_unknown_error_says_nothing() {
    let error: Error = DataFusionError::Internal("secret".to_owned()).into();
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(!error.message.contains("secret"));
}
