//! SetSessionOptions, GetSessionOptions, CloseSession (Flight.proto, "session management"): a session's catalog, schema and
//! settings by name. arrow-flight has none of these messages (apache/arrow-rs#6346), so they are written out here.

use super::auth::Caller;
use super::door::Door;
use crate::error::{Error, ErrorCode, Result};
use crate::session::{Session, SettingKind, Settings};
use prost::{Enumeration, Message, Oneof};
use std::collections::{BTreeMap, HashMap};

/// The option that names the session's catalog, as drivers spell it.
const CATALOG: &str = "catalog";
/// The option that names the session's schema.
const SCHEMA: &str = "schema";
/// Settings whose value is a list.
const LISTS: [&str; 2] = ["search_path", "DateStyle"];

/// `SetSessionOptionsRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetRequest {
    /// Options by name.
    #[prost(map = "string, message", tag = "1")]
    pub(super) session_options: HashMap<String, OptionValue>,
}

/// `SessionOptionValue`
#[derive(Clone, PartialEq, Message)]
pub(super) struct OptionValue {
    /// No value unsets the option.
    #[prost(oneof = "Value", tags = "1, 2, 3, 4, 5")]
    pub(super) value: Option<Value>,
}

/// The kinds of values.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    #[prost(double, tag = "4")]
    Number(f64),
    #[prost(message, tag = "5")]
    List(TextList),
}

/// `SessionOptionValue.StringListValue`
#[derive(Clone, PartialEq, Message)]
pub(super) struct TextList {
    #[prost(string, repeated, tag = "1")]
    pub(super) values: Vec<String>,
}

/// `SetSessionOptionsResult`: the options that were refused.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetResult {
    #[prost(map = "string, message", tag = "1")]
    pub(super) errors: HashMap<String, Refusal>,
}

/// `SetSessionOptionsResult.Error`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Refusal {
    #[prost(enumeration = "RefusalKind", tag = "1")]
    pub(super) value: i32,
}

/// `SetSessionOptionsResult.ErrorValue`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(super) enum RefusalKind {
    Unspecified = 0,
    InvalidName = 1,
    InvalidValue = 2,
    Failed = 3,
}

/// `GetSessionOptionsResult`
#[derive(Clone, PartialEq, Message)]
pub(super) struct GetResult {
    #[prost(map = "string, message", tag = "1")]
    pub(super) session_options: HashMap<String, OptionValue>,
}

/// `CloseSessionResult`
#[derive(Clone, PartialEq, Message)]
pub(super) struct CloseResult {
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub(super) status: i32,
}

/// `CloseSessionResult.Status`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(super) enum CloseStatus {
    Unspecified = 0,
    Closed = 1,
    Closing = 2,
    NotCloseable = 3,
}

/// Sets what can be set; the rest comes back with the kind of its fault.
pub(super) async fn set(door: &Door, caller: &Caller, request: SetRequest) -> Result<SetResult> {
    // The catalog decides where a schema is looked for, and "catalog" sorts first.
    let options: BTreeMap<_, _> = request.session_options.into_iter().collect();
    door.change(caller, async |session| {
        let mut errors = HashMap::new();
        for (name, option) in options {
            if let Err(error) = set_one(session, &name, option).await {
                let value = kind(&error) as i32;
                errors.insert(name, Refusal { value });
            }
        }
        Ok(SetResult { errors })
    })
    .await
}

async fn set_one(session: &mut Session, name: &str, option: OptionValue) -> Result<()> {
    let text = option.value.map(|value| text_of(name, value)).transpose()?;
    match (name, text) {
        (CATALOG, Some(catalog)) => session.use_namespace(Some(&catalog), None).await,
        (SCHEMA, Some(schema)) => session.use_namespace(None, Some(&schema)).await,
        (CATALOG | SCHEMA, None) => session.use_namespace(None, None).await,
        (name, Some(text)) => session.assign(name, &text),
        (name, None) => session.unset(name),
    }
}

/// The text of a value, if it is of the setting's kind; text is of every kind.
fn text_of(name: &str, value: Value) -> Result<String> {
    // The catalog's connector knows of what kind its settings are.
    match &value {
        Value::Flag(flag) if name.contains('.') => return Ok(flag.to_string()),
        Value::Integer(number) if name.contains('.') => return Ok(number.to_string()),
        _ => {}
    }
    let listed = LISTS.iter().any(|list| list.eq_ignore_ascii_case(name));
    let texts = listed || name.contains('.') || [CATALOG, SCHEMA].contains(&name);
    let kind = if texts { SettingKind::Text } else { Settings::kind(name)? };
    Ok(match (value, kind) {
        (Value::Text(text), _) => text,
        (Value::Flag(flag), SettingKind::Switch) => if flag { "on" } else { "off" }.to_owned(),
        (Value::Integer(number), SettingKind::Number) => number.to_string(),
        (Value::Number(number), SettingKind::Number) if number.fract() == 0.0 => format!("{number:.0}"),
        (Value::List(list), SettingKind::Text) if listed => list.values.join(", "),
        _ => return Err(Error::new(ErrorCode::InvalidParameter, format!("\"{name}\" takes values of another type"))),
    })
}

/// A setting's value in its own kind.
fn value_of(name: &str, text: String) -> Value {
    match (Settings::kind(name), text.as_str()) {
        (Ok(SettingKind::Switch), "on") => Value::Flag(true),
        (Ok(SettingKind::Switch), "off") => Value::Flag(false),
        (Ok(SettingKind::Number), number) => number.parse().map_or(Value::Text(text), Value::Integer),
        _ => Value::Text(text),
    }
}

fn kind(error: &Error) -> RefusalKind {
    match error.code {
        ErrorCode::UndefinedObject => RefusalKind::InvalidName,
        ErrorCode::InvalidParameter | ErrorCode::UndefinedCatalog | ErrorCode::UndefinedSchema => {
            RefusalKind::InvalidValue
        }
        _ => RefusalKind::Failed,
    }
}

/// All options of the caller's session.
pub(super) async fn get(door: &Door, caller: &Caller) -> Result<GetResult> {
    let session = door.session(caller).await?;
    let (catalog, schema) = session.namespace();
    let places = [(CATALOG, catalog.to_owned()), (SCHEMA, schema.to_owned())];
    let all = places.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(session.all_settings());
    let option = |(name, text): (String, String)| {
        let value = if [CATALOG, SCHEMA].contains(&name.as_str()) { Value::Text(text) } else { value_of(&name, text) };
        (name, OptionValue { value: Some(value) })
    };
    Ok(GetResult { session_options: all.map(option).collect() })
}

/// Ends the caller's session, and with it its token and what it runs.
pub(super) fn close(door: &Door, caller: &Caller) -> Result<CloseResult> {
    door.sessions.close(caller)?;
    door.running.stop_session(&caller.session);
    Ok(CloseResult { status: CloseStatus::Closed as i32 })
}
