//! PostgreSQL's functions about the session, its privileges and the objects of `pg_catalog`.
//!
//! They are made for one statement and hold what exists for the identity that runs it: none looks anything up, and none outlives
//! the statement. Functions that PostgreSQL has for things that Naru has none of (index definitions, sizes on disk) give NULL, as
//! PostgreSQL does for an object it doesn't find.

pub(crate) mod bytea;
mod definitions;
mod json;
mod naming;
mod objects;
mod privileges;
mod row_function;
mod session;
mod values;

use crate::catalog::{Resolver, SessionFacts};
use crate::error::Result;
use crate::server::pg::catalog::{Comments, Objects};
use datafusion::logical_expr::{ScalarUDF, ScalarUDFImpl};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(crate) use values::RESERVED_WORDS;

/// What the functions of one statement know.
#[derive(Debug)]
struct Known {
    user: String,
    database: String,
    /// The session's schema, if it exists for the identity.
    schema: Option<String>,
    session: SessionFacts,
    /// Only when a function of the statement needs them.
    objects: Option<Arc<Objects>>,
    comments: Option<Arc<Comments>>,
}

/// These functions of a statement, by name. `called` are the names of all functions it calls.
pub(crate) async fn for_statement(
    resolver: &Resolver<'_>,
    called: &HashSet<String>,
) -> Result<HashMap<String, Arc<ScalarUDF>>> {
    let mut known = Known {
        user: resolver.rights.identity().user().to_owned(),
        database: resolver.path.catalog.clone(),
        schema: current_schema(resolver),
        session: resolver.session.clone(),
        objects: None,
        comments: None,
    };
    let catalog = resolver.snapshot.catalogs.get(&resolver.path.catalog);
    if let Some(catalog) = catalog.filter(|_| called.iter().any(|name| objects::is_about_objects(name))) {
        let objects = Objects::of(resolver, catalog).await?;
        if called.iter().any(|name| objects::is_about_comments(name)) {
            known.comments = Some(objects.comments(resolver, catalog).await?);
        }
        known.objects = Some(objects);
    }
    if called.contains("current_setting") || called.contains("set_config") {
        let of_catalogs = resolver.settings().into_iter().map(|known| (known.name().into(), known.value));
        known.session.settings.extend(of_catalogs);
    }
    let known = Arc::new(known);
    let all = session::functions(&known)
        .into_iter()
        .chain(objects::functions(&known))
        .chain(naming::functions(&known))
        .chain(privileges::functions(&known))
        .chain(definitions::functions())
        .chain(values::functions())
        .chain(json::functions());
    let called_ones = all.filter(|function| called.contains(function.name()));
    Ok(called_ones.map(|function| (function.name().to_owned(), Arc::new(ScalarUDF::from(function)))).collect())
}

/// Is it one of these? They hold what one statement knows.
pub(crate) fn belongs_to_a_session(function: &ScalarUDF) -> bool {
    function.inner().downcast_ref::<row_function::RowFunction>().is_some()
}

/// A schema without any right does not exist; then there is no current one.
fn current_schema(resolver: &Resolver<'_>) -> Option<String> {
    let schema = &resolver.path.schema;
    let ours = schema == "information_schema" || resolver.system.iter().any(|system| system.name() == schema);
    (ours || resolver.rights.sees_schema(&resolver.path.catalog, schema)).then(|| schema.clone())
}
