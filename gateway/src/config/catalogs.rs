//! `catalogs/*.toml`: one file a catalog, its keys validated against the connector's own table of parameters.

use super::load::{read, wrong};
use super::units;
use crate::catalog::Catalog;
use crate::error::{Error, ErrorCode, Result};
use naru_connector::{ConnectorFactory, Parameter, ParameterKind, ParameterValue, Parameters, Secret};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Every kind of source. A new one is a crate and one line here.
const FACTORIES: &[&dyn ConnectorFactory] = &[&naru_tpch::TpchFactory];

/// Keys that every catalog has, whatever its connector.
const COMMON: &[&str] = &["connector", "default_schema"];

/// All catalogs of a configuration folder, named by their files.
pub(super) fn load(folder: &Path) -> Result<Vec<Catalog>> {
    let folder = folder.join("catalogs");
    let entries = std::fs::read_dir(&folder).map_err(|error| {
        Error::new(ErrorCode::InvalidParameter, format!("{} can't be read: {error}", folder.display()))
    })?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files.iter().map(catalog).collect()
}

fn catalog(path: &PathBuf) -> Result<Catalog> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    let table: toml::Table = toml::from_str(&read(path)?).map_err(|error| wrong(path, &error))?;
    let refuse = |text: String| Error::new(ErrorCode::InvalidParameter, format!("{}: {text}", path.display()));
    let connector = text_key(&table, "connector").map_err(refuse)?;
    let factory = FACTORIES.iter().find(|factory| factory.name() == connector).ok_or_else(|| {
        let known: Vec<_> = FACTORIES.iter().map(|factory| factory.name()).collect();
        refuse(format!("there is no connector \"{connector}\"; known: {}", known.join(", ")))
    })?;
    let parameters = validate(&table, factory.parameters(), path.parent().unwrap_or(path)).map_err(refuse)?;
    let default_schema = text_key(&table, "default_schema").map_err(refuse)?;
    let connector = factory.create(&name, &parameters).map_err(|error| refuse(error.message))?;
    Ok(Catalog { name: name.into(), connector, default_schema })
}

fn text_key(table: &toml::Table, key: &str) -> Result<String, String> {
    match table.get(key) {
        Some(toml::Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(format!("\"{key}\" is not a text")),
        None => Err(format!("\"{key}\" is missing")),
    }
}

fn validate(table: &toml::Table, known: &'static [Parameter], folder: &Path) -> Result<Parameters, String> {
    for key in table.keys() {
        if !COMMON.contains(&key.as_str()) && !known.iter().any(|parameter| parameter.name == key) {
            let names = known.iter().map(|parameter| parameter.name).chain(COMMON.iter().copied());
            let nearest = names.min_by_key(|name| strsim::damerau_levenshtein(name, key)).unwrap_or("connector");
            return Err(format!("unknown key \"{key}\"; did you mean \"{nearest}\"?"));
        }
    }
    let mut values = BTreeMap::new();
    for parameter in known {
        let default = || parameter.default.map(|text| toml::Value::String(text.to_owned()));
        match table.get(parameter.name).cloned().or_else(default) {
            Some(value) => {
                let wrong = || format!("\"{}\" is not {}", parameter.name, parameter.kind.expected());
                values.insert(parameter.name, convert(parameter, &value, folder).ok_or_else(wrong)?);
            }
            None if parameter.required => return Err(format!("\"{}\" is missing: {}", parameter.name, parameter.help)),
            None => {}
        }
    }
    Ok(Parameters::new(values))
}

fn convert(parameter: &Parameter, value: &toml::Value, folder: &Path) -> Option<ParameterValue> {
    let text = value.as_str();
    Some(match parameter.kind {
        _ if parameter.secret => ParameterValue::Secret(Secret::new(text?)),
        ParameterKind::Text => ParameterValue::Text(text?.to_owned()),
        ParameterKind::Choice(words) => ParameterValue::Text(text.filter(|text| words.contains(text))?.to_owned()),
        ParameterKind::Integer(low, high) => {
            let number = value.as_integer().or_else(|| text?.parse().ok())?;
            ParameterValue::Integer((low..=high).contains(&number).then_some(number)?)
        }
        ParameterKind::Boolean => ParameterValue::Boolean(value.as_bool().or_else(|| text?.parse().ok())?),
        ParameterKind::Duration => ParameterValue::Duration(units::duration(text?)?),
        ParameterKind::Bytes => ParameterValue::Integer(i64::try_from(units::bytes(text?)?).ok()?),
        ParameterKind::Path => ParameterValue::Path(folder.join(text?)),
        ParameterKind::List => {
            let list = value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned));
            ParameterValue::List(list.collect::<Option<_>>()?)
        }
        ParameterKind::Document => {
            let structured = value.is_table() || value.is_array();
            ParameterValue::Document(structured.then(|| serde_json::to_value(value).ok())??)
        }
    })
}
