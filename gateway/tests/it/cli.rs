//! The `naru` program itself: what it says, and its exit codes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn naru(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_naru")).args(arguments).output().unwrap()
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf")
}

/// What a command wrote, and its exit code.
fn run(arguments: &[&str]) -> (i32, String) {
    let output = naru(arguments);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

/// A folder like the example, with doors on free ports.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["catalogs", "policies"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
    }
    for file in ["users", "groups", "catalogs/tpch.toml", "policies/demo.json"] {
        std::fs::copy(example().join(file), folder.path().join(file)).unwrap();
    }
    let text = "default_catalog = \"tpch\"\nusers = { file = \"users\", groups = \"groups\" }\n\
                [postgresql]\naddress = \"127.0.0.1:0\"\n";
    std::fs::write(folder.path().join("naru.toml"), text).unwrap();
    folder
}

#[test]
fn check_connects_to_every_catalog() {
    let folder = folder();
    let lake = folder.path().join("lake");
    assert_eq!(run(&["demo", "--write-lake", lake.to_str().unwrap()]).0, 0);
    std::fs::copy(example().join("catalogs/lake.toml"), folder.path().join("catalogs/lake.toml")).unwrap();
    let (code, text) = run(&["check", "--config", folder.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
    for catalog in ["tpch", "lake"] {
        assert!(text.contains(&format!("{catalog}.toml: catalog {catalog} answers")), "{text}");
    }
}

#[test]
fn a_wrong_configuration_is_2_with_file_and_line() {
    let folder = folder();
    let path = folder.path().to_str().unwrap();
    std::fs::write(folder.path().join("catalogs/lake.toml"), "connector = \"hive\"\nrot = \"x\"\n").unwrap();
    for command in ["check", "serve"] {
        let (code, text) = run(&[command, "--config", path]);
        assert_eq!(code, 2, "{command}: {text}");
        assert!(text.contains("catalogs/lake.toml:2: unknown key \"rot\"; did you mean \"root\"?"), "{text}");
    }
    let lake = "connector = \"hive\"\ndefault_schema = \"s\"\nmetastore = \"directory\"\nroot = \"nowhere\"\n";
    std::fs::write(folder.path().join("catalogs/lake.toml"), lake).unwrap();
    let (code, text) = run(&["check", "--config", path]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("lake.toml: error: catalog lake: "), "{text}");
    assert_eq!(run(&["check", "--config", "/nonexistent"]).0, 2);
}

#[test]
fn policy_check_finds_what_cannot_work() {
    let example = example();
    assert_eq!(run(&["policy", "check", "--config", example.to_str().unwrap()]).0, 0);
    let folder = folder();
    let policy = r#"{"metaDataInfo": {}, "policies": [{"id": 9, "name": "circle", "serviceType": "trino", "policyType": 2,
        "resources": {"catalog": {"values": ["tpch"]}, "schema": {"values": ["*"]}, "table": {"values": ["orders"]}},
        "rowFilterPolicyItems": [{"groups": ["g"], "accesses": [{"type": "select"}],
            "rowFilterInfo": {"filterExpr": "exists (select 1 from orders)"}}]}]}"#;
    let file = folder.path().join("circle.json");
    std::fs::write(&file, policy).unwrap();
    let (code, text) = run(&["policy", "check", "--config", folder.path().to_str().unwrap(), file.to_str().unwrap()]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("circle.json: error: policy 9 (circle): its subqueries lead back"), "{text}");
}

