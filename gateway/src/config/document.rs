//! A TOML file whose every value knows its line, checked against a table of parameters.

use super::keys::Section;
use super::problem::{Problem, Problems};
use super::{secrets, units};
use naru_connector::{Parameter, ParameterKind, ParameterValue, Parameters, Secret};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed file.
#[derive(Debug)]
pub(super) struct Document<'t> {
    path: &'t Path,
    text: &'t str,
    root: DeTable<'t>,
}

/// The checked keys of one table, with their lines.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) parameters: Parameters,
    lines: BTreeMap<&'static str, usize>,
    /// Files that secrets were read from.
    pub(super) secret_files: Vec<PathBuf>,
    /// Texts inside structured parts that hold secrets: an error about such a part may repeat them.
    filled: Vec<Secret>,
}

impl Values {
    /// A problem of one key's value, at its line if the file gives it.
    pub(super) fn problem(&self, file: &Path, key: &str, text: impl Into<String>) -> Problem {
        Problem { file: file.to_owned(), line: self.lines.get(key).copied(), text: text.into() }
    }

    /// A connector's words about these values, with stars for every secret that a structured part was filled with.
    pub(super) fn without_secrets(&self, text: String) -> String {
        self.filled.iter().map(Secret::expose).filter(|secret| !secret.is_empty()).fold(text, |text, secret| {
            let quoted = format!("{secret:?}");
            text.replace(&quoted, "***").replace(secret, "***").replace(&secret.to_lowercase(), "***")
        })
    }
}

impl<'t> Document<'t> {
    /// Parses a file's text. The parser's own rendering is not used: it repeats the line, which may hold a secret.
    pub(super) fn parse(path: &'t Path, text: &'t str) -> Result<Self, Problem> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { path, text, root: root.into_inner() }),
            Err(error) => {
                let line = error.span().map(|span| line_of(text, span.start));
                Err(Problem { file: path.to_owned(), line, text: error.message().to_owned() })
            }
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        self.path
    }

    /// A problem at a place of the text.
    fn at(&self, span: Range<usize>, text: String) -> Problem {
        Problem { file: self.path.to_owned(), line: Some(line_of(self.text, span.start)), text }
    }

    /// Checks the file against its sections: the values of those that it holds, or that are not optional.
    pub(super) fn sections(
        &self,
        sections: &'static [Section],
        problems: &mut Problems,
    ) -> BTreeMap<&'static str, Values> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let mut found = BTreeMap::new();
        for section in sections {
            let table = match self.table(section.name) {
                Ok(table) => table,
                Err(problem) => {
                    problems.0.push(*problem);
                    continue;
                }
            };
            if table.is_none() && section.optional {
                continue;
            }
            let prefix = if section.name.is_empty() { String::new() } else { format!("{}.", section.name) };
            let below =
                sections.iter().filter_map(|other| other.name.strip_prefix(&prefix)).filter(|rest| !rest.is_empty());
            let below: Vec<&str> = below.filter_map(|rest| rest.split('.').next()).collect();
            let checked = self.check(table.unwrap_or(&DeTable::new()), section.keys, &prefix, &below, folder, problems);
            found.insert(section.name, checked);
        }
        found
    }

    fn table(&self, name: &str) -> Result<Option<&DeTable<'t>>, Box<Problem>> {
        let mut table = &self.root;
        for part in name.split('.').filter(|part| !part.is_empty()) {
            let Some(value) = table.get(part) else { return Ok(None) };
            table = value.get_ref().as_table().ok_or_else(|| {
                Box::new(self.at(value.span(), format!("\"{part}\" is a table: write its keys below [{name}]")))
            })?;
        }
        Ok(Some(table))
    }

    /// Checks the whole file against one table of parameters.
    pub(super) fn keys(&self, known: &[Parameter], problems: &mut Problems) -> Values {
        // A catalog file lies one folder below the configuration's: paths start at the latter, as in `naru.toml`.
        let folder = self.path.parent().and_then(Path::parent).unwrap_or(Path::new(""));
        self.check(&self.root, known, "", &[], folder, problems)
    }

    /// One text of the top table, before anything is checked.
    pub(super) fn peek(&self, key: &str) -> Option<(&str, usize)> {
        let value = self.root.get(key)?;
        Some((value.get_ref().as_str()?, line_of(self.text, value.span().start)))
    }

    fn check(
        &self,
        table: &DeTable<'t>,
        known: &[Parameter],
        prefix: &str,
        below: &[&str],
        folder: &Path,
        problems: &mut Problems,
    ) -> Values {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !below.contains(&name) && !known.iter().any(|parameter| parameter.name == name) {
                problems.0.push(self.at(key.span(), unknown(name, prefix, known, below)));
            }
        }
        let mut values = Values::default();
        let mut checked = BTreeMap::new();
        for parameter in known {
            match self.value(table, parameter, folder, &mut values) {
                Ok(Some(value)) => {
                    checked.insert(parameter.name, value);
                }
                Ok(None) if parameter.required => {
                    let text = format!("\"{prefix}{}\" is missing: {}", parameter.name, parameter.help);
                    problems.0.push(Problem::of(self.path, text));
                }
                Ok(None) => {}
                Err(text) => {
                    let text = format!("\"{prefix}{}\" {text}", parameter.name);
                    problems.0.push(values.problem(self.path, parameter.name, text));
                }
            }
        }
        values.parameters = Parameters::new(checked);
        values
    }

    fn value(
        &self,
        table: &DeTable<'t>,
        parameter: &Parameter,
        folder: &Path,
        values: &mut Values,
    ) -> Result<Option<ParameterValue>, String> {
        let wrong = || format!("is not {}", parameter.kind.expected());
        let Some(value) = table.get(parameter.name) else {
            let default = parameter.default.map(|text| convert(parameter, text, folder).ok_or_else(wrong));
            return default.transpose();
        };
        values.lines.insert(parameter.name, line_of(self.text, value.span().start));
        if parameter.kind == ParameterKind::Document {
            let structured = matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_));
            if !structured {
                return Err(wrong());
            }
            let document = structure(value.get_ref(), folder, values)?.ok_or_else(wrong)?;
            return Ok(Some(ParameterValue::Document(document)));
        }
        let read = &mut values.secret_files;
        if let DeValue::Array(items) = value.get_ref() {
            let texts = items.iter().map(|item| text_of(item).ok_or_else(wrong));
            let texts = texts.map(|text| text.and_then(|text| secrets::fill(&text, folder, read)));
            let list = texts.collect::<Result<_, _>>()?;
            return if parameter.kind == ParameterKind::List {
                Ok(Some(ParameterValue::List(list)))
            } else {
                Err(wrong())
            };
        }
        let text = secrets::fill(&text_of(value).ok_or_else(wrong)?, folder, read)?;
        // `Text` written without quotes is refused, so that `password = 007` does not lose its zeros.
        if matches!(parameter.kind, ParameterKind::Text) && !value.get_ref().is_str() {
            return Err(wrong());
        }
        convert(parameter, &text, folder).map(Some).ok_or_else(wrong)
    }
}

