//! The comparison with sharp as a section of the page, and its raw rows as tab-separated values.

use std::fmt::Write as _;

use crate::compare::{Case, EQUAL, FORMATS, QUALITY, Rendering};
use crate::photos::{geometric_mean, mean, median};

pub(crate) const METHOD: &str = "\
Both sides are long-lived processes of one thread that are fed over a pipe: sharp in node (`sharp.concurrency(1)`, `UV_THREADPOOL_SIZE=1`,
cache off) with the options of Next (WebP q at effort 4; AVIF at max(round(q·50/80), 1), effort 3, 4:4:4; JPEG by mozjpeg), and the bare
engine. CPU is `process.cpuUsage()` around sharp's call, and our thread's own clock around ours. In every round both are asked for everything in
turn, picture by picture; figures are medians of the rounds (profiles that no one waits for: one round). sharp's encode stage is its whole less
the same call that ends in `.raw()`. SSIMULACRA2 (`fast-ssim2`) is against a decode at full size, resized by sharp's Lanczos3, lossless; sharp
decodes the renditions of both sides. Bytes at equal looks are ours on the straight line between two of our qualities, five apart. Memory is the
highest resident memory of a side's process during the call, the source and the runtime (node, the bench) included. Means of ratios are geometric.
Raw rows are in `results/`.
";

/// A claim and what it came to.
struct Bound {
    what: &'static str,
    figure: f64,
    bound: f64,
    goal: Option<f64>,
    least: bool,
}

pub(crate) fn section(cases: &[Case], versions: &str) -> String {
    let mut page = String::new();
    let mut line = |text: &str| {
        page.push_str(text);
        page.push('\n');
    };
    line("## Beside sharp\n");
    line(&format!("{versions}; q {QUALITY}; {} renditions of each kind.\n", cases.len()));
    line(METHOD);
    line("| | measured | bound | goal | |\n|---|---|---|---|---|");
    for bound in bounds(cases) {
        let held =
            if bound.least { bound.figure >= bound.bound } else { bound.figure <= bound.bound };
        let sign = if bound.least { '≥' } else { '≤' };
        line(&format!(
            "| {} | **{:.3}** | {sign} {} | {} | {} |",
            bound.what,
            bound.figure,
            bound.bound,
            bound.goal.map(|goal| goal.to_string()).unwrap_or_default(),
            if held { "held" } else { "missed" }
        ));
    }
    line("\n### By format and profile\n");
    line(
        "Ours over sharp's in the same format: ratios of CPU and bytes, difference of SSIMULACRA2 (mean of ours less mean of theirs).\n",
    );
    line(
        "| | profile | CPU, whole | CPU, encode | bytes | SSIMULACRA2 | ours | sharp's | peak MiB, median | sharp's | … highest | sharp's |",
    );
    line("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (format, profiles) in FORMATS {
        for profile in profiles {
            line(&row(cases, format, profile));
        }
    }
    line("\n### Bytes at equal SSIMULACRA2\n");
    line("| ours | against sharp's | all | 640 | 1080 | 1920 |\n|---|---|---|---|---|---|");
    for (n, (format, profile, theirs)) in EQUAL.into_iter().enumerate() {
        let of = |cases: &[&Case]| {
            geometric_mean(cases.iter().map(|c| c.equal[n].ours / c.equal[n].theirs))
        };
        let mut cells = vec![of(&cases.iter().collect::<Vec<_>>())];
        for width in [640, 1080, 1920] {
            cells.push(of(&cases.iter().filter(|case| case.width == width).collect::<Vec<_>>()));
        }
        let cells: Vec<String> = cells.iter().map(|ratio| format!("{ratio:.3}")).collect();
        line(&format!("| {format} `{profile}` | {theirs} | {} |", cells.join(" | ")));
    }
    line("\n### Where our CPU goes\n");
    line("Profile `fast`, mean milliseconds; sharp's whole beside it.\n");
    line(
        "| | width | decode | resize | colour, turn | encode | whole | sharp, before encode | sharp, encode | sharp, whole |",
    );
    line("|---|---|---|---|---|---|---|---|---|---|");
    for (format, _) in FORMATS {
        for width in [640, 1080, 1920] {
            let pairs: Vec<_> = cases
                .iter()
                .filter(|case| case.width == width)
                .filter_map(|case| Some((case.ours(format, "fast")?, case.sharp(format)?)))
                .collect();
            if pairs.is_empty() {
                continue;
            }
            let mut cells: Vec<f64> =
                (0..4).map(|n| mean(pairs.iter().map(|(ours, _)| ours.stages[n]))).collect();
            cells.push(mean(pairs.iter().map(|(ours, _)| ours.cpu)));
            cells.push(mean(pairs.iter().map(|(_, sharp)| sharp.cpu - sharp.stages[3])));
            cells.push(mean(pairs.iter().map(|(_, sharp)| sharp.stages[3])));
            cells.push(mean(pairs.iter().map(|(_, sharp)| sharp.cpu)));
            let cells: Vec<String> = cells.iter().map(|ms| format!("{ms:.1}")).collect();
            line(&format!("| {format} | {width} | {} |", cells.join(" | ")));
        }
    }
    line("");
    page
}

