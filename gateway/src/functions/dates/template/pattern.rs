//! Templates of dates, cut into fields and text (PostgreSQL manual, 9.8, table 9.27).

/// One piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Field(Field),
    /// A blank or a sign of punctuation, which reading treats kindly.
    Separator(char),
    /// Any other character, which stands for itself.
    Text(char),
}

/// A field and its modifiers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// As in [`NAMES`] when it has one meaning in any case, else as it was written: `Month`, `AM`, `rm`.
    pub(super) name: &'static str,
    /// `FM`: without padding.
    pub(super) fill: bool,
    /// `TH` or `th`: the ending of an ordinal.
    pub(super) ordinal: Option<&'static str>,
}

/// The fields, a longer one before those that it begins with. In lower case they mean the same, save those of [`CASED`].
const NAMES: [&str; 40] = [
    "Y,YYY", "SSSSS", "HH24", "HH12", "IDDD", "IYYY", "SSSS", "YYYY", "DDD", "FF1", "FF2", "FF3", "FF4", "FF5", "FF6",
    "IYY", "TZH", "TZM", "YYY", "CC", "DD", "FX", "HH", "ID", "IW", "IY", "MI", "MM", "MS", "OF", "SS", "US", "WW",
    "YY", "D", "I", "J", "Q", "W", "Y",
];

/// Fields whose case is that of the result.
const CASED: [&str; 32] = [
    "MONTH", "Month", "month", "DAY", "Day", "day", "A.D.", "a.d.", "A.M.", "a.m.", "B.C.", "b.c.", "P.M.", "p.m.",
    "MON", "Mon", "mon", "AD", "ad", "AM", "am", "BC", "bc", "DY", "Dy", "dy", "PM", "pm", "RM", "rm", "TZ", "tz",
];

impl Field {
    /// Is it a number?
    pub(super) fn is_number(&self) -> bool {
        NAMES.contains(&self.name) && !matches!(self.name, "FX" | "OF" | "TZH")
    }
}

/// Cuts a template into pieces.
pub(super) fn pieces(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(next) = rest.chars().next() {
        let (fill, after_prefix) = prefix(rest);
        if let Some((name, after)) = field(after_prefix) {
            let (ordinal, after) = suffix(after);
            pieces.push(Piece::Field(Field { name, fill, ordinal }));
            rest = after;
            continue;
        }
        // A modifier of nothing is dropped.
        if after_prefix.len() < rest.len() {
            rest = after_prefix;
            continue;
        }
        if next == '"' {
            rest = quoted(&rest[1..], &mut pieces);
            continue;
        }
        let escaped = rest.strip_prefix('\\').filter(|after| after.starts_with('"'));
        let character = if escaped.is_some() { '"' } else { next };
        rest = escaped.unwrap_or(rest);
        rest = &rest[character.len_utf8()..];
        let separates = character.is_ascii_whitespace() || character.is_ascii_punctuation();
        pieces.push(if separates { Piece::Separator(character) } else { Piece::Text(character) });
    }
    pieces
}

fn prefix(text: &str) -> (bool, &str) {
    match ["FM", "fm", "TM", "tm"].iter().find_map(|modifier| text.strip_prefix(modifier)) {
        Some(after) => (true, after),
        None => (false, text),
    }
}

fn suffix(text: &str) -> (Option<&'static str>, &str) {
    let found = ["TH", "th"].into_iter().find_map(|ending| Some((Some(ending), text.strip_prefix(ending)?)));
    found.unwrap_or((None, text.strip_prefix("SP").unwrap_or(text)))
}

fn field(text: &str) -> Option<(&'static str, &str)> {
    let cased = CASED.iter().filter(|name| text.starts_with(**name));
    let lower = |name: &str| text.get(..name.len()).is_some_and(|begin| begin == name.to_ascii_lowercase());
    let others = NAMES.iter().filter(|name| text.starts_with(**name) || lower(name));
    // The longest one: `MON` begins `MONTH`, `D` begins `DAY`.
    let name = cased.chain(others).max_by_key(|name| name.len())?;
    Some((*name, &text[name.len()..]))
}

/// Text in double quotes; a backslash quotes the next character. Gives what follows it.
fn quoted<'a>(text: &'a str, pieces: &mut Vec<Piece>) -> &'a str {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return &text[at + 1..],
            '\\' => pieces.push(Piece::Text(characters.next().map_or('\\', |(_, next)| next))),
            other => pieces.push(Piece::Text(other)),
        }
    }
    ""
}
