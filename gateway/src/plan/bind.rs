//! From a syntax tree to a plan over *this identity's* tables.
//!
//! Names resolve through [`Resolver`] only; DataFusion's own catalog list is empty. A bound plan is checked for denied
//! columns, then verified; the optimised and the physical plan are verified again.

use super::{bags, dialect, joins, lookup, names, parameters, pg_compat, query_function, wildcard};
use crate::audit::AuditedTable;
use crate::catalog::{DeniedColumns, Resolver};
use crate::error::{Error, ErrorCode, Result};
use crate::functions;
use crate::govern::{self, DENIED_COLUMN, Exposure, GovernedTable, PolicySession, Stamp};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, SchemaRef, TimeUnit};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, ExprSchema, ScalarValue, TableReference, plan_err};
use datafusion::config::ConfigOptions;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::functions_table::generate_series::GenerateSeriesFunc;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, LogicalPlan, ScalarUDF, TableSource, WindowUDF};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::planner::{PlannerContext, SqlToRel};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Expr, Query, Statement, visit_expressions};
use naru_connector::Table;
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A bound query.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The plan, not yet optimised.
    pub plan: LogicalPlan,
    /// Whose tables it reads, under which policies.
    pub stamp: Stamp,
    /// The governed tables it reads, for the audit record.
    pub tables: Vec<AuditedTable>,
    /// The same tables as their sources gave them.
    pub sources: Vec<(TableReference, Arc<dyn Table>)>,
    /// Does it hold as long as its snapshot, settings and sources are the same? Not when it has rows of system tables or facts
    /// about the session in it.
    pub lasting: bool,
}

/// Functions of a session and the tables resolved for one statement.
pub(crate) struct Names<'a> {
    pub(crate) state: &'a SessionState,
    pub(crate) tables: HashMap<TableReference, Arc<dyn TableSource>>,
    /// Functions that know the session; they come before the state's.
    own_functions: HashMap<String, Arc<ScalarUDF>>,
    planners: Vec<Arc<dyn ExprPlanner>>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(
        state: &'a SessionState,
        tables: HashMap<TableReference, Arc<dyn TableSource>>,
        own_functions: HashMap<String, Arc<ScalarUDF>>,
    ) -> Self {
        let ours: [Arc<dyn ExprPlanner>; 2] =
            [Arc::new(pg_compat::LiteralsBesideArrays), Arc::new(pg_compat::IntervalArithmetic)];
        let planners = ours.into_iter().chain(state.expr_planners().iter().cloned()).collect();
        Self { state, tables, own_functions, planners }
    }
}