fn bounds(cases: &[Case]) -> Vec<Bound> {
    let cpu = |format, profile| ratio(cases, format, profile, |side| side.cpu);
    let equal =
        |n: usize| geometric_mean(cases.iter().map(|c| c.equal[n].ours / c.equal[n].theirs));
    let most = |what, figure, bound, goal| Bound { what, figure, bound, goal, least: false };
    vec![
        most("WebP `fast`, whole CPU over sharp's WebP", cpu("webp", "fast"), 0.65, Some(0.5)),
        most("… encode stage alone", ratio(cases, "webp", "fast", |s| s.stages[3]), 0.45, None),
        Bound {
            what: "… mean SSIMULACRA2 less sharp's",
            figure: gain(cases, "webp", "fast"),
            bound: -0.3,
            goal: None,
            least: true,
        },
        most("… bytes over sharp's", ratio(cases, "webp", "fast", |s| s.bytes), 1.02, None),
        most("AVIF `fast`, whole CPU over sharp's AVIF", cpu("avif", "fast"), 0.22, Some(0.15)),
        most("… bytes over sharp's WebP at equal looks", equal(1), 0.93, Some(0.9)),
        most("AVIF `small`, bytes over sharp's AVIF at equal looks", equal(3), 1.0, None),
        most("… whole CPU over sharp's AVIF", cpu("avif", "small"), 5.0, None),
    ]
}

fn pairs<'a>(
    cases: &'a [Case],
    format: &'a str,
    profile: &'a str,
) -> impl Iterator<Item = (&'a Rendering, &'a Rendering)> + Clone {
    cases.iter().filter_map(move |case| Some((case.ours(format, profile)?, case.sharp(format)?)))
}

fn ratio(cases: &[Case], format: &str, profile: &str, figure: fn(&Rendering) -> f64) -> f64 {
    geometric_mean(pairs(cases, format, profile).map(|(ours, sharp)| figure(ours) / figure(sharp)))
}

fn gain(cases: &[Case], format: &str, profile: &str) -> f64 {
    mean(pairs(cases, format, profile).map(|(ours, sharp)| ours.score - sharp.score))
}

fn row(cases: &[Case], format: &str, profile: &str) -> String {
    let both = pairs(cases, format, profile);
    // sharp's stage is a difference, which comes out below zero where it is small: then there is no ratio.
    let encode = ratio(cases, format, profile, |side| side.stages[3]);
    let highest = |peaks: &mut dyn Iterator<Item = f64>| peaks.fold(0.0, f64::max);
    format!(
        "| {format} | `{profile}` | {:.3} | {} | {:.3} | {:+.2} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} |",
        ratio(cases, format, profile, |side| side.cpu),
        if encode.is_nan() { "–".into() } else { format!("{encode:.3}") },
        ratio(cases, format, profile, |side| side.bytes),
        gain(cases, format, profile),
        mean(both.clone().map(|(ours, _)| ours.score)),
        mean(both.clone().map(|(_, sharp)| sharp.score)),
        median(both.clone().map(|(ours, _)| ours.peak).collect()),
        median(both.clone().map(|(_, sharp)| sharp.peak).collect()),
        highest(&mut both.clone().map(|(ours, _)| ours.peak)),
        highest(&mut both.map(|(_, sharp)| sharp.peak)),
    )
}

/// Every rendition of both sides.
pub(crate) fn renditions_tsv(cases: &[Case]) -> String {
    let mut text = String::from(
        "picture\twidth\theight\tside\tformat\tprofile\tcpu_ms\tdecode_ms\tresize_ms\tcolour_ms\tencode_ms\tbytes\tssimulacra2\tpeak_mib\n",
    );
    for case in cases {
        for (side, renderings) in [("sharp", &case.sharp), ("cuttle", &case.ours)] {
            for r in renderings {
                let [decode, resize, colour, encode] = r.stages;
                let _ = writeln!(
                    text,
                    "{}\t{}\t{}\t{side}\t{}\t{}\t{:.2}\t{decode:.2}\t{resize:.2}\t{colour:.2}\t{encode:.2}\t{}\t{:.3}\t{:.1}",
                    case.name,
                    case.width,
                    case.height,
                    r.format,
                    r.profile,
                    r.cpu,
                    r.bytes,
                    r.score,
                    r.peak
                );
            }
        }
    }
    text
}

/// Bytes at equal SSIMULACRA2.
pub(crate) fn equal_tsv(cases: &[Case]) -> String {
    let mut text = String::from(
        "picture\twidth\tformat\tprofile\tagainst\tssimulacra2\tsharp_bytes\tcuttle_bytes\n",
    );
    for case in cases {
        for ((format, profile, against), equal) in EQUAL.into_iter().zip(&case.equal) {
            let _ = writeln!(
                text,
                "{}\t{}\t{format}\t{profile}\t{against}\t{:.3}\t{}\t{:.0}",
                case.name, case.width, equal.score, equal.theirs, equal.ours
            );
        }
    }
    text
}
