#!/usr/bin/env node
// Starts the Cuttle binary: named by CUTTLE_BINARY, of the platform package, or in PATH.
// Downloads nothing, and never starts a script in its place: that could be this file again.
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { name } = require('../package.json');

const PLATFORMS = { 'linux x64': 'linux-x64', 'linux arm64': 'linux-arm64' };
const ROUND = 'NPM_CUTTLE_ROUND';

function isElf(file) {
  let fd;
  try {
    if (!fs.statSync(file).isFile()) return false;
    fs.accessSync(file, fs.constants.X_OK);
    fd = fs.openSync(file, 'r');
    const head = Buffer.alloc(4);
    fs.readSync(fd, head, 0, 4, 0);
    return head.equals(Buffer.from('\x7fELF', 'latin1'));
  } catch {
    return false;
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

function find() {
  if (process.env.CUTTLE_BINARY) return process.env.CUTTLE_BINARY;
  const platform = PLATFORMS[`${process.platform} ${process.arch}`];
  if (platform) {
    try {
      return require.resolve(`${name}-${platform}/cuttle`);
    } catch {
      // Not installed: it is optional.
    }
  }
  return (process.env.PATH || '')
    .split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder) && !/node_modules[/\\]\.bin[/\\]?$/.test(folder))
    .map((folder) => path.join(folder, 'cuttle'))
    .find(isElf);
}

function fail(sentence) {
  console.error(`cuttle: ${sentence}`);
  process.exit(127);
}

if (process.env[ROUND]) fail('CUTTLE_BINARY leads back to this script; set it to the Cuttle binary.');
const binary = find();
if (!binary) fail('There is no Cuttle binary here; set CUTTLE_BINARY to one, or put it in PATH.');

const child = spawn(binary, process.argv.slice(2), {
  stdio: 'inherit',
  env: { ...process.env, [ROUND]: '1' },
});
const forward = (signal) => {
  // A terminal sends Ctrl-C to the child as well; twice would mean "at once".
  if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
};
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
for (const signal of SIGNALS) process.on(signal, forward);
child.on('error', (error) => fail(`${binary} does not start: ${error.message}`));
child.on('exit', (code, signal) => {
  if (!signal) process.exit(code);
  for (const each of SIGNALS) process.removeListener(each, forward);
  process.kill(process.pid, signal);
});
