//! EXPLAIN, our own: what is read where, what the source does and what stays here. One line a scan, then lines about it.
//!
//! DataFusion's plan would name pruned files, policy predicates and statistics. Of a restricted table only those who may see
//! operational details (`sysinfo`) learn how it is read; rows are counted above the barrier.

use crate::govern::GovernedExec;
use datafusion::physical_expr::utils::split_conjunction;
use datafusion::physical_expr_common::physical_expr::fmt_sql;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use naru_connector::ScanExec;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// How much to say.
#[derive(Debug, Clone, Copy, Default)]
pub struct Detail {
    /// EXPLAIN VERBOSE: the plan's nodes too.
    pub verbose: bool,
    /// The asking identity may see operational details.
    pub system_information: bool,
    /// EXPLAIN ANALYZE: the plan was run, with this many rows in this time.
    pub ran: Option<(u64, Duration)>,
}

/// The lines of EXPLAIN.
#[must_use]
pub fn explain(plan: &Arc<dyn ExecutionPlan>, detail: Detail) -> Vec<String> {
    let mut lines = Vec::new();
    walk(plan, &mut Vec::new(), detail, &mut lines);
    if lines.is_empty() {
        lines.push("no scan: the result is made here".to_owned());
    }
    if let Some((rows, time)) = detail.ran {
        lines.push(format!("total: rows={rows} time={:.3} ms", time.as_secs_f64() * 1e3));
    }
    if detail.verbose {
        if detail.system_information {
            lines.push("plan:".to_owned());
            lines.extend(displayable(plan.as_ref()).indent(true).to_string().lines().map(|line| format!("  {line}")));
        } else {
            lines.push("plan: shown to those with the sysinfo right".to_owned());
        }
    }
    lines
}

/// `local` is what happens here to the rows of the node, nearest first.
fn walk(plan: &Arc<dyn ExecutionPlan>, local: &mut Vec<String>, detail: Detail, lines: &mut Vec<String>) {
    let node: &dyn Any = plan.as_ref();
    if let Some(governed) = node.downcast_ref::<GovernedExec>() {
        return scan(governed, local, detail, lines);
    }
    let children = plan.children();
    if let [child] = children.as_slice() {
        let mut deeper = local_work(node);
        deeper.append(&mut local.clone());
        return walk(child, &mut deeper, detail, lines);
    }
    // What happens above a join or a union is no single table's.
    for child in children {
        walk(child, &mut Vec::new(), detail, lines);
    }
}

fn local_work(node: &dyn Any) -> Vec<String> {
    if let Some(filter) = node.downcast_ref::<FilterExec>() {
        let conjuncts = split_conjunction(filter.predicate());
        let fetch = filter.fetch().map(|n| format!("limit {n}"));
        return conjuncts.into_iter().map(|part| format!("filter {}", fmt_sql(part.as_ref()))).chain(fetch).collect();
    }
    let word = if node.is::<AggregateExec>() {
        "aggregate".to_owned()
    } else if let Some(sort) = node.downcast_ref::<SortExec>() {
        sort.fetch().map_or_else(|| "sort".to_owned(), |n| format!("first {n} by sort"))
    } else if node.is::<WindowAggExec>() || node.is::<BoundedWindowAggExec>() {
        "window".to_owned()
    } else if let Some(limit) = node.downcast_ref::<GlobalLimitExec>() {
        let skip = if limit.skip() > 0 { format!(" offset {}", limit.skip()) } else { String::new() };
        limit.fetch().map_or_else(|| skip.trim().to_owned(), |n| format!("limit {n}{skip}"))
    } else if let Some(limit) = node.downcast_ref::<LocalLimitExec>() {
        format!("limit {}", limit.fetch())
    } else {
        return Vec::new();
    };
    vec![word]
}

fn scan(governed: &GovernedExec, local: &mut Vec<String>, detail: Detail, lines: &mut Vec<String>) {
    let facts = governed.facts();
    let open = !governed.is_sealed();
    let told = open || detail.system_information;
    let (mut remote, mut pushed) = (None, Vec::new());
    let mut splits = governed.properties().output_partitioning().partition_count();
    if let Some(scan) = connector_scan(governed.inner()) {
        splits = scan.scan().splits().len();
        remote = told.then(|| scan.scan().remote_text());
        pushed = scan.scan().pushed();
    } else if let Some(note) = &facts.note {
        splits = note.splits;
        remote = detail.system_information.then(|| note.remote.clone());
        pushed.clone_from(&note.pushed);
    }
    if !told {
        // How the policy's own predicate is read would tell of hidden rows.
        pushed.clone_from(&facts.filters);
    }
    // The number of splits after pruning, too.
    let splits = if told { splits.to_string() } else { "-".to_owned() };
    let ran = detail.ran.map_or_else(String::new, |_| format!(" rows={}", rows_of(governed)));
    lines.push(format!("scan {} splits={splits}{ran}", governed.table()));
    let mut say = |what: &str, text: String| {
        if !text.is_empty() {
            lines.push(format!("  {what}: {text}"));
        }
    };
    say("remote", remote.unwrap_or_default());
    if facts.row_filter && !open && !told {
        pushed.push("<policy>".to_owned());
    }
    say("pushed", pushed.join(", "));
    say(
        "dynamic filter",
        connector_scan(governed.inner()).map_or_else(String::new, |scan| dynamic_filter(scan, told, detail)),
    );
    local.dedup();
    say("local", local.join(", "));
    let mut policy = Vec::new();
    if facts.row_filter {
        policy.push("row filter".to_owned());
    }
    if facts.masked_columns > 0 {
        policy.push(format!("masked {} columns", facts.masked_columns));
    }
    say("policy", policy.join(", "));
}

fn connector_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&ScanExec> {
    let node: &dyn Any = plan.as_ref();
    node.downcast_ref::<ScanExec>().or_else(|| plan.children().into_iter().find_map(connector_scan))
}

/// The columns whose values a join says, and after a run how many they were; never the values.
fn dynamic_filter(scan: &ScanExec, told: bool, detail: Detail) -> String {
    let columns = scan.late_columns().join(", ");
    let known = scan.late().filter(|_| detail.ran.is_some()).map(ToString::to_string);
    match known {
        _ if columns.is_empty() => columns,
        Some(known) if told && !known.is_empty() => format!("{known}, from a join"),
        Some(known) if told && known.is_empty() => format!("{columns}, which the join did not say"),
        _ => format!("{columns}, from a join"),
    }
}

/// Rows that came out of the barrier, never those that went in.
fn rows_of(governed: &GovernedExec) -> usize {
    let counted = if governed.is_sealed() { governed.metrics() } else { governed.inner().metrics() };
    counted.and_then(|metrics| metrics.output_rows()).unwrap_or(0)
}
