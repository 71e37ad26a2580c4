//! The figures as a page.

use std::fmt::Write as _;

use cuttle_image::Kind;

use crate::cpu::{BARE, ROUNDS, Row, WIDTH};
use crate::memory::Memory;
use crate::photos::{Photo, median};
use crate::small::{PICTURES as SMALL_PICTURES, Small};
use crate::start_up::StartUp;

const PICTURES: &str = "\
Real pictures from Debian's `mate-backgrounds` and `plasma-workspace-wallpapers` (listed below), never
committed.
";

const METHOD: &str = "\
The server is the release binary with `--workers 2`. CPU of the server is the sum over all
of its processes as the kernel accounts it, from their start to their end; CPU of a bare call is that thread's own clock. Both sides
render the same bytes in turn, and must produce the same bytes. Memory is the sum of the proportional
set sizes of all processes, sampled every 20 ms. Times are medians.
";

/// What the whole page is about.
pub(crate) fn head() -> String {
    format!(
        "# Measurements\n\nWritten by `make bench`; do not edit.\n\nMachine: {}.\n\n{PICTURES}\n",
        machine()
    )
}

/// The server beside bare calls of the engine.
pub(crate) fn server(start_up: &StartUp, memory: &Memory, small: &Small, cpu: &[Row]) -> String {
    let mut page = String::new();
    let mut line = |text: &str| {
        page.push_str(text);
        page.push('\n');
    };
    line("## Overhead of a cold request\n");
    line(METHOD);
    line(&format!(
        "{WIDTH} px wide, q 75, profile `fast`; CPU ms, mean of {ROUNDS} rounds or more (until the bare calls took {BARE} ms) after one that warms up.\n"
    ));
    line("| photo | format | bytes out | bare call | through the server | ratio |");
    line("|---|---|---|---|---|---|");
    for row in cpu {
        line(&format!(
            "| {} | {} | {} | {:.1} | {:.1} | {:.3} |",
            row.name,
            row.format,
            row.bytes,
            row.bare,
            row.served,
            row.served / row.bare
        ));
    }
    let total = |side: fn(&Row) -> f64| cpu.iter().map(side).sum::<f64>();
    let ratio = total(|row| row.served) / total(|row| row.bare);
    let middle = median(cpu.iter().map(|row| row.served / row.bare).collect());
    line(&format!(
        "\nAll together: **{ratio:.3}** × the bare calls (goal: at most 1.15); median of the rows {middle:.3}; highest of {LONG} ms or more: {:.3} (goal: at most 1.20).\n",
        highest_long(cpu)
    ));

    line("## Small pictures\n");
    line(&format!(
        "{SMALL_PICTURES} pictures of 64×48, each an original of its own and so a process of its own, two clients.\n"
    ));
    line("| | |\n|---|---|");
    line(&format!("| ms of CPU a picture (goal: at most 4) | {:.2} |", small.cpu));
    line(&format!("| pictures a second (goal: at least 300) | {:.0} |\n", small.rate));

    line("## Memory\n");
    let highest = memory.peaks.iter().copied().fold(0.0, f64::max);
    line("| | MiB |\n|---|---|");
    line(&format!("| idle, two workers (goal: at most 25) | {:.1} |", memory.idle));
    line(&format!(
        "| eight cold AVIF requests at once, median of {} rounds (goal: at most 120) | {:.1} |",
        memory.peaks.len(),
        median(memory.peaks.clone())
    ));
    line(&format!("| … the highest round | {highest:.1} |"));
    line(&format!("| idle again, seconds later | {:.1} |\n", memory.idle_again));
    let rounds: Vec<String> = memory.peaks.iter().map(|peak| format!("{peak:.0}")).collect();
    line(&format!(
        "Every round, MiB (a round is eight photos from the list, each starting one further): {}.\n",
        rounds.join(", ")
    ));

    line("## Workers\n");
    line("| | ms |\n|---|---|");
    line(&format!("| a pool of one, from nothing, self-test included | {:.1} |", start_up.pool));
    line(&format!(
        "| from `kill -9` of a worker to a finished job in its successor | {:.1} |",
        start_up.replaced
    ));
    line(&format!("| a 64×48 picture through a warm worker | {:.2} |", start_up.tiny_job));
    line(&format!("| the same by a bare call | {:.2} |\n", start_up.tiny_call));

    page
}

/// What was measured.
pub(crate) fn pictures(photos: &[Photo]) -> String {
    let mut page =
        String::from("## Pictures\n\n| picture | pixels | bytes | |\n|---|---|---|---|\n");
    for photo in photos {
        let mode = match (photo.kind, photo.progressive) {
            (Kind::Png, _) => "PNG",
            (_, true) => "progressive JPEG",
            _ => "baseline JPEG",
        };
        let (width, height, bytes) = (photo.width, photo.height, photo.bytes.len());
        let _ = writeln!(page, "| {} | {width}×{height} | {bytes} | {mode} |", photo.name);
    }
    page
}

/// Milliseconds of a bare call from which on a photo must keep to its own goal, not only to that of all.
const LONG: f64 = 30.0;

fn highest_long(cpu: &[Row]) -> f64 {
    let long = cpu.iter().filter(|row| row.bare >= LONG);
    long.map(|row| row.served / row.bare).fold(0.0, f64::max)
}

/// What is over its goal, in words.
pub(crate) fn missed(memory: &Memory, small: &Small, cpu: &[Row]) -> Vec<String> {
    let highest = memory.peaks.iter().copied().fold(0.0, f64::max);
    let total = |side: fn(&Row) -> f64| cpu.iter().map(side).sum::<f64>();
    [
        (
            "CPU through the server, × the bare calls",
            total(|row| row.served) / total(|row| row.bare),
            1.15,
        ),
        ("CPU of one photo, × its bare call", highest_long(cpu), 1.2),
        ("MiB under eight cold requests", highest, 120.0),
        ("MiB idle", memory.idle.max(memory.idle_again), 25.0),
        ("ms of CPU for a small picture", small.cpu, 4.0),
        ("seconds for 300 small pictures", 300.0 / small.rate, 1.0),
    ]
    .into_iter()
    .filter(|(_, found, goal)| found > goal)
    .map(|(what, found, goal)| format!("{what}: {found:.2}, at most {goal}"))
    .collect()
}

/// Processor and number of cores.
pub(crate) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = String::new();
    let _ = write!(text, "{}, {cores} cores", name.unwrap_or("unknown processor"));
    text
}
