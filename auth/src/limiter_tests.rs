//! Windows, resets and bounds of the failed-login limiter, with a clock that only moves when told.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::Ipv4Addr;

use super::*;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const WINDOW: Duration = Duration::from_secs(60);

fn limiter(per_pair: u32, per_address: u32, remembered: usize) -> FailedLogins {
    FailedLogins::new(FailedLoginLimits {
        window: WINDOW,
        per_user_and_address: NonZeroU32::new(per_pair).unwrap(),
        per_address: NonZeroU32::new(per_address).unwrap(),
        remembered: NonZeroUsize::new(remembered).unwrap(),
    })
}

#[test]
fn too_many_failures_of_a_user_from_an_address_wait_for_the_window() {
    let limiter = limiter(3, 100, 10);
    let start = Instant::now();
    for second in 0..3 {
        limiter.settle("ann", HERE, false, start + Duration::from_secs(second)).unwrap();
    }
    let later = start + Duration::from_secs(10);
    assert_eq!(limiter.check("ann", HERE, later), Err(Duration::from_secs(50)));
    assert_eq!(limiter.check("bob", HERE, later), Ok(()));
    assert_eq!(limiter.check("ann", THERE, later), Ok(()));

    // Refused attempts neither count nor prolong the wait.
    assert_eq!(limiter.settle("ann", HERE, false, later), Err(Duration::from_secs(50)));
    assert_eq!(limiter.check("ann", HERE, start + WINDOW), Ok(()));
    limiter.settle("ann", HERE, false, start + WINDOW).unwrap();
    assert_eq!(limiter.check("ann", HERE, start + WINDOW), Ok(()), "a new series begins with one failure");
}

#[test]
fn success_forgets_the_failures_of_that_user_and_address_only() {
    let limiter = limiter(2, 4, 10);
    let now = Instant::now();
    limiter.settle("ann", HERE, false, now).unwrap();
    limiter.settle("bob", HERE, false, now).unwrap();
    limiter.settle("ann", HERE, true, now).unwrap();
    limiter.settle("ann", HERE, false, now).unwrap();
    assert_eq!(limiter.check("ann", HERE, now), Ok(()), "one failure since the success");
    limiter.settle("bob", HERE, false, now).unwrap();
    assert_eq!(limiter.check("bob", HERE, now), Err(WINDOW));
    assert_eq!(limiter.check("cid", HERE, now), Err(WINDOW), "four failures from this address");
}

#[test]
fn successes_are_never_limited() {
    let limiter = limiter(1, 1, 10);
    let now = Instant::now();
    for _ in 0..200 {
        limiter.check("ann", HERE, now).unwrap();
        limiter.settle("ann", HERE, true, now).unwrap();
    }
}

#[test]
fn a_right_guess_among_many_sent_at_once_is_not_told() {
    let limiter = limiter(2, 100, 10);
    let now = Instant::now();
    for _ in 0..5 {
        limiter.check("ann", HERE, now).unwrap();
    }
    limiter.settle("ann", HERE, false, now).unwrap();
    limiter.settle("ann", HERE, false, now).unwrap();
    assert_eq!(limiter.settle("ann", HERE, true, now), Err(WINDOW));
}

#[test]
fn memory_is_bounded_and_the_oldest_go_first() {
    let limiter = limiter(1, 1_000_000, 10);
    let start = Instant::now();
    for number in 0..1000_u32 {
        limiter.settle(&format!("user{number}"), HERE, false, start + Duration::from_millis(number.into())).unwrap();
        limiter.settle("ann", HERE, true, start).unwrap();
    }
    let counts = limiter.counts.lock();
    assert!(counts.by_pair.entries.len() <= 10 && counts.by_pair.order.len() <= 10);
    drop(counts);
    let now = start + Duration::from_secs(1);
    assert!(limiter.check("user999", HERE, now).is_err());
    assert!(limiter.check("user0", HERE, now).is_ok());
}

#[test]
fn failing_and_succeeding_in_turn_does_not_grow_and_keeps_the_younger_series() {
    let limiter = limiter(1, 1_000_000, 4);
    let start = Instant::now();
    for second in 0..50 {
        let now = start + Duration::from_secs(second);
        limiter.settle("ann", HERE, false, now).unwrap();
        if second < 49 {
            limiter.counts.lock().by_pair.forget(&(limiter.hasher.hash_one("ann"), HERE));
        }
    }
    assert!(limiter.counts.lock().by_pair.order.len() <= 4);
    assert!(limiter.check("ann", HERE, start + Duration::from_secs(50)).is_err());
    // The first series' place in the queue ends; the last series must survive that.
    limiter.settle("bob", HERE, false, start + Duration::from_secs(106)).unwrap();
    assert!(limiter.check("ann", HERE, start + Duration::from_secs(107)).is_err());
}

#[test]
fn an_ipv6_client_is_its_network_and_a_mapped_address_is_ipv4() {
    let limiter = limiter(1, 100, 10);
    let now = Instant::now();
    limiter.settle("ann", "2001:db8::1".parse().unwrap(), false, now).unwrap();
    assert!(limiter.check("ann", "2001:db8::ffff:1".parse().unwrap(), now).is_err());
    assert!(limiter.check("ann", "2001:db8:0:1::1".parse().unwrap(), now).is_ok());
    limiter.settle("bob", HERE, false, now).unwrap();
    assert!(limiter.check("bob", "::ffff:10.0.0.1".parse().unwrap(), now).is_err());
}
