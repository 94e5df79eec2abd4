//! The queries that run now, by the ticket that started them, and the tickets that were cancelled before they were redeemed: what
//! CancelFlightInfo and CloseSession look for.

use crate::error::Result;
use crate::exec::cancelled;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

/// Cancelled tickets that are remembered. Beyond, a ticket that does not run can't be cancelled.
const MOST_REVOKED: usize = 100_000;

/// The running queries of one door.
#[derive(Debug, Clone, Default)]
pub(super) struct Running(Arc<Mutex<Runs>>);

#[derive(Debug, Default)]
struct Runs {
    next: u64,
    by_number: HashMap<u64, Entry>,
    /// Tickets that are worth nothing any more, until they expire.
    revoked: HashMap<Vec<u8>, SystemTime>,
}

#[derive(Debug)]
struct Entry {
    ticket: Vec<u8>,
    session: [u8; 16],
    statement: CancellationToken,
}

/// One run, taken out when dropped.
#[derive(Debug)]
pub(super) struct Run {
    running: Running,
    number: u64,
}

impl Running {
    /// A ticket's query begins in a session; `statement` stops it.
    ///
    /// # Errors
    /// The ticket was cancelled.
    pub(super) fn begin(&self, ticket: &[u8], session: [u8; 16], statement: CancellationToken) -> Result<Run> {
        let mut runs = self.0.lock();
        if runs.revoked.contains_key(ticket) {
            return Err(cancelled().with_hint("execute the statement again"));
        }
        let number = runs.next;
        runs.next = number.wrapping_add(1);
        runs.by_number.insert(number, Entry { ticket: ticket.to_vec(), session, statement });
        Ok(Run { running: self.clone(), number })
    }

    /// Was the ticket cancelled?
    pub(super) fn is_revoked(&self, ticket: &[u8]) -> bool {
        self.0.lock().revoked.contains_key(ticket)
    }

    /// Stops what runs of this ticket, and what would run of it `until` it expires. False when there is no room to remember it.
    pub(super) fn revoke(&self, ticket: &[u8], until: SystemTime) -> bool {
        let mut runs = self.0.lock();
        let of_ticket = runs.by_number.values().filter(|entry| entry.ticket == ticket);
        let stopped = of_ticket.inspect(|entry| entry.statement.cancel()).count() > 0;
        if runs.revoked.len() >= MOST_REVOKED {
            let now = SystemTime::now();
            runs.revoked.retain(|_, until| *until > now);
        }
        if runs.revoked.len() >= MOST_REVOKED {
            return stopped;
        }
        runs.revoked.insert(ticket.to_vec(), until);
        true
    }

    /// Stops what runs in a session.
    pub(super) fn stop_session(&self, session: &[u8; 16]) {
        let runs = self.0.lock();
        runs.by_number.values().filter(|entry| entry.session == *session).for_each(|entry| entry.statement.cancel());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.running.0.lock().by_number.remove(&self.number);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SESSION: [u8; 16] = [1; 16];

    #[test]
    fn a_ticket_stops_its_own_runs_and_runs_no_more() {
        let running = Running::default();
        let tokens = [CancellationToken::new(), CancellationToken::new(), CancellationToken::new()];
        let first = running.begin(b"a", SESSION, tokens[0].clone()).unwrap();
        let _second = running.begin(b"a", SESSION, tokens[1].clone()).unwrap();
        let _other = running.begin(b"b", SESSION, tokens[2].clone()).unwrap();
        drop(first);
        assert!(running.revoke(b"a", SystemTime::now()));
        assert_eq!(tokens.each_ref().map(CancellationToken::is_cancelled), [false, true, false]);
        assert!(running.begin(b"a", SESSION, CancellationToken::new()).is_err());
        assert!(running.begin(b"b", SESSION, CancellationToken::new()).is_ok());
    }

    #[test]
    fn a_session_stops_its_own_runs() {
        let running = Running::default();
        let tokens = [CancellationToken::new(), CancellationToken::new()];
        let _own = running.begin(b"a", SESSION, tokens[0].clone()).unwrap();
        let _other = running.begin(b"b", [2; 16], tokens[1].clone()).unwrap();
        running.stop_session(&SESSION);
        assert_eq!(tokens.each_ref().map(CancellationToken::is_cancelled), [true, false]);
    }
}
