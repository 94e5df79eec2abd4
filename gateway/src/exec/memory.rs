//! Two limits of memory: a query's own, shared fairly among its spilling operators, and the process's. Whichever is reached first
//! makes an operator spill, or the query fail; the process lives.

use crate::telemetry::meters;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use metrics::Gauge;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What all queries together hold.
pub(super) struct ProcessMemory {
    limit: usize,
    used: AtomicUsize,
    shown: Gauge,
}

impl fmt::Debug for ProcessMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process({} of {} bytes)", self.used.load(Ordering::Relaxed), self.limit)
    }
}

impl ProcessMemory {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), shown: meters::reserved_memory() })
    }

    fn take(&self, bytes: usize) -> Result<()> {
        let room = |used: usize| used.checked_add(bytes).filter(|&after| after <= self.limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room) {
            Ok(_) => {
                self.shown.increment(bytes as f64);
                Ok(())
            }
            Err(used) => Err(DataFusionError::ResourcesExhausted(format!(
                "all queries together hold {used} of {} bytes; {bytes} more are not to be had",
                self.limit
            ))),
        }
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.shown.decrement(bytes as f64);
    }
}

/// One query's pool.
#[derive(Debug)]
pub(super) struct QueryMemory {
    own: FairSpillPool,
    process: Arc<ProcessMemory>,
}

impl QueryMemory {
    pub(super) fn new(limit: usize, process: Arc<ProcessMemory>) -> Self {
        Self { own: FairSpillPool::new(limit), process }
    }
}

impl fmt::Display for QueryMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query({} bytes)", self.own.reserved())
    }
}

impl MemoryPool for QueryMemory {
    fn name(&self) -> &'static str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.own.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.own.unregister(consumer);
    }

    // For what was allocated already: it counts, whatever the limit.
    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.process.used.fetch_add(additional, Ordering::Relaxed);
        self.process.shown.increment(additional as f64);
        self.own.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.own.shrink(reservation, shrink);
        self.process.give_back(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.process.take(additional)?;
        self.own.try_grow(reservation, additional).inspect_err(|_| self.process.give_back(additional))
    }

    fn reserved(&self) -> usize {
        self.own.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.own.memory_limit()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn reservation(pool: &Arc<dyn MemoryPool>) -> MemoryReservation {
        MemoryConsumer::new("test").register(pool)
    }

    #[test]
    fn a_query_has_its_own_limit_and_all_have_one_together() {
        let process = ProcessMemory::new(100);
        let first: Arc<dyn MemoryPool> = Arc::new(QueryMemory::new(70, Arc::clone(&process)));
        let second: Arc<dyn MemoryPool> = Arc::new(QueryMemory::new(70, Arc::clone(&process)));
        let (a, b) = (reservation(&first), reservation(&second));
        assert!(a.try_grow(71).is_err());
        a.try_grow(60).unwrap();
        assert!(b.try_grow(41).is_err());
        b.try_grow(40).unwrap();
        drop(a);
        b.try_grow(30).unwrap();
        drop(b);
        assert_eq!(process.used.load(Ordering::Relaxed), 0);
    }
}
