#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::*;
use datafusion::sql::sqlparser::ast::Statement;

fn rewritten(sql: &str) -> Result<String> {
    let parsed = crate::plan::parse(sql)?.pop().unwrap();
    let Statement::Query(query) = parsed.statement.unwrap().as_ref().clone() else { panic!("{sql} is no query") };
    let mut query = *query;
    rewrite(&mut query)?;
    Ok(query.to_string())
}

#[test]
fn constructs_of_postgresql_become_ones_that_can_be_planned() {
    for (sql, expected) in [
        ("SELECT 1 WHERE a OPERATOR(pg_catalog.~) '^(x)$' COLLATE pg_catalog.default", "SELECT 1 WHERE a ~ '^(x)$'"),
        ("SELECT pg_catalog.pg_get_userbyid(a)", "SELECT pg_get_userbyid(a)"),
        ("SELECT current_user, current_schema", "SELECT current_user(), current_schema()"),
        ("SELECT 1 WHERE oid = 'a.b'::regclass", "SELECT 1 WHERE oid = regclass('a.b')"),
        ("SELECT 'b'::regclass::oid", "SELECT regclass('b')::BIGINT"),
        ("SELECT a::regclass", "SELECT regclassout(regclass(a))"),
        ("SELECT a::regtype::pg_catalog.text", "SELECT regtypeout(regtype(a))"),
        ("SELECT '5'::oid, 'x'::name, 'r'::\"char\"", "SELECT '5'::BIGINT, 'x'::TEXT, 'r'::TEXT"),
        ("SELECT 1 WHERE a = ANY ('{b,\"c d\",NULL}')", "SELECT 1 WHERE a = ANY(ARRAY['b', 'c d', NULL])"),
        ("SELECT '{}'::text[]", "SELECT ARRAY[]::TEXT[]"),
        (
            "SELECT * FROM generate_series(1, 3)",
            "SELECT * FROM generate_series(1, 3) AS generate_series (generate_series)",
        ),
        ("SELECT * FROM pg_catalog.pg_get_keywords()", "SELECT * FROM pg_catalog.pg_get_keywords"),
        ("SELECT (information_schema._pg_expandarray(k)).n", "SELECT get_field(unnest(_pg_expandarray(k)), 'n')"),
        ("SELECT a LIKE $1 ESCAPE '/'", "SELECT a LIKE like_escape($1, '/')"),
        ("SELECT ARRAY(SELECT a FROM t ORDER BY a)", "SELECT (SELECT array_agg(a ORDER BY a) FROM t)"),
    ] {
        assert_eq!(rewritten(sql).unwrap(), expected, "{sql}");
    }
}

#[test]
fn what_has_no_like_is_refused() {
    assert_eq!(rewritten("SELECT a COLLATE \"ko_KR\"").unwrap_err().code, ErrorCode::FeatureNotSupported);
    assert_eq!(rewritten("SELECT a OPERATOR(mine.+) b").unwrap_err().code, ErrorCode::FeatureNotSupported);
    for literal in ["a", "{a", "{{a}}", "{a,}", "{\"a}"] {
        let error = rewritten(&format!("SELECT '{literal}'::text[]")).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidTextRepresentation, "{literal}");
    }
}
