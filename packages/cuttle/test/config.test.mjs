// What withCuttle adds, what it leaves, and what it refuses.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withCuttle } from '../config.mjs';

const cjs = createRequire(import.meta.url)('../config.cjs');
const dir = fileURLToPath(new URL('.', import.meta.url));
const options = { dir };
const loaderFile = './../loader.mjs';

test('it adds what is not set and keeps the rest', () => {
  const user = { distDir: 'out', output: undefined, images: { qualities: [50] } };
  const merged = withCuttle(user, { ...options, imageSizes: [16] });
  assert.deepEqual(merged, {
    distDir: 'out',
    output: 'standalone',
    images: { qualities: [50], imageSizes: [16], loader: 'custom', loaderFile },
  });
  assert.deepEqual(user.images, { qualities: [50] });
  assert.equal(path.join(dir, loaderFile), path.join(dir, '../loader.mjs'));
  assert.deepEqual(withCuttle(merged, options), merged);
  assert.deepEqual(cjs.withCuttle(user, options).images.loader, 'custom');
});

test('functions stay functions, and get what Next gives', async () => {
  assert.equal(withCuttle((phase) => ({ distDir: phase }), options)('a').distDir, 'a');
  const later = withCuttle(async (phase) => ({ distDir: phase }), options)('b');
  assert.equal((await later).distDir, 'b');
  assert.equal((await later).images.loaderFile, loaderFile);
});

test('hosts are added only where they are given', () => {
  assert.equal('allowedDevOrigins' in withCuttle({}, options), false);
  const merged = withCuttle({ allowedDevOrigins: ['a'] }, { ...options, allowedDevOrigins: ['a', 'b'] });
  assert.deepEqual(merged.allowedDevOrigins, ['a', 'b']);
});

test('what would be replaced is refused by name', () => {
  for (const [config, more, name] of [
    [{ images: { loader: 'imgix' } }, {}, /images\.loader "imgix"/],
    [{ images: { loaderFile: './mine.js' } }, {}, /images\.loaderFile/],
    [{ images: { path: 'https://cdn.example/' } }, {}, /images\.path/],
    [{ images: { unoptimized: true } }, {}, /images\.unoptimized/],
    [{ output: 'export' }, {}, /output "export"/],
    [{ images: { deviceSizes: [1] } }, { deviceSizes: [2] }, /images\.deviceSizes/],
  ]) assert.throws(() => withCuttle(config, { ...options, ...more }), name);
});