/// Binds a query. `parameter_types` are those of `$1`, `$2`, ... as far as the client said.
pub async fn bind(
    state: &SessionState,
    resolver: &Resolver<'_>,
    query: &Query,
    parameter_types: &[Option<DataType>],
) -> Result<Bound> {
    let mut query = query.clone();
    names::assign(&mut query);
    let calls = query_function::take(&mut query, resolver.query_functions())?;
    pg_compat::rewrite(&mut query)?;
    dialect::to_datafusion(&mut query)?;
    let own_functions = functions::pg::for_statement(resolver, &called_functions(&query)).await?;
    let references = tables_of(&query)?;
    let exposure = Exposure {
        mentioned: wildcard::mentioned(&query),
        hide_denied: resolver.snapshot.denied_columns == DeniedColumns::Hide,
    };
    let policies = PolicySession::new(state);
    let (mut tables, mut hidden) = (HashMap::new(), HashMap::new());
    let (mut audited, mut sources) = (Vec::new(), Vec::new());
    // A statement in a source's own language is described anew each time.
    let mut lasting = own_functions.is_empty() && calls.is_empty() && !resolver.rights.engine().depends_on_time();
    for call in &calls {
        let table = resolver.query(&call.function, &call.catalog, &call.selector, &call.statement).await?;
        audited.push(audited_table(&table));
        tables.insert(call.reference.clone(), provider_as_source(table));
    }
    let named = |reference: &TableReference| {
        reference.to_string() != pg_compat::GENERATE_SERIES && calls.iter().all(|call| call.reference != *reference)
    };
    for reference in references.into_iter().filter(named) {
        let table = resolver.table(&reference, &policies, &exposure).await?;
        let provider: &dyn Any = table.as_ref();
        match provider.downcast_ref::<GovernedTable>() {
            Some(governed) => {
                hidden.insert(reference.clone(), governed.exposed_hidden().map(str::to_owned).collect());
                lasting &= !governed.policies_read_tables();
                audited.push(audited_table(governed));
                sources.push((governed.name().clone(), Arc::clone(governed.source())));
            }
            // Rows collected at this moment.
            None => lasting = false,
        }
        tables.insert(reference, provider_as_source(table));
    }
    let names = Names::new(state, tables, own_functions);
    wildcard::leave_out_hidden(&mut query, &hidden)?;
    joins::by_condition(&mut query, &names)?;
    let statement = Statement::Query(Box::new(query));
    let parameters = parameter_types.iter().map(|known| known.clone().map(parameter_field)).collect();
    let mut context = PlannerContext::new().with_prepare_param_data_types(parameters);
    let plan = SqlToRel::new(&names).sql_statement_to_plan_with_context(statement, &mut context)?;
    let plan = lookup::join_lookups(plan)?;
    let stamp = resolver.stamp();
    refuse_denied_columns(&plan)?;
    let plan = bags::count_rows(plan)?;
    govern::verify_logical(&plan, &stamp)?;
    Ok(Bound { plan, stamp, tables: audited, sources, lasting })
}

/// The tables that a query names, common table expressions left out.
pub(crate) fn tables_of(query: &Query) -> datafusion::error::Result<Vec<TableReference>> {
    let statement = DfStatement::Statement(Box::new(Statement::Query(Box::new(query.clone()))));
    Ok(resolve_table_references(&statement, true)?.0)
}

/// The names of all functions that the query calls, folded.
fn called_functions(query: &Query) -> HashSet<String> {
    let mut called = HashSet::new();
    let _: ControlFlow<()> = visit_expressions(query, |expr| {
        if let Expr::Function(function) = expr {
            let name = function.name.0.last().and_then(|part| part.as_ident());
            called.extend(name.map(|name| name.value.to_lowercase()));
        }
        ControlFlow::Continue(())
    });
    called
}

fn parameter_field(data_type: DataType) -> FieldRef {
    Arc::new(Field::new("parameter", data_type, true))
}

fn audited_table(table: &GovernedTable) -> AuditedTable {
    let masked = table.columns().iter().zip(&table.rights().columns);
    AuditedTable {
        name: table.name().to_string(),
        columns: Vec::new(),
        policies: table.rights().policies.clone(),
        masked: masked
            .filter(|(_, right)| matches!(right, govern::ColumnRight::Masked(_)))
            .map(|(column, _)| column.name().to_owned())
            .collect(),
        row_filter: table.rights().row_filter != govern::RowFilter::None,
    }
}

impl Bound {
    /// The result's columns by the names that clients see.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        names::outward(self.plan.schema().as_arrow())
    }

    /// The types of `$1`, `$2`, ...: what the client said, else what the statement implies; `None` where nothing does.
    pub fn parameter_types(&self) -> Result<Vec<Option<DataType>>> {
        Ok(parameters::infer(&self.plan)?)
    }
}

