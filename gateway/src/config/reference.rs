//! `docs/configuration.md`, written from the tables that validate.

use super::catalogs::FACTORIES;
use super::keys::{CATALOG, SECTIONS};
use naru_connector::{Parameter, ParameterKind};
use std::fmt::Write as _;

const HEAD: &str = "\
# Configuration

<!-- Written by `make docs` from the tables that validate the files; a test compares. -->

`naru serve --config DIR` reads `DIR/naru.toml`, one file a catalog in `DIR/catalogs`, and the files they name. `naru check
--config DIR` does the same, connects to every catalog, and says what is wrong, in which file and line.

- Relative paths start at the configuration folder.
- Durations and sizes need a unit: `500ms`, `30s`, `5m`, `1h`, `1d`; `64KiB`, `16MiB`, `1GiB`.
- `${env:NAME}`, `${env:NAME:-DEFAULT}` and `${file:PATH}` inside any text stand for an environment variable and a file's contents (without its last
  line break). Keys marked *secret* are never printed.
- An unknown key, a wrong unit or a missing file is an error, never ignored.
- Catalogs, policies, users, groups, certificates, `default_catalog` and `denied_columns` are read again when a file changes, and
  on SIGHUP. All of it is loaded and checked first; when anything is wrong, the old stays in effect and the log names file and
  line. Running queries keep what they began with. Everything else takes effect at the next start.
";

const CATALOGS: &str = "
# Catalogs

`catalogs/NAME.toml` configures the catalog `NAME`: lower-case letters, digits and `_`. A catalog whose file did not change keeps
its connections through a reload.

## Every catalog
";

/// The whole page.
#[must_use]
pub fn markdown() -> String {
    let mut page = String::from(HEAD);
    page.push_str("\n# naru.toml\n");
    for section in SECTIONS {
        if section.name.is_empty() {
            let _ = write!(page, "\n{}\n", section.help);
        } else {
            let _ = write!(page, "\n## [{}]\n\n{}\n", section.name, section.help);
        }
        table(&mut page, section.keys);
    }
    page.push_str(CATALOGS);
    table(&mut page, CATALOG);
    for factory in FACTORIES {
        let _ = write!(page, "\n## connector = \"{}\"\n", factory.name());
        if factory.parameters().is_empty() {
            page.push_str("\nNo further keys.\n");
        } else {
            table(&mut page, factory.parameters());
        }
    }
    page
}

fn table(page: &mut String, parameters: &[Parameter]) {
    page.push_str("\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
    for parameter in parameters {
        let default = match (parameter.default, parameter.required) {
            (Some(default), _) => format!("`{default}`"),
            (None, true) => "required".to_owned(),
            (None, false) => String::new(),
        };
        let secret = if parameter.secret { ", *secret*" } else { "" };
        let help = parameter.help.replace('|', "\\|");
        let _ = writeln!(page, "| `{}` | {}{secret} | {default} | {help} |", parameter.name, kind(parameter.kind));
    }
}

fn kind(kind: ParameterKind) -> String {
    match kind {
        ParameterKind::Choice(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
        ParameterKind::Integer(low, i64::MAX) => format!("whole number from {low}"),
        ParameterKind::Integer(low, high) => format!("{low} to {high}"),
        ParameterKind::Boolean => "`true`, `false`".to_owned(),
        ParameterKind::Duration => "duration".to_owned(),
        ParameterKind::Bytes => "size".to_owned(),
        ParameterKind::Text => "text".to_owned(),
        ParameterKind::Path => "path".to_owned(),
        ParameterKind::List => "list of texts".to_owned(),
        ParameterKind::Document => "table or list of tables".to_owned(),
        ParameterKind::Address => "address and port".to_owned(),
    }
}
