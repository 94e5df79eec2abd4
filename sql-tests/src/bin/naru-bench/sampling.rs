//! Taking times: both sides in turn, so that whatever else the machine does meets both.

use crate::figure::Measured;
use std::time::{Duration, Instant};

/// The middle of some times, in seconds.
pub(crate) fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).expect("at least one time").as_secs_f64()
}

/// How long `work` takes.
pub(crate) async fn time<T>(work: impl Future<Output = T>) -> Duration {
    let started = Instant::now();
    work.await;
    started.elapsed()
}

/// Median times of both sides, after one run of each that is not counted. `scale` is what a second counts.
pub(crate) async fn in_turn(
    rounds: usize,
    scale: f64,
    mut ours: impl AsyncFnMut(),
    mut rival: impl AsyncFnMut(),
) -> Measured {
    ours().await;
    rival().await;
    let (mut our_times, mut rival_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        our_times.push(time(ours()).await);
        rival_times.push(time(rival()).await);
    }
    Measured { ours: median(our_times) * scale, rival: Some(median(rival_times) * scale) }
}

/// The same of work that is too short to be taken alone: in turns of `each` runs, every run counted.
pub(crate) async fn in_blocks(
    (rounds, each): (usize, usize),
    scale: f64,
    mut ours: impl AsyncFnMut(),
    mut rival: impl AsyncFnMut(),
) -> Measured {
    let (mut our_times, mut rival_times) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        for _ in 0..each {
            our_times.push(time(ours()).await);
        }
        for _ in 0..each {
            rival_times.push(time(rival()).await);
        }
        if round == 0 {
            our_times.clear();
            rival_times.clear();
        }
    }
    Measured { ours: median(our_times) * scale, rival: Some(median(rival_times) * scale) }
}
