// Echo servers of npm's ws and faye-websocket, each way of compressing on a port
// of its own. Prints `NAME PORT` lines, then `ready`; ends with standard input.
import { createRequire } from 'node:module';
import http from 'node:http';

const require = createRequire(process.argv[2] + '/');
const { WebSocketServer } = require('ws');
const Faye = require('faye-websocket');
const deflate = require('permessage-deflate');

const LIMIT = 64 << 20;

function listen(name, attach) {
  return new Promise((done) => {
    const server = http.createServer();
    attach(server);
    server.listen(0, '127.0.0.1', () => {
      console.log(`${name} ${server.address().port}`);
      done();
    });
  });
}

function ws(name, perMessageDeflate) {
  return listen(name, (server) => {
    const sockets = new WebSocketServer({ server, perMessageDeflate, maxPayload: LIMIT });
    sockets.on('connection', (socket) => {
      socket.on('message', (data, binary) => socket.send(data, { binary }));
    });
  });
}

function faye(name, options) {
  return listen(name, (server) => {
    server.on('upgrade', (request, socket, body) => {
      const extensions = options ? [deflate.configure(options)] : [];
      const peer = new Faye(request, socket, body, [], { extensions, maxLength: LIMIT });
      peer.on('message', (event) => peer.send(event.data));
    });
  });
}

await ws('ws-off', false);
await ws('ws', { threshold: 0 });
await ws('ws-threshold', { threshold: 1024, serverNoContextTakeover: true });
await ws('ws-fresh', { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true });
await ws('ws-small', { threshold: 0, serverMaxWindowBits: 9, clientMaxWindowBits: 10 });
await ws('ws-tiny', { threshold: 0, serverMaxWindowBits: 10, clientMaxWindowBits: 8 });
await faye('faye-off', null);
await faye('faye', {});
await faye('faye-fresh', { noContextTakeover: true, requestNoContextTakeover: true });
await faye('faye-small', { maxWindowBits: 9, requestMaxWindowBits: 10 });
console.log('ready');
process.stdin.on('end', () => process.exit(0)).resume();
