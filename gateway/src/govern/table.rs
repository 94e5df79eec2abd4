//! The only form in which a session gets a table.
//!
//! To the logical optimiser it is opaque: a `TableProvider` whose schema describes the masked, filtered rows. Its `scan` plans
//! inside, where raw rows are filtered and masked, and hands out a [`GovernedExec`].

use super::exec::{GovernedExec, ScanFacts, Stamp};
use super::expressions::{Restrictions, policy_state};
use super::rights::{ColumnRight, RowFilter, TableRights};
use super::verify::verify_inside;
use crate::error::{Error, ErrorCode};
use async_trait::async_trait;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Statistics, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::col;
use naru_connector::{Column, ScanNote, Table, TableAdapter, translate};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Metadata key of a column that the identity may not read. Binding refuses every plan that refers to one.
pub const DENIED_COLUMN: &str = "naru.denied";

/// Which columns of a table a statement gets to see at all.
#[derive(Debug, Clone, Default)]
pub struct Exposure {
    /// The names that the statement mentions: hidden columns are there for those who ask for them.
    pub mentioned: HashSet<String>,
    /// Leave denied columns out rather than refuse them.
    pub hide_denied: bool,
}

impl Exposure {
    fn shows(&self, column: &Column, right: &ColumnRight) -> bool {
        let asked_for = !column.hidden || self.mentioned.contains(column.name());
        asked_for && !(self.hide_denied && *right == ColumnRight::Denied)
    }
}

/// A table under an identity's rights.
pub struct GovernedTable {
    name: TableReference,
    raw: Arc<TableAdapter>,
    rights: TableRights,
    restrictions: Restrictions,
    stamp: Stamp,
    /// The source's columns that this statement sees, by position there.
    exposed: Vec<usize>,
    schema: SchemaRef,
}

impl fmt::Debug for GovernedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GovernedTable({})", self.name)
    }
}

impl GovernedTable {
    /// A table under these rights, and what they say of it as expressions.
    pub fn new(
        name: TableReference,
        raw: Arc<TableAdapter>,
        rights: TableRights,
        restrictions: Restrictions,
        stamp: Stamp,
        exposure: &Exposure,
    ) -> crate::error::Result<Self> {
        let raw_schema = raw.schema();
        let described = raw.table().columns().iter().zip(&rights.columns);
        let exposed: Vec<usize> = described
            .enumerate()
            .filter(|(_, (column, right))| exposure.shows(column, right))
            .map(|(position, _)| position)
            .collect();
        let fields = exposed.iter().map(|&i| governed_field(raw_schema.field(i), &rights.columns[i]));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self { name, raw, rights, restrictions, stamp, exposed, schema })
    }

    /// The hidden columns that this statement sees, for they are no part of `*`.
    pub fn exposed_hidden(&self) -> impl Iterator<Item = &str> {
        self.exposed.iter().map(|&i| &self.columns()[i]).filter(|column| column.hidden).map(Column::name)
    }

    /// The canonical name.
    #[must_use]
    pub fn name(&self) -> &TableReference {
        &self.name
    }

    /// The rights it stands under.
    #[must_use]
    pub fn rights(&self) -> &TableRights {
        &self.rights
    }

    /// Whose rights, under which policies.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// All columns as the source describes them, denied ones too: position by position as [`Self::rights`].
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        self.raw.table().columns()
    }

    /// The source's table.
    #[must_use]
    pub fn source(&self) -> &Arc<dyn Table> {
        self.raw.table()
    }

    /// Do its policies read other tables?
    #[must_use]
    pub fn policies_read_tables(&self) -> bool {
        self.restrictions.read_tables
    }

    fn facts(&self, filters: &[Expr], note: Option<&ScanNote>) -> Arc<ScanFacts> {
        let masked = self.rights.columns.iter().filter(|right| matches!(right, ColumnRight::Masked(_)));
        Arc::new(ScanFacts {
            row_filter: self.rights.row_filter != RowFilter::None,
            masked_columns: masked.count(),
            filters: filters.iter().map(|f| unnormalize_col(f.clone()).human_display().to_string()).collect(),
            note: note.cloned(),
        })
    }

    /// Leak-proof: a comparison, IN, IS NULL or prefix LIKE of bare *unmasked* columns with constants of their type. Nothing
    /// that can raise an error or call a function, so it may be tried on rows that the policy hides.
    fn leak_proof(&self, filter: &Expr) -> bool {
        let unmasked: Vec<Column> = self
            .columns()
            .iter()
            .zip(&self.rights.columns)
            .filter(|(_, right)| **right == ColumnRight::Allowed)
            .map(|(column, _)| column.clone())
            .collect();
        // The date of a timestamp is translated, but computing it here fails beyond the calendar: on a hidden row, that would tell.
        let casts = filter.exists(|part| Ok(matches!(part, Expr::Cast(_)))).unwrap_or(true);
        !casts && translate::predicate(filter, &unmasked).is_some()
    }

    /// Raw scan -> row filter -> masks, planned apart from the user's query. Filter and masks all read the unmasked row.
    /// `projection` counts the source's columns.
    async fn plan_inside(
        &self,
        session: &dyn Session,
        projection: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
        raw: TableAdapter,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let raw: Arc<dyn TableProvider> = Arc::new(raw);
        let source = provider_as_source(Arc::clone(&raw));
        let mut inside = LogicalPlanBuilder::scan(self.name.clone(), source, None)?;
        if let Some(policy) = &self.restrictions.filter {
            inside = inside.filter(policy.clone())?;
        }
        for filter in filters {
            inside = inside.filter(filter.clone())?;
        }
        let shown = projection.iter().map(|&i| self.shown(i));
        inside = inside.project(shown.collect::<Vec<_>>())?;
        if let Some(limit) = limit {
            inside = inside.limit(0, Some(limit))?;
        }
        let inside = inside.build()?;
        verify_inside(&inside, &raw, &self.stamp)?;
        let session = session.as_any().downcast_ref::<SessionState>();
        let session = session.ok_or_else(|| Error::internal("a restricted table is scanned outside a session"))?;
        // Not under the user's settings: a policy means the same under each.
        policy_state(session).create_physical_plan(&inside).await
    }

    fn shown(&self, position: usize) -> Expr {
        let name = self.columns()[position].name();
        match self.restrictions.masks.get(position) {
            Some(Some(mask)) => mask.clone().alias(name),
            _ => col(datafusion::common::Column::new(Some(self.name.clone()), name)),
        }
    }
}

