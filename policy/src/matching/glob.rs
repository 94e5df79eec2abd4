//! Ranger's wildcards: `*` is any run of characters, `?` exactly one, there is no escape and no character is special.

/// One symbol of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    AnyRun,
    AnyOne,
    Char(char),
}

/// A pattern in its cheapest form; most policy values are plain names or prefixes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    Any,
    Exact(String),
    Prefix(String),
    Suffix(String),
    General(Vec<Symbol>),
}

/// A pattern, compiled as written and in lower case.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    exact: Form,
    folded: Form,
}

impl Glob {
    pub(super) fn new(symbols: &[Symbol]) -> Self {
        let folded: Vec<Symbol> = symbols
            .iter()
            .flat_map(|symbol| match symbol {
                Symbol::Char(c) => c.to_lowercase().map(Symbol::Char).collect(),
                other => vec![*other],
            })
            .collect();
        Self { exact: Form::new(symbols), folded: Form::new(&folded) }
    }

    /// Matches everything, whatever the request says.
    pub(super) fn is_any(&self) -> bool {
        self.exact == Form::Any
    }

    /// The lower-case name, when this is a name without wildcards.
    pub(super) fn literal(&self, ignore_case: bool) -> Option<&str> {
        match if ignore_case { &self.folded } else { &self.exact } {
            Form::Exact(name) => Some(name),
            _ => None,
        }
    }

    /// `value` must be lower case when case is ignored.
    pub(super) fn matches(&self, value: &str, ignore_case: bool) -> bool {
        if ignore_case { self.folded.matches(value) } else { self.exact.matches(value) }
    }
}

impl Form {
    fn new(symbols: &[Symbol]) -> Self {
        let text = |symbols: &[Symbol]| -> Option<String> {
            symbols.iter().map(|symbol| if let Symbol::Char(c) = symbol { Some(*c) } else { None }).collect()
        };
        let is_run = |symbol: &Symbol| *symbol == Symbol::AnyRun;
        if let Some(name) = text(symbols) {
            return Self::Exact(name);
        }
        let leading = symbols.iter().take_while(|s| is_run(s)).count();
        let trailing = symbols.iter().rev().take_while(|s| is_run(s)).count();
        if leading == symbols.len() {
            return Self::Any;
        }
        match (leading, trailing, text(&symbols[leading..symbols.len() - trailing])) {
            (0, 1.., Some(prefix)) => Self::Prefix(prefix),
            (1.., 0, Some(suffix)) => Self::Suffix(suffix),
            _ => Self::General(symbols.to_vec()),
        }
    }

    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => value == name,
            Self::Prefix(prefix) => value.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => value.ends_with(suffix.as_str()),
            Self::General(symbols) => general(symbols, value),
        }
    }
}

/// The classic two-pointer match: on a mismatch go back to the last `*` and let it take one character more, so the time
/// is at most pattern x value and nothing recurses.
fn general(symbols: &[Symbol], value: &str) -> bool {
    let value: Vec<char> = value.chars().collect();
    let (mut at, mut pos) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while pos < value.len() {
        match symbols.get(at) {
            Some(Symbol::AnyRun) => {
                at += 1;
                retry = Some((at, pos));
            }
            Some(Symbol::AnyOne) => {
                at += 1;
                pos += 1;
            }
            Some(Symbol::Char(c)) if *c == value[pos] => {
                at += 1;
                pos += 1;
            }
            _ => {
                let Some((after_run, taken)) = retry else { return false };
                retry = Some((after_run, taken + 1));
                at = after_run;
                pos = taken + 1;
            }
        }
    }
    symbols[at..].iter().all(|symbol| *symbol == Symbol::AnyRun)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str) -> Glob {
        let symbols: Vec<Symbol> = pattern
            .chars()
            .map(|c| match c {
                '*' => Symbol::AnyRun,
                '?' => Symbol::AnyOne,
                c => Symbol::Char(c),
            })
            .collect();
        Glob::new(&symbols)
    }

    #[test]
    fn wildcards_match_as_ranger_says() {
        for (pattern, value, expected) in [
            ("a*b?d", "axxbcd", true),
            ("a*b?d", "axxbd", false),
            ("*ab", "aab", true),
            ("*a*b", "xaxxb", true),
            ("*a*", "xax", true),
            ("*a*", "x", false),
            ("a?", "a", false),
            ("a*", "a", true),
            ("a*", "A", false),
            ("", "", true),
            ("", "a", false),
            ("**", "", true),
            ("a/*", "a/b/c.d", true),
            ("?", "é", true),
        ] {
            assert_eq!(glob(pattern).matches(value, false), expected, "{pattern} {value}");
        }
        assert!(glob("ÄbC*").matches("äbcd", true));
        assert!(glob("**").is_any() && !glob("*?").is_any());
    }

    #[test]
    fn a_nasty_pattern_takes_no_exponential_time() {
        assert!(!glob("*a*a*a*a*a*a*a*a*a*a*a*b").matches(&"a".repeat(2000), false));
    }
}
