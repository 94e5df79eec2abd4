//! What an identity may do with an object, asked of the policy engine. No expressions here, only decisions.

use chrono::{DateTime, Utc};
use naru_auth::Identity;
use naru_connector::{Column, DerivedFrom};
use naru_policy::{ANY_ACCESS, Explanation, MaskDecision, PolicyEngine, Request, Resource, RowFilterDecision, Scope};
use std::net::IpAddr;
use std::sync::Arc;

const SELECT: &str = "select";
const EXECUTE: &str = "execute";

/// A catalog's query function as Trino names it, `catalog.system.query`, and so do its policies.
pub const QUERY_SCHEMA: &str = "system";
/// See [`QUERY_SCHEMA`].
pub const QUERY_FUNCTION: &str = "query";

/// One identity before one policy snapshot at one moment.
#[derive(Debug, Clone)]
pub struct Rights {
    engine: Arc<PolicyEngine>,
    identity: Identity,
    address: IpAddr,
    time: DateTime<Utc>,
}

/// What may be done with one column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnRight {
    /// Readable as it is.
    Allowed,
    /// Readable only through a mask.
    Masked(MaskRule),
    /// Not readable, and absent from every list.
    Denied,
}

/// How a column is masked.
#[derive(Debug, Clone, PartialEq)]
pub enum MaskRule {
    /// NULL of the column's type.
    Null,
    /// One of Ranger's stock masks, by its name.
    Stock(String),
    /// An expression in our SQL; `{col}` and `{type}` stand for the column.
    Custom(String),
}

/// Which rows may be seen.
#[derive(Debug, Clone, PartialEq)]
pub enum RowFilter {
    /// All.
    None,
    /// Those for which this expression in our SQL is true.
    Where(String),
    /// None, because a policy could not be evaluated.
    NoRows,
}

/// What may be done with one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableRights {
    /// By position in the table's columns.
    pub columns: Vec<ColumnRight>,
    /// The row filter.
    pub row_filter: RowFilter,
    /// Ids of the policies that decided, sorted, for the audit record.
    pub policies: Vec<i64>,
}

impl TableRights {
    /// Nothing withheld: the table needs no barrier.
    #[must_use]
    pub fn unrestricted(&self) -> bool {
        self.row_filter == RowFilter::None && self.columns.iter().all(|right| *right == ColumnRight::Allowed)
    }
}

impl Rights {
    /// The rights of an identity.
    #[must_use]
    pub fn new(engine: Arc<PolicyEngine>, identity: Identity, address: IpAddr) -> Self {
        Self { engine, identity, address, time: Utc::now() }
    }

    /// The policy snapshot asked.
    #[must_use]
    pub fn engine(&self) -> &Arc<PolicyEngine> {
        &self.engine
    }

    /// The identity asked about.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Does this catalog exist for the identity?
    #[must_use]
    pub fn sees_catalog(&self, catalog: &str) -> bool {
        self.sees(Resource::new().with("catalog", catalog))
    }

    /// Does this schema exist for the identity?
    #[must_use]
    pub fn sees_schema(&self, catalog: &str, schema: &str) -> bool {
        self.sees(Resource::new().with("catalog", catalog).with("schema", schema))
    }

    /// Does this table exist for the identity?
    #[must_use]
    pub fn sees_table(&self, catalog: &str, schema: &str, table: &str) -> bool {
        self.sees(table_resource(catalog, schema, table))
    }

    fn sees(&self, resource: Resource) -> bool {
        self.engine.access(&self.request(resource, ANY_ACCESS).scope(Scope::SelfOrDescendants)).allowed
    }

    /// May the identity read operational details of the service (pruned files, raw plans, others' queries)?
    #[must_use]
    pub fn reads_system_information(&self) -> bool {
        self.engine.access(&self.request(Resource::new().with("sysinfo", "*"), "read_sysinfo")).allowed
    }

    /// May the identity send a catalog's source statements of its own? The policies that say so, and no restriction: the source
    /// knows nothing of masks and row filters.
    #[must_use]
    pub fn query_function(&self, catalog: &str) -> Option<TableRights> {
        let function = Resource::new().with("catalog", catalog).with("schema", QUERY_SCHEMA);
        let function = function.with("schemafunction", QUERY_FUNCTION);
        let access = self.engine.access(&self.request(function, EXECUTE));
        let policies = [access.policy_id].into_iter().filter(|id| *id >= 0).collect();
        access.allowed.then_some(TableRights { columns: Vec::new(), row_filter: RowFilter::None, policies })
    }