/// The column as it looks from outside: a masked one may be NULL, a denied one is marked.
fn governed_field(field: &Field, right: &ColumnRight) -> Field {
    match right {
        ColumnRight::Allowed => field.clone(),
        ColumnRight::Masked(_) => field.clone().with_nullable(true),
        ColumnRight::Denied => {
            field.clone().with_metadata(HashMap::from([(DENIED_COLUMN.to_owned(), "true".to_owned())]))
        }
    }
}

#[async_trait]
impl TableProvider for GovernedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        // A restricted table's size would tell how many rows are hidden.
        if self.rights.unrestricted() { self.raw.statistics() } else { None }
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        if self.rights.unrestricted() {
            return self.raw.supports_filters_pushdown(filters);
        }
        let answer = |filter: &&Expr| {
            if self.leak_proof(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.schema.fields().len()).collect();
        let projection: Vec<usize> = projection.cloned().unwrap_or_else(all);
        let schema = Arc::new(self.schema.project(&projection)?);
        let projection: Vec<usize> = projection.iter().map(|&i| self.exposed[i]).collect();
        // Binding has refused this already; a second lock costs nothing.
        if projection.iter().any(|&i| self.rights.columns.get(i).is_none_or(|right| *right == ColumnRight::Denied)) {
            return Err(Error::new(ErrorCode::InsufficientPrivilege, "permission denied").into());
        }
        let (raw, note) = self.raw.observed();
        if self.rights.unrestricted() {
            let inner = raw.scan(session, Some(&projection), filters, limit).await?;
            let facts = self.facts(filters, note.get());
            return Ok(Arc::new(GovernedExec::open(self.name.clone(), self.stamp.clone(), inner, facts)));
        }
        if !filters.iter().all(|filter| self.leak_proof(filter)) {
            return Err(Error::internal("a filter that is not leak-proof reached a restricted table").into());
        }
        let inside = self.plan_inside(session, &projection, filters, limit, raw).await?;
        let facts = self.facts(filters, note.get());
        let unmasked = projection.iter().map(|&i| self.rights.columns.get(i) == Some(&ColumnRight::Allowed)).collect();
        let (name, stamp) = (self.name.clone(), self.stamp.clone());
        Ok(Arc::new(GovernedExec::sealed(name, stamp, inside, schema, facts, unmasked)))
    }
}
