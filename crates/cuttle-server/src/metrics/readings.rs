//! What is read when somebody asks, and counted nowhere: how things are, and what others count already.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use cuttle_pipeline::{Machine, MemoryShare, TierUsage};
use cuttle_source::Traffic;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::Word;
use crate::listen::{Connections, Occupancy};
use crate::log_health::LogHealth;
use crate::server::Codec;

/// One moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readings {
    /// Seconds since 1970.
    started: u64,
    workers: Workers,
    jobs: usize,
    jobs_waiting: usize,
    requests_waiting: usize,
    full: bool,
    loaded_bytes: u64,
    /// By the name of the tier.
    caches: Vec<(Word, Cache)>,
    memory: Vec<MemoryShare>,
    disk: Disk,
    log_lines_lost: u64,
    long_polls: u64,
    traffic: Traffic,
    connections: [Occupancy; 2],
    bad_requests: Vec<(Word, u64)>,
    codecs: Vec<Codec>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Workers {
    places: usize,
    alive: usize,
    busy: usize,
    restarts: u64,
    jobs: u64,
}

/// All zero where nothing is kept on disk.
#[derive(Debug, Clone, Copy, Default)]
struct Disk {
    trouble: bool,
    max_bytes: u64,
    queued_bytes: u64,
    evicted: u64,
    damaged: u64,
    dropped_writes: u64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cache {
    variants: u64,
    bytes: u64,
    entries: u64,
    index_bytes: u64,
}

impl Cache {
    fn of(kept: TierUsage) -> Self {
        let TierUsage { variants, bytes, entries, index_bytes } = kept;
        Self { variants, bytes, entries, index_bytes }
    }
}

/// One of the numbers of a cache.
type Count = fn(&Cache) -> u64;
/// One of the numbers of a share of the memory plan.
type Share = fn(&MemoryShare) -> u64;

type OfConnections = (Word, Word, fn(&Occupancy) -> u64);

const CONNECTIONS: [OfConnections; 2] = [
    (
        "connections",
        "Connections to the public address; a stream is an event stream or a tunnel.",
        |kind| kind.taken as u64,
    ),
    ("connections_limit", "How many of them there may be.", |kind| kind.most as u64),
];
const CONNECTIONS_SO_FAR: [OfConnections; 2] = [
    ("connections_refused", "Connections and requests that there was no place for.", |kind| {
        kind.refused
    }),
    ("connections_closed", "Connections that were closed to make room for others.", |kind| {
        kind.closed
    }),
];

impl Readings {
    pub(crate) fn of(
        machine: &Machine,
        log: &LogHealth,
        codecs: &[Codec],
        connections: &Connections,
        started: SystemTime,
    ) -> Self {
        let (load, usage, stats) = (machine.load(), machine.usage(), machine.pool().stats());
        Self {
            started: started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            workers: Workers {
                places: stats.workers.len(),
                alive: stats.ready(),
                busy: stats.workers.iter().filter(|worker| worker.busy).count(),
                restarts: stats.restarts,
                jobs: stats.workers.iter().map(|worker| worker.jobs).sum(),
            },
            jobs: load.jobs,
            jobs_waiting: load.waiting,
            requests_waiting: load.requests,
            full: load.full,
            loaded_bytes: machine.loaded_bytes(),
            caches: [("memory", Some(usage.memory)), ("disk", usage.disk)]
                .into_iter()
                .filter_map(|(tier, kept)| Some((tier, Cache::of(kept?))))
                .collect(),
            memory: machine.memory().to_vec(),
            disk: Disk {
                trouble: machine.trouble().is_some(),
                max_bytes: usage.disk_max_bytes,
                queued_bytes: usage.queued_bytes,
                evicted: usage.evicted,
                damaged: usage.corrupt,
                dropped_writes: usage.dropped_writes,
            },
            log_lines_lost: log.lines_lost(),
            long_polls: cuttle_watchdog::long_polls(),
            traffic: machine.traffic(),
            connections: connections.occupancy(),
            bad_requests: connections.unreadable.counts().to_vec(),
            codecs: codecs.to_vec(),
        }
    }

