// What the package promises: which binary runs, how it ends, and the URLs of the loader.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import loader, * as esm from '../loader.mjs';

const cjs = createRequire(import.meta.url)('../loader.cjs');
const bin = fileURLToPath(new URL('../bin/cuttle.cjs', import.meta.url));
const run = (args, env) => spawnSync(process.execPath, [bin, ...args], { env, encoding: 'utf8' });

test('the named binary runs, and its exit code comes through', () => {
  assert.equal(run(['-c', 'exit 7'], { CUTTLE_BINARY: '/bin/sh' }).status, 7);
});

test('a signal reaches the binary, and its end by a signal comes through', async () => {
  const script = 'trap "exit 9" TERM; echo up; while :; do sleep 0.05; done';
  const child = spawn(process.execPath, [bin, '-c', script], { env: { ...process.env, CUTTLE_BINARY: '/bin/sh' } });
  child.stdout.once('data', () => child.kill('SIGTERM'));
  assert.equal(await new Promise((done) => child.on('exit', done)), 9);
  assert.equal(run(['-c', 'kill -KILL $$'], { CUTTLE_BINARY: '/bin/sh' }).signal, 'SIGKILL');
});

test('in PATH only a binary counts, and none below node_modules/.bin', () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'cuttle-npm-'));
  const [script, linked, real] = ['script', 'node_modules/.bin', 'real'].map((name) => path.join(root, name));
  for (const folder of [script, linked, real]) fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(script, 'cuttle'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  fs.copyFileSync('/bin/false', path.join(linked, 'cuttle'));
  const none = run([], { PATH: `${script}:${linked}` });
  assert.equal(none.status, 127);
  assert.match(none.stderr, /^cuttle: There is no Cuttle binary here; [^\n]*\n$/);
  fs.copyFileSync('/bin/true', path.join(real, 'cuttle'));
  assert.equal(run([], { PATH: `${script}:${linked}:${real}` }).status, 0);
  fs.rmSync(root, { recursive: true });
});

test('a binary that is this script again ends after one round', () => {
  const end = run([], { CUTTLE_BINARY: bin, PATH: process.env.PATH });
  assert.equal(end.status, 127);
  assert.match(end.stderr, /leads back/);
});

test('both kinds of module give the same URLs, and none throws', () => {
  for (const [src, quality, url] of [
    ['/a b.png?v=1&x', undefined, '/_cuttle/image?src=%2Fa%20b.png%3Fv%3D1%26x&w=640'],
    ['https://h.example/ü.jpg', 60, '/_cuttle/image?src=https%3A%2F%2Fh.example%2F%C3%BC.jpg&w=640&q=60'],
    ['/\ud800.png', undefined, '/_cuttle/image?src=%2F%EF%BF%BD.png&w=640'],
    [undefined, undefined, '/_cuttle/image?src=&w=640'],
  ]) {
    assert.equal(loader({ src, width: 640, quality }), url);
    assert.equal(cjs({ src, width: 640, quality }), url);
  }
  const set = { src: '/a.png', widths: [16, 32] };
  assert.equal(esm.imageSrcSet(set), '/_cuttle/image?src=%2Fa.png&w=16 16w, /_cuttle/image?src=%2Fa.png&w=32 32w');
  assert.equal(cjs.imageSrcSet(set), esm.imageSrcSet(set));
});
