//! docker-compose.yml, read as YAML: its servers are those of the example's catalog `mydata`. Docker itself is not run.

use crate::clients::installed;
use naru_sql_tests::workspace;
use serde_json::Value;
use std::process::Command;

/// The file with its anchors merged, as docker reads it.
fn compose() -> Value {
    let code = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)";
    let file = std::fs::File::open(workspace().join("docker-compose.yml")).unwrap();
    let output = Command::new(installed().join("python/bin/python")).args(["-c", code]).stdin(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn each_server_of_the_example_is_a_mysql_8_with_its_shard() {
    let compose = compose();
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.len(), 4);
    let example = std::fs::read_to_string(workspace().join("conf/catalogs/mydata.toml")).unwrap();
    assert!(example.contains("hosts = [\"127.0.0.1:3306{0..3}\"]"), "{example}");
    for (shard, service) in services.values().enumerate() {
        assert!(service["image"].as_str().unwrap().starts_with("mysql:8"), "{service}");
        assert_eq!(service["environment"]["SHARD"], shard.to_string());
        assert_eq!(service["environment"]["MYSQL_DATABASE"], "mydata");
        assert_eq!(service["ports"][0], format!("127.0.0.1:3306{shard}:3306"));
        for volume in service["volumes"].as_array().unwrap() {
            let file = volume.as_str().unwrap().split(':').next().unwrap();
            assert!(workspace().join(file).exists(), "{file}");
        }
    }
}

#[test]
fn gateway_and_servers_fall_back_to_the_same_account() {
    let compose = compose();
    let environment = &compose["services"]["mysql-0"]["environment"];
    let example = std::fs::read_to_string(workspace().join("conf/catalogs/mydata.toml")).unwrap();
    let password = environment["MYSQL_PASSWORD"].as_str().unwrap();
    assert!(example.contains(&format!("password = \"{}\"", password.replace("${", "${env:"))), "{password}");
    assert!(example.contains(&format!("user = \"{}\"", environment["MYSQL_USER"].as_str().unwrap())));
}
