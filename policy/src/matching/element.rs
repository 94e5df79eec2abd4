//! One resource level of a policy: its values against what a request names on that level (Ranger section "one value").

use std::collections::BTreeMap;

use super::MatcherError;
use super::glob::Glob;
use super::template::{Template, TokenSyntax, Tokens};
use crate::model::{PolicyResource, ResourceDef};
use crate::truth::Truth;

/// What a request names on one level: any of these. Lower-cased once, because thousands of policies look at it.
#[derive(Debug, Clone)]
pub struct Requested {
    values: Vec<(String, String)>,
    all: bool,
}

impl Requested {
    /// The values of a request; none, the empty string and `*` all mean "everything on this level".
    #[must_use]
    pub fn new<S: AsRef<str>>(values: &[S]) -> Self {
        let all = values.is_empty() || values.iter().any(|value| matches!(value.as_ref(), "" | "*"));
        let values = values.iter().map(|value| (value.as_ref().to_owned(), value.as_ref().to_lowercase())).collect();
        Self { values, all }
    }

    /// The lower-case values, or nothing when everything is asked for.
    pub(crate) fn folded(&self) -> Option<impl Iterator<Item = &str>> {
        (!self.all).then(|| self.values.iter().map(|(_, folded)| folded.as_str()))
    }
}

/// Which of Ranger's matcher classes a level uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Path,
    Url,
}

/// One policy value.
#[derive(Debug, Clone)]
enum Value {
    Constant(Glob),
    Dynamic(Template),
}

/// The compiled values of one policy on one level.
#[derive(Debug, Clone)]
pub struct ElementMatcher {
    kind: Kind,
    values: Vec<Value>,
    match_any: bool,
    excludes: bool,
    recursive: bool,
    separator: char,
    ignore_case: bool,
    /// Requested names that start with one of these compare case-sensitively.
    quote_chars: String,
}

fn flag(options: &BTreeMap<String, String>, name: &str, default: bool) -> bool {
    options.get(name).map_or(default, |value| value.trim().eq_ignore_ascii_case("true"))
}

fn character(options: &BTreeMap<String, String>, name: &str, default: char) -> char {
    options.get(name).and_then(|value| value.chars().next()).unwrap_or(default)
}

impl ElementMatcher {
    /// Compiles the values of a policy for one level.
    pub fn new(def: &ResourceDef, resource: &PolicyResource) -> Result<Self, MatcherError> {
        let options = &def.matcher_options;
        let class = def.matcher.as_deref().unwrap_or_default();
        let kind = match class.rsplit('.').next().unwrap_or_default() {
            "" | "RangerDefaultResourceMatcher" => Kind::Plain,
            "RangerPathResourceMatcher" => Kind::Path,
            "RangerURLResourceMatcher" => Kind::Url,
            _ => {
                return Err(MatcherError::UnknownMatcher { resource: def.name.clone(), class: class.to_owned() });
            }
        };
        let syntax = TokenSyntax {
            start: character(options, "tokenDelimiterStart", '{'),
            end: character(options, "tokenDelimiterEnd", '}'),
            escape: character(options, "tokenDelimiterEscape", '\\'),
            prefix: options.get("tokenDelimiterPrefix").cloned().unwrap_or_default(),
            tokens: flag(options, "replaceTokens", true),
            expressions: flag(options, "replaceReqExpressions", true),
            wildcards: flag(options, "wildCard", true),
        };
        let values: Vec<Value> =
            resource.values.iter().filter(|value| !value.is_empty()).map(|value| compile(value, &syntax)).collect();
        let match_any =
            values.is_empty() || values.iter().any(|value| matches!(value, Value::Constant(glob) if glob.is_any()));
        let quoted = flag(options, "quotedCaseSensitive", false);
        Ok(Self {
            kind,
            values,
            match_any,
            excludes: resource.is_excludes,
            recursive: resource.is_recursive && kind != Kind::Plain,
            separator: character(options, "pathSeparatorChar", '/'),
            ignore_case: flag(options, "ignoreCase", true),
            quote_chars: match options.get("quoteChars") {
                _ if !quoted => String::new(),
                Some(chars) => chars.clone(),
                None => "\"".to_owned(),
            },
        })
    }

    /// Has no values, or one that is `*`.
    #[must_use]
    pub fn is_match_any(&self) -> bool {
        self.match_any
    }

    pub(super) fn is_excludes(&self) -> bool {
        self.excludes
    }

    /// The lower-case names this level is limited to, when it is a plain list of names: what an index may use.
    pub(crate) fn literals(&self) -> Option<Vec<&str>> {
        if self.excludes || self.match_any || self.kind != Kind::Plain {
            return None;
        }
        self.values
            .iter()
            .map(|value| if let Value::Constant(glob) = value { glob.literal(true) } else { None })
            .collect()
    }

    /// Expressions that no request can ever evaluate.
    pub(crate) fn unsupported_expressions(&self) -> impl Iterator<Item = &str> {
        self.values
            .iter()
            .filter_map(|value| if let Value::Dynamic(t) = value { Some(t) } else { None })
            .flat_map(Template::unsupported_expressions)
    }

