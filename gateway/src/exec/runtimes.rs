//! Two runtimes. Sockets and drivers live on the IO runtime; DataFusion's operators, which compute for long stretches without
//! yielding, on the CPU runtime. On one runtime a heavy sort would look to a driver like a time-out of its server.

use super::abandon::until_abandoned;
use super::guard::Running;
use super::memory::{ProcessMemory, QueryMemory};
use super::stream::{self, Begun};
use crate::error::{Error, ErrorCode, Result};
use crate::session::SessionTimeouts;
use crate::session::api::QueryStream;
use datafusion::arrow::array::RecordBatch;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use futures::Stream;
use futures::stream::BoxStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Limits of the process.
#[derive(Debug, Clone)]
pub struct ExecLimits {
    /// Bytes that all queries together may hold before they spill or fail.
    pub memory: usize,
    /// Bytes that one query may hold before it spills or fails.
    pub query_memory: usize,
    /// Folder for spilled data; `None` uses the system's temporary folder.
    pub spill_folder: Option<PathBuf>,
    /// Bytes that all spilled data together may take.
    pub spill: u64,
    /// Queries that run at the same time; further ones wait.
    pub running_queries: usize,
    /// How long a query may wait for its turn.
    pub queue_time: Duration,
    /// Timeouts of sessions that do not SET their own.
    pub session_timeouts: SessionTimeouts,
}

impl Default for ExecLimits {
    fn default() -> Self {
        Self {
            memory: 2 << 30,
            query_memory: 1 << 30,
            spill_folder: None,
            spill: 20 << 30,
            running_queries: 64,
            queue_time: Duration::from_secs(60),
            session_timeouts: SessionTimeouts::default(),
        }
    }
}

/// The machinery that plans and runs queries.
#[derive(Debug)]
pub struct Executor {
    cpu: Option<Runtime>,
    io: Handle,
    environment: Arc<RuntimeEnv>,
    memory: Arc<ProcessMemory>,
    admission: Arc<Semaphore>,
    limits: ExecLimits,
}

impl Executor {
    /// Starts the CPU runtime. `io` is where sockets and drivers live.
    pub fn new(io: Handle, limits: ExecLimits) -> Result<Self> {
        let cpu = Builder::new_multi_thread()
            .thread_name("naru-cpu")
            .thread_stack_size(crate::service::STACK_BYTES)
            .enable_time()
            .build()
            .map_err(|error| Error::internal(format!("the CPU runtime can't be started: {error}")))?;
        let mode = match &limits.spill_folder {
            Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
            None => DiskManagerMode::OsTmpDirectory,
        };
        let environment = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(
                DiskManagerBuilder::default().with_mode(mode).with_max_temp_directory_size(limits.spill),
            )
            .build_arc()?;
        let memory = ProcessMemory::new(limits.memory);
        let admission = Arc::new(Semaphore::new(limits.running_queries));
        Ok(Self { cpu: Some(cpu), io, environment, memory, admission, limits })
    }

    /// The limits it keeps.
    #[must_use]
    pub fn limits(&self) -> &ExecLimits {
        &self.limits
    }

    /// The IO runtime.
    #[must_use]
    pub fn io(&self) -> &Handle {
        &self.io
    }

    /// DataFusion's resources of the process.
    #[must_use]
    pub fn environment(&self) -> &Arc<RuntimeEnv> {
        &self.environment
    }

    /// The same for one query: with a memory limit of its own.
    #[must_use]
    pub fn query_environment(&self) -> Arc<RuntimeEnv> {
        let memory = QueryMemory::new(self.limits.query_memory, Arc::clone(&self.memory));
        Arc::new(RuntimeEnv { memory_pool: Arc::new(memory), ..self.environment.as_ref().clone() })
    }

    /// Waits for a turn to run.
    pub async fn admit(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.admission).try_acquire_owned() {
            return Ok(permit);
        }
        let turn = Arc::clone(&self.admission).acquire_owned();
        match tokio::time::timeout(self.limits.queue_time, turn).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Error::new(ErrorCode::AdminShutdown, "the server is shutting down")),
            Err(_) => Err(Error::new(ErrorCode::TooManyQueries, "too many queries are running")
                .with_hint("try again later, or ask for a higher max_running_queries")),
        }
    }

    /// Runs planning work on the CPU runtime; dropping the future stops it at its next await or [`Checkpoint`](super::Checkpoint).
    pub async fn plan<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        let abandoned = CancellationToken::new();
        let task = AbortOnDropHandle::new(self.cpu()?.spawn(until_abandoned(abandoned.clone(), work)));
        let _abandon = abandoned.drop_guard();
        task.await.map_err(|error| Error::internal(format!("planning ended early: {error}")))?
    }

    /// Plans on the CPU runtime and runs there what comes of it; the batches are streamed here. Dropping the future stops it as
    /// [`Self::plan`] does.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<(T, Begun)>> + Send + 'static,
    ) -> Result<(T, QueryStream)> {
        stream::across(self.cpu()?, work).await
    }

    /// The stream of a query whose rows planning has found.
    #[must_use]
    pub fn answer(rows: RecordBatch, running: Arc<Running>) -> QueryStream {
        stream::at_hand(rows, running)
    }

    /// Polls a stream on the CPU runtime, a little ahead of its reader: for what a door computes from rows.
    pub fn compute<T: Send + 'static>(
        &self,
        items: impl Stream<Item = Result<T>> + Send + 'static,
    ) -> Result<BoxStream<'static, Result<T>>> {
        Ok(stream::computed(self.cpu()?, items))
    }

    fn cpu(&self) -> Result<&Handle> {
        self.cpu.as_ref().map(Runtime::handle).ok_or_else(|| Error::internal("the CPU runtime has stopped"))
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        // A runtime must not be dropped inside another: hand its threads over to end by themselves.
        if let Some(cpu) = self.cpu.take() {
            cpu.shutdown_background();
        }
    }
}
