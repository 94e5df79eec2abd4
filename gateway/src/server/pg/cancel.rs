//! CancelRequest: which statement a key stops. A key that fits nothing is ignored, without a word (PostgreSQL manual, 55.2.8).

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Length of the secret under protocol 3.0, where it is a number.
const SHORT_SECRET: usize = 4;
/// Length of the secret from protocol 3.2 on, as PostgreSQL 18 makes it.
const LONG_SECRET: usize = 32;

/// The connections of one listener by their process id.
#[derive(Debug, Clone, Default)]
pub(super) struct CancelKeys(Arc<Mutex<HashMap<i32, Key>>>);

struct Key {
    secret: Vec<u8>,
    running: Option<CancellationToken>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

/// One connection's entry, taken out when dropped.
#[derive(Debug)]
pub(super) struct Registration {
    keys: CancelKeys,
    process_id: i32,
}

impl CancelKeys {
    /// A new connection's process id and secret. `long` when the client speaks 3.2.
    pub(super) fn register(&self, long: bool) -> (Registration, Vec<u8>) {
        let mut secret = vec![0; if long { LONG_SECRET } else { SHORT_SECRET }];
        rand::fill(&mut secret[..]);
        let mut keys = self.0.lock();
        let process_id = loop {
            let candidate = rand::random_range(1..=i32::MAX);
            if !keys.contains_key(&candidate) {
                break candidate;
            }
        };
        keys.insert(process_id, Key { secret: secret.clone(), running: None });
        (Registration { keys: self.clone(), process_id }, secret)
    }

    /// Stops what the connection runs, if the secret is the right one.
    pub(super) fn cancel(&self, process_id: i32, secret: &[u8]) {
        let keys = self.0.lock();
        let Some(key) = keys.get(&process_id) else { return };
        if !same(&key.secret, secret) {
            return;
        }
        if let Some(running) = &key.running {
            running.cancel();
        }
    }
}

/// Equality in a time that depends on the lengths only.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |difference, (l, r)| difference | (l ^ r)) == 0
}

impl Registration {
    pub(super) fn process_id(&self) -> i32 {
        self.process_id
    }

    /// From now on a CancelRequest stops this statement, or nothing. One that came while the statement was parsed has stopped it.
    pub(super) fn runs(&self, statement: Option<CancellationToken>) {
        if let Some(key) = self.keys.0.lock().get_mut(&self.process_id) {
            if let (Some(before), Some(now)) = (&key.running, &statement)
                && before.is_cancelled()
            {
                now.cancel();
            }
            key.running = statement;
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.keys.0.lock().remove(&self.process_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_secret_stops_only_what_runs() {
        let keys = CancelKeys::default();
        let (registration, secret) = keys.register(false);
        let process_id = registration.process_id();
        assert_eq!(secret.len(), 4);
        keys.cancel(process_id, &secret);

        let token = CancellationToken::new();
        registration.runs(Some(token.clone()));
        keys.cancel(process_id, b"");
        keys.cancel(process_id, &[secret.as_slice(), b"x"].concat());
        keys.cancel(process_id.wrapping_add(1), &secret);
        assert!(!token.is_cancelled());
        keys.cancel(process_id, &secret);
        assert!(token.is_cancelled());

        drop(registration);
        assert!(keys.0.lock().is_empty());
        assert_eq!(keys.register(true).1.len(), 32);
    }

    #[test]
    fn a_request_that_meets_the_parsing_of_a_statement_stops_the_statement() {
        let keys = CancelKeys::default();
        let (registration, secret) = keys.register(false);
        let (parsing, executing, later) =
            (CancellationToken::new(), CancellationToken::new(), CancellationToken::new());
        registration.runs(Some(parsing));
        keys.cancel(registration.process_id(), &secret);
        registration.runs(Some(executing.clone()));
        assert!(executing.is_cancelled());
        registration.runs(None);
        registration.runs(Some(later.clone()));
        assert!(!later.is_cancelled());
    }
}