    /// Does the level cover what is requested? `None` is a request without this level.
    #[must_use]
    pub fn matches(&self, requested: Option<&Requested>, tokens: &Tokens<'_>) -> Truth {
        let Some(requested) = requested.filter(|requested| !requested.all) else {
            // Everything is asked for. Exclusion then means something only for a match-any level, which excludes all.
            return Truth::from(self.match_any && !self.excludes);
        };
        let found = if self.match_any { Truth::Yes } else { self.any_value(requested, tokens) };
        if self.excludes { found.negated() } else { found }
    }

    fn any_value(&self, requested: &Requested, tokens: &Tokens<'_>) -> Truth {
        let mut found = Truth::No;
        for value in &self.values {
            let (expanded, certain);
            let glob = match value {
                Value::Constant(glob) => {
                    certain = true;
                    glob
                }
                Value::Dynamic(template) => {
                    let symbols;
                    (symbols, certain) = template.expand(tokens);
                    expanded = Glob::new(&symbols);
                    &expanded
                }
            };
            if requested.values.iter().any(|(raw, folded)| self.one(glob, raw, folded)) {
                if certain {
                    return Truth::Yes;
                }
                found = Truth::Unknown;
            }
        }
        found
    }

    fn one(&self, glob: &Glob, raw: &str, folded: &str) -> bool {
        let quoted = raw.chars().next().is_some_and(|first| self.quote_chars.contains(first));
        let ignore_case = self.ignore_case && !quoted;
        let requested = if ignore_case { folded } else { raw };
        if !self.recursive {
            return glob.matches(requested, ignore_case);
        }
        match glob.literal(ignore_case) {
            Some(path) => covers(path, requested, self.separator),
            None => prefixes(requested, self.separator, self.kind == Kind::Url)
                .any(|prefix| glob.matches(prefix, ignore_case)),
        }
    }
}

fn compile(value: &str, syntax: &TokenSyntax) -> Value {
    let template = Template::parse(value, syntax);
    if template.is_constant() {
        return Value::Constant(Glob::new(&template.expand(&Tokens::default()).0));
    }
    Value::Dynamic(template)
}

/// A recursive path covers itself and everything below, with or without a separator at its end.
fn covers(path: &str, requested: &str, separator: char) -> bool {
    let path = path.strip_suffix(separator).unwrap_or(path);
    requested.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(separator))
}

/// A path and all its parents, which a recursive wildcard value may match instead of it; of a URL without the scheme.
fn prefixes(requested: &str, separator: char, url: bool) -> impl Iterator<Item = &str> {
    let body = if url { requested.find("://").map_or(0, |at| at + 3) } else { 0 };
    requested[body..]
        .char_indices()
        .filter(move |(at, c)| *c == separator && *at > 0)
        .map(move |(at, _)| &requested[..body + at])
        .chain(std::iter::once(requested))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test should stop at the line")]

    use super::*;

    fn matcher(class: &str, options: &[(&str, &str)], value: &str, is_recursive: bool) -> ElementMatcher {
        let def = ResourceDef {
            matcher: Some(format!("org.apache.ranger.plugin.resourcematcher.{class}")),
            matcher_options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..ResourceDef::default()
        };
        let resource = PolicyResource { values: vec![value.to_owned()], is_excludes: false, is_recursive };
        ElementMatcher::new(&def, &resource).unwrap()
    }

    fn matches(matcher: &ElementMatcher, value: &str) -> bool {
        matcher.matches(Some(&Requested::new(&[value])), &Tokens::default()) == Truth::Yes
    }

    #[test]
    fn only_quoted_names_are_case_sensitive_when_the_service_says_so() {
        let quoted = matcher("RangerDefaultResourceMatcher", &[("quotedCaseSensitive", "true")], "\"Test*", false);
        assert!(matches(&quoted, "\"TestDB") && !matches(&quoted, "\"testDB"));
        let plain = matcher("RangerDefaultResourceMatcher", &[("quotedCaseSensitive", "true")], "Test*", false);
        assert!(matches(&plain, "tESTdb"));
    }

    #[test]
    fn recursive_paths_and_urls_cover_what_lies_below() {
        let path = matcher("RangerPathResourceMatcher", &[], "/data/a/", true);
        assert!(matches(&path, "/data/a") && matches(&path, "/data/A/b/c") && !matches(&path, "/data/ab"));
        let wild = matcher("RangerPathResourceMatcher", &[], "/data/*/x", true);
        assert!(matches(&wild, "/data/1/x/y") && !matches(&wild, "/data/1/y"));
        let url = matcher("RangerURLResourceMatcher", &[("ignoreCase", "false")], "s3a://bucket?/x", true);
        assert!(matches(&url, "s3a://bucket1/x/y") && !matches(&url, "s3a://bucket1/X") && !matches(&url, "s3a:/"));
        let scheme = matcher("RangerURLResourceMatcher", &[], "s3?:", true);
        assert!(!matches(&scheme, "s3a://bucket1/x"), "a scheme is no parent folder");
        let flat = matcher("RangerPathResourceMatcher", &[], "/data/a", false);
        assert!(matches(&flat, "/data/a") && !matches(&flat, "/data/a/b"));
    }

    #[test]
    fn without_wildcards_stars_are_plain_characters() {
        let literal = matcher("RangerDefaultResourceMatcher", &[("wildCard", "false")], "a*", false);
        assert!(matches(&literal, "A*") && !matches(&literal, "ab"));
    }
}
