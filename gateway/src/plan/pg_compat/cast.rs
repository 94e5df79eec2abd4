//! Casts to types that only PostgreSQL has.

use super::{array, call, folded, last, string_literal, take};
use crate::error::{Error, ErrorCode, Result};
use crate::functions::pg::bytea;
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, ExactNumberInfo, Expr, FunctionArguments, TimezoneInfo, Value,
};

/// Types whose values are OIDs that are read and written as names. Each has a function of the same name, which takes a name or an
/// OID and gives the OID, and one of that name with `out`, which gives the name.
const BY_NAME: &[&str] = &["regclass", "regtype", "regproc", "regprocedure", "regnamespace", "regrole", "regcollation"];

/// Rewrites one cast whose operand is rewritten already.
pub(super) fn rewrite(expr: &mut Expr) -> Result<()> {
    let Expr::Cast { expr: inner, data_type, kind: CastKind::Cast | CastKind::DoubleColon, .. } = expr else {
        return Ok(());
    };
    if let Some(name) = type_by_name(data_type) {
        let operand = take(inner);
        // A second cast to the same type changes nothing.
        *expr = if reads_name(&operand) == Some(name) { operand } else { call(name, vec![operand]) };
        return Ok(());
    }
    *data_type = plain(data_type);
    if is_text(data_type) && reads_name(inner).is_some() {
        *expr = take(inner);
        show_by_name(expr);
        return Ok(());
    }
    if let (DataType::Bytea, Some(literal)) = (&*data_type, string_literal(inner)) {
        let message = || format!("invalid input syntax for type bytea: \"{literal}\"");
        let bytes = bytea::read(literal).ok_or_else(|| Error::new(ErrorCode::InvalidTextRepresentation, message()))?;
        **inner = Expr::Value(Value::HexStringLiteral(hex::encode(bytes)).into());
        return Ok(());
    }
    if let DataType::Array(_) = data_type
        && let Some(literal) = string_literal(inner)
    {
        **inner = array::elements(literal)?;
    }
    Ok(())
}

/// The value as a name, when it is the OID of a named object.
pub(super) fn show_by_name(expr: &mut Expr) {
    match expr {
        Expr::Nested(inner) => show_by_name(inner),
        Expr::Function(function) => {
            let name = last(&function.name).unwrap_or_default();
            let FunctionArguments::List(list) = &function.args else { return };
            if BY_NAME.contains(&name.as_str()) && list.args.len() == 1 {
                *expr = call(&format!("{name}out"), vec![take(expr)]);
            }
        }
        _ => {}
    }
}

/// Which of these types the expression has been cast to.
fn reads_name(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Nested(inner) => reads_name(inner),
        Expr::Function(function) => {
            let name = last(&function.name)?;
            BY_NAME.iter().copied().find(|known| *known == name)
        }
        _ => None,
    }
}

fn type_by_name(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::Regclass => Some("regclass"),
        DataType::Custom(name, _) => {
            let name = last(name)?;
            BY_NAME.iter().copied().find(|known| *known == name)
        }
        _ => None,
    }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Text | DataType::Varchar(None) | DataType::CharacterVarying(None))
}

/// A type that DataFusion knows and that holds the same values.
fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, size)) => {
            DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(plain(element)), *size))
        }
        DataType::Custom(name, modifiers) => {
            let parts: Vec<String> = name.0.iter().filter_map(|part| part.as_ident()).map(folded).collect();
            let known = match parts.as_slice() {
                [name] => named(name),
                [schema, name] if schema == "pg_catalog" || schema == "information_schema" => named(name),
                _ => None,
            };
            known.filter(|_| modifiers.is_empty()).unwrap_or_else(|| data_type.clone())
        }
        _ => data_type.clone(),
    }
}

fn named(name: &str) -> Option<DataType> {
    Some(match name {
        "oid" | "xid" | "xid8" | "cid" | "int8" | "bigint" => DataType::BigInt(None),
        "int4" | "integer" | "int" | "cardinal_number" => DataType::Int(None),
        "int2" | "smallint" => DataType::SmallInt(None),
        "bool" | "boolean" => DataType::Boolean,
        "float4" | "real" => DataType::Real,
        "float8" => DataType::DoublePrecision,
        "numeric" => DataType::Numeric(ExactNumberInfo::None),
        "date" => DataType::Date,
        "timestamp" => DataType::Timestamp(None, TimezoneInfo::None),
        "timestamptz" => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
        "bytea" => DataType::Bytea,
        // "char" with its quotes: one byte of text
        "text" | "varchar" | "bpchar" | "name" | "char" | "unknown" | "cstring" | "character_data"
        | "sql_identifier" | "yes_or_no" | "aclitem" | "inet" => DataType::Text,
        _ => return None,
    })
}
