//! What SET, SHOW and RESET reach: this table and nothing else. No key of DataFusion's is visible or settable.

mod values;

use crate::error::{Error, ErrorCode, Result};
use chrono_tz::Tz;
use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use values::{any, date_style, timeout, word, zone};

/// Who may change a setting.
#[derive(Clone, Copy)]
enum Change {
    /// SET reaches it.
    Free(fn(&str) -> std::result::Result<String, &'static str>),
    /// SET to this very value is accepted, as clients do at connect; any other is refused.
    Fixed,
}

/// One setting: its name as PostgreSQL reports it, its value at connect, whether clients are told of changes.
struct Setting {
    name: &'static str,
    default: &'static str,
    reported: bool,
    change: Change,
}

const fn fixed(name: &'static str, default: &'static str, reported: bool) -> Setting {
    Setting { name, default, reported, change: Change::Fixed }
}

const fn free(
    name: &'static str,
    default: &'static str,
    reported: bool,
    check: fn(&str) -> std::result::Result<String, &'static str>,
) -> Setting {
    Setting { name, default, reported, change: Change::Free(check) }
}

/// The version clients are told everywhere: catalogs and messages follow PostgreSQL 16.
pub const SERVER_VERSION: &str = "16.9";

const SETTINGS: &[Setting] = &[
    free("application_name", "", true, any),
    free("bytea_output", "hex", false, |v| word(v, &["hex"])),
    fixed("client_encoding", "UTF8", true),
    free("client_min_messages", "notice", false, any),
    free("DateStyle", "ISO, MDY", true, date_style),
    fixed("default_transaction_isolation", "read committed", false),
    free("default_transaction_read_only", "on", true, |v| word(v, &["on", "off"])),
    free("extra_float_digits", "1", false, any),
    free("idle_in_transaction_session_timeout", "0", false, timeout),
    free("idle_session_timeout", "0", false, timeout),
    fixed("in_hot_standby", "off", true),
    fixed("integer_datetimes", "on", true),
    free("IntervalStyle", "postgres", true, |v| word(v, &["postgres"])),
    fixed("is_superuser", "off", true),
    fixed("lc_collate", "C", false),
    fixed("max_identifier_length", "63", false),
    fixed("server_encoding", "UTF8", true),
    fixed("server_version", SERVER_VERSION, true),
    fixed("server_version_num", "160009", false),
    fixed("session_authorization", "", true),
    fixed("standard_conforming_strings", "on", true),
    free("statement_timeout", "0", false, timeout),
    free("TimeZone", "UTC", true, |v| zone(v).map(|z| z.name().to_owned())),
    fixed("transaction_isolation", "read committed", false),
    fixed("transaction_read_only", "on", false),
];

/// Values of catalogs' settings: catalog -> name -> value, validated.
pub(super) type CatalogValues = HashMap<String, BTreeMap<String, String>>;

/// Limits of time that a session begins with and RESET returns to; `None` is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionTimeouts {
    /// How long a statement may run.
    pub statement: Option<Duration>,
    /// How long a session may be idle outside a transaction block.
    pub idle_session: Option<Duration>,
    /// How long a session may be idle inside one.
    pub idle_in_transaction: Option<Duration>,
}

/// What kind of values a setting takes. Every one is also taken, and shown, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// `on` and `off`.
    Switch,
    /// A whole number.
    Number,
    /// Anything else.
    Text,
}

/// The settings of one session.
#[derive(Debug, Clone)]
pub struct Settings {
    values: BTreeMap<&'static str, String>,
    changed: Vec<&'static str>,
    of_catalogs: Arc<CatalogValues>,
    /// Where the configuration has other defaults than [`SETTINGS`].
    defaults: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Settings as they stand at connect.
    #[must_use]
    pub fn new(user: &str) -> Self {
        let mut values: BTreeMap<_, _> = SETTINGS.iter().map(|s| (s.name, s.default.to_owned())).collect();
        values.insert("session_authorization", user.to_owned());
        Self { values, changed: Vec::new(), of_catalogs: Arc::default(), defaults: BTreeMap::new() }
    }

    /// The same with these timeouts until the session SETs its own, and again after RESET.
    #[must_use]
    pub fn with_default_timeouts(mut self, timeouts: &SessionTimeouts) -> Self {
        let given = [
            ("statement_timeout", timeouts.statement),
            ("idle_session_timeout", timeouts.idle_session),
            ("idle_in_transaction_session_timeout", timeouts.idle_in_transaction),
        ];
        let given = given.into_iter().filter_map(|(name, limit)| Some((name, limit?.as_millis().to_string())));
        self.defaults = given.collect();
        self.values.extend(self.defaults.iter().map(|(name, value)| (*name, value.clone())));
        self
    }

