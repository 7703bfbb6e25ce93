// Messages in chunks, and reconnectors.
'use strict';

const assert = require('node:assert/strict');
const { afterEach, test } = require('node:test');
const { MessageChunkEvent, Reconnector, WsktError } = require('../index.js');
const { lib } = require('../lib/native.js');
const { OPTIONS, make, once, script, url } = require('./support.js');

const MANY = 'frame fin=0 text=Gr%C3%BC;ping x;frame opcode=cont text=%C3%9Fe;binn 400000;text;' +
  'close 1000;expect-close;half-close';
const GOING_AWAY = 'text a;close 1001;expect-close;half-close';
const QUICK = { delays: [1, 60000], maxTries: 2 };

// The loop stays. What is freed while the library waits is freed after that.
afterEach(async () => {
  const end = Date.now() + 30000;
  while (Number(lib.wskt_handle_count()) > 1) {
    assert.ok(Date.now() < end, `${lib.wskt_handle_count()} handles are left`);
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test('messages come in chunks, and no other way', async () => {
  const ws = make(script(MANY), [], { messageChunks: true });
  ws.binaryType = 'arraybuffer';
  const messages = [];
  let chunks = 0;
  let inside = false;
  ws.onmessage = () => assert.fail('a whole message');
  ws.onmessagechunk = (event) => {
    assert.ok(event instanceof MessageChunkEvent);
    assert.equal(event.first, !inside);
    inside = !event.last;
    chunks += 1;
    if (event.first) messages.push([]);
    messages.at(-1).push(event.data);
  };
  assert.equal((await once(ws, 'close')).code, 1000);
  assert.deepEqual([messages[0].join(''), messages[2].join('')], ['Grüße', '']);
  const big = Buffer.concat(messages[1].map((part) => Buffer.from(part)));
  assert.deepEqual(big, Buffer.from(Array.from({ length: 400000 }, (_, i) => i % 251)));
  assert.ok(messages[1].every((part) => part.byteLength <= 128 << 10));
  assert.ok(chunks > 5 && messages.length === 3);
  assert.throws(() => make(url('ws'), [], { messageChunks: 1 }), TypeError);
});

test('a new socket for each try', async () => {
  const reconnector = new Reconnector(script(GOING_AWAY), [], QUICK);
  const log = [];
  reconnector.addEventListener('attempt', ({ socket, number, delay, previous }) => {
    assert.ok(delay <= 2);
    log.push(number, previous?.code);
    socket.onmessage = (event) => log.push(event.data);
    socket.onclose = (event) => log.push(event.code);
  });
  const sockets = [];
  for await (const ws of reconnector) {
    sockets.push(ws);
    assert.equal(ws, reconnector.socket);
  }
  assert.deepEqual(
    log, [1, undefined, 'a', 1001, 2, 1001, 'a', 1001, 3, 1001, 'a', 1001]);
  assert.equal(new Set(sockets).size, 3);
  assert.deepEqual(sockets.map((ws) => ws.readyState), [3, 3, 3]);
  assert.ok(reconnector.isOver);
  assert.equal(await reconnector.connect(), null);
  reconnector.stop();
  reconnector.free();
});

test('the program ends it', async () => {
  const reconnector = new Reconnector(url('wss'), [], { ...OPTIONS, ...QUICK });
  for await (const ws of reconnector) {
    ws.send('hello');
    assert.equal((await once(ws, 'message')).data, 'hello');
    ws.close(1000, 'bye');
    assert.equal((await once(ws, 'close')).reason, 'bye');
  }
  assert.ok(reconnector.isOver);
});

test('no connection', async () => {
  const reconnector = new Reconnector(url('refused'), [], QUICK);
  await assert.rejects(async () => {
    for await (const ws of reconnector) assert.fail(ws);
  }, (error) => {
    assert.ok(error instanceof WsktError);
    assert.deepEqual([error.code, error.closeEvent.cause], ['WSKT_ERR_CONNECT_FAILED', 'connect']);
    return true;
  });
  await assert.rejects(reconnector.connect(), WsktError);
});

test('it can be stopped and freed at any time', async () => {
  const slow = new Reconnector(url('refused'), [], { delays: [60000, 60000] });
  slow.addEventListener('attempt', ({ number }) => { if (number === 2) slow.stop(); });
  await assert.rejects(slow.connect(), WsktError);
  const freed = new Reconnector(url('ws'), [], QUICK);
  const ws = await freed.connect();
  ws.onclose = () => assert.fail('an event');
  freed.free();
  assert.equal(ws.readyState, 3);
  ws.send('nobody gets it');
  await assert.rejects(freed.connect(), { code: 'WSKT_ERR_CLOSED' });
  const inside = new Reconnector(script(GOING_AWAY), [], QUICK);
  inside.addEventListener('attempt', ({ number }) => { if (number === 2) inside.free(); });
  await inside.connect();
  await assert.rejects(inside.connect(), { code: 'WSKT_ERR_CLOSED' });
});

test('what was not sent comes back', async () => {
  const reconnector = new Reconnector(script('rcvbuf 65536;stop-reading'), [], QUICK);
  const back = [];
  reconnector.addEventListener('unsent', ({ socket, data }) => {
    assert.equal(socket, reconnector.socket);
    back.push(Number(data.slice(0, 3)));
  });
  const ws = await reconnector.connect();
  for (let i = 0; i < 300; i++) ws.send(`${i}`.padStart(3, '0') + 'x'.repeat(40000));
  ws.abort();
  assert.equal(await reconnector.connect(), null);
  assert.ok(back.length > 0);
  assert.deepEqual(back, Array.from(back, (_, i) => 300 - back.length + i));
});

test('bad values are refused', () => {
  const code = (name) => ({ code: name });
  const made = (options) => new Reconnector(url('ws'), [], options);
  assert.throws(() => made({ delays: [0, 1] }), code('WSKT_ERR_INVALID_DELAYS'));
  assert.throws(() => made({ delays: [2, 1] }), code('WSKT_ERR_INVALID_DELAYS'));
  assert.throws(() => made({ delays: [1.5, 2] }), code('WSKT_ERR_INVALID_ARGUMENT'));
  assert.throws(() => made({ maxTries: -1 }), code('WSKT_ERR_INVALID_ARGUMENT'));
  for (const options of [{ delays: 1 }, { delays: ['1', 2] }, { maxTries: '1' }, { nonsense: 1 }]) {
    assert.throws(() => made(options), TypeError);
  }
  assert.throws(() => new Reconnector('ftp:'), { name: 'SyntaxError' });
  assert.throws(() => make(url('ws'), [], QUICK), TypeError);
});
