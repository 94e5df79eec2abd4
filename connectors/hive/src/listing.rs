//! What lies on disk: folders that are schemas, tables and partitions, and the data files in them. Blocking calls, run
//! through [`blocking`]; nothing here opens a data file.

use crate::partition;
use naru_connector::{ConnectorError, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fs::{DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Folders deeper than this below a table are taken for a loop of links.
const MAX_DEPTH: usize = 32;

/// A data file of a table as it was when listed.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    /// Path below the table's folder, for messages: `dt=2024-01-01/part-0.parquet`.
    pub(crate) relative: String,
    /// Absolute path.
    pub(crate) path: PathBuf,
    /// Bytes.
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
    /// The decoded values of the partition folders, outermost first; `None` is NULL.
    pub(crate) values: Vec<Option<String>>,
}

/// All data files of a table, sorted by path, and the keys of its partition folders.
#[derive(Debug, Clone, Default)]
pub(crate) struct TableFiles {
    pub(crate) keys: Vec<String>,
    pub(crate) files: Vec<DataFile>,
}

/// Runs blocking work on the runtime for IO.
pub(crate) async fn blocking<T: Send + 'static>(
    io: &Handle,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let joined = io.spawn_blocking(work).await;
    joined.unwrap_or_else(|error| Err(ConnectorError::internal("reading files was interrupted").with_detail(error)))
}

/// The folders in `dir` by canonical (lower-case) name. Two that are equal when folded are an error naming both; names
/// that start with `.` or `_` are not for readers.
pub(crate) fn folders(dir: &Path, what: &str) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::<String, (String, PathBuf)>::new();
    for entry in entries(dir, what)? {
        if !entry.metadata.is_dir() {
            continue;
        }
        if let Some((other, _)) = found.get(&entry.name.to_lowercase()) {
            let (first, second) = (other.min(&entry.name), other.max(&entry.name));
            let message = format!("{what} has two folders of one name: \"{first}\" and \"{second}\"; rename one");
            return Err(ConnectorError::configuration(message));
        }
        found.insert(entry.name.to_lowercase(), (entry.name, entry.path));
    }
    Ok(found.into_iter().map(|(canonical, (_, path))| (canonical, path)).collect())
}

/// Is there any data file in the folder, at any depth? Stops at the first.
pub(crate) fn has_data(dir: &Path, what: &str) -> Result<bool> {
    has_data_below(dir, what, 0)
}

fn has_data_below(dir: &Path, what: &str, depth: usize) -> Result<bool> {
    let (folders, files): (Vec<_>, Vec<_>) = entries(dir, what)?.into_iter().partition(|e| e.metadata.is_dir());
    if files.iter().any(Entry::is_data) {
        return Ok(true);
    }
    for folder in folders {
        if depth < MAX_DEPTH && has_data_below(&folder.path, what, depth + 1)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Walks a table's folder. All files must stand under the same partition keys.
pub(crate) fn table_files(dir: &Path, what: &str, cancel: &CancellationToken) -> Result<TableFiles> {
    let mut walk = Walk { what, cancel, table: TableFiles::default() };
    walk.folder(dir, "", &mut Vec::new())?;
    walk.table.files.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(walk.table)
}

struct Walk<'a> {
    what: &'a str,
    cancel: &'a CancellationToken,
    table: TableFiles,
}

impl Walk<'_> {
    fn folder(&mut self, dir: &Path, relative: &str, keys: &mut Vec<(String, Option<String>)>) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(ConnectorError::new(ErrorKind::Cancelled, "the query was cancelled"));
        }
        for entry in entries(dir, self.what)? {
            let below = format!("{relative}{}", entry.name);
            if !entry.metadata.is_dir() {
                if entry.is_data() {
                    self.file(entry, below, keys)?;
                }
                continue;
            }
            let Some(key) = partition::key_value(&entry.name) else {
                let message = format!("{}: folder \"{below}\" is not of the form key=value", self.what);
                return Err(ConnectorError::configuration(message));
            };
            if keys.len() == MAX_DEPTH {
                return Err(ConnectorError::configuration(format!("{}: folders are too deep", self.what)));
            }
            keys.push(key);
            self.folder(&entry.path, &format!("{below}/"), keys)?;
            keys.pop();
        }
        Ok(())
    }

    fn file(&mut self, entry: Entry, relative: String, keys: &[(String, Option<String>)]) -> Result<()> {
        let names: Vec<_> = keys.iter().map(|(key, _)| key.clone()).collect();
        if self.table.files.is_empty() {
            self.table.keys = names;
        } else if self.table.keys != names {
            let list = |keys: &[String]| if keys.is_empty() { "none".to_owned() } else { keys.join("/") };
            let (here, elsewhere) = (list(&names), list(&self.table.keys));
            let message = format!(
                "{}: file \"{relative}\" has partition keys {here} where other files have {elsewhere}",
                self.what
            );
            return Err(ConnectorError::configuration(message));
        }
        let modified = entry.metadata.modified().map_err(|error| io_error(self.what, &error))?;
        self.table.files.push(DataFile {
            relative,
            path: entry.path,
            size: entry.metadata.len(),
            modified,
            values: keys.iter().map(|(_, value)| value.clone()).collect(),
        });
        Ok(())
    }
}

struct Entry {
    name: String,
    path: PathBuf,
    metadata: Metadata,
}

impl Entry {
    /// `*.parquet`, and Hive's own names without extension (`000000_0`). Hive writes empty files for empty buckets.
    fn is_data(&self) -> bool {
        let named = match Path::new(&self.name).extension() {
            Some(extension) => extension.eq_ignore_ascii_case("parquet"),
            None => true,
        };
        named && self.metadata.is_file() && self.metadata.len() > 0
    }
}

/// The entries of a folder but for hidden ones, sorted; links are followed.
fn entries(dir: &Path, what: &str) -> Result<Vec<Entry>> {
    let failed = |error: io::Error| io_error(what, &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        found.extend(visible(&entry.map_err(failed)?, what)?);
    }
    found.sort_by(|a: &Entry, b| a.name.cmp(&b.name));
    Ok(found)
}

fn visible(entry: &DirEntry, what: &str) -> Result<Option<Entry>> {
    let raw = entry.file_name();
    if matches!(raw.as_encoded_bytes().first(), Some(b'.' | b'_')) {
        return Ok(None);
    }
    let name = raw.into_string().map_err(|raw| {
        ConnectorError::configuration(format!("{what}: a name is not UTF-8: {}", raw.to_string_lossy()))
    })?;
    let path = entry.path();
    match std::fs::metadata(&path) {
        Ok(metadata) => Ok(Some(Entry { name, path, metadata })),
        // A writer renamed or removed it between the two calls, or a link leads nowhere.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(what, &error)),
    }
}

/// A failure to read `what`; the system's own words, which may hold paths, are for the log.
pub(crate) fn io_error(what: &str, error: &io::Error) -> ConnectorError {
    let (kind, text) = match error.kind() {
        io::ErrorKind::NotFound => (ErrorKind::ObjectChanged, "is not there"),
        io::ErrorKind::PermissionDenied => (ErrorKind::SourceDenied, "may not be read by the server"),
        _ => (ErrorKind::Unavailable, "can't be read"),
    };
    ConnectorError::new(kind, format!("{what} {text}")).with_detail(error)
}
