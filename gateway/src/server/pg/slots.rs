//! How many connections there may be, in all and of one user.

use crate::error::{Error, ErrorCode, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Slots {
    all: Arc<Semaphore>,
    per_user: Option<usize>,
    users: Arc<Mutex<HashMap<String, usize>>>,
}

/// One connection's place, free again when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _place: OwnedSemaphorePermit,
    users: Arc<Mutex<HashMap<String, usize>>>,
    user: Option<String>,
}

impl Slots {
    pub(super) fn new(all: usize, per_user: Option<usize>) -> Self {
        Self { all: Arc::new(Semaphore::new(all.min(Semaphore::MAX_PERMITS))), per_user, users: Arc::default() }
    }

    /// A place for a client that nobody knows yet.
    ///
    /// # Errors
    /// `TooManyConnections`.
    pub(super) fn take(&self) -> Result<Slot> {
        match Arc::clone(&self.all).try_acquire_owned() {
            Ok(place) => Ok(Slot { _place: place, users: Arc::clone(&self.users), user: None }),
            Err(_) => Err(Error::new(ErrorCode::TooManyConnections, "sorry, too many clients already")),
        }
    }

    /// The place is this user's. Asked after the login only: else it would tell strangers who is connected.
    ///
    /// # Errors
    /// `TooManyConnections`.
    pub(super) fn assign(&self, slot: &mut Slot, user: &str) -> Result<()> {
        let Some(most) = self.per_user else { return Ok(()) };
        let mut users = self.users.lock();
        let count = users.entry(user.to_owned()).or_default();
        if *count >= most {
            let message = format!("too many connections for role \"{user}\"");
            return Err(Error::new(ErrorCode::TooManyConnections, message));
        }
        *count += 1;
        slot.user = Some(user.to_owned());
        Ok(())
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(user) = self.user.take() else { return };
        let mut users = self.users.lock();
        if let Some(count) = users.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                users.remove(&user);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_and_a_refused_user_keeps_none() {
        let slots = Slots::new(3, Some(1));
        let mut first = slots.take().unwrap();
        slots.assign(&mut first, "ann").unwrap();
        let mut second = slots.take().unwrap();
        let refused = slots.assign(&mut second, "ann").unwrap_err();
        assert_eq!(refused.message, "too many connections for role \"ann\"");
        slots.assign(&mut second, "ben").unwrap();
        let third = slots.take().unwrap();
        assert_eq!(slots.take().unwrap_err().code, ErrorCode::TooManyConnections);
        drop((first, third));
        let mut again = slots.take().unwrap();
        slots.assign(&mut again, "ann").unwrap();
        drop((second, again));
        assert!(slots.users.lock().is_empty());
    }
}
