// What the page says and which URLs it names. Pure: nothing here touches the document or the network.

const UNITS = ["kB", "MB", "GB", "TB"];

/** `4.2 MB`, as `size` in page.rs writes it. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit + 1 < UNITS.length) {
    value /= 1000;
    unit += 1;
  }
  return `${value.toFixed(value < 99.95 ? 1 : 0)} ${UNITS[unit]}`;
}

/** The honest verdict on `served` bytes in place of `original` ones: rounded down, never flattering. */
export function saving(original, served) {
  const better = served < original;
  const percent = (100 * Math.abs(original - served)) / Math.max(original, 1);
  const shown = percent > 99 && better ? Math.floor(percent * 10) / 10 : Math.floor(percent);
  return { better, amount: shown < 1 && served !== original ? "< 1 %" : `${shown} %`, verb: served > original ? "larger" : "saved" };
}

export function duration(milliseconds) {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return milliseconds < 1 ? "< 1 ms" : `${Math.round(milliseconds)} ms`;
}

const FORMATS = new Map([
  ["image/avif", "AVIF"],
  ["image/webp", "WebP"],
  ["image/jpeg", "JPEG"],
  ["image/png", "PNG"],
  ["image/gif", "GIF"],
  ["image/x-icon", "ICO"],
]);

export function formatName(type) {
  return FORMATS.get(type) ?? type.replace("image/", "").toUpperCase();
}

// SECURITY: encodeURIComponent leaves ' ( ) ! * alone, and people paste these URLs into a shell between single
// quotes: a file name must not be able to end them.
function queryValue(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The strict endpoint's path and query; `quality` only when it is not the default one. */
export function strictUrl(prefix, href, { format, width, quality, defaultQuality }) {
  const named = format === "avif" || format === "webp";
  return `${prefix}/image?src=${queryValue(href)}&w=${width}${quality === defaultQuality ? "" : `&q=${quality}`}${named ? `&f=${format}` : ""}`;
}

/** The drop-in endpoint's path and query. Its format is the `Accept` header's business alone. */
export function nextUrl(href, { width, quality }) {
  return `/_next/image?url=${queryValue(href)}&w=${width}&q=${quality}`;
}
