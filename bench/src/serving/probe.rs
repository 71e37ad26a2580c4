//! Latency as a visitor meets it: one request every few milliseconds, whether or not the one before was answered. What
//! a late answer holds up counts from when it was due, or a server that stalls would look fast.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// One kept-alive client.
pub(crate) type Http = Client<HttpConnector, Empty<Bytes>>;

/// What came of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    /// 0: no answer.
    pub(crate) status: u16,
    pub(crate) retry_after: bool,
    /// To the last byte of the answer.
    pub(crate) took: Duration,
}

pub(crate) fn http() -> Http {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// `GET`, as one of many visitors of a proxy in front.
pub(crate) async fn get(http: &Http, address: SocketAddr, target: &str, visitor: usize) -> Outcome {
    let began = Instant::now();
    let request = hyper::Request::get(format!("http://{address}{target}"))
        .header("accept", "image/avif,image/webp")
        .header("x-forwarded-for", format!("203.0.113.{}", visitor % 250 + 1))
        .body(Empty::new())
        .expect("a request");
    let answered = async {
        let answer = http.request(request).await.ok()?;
        let (head, body) = answer.into_parts();
        body.collect().await.ok()?;
        Some((head.status.as_u16(), head.headers.contains_key("retry-after")))
    };
    let (status, retry_after) = answered.await.unwrap_or_default();
    Outcome { status, retry_after, took: began.elapsed() }
}

/// Asks for `target` every `every`, until `until`; the latencies.
///
/// # Panics
/// When one is not answered with 200: a figure of failures would say nothing.
pub(crate) async fn probe(
    address: SocketAddr,
    target: &str,
    every: Duration,
    until: Instant,
) -> Vec<Duration> {
    let http = http();
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut asking = JoinSet::new();
    while Instant::now() < until {
        let due = ticks.tick().await;
        let (http, target) = (http.clone(), target.to_owned());
        asking.spawn(async move {
            let late = due.elapsed();
            let outcome = get(&http, address, &target, 0).await;
            assert_eq!(outcome.status, 200, "{target}");
            late + outcome.took
        });
    }
    asking.join_all().await
}

/// The latency under which 99 of 100 lie, in milliseconds.
pub(crate) fn p99(mut latencies: Vec<Duration>) -> f64 {
    latencies.sort();
    let rank = (latencies.len() * 99).div_ceil(100).saturating_sub(1);
    latencies.get(rank).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1000.0)
}
