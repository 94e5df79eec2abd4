//! `pg_settings`: the settings of the session, and limits that drivers look up.

use super::cell::row;
use crate::catalog::Resolver;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_settings" {
        name: String,
        setting: String,
        category: &'static str,
        short_desc: &'static str,
        context: &'static str,
        vartype: &'static str,
        source: &'static str,
        boot_val: String,
        reset_val: String,
        pending_restart: bool,
    }
}

/// Compiled-in limits of PostgreSQL that pgjdbc asks for, and which no session holds.
const LIMITS: &[(&str, &str)] = &[("max_index_keys", "32"), ("max_function_args", "100"), ("block_size", "8192")];

pub(super) fn rows(resolver: &Resolver<'_>) -> Result<RecordBatch> {
    let own = resolver.session.settings.iter().map(|(name, value)| (name.as_ref(), value.as_str(), "user", "session"));
    let of_catalogs: Vec<_> = resolver.settings().into_iter().map(|known| (known.name(), known.value)).collect();
    let of_catalogs = of_catalogs.iter().map(|(name, value)| (name.as_str(), value.as_str(), "user", "session"));
    let limits = LIMITS.iter().map(|(name, value)| (*name, *value, "internal", "default"));
    let row = |(name, value, context, source): (&str, &str, &'static str, &'static str)| Row {
        name: name.to_owned(),
        setting: value.to_owned(),
        category: "Client Connection Defaults",
        short_desc: "",
        context,
        vartype: "string",
        source,
        boot_val: value.to_owned(),
        reset_val: value.to_owned(),
        pending_restart: false,
    };
    let mut rows: Vec<Row> = own.chain(of_catalogs).chain(limits).map(row).collect();
    rows.sort_unstable_by_key(|row| row.name.to_lowercase());
    Row::batch(&rows)
}
