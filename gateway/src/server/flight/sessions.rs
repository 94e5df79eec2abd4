//! What sessions of bearer tokens keep between their calls: settings that were changed, and that a session was closed.
//!
//! A session without either leaves nothing here. The state belongs to this gateway: behind a balancer a client that changes
//! settings needs to come back to the same one.

use super::auth::Caller;
use crate::error::{Error, ErrorCode, Result};
use crate::session::SessionVariables;
use dashmap::DashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;
use tokio::sync::Mutex;

/// One session's state, until its token expires.
#[derive(Debug)]
pub(super) struct Kept {
    user: String,
    expires: SystemTime,
    closed: AtomicBool,
    /// Locked for as long as a statement that may change it runs.
    pub(super) variables: Mutex<Option<SessionVariables>>,
}

/// The sessions of one door, by the id in their token.
#[derive(Debug)]
pub(super) struct Sessions {
    kept: DashMap<[u8; 16], Arc<Kept>>,
    most_per_user: usize,
}

impl Sessions {
    pub(super) fn new(most_per_user: usize) -> Self {
        Self { kept: DashMap::new(), most_per_user }
    }

    /// What the caller's session has changed so far.
    pub(super) async fn variables(&self, caller: &Caller) -> Option<SessionVariables> {
        let kept = self.kept.get(&caller.session).map(|kept| Arc::clone(&kept))?;
        let variables = kept.variables.lock().await;
        variables.clone()
    }

    /// Was this session closed?
    pub(super) fn is_closed(&self, session: &[u8; 16]) -> bool {
        self.kept.get(session).is_some_and(|kept| kept.closed.load(Ordering::Acquire))
    }

    /// Ends the caller's session: its token is refused from now on.
    pub(super) fn close(&self, caller: &Caller) -> Result<()> {
        self.keep(caller)?.closed.store(true, Ordering::Release);
        Ok(())
    }

    /// A place for the caller's session to keep something in.
    pub(super) fn keep(&self, caller: &Caller) -> Result<Arc<Kept>> {
        if let Some(kept) = self.kept.get(&caller.session) {
            return Ok(Arc::clone(&kept));
        }
        let now = SystemTime::now();
        self.kept.retain(|_, kept| kept.expires > now);
        let user = caller.identity.user();
        let own = self.kept.iter().filter(|kept| kept.user == user).count();
        if own >= self.most_per_user {
            let text = format!("you have {own} sessions with changed settings, which is the most one may have");
            return Err(
                Error::new(ErrorCode::TooManyConnections, text).with_hint("reuse the token of an earlier login")
            );
        }
        let kept = Kept {
            user: user.to_owned(),
            expires: caller.expires,
            closed: AtomicBool::new(false),
            variables: Mutex::new(None),
        };
        Ok(Arc::clone(&self.kept.entry(caller.session).or_insert_with(|| Arc::new(kept))))
    }
}
