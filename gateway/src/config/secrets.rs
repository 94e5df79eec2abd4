//! `${env:NAME}`, `${env:NAME:-DEFAULT}` and `${file:PATH}` inside a text: secrets that lie outside the configuration files.

use std::env::VarError;
use std::path::{Path, PathBuf};

/// Fills in the references of a text; what they stand for is not looked at again. `read` collects the files used, which a
/// reload watches.
///
/// # Errors
/// What is wrong with a reference: never with what it stands for.
pub(super) fn fill(text: &str, folder: &Path, read: &mut Vec<PathBuf>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let (reference, after) = after.split_once('}').ok_or("\"${\" without \"}\"")?;
        filled.push_str(&value(reference, folder, read)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn value(reference: &str, folder: &Path, read: &mut Vec<PathBuf>) -> Result<String, String> {
    match reference.split_once(':') {
        Some(("env", variable)) => {
            let (name, default) = match variable.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (variable, None),
            };
            match (std::env::var(name), default) {
                (Ok(text), _) => Ok(text),
                (Err(VarError::NotPresent), Some(default)) => Ok(default.to_owned()),
                (Err(_), _) => Err(format!("the environment variable {name} is not set, or is no text")),
            }
        }
        Some(("file", path)) => {
            let path = folder.join(path);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("the secret's file {} can't be read: {error}", path.display()))?;
            read.push(path);
            // Editors and `echo` end a file with a line break, which is no part of the secret.
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
        }
        _ => Err("a reference is ${env:NAME}, ${env:NAME:-DEFAULT} or ${file:PATH}".to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn references_are_filled_in_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("password"), "a${env:PATH}b\r\n").unwrap();
        let mut read = Vec::new();
        let filled = fill("user:${file:password};${file:password}", folder.path(), &mut read).unwrap();
        assert_eq!(filled, "user:a${env:PATH}b;a${env:PATH}b");
        assert_eq!(read, [folder.path().join("password"), folder.path().join("password")]);
        assert!(!fill("${env:PATH}", folder.path(), &mut read).unwrap().is_empty());
    }

    #[test]
    fn a_default_stands_for_a_variable_that_is_not_set() {
        let fill = |text| fill(text, Path::new(""), &mut Vec::new()).unwrap();
        assert_eq!(fill("a${env:NARU_NO_SUCH_VARIABLE:-b:-c}d"), "ab:-cd");
        assert_eq!(fill("${env:NARU_NO_SUCH_VARIABLE:-}"), "");
        assert_eq!(fill("${env:PATH:-b}"), fill("${env:PATH}"));
    }

    #[test]
    fn what_cannot_be_filled_in_is_an_error() {
        let folder = Path::new("/nonexistent");
        for (text, expected) in [
            ("${env:NARU_NO_SUCH_VARIABLE}", "NARU_NO_SUCH_VARIABLE"),
            ("${file:none}", "/nonexistent/none"),
            ("${vault:x}", "${env:NAME}"),
            ("a${env:PATH", "without"),
        ] {
            let error = fill(text, folder, &mut Vec::new()).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
