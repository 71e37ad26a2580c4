// sharp, one picture at a time: for the bench with the options that Next passes to it, and for the matrix
// as an oracle.
//
// A request is a line of JSON and `bytes` bytes after it; an answer is the same. CPU is that of this whole
// process, libvips's threads included, around the call alone. oracles/src/pipe.rs is the other end.
import sharp from 'sharp';
import { requests } from './requests.mjs';

sharp.concurrency(1);
sharp.cache(false);

const encoders = {
  avif: (picture, quality) => picture.avif({ quality: Math.max(Math.round((quality * 50) / 80), 1), effort: 3, chromaSubsampling: '4:4:4' }),
  webp: (picture, quality) => picture.webp({ quality, effort: 4 }),
  jpeg: (picture, quality) => picture.jpeg({ quality, mozjpeg: true }),
  raw: (picture) => picture.raw(),
};

let source;

const operations = {
  // The picture that the next requests are about.
  load(_, payload) {
    source = payload;
    return {};
  },
  // What Next does: turn, shrink, encode.
  render({ width, format, quality }) {
    const picture = sharp(source, { sequentialRead: true }).rotate().resize(width, undefined, { withoutEnlargement: true });
    return timed(encoders[format](picture, quality));
  },
  // What every rendition is compared with: a decode at full size, then Lanczos3, lossless.
  reference({ width }) {
    const picture = sharp(source).rotate().resize(width, undefined, { withoutEnlargement: true, kernel: 'lanczos3', fastShrinkOnLoad: false });
    return timed(picture.toColourspace('srgb').removeAlpha().raw());
  },
  // A picture as a viewer shows it: decoded whole, then, if a size is asked for, Lanczos3 to that width and the height that
  // follows from it, or, where that is another than asked for, to exactly this size.
  async rgba({ size }, payload) {
    const shown = (picture) => timed(picture.toColourspace('srgb').ensureAlpha().raw());
    const upright = () => sharp(payload).rotate();
    if (!size) return shown(upright());
    const options = { kernel: 'lanczos3', fastShrinkOnLoad: false };
    const natural = await shown(upright().resize(size[0], undefined, options));
    if (natural.height === size[1]) return natural;
    return shown(upright().resize(size[0], size[1], { ...options, fit: 'fill' }));
  },
  // The samples of a rendition, whoever made it.
  pixels(_, payload) {
    return timed(sharp(payload).toColourspace('srgb').removeAlpha().raw());
  },
};

async function timed(picture) {
  const before = process.cpuUsage();
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  const { user, system } = process.cpuUsage(before);
  return { data, width: info.width, height: info.height, cpu: (user + system) / 1000 };
}

for await (const [header, payload] of requests()) {
  let answer;
  try {
    answer = await operations[header.op](header, payload);
  } catch (error) {
    answer = { error: String(error) };
  }
  const { data = Buffer.alloc(0), ...rest } = answer;
  process.stdout.write(`${JSON.stringify({ ...rest, bytes: data.length })}\n`);
  process.stdout.write(data);
}
