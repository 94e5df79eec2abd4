//! Reads a configuration file of one entry a line: `#` comments and blank lines skipped, errors with file and line.

use std::path::Path;

use crate::FileError;

/// The text of a file, which must be UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, FileError> {
    let bytes = std::fs::read(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = good.filter(|byte| **byte == b'\n').count() + 1;
        line_error(path, line, "not UTF-8")
    })
}

/// The entries with their line numbers, counted from 1.
pub(crate) fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // Windows editors put a byte order mark in front; it must not become a part of the first name.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

pub(crate) fn line_error(path: &Path, line: usize, problem: impl Into<String>) -> FileError {
    FileError::Line { path: path.to_owned(), line, problem: problem.into() }
}

/// A user or group name that can be told from its surroundings in a file, a log line and a policy.
pub(crate) fn check_name(name: &str, what: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("the {what} name is empty"));
    }
    if name.trim() != name {
        return Err(format!("blanks around the {what} name"));
    }
    if name.chars().any(char::is_control) {
        return Err(format!("a control character in the {what} name"));
    }
    Ok(())
}