    /// The value of a setting that nobody has SET.
    fn default_of<'s>(&'s self, setting: &'static Setting) -> &'s str {
        self.defaults.get(setting.name).map_or(setting.default, String::as_str)
    }

    /// The value of a setting, by its name in any case.
    pub fn show(&self, name: &str) -> Result<&str> {
        let setting = find(name).ok_or_else(|| unknown(name))?;
        Ok(self.values.get(setting.name).map_or("", String::as_str))
    }

    /// What kind of values a setting takes: that of its default.
    pub fn kind(name: &str) -> Result<SettingKind> {
        let setting = find(name).ok_or_else(|| unknown(name))?;
        Ok(match setting.default {
            "on" | "off" => SettingKind::Switch,
            default if default.parse::<i64>().is_ok() => SettingKind::Number,
            _ => SettingKind::Text,
        })
    }

    /// The name as it is reported.
    pub fn canonical(name: &str) -> Result<&'static str> {
        find(name).map(|setting| setting.name).ok_or_else(|| unknown(name))
    }

    /// SET name = value. A dotted name that is not ours is kept by some clients as a scratch pad: it is refused here all the
    /// same, so that nobody believes a `datafusion.*` key to have taken effect.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let setting = find(name).ok_or_else(|| unknown(name))?;
        let wrong = |why: &str| {
            Error::new(
                ErrorCode::InvalidParameter,
                format!("invalid value for parameter \"{}\": \"{value}\"", setting.name),
            )
            .with_hint(why)
        };
        let value = match setting.change {
            Change::Free(check) => check(value).map_err(wrong)?,
            Change::Fixed if same(value, self.show(name)?) => return Ok(()),
            Change::Fixed => {
                let text = format!("parameter \"{}\" cannot be changed", setting.name);
                return Err(Error::new(ErrorCode::InvalidParameter, text));
            }
        };
        if self.values.insert(setting.name, value.clone()) != Some(value) && setting.reported {
            self.changed.push(setting.name);
        }
        Ok(())
    }

    /// RESET name.
    pub fn reset(&mut self, name: &str) -> Result<()> {
        let setting = find(name).ok_or_else(|| unknown(name))?;
        match setting.change {
            Change::Free(_) => {
                let default = self.default_of(setting).to_owned();
                self.set(name, &default)
            }
            Change::Fixed => Ok(()),
        }
    }

    /// RESET ALL.
    pub fn reset_all(&mut self) {
        self.of_catalogs = Arc::default();
        for setting in SETTINGS.iter().filter(|s| matches!(s.change, Change::Free(_)) && s.name != "application_name") {
            let default = self.default_of(setting).to_owned();
            if self.values.insert(setting.name, default.clone()) != Some(default) && setting.reported {
                self.changed.push(setting.name);
            }
        }
    }

    /// The values that this session gave to settings of catalogs.
    #[must_use]
    pub fn of_catalogs(&self) -> Arc<CatalogValues> {
        Arc::clone(&self.of_catalogs)
    }

    /// Keeps a value that the catalog's connector takes.
    pub fn set_of_catalog(&mut self, catalog: &str, name: &str, value: String) {
        let values = Arc::make_mut(&mut self.of_catalogs).entry(catalog.to_owned()).or_default();
        values.insert(name.to_owned(), value);
    }

    /// Back to the catalog's own value.
    pub fn reset_of_catalog(&mut self, catalog: &str, name: &str) {
        if let Some(values) = Arc::make_mut(&mut self.of_catalogs).get_mut(catalog) {
            values.remove(name);
        }
    }

    /// Every setting of the session's own with its value and its default.
    pub fn all_with_defaults(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        let value = |setting: &Setting| self.values.get(setting.name).map_or("", String::as_str);
        SETTINGS.iter().map(move |setting| (setting.name, value(setting), self.default_of(setting)))
    }

    /// Every setting of the session's own and its value.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, String)> {
        self.values.iter().map(|(name, value)| (*name, value.clone())).collect()
    }

    /// What a client is told at connect.
    #[must_use]
    pub fn reported(&self) -> Vec<(&'static str, String)> {
        let reported = SETTINGS.iter().filter(|setting| setting.reported);
        reported.filter_map(|s| self.values.get(s.name).map(|value| (s.name, value.clone()))).collect()
    }

    /// What a client has to be told since the last call.
    pub fn take_changes(&mut self) -> Vec<(&'static str, String)> {
        let mut names = std::mem::take(&mut self.changed);
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter_map(|name| self.values.get(name).map(|value| (name, value.clone()))).collect()
    }

    /// The session's time zone.
    #[must_use]
    pub fn time_zone(&self) -> Tz {
        self.values.get("TimeZone").and_then(|name| Tz::from_str(name).ok()).unwrap_or(Tz::UTC)
    }

    /// How long a statement may run.
    #[must_use]
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.timeout("statement_timeout")
    }

    /// How long the session may be idle outside a transaction block.
    #[must_use]
    pub fn idle_session_timeout(&self) -> Option<Duration> {
        self.timeout("idle_session_timeout")
    }

    /// How long the session may be idle inside a transaction block.
    #[must_use]
    pub fn idle_in_transaction_timeout(&self) -> Option<Duration> {
        self.timeout("idle_in_transaction_session_timeout")
    }

    /// Zero is no limit.
    fn timeout(&self, name: &str) -> Option<Duration> {
        let milliseconds = self.values.get(name)?.parse().ok()?;
        (milliseconds > 0).then(|| Duration::from_millis(milliseconds))
    }
}

