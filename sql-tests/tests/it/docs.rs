//! What the pages show is run: commands, connect lines, queries, configuration files, policies.

use crate::clients;
use naru_sql_tests::naru::{self, Naru};
use naru_sql_tests::tool::{self, Finished};
use naru_sql_tests::workspace;
use std::fs;
use std::path::Path;
use tokio::process::Command;

fn page(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap()
}

/// The fenced blocks of a page in one language.
pub(crate) fn blocks(path: &str, language: &str) -> Vec<String> {
    let page = page(path);
    // Text and blocks alternate.
    let blocks = page.split("\n```").skip(1).step_by(2).filter_map(|block| block.split_once('\n'));
    blocks.filter(|(named, _)| *named == language).map(|(_, text)| format!("{text}\n")).collect()
}

/// The README's words with the ports of a demo that runs on others.
fn on_ports_of(naru: &Naru, text: &str) -> String {
    text.replace("55432", &naru.pg().to_string()).replace("55815", &naru.flight().to_string())
}

async fn sh(line: &str, folder: &Path, input: &str) -> Finished {
    let mut command = Command::new("sh");
    let path = [naru::binary().parent().unwrap().to_str().unwrap(), &std::env::var("PATH").unwrap()].join(":");
    command.args(["-c", line]).current_dir(folder).env("PATH", path).env("LC_ALL", "C.UTF-8");
    command.env("MYDATA_PASSWORD", "secret").env("MYDATA_PASSWORD_2", "secret");
    tool::run(command, input).await
}

#[tokio::test]
async fn the_readmes_queries_do_what_is_said_of_them() {
    let naru = Naru::shared();
    let lines = blocks("README.md", "sh");
    let psql = lines.iter().find(|block| block.contains("psql ")).unwrap();
    let psql = on_ports_of(naru, psql.trim());
    let queries = blocks("README.md", "sql");
    let finished = sh(&psql, naru.folder(), &queries[0]).await;
    let (rows, errors) = (finished.stdout, finished.stderr);
    assert_eq!(errors, "ERROR:  permission denied for column \"c_acctbal\"\n", "{rows}");
    // Customers, the join, ten days of five organisations, the plan.
    assert_eq!(rows.matches("(50 rows)").count(), 1, "{rows}");
    assert_eq!(rows.matches("(3 rows)").count(), 3, "{rows}");
    assert_eq!(rows.matches(" rows)").count(), 4, "{rows}");
    assert_eq!(rows.matches("| XXXXXXXXXXX").count(), 3, "{rows}");
    assert!(rows.contains("BUILDING") && !rows.contains("AUTOMOBILE"), "{rows}");
    assert!(rows.contains("scan tpch.tiny.customer"), "{rows}");
}

/// The connect lines of the README by what they connect from.
fn connect_line(from: &str) -> String {
    let page = page("README.md");
    let line = page.lines().find(|line| line.starts_with(&format!("| {from} | `"))).unwrap();
    on_ports_of(Naru::shared(), line.split('`').nth(1).unwrap())
}

const PHONE: &str = "select c_phone from tpch.tiny.customer where c_custkey = 1";

#[tokio::test]
async fn the_readmes_connect_lines_connect() {
    for driver in ["PostgreSQL", "Flight SQL"] {
        let url = connect_line(&format!("JDBC ({driver})"));
        let finished = clients::java("Connect", &[&url, PHONE]).await;
        assert_eq!(finished.success(), "XXXXXXXXXXX2988\n", "{url}");
    }
    for (module, from) in [("adbc_driver_flightsql.dbapi", "Python ADBC"), ("psycopg", "psycopg")] {
        let line = connect_line(from);
        let program = format!(
            "import {module}\nwith {line} as connection, connection.cursor() as cursor:\n    \
             cursor.execute('{PHONE}')\n    print(cursor.fetchone()[0])"
        );
        assert_eq!(clients::python(&["-c", &program]).await.success(), "XXXXXXXXXXX2988\n", "{line}");
    }
}

/// A configuration folder like the example.
fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = std::process::Command::new("cp").arg("-r").arg(workspace().join("conf")).arg(folder.path()).status();
    assert!(copy.unwrap().success());
    folder
}

#[tokio::test]
async fn policies_and_commands_of_the_page_about_policies_are_sound() {
    let folder = example();
    let examples = blocks("docs/policies.md", "json").join(",");
    assert!(examples.contains("schemafunction") && examples.contains("rowFilterInfo"), "{examples}");
    let policies = format!("{{\"metaDataInfo\": {{}}, \"policies\": [{examples}]}}");
    fs::write(folder.path().join("new-policies.json"), policies).unwrap();
    let commands = blocks("docs/policies.md", "sh").concat();
    assert_eq!(commands.lines().count(), 4);
    for line in commands.lines() {
        let said = sh(line, folder.path(), "").await.success();
        if line.contains("explain") {
            assert!(said.contains("masked MASK_SHOW_LAST_4 by policy 5"), "{line}\n{said}");
        } else {
            assert!(said.ends_with("0 warnings, no errors\n"), "{line}\n{said}");
        }
    }
}

/// Writes an example catalog under the name that its first line gives it, and the files that it names.
fn write_catalog(folder: &Path, text: &str) {
    let name = text.lines().next().unwrap().strip_prefix("# conf/").unwrap();
    fs::write(folder.join("conf").join(name), text).unwrap();
    let key = rcgen::generate_simple_self_signed(["db0.example".to_owned()]).unwrap();
    fs::write(folder.join("conf/mydata-ca.pem"), key.cert.pem()).unwrap();
    fs::write(folder.join("conf/mydata-users"), "bob:reader:secret\n*:other:secret\n").unwrap();
}

#[tokio::test]
async fn catalogs_of_the_pages_about_connectors_load() {
    let load = "naru policy check --config conf";
    for connector in ["hive", "mysql", "tpch"] {
        let examples = blocks(&format!("docs/connectors/{connector}.md"), "toml");
        let folder = example();
        write_catalog(folder.path(), &examples[0]);
        let _ = sh(load, folder.path(), "").await.success();
        if connector == "mysql" {
            // The second one is more of the first: before its tables, which end what stands outside of tables.
            let (head, tables) = examples[0].split_once("[[tables]]").unwrap();
            write_catalog(folder.path(), &format!("{head}{}[[tables]]{tables}", examples[1]));
            let _ = sh(load, folder.path(), "").await.success();
        }
    }
    let folder = example();
    let _ = sh("naru demo --write-lake conf/lake", folder.path(), "").await.success();
    fs::remove_file(folder.path().join("conf/catalogs/mydata.toml")).unwrap();
    let types = folder.path().join("conf/lake/mydata/api_request/.naru.toml");
    assert!(types.exists());
    fs::write(&types, &blocks("docs/connectors/hive.md", "toml")[1]).unwrap();
    let _ = sh("naru check --config conf", folder.path(), "").await.success();
}
