//! MySQL and MariaDB: single servers, and logical tables over many physical ones (shards).
//!
//! A catalog is a list of servers. What lies on the first one is shown as it is; a logical table of the catalog file
//! ([`config`]) puts many physical tables behind one name, and its routing ([`routing`]) says which of them can hold a key.
//! A query becomes one statement for each physical table ([`sql`], [`scan`]), read in batches ([`read`]) over pooled
//! connections ([`pool`]).
//!
//! Values reach a server as bind parameters only. What a server evaluates gives the same rows as evaluating it here:
//! [`sql::predicate`] says how, type by type.

mod accounts;
mod config;
mod connector;
mod decode;
mod drift;
mod error;
mod kind;
mod metadata;
mod output;
mod parameters;
mod pass_through;
mod pattern;
mod pool;
mod ranges;
mod read;
mod routing;
mod scan;
mod settings;
mod sql;
mod table;
mod turns;

use config::Config;
use connector::MysqlConnector;
use naru_connector::{Connector, ConnectorFactory, Parameter, Parameters, Result};
use std::sync::Arc;

/// Makes MySQL catalogs: `connector = "mysql"`.
#[derive(Debug, Clone, Copy)]
pub struct MysqlFactory;

/// The factory, for the gateway's list.
pub static FACTORY: MysqlFactory = MysqlFactory;

impl ConnectorFactory for MysqlFactory {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn parameters(&self) -> &'static [Parameter] {
        parameters::PARAMETERS
    }

    fn create(&self, catalog: &str, parameters: &Parameters) -> Result<Arc<dyn Connector>> {
        let config = Config::new(parameters)?;
        Ok(Arc::new(MysqlConnector::new(catalog, config)?))
    }
}