    /// Why a table does or does not exist for the identity, and which of its rows.
    #[must_use]
    pub fn explain_table(&self, catalog: &str, schema: &str, table: &str) -> Explanation {
        let request = self.request(table_resource(catalog, schema, table), ANY_ACCESS);
        self.engine.explain(&request.scope(Scope::SelfOrDescendants))
    }

    /// Why a column is shown as it is.
    #[must_use]
    pub fn explain_column(&self, catalog: &str, schema: &str, table: &str, column: &str) -> Explanation {
        self.engine.explain(&self.request(table_resource(catalog, schema, table).with("column", column), SELECT))
    }

    /// The rights on a table, or `None` when it does not exist for the identity.
    #[must_use]
    pub fn table(&self, catalog: &str, schema: &str, table: &str, columns: &[Column]) -> Option<TableRights> {
        if !self.sees_table(catalog, schema, table) {
            return None;
        }
        let mut policies = Vec::new();
        let own = |column: &Column, policies: &mut Vec<i64>| {
            let resource = || table_resource(catalog, schema, table).with("column", column.name());
            let access = self.engine.access(&self.request(resource(), SELECT));
            policies.push(access.policy_id);
            if !access.allowed {
                return ColumnRight::Denied;
            }
            self.mask(resource(), policies)
        };
        let mut rights: Vec<ColumnRight> = columns.iter().map(|column| own(column, &mut policies)).collect();
        deny_what_reveals(columns, &mut rights);
        let row_filter = self.row_filter(table_resource(catalog, schema, table), &mut policies);
        policies.sort_unstable();
        policies.dedup();
        policies.retain(|id| *id >= 0);
        Some(TableRights { columns: rights, row_filter, policies })
    }

    fn mask(&self, column: Resource, policies: &mut Vec<i64>) -> ColumnRight {
        match self.engine.data_mask(&self.request(column, SELECT)) {
            MaskDecision::None { .. } => ColumnRight::Allowed,
            MaskDecision::Null { policy_id, .. } => {
                policies.push(policy_id);
                ColumnRight::Masked(MaskRule::Null)
            }
            MaskDecision::Mask { mask_type, value_expr, policy_id, .. } => {
                policies.push(policy_id);
                ColumnRight::Masked(match (mask_type.as_str(), value_expr) {
                    ("CUSTOM", Some(expr)) => MaskRule::Custom(expr),
                    ("CUSTOM" | "MASK_NULL", _) => MaskRule::Null,
                    _ => MaskRule::Stock(mask_type),
                })
            }
        }
    }

    fn row_filter(&self, table: Resource, policies: &mut Vec<i64>) -> RowFilter {
        match self.engine.row_filter(&self.request(table, SELECT)) {
            RowFilterDecision::None { .. } => RowFilter::None,
            RowFilterDecision::NoRows { policy_id, .. } => {
                policies.push(policy_id);
                RowFilter::NoRows
            }
            RowFilterDecision::Filter { expr, policy_id, .. } => {
                policies.push(policy_id);
                RowFilter::Where(expr)
            }
        }
    }

    fn request(&self, resource: Resource, access: &str) -> Request {
        Request::new(resource, access, self.identity.user(), self.time)
            .groups(self.identity.groups().iter().cloned())
            .roles(self.identity.roles().iter().cloned())
            .client_ip(self.address)
    }
}

fn table_resource(catalog: &str, schema: &str, table: &str) -> Resource {
    Resource::new().with("catalog", catalog).with("schema", schema).with("table", table)
}

/// Denies each derived column when anything it reveals is masked or denied.
fn deny_what_reveals(columns: &[Column], rights: &mut [ColumnRight]) {
    let withheld: Vec<bool> = rights.iter().map(|right| *right != ColumnRight::Allowed).collect();
    for (i, column) in columns.iter().enumerate() {
        let reveals = match &column.derived_from {
            DerivedFrom::Itself => false,
            DerivedFrom::AllColumns => withheld.iter().enumerate().any(|(j, withheld)| j != i && *withheld),
            DerivedFrom::Columns(names) => names.iter().any(|name| {
                // A name the table does not have can't be vouched for.
                columns.iter().position(|c| c.name() == name).is_none_or(|j| withheld[j])
            }),
        };
        if reveals {
            rights[i] = ColumnRight::Denied;
        }
    }
}