    /// The same, with the share of static files, which are kept here.
    pub(crate) fn with_files(mut self, held: u64, most: u64) -> Self {
        self.memory.push(MemoryShare { name: "files", held, most });
        self
    }

    #[cfg(test)]
    pub(super) fn with_a_tier() -> Self {
        let caches = ["memory", "disk"].map(|tier| (tier, Cache::default())).to_vec();
        let limits = crate::listen::ConnectionLimits {
            connections: 1,
            streams: 1,
            idle: std::time::Duration::ZERO,
        };
        let connections = Connections::new(limits);
        let bad_requests = connections.unreadable.counts().to_vec();
        let connections = connections.occupancy();
        let shares =
            ["failures", "files", "index", "originals", "personal", "queue", "renders", "variants"];
        let memory = shares.map(|name| MemoryShare { name, held: 0, most: 0 }).to_vec();
        let codecs = ["avif", "jpeg", "png", "webp"].map(|name| Codec { name, works: true });
        Self {
            caches,
            codecs: codecs.to_vec(),
            connections,
            bad_requests,
            memory,
            ..Self::default()
        }
    }
}

/// Asks for the readings at each scrape.
pub(super) struct AtScrape(Box<dyn Fn() -> Readings + Send + Sync>);

impl AtScrape {
    pub(super) fn new(read: impl Fn() -> Readings + Send + Sync + 'static) -> Self {
        Self(Box::new(read))
    }
}

impl fmt::Debug for AtScrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtScrape").finish_non_exhaustive()
    }
}