/// 42501 for a plan that reads a denied column, or gives one out without naming it. Only columns that the user typed are
/// named; one that `*` stands for is not.
fn refuse_denied_columns(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        let inputs: Vec<&DFSchema> = node.inputs().into_iter().map(|input| input.schema().as_ref()).collect();
        node.apply_expressions(|expr| {
            for column in expr.column_refs() {
                if inputs.iter().any(|schema| schema.field_from_column(column).is_ok_and(is_denied)) {
                    return Err(denied(&column.name).into());
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let gives_all = matches!(
            node,
            LogicalPlan::Union(_)
                | LogicalPlan::Distinct(_)
                | LogicalPlan::RecursiveQuery(_)
                | LogicalPlan::Subquery(_)
        );
        if gives_all {
            refuse_denied_output(node)?
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    refuse_denied_output(plan)
}

fn refuse_denied_output(plan: &LogicalPlan) -> Result<()> {
    if plan.schema().fields().iter().any(is_denied) {
        return Err(Error::new(ErrorCode::InsufficientPrivilege, "permission denied for a column of this query"));
    }
    Ok(())
}

fn is_denied(field: &FieldRef) -> bool {
    field.metadata().contains_key(DENIED_COLUMN)
}

fn denied(column: &str) -> Error {
    Error::new(ErrorCode::InsufficientPrivilege, format!("permission denied for column \"{column}\""))
}

/// Integers of any width count as `bigint`, and timestamps are in nanoseconds, for the engine's `generate_series`.
fn as_it_takes(arg: datafusion::logical_expr::Expr) -> datafusion::error::Result<datafusion::logical_expr::Expr> {
    match arg {
        datafusion::logical_expr::Expr::Literal(value, _) if value.data_type().is_integer() => {
            Ok(datafusion::logical_expr::lit(value.cast_to(&DataType::Int64)?))
        }
        datafusion::logical_expr::Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), zone), _) => {
            let nanos = DataType::Timestamp(TimeUnit::Nanosecond, zone.clone());
            let value = ScalarValue::TimestampMicrosecond(Some(micros), zone);
            Ok(datafusion::logical_expr::lit(value.cast_to(&nanos)?))
        }
        other => Ok(other),
    }
}

impl ContextProvider for Names<'_> {
    fn get_table_source(&self, name: TableReference) -> datafusion::error::Result<Arc<dyn TableSource>> {
        match self.tables.get(&name) {
            Some(table) => Ok(Arc::clone(table)),
            None => plan_err!("relation \"{name}\" does not exist"),
        }
    }

    /// `generate_series` of constants, which streams. Any other table function is refused: it would read who knows what.
    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<datafusion::logical_expr::Expr>,
    ) -> datafusion::error::Result<Arc<dyn TableSource>> {
        if name != pg_compat::GENERATE_SERIES {
            return Err(Error::new(ErrorCode::UndefinedFunction, format!("function {name} does not exist")).into());
        }
        let options = Arc::clone(self.state.config_options());
        let context = SimplifyContext::builder().with_config_options(Arc::clone(&options)).build();
        let simplifier = ExprSimplifier::new(context);
        let simplify = |arg| {
            let typed = simplifier.coerce(arg, &DFSchema::empty())?;
            simplifier.simplify(functions::dates::with_our_casts(typed, &DFSchema::empty(), &options)?)
        };
        let args = args.into_iter().map(simplify).collect::<datafusion::error::Result<Vec<_>>>()?;
        let args = args.into_iter().map(as_it_takes).collect::<datafusion::error::Result<Vec<_>>>()?;
        let table = GenerateSeriesFunc {}.call_with_args(TableFunctionArgs::new(&args, self.state))?;
        Ok(provider_as_source(table))
    }

    fn create_cte_work_table(
        &self,
        name: &str,
        schema: datafusion::arrow::datatypes::SchemaRef,
    ) -> datafusion::error::Result<Arc<dyn TableSource>> {
        Ok(provider_as_source(Arc::new(CteWorkTable::new(name, schema))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        self.own_functions.get(name).or_else(|| self.state.scalar_functions().get(name)).cloned()
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        self.state.higher_order_functions().get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        self.state.aggregate_functions().get(name).cloned()
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        self.state.window_functions().get(name).cloned()
    }

    fn get_variable_type(&self, _names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        self.state.config_options()
    }

    fn udf_names(&self) -> Vec<String> {
        self.state.scalar_functions().keys().cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        self.state.higher_order_functions().keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        self.state.aggregate_functions().keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        self.state.window_functions().keys().cloned().collect()
    }
}