fn assert_holds(text: &str, all: &[&str]) {
    for expected in all {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

/// What `policy explain --sql` says, and its exit code.
fn explained(folder: &Path, user: &str, sql: &str) -> (i32, String) {
    run(&["policy", "explain", "--config", folder.to_str().unwrap(), "--user", user, "--sql", sql])
}

#[test]
fn policy_explain_names_the_policies_that_decide() {
    let folder = folder();
    let path = folder.path().to_str().unwrap();
    let about_table = run(&["policy", "explain", "--config", path, "--user", "bob", "--table", "customer"]);
    let about_query = explained(folder.path(), "bob", "select * from tpch.tiny.customer");
    for (code, text) in [about_table, about_query] {
        assert_eq!(code, 0, "{text}");
        let expected = [
            "bob is in the groups: analysts",
            "row filter: c_mktsegment = 'BUILDING', by policy 8",
            "column c_phone: allowed",
            "masked MASK_SHOW_LAST_4 by policy 5",
            "column c_acctbal: DENIED",
        ];
        assert_holds(&text, &expected);
    }
    let (_, text) = run(&["policy", "explain", "--config", path, "--user", "carol", "--table", "customer"]);
    assert!(text.contains("access: DENIED") && text.contains("column c_name: DENIED"), "{text}");
}

#[test]
fn policy_explain_binds_a_statement_as_the_user() {
    let folder = folder();
    let read = "with names as (select c_phone p, c_custkey from customer where c_name like 'C%') \
                select n.p from names n, orders o where o.o_custkey = n.c_custkey";
    let (code, text) = explained(folder.path(), "bob", read);
    assert_eq!(code, 0, "{text}");
    let expected = [
        "  reads tpch.tiny.customer (c_custkey, c_name, c_phone), rows filtered, masked: c_phone\n",
        "  reads tpch.tiny.orders (o_custkey)\n",
        "column c_name: allowed",
    ];
    assert_holds(&text, &expected);
    // Of the columns, those that it reads; no common table expression.
    assert!(!text.contains("column c_address") && !text.contains("table=names"), "{text}");

    let denied = "select 'a' from customer where c_acctbal > 0";
    let (code, text) = explained(folder.path(), "bob", denied);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("  is refused with 42501: permission denied for column \"c_acctbal\"\n"), "{text}");
    assert!(text.contains("column c_acctbal: DENIED"), "{text}");
    let (_, text) = explained(folder.path(), "alice", denied);
    assert!(text.contains("  reads tpch.tiny.customer (c_acctbal)\n"), "{text}");
    let (_, text) = explained(folder.path(), "carol", denied);
    assert!(text.contains("  is refused with 42P01: relation \"customer\" does not exist\n"), "{text}");
}

#[test]
fn policy_explain_follows_the_statements_of_a_script() {
    let folder = folder();
    let script = "use sf1; explain select n_name from nation; copy (select $1::int, r_name from region) to stdout; \
                  select relname from pg_class; insert into nation values (1)";
    let (code, text) = explained(folder.path(), "bob", script);
    assert_eq!(code, 0, "{text}");
    let expected = [
        "  reads tpch.sf1.nation (n_name)\n",
        "  reads tpch.sf1.region (r_name)\n",
        "pg_class shows each user what exists for that user\n",
        "  is refused with 25006: ",
    ];
    assert_holds(&text, &expected);
    let (code, text) = explained(folder.path(), "bob", "selec 1");
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("syntax error"), "{text}");
}

#[test]
fn serve_ends_with_0_when_it_is_told_to() {
    let folder = folder();
    let mut server = Command::new(env!("CARGO_BIN_EXE_naru"))
        .args(["serve", "--config", folder.path().to_str().unwrap()])
        .env("NARU_LOG", "info")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    assert!(log.any(|line| line.unwrap().contains("naru is ready")));
    let told = Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
    assert!(told.success());
    // Reading to its end keeps the server from waiting for its log to be read.
    log.for_each(drop);
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn serve_ends_with_1_when_it_cannot_listen() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = folder();
    let file = folder.path().join("naru.toml");
    let text =
        std::fs::read_to_string(&file).unwrap().replace(":0", &format!(":{}", taken.local_addr().unwrap().port()));
    std::fs::write(&file, text).unwrap();
    let (code, text) = run(&["serve", "--config", folder.path().to_str().unwrap()]);
    assert_eq!(code, 1, "{text}");
}