fn unknown(name: &str, prefix: &str, known: &[Parameter], below: &[&str]) -> String {
    let names = known.iter().map(|parameter| parameter.name).chain(below.iter().copied());
    let nearest = names.min_by_key(|candidate| strsim::damerau_levenshtein(candidate, name));
    let advice = nearest.map(|nearest| format!("; did you mean \"{prefix}{nearest}\"?")).unwrap_or_default();
    format!("unknown key \"{prefix}{name}\"{advice}")
}

/// A structured part of the file as the connector will read it, its secrets filled in; `None` for a number that is none.
fn structure(value: &DeValue<'_>, folder: &Path, values: &mut Values) -> Result<Option<serde_json::Value>, String> {
    Ok(Some(match value {
        DeValue::String(text) => {
            let filled = secrets::fill(text, folder, &mut values.secret_files)?;
            if filled != *text {
                values.filled.push(Secret::new(filled.clone()));
            }
            filled.into()
        }
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => number.into(),
            Err(_) => return Ok(None),
        },
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(number) => number.into(),
            Err(_) => return Ok(None),
        },
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(moment) => moment.to_string().into(),
        DeValue::Array(items) => {
            let mut array = Vec::new();
            for item in items.iter() {
                let Some(item) = structure(item.get_ref(), folder, values)? else { return Ok(None) };
                array.push(item);
            }
            array.into()
        }
        DeValue::Table(table) => {
            let mut object = serde_json::Map::new();
            for (key, value) in table.iter() {
                let Some(value) = structure(value.get_ref(), folder, values)? else { return Ok(None) };
                object.insert(key.get_ref().to_string(), value);
            }
            object.into()
        }
    }))
}

/// A plain value as text, numbers and booleans too: a value may be written with or without quotes where its kind allows.
fn text_of(value: &Spanned<DeValue<'_>>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn convert(parameter: &Parameter, text: &str, folder: &Path) -> Option<ParameterValue> {
    Some(match parameter.kind {
        _ if parameter.secret => ParameterValue::Secret(Secret::new(text)),
        ParameterKind::Text => ParameterValue::Text(text.to_owned()),
        ParameterKind::Choice(words) => ParameterValue::Text(words.contains(&text).then(|| text.to_owned())?),
        ParameterKind::Integer(low, high) => {
            let number: i64 = text.parse().ok()?;
            ParameterValue::Integer((low..=high).contains(&number).then_some(number)?)
        }
        ParameterKind::Boolean => ParameterValue::Boolean(text.parse().ok()?),
        ParameterKind::Duration => ParameterValue::Duration(units::duration(text)?),
        ParameterKind::Bytes => ParameterValue::Integer(i64::try_from(units::bytes(text)?).ok()?),
        ParameterKind::Path => ParameterValue::Path(folder.join(text)),
        ParameterKind::Address => ParameterValue::Address(text.parse().ok()?),
        ParameterKind::List | ParameterKind::Document => return None,
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
