//! `pg_stat_activity`: one's own session.

use super::cell::row;
use super::oid::{self, Class};
use crate::catalog::Resolver;
use crate::error::Result;
use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;

row! {
    "pg_stat_activity" {
        datid: u32,
        datname: String,
        pid: i32,
        usesysid: u32,
        usename: String,
        application_name: String,
        client_addr: String,
        backend_start: DateTime<Utc>,
        query_start: DateTime<Utc>,
        state_change: DateTime<Utc>,
        state: &'static str,
        backend_type: &'static str,
    }
}

pub(super) fn rows(resolver: &Resolver<'_>) -> Result<RecordBatch> {
    let (session, user) = (&resolver.session, resolver.rights.identity().user());
    let now = Utc::now();
    Row::batch(&[Row {
        datid: oid::of(Class::Database, &[&resolver.path.catalog]),
        datname: resolver.path.catalog.clone(),
        pid: session.process_id,
        usesysid: oid::role_oid(user),
        usename: user.to_owned(),
        application_name: session.setting("application_name").unwrap_or_default().to_owned(),
        client_addr: session.client_address.to_string(),
        backend_start: session.connected_at,
        query_start: now,
        state_change: now,
        state: "active",
        backend_type: "client backend",
    }])
}
