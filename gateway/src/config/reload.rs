//! Loading the folder again while the server runs: load everything, and only when all of it is right, swap. What is wrong
//! stays out, the old stays in, and the log says where and why. Running queries keep what they began with.
//!
//! A reload begins with SIGHUP, or when a file that the last one read has other contents. Contents are compared, not times
//! or events: editors, symbolic links and volume mounts all write in ways of their own.

use super::listeners::{flight_tls, pg_tls};
use super::load::Origin;
use super::problem::Problems;
use super::tls::ServerCertificate;
use crate::govern::review;
use crate::server::flight::FlightTls;
use crate::server::pg::PgTls;
use crate::session::Gateway;
use arc_swap::ArcSwap;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Files that belong together are rarely written at once: a reload begins when nothing changed for this long,
const QUIET: Duration = Duration::from_millis(300);
/// or, where something always changes, after this long.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many reloads there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Those that took effect.
    pub succeeded: u64,
    /// Those that left the old configuration in place.
    pub failed: u64,
}

/// A door that takes a new certificate.
pub struct Renewal {
    section: &'static str,
    renew: Box<dyn Fn(&ServerCertificate) + Send + Sync>,
}

impl Renewal {
    /// The PostgreSQL door's.
    #[must_use]
    pub fn postgresql(target: Arc<ArcSwap<PgTls>>) -> Self {
        let renew = move |certificate: &ServerCertificate| target.store(Arc::new(pg_tls(certificate)));
        Self { section: "postgresql.tls", renew: Box::new(renew) }
    }

    /// The Flight SQL door's.
    #[must_use]
    pub fn flight(target: Arc<ArcSwap<FlightTls>>) -> Self {
        let renew = move |certificate: &ServerCertificate| target.store(Arc::new(flight_tls(certificate)));
        Self { section: "flight.tls", renew: Box::new(renew) }
    }
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Renewal({})", self.section)
    }
}

/// Brings a changed configuration folder into effect.
#[derive(Debug)]
pub struct Reloader {
    gateway: Arc<Gateway>,
    renewals: Vec<Renewal>,
    origin: Mutex<Origin>,
    attempts: watch::Sender<Attempts>,
}

impl Reloader {
    /// A reloader for a gateway that was configured from `origin`.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>, origin: Origin, renewals: Vec<Renewal>) -> Self {
        Self { gateway, renewals, origin: Mutex::new(origin), attempts: watch::Sender::default() }
    }

    /// Counts of the reloads so far; a receiver can wait for the next one.
    #[must_use]
    pub fn attempts(&self) -> watch::Receiver<Attempts> {
        self.attempts.subscribe()
    }

    /// Loads the folder and swaps, or leaves everything as it is. Blocks on reading files.
    ///
    /// # Errors
    /// What is wrong with the folder; nothing was changed then.
    pub fn reload(&self) -> Result<(), Problems> {
        let reloaded = self.load_and_swap();
        self.attempts.send_modify(|attempts| match &reloaded {
            Ok(()) => attempts.succeeded += 1,
            Err(_) => attempts.failed += 1,
        });
        reloaded
    }

    fn load_and_swap(&self) -> Result<(), Problems> {
        let mut origin = self.origin.lock();
        let (live, newer) = origin.reload()?;
        // A login between the two swaps gets old groups under new policies, as one that came a moment earlier would.
        self.gateway.replace_snapshot(live.snapshot);
        self.gateway.replace_login(live.login);
        for renewal in &self.renewals {
            if let Some(certificate) = live.certificates.get(renewal.section) {
                (renewal.renew)(certificate);
            }
        }
        for section in origin.needs_restart(&newer) {
            tracing::warn!("the change of [{section}] takes effect at the next start");
        }
        *origin = newer;
        Ok(())
    }

    fn reload_and_log(&self) {
        match self.reload() {
            Ok(()) => {
                let policies = Arc::clone(&self.gateway.snapshot().policies);
                for issue in policies.issues().iter().chain(&review(&policies)) {
                    tracing::warn!("{issue}");
                }
                tracing::info!("configuration reloaded");
            }
            Err(problems) => {
                for problem in &problems.0 {
                    tracing::error!("{problem}");
                }
                tracing::error!("configuration not reloaded: the old one stays in effect");
            }
        }
    }

    /// Reloads on every hang-up, and whenever contents changed, until `shutdown`.
    pub async fn run(&self, mut hangups: Signal, shutdown: CancellationToken) {
        let (sender, mut events) = mpsc::channel(1);
        let mut eyes = Eyes::open(sender);
        eyes.watch(self.origin.lock().inputs());
        // What changed while the server started is noticed at once.
        let mut seen = self.origin.lock().contents().to_vec();
        eyes.wake();
        loop {
            let asked = tokio::select! {
                () = shutdown.cancelled() => return,
                Some(()) = hangups.recv() => true,
                Some(()) = events.recv() => {
                    settle(&mut events).await;
                    false
                }
            };
            let found = digest(self.origin.lock().inputs());
            if asked || found != seen {
                tokio::task::block_in_place(|| self.reload_and_log());
                eyes.watch(self.origin.lock().inputs());
            }
            // Taken before the files were read: what changed since differs from it.
            seen = found;
        }
    }
}

/// Waits until no event has come for a while.
async fn settle(events: &mut mpsc::Receiver<()>) {
    let patience = Instant::now() + PATIENCE;
    while timeout_at(patience.min(Instant::now() + QUIET), events.recv()).await.is_ok() {
        if Instant::now() >= patience {
            return;
        }
    }
}

/// The operating system's notices of changed files.
struct Eyes {
    watcher: Option<RecommendedWatcher>,
    sender: mpsc::Sender<()>,
    folders: BTreeSet<PathBuf>,
}

impl Eyes {
    fn open(sender: mpsc::Sender<()>) -> Self {
        let events = sender.clone();
        let handler = move |event: notify::Result<notify::Event>| {
            // Reading a file is an event too; ours would wake us for ever. Full: somebody is about to look anyway.
            if !event.is_ok_and(|event| matches!(event.kind, EventKind::Access(_))) {
                let _ = events.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(handler)
            .inspect_err(|error| tracing::error!(%error, "files can't be watched: reload with SIGHUP"))
            .ok();
        Self { watcher, sender, folders: BTreeSet::new() }
    }

    /// As if something had changed.
    fn wake(&self) {
        let _ = self.sender.try_send(());
    }

    /// Folders are watched, not files: a file that is replaced by renaming is another file.
    fn watch(&mut self, inputs: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        for input in inputs {
            let folder = if input.is_dir() { input } else { input.parent().unwrap_or(Path::new(".")) };
            if self.folders.contains(folder) {
                continue;
            }
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.folders.insert(folder.to_owned())),
                Err(error) => tracing::error!(%error, folder = %folder.display(), "a folder can't be watched"),
            }
        }
    }
}

/// A digest of all contents; what can't be read counts as absent.
pub(super) fn digest(inputs: &[PathBuf]) -> Vec<u8> {
    let mut files: BTreeSet<PathBuf> = BTreeSet::new();
    for input in inputs {
        match std::fs::read_dir(input) {
            Ok(entries) => files.extend(entries.filter_map(|entry| entry.ok().map(|entry| entry.path()))),
            Err(_) => drop(files.insert(input.clone())),
        }
    }
    let mut hasher = Sha256::new();
    for file in files {
        let Ok(contents) = std::fs::read(&file) else { continue };
        hasher.update(file.as_os_str().as_encoded_bytes());
        hasher.update([0]);
        hasher.update(Sha256::digest(contents));
    }
    hasher.finalize().to_vec()
}
