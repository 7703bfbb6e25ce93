'use strict';

const { WebSocket } = require('../index.js');

const MESSAGES = [
  'Grüße, 世界 \u{1f30d}', Buffer.from([0, 1, 255]), '', Buffer.alloc(0), 'a\0b',
  Buffer.alloc(76800, 'xyz'),
];
const OPTIONS = { caFile: process.env.WSKT_CA };
let ids = 0;

function url(port, path = '/echo') {
  const scheme = port.startsWith('wss') ? 'wss' : 'ws';
  return `${scheme}://localhost:${process.env[`WSKT_PORT_${port.toUpperCase()}`]}${path}`;
}

/** The URL that makes the server run a script. */
function script(text, port = 'ws') {
  return url(port, `/s/${encodeURIComponent(text)}?id=node${process.pid}-${ids++}`);
}

/** Lets the script that waits for `name` go on. */
async function signal(name) {
  await (await fetch(`http://127.0.0.1:${process.env.WSKT_PORT_WS}/signal/${name}`)).text();
}

/** What the server saw on the connection of a script. */
async function report(address) {
  const name = new URL(address).searchParams.get('id');
  const port = process.env.WSKT_PORT_WS;
  return (await fetch(`http://127.0.0.1:${port}/report/${name}?wait=20`)).text();
}

function make(address, protocols = [], options = OPTIONS) {
  return new WebSocket(address, protocols, options);
}

/** The next event of a type. */
function once(ws, type) {
  return new Promise((resolve) => ws.addEventListener(type, resolve, { once: true }));
}

/** All events until the close event. */
async function events(ws) {
  const log = [];
  for (const type of ['open', 'message', 'error', 'close']) {
    ws.addEventListener(type, (event) => log.push(event));
  }
  await once(ws, 'close');
  return log;
}

module.exports = { MESSAGES, OPTIONS, events, make, once, report, script, signal, url };
