//! The queries that run now, by the ticket that started them: what CancelFlightInfo looks for.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The running queries of one door.
#[derive(Debug, Clone, Default)]
pub(super) struct Running(Arc<Mutex<Runs>>);

#[derive(Debug, Default)]
struct Runs {
    next: u64,
    by_number: HashMap<u64, (Vec<u8>, CancellationToken)>,
}

/// One run, taken out when dropped.
#[derive(Debug)]
pub(super) struct Run {
    running: Running,
    number: u64,
}

impl Running {
    /// A ticket's query begins; `statement` stops it.
    pub(super) fn begin(&self, ticket: &[u8], statement: CancellationToken) -> Run {
        let mut runs = self.0.lock();
        let number = runs.next;
        runs.next = number.wrapping_add(1);
        runs.by_number.insert(number, (ticket.to_vec(), statement));
        Run { running: self.clone(), number }
    }

    /// Stops what runs of this ticket; false when nothing does.
    pub(super) fn cancel(&self, ticket: &[u8]) -> bool {
        let runs = self.0.lock();
        let of_ticket = runs.by_number.values().filter(|(id, _)| id == ticket);
        of_ticket.inspect(|(_, statement)| statement.cancel()).count() > 0
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.running.0.lock().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_stops_its_own_runs_while_they_run() {
        let running = Running::default();
        let tokens = [CancellationToken::new(), CancellationToken::new(), CancellationToken::new()];
        let first = running.begin(b"a", tokens[0].clone());
        let second = running.begin(b"a", tokens[1].clone());
        let _other = running.begin(b"b", tokens[2].clone());
        drop(first);
        assert!(running.cancel(b"a"));
        assert_eq!(tokens.each_ref().map(CancellationToken::is_cancelled), [false, true, false]);
        drop(second);
        assert!(!running.cancel(b"a"));
    }
}
