// ws, the WebSocket of Node.js programs, with bufferutil as its documentation
// advises. Arguments as in ../clients/bench.h; run.py gives NODE_PATH.
'use strict';

const WebSocket = require('ws');

const UNSUPPORTED = 3;
const WINDOW = 64;
const JSON_SIZE = 1024;
const [workload, url, countText, sizeText, kind] = process.argv.slice(2);
const count = Number(countText);
const size = Number(sizeText);
if (!['pingpong', 'pipeline', 'receive', 'send', 'deflate'].includes(workload)) {
  process.exit(UNSUPPORTED);
}

const binary = kind === 'binary';
const fill = { binary: (at) => (at * 7 + 13) % 256, text: (at) => 97 + (at % 26) }[kind];
const payload = fill
  ? Buffer.from(Uint8Array.from({ length: size }, (_, at) => fill(at)))
  : Buffer.from('ä€жz'.repeat(Math.floor(size / 8) + 1)).subarray(0, size);

/* bench_json of ../clients/bench.h */
function json(turn) {
  const id = (turn * 2654435761) % 1000000;
  const two = (n) => String(n).padStart(2, '0');
  let text = `{"type":"update","sequence":${turn},"items":[`;
  for (let i = 0; text.length + 110 < JSON_SIZE; i++) {
    text += `{"id":${id + i * 7919},"symbol":"WSKT-${i}","bid":${(id % 900) + 100}.` +
      `${two((i * 13) % 100)},"ask":${(id % 900) + 101}.${two((i * 17) % 100)},"open":true},`;
  }
  text += 'null],"pad":"';
  return `${text.padEnd(JSON_SIZE - 2, '.')}"}`;
}

const socket = new WebSocket(url, {
  perMessageDeflate: workload === 'deflate',
  maxPayload: 64 << 20,
  ca: process.env.BENCH_CA && require('fs').readFileSync(process.env.BENCH_CA),
});
let sent = 0;
let done = 0;
let expected;
let cpu;
let began;

function send() {
  if (workload === 'deflate') {
    expected = json(sent);
    socket.send(expected);
  } else {
    socket.send(payload, { binary });
  }
  sent += 1;
}

function end() {
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const used = process.cpuUsage(cpu);
  console.log(JSON.stringify({ seconds, cpu: (used.user + used.system) / 1e6, rss_kib: 0 }));
  socket.terminate();
}

function check(right) {
  if (!right) throw new Error('a wrong message');
}

socket.on('open', () => {
  if (workload === 'deflate' && socket.extensions !== 'permessage-deflate') {
    process.exit(UNSUPPORTED);
  }
  cpu = process.cpuUsage();
  began = process.hrtime.bigint();
  if (workload === 'receive') {
    socket.send('go', { binary: true });
    return;
  }
  const first = { pipeline: WINDOW, send: count }[workload] ?? 1;
  while (sent < first) send();
});

socket.on('message', (data) => {
  if (workload === 'send') {
    check(String(data) === `${count} ${count * size} 0`);
    end();
    return;
  }
  if (workload === 'deflate') {
    check(data.toString() === expected);
  } else {
    check(data.length === size && data[0] === payload[0] && data[size - 1] === payload[size - 1]);
  }
  done += 1;
  if (done === count) {
    end();
  } else if (workload !== 'receive' && sent < count) {
    send();
  }
});
