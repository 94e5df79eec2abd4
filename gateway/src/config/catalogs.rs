//! `catalogs/*.toml`: one file a catalog, its keys validated against the connector's own table of parameters.

use super::document::{Document, Values};
use super::keys::{CATALOG, CONNECTOR};
use super::load::read;
use super::problem::{Problem, Problems};
use crate::catalog::Catalog;
use naru_connector::{ConnectorFactory, Parameter, Parameters};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Every kind of source. A new one is a crate and one line here.
pub(super) const FACTORIES: &[&dyn ConnectorFactory] =
    &[&naru_hive::HiveFactory, &naru_mysql::MysqlFactory, &naru_tpch::TpchFactory];

/// A catalog and what it was made of: while that stays, a reload keeps it with its connections and caches.
#[derive(Debug, Clone)]
pub(super) struct Configured {
    pub(super) catalog: Catalog,
    pub(super) file: PathBuf,
    pub(super) secret_files: Vec<PathBuf>,
    connector: &'static str,
    parameters: Parameters,
}

/// All catalogs of a configuration folder, named by their files.
pub(super) fn load(folder: &Path, kept: &[Configured], problems: &mut Problems) -> Vec<Configured> {
    let files = problems.note(files(folder)).unwrap_or_default();
    files.iter().filter_map(|path| catalog(path, kept, problems)).collect()
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let unreadable = |error| Problem::of(folder, format!("can't be read: {error}"));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn catalog(path: &Path, kept: &[Configured], problems: &mut Problems) -> Option<Configured> {
    let text = problems.note(read(path))?;
    let document = problems.note(Document::parse(path, &text))?;
    let name = problems.note(name(path))?;
    let factory = problems.note(factory(&document))?;
    let known: Vec<Parameter> = CATALOG.iter().chain(factory.parameters()).copied().collect();
    let before = problems.0.len();
    let values = document.keys(&known, problems);
    if problems.0.len() > before {
        return None;
    }
    let Values { parameters, secret_files, .. } = &values;
    let same = |old: &&Configured| {
        *old.catalog.name == *name && old.connector == factory.name() && old.parameters == *parameters
    };
    if let Some(old) = kept.iter().find(same) {
        return Some(Configured { secret_files: secret_files.clone(), ..old.clone() });
    }
    let created = factory.create(&name, parameters).map_err(|error| {
        let detail = error.detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        Problem::of(path, values.without_secrets(format!("{}{detail}", error.message)))
    });
    let connector = problems.note(created)?;
    let default_schema = parameters.text("default_schema").unwrap_or_default().to_owned();
    let catalog = Catalog { name: Arc::from(name), connector, default_schema };
    let (parameters, secret_files) = (parameters.clone(), secret_files.clone());
    Some(Configured { catalog, file: path.to_owned(), secret_files, connector: factory.name(), parameters })
}

/// The file's name is the catalog's, as SQL writes it without quotes.
fn name(path: &Path) -> Result<String, Problem> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(plain) {
        let text = "a catalog is named by its file: lower-case letters, digits and _ only";
        return Err(Problem::of(path, text));
    }
    if name == crate::catalog::SYSTEM_CATALOG {
        return Err(Problem::of(path, format!("the catalog {name} is Naru's own; choose another name")));
    }
    Ok(name.to_owned())
}

fn factory(document: &Document<'_>) -> Result<&'static dyn ConnectorFactory, Problem> {
    let names: Vec<_> = FACTORIES.iter().map(|factory| factory.name()).collect();
    let known = format!("known connectors: {}", names.join(", "));
    let Some((connector, line)) = document.peek(CONNECTOR) else {
        return Err(Problem::of(document.path(), format!("\"{CONNECTOR}\" is missing or no text; {known}")));
    };
    FACTORIES.iter().find(|factory| factory.name() == connector).copied().ok_or_else(|| Problem {
        line: Some(line),
        ..Problem::of(document.path(), format!("there is no connector \"{connector}\"; {known}"))
    })
}
