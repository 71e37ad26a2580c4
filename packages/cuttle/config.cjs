// withCuttle: a Next configuration whose images are made by Cuttle.
// Adds what is not set; what it would have to replace is an error, never a silent change.
'use strict';
const path = require('node:path');

const same = (a, b) => a.length === b.length && a.every((each, at) => each === b[at]);

function merge(config, options) {
  const dir = options.dir || process.cwd();
  const images = { ...config.images };
  const refuse = (what, remedy) => {
    throw new Error(`withCuttle: ${what} is set in your Next configuration; ${remedy}.`);
  };
  const loaderFile = `./${path.relative(dir, path.join(__dirname, 'loader.mjs'))}`;
  if (images.loader && images.loader !== 'default' && images.loader !== 'custom') {
    refuse(`images.loader "${images.loader}"`, 'take it out, or leave out withCuttle');
  }
  if (images.loaderFile && path.resolve(dir, images.loaderFile) !== path.resolve(dir, loaderFile)) {
    refuse('images.loaderFile', 'take it out, or call imageUrl of cuttle-next/loader in that file and leave out withCuttle');
  }
  if (images.path && !images.path.endsWith('/_next/image')) refuse('images.path', 'take it out');
  if (images.unoptimized) refuse('images.unoptimized', 'take it out');
  if (config.output === 'export') refuse('output "export"', 'Cuttle needs an app that runs, so choose "standalone"');
  for (const key of ['deviceSizes', 'imageSizes']) {
    if (!options[key]) continue;
    if (images[key] && !same(images[key], options[key])) refuse(`images.${key}`, 'say it there or to withCuttle, not both');
    images[key] = options[key];
  }
  const merged = { ...config, images: { ...images, loader: 'custom', loaderFile } };
  if (merged.output === undefined) merged.output = 'standalone';
  if (options.allowedDevOrigins && options.allowedDevOrigins.length) {
    merged.allowedDevOrigins = [...new Set([...(config.allowedDevOrigins || []), ...options.allowedDevOrigins])];
  }
  return merged;
}

function withCuttle(config = {}, options = {}) {
  if (typeof config !== 'function') return merge(config, options);
  return (...given) => {
    const made = config(...given);
    return made && typeof made.then === 'function'
      ? made.then((each) => merge(each || {}, options))
      : merge(made || {}, options);
  };
}

module.exports = { withCuttle };
