//! Settings of catalogs, `SET catalog.name = value`, and the lists of all settings, SHOW ALL and SHOW SESSION.

use super::api::Outcome;
use super::query::Session;
use super::settings::Settings;
use super::statement::rows_in;
use crate::catalog::CatalogSetting;
use crate::error::{Error, ErrorCode, Result};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use naru_connector::ParameterKind;
use std::borrow::Cow;
use std::sync::Arc;

/// The columns of SHOW ALL, as PostgreSQL has them.
const ALL: [&str; 3] = ["name", "setting", "description"];
/// The columns of SHOW SESSION, as Trino has them.
const SESSION: [&str; 5] = ["Name", "Value", "Default", "Type", "Description"];

/// One line of a list.
struct Listed {
    name: String,
    value: String,
    default: String,
    kind: &'static str,
    help: &'static str,
}

pub(super) fn all_schema() -> SchemaRef {
    text_columns(&ALL)
}

pub(super) fn session_schema() -> SchemaRef {
    text_columns(&SESSION)
}

fn text_columns(names: &[&str]) -> SchemaRef {
    Arc::new(Schema::new(names.iter().map(|name| Field::new(*name, DataType::Utf8, false)).collect::<Vec<_>>()))
}

/// The name of a setting that SHOW was given: the parser drops the dot of `catalog.name`.
pub(super) fn shown_name(words: &str) -> Cow<'_, str> {
    match words.split_once(' ') {
        Some((catalog, name)) if Settings::canonical(words).is_err() => format!("{catalog}.{name}").into(),
        _ => words.into(),
    }
}

impl Session {
    /// The setting of a catalog by its full name.
    pub(super) fn catalog_setting(&self, name: &str) -> Result<CatalogSetting> {
        self.scope().resolver().setting(name)
    }

    /// SET catalog.name = value.
    pub(super) fn assign_to_catalog(&mut self, name: &str, value: &str) -> Result<()> {
        let known = self.catalog_setting(name)?;
        let value = known.setting.normalised(value).ok_or_else(|| {
            let text = format!("invalid value for parameter \"{}\": \"{value}\"", known.name());
            Error::new(ErrorCode::InvalidParameter, text).with_hint(format!("use {}", known.setting.expected()))
        })?;
        self.settings.set_of_catalog(&known.catalog, known.setting.name, value);
        Ok(())
    }

    /// RESET catalog.name.
    pub(super) fn unset_of_catalog(&mut self, name: &str) -> Result<()> {
        let known = self.catalog_setting(name)?;
        self.settings.reset_of_catalog(&known.catalog, known.setting.name);
        Ok(())
    }

    /// Every setting and its value: the session's own, then those of catalogs.
    #[must_use]
    pub fn all_settings(&self) -> Vec<(String, String)> {
        self.listed().into_iter().map(|setting| (setting.name, setting.value)).collect()
    }

    fn listed(&self) -> Vec<Listed> {
        let own = self.settings.all_with_defaults().map(|(name, value, default)| Listed {
            name: name.to_owned(),
            value: value.to_owned(),
            default: default.to_owned(),
            kind: "varchar",
            help: "",
        });
        let of_catalogs = self.scope().resolver().settings().into_iter().map(|known| Listed {
            name: known.name(),
            value: known.value,
            default: known.setting.default,
            kind: match known.setting.kind {
                ParameterKind::Boolean => "boolean",
                ParameterKind::Integer(..) => "bigint",
                _ => "varchar",
            },
            help: known.setting.help,
        });
        own.chain(of_catalogs).collect()
    }

    pub(super) fn show_all(&self) -> Result<Outcome> {
        let listed = self.listed();
        let columns: [&dyn Fn(&Listed) -> &str; 3] =
            [&|setting| &setting.name, &|setting| &setting.value, &|setting| setting.help];
        list(&listed, all_schema(), &columns)
    }

    pub(super) fn show_session(&self) -> Result<Outcome> {
        let listed = self.listed();
        let columns: [&dyn Fn(&Listed) -> &str; 5] = [
            &|setting| &setting.name,
            &|setting| &setting.value,
            &|setting| &setting.default,
            &|setting| setting.kind,
            &|setting| setting.help,
        ];
        list(&listed, session_schema(), &columns)
    }
}

fn list(listed: &[Listed], schema: SchemaRef, columns: &[&dyn Fn(&Listed) -> &str]) -> Result<Outcome> {
    let texts = |column: &&dyn Fn(&Listed) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(listed.iter().map(*column)))
    };
    let batch = RecordBatch::try_new(schema, columns.iter().map(texts).collect()).map_err(Error::internal)?;
    Ok(rows_in(batch, "SHOW"))
}
