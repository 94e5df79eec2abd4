//! Slows down password guessing: counts failed logins per (user, address) and per address, in bounded memory.
//!
//! It knows no passwords and no identities, and reads no clock: the time comes in, so tests need not wait.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    num::{NonZeroU32, NonZeroUsize},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// How many failed logins are too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedLoginLimits {
    /// How long a failure counts, from the first one of its series on.
    pub window: Duration,
    /// Failures within the window for one user from one address.
    pub per_user_and_address: NonZeroU32,
    /// Failures within the window from one address, whoever the user. Behind a proxy or NAT many people share one: set it high.
    pub per_address: NonZeroU32,
    /// How many (user, address) pairs, and how many addresses, are remembered; some 100 bytes each. When more come, the oldest
    /// are forgotten.
    pub remembered: NonZeroUsize,
}

impl Default for FailedLoginLimits {
    /// 10 for a user from an address and 100 from an address in 5 minutes; 100,000 remembered.
    fn default() -> Self {
        const fn count(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(count) => count,
                None => NonZeroU32::MIN,
            }
        }
        Self {
            window: Duration::from_secs(300),
            per_user_and_address: count(10),
            per_address: count(100),
            remembered: NonZeroUsize::new(100_000).unwrap_or(NonZeroUsize::MIN),
        }
    }
}

/// Remembers failed logins. One for the process, shared by `Arc` between listeners and across reloads.
///
/// Only failures count, so a pool that opens 200 connections at once is never slowed down. A success forgets the failures of
/// that (user, address), not those of the address: else an attacker with an account could clear the count at will. An attempt
/// that was refused for too many failures is not counted and does not prolong the wait. An IPv6 client is its /64 network,
/// within which anybody can take any address.
#[derive(Debug)]
pub struct FailedLogins {
    limits: FailedLoginLimits,
    /// Names are kept as keyed hashes: a fixed size, however long the names that an attacker sends.
    hasher: RandomState,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    by_pair: Series<(u64, IpAddr)>,
    by_address: Series<IpAddr>,
}

impl FailedLogins {
    /// Starts with no failures.
    pub fn new(limits: FailedLoginLimits) -> Self {
        Self { limits, hasher: RandomState::new(), counts: Mutex::default() }
    }

    /// May an attempt be looked at? If not, how long to wait.
    pub(crate) fn check(&self, user: &str, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = network(peer);
        self.check_locked(&self.counts.lock(), (self.hasher.hash_one(user), address), now)
    }

    /// Books the end of an attempt. `Err` if the limit was reached while the attempt was under way: then its outcome must not be
    /// told. Otherwise a thousand guesses sent at once would all be answered.
    pub(crate) fn settle(&self, user: &str, peer: IpAddr, succeeded: bool, now: Instant) -> Result<(), Duration> {
        let address = network(peer);
        let pair = (self.hasher.hash_one(user), address);
        let mut counts = self.counts.lock();
        self.check_locked(&counts, pair, now)?;
        if succeeded {
            counts.by_pair.forget(&pair);
        } else {
            counts.by_pair.count(pair, now, &self.limits);
            counts.by_address.count(address, now, &self.limits);
        }
        Ok(())
    }

    fn check_locked(&self, counts: &Counts, pair: (u64, IpAddr), now: Instant) -> Result<(), Duration> {
        let window = self.limits.window;
        let of_pair = counts.by_pair.wait(&pair, self.limits.per_user_and_address, now, window);
        let of_address = counts.by_address.wait(&pair.1, self.limits.per_address, now, window);
        of_pair.max(of_address).map_or(Ok(()), Err)
    }
}

/// An IPv4 address as it is (also when mapped into IPv6), an IPv6 address as its /64.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Failures by key. A key's series begins with its first failure and ends when the window has passed since.
#[derive(Debug)]
struct Series<K> {
    entries: HashMap<K, Entry>,
    /// Keys by the start of their series, oldest first: what ends next, and what to forget when there are too many.
    /// May hold keys that were forgotten since.
    order: VecDeque<(K, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    started: Instant,
    failures: u32,
}

impl<K> Default for Series<K> {
    fn default() -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Copy + Eq + Hash> Series<K> {
    fn wait(&self, key: &K, most: NonZeroU32, now: Instant, window: Duration) -> Option<Duration> {
        let entry = self.entries.get(key).filter(|entry| entry.failures >= most.get())?;
        window.checked_sub(now.saturating_duration_since(entry.started)).filter(|rest| !rest.is_zero())
    }

    fn count(&mut self, key: K, now: Instant, limits: &FailedLoginLimits) {
        self.make_room(now, limits);
        match self.entries.get_mut(&key) {
            Some(entry) => entry.failures = entry.failures.saturating_add(1),
            None => {
                self.entries.insert(key, Entry { started: now, failures: 1 });
                self.order.push_back((key, now));
            }
        }
    }

    fn forget(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// Drops series that have ended and, at the limit, the oldest one.
    fn make_room(&mut self, now: Instant, limits: &FailedLoginLimits) {
        while let Some((key, started)) = self.order.front().copied() {
            let ended = now.saturating_duration_since(started) >= limits.window;
            if !ended && self.order.len() < limits.remembered.get() {
                break;
            }
            self.order.pop_front();
            // A key that was forgotten and failed again has a younger series, which stays.
            if self.entries.get(&key).is_some_and(|entry| entry.started == started) {
                self.entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
#[path = "limiter_tests.rs"]
mod tests;
