//! Our entropy decoding against libjpeg's, and scales together against scales alone.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::{Outcome, Reader, Task, decode, progressive, whole};
use crate::codec::jpeg::encode;
use crate::geometry::{DctScale, Framing};
use crate::ink::{Inks, Zero};
use crate::picture::{Channels, Picture};
use crate::progressive::Script;
use crate::sink::Sink;
use crate::{Fit, Profile, Size};

/// Sides that end within an MCU, and more rows of them than one.
const SIZE: Size = Size { width: 203, height: 149 };

const SCALES: [DctScale; 8] = [
    DctScale { eighths: 1 },
    DctScale { eighths: 2 },
    DctScale { eighths: 3 },
    DctScale { eighths: 4 },
    DctScale { eighths: 5 },
    DctScale { eighths: 6 },
    DctScale { eighths: 7 },
    DctScale { eighths: 8 },
];

/// Slopes, edges and noise, so that there are runs of every length.
fn samples(channels: usize) -> Vec<u8> {
    let mut noise = 1u32;
    let sample = |(at, channel): (usize, usize)| {
        let (x, y) = (at % SIZE.width as usize, at / SIZE.width as usize);
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let rough = if x > 120 && y > 60 { (noise >> 26) as usize } else { 0 };
        let edge = if (x / 37 + y / 23 + channel) % 3 == 0 { 90 } else { 0 };
        ((x + 2 * y) / 5 + rough + edge) as u8
    };
    let pixels = 0..SIZE.pixels() as usize;
    pixels.flat_map(|at| (0..channels).map(move |channel| (at, channel))).map(sample).collect()
}

fn encoded(
    colour: ColorType,
    sampling: SamplingFactor,
    progressive: bool,
    restart: u16,
) -> Vec<u8> {
    let channels = if colour == ColorType::Luma { 1 } else { 3 };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 90);
    encoder.set_progressive(progressive);
    encoder.set_sampling_factor(sampling);
    encoder.set_restart_interval(restart);
    let [width, height] = [SIZE.width, SIZE.height].map(|side| side as u16);
    encoder.encode(&samples(channels), width, height, colour).unwrap();
    bytes
}

/// Successive approximation, by the encoder that most of such files come from.
fn refined(channels: Channels, quality: u8, profile: Profile) -> Vec<u8> {
    let picture = Picture { size: SIZE, channels, samples: samples(channels.count()) };
    encode(&picture, quality, profile).unwrap()
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    use SamplingFactor::{F_1_1, F_2_1, F_2_2};
    vec![
        ("bands", encoded(ColorType::Rgb, F_1_1, true, 0)),
        ("bands, 4:2:0", encoded(ColorType::Rgb, F_2_2, true, 0)),
        ("bands, 4:2:2, restarts", encoded(ColorType::Rgb, F_2_1, true, 5)),
        ("bands, grey", encoded(ColorType::Luma, F_1_1, true, 0)),
        ("refined, 4:4:4", refined(Channels::Rgb, 97, Profile::Fast)),
        ("refined, 4:2:0", refined(Channels::Rgb, 85, Profile::Fast)),
        ("refined, chosen scans", refined(Channels::Rgb, 95, Profile::Balanced)),
        ("refined, grey", refined(Channels::Grey, 92, Profile::Fast)),
    ]
}

fn inks() -> Inks {
    Inks::new(Zero::AllInk, None)
}

fn task<'a>(source: &'a [u8], inks: &'a Inks) -> Task<'a> {
    Task { source, stored: SIZE, scan_limit: 100, inks }
}

/// Every row, as it comes.
fn taker(scale: DctScale) -> (DctScale, Sink<'static>) {
    let size = scale.apply(SIZE);
    let framing = Framing { region: size, target: size, rounded: None };
    (scale, Sink::new(size, [(framing, Fit::Width)].into_iter(), &|_| {}))
}

fn decoded(source: &[u8], scales: &[DctScale]) -> Vec<Outcome> {
    decode(task(source, &inks()), scales.iter().map(|scale| taker(*scale)).collect())
}

fn samples_of(outcome: &Outcome) -> &[u8] {
    &outcome.as_ref().unwrap()[0].samples
}

#[test]
fn coefficients_are_those_of_libjpeg() {
    for (name, source) in files() {
        let script = Script::read(&source, 100).expect(name);
        let reader = Reader::open(&script, SCALES.into_iter()).expect(name);
        let inks = inks();
        let task = Task { source: &script.sequential, ..task(&source, &inks) };
        let ours = progressive(task, reader, SCALES.map(taker).into());
        for (ours, scale) in ours.iter().zip(SCALES).filter(|(_, scale)| scale.eighths > 4) {
            let theirs = whole(Task { source: &source, ..task }, taker(scale));
            assert!(samples_of(ours) == samples_of(&theirs), "{name}, {scale:?}");
        }
    }
}

#[test]
fn a_scale_is_the_same_whichever_others_are_asked_for() {
    use SamplingFactor::{F_1_1, F_2_1, F_2_2};
    let mut files = files();
    for (name, sampling) in [("4:4:4", F_1_1), ("4:2:2", F_2_1), ("4:2:0", F_2_2)] {
        files.push((name, encoded(ColorType::Rgb, sampling, false, 0)));
        files.push((name, encoded(ColorType::Rgb, sampling, false, 7)));
    }
    files.push(("grey", encoded(ColorType::Luma, F_1_1, false, 0)));
    for (name, source) in files {
        for upwards in [true, false] {
            let mut scales = SCALES;
            if !upwards {
                scales.reverse();
            }
            for (together, scale) in decoded(&source, &scales).iter().zip(scales) {
                let alone = &decoded(&source, &[scale])[0];
                assert!(samples_of(together) == samples_of(alone), "{name}, {scale:?}");
            }
        }
    }
}

#[test]
fn broken_data_is_refused_alone_as_together() {
    for (name, source) in files() {
        let data = source.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap() + 16;
        let mut refused = 0;
        for at in (data..source.len() - 2).step_by(source.len() / 40) {
            let mut broken = source.clone();
            broken[at] ^= 0x5a;
            for (together, scale) in decoded(&broken, &SCALES).iter().zip(SCALES) {
                let alone = &decoded(&broken, &[scale])[0];
                let [first, second] =
                    [together, alone].map(|it| it.as_ref().map(|pictures| &pictures[0].samples));
                assert!(first == second, "{name}, byte {at}, {scale:?}");
                refused += usize::from(alone.is_err());
            }
        }
        assert!(refused > 0, "{name}");
    }
}
