//! The self-test proves the sandbox, and these tests prove the self-test: with layers left out it
//! must report exactly what is then possible.

use cuttle_worker::{
    ActName, Layer, LayerName, Platform, Pool, PoolConfig, SelfTestReport, StartError, Verdict,
};

use crate::{one_worker, trials};

trials![
    nothing_forbidden_is_possible_and_every_codec_works,
    the_self_test_reports_what_is_possible_without_a_sandbox,
    seccomp_alone_stops_every_act,
    landlock_alone_stops_what_reaches_files_ports_and_processes,
    each_layer_is_reported_missing_when_it_is_left_out,
    a_required_sandbox_refuses_to_start_incomplete,
    without_a_kernels_help_everything_is_reported_missing,
    the_report_is_readable_json,
];

const ACTS: [ActName; 15] = [
    ActName::ReadFile,
    ActName::ListDirectory,
    ActName::CreateFile,
    ActName::OpenSocket,
    ActName::ConnectTcp,
    ActName::SendUdp,
    ActName::ConnectUnix,
    ActName::StartThread,
    ActName::Fork,
    ActName::SignalParent,
    ActName::ReadParentEnvironment,
    ActName::ReadOwnEnvironment,
    ActName::TakeParentDescriptor,
    ActName::MapExecutable,
    ActName::Exec,
];

async fn report(config: PoolConfig) -> SelfTestReport {
    Pool::start(config).await.expect("a pool starts").1
}

async fn with_only(layers: &[LayerName]) -> SelfTestReport {
    let without = LayerName::ALL.into_iter().filter(|layer| !layers.contains(layer)).collect();
    report(PoolConfig { without, ..one_worker() }).await
}

fn acts(report: &SelfTestReport, verdict: Verdict) -> Vec<ActName> {
    report.acts.iter().filter(|act| act.verdict == verdict).map(|act| act.name).collect()
}

fn layer(report: &SelfTestReport, name: LayerName) -> &Layer {
    report.layers.iter().find(|layer| layer.name == name).unwrap()
}

/// Some kernels have no landlock, or an old one; what it adds is then not there to be tested.
fn has_landlock(report: &SelfTestReport) -> bool {
    layer(report, LayerName::Landlock).active
}

async fn nothing_forbidden_is_possible_and_every_codec_works() {
    let report = report(one_worker()).await;
    assert_eq!(acts(&report, Verdict::Denied), ACTS, "{:#?}", report.acts);
    for layer in &report.layers {
        assert!(layer.active || layer.name == LayerName::Landlock, "{layer}");
    }
    assert_eq!(report.codecs.len(), 16);
    assert_eq!(report.broken_codecs().count(), 0, "{:#?}", report.codecs);
    assert_eq!(report.holes().is_empty(), has_landlock(&report));
}

async fn the_self_test_reports_what_is_possible_without_a_sandbox() {
    let report = with_only(&[]).await;
    let allowed = acts(&report, Verdict::Allowed);
    for act in ACTS {
        // Other security modules may keep a child from tracing its parent.
        let elsewhere = act == ActName::TakeParentDescriptor;
        assert!(elsewhere || allowed.contains(&act), "{act:?}: {:#?}", report.acts);
    }
    assert!(report.holes().len() >= ACTS.len() - 1 + LayerName::ALL.len());
}

async fn seccomp_alone_stops_every_act() {
    let report = with_only(&[LayerName::Seccomp]).await;
    assert_eq!(acts(&report, Verdict::Denied), ACTS, "{:#?}", report.acts);
}

async fn landlock_alone_stops_what_reaches_files_ports_and_processes() {
    let report = with_only(&[LayerName::NoNewPrivileges, LayerName::Landlock]).await;
    if !has_landlock(&report) {
        return;
    }
    let beyond_landlock = [
        ActName::OpenSocket,
        ActName::SendUdp,
        ActName::ConnectUnix,
        ActName::StartThread,
        ActName::Fork,
        ActName::MapExecutable,
    ];
    assert_eq!(acts(&report, Verdict::Allowed), beyond_landlock, "{:#?}", report.acts);
    assert_eq!(acts(&report, Verdict::Denied).len(), ACTS.len() - beyond_landlock.len());
}

async fn each_layer_is_reported_missing_when_it_is_left_out() {
    for name in LayerName::ALL {
        let report = report(PoolConfig { without: vec![name], ..one_worker() }).await;
        let missing = layer(&report, name);
        assert!(!missing.active && missing.detail == "left out", "{missing}");
        assert!(report.holes().contains(&missing.to_string()));
    }
}

async fn a_required_sandbox_refuses_to_start_incomplete() {
    let without = vec![LayerName::Seccomp];
    let config = PoolConfig { without, require_sandbox: true, ..one_worker() };
    let error = Pool::start(config).await.unwrap_err();
    assert!(matches!(error, StartError::Sandbox(_)), "{error}");
    let sentence = error.to_string();
    assert!(sentence.starts_with("the sandbox is required, but on this machine"), "{sentence}");
    assert!(sentence.contains("seccomp missing (left out)"), "{sentence}");

    let complete = Pool::start(PoolConfig { require_sandbox: true, ..one_worker() }).await;
    match complete {
        Ok((_, report)) => assert!(report.holes().is_empty()),
        Err(error) => assert!(error.to_string().contains("landlock"), "{error}"),
    }
}

async fn without_a_kernels_help_everything_is_reported_missing() {
    let config = PoolConfig { platform: Platform::Portable, ..one_worker() };
    let report = report(config.clone()).await;
    for layer in &report.layers {
        let ours = [LayerName::EmptyEnvironment, LayerName::NothingInherited];
        assert_eq!(layer.active, ours.contains(&layer.name), "{layer}");
    }
    assert!(acts(&report, Verdict::Allowed).contains(&ActName::ReadFile));
    assert_eq!(report.broken_codecs().count(), 0);

    let error = Pool::start(PoolConfig { require_sandbox: true, ..config }).await.unwrap_err();
    assert!(error.to_string().contains("seccomp missing (not on this system)"), "{error}");
}

async fn the_report_is_readable_json() {
    let report = report(one_worker()).await;
    let json = serde_json::to_string(&report).unwrap();
    assert!(json.contains(r#"{"name":"seccomp","active":true,"detail":""}"#), "{json}");
    assert!(json.contains(r#"{"name":"read-file","verdict":"denied","#), "{json}");
    assert!(json.contains(r#"{"from":"Png","to":"Avif","failure":null}"#), "{json}");
    assert_eq!(serde_json::from_str::<SelfTestReport>(&json).unwrap(), report);
}
