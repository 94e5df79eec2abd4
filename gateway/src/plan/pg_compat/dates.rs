//! Functions and literals of dates that are short for others.

use super::{call, folded, last, string_literal, take};
use crate::error::{Error, ErrorCode, Result};
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Interval, TimezoneInfo, Value,
};

/// What `make_interval` takes, by position or by name; the rest is 0.
const PARTS: [&str; 7] = ["years", "months", "weeks", "days", "hours", "mins", "secs"];

/// `age(x)`, `localtimestamp`, `make_interval(days => 10)`.
pub(super) fn rewrite(expr: &mut Expr) -> Result<()> {
    let Expr::Function(function) = expr else { return Ok(()) };
    match (last(&function.name).as_deref(), &mut function.args) {
        (Some("localtimestamp"), FunctionArguments::None) => {
            *expr = call("naru_wall_clock", vec![call("now", Vec::new())]);
        }
        (Some("age"), FunctionArguments::List(list)) => {
            if let [FunctionArg::Unnamed(FunctionArgExpr::Expr(moment))] = list.args.as_mut_slice() {
                let midnight = to(call("current_date", Vec::new()), DataType::Timestamp(None, TimezoneInfo::None));
                *expr = call("age", vec![midnight, take(moment)]);
            }
        }
        (Some("make_interval"), FunctionArguments::List(list)) => *expr = make_interval(&mut list.args)?,
        _ => {}
    }
    Ok(())
}

fn make_interval(args: &mut [FunctionArg]) -> Result<Expr> {
    let zero = || Expr::Value(Value::Number("0".to_owned(), false).into());
    let mut parts = PARTS.map(|_| zero());
    for (position, arg) in args.iter_mut().enumerate() {
        let (position, value) = match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => (Some(position), value),
            FunctionArg::ExprNamed { name: Expr::Identifier(name), arg: FunctionArgExpr::Expr(value), .. }
            | FunctionArg::Named { name, arg: FunctionArgExpr::Expr(value), .. } => {
                (PARTS.iter().position(|part| *part == folded(name)), value)
            }
            _ => return Err(unknown()),
        };
        let part = position.and_then(|position| parts.get_mut(position)).ok_or_else(unknown)?;
        *part = take(value);
    }
    Ok(call("naru_make_interval", parts.into()))
}

fn unknown() -> Error {
    Error::new(ErrorCode::UndefinedFunction, "make_interval does not take these arguments")
        .with_hint("it takes years, months, weeks, days, hours, mins, secs")
}

/// `interval '1 day 02:03:04'` is a cast: DataFusion reads words as literals, no clocks. What it reads stays a literal, which a
/// window frame needs.
pub(super) fn interval(expr: &mut Expr) {
    let Expr::Interval(Interval { value, leading_field: None, .. }) = expr else { return };
    let Some(text) = string_literal(value) else { return };
    let words_only = !text.contains(':') && text.split_whitespace().all(|word| !matches!(word, "mon" | "mons" | "ago"));
    if !words_only {
        *expr = to(take(value), DataType::Interval { fields: None, precision: None });
    }
}

fn to(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}
