//! The machine of a server: worker processes, caches and the limits of a request, made once for all applications.

use std::sync::Arc;

use cuttle_config::Config;
use cuttle_pipeline::{Machine, MemoryPlan, OriginalCacheLimits, Settings};
use cuttle_source::State;
use cuttle_store::{Store, StoreSettings};
use cuttle_worker::{Pool, PoolConfig, SelfTestReport};

use crate::error::HostError;
use crate::resources::Resources;
use crate::state;

/// The machine, its processes, and what they found out about their sandbox and codecs.
///
/// # Errors
/// No worker can be started, or none that is as confined as it must be.
pub(crate) async fn start(
    config: &Config,
    resources: &Resources,
) -> Result<(Machine, Arc<Pool>, SelfTestReport), HostError> {
    let Resources { workers, memory, .. } = resources;
    announce(memory, *workers);
    let (pool, report) = Pool::start(PoolConfig {
        workers: *workers,
        worker_memory: memory.worker,
        kept_memory: memory.kept,
        require_sandbox: config.server.require_sandbox,
        ..PoolConfig::default()
    })
    .await?;
    let pool = Arc::new(pool);
    let store = store(config, memory);
    let machine = Machine::new(settings(config, resources), store, Arc::clone(&pool));
    Ok((machine, pool, report))
}

fn store(config: &Config, memory: &MemoryPlan) -> Store<Arc<State>> {
    let (disk, lacking) = match state::disk(config) {
        Ok(disk) => (disk, None),
        Err(trouble) => (None, Some(trouble)),
    };
    let (store, trouble) = Store::open(StoreSettings {
        memory_bytes: memory.variants,
        index_bytes: memory.index,
        index_entries: config.cache.entries,
        queue_bytes: memory.queue,
        disk,
    });
    if let Some(trouble) = lacking {
        store.lacks_disk(trouble);
    } else if let Some(trouble) = trouble {
        tracing::warn!(%trouble, "images are cached in memory only");
    }
    store
}

fn settings(config: &Config, resources: &Resources) -> Settings {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Settings {
        request: config.optimizer.timeout.duration(),
        queue_length: size(config.limits.queue),
        queue_wait: config.limits.queue_wait.duration(),
        transform: config.limits.transform.duration(),
        original_cache: OriginalCacheLimits {
            time: config.cache.source_ttl.duration(),
            bytes: config.cache.source_bytes.0,
            entries: size(config.cache.source_entries),
        },
        ..Settings::new(resources.limits, resources.memory)
    }
}

fn announce(memory: &MemoryPlan, workers: usize) {
    let mib = |bytes: u64| bytes >> 20;
    tracing::info!(
        ceiling_mib = mib(memory.ceiling),
        originals_mib = mib(memory.originals),
        renders_mib = mib(memory.renders),
        variants_mib = mib(memory.variants + memory.personal),
        index_mib = mib(memory.index),
        queue_mib = mib(memory.queue),
        failures_mib = mib(memory.failures),
        files_mib = mib(memory.files),
        fixed_mib = mib(memory.fixed),
        workers,
        worker_limit_mib = mib(memory.worker),
        worker_keeps_mib = mib(memory.kept),
        "memory plan"
    );
    if !memory.fits() {
        tracing::warn!(
            least_mib = mib(memory.total()),
            "the memory limit is too small for one ordinary photo: originals may be served instead of optimized images. Raise --memory to `least_mib` MiB"
        );
    }
}
