//! EXPLAIN, line by line as design and docs promise: a `scan` line for each table, then `remote`, `pushed`, `local` and `policy`.
//! The expected texts are written from that promise and the demo's data, not from what was printed.

use crate::world::{World, rows};

/// The lines; of numbers that depend on the machine only that they are there.
async fn explain(world: &World, user: &str, sql: &str) -> Vec<String> {
    let mut session = world.session(user).await;
    let lines = rows(&mut session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    lines.into_iter().map(|mut line| line.remove(0)).collect()
}

/// With `splits=N` for a number of splits, which follows the machine's cores.
fn any_splits(lines: Vec<String>) -> Vec<String> {
    let any = |line: String| match line.split_once(" splits=") {
        Some((scan, number)) if number.chars().all(|c| c.is_ascii_digit()) => format!("{scan} splits=N"),
        _ => line,
    };
    lines.into_iter().map(any).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_says_what_the_source_does_and_what_is_left() {
    let world = World::new();
    let sql = "explain select c_name from customer where c_custkey < 10 order by c_name limit 3";
    assert_eq!(
        any_splits(explain(&world, "alice", sql).await),
        [
            "scan tpch.tiny.customer splits=N",
            "  remote: generate customer at scale 0.01",
            "  local: filter c_custkey < 10, first 3 by sort",
        ]
    );
    let sql = "explain select count(*) from orders";
    assert_eq!(
        any_splits(explain(&world, "alice", sql).await),
        ["scan tpch.tiny.orders splits=N", "  remote: generate orders at scale 0.01", "  local: aggregate"]
    );
    let sql = "explain select n_name from nation limit 4";
    assert_eq!(
        any_splits(explain(&world, "alice", sql).await),
        ["scan tpch.tiny.nation splits=N", "  remote: generate nation at scale 0.01", "  pushed: limit 4",]
    );
    assert_eq!(explain(&world, "alice", "explain select 1 + 1").await, ["no scan: the result is made here"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_table_of_a_join_has_its_lines_and_what_is_above_belongs_to_none() {
    let world = World::new();
    let sql = "explain select n_name, count(*) from nation join region on n_regionkey = r_regionkey \
               where r_name = 'ASIA' group by n_name order by 1";
    let lines = any_splits(explain(&world, "alice", sql).await);
    let scans: Vec<_> = lines.iter().filter(|line| line.starts_with("scan ")).map(String::as_str).collect();
    assert_eq!(scans.len(), 2, "{lines:#?}");
    assert!(scans.contains(&"scan tpch.tiny.nation splits=N") && scans.contains(&"scan tpch.tiny.region splits=N"));
    let local: Vec<_> = lines.iter().filter(|line| line.starts_with("  local:")).map(String::as_str).collect();
    assert_eq!(local, ["  local: filter r_name = ASIA"], "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pruned_partitions_are_visible() {
    let world = World::new();
    let sql = "explain select user_id from lake.mydata.api_request where dt = date '2026-01-03' and ms > 50";
    let lines = explain(&world, "alice", sql).await;
    assert_eq!(lines[0], "scan lake.mydata.api_request splits=1", "{lines:#?}");
    assert_eq!(lines[1], "  remote: files=1/10 pruned by dt", "{lines:#?}");
    assert!(
        lines[2].starts_with("  pushed: ") && lines[2].contains("dt = ") && lines[2].contains("ms > "),
        "{lines:#?}"
    );
    // The partition's own filter needs no second look; that of the rows does.
    assert_eq!(lines[3..], ["  local: filter ms > 50"], "{lines:#?}");

    let all = explain(&world, "alice", "explain select user_id from lake.mydata.api_request").await;
    assert_eq!(all, ["scan lake.mydata.api_request splits=10", "  remote: files=10/10"]);
    // Which files there are is for those who may see operational details.
    let seen = explain(&world, "bob", sql).await;
    assert!(!seen.iter().any(|line| line.contains("files=") || line.contains("remote")), "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_restricted_table_only_that_it_is_one() {
    let world = World::new();
    let sql = "explain select c_name from customer where c_custkey < 10 and length(c_name) > 3 order by c_name limit 3";
    assert_eq!(
        explain(&world, "bob", sql).await,
        [
            "scan tpch.tiny.customer splits=-",
            "  pushed: c_custkey < 10, <policy>",
            "  local: filter character_length(c_name) > 3, first 3 by sort",
            "  policy: row filter, masked 1 columns",
        ]
    );
    // A filter of a masked column stays outside.
    let sql = "explain select c_name from customer where c_phone like 'X%'";
    assert_eq!(
        explain(&world, "bob", sql).await,
        [
            "scan tpch.tiny.customer splits=-",
            "  pushed: <policy>",
            "  local: filter c_phone LIKE X%",
            "  policy: row filter, masked 1 columns",
        ]
    );
    // Masks without a row filter.
    let sql = "explain select ssn from lake.mydata.customers";
    assert_eq!(
        explain(&world, "bob", sql).await,
        ["scan lake.mydata.customers splits=-", "  policy: masked 2 columns"]
    );
    for sql in [
        "explain verbose select * from lake.mydata.customers",
        "explain verbose select c_name from customer where c_custkey < 10",
        "explain (analyze, verbose) select c_name from customer where c_custkey < 10",
    ] {
        let text = explain(&world, "bob", sql).await.join("\n");
        for hidden in ["BUILDING", "c_mktsegment", "naru_text_mask", "generate", "file", "FilterExec", "ScanExec"] {
            assert!(!text.contains(hidden), "{sql} shows {hidden}:\n{text}");
        }
        assert!(text.contains("plan: shown to those with the sysinfo right"), "{text}");
    }
    let text = explain(&world, "alice", "explain verbose select c_name from customer").await.join("\n");
    assert!(text.contains("plan:\n") && text.contains("ScanExec"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn analyze_counts_what_comes_out_of_the_barrier() {
    let world = World::new();
    let (mut alice, mut bob) = (world.session("alice").await, world.session("bob").await);
    for (condition, whole) in [("true", "1500"), ("c_custkey < 100", "99")] {
        let of_segment = format!("select count(*) from customer where c_mktsegment = 'BUILDING' and {condition}");
        let visible = rows(&mut alice, &of_segment).await.unwrap()[0][0].clone();
        assert_ne!(visible, whole);
        let sql = format!("explain analyze select c_name from customer where {condition}");
        let lines: Vec<_> = rows(&mut bob, &sql).await.unwrap().into_iter().flatten().collect();
        assert_eq!(lines[0], format!("scan tpch.tiny.customer splits=- rows={visible}"), "{lines:#?}");
        let last = lines.last().unwrap();
        assert!(last.starts_with(&format!("total: rows={visible} time=")), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains(&format!("rows={whole}"))), "{lines:#?}");
    }
    // A limit says no more of the hidden rows either.
    let lines = rows(&mut bob, "explain analyze select c_name from customer limit 5").await.unwrap();
    let scanned: usize = lines[0][0].rsplit_once("rows=").unwrap().1.parse().unwrap();
    assert!(scanned <= 1500 / 4, "{lines:?}");
    // An open table counts what its source gave.
    let lines = rows(&mut alice, "explain analyze select count(*) from customer").await.unwrap();
    assert!(lines[0][0].ends_with(" rows=1500") && lines.last().unwrap()[0].starts_with("total: rows=1 "), "{lines:?}");
}
