//! COPY: what its options say of how rows are written. [`CopyFormat::new`] says whether they go together.

mod grammar;

pub(super) use grammar::parse;

use crate::error::{Error, ErrorCode, Result};
use datafusion::sql::sqlparser::ast::{CopyOption, Ident};

/// How rows are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyFormat {
    /// Lines with a delimiter and backslashes.
    Text {
        /// Between two values.
        delimiter: u8,
        /// Stands for NULL.
        null: String,
        /// Is the first line the columns' names?
        header: bool,
    },
    /// Comma separated values.
    Csv {
        /// Between two values.
        delimiter: u8,
        /// Stands for NULL.
        null: String,
        /// Is the first line the columns' names?
        header: bool,
        /// Around a value that needs it.
        quote: u8,
        /// Before a quote inside a value.
        escape: u8,
        /// The columns whose values are quoted in any case.
        force_quote: ForceQuote,
    },
    /// PostgreSQL's own binary form.
    Binary,
}

/// Columns of `FORCE_QUOTE`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ForceQuote {
    /// None.
    #[default]
    None,
    /// All of them.
    All,
    /// These.
    Columns(Vec<String>),
}

/// What was given, before it is known whether it goes together.
#[derive(Default)]
struct Given<'a> {
    format: Option<&'a str>,
    delimiter: Option<u8>,
    null: Option<&'a str>,
    header: bool,
    quote: Option<u8>,
    escape: Option<u8>,
    force_quote: Option<&'a [Ident]>,
}

impl CopyFormat {
    /// The options of a COPY TO, checked as PostgreSQL checks them and in its order.
    ///
    /// # Errors
    /// Options that don't go together, values that they can't have, and those of COPY FROM.
    pub fn new(options: &[CopyOption]) -> Result<Self> {
        let mut given = Given::default();
        for option in options {
            match option {
                CopyOption::Format(format) => given.format = Some(&format.value),
                CopyOption::Delimiter(delimiter) => given.delimiter = Some(byte(*delimiter)?),
                CopyOption::Null(null) => given.null = Some(null),
                CopyOption::Header(header) => given.header = *header,
                CopyOption::Quote(quote) => given.quote = Some(byte(*quote)?),
                CopyOption::Escape(escape) => given.escape = Some(byte(*escape)?),
                CopyOption::ForceQuote(columns) => given.force_quote = Some(columns),
                CopyOption::Encoding(name) => encoding(name)?,
                // It says something of rows that come in; PostgreSQL 15 takes it all the same.
                CopyOption::Freeze(_) => {}
                CopyOption::ForceNotNull(_) => return Err(only_from("force not null")),
                CopyOption::ForceNull(_) => return Err(only_from("force null")),
            }
        }
        match given.format {
            None | Some("text") => given.text(),
            Some("csv") => given.csv(),
            Some("binary") => given.binary(),
            Some(other) => Err(invalid(format!("COPY format \"{other}\" not recognized"))),
        }
    }
}

impl Given<'_> {
    fn binary(&self) -> Result<CopyFormat> {
        let refused = |what| Err(Error::new(ErrorCode::SyntaxError, format!("cannot specify {what} in BINARY mode")));
        if self.delimiter.is_some() {
            return refused("DELIMITER");
        }
        if self.null.is_some() {
            return refused("NULL");
        }
        if self.header {
            return Err(not_supported("cannot specify HEADER in BINARY mode"));
        }
        self.without_csv().map(|()| CopyFormat::Binary)
    }

    fn text(&self) -> Result<CopyFormat> {
        let delimiter = self.delimiter.unwrap_or(b'\t');
        let null = self.separators(delimiter, "\\N")?;
        // What begins an escape, or could be taken for a part of one or of a number.
        if matches!(delimiter, b'\\' | b'.' | b'a'..=b'z' | b'0'..=b'9') {
            return Err(invalid(format!("COPY delimiter cannot be \"{}\"", char::from(delimiter))));
        }
        self.without_csv()?;
        delimiter_in_null(delimiter, &null)?;
        Ok(CopyFormat::Text { delimiter, null, header: self.header })
    }

    fn csv(&self) -> Result<CopyFormat> {
        let delimiter = self.delimiter.unwrap_or(b',');
        let null = self.separators(delimiter, "")?;
        let quote = self.quote.unwrap_or(b'"');
        if delimiter == quote {
            return Err(invalid("COPY delimiter and quote must be different"));
        }
        delimiter_in_null(delimiter, &null)?;
        if null.as_bytes().contains(&quote) {
            return Err(not_supported("CSV quote character must not appear in the NULL specification"));
        }
        let force_quote = match self.force_quote {
            None => ForceQuote::None,
            Some([all]) if all.value == "*" && all.quote_style.is_none() => ForceQuote::All,
            Some(columns) => ForceQuote::Columns(columns.iter().map(super::folded).collect()),
        };
        let (header, escape) = (self.header, self.escape.unwrap_or(quote));
        Ok(CopyFormat::Csv { delimiter, null, header, quote, escape, force_quote })
    }

    /// Checks what both kinds of lines have in common; gives the text for NULL.
    fn separators(&self, delimiter: u8, null: &str) -> Result<String> {
        let null = self.null.unwrap_or(null);
        if matches!(delimiter, b'\n' | b'\r') {
            return Err(invalid("COPY delimiter cannot be newline or carriage return"));
        }
        if null.contains(['\n', '\r']) {
            return Err(invalid("COPY null representation cannot use newline or carriage return"));
        }
        Ok(null.to_owned())
    }

    fn without_csv(&self) -> Result<()> {
        let refused = |what| Err(not_supported(format!("COPY {what} available only in CSV mode")));
        match (self.quote, self.escape, self.force_quote) {
            (Some(_), ..) => refused("quote"),
            (_, Some(_), _) => refused("escape"),
            (.., Some(_)) => refused("force quote"),
            _ => Ok(()),
        }
    }
}

fn delimiter_in_null(delimiter: u8, null: &str) -> Result<()> {
    if null.as_bytes().contains(&delimiter) {
        return Err(not_supported("COPY delimiter must not appear in the NULL specification"));
    }
    Ok(())
}

fn byte(character: char) -> Result<u8> {
    u8::try_from(character).map_err(|_| not_supported("COPY takes single-byte characters"))
}

fn encoding(name: &str) -> Result<()> {
    let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    match plain.as_str() {
        "utf8" | "unicode" => Ok(()),
        _ => Err(not_supported(format!("COPY in encoding \"{name}\" is not supported")).with_hint("use UTF8")),
    }
}

fn only_from(what: &str) -> Error {
    not_supported(format!("COPY {what} only available using COPY FROM"))
}

fn not_supported(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::FeatureNotSupported, message)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidParameter, message)
}
