// What the process and its threads do while the library waits.
'use strict';

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { url } = require('./support.js');

const INDEX = path.join(__dirname, '..', 'index.js');
const CODE = `
  const { WebSocket } = require(${JSON.stringify(INDEX)});
  const ws = new WebSocket(${JSON.stringify(url('ws'))});
  ws.onclose = (end) => console.log(end.code);
`;

/** Runs a program to its end. */
function program(code) {
  const done = spawnSync(process.execPath, ['-e', CODE + code], { encoding: 'utf8', timeout: 30000 });
  return [done.status, done.stdout.trim(), done.error];
}

test('an open socket keeps the process, a closed one does not', () => {
  assert.deepEqual(program('ws.onopen = () => ws.close(1000);'), [0, '1000', undefined]);
});

test('process.exit does not wait for the peer', () => {
  assert.deepEqual(program('ws.onopen = () => process.exit(7);'), [7, '', undefined]);
});

test('a handler that throws is an uncaught exception', () => {
  const [status, out] = program("ws.onopen = () => { throw new Error('mine'); };");
  assert.deepEqual([status, out], [1, '']);
});

test('a worker has its own loop, and can be terminated', async () => {
  const worker = new Worker(
    `${CODE} ws.onopen = () => require('worker_threads').parentPort.postMessage('open');`,
    { eval: true });
  await new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  assert.equal(await worker.terminate(), 1);
});
