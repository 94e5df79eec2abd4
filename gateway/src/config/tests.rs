//! The example folder loads; what is wrong is named with file and line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use super::{Configuration, load};
use std::path::{Path, PathBuf};

/// A copy of the example folder, to be broken.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(&example(), folder.path());
        Self(folder)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    fn write(&self, file: &str, text: &str) {
        std::fs::write(self.path(file), text).unwrap();
    }

    /// Loads with this `naru.toml`, below the keys that every configuration needs.
    fn load_with(&self, text: &str) -> Result<Configuration, String> {
        let needed = "default_catalog = \"tpch\"\nusers = { file = \"users\" }\n";
        self.write("naru.toml", &format!("{needed}{text}"));
        self.load()
    }

    fn load(&self) -> Result<Configuration, String> {
        load(self.0.path())
            .map_err(|problems| problems.to_string().replace(&format!("{}/", self.0.path().display()), ""))
    }
}

/// A self-signed certificate with its key, and the key of another one.
const ONE: (&str, &str) = (include_str!("testdata/one.crt"), include_str!("testdata/one.key"));
const OTHER_KEY: &str = include_str!("testdata/other.key");

fn install_provider() {
    // Another test of this process may have done so.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../conf")
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == "lake" {
            // Data that somebody wrote there to try the example.
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn wrong(text: &str) -> String {
    Folder::new().load_with(text).map(|_| ()).unwrap_err()
}

#[test]
fn the_example_loads_and_shows_the_defaults() {
    let configuration = load(&example()).unwrap();
    let pg = configuration.postgresql.unwrap();
    assert_eq!(pg.address.to_string(), "127.0.0.1:5432");
    assert_eq!(configuration.flight.unwrap().address.to_string(), "127.0.0.1:8815");
    assert_eq!(configuration.http.unwrap().address.to_string(), "127.0.0.1:8080");
    for catalog in ["tpch", "lake", "mydata"] {
        assert!(configuration.snapshot.catalogs.get(catalog).is_some(), "{catalog}");
    }
    assert!(configuration.snapshot.policies.issues().is_empty());
}

#[test]
fn every_commented_line_of_the_example_is_the_default_in_the_right_form() {
    let text = std::fs::read_to_string(example().join("naru.toml")).unwrap();
    let set = |line: &str| {
        line.strip_prefix("# ").filter(|rest| rest.contains(" = ") && !rest.contains("${")).map(str::to_owned)
    };
    let all: Vec<String> = text.lines().map(|line| set(line).unwrap_or_else(|| line.to_owned())).collect();
    let folder = Folder::new();
    let text = all.join("\n");
    // These name files that a new folder does not have.
    let absent = |line: &&str| {
        ["/etc/", "/var/", "required = "].iter().any(|part| line.contains(part)) || line.ends_with(".tls]")
    };
    let text: Vec<&str> = text.lines().filter(|line| !absent(line)).collect();
    folder.write("naru.toml", &text.join("\n"));
    folder.load().unwrap();
}

#[test]
fn a_wrong_line_is_named_with_what_would_be_right() {
    assert_eq!(
        wrong("\n[postgresql]\nadress = \"127.0.0.1:0\""),
        "naru.toml:5: unknown key \"postgresql.adress\"; did you mean \"postgresql.address\"?"
    );
    assert_eq!(
        wrong("[postgres]"),
        "naru.toml:3: unknown key \"postgres\"; did you mean \"postgresql\"?\n\
         naru.toml: no door is open: write a [postgresql] or [flight] section"
            .lines()
            .next()
            .unwrap()
    );
    assert_eq!(
        wrong("[postgresql]\n[limits]\nmemory = \"2GB\""),
        "naru.toml:5: \"limits.memory\" is not a size in bytes such as 64KiB, 16MiB or 1GiB"
    );
    assert_eq!(
        wrong("[postgresql]\naddress = \"localhost:5432\""),
        "naru.toml:4: \"postgresql.address\" is not an IP address with a port such as 127.0.0.1:5432"
    );
    assert_eq!(
        wrong("postgresql = 1"),
        "naru.toml:3: \"postgresql\" is a table: write its keys below [postgresql]\n\
         naru.toml:3: \"postgresql\" is a table: write its keys below [postgresql.tls]"
    );
    assert!(wrong("[postgresql\n").starts_with("naru.toml:3: "));
    assert!(wrong("").contains("no door is open"));
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let folder = Folder::new();
    folder.write("naru.toml", "[postgresql]\nlogin = \"trust\"\n[policies]\nfolder = \"none\"\n");
    folder.write("catalogs/tpch.toml", "connector = \"tpch\"\n\ndefault_shema = \"tiny\"\n");
    folder.write("catalogs/lake.toml", "connector = \"delta\"\n");
    let problems = folder.load().map(|_| ()).unwrap_err();
    for expected in [
        "naru.toml: \"default_catalog\" is missing",
        "naru.toml:2: \"postgresql.login\" is not one of scram, password",
        "naru.toml: \"users.file\" is missing",
        "none: can't be read",
        "catalogs/tpch.toml:3: unknown key \"default_shema\"; did you mean \"default_schema\"?",
        "catalogs/tpch.toml: \"default_schema\" is missing",
        "catalogs/lake.toml:1: there is no connector \"delta\"; known connectors: hive",
    ] {
        assert!(problems.contains(expected), "{expected} is not in\n{problems}");
    }
}

#[test]
fn files_beside_it_are_named_with_their_lines() {
    let folder = Folder::new();
    folder.write("users", "# fine\nalice\n");
    folder.write("policies/demo.json", "{\n  \"policies\": [}\n");
    let problems = folder.load().map(|_| ()).unwrap_err();
    assert!(problems.contains("users:2: "), "{problems}");
    assert!(problems.contains("policies/demo.json:2: "), "{problems}");
}

#[test]
fn the_default_catalog_must_be_there() {
    let folder = Folder::new();
    folder.write("naru.toml", "users = { file = \"users\" }\ndefault_catalog = \"nope\"\n[postgresql]\n");
    let problems = folder.load().map(|_| ()).unwrap_err();
    assert!(problems.starts_with("naru.toml:2: "), "{problems}");
}

#[test]
fn a_problem_never_repeats_a_line_that_may_hold_a_secret() {
    let problems = wrong("[audit]\nhash_key = \"hunter2\n");
    assert!(problems.starts_with("naru.toml:4") && !problems.contains("hunter2"), "{problems}");
    let problems = wrong("[flight]\nsigning_key = \"hunter2\"\n");
    assert!(problems.contains("naru.toml:4: ") && !problems.contains("hunter2"), "{problems}");
}

#[test]
fn passwords_in_clear_need_required_tls_or_the_same_machine() {
    let folder = Folder::new();
    let door = |address: &str, tls: &str| {
        let text = format!("[postgresql]\naddress = \"{address}:0\"\nlogin = \"password\"\n{tls}");
        folder.load_with(&text).map(|_| ())
    };
    install_provider();
    folder.write("tls.crt", ONE.0);
    folder.write("tls.key", ONE.1);
    let tls = "[postgresql.tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n";
    door("127.0.0.1", "").unwrap();
    assert!(door("0.0.0.0", "").unwrap_err().contains("naru.toml:5: login = \"password\""));
    assert!(door("0.0.0.0", &format!("{tls}required = false\n")).is_err());
    door("0.0.0.0", tls).unwrap();
}

#[test]
fn a_certificate_that_does_not_fit_its_key_is_refused() {
    install_provider();
    let folder = Folder::new();
    folder.write("tls.crt", ONE.0);
    folder.write("tls.key", OTHER_KEY);
    let tls = "[postgresql]\n[postgresql.tls]\ncertificate = \"tls.crt\"\nkey = \"tls.key\"\n";
    let problem = folder.load_with(tls).map(|_| ()).unwrap_err();
    assert!(problem.starts_with("tls.key: certificate and key do not fit"), "{problem}");
    folder.write("tls.key", "no key");
    assert!(folder.load_with(tls).map(|_| ()).unwrap_err().starts_with("tls.key: no usable PEM file"));
    folder.write("tls.key", ONE.1);
    assert!(folder.load_with(tls).unwrap().postgresql.unwrap().options.tls.is_some());
}

#[test]
fn the_reference_is_what_make_docs_wrote() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    let committed = std::fs::read_to_string(committed).unwrap_or_default();
    assert_eq!(committed, super::reference::markdown(), "run `make docs`");
}

#[test]
fn secrets_in_structured_keys_are_filled_in_and_never_shown() {
    let folder = Folder::new();
    folder.write("secret", "Hunter2\n");
    let catalog = |more: &str| format!("connector = \"mysql\"\nhosts = [\"localhost\"]\nuser = \"naru\"\n{more}\n");
    let accounts = "[[accounts]]\nservers = [0]\npassword = \"${file:secret}\"";
    folder.write("catalogs/shop.toml", &catalog(accounts));
    let loaded = folder.load().unwrap();
    let shown = format!("{loaded:?} {:?} {:?}", loaded.origin, loaded.snapshot);
    assert!(!shown.contains("Hunter2"), "{shown}");

    // Where the value is wrong: the reader of the structure would repeat it.
    for wrong in ["layout = \"${file:secret}\"", "name = \"t\"\nservers = [\"${file:secret}\"]"] {
        folder.write("catalogs/shop.toml", &catalog(&format!("[[tables]]\nschema = \"s\"\n{wrong}")));
        let error = folder.load().err().unwrap();
        assert!(error.contains("shop.toml") && error.contains("***"), "{error}");
        assert!(!error.to_lowercase().contains("hunter2"), "{error}");
    }
    folder.write("catalogs/shop.toml", &catalog("[[tables]]\nschema = \"${file:no-such-file}\"\nname = \"t\""));
    assert!(folder.load().err().unwrap().contains("no-such-file"));
}
