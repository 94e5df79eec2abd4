//! What a session may change about a catalog, as data: `SET catalog.name = value`.

use crate::ParameterKind;

/// One setting of a catalog. It says how a source is asked, never what of it may be seen: everyone who sees the catalog may
/// change it, for their own session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSetting {
    /// Its name, without the catalog's.
    pub name: &'static str,
    /// Type; a switch, a choice, a whole number or a text.
    pub kind: ParameterKind,
    /// The value in force until a session gives another, as the catalog's file has it.
    pub default: String,
    /// One sentence for help and docs.
    pub help: &'static str,
}

impl SessionSetting {
    /// A value as [`QueryContext::setting`](crate::QueryContext::setting) gives it: switches are `on` or `off`. `None` when it is
    /// not of this setting's kind.
    #[must_use]
    pub fn normalised(&self, value: &str) -> Option<String> {
        let value = value.trim();
        let lower = value.to_lowercase();
        match self.kind {
            ParameterKind::Boolean => match lower.as_str() {
                "on" | "true" | "yes" | "1" => Some("on".to_owned()),
                "off" | "false" | "no" | "0" => Some("off".to_owned()),
                _ => None,
            },
            ParameterKind::Choice(words) => words.contains(&lower.as_str()).then_some(lower),
            ParameterKind::Integer(low, high) => {
                let number: i64 = value.parse().ok()?;
                (low..=high).contains(&number).then(|| number.to_string())
            }
            ParameterKind::Text => Some(value.to_owned()),
            _ => None,
        }
    }

    /// What a wrong value should have been.
    #[must_use]
    pub fn expected(&self) -> String {
        match self.kind {
            ParameterKind::Boolean => "on or off".to_owned(),
            other => other.expected(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_normalised_or_refused_by_their_kind() {
        let setting = |kind| SessionSetting { name: "s", kind, default: String::new(), help: "" };
        for (kind, given, expected) in [
            (ParameterKind::Boolean, " TRUE ", Some("on")),
            (ParameterKind::Boolean, "0", Some("off")),
            (ParameterKind::Boolean, "maybe", None),
            (ParameterKind::Choice(&["first", "any"]), "Any", Some("any")),
            (ParameterKind::Choice(&["first", "any"]), "last", None),
            (ParameterKind::Integer(1, 10), "007", Some("7")),
            (ParameterKind::Integer(1, 10), "11", None),
            (ParameterKind::Path, "/tmp", None),
        ] {
            assert_eq!(setting(kind).normalised(given).as_deref(), expected, "{given}");
        }
    }
}