fn find(name: &str) -> Option<&'static Setting> {
    let name = match name.to_lowercase().as_str() {
        // Spellings of their own in PostgreSQL's grammar.
        "time zone" => "TimeZone".to_owned(),
        "transaction isolation level" => "transaction_isolation".to_owned(),
        "session authorization" => "session_authorization".to_owned(),
        other => other.to_owned(),
    };
    SETTINGS.iter().find(|setting| setting.name.eq_ignore_ascii_case(&name))
}

fn unknown(name: &str) -> Error {
    Error::new(ErrorCode::UndefinedObject, format!("unrecognized configuration parameter \"{name}\""))
}

/// `utf-8`, `'UTF8'`, `utf8` are one value.
fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    plain(a) == plain(b)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn values_are_normalised_and_changes_reported_once() {
        let mut settings = Settings::new("bob");
        settings.set("timezone", "asia/seoul").unwrap();
        settings.set("TIMEZONE", "Asia/Seoul").unwrap();
        assert_eq!(settings.take_changes(), vec![("TimeZone", "Asia/Seoul".to_owned())]);
        assert!(settings.take_changes().is_empty());
    }

    #[test]
    fn no_key_of_the_engine_is_reachable() {
        let mut settings = Settings::new("bob");
        for name in ["datafusion.execution.batch_size", "datafusion.catalog.information_schema", "no_such"] {
            assert_eq!(settings.set(name, "1").unwrap_err().code, ErrorCode::UndefinedObject);
            assert_eq!(settings.show(name).unwrap_err().code, ErrorCode::UndefinedObject);
        }
    }

    #[test]
    fn a_fixed_setting_takes_its_own_value_only() {
        let mut settings = Settings::new("bob");
        settings.set("client_encoding", "'utf-8'").unwrap();
        assert_eq!(settings.set("client_encoding", "LATIN1").unwrap_err().code, ErrorCode::InvalidParameter);
        assert_eq!(settings.set("session_authorization", "alice").unwrap_err().code, ErrorCode::InvalidParameter);
    }

    #[test]
    fn a_timeout_has_postgresqls_units() {
        let mut settings = Settings::new("bob");
        settings.set("statement_timeout", "2s").unwrap();
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(2)));
        settings.set("statement_timeout", "0").unwrap();
        assert_eq!(settings.statement_timeout(), None);
    }

    #[test]
    fn reset_returns_to_the_configured_timeout() {
        let idle_session = Some(Duration::from_secs(60));
        let configured = SessionTimeouts { idle_session, ..SessionTimeouts::default() };
        let mut settings = Settings::new("bob").with_default_timeouts(&configured);
        assert_eq!(settings.show("idle_session_timeout").unwrap(), "60000");
        settings.set("idle_session_timeout", "0").unwrap();
        assert_eq!(settings.idle_session_timeout(), None);
        settings.reset_all();
        assert_eq!(settings.idle_session_timeout(), idle_session);
        assert_eq!((settings.statement_timeout(), settings.idle_in_transaction_timeout()), (None, None));
    }
}
