//! `pg_roles` and `pg_user`: oneself, and nobody else.

use super::oid;
use crate::catalog::Resolver;
use crate::error::Result;
use datafusion::arrow::array::RecordBatch;

mod role {
    use crate::server::pg::catalog::cell::row;

    row! {
        "pg_roles" {
            rolname: String,
            rolsuper: bool,
            rolinherit: bool,
            rolcreaterole: bool,
            rolcreatedb: bool,
            rolcanlogin: bool,
            rolreplication: bool,
            rolbypassrls: bool,
            rolconnlimit: i32,
            rolpassword: &'static str,
            oid: u32,
        }
    }
}

mod user {
    use crate::server::pg::catalog::cell::row;

    row! {
        "pg_user" {
            usename: String,
            usesysid: u32,
            usecreatedb: bool,
            usesuper: bool,
            userepl: bool,
            usebypassrls: bool,
            passwd: &'static str,
        }
    }
}

/// What stands in place of a password.
const WITHHELD: &str = "********";

pub(super) fn rows(resolver: &Resolver<'_>) -> Result<RecordBatch> {
    let name = resolver.rights.identity().user();
    role::Row::batch(&[role::Row {
        rolname: name.to_owned(),
        rolsuper: false,
        rolinherit: true,
        rolcreaterole: false,
        rolcreatedb: false,
        rolcanlogin: true,
        rolreplication: false,
        rolbypassrls: false,
        rolconnlimit: -1,
        rolpassword: WITHHELD,
        oid: oid::role_oid(name),
    }])
}

pub(super) fn users(resolver: &Resolver<'_>) -> Result<RecordBatch> {
    let name = resolver.rights.identity().user();
    user::Row::batch(&[user::Row {
        usename: name.to_owned(),
        usesysid: oid::role_oid(name),
        usecreatedb: false,
        usesuper: false,
        userepl: false,
        usebypassrls: false,
        passwd: WITHHELD,
    }])
}
