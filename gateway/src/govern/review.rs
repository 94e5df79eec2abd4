//! What is wrong with the SQL of policies, found before a user runs into it. No source is asked, so names of columns and tables
//! are not looked up.

use super::expressions::{parse, query_of};
use crate::error::Error;
use crate::plan::tables_of;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::TableReference;
use naru_policy::{PolicyEngine, PolicyExpression, PolicyIssue, Resource, Severity};

/// Expressions that don't parse, and policies that need each other in a circle.
#[must_use]
pub fn review(engine: &PolicyEngine) -> Vec<PolicyIssue> {
    let expressions = engine.expressions();
    let mut issues = Vec::new();
    let mut needs: Vec<Vec<usize>> = Vec::new();
    for expression in expressions {
        let read = read_tables(expression).unwrap_or_else(|error| {
            let why = error.detail.unwrap_or(error.message);
            issues.push(issue(expression, format!("{why}; its tables can't be read: {}", expression.sql)));
            Vec::new()
        });
        let needed = |other: &&PolicyExpression| {
            read.iter().any(|table| resources(expression, table).any(|named| engine.concerns(other, &named)))
        };
        let positions = expressions.iter().enumerate().filter(|(_, other)| needed(other));
        needs.push(positions.map(|(position, _)| position).collect());
    }
    for (position, expression) in expressions.iter().enumerate() {
        if comes_back(&needs, position) {
            let what = "its subqueries lead back to its own tables; whoever it is for can't read them";
            issues.push(issue(expression, what.to_owned()));
        }
    }
    issues
}

fn issue(expression: &PolicyExpression, what: String) -> PolicyIssue {
    PolicyIssue {
        policy_id: Some(expression.policy_id),
        policy_name: expression.policy_name.clone(),
        file: expression.file.clone(),
        severity: Severity::Error,
        what,
    }
}

fn read_tables(expression: &PolicyExpression) -> Result<Vec<TableReference>, Error> {
    let expr = parse(&expression.sql, Some(("column", &DataType::Utf8)), "user")?;
    Ok(tables_of(&query_of(expr)?)?)
}

/// What a name may stand for: beside each of the policy's own tables.
fn resources<'a>(expression: &'a PolicyExpression, table: &'a TableReference) -> impl Iterator<Item = Resource> + 'a {
    expression.resources.iter().flat_map(move |own| {
        let values = |level: &str, named: Option<&str>| match named {
            Some(name) => vec![name.to_owned()],
            None => own.get(level).map(|resource| resource.values.clone()).unwrap_or_default(),
        };
        let schemas = values("schema", table.schema());
        let catalogs = values("catalog", table.catalog());
        catalogs.into_iter().flat_map(move |catalog| {
            let named = |schema: &String| {
                Resource::new().with("catalog", &catalog).with("schema", schema).with("table", table.table())
            };
            schemas.iter().map(named).collect::<Vec<_>>()
        })
    })
}

fn comes_back(needs: &[Vec<usize>], start: usize) -> bool {
    let mut seen = vec![false; needs.len()];
    let mut waiting = needs.get(start).cloned().unwrap_or_default();
    while let Some(position) = waiting.pop() {
        if position == start {
            return true;
        }
        if !std::mem::replace(&mut seen[position], true) {
            waiting.extend(&needs[position]);
        }
    }
    false
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use naru_policy::EngineOptions;
    use serde_json::json;

    fn issues(filters: &[(&str, &str)]) -> Vec<(i64, String)> {
        let policies: Vec<_> = (1..)
            .zip(filters)
            .map(|(id, (table, expr))| {
                json!({"id": id, "name": table, "serviceType": "trino", "policyType": 2,
                    "resources": {"catalog": {"values": ["shop"]}, "schema": {"values": ["*"]}, "table": {"values": [table]}},
                    "rowFilterPolicyItems": [{"groups": ["staff"], "accesses": [{"type": "select"}],
                        "rowFilterInfo": {"filterExpr": expr}}]})
            })
            .collect();
        let text = json!({"metaDataInfo": {}, "policies": policies}).to_string();
        let document = naru_policy::load_files(&[("test.json".into(), text)]).unwrap();
        let engine = PolicyEngine::new(document, EngineOptions::default()).unwrap();
        assert!(engine.issues().is_empty(), "{:?}", engine.issues());
        review(&engine).into_iter().map(|issue| (issue.policy_id.unwrap_or(-1), issue.what)).collect()
    }

    #[test]
    fn sound_expressions_have_no_issue() {
        let found = issues(&[
            ("orders", "customer in (select id from customers) and dept = '${{USER.dept}}' and n < ${{USER.n}}"),
            ("customers", "region = 'eu' and owner = current_user"),
        ]);
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn the_guides_examples_are_sound() {
        let guide = include_str!("../../../docs/policies.md");
        let examples = guide.split("```json").skip(1).map(|example| example.split("```").next().unwrap());
        let text = format!("{{\"metaDataInfo\": {{}}, \"policies\": [{}]}}", examples.collect::<Vec<_>>().join(","));
        let document = naru_policy::load_files(&[("docs/policies.md".into(), text)]).unwrap();
        let engine = PolicyEngine::new(document, EngineOptions::default()).unwrap();
        assert!(engine.issues().is_empty() && review(&engine).is_empty(), "{:?}", engine.issues());
        assert_eq!(engine.expressions().len(), 1);
    }

    #[test]
    fn what_does_not_parse_is_found() {
        let found = issues(&[("orders", "a = "), ("customers", "1 = 1) or (1 = 1")]);
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn circles_are_found_and_what_leads_into_one_is_not_one() {
        let found = issues(&[
            ("a", "exists (select 1 from b)"),
            ("b", "x in (select y from shop.any.c)"),
            ("c", "exists (select 1 from a)"),
            ("d", "exists (select 1 from a)"),
            ("e", "x in (select x from e)"),
            ("f", "x in (select x from other.s.f)"),
        ]);
        assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3, 5]);
    }
}
