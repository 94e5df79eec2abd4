//! Functions about the session: who, where, since when, with which settings (PostgreSQL manual, 9.27.1 and 9.28.1).

use super::Known;
use super::row_function::{RowFunction, text};
use crate::error::{Error, ErrorCode};
use crate::session::SERVER_VERSION;
use datafusion::arrow::datatypes::{DataType, Field, TimeUnit};
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;
use std::sync::Arc;

pub(super) fn functions(known: &Arc<Known>) -> Vec<RowFunction> {
    let mut functions = vec![
        RowFunction::text("version", 0..=0, |_| Ok(Some(version()))),
        name("current_database", known, |known| Some(known.database.clone())),
        name("current_catalog", known, |known| Some(known.database.clone())),
        name("current_schema", known, |known| known.schema.clone()),
        schemas(known),
        current_setting(known),
        set_config(known),
        RowFunction::text(
            "inet_client_addr",
            0..=0,
            with(known, |known| Some(known.session.client_address.to_string())),
        ),
        RowFunction::flag("pg_is_in_recovery", 0..=0, |_| Ok(Some(false))),
        RowFunction::oid("pg_my_temp_schema", 0..=0, |_| Ok(Some(0))),
        RowFunction::flag("pg_is_other_temp_schema", 1..=1, |_| Ok(Some(false))),
        RowFunction::text("pg_client_encoding", 0..=0, |_| Ok(Some("UTF8".to_owned()))),
        RowFunction::text("getdatabaseencoding", 0..=0, |_| Ok(Some("UTF8".to_owned()))),
        RowFunction::text("pg_advisory_unlock_all", 0..=0, |_| Ok(Some(String::new()))),
        int4("pg_backend_pid", known, |known| Some(known.session.process_id)),
        int4("inet_server_port", known, |_| None),
        int4("inet_client_port", known, |_| None),
        RowFunction::text("inet_server_addr", 0..=0, |_| Ok(None)),
        instant("pg_postmaster_start_time", known),
        instant("pg_conf_load_time", known),
        // Nothing is ever written, so one number does for every transaction.
        RowFunction::new("txid_current", 0..=0, (DataType::Int64, "int8"), |_| Ok(ScalarValue::Int64(Some(3)))),
    ];
    let users = ["current_user", "session_user", "user", "current_role"];
    functions.extend(users.map(|function| name(function, known, |known| Some(known.user.clone()))));
    functions
}

/// Drivers read the version from this text.
fn version() -> String {
    let (version, arch) = (env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    format!("PostgreSQL {SERVER_VERSION} (Naru {version}) on {arch}-{}, 64-bit", std::env::consts::OS)
}

fn with<T, G: Fn(&Known) -> T>(known: &Arc<Known>, get: G) -> impl Fn(&[ScalarValue]) -> Result<T> + use<T, G> {
    let known = Arc::clone(known);
    move |_| Ok(get(&known))
}

fn name(
    function: &'static str,
    known: &Arc<Known>,
    get: impl Fn(&Known) -> Option<String> + Send + Sync + 'static,
) -> RowFunction {
    let get = with(known, move |known| ScalarValue::Utf8(get(known)));
    RowFunction::new(function, 0..=0, (DataType::Utf8, "name"), get)
}

fn int4(
    function: &'static str,
    known: &Arc<Known>,
    get: impl Fn(&Known) -> Option<i32> + Send + Sync + 'static,
) -> RowFunction {
    let get = with(known, move |known| ScalarValue::Int32(get(known)));
    RowFunction::new(function, 0..=0, (DataType::Int32, "int4"), get)
}

fn instant(function: &'static str, known: &Arc<Known>) -> RowFunction {
    let started = Some(known.session.started_at.timestamp_micros());
    let returns = (DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), "timestamptz");
    let value = ScalarValue::TimestampMicrosecond(started, Some("UTC".into()));
    RowFunction::new(function, 0..=0, returns, move |_| Ok(value.clone()))
}

/// `current_schemas(implicit)`: the search path, with `pg_catalog` in front if asked for.
fn schemas(known: &Arc<Known>) -> RowFunction {
    let known = Arc::clone(known);
    let returns = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    RowFunction::new("current_schemas", 1..=1, (returns, "name"), move |args| {
        let implicit = matches!(args.first(), Some(ScalarValue::Boolean(Some(true))));
        let path = implicit.then(|| "pg_catalog".to_owned()).into_iter().chain(known.schema.clone());
        let names: Vec<ScalarValue> = path.map(ScalarValue::from).collect();
        Ok(ScalarValue::List(ScalarValue::new_list_nullable(&names, &DataType::Utf8)))
    })
}

fn current_setting(known: &Arc<Known>) -> RowFunction {
    let known = Arc::clone(known);
    RowFunction::text("current_setting", 1..=2, move |args| {
        let Some(name) = text(args, 0) else { return Ok(None) };
        let missing_ok = matches!(args.get(1), Some(ScalarValue::Boolean(Some(true))));
        match setting(&known, name) {
            Some(value) => Ok(Some(value.to_owned())),
            None if missing_ok => Ok(None),
            None => Err(unknown(name).into()),
        }
    })
}

fn setting<'a>(known: &'a Known, name: &str) -> Option<&'a str> {
    // What a driver switches off and on again around a query; nothing here is compiled just in time.
    if name.eq_ignore_ascii_case("jit") {
        return Some("off");
    }
    if name.eq_ignore_ascii_case("default_table_access_method") {
        return Some("heap");
    }
    if name.eq_ignore_ascii_case("search_path") {
        return known.schema.as_deref().or(Some(""));
    }
    known.session.setting(name)
}

/// Only SET changes a setting: a function is evaluated where no session is at hand. Setting what is set already does nothing.
fn set_config(known: &Arc<Known>) -> RowFunction {
    let known = Arc::clone(known);
    RowFunction::text("set_config", 3..=3, move |args| {
        let (Some(name), Some(value)) = (text(args, 0), text(args, 1)) else { return Ok(None) };
        match setting(&known, name) {
            Some(current) if current == value => Ok(Some(value.to_owned())),
            Some(_) => Err(Error::unsupported("set_config").with_hint(format!("use SET {name}")).into()),
            None => Err(unknown(name).into()),
        }
    })
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorCode::UndefinedObject, format!("unrecognized configuration parameter \"{name}\""))
}