impl Collector for AtScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let now = (self.0)();
        let Readings { started, workers, jobs, jobs_waiting, requests_waiting, disk, .. } = now;
        let number = |count: usize| count as u64;
        for (name, help, value) in [
            ("start_time_seconds", "When this process began, in seconds since 1970.", started),
            ("workers", "Places for workers.", number(workers.places)),
            ("workers_alive", "Workers that are there and confined.", number(workers.alive)),
            ("workers_busy", "Workers that have a job.", number(workers.busy)),
            ("jobs", "Jobs under way, loading included.", number(jobs)),
            ("jobs_waiting", "Jobs that wait for memory or for a worker.", number(jobs_waiting)),
            ("requests_waiting", "Requests that wait for a job.", number(requests_waiting)),
            (
                "source_decoders",
                "Originals whose content coding is being undone.",
                number(now.traffic.decoding),
            ),
            (
                "source_decoders_limit",
                "How many of them there may be; one that has taken a second counts a quarter.",
                number(now.traffic.decoders),
            ),
            (
                "source_connections",
                "Connections to origins that stay open between two requests.",
                number(now.traffic.connections),
            ),
            (
                "source_connections_limit",
                "How many of them there may be; others are closed after their answer.",
                number(now.traffic.connections_limit),
            ),
            ("queue_full", "1 while no further job would be admitted.", u64::from(now.full)),
            ("disk_trouble", "1 while the cache on disk cannot be used.", u64::from(disk.trouble)),
            (
                "disk_limit_bytes",
                "What images, index and log may take on disk at present.",
                disk.max_bytes,
            ),
            ("disk_queued_bytes", "Images that wait to be written.", disk.queued_bytes),
        ] {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        for (name, help, value) in [
            (
                "worker_restarts",
                "Workers started in place of others that were lost.",
                workers.restarts,
            ),
            ("worker_jobs", "Jobs given to workers.", workers.jobs),
            ("log_lines_lost", "Log lines that could not be written.", now.log_lines_lost),
            (
                "long_polls",
                "Turns of a task that used more than 100 ms of its thread's CPU time.",
                now.long_polls,
            ),
            ("source_bytes", "Bytes of originals loaded.", now.loaded_bytes),
            (
                "disk_evictions",
                "Entries that left the disk for age, bytes or number.",
                disk.evicted,
            ),
            ("disk_damaged", "Files on disk that were not what was written.", disk.damaged),
            (
                "disk_dropped_writes",
                "Images that the disk was too slow, too full or too broken for.",
                disk.dropped_writes,
            ),
        ] {
            let counter = ConstCounter::new(value);
            counter.encode(encoder.encode_descriptor(
                name,
                help,
                None,
                counter.metric_type(),
            )?)?;
        }
        let any = ConstGauge::new(0_u64);
        let help = "Requests for originals that wait, by what for.";
        let name = "fetches_waiting";
        let mut family = encoder.encode_descriptor(name, help, None, any.metric_type())?;
        for (what, waiting) in
            [("decoder", now.traffic.waiting_for_decoder), ("host", now.traffic.waiting_for_host)]
        {
            let gauge = ConstGauge::new(number(waiting));
            gauge.encode(family.encode_family(&[("for", what)])?)?;
        }
        let of_memory: [(Word, Word, Share); 2] = [
            (
                "memory_held_bytes",
                "What each share of the memory plan holds, as it is weighed.",
                |share| share.held,
            ),
            ("memory_share_bytes", "What each share of the memory plan may hold.", |share| {
                share.most
            }),
        ];
        for (name, help, of) in of_memory {
            let any = ConstGauge::new(0_u64);
            let mut family = encoder.encode_descriptor(name, help, None, any.metric_type())?;
            for share in &now.memory {
                let gauge = ConstGauge::new(of(share));
                gauge.encode(family.encode_family(&[("share", share.name)])?)?;
            }
        }
        let of_caches: [(Word, Word, Count); 4] = [
            ("cache_variants", "Images kept.", |cache| cache.variants),
            ("cache_bytes", "Bytes of images kept, and what it takes to keep them.", |cache| {
                cache.bytes
            }),
            ("cache_entries", "Requests whose answer is known.", |cache| cache.entries),
            ("cache_index_bytes", "Bytes of the index, on disk with its log.", |cache| {
                cache.index_bytes
            }),
        ];
        for (name, help, of) in of_caches {
            let any = ConstGauge::new(0_u64);
            let mut family = encoder.encode_descriptor(name, help, None, any.metric_type())?;
            for (tier, cache) in &now.caches {
                let gauge = ConstGauge::new(of(cache));
                gauge.encode(family.encode_family(&[("tier", *tier)])?)?;
            }
        }
        let any = ConstGauge::new(0_u64);
        let help = "1 where the codec read and wrote an image at start.";
        let mut family = encoder.encode_descriptor("codec_works", help, None, any.metric_type())?;
        for Codec { name, works } in &now.codecs {
            let gauge = ConstGauge::new(u64::from(*works));
            gauge.encode(family.encode_family(&[("codec", *name)])?)?;
        }
        for (name, help, of) in CONNECTIONS {
            let any = ConstGauge::new(0_u64);
            let mut family = encoder.encode_descriptor(name, help, None, any.metric_type())?;
            for kind in &now.connections {
                ConstGauge::new(of(kind)).encode(family.encode_family(&[("kind", kind.kind)])?)?;
            }
        }
        for (name, help, of) in CONNECTIONS_SO_FAR {
            let any = ConstCounter::new(0_u64);
            let mut family = encoder.encode_descriptor(name, help, None, any.metric_type())?;
            for kind in &now.connections {
                ConstCounter::new(of(kind))
                    .encode(family.encode_family(&[("kind", kind.kind)])?)?;
            }
        }
        let any = ConstCounter::new(0_u64);
        let help = "Bytes that could not be read as a request, by why.";
        let mut family =
            encoder.encode_descriptor("bad_requests", help, None, any.metric_type())?;
        for &(why, count) in &now.bad_requests {
            ConstCounter::new(count).encode(family.encode_family(&[("why", why)])?)?;
        }
        Ok(())
    }
}
